// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The world of the tests, and what must always hold in it. The checks read
 * the units' own tables and IOTLBs and the memory's own pin counts, and compare
 * them with what the engine says it does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/world.h"

const struct mf_model_config world_plain = {
	.format = &mf_format_simple,
	.kind = 1,
	.pgsizes = PAGE | 2 * MIB | GIB,
	.aperture = { 0, (1ull << 48) - 1 },
	.enforces = true,
};

/* Page tables of all units together; takes space only when used. */
#define POOL_PAGES 0x10000

static bool fallible(enum mf_call_type type)
{
	switch (type) {
	case MF_CALL_ALLOC:
	case MF_CALL_PIN:
	case MF_CALL_BILL:
	case MF_CALL_COPY:
	case MF_CALL_GROUP_REGIONS:
	case MF_CALL_DOMAIN_ALLOC:
	case MF_CALL_DOMAIN_ATTACH:
	case MF_CALL_DOMAIN_MSI:
	case MF_CALL_DOMAIN_MAP:
	case MF_CALL_DOMAIN_SYNC:
	case MF_CALL_DOMAIN_UNMAP:
		return true;
	default:
		return false;
	}
}

static int world_hook(void *context, const struct mf_call *call)
{
	struct world *w = context;

	if (call->type == MF_CALL_ALLOC && w->no_alloc)
		w->bad_allocs++;
	if (fallible(call->type)) {
		w->fallible++;
		if (w->fail_at && (w->fallible == w->fail_at ||
				   (w->fail_on && w->fallible > w->fail_at))) {
			w->failed++;
			w->failed_type = call->type;
			return w->fail_err;
		}
	}
	return w->watch ? w->watch(w->watch_context, call) : 0;
}

static void world_event(void *context, void *cookie, const struct mf_event *event)
{
	struct world *w = context;

	(void)cookie;
	w->events[event->type]++;
	w->last[event->type] = *event;
	w->last[event->type].refusal = NULL;
}

/**
 * world_init() - RAM of @pages pages for each of two owners, no unit, no container
 *
 * With WORLD_BILLS=by-mapping in the environment the container will bill so.
 */
void world_init(struct world *w, u64 pages, enum mf_ram_layout layout)
{
	u64 rounded = (pages + MF_RAM_CLUSTER - 1) / MF_RAM_CLUSTER * MF_RAM_CLUSTER;
	const char *bills = getenv("WORLD_BILLS");
	u32 i;

	memset(w, 0, sizeof(*w));
	w->by_mapping = bills && !strcmp(bills, "by-mapping");
	mf_user_host_init(&w->host);
	w->host.hook = world_hook;
	w->host.hook_context = w;
	w->host.event = world_event;
	w->host.event_context = w;
	w->host.alloc_limit = 16 * MIB;
	w->ram_pages = WORLD_OWNERS * rounded;
	w->ram = mf_ram_new(&w->host, w->ram_pages);
	w->pool = mf_pool_new(&w->host, POOL_PAGES);
	if (!w->ram || !w->pool)
		abort();
	for (i = 0; i < WORLD_OWNERS; i++) {
		w->owner[i] = mf_ram_owner_new(w->ram, VADDR, pages, layout, i + 1);
		if (!w->owner[i])
			abort();
	}
}

/**
 * world_end() - release the container, if there is one, and free all
 *
 * Return: NULL, or what the engine left behind.
 */
const char *world_end(struct world *w)
{
	const char *wrong = NULL;
	struct mf_user_live live;
	u32 i;

	if (w->c) {
		w->no_alloc = true;
		mf_release(w->c);
		w->c = NULL;
	}
	live = mf_user_host_live(&w->host);
	if (live.allocations || live.pins || live.billed || live.owners || live.domains ||
	    live.attached)
		wrong = "something is left after release";
	else if (w->bad_allocs)
		wrong = "teardown allocated";
	else if (mf_pool_used(w->pool))
		wrong = "page tables are left after release";
	else
		wrong = world_check(w);

	for (i = 0; i < WORLD_OWNERS; i++)
		mf_ram_owner_free(w->owner[i]);
	mf_pool_free(w->pool);
	mf_ram_free(w->ram);
	mf_user_host_fini(&w->host);
	return wrong;
}

void world_open(struct world *w, enum mf_rules rules, u32 limit)
{
	struct mf_config config = {
		.rules = rules, .mapping_limit = limit, .bill_once = !w->by_mapping, .cookie = w,
	};

	if (mf_open(&w->host.host, &config, &w->c))
		abort();
}

struct mf_model *world_unit(struct world *w, const struct mf_model_config *config)
{
	struct mf_model *unit = &w->units[w->nr_units++];

	if (mf_model_init(unit, &w->host, w->pool, config))
		abort();
	return unit;
}

struct mf_host_group *world_group(struct world *w, struct mf_model *unit)
{
	struct mf_host_group *group = &w->groups[w->nr_groups];

	*group = (struct mf_host_group){
		.unit = &unit->unit, .id = 10 + w->nr_groups, .isolated = true };
	w->devices[w->nr_groups++] = (struct mf_device){ .group = group };
	return group;
}

struct mf_device *world_device(struct world *w, const struct mf_host_group *group)
{
	return &w->devices[group - w->groups];
}

/**
 * world_fail() - let the @nth fallible call from now on fail, and those after it
 */
void world_fail(struct world *w, u64 nth, bool on, int err)
{
	w->fail_at = nth;
	w->fail_on = on;
	w->fail_err = err;
	w->fallible = 0;
	w->failed = 0;
}

struct mf_host_group *world_ready(struct world *w)
{
	struct mf_host_group *group;

	world_init(w, 1024, MF_RAM_CONTIGUOUS);
	world_open(w, MF_TYPE1V2, 100);
	group = world_group(w, world_unit(w, &world_plain));
	assert_int_equal(mf_attach(w->c, group, 0, NULL), 0);
	return group;
}

/* Is every page that a translation leads to pinned? */
static void check_translation(void *context, struct mf_host_domain *domain,
			      const struct mf_translation *t, bool cached)
{
	struct mf_user_host *host = domain->unit->host;
	const char **wrong = context;
	u64 i;

	for (i = 0; i < mf_span_pages(t->span); i++) {
		if (!mf_memory_pinned(host, t->pfn + i))
			*wrong = cached ? "an IOTLB translates to a page that is not pinned"
					: "a domain translates to a page that is not pinned";
	}
}

/* The domains that groups are attached to, each once. */
static u32 find_domains(struct world *w, struct mf_host_domain **domains)
{
	u32 i, j, n = 0;

	for (i = 0; i < w->nr_groups; i++) {
		struct mf_host_domain *domain = w->groups[i].domain;

		for (j = 0; j < n && domains[j] != domain; j++)
			;
		if (domain && j == n)
			domains[n++] = domain;
	}
	return n;
}

/**
 * world_check_pins() - invariant 1: what any unit can translate to is pinned
 */
const char *world_check_pins(struct world *w)
{
	struct mf_host_domain *domains[WORLD_GROUPS];
	const char *wrong = NULL;
	u32 i, n;

	mf_mutex_lock(&w->host.units_lock);
	for (i = 0; i < w->nr_units; i++)
		w->units[i].unit.ops->for_each_cached(&w->units[i].unit, check_translation,
						      &wrong);
	n = find_domains(w, domains);
	for (i = 0; i < n; i++)
		domains[i]->unit->ops->for_each_mapped(domains[i], check_translation, &wrong);
	mf_mutex_unlock(&w->host.units_lock);

	for (i = 0; !wrong && i < w->nr_groups; i++) {
		if (w->devices[i].unpinned)
			wrong = "DMA went to a page that is not pinned";
	}
	return wrong;
}

struct tally {
	struct world *w;
	struct mf_container *c;
	u64 pages;
	const char *wrong;
};

/* Is a translation part of a live mapping, and does it lead to the right pages? */
static void check_mapped(void *context, struct mf_host_domain *domain,
			 const struct mf_translation *t, bool cached)
{
	struct tally *tally = context;
	struct mf_mapping_info m;
	u64 i, vaddr;

	(void)cached;
	if (!mf_next_mapping(tally->c, t->span.first, &m) || m.span.first > t->span.first ||
	    m.span.last < t->span.last || m.state != MF_MAPPING_LIVE) {
		tally->wrong = "a domain maps what is in no mapping";
		return;
	}
	if (mf_format_rights(mf_model_table(domain)->config->format, m.prot) != t->prot)
		tally->wrong = "a domain maps with other rights than the mapping has";
	vaddr = m.vaddr + (t->span.first - m.span.first);
	for (i = 0; i < mf_span_pages(t->span); i++) {
		const struct mf_ram_owner *o =
			(const struct mf_ram_owner *)((const char *)m.owner -
				offsetof(struct mf_ram_owner, owner));

		if (mf_ram_owner_pfn(o, vaddr + i * PAGE) != t->pfn + i)
			tally->wrong = "a domain maps another page than the mapping has";
	}
	tally->pages += mf_span_pages(t->span);
}

static u64 count_pages(struct mf_container *c)
{
	struct mf_mapping_info m;
	u64 pages = 0, iova = 0;

	while (mf_next_mapping(c, iova, &m)) {
		pages += m.pages;
		iova = m.span.last + 1;
		if (!iova)
			break;
	}
	return pages;
}

struct groups {
	struct mf_host_domain *domain;
	bool mixed;
};

static void note_group(void *context, struct mf_host_group *group, u32 id)
{
	struct groups *g = context;

	(void)id;
	g->mixed = g->mixed || (g->domain && g->domain != group->domain);
	g->domain = group->domain;
}

/**
 * world_check_domains() - invariant 2: all mappings in all domains, nothing else
 * @w: the world
 * @c: a container at rest without stuck mappings
 */
const char *world_check_domains(struct world *w, struct mf_container *c)
{
	u64 pages = count_pages(c);
	struct mf_domain_info d;
	u32 i;

	for (i = 0; mf_get_domain(c, i, &d); i++) {
		struct tally tally = { .w = w, .c = c };
		struct groups g = { 0 };

		mf_for_each_group(c, d.id, note_group, &g);
		if (g.mixed || !g.domain)
			return "groups of one domain are not attached to one";
		/* At rest, and the other way round as far as locks go: so without them. */
		g.domain->unit->ops->for_each_mapped(g.domain, check_mapped, &tally);
		if (tally.wrong)
			return tally.wrong;
		if (tally.pages != pages)
			return "a domain does not map all of every mapping";
	}
	return NULL;
}

/**
 * world_ledgers() - what is in the ledgers of all owners together
 */
struct mf_ledger_info world_ledgers(struct world *w)
{
	struct mf_ledger_info one, all = { 0 };
	struct mf_owner *owner;
	u32 i;

	for (i = 0; i <= WORLD_OWNERS; i++) {
		owner = i < WORLD_OWNERS ? &w->owner[i]->owner : w->one_more;
		if (!owner)
			continue;
		mf_get_ledger(&w->host.host, owner, &one);
		all.pages += one.pages;
		all.pins += one.pins;
		all.bytes += one.bytes;
		all.pieces += one.pieces;
	}
	return all;
}

/*
 * Where that is by mapping: what emulated groups have pinned in @c that nobody is
 * billed for, because a domain has it, too.
 */
static u64 unbilled(struct mf_container *c)
{
	struct mf_status s;

	if (!c)
		return 0;
	mf_get_status(c, &s);
	return s.pages_pinned + s.pages_external - s.pages_billed;
}

/**
 * world_check_counts() - what is pinned is billed, and no contract was broken
 *
 * Each pin is in a ledger, or is billed by mapping, which is what is billed
 * besides the ledgers' pages.
 */
const char *world_check_counts(struct world *w)
{
	struct mf_user_live live = mf_user_host_live(&w->host);
	struct mf_ledger_info ledgers = world_ledgers(w);
	u64 pins = ledgers.pins + (live.billed - ledgers.pages) + unbilled(w->c);
	u32 i;

	for (i = 0; i < w->nr_more; i++)
		pins += unbilled(w->more[i]);
	if (ledgers.pages > live.billed)
		return "a page of a ledger is not billed";
	if (live.pins != pins)
		return "pinned pages and billed pages differ";
	if (mf_user_host_misuse(&w->host))
		return "the engine broke a contract of its host";
	return NULL;
}

/**
 * world_check() - the checks that hold at any time at rest
 */
const char *world_check(struct world *w)
{
	const char *wrong = world_check_pins(w);

	return wrong ? wrong : world_check_counts(w);
}

static void mix(u64 *hash, u64 value)
{
	*hash = (*hash ^ value) * 0x100000001b3ull;
	*hash ^= *hash >> 29;
}

static void mix_mapped(void *context, struct mf_host_domain *domain,
		       const struct mf_translation *t, bool cached)
{
	(void)domain;
	(void)cached;
	mix(context, t->span.first);
	mix(context, t->span.last);
	mix(context, t->pfn);
	mix(context, t->prot);
}

static void mix_group(void *context, struct mf_host_group *group, u32 id)
{
	mix(context, id);
	mix(context, (uintptr_t)group->domain);
}

static void mix_owner(void *context, struct mf_owner *owner, u64 pages)
{
	mix(context, (uintptr_t)owner);
	mix(context, pages);
}

static void mix_container(u64 *hash, struct mf_container *c)
{
	struct mf_mapping_info m;
	struct mf_status status;
	struct mf_domain_info d;
	struct mf_span window[64];
	struct mf_info info;
	u32 i, n = mf_get_info(c, &info, window, 64);
	u64 iova = 0;

	mix(hash, info.pgsizes);
	mix(hash, info.mappings_available);
	mix(hash, info.coherent);
	mix(hash, info.nr_window);
	for (i = 0; i < n; i++) {
		mix(hash, window[i].first);
		mix(hash, window[i].last);
	}
	mf_get_status(c, &status);
	mix(hash, status.nr_domains);
	mix(hash, status.nr_groups);
	mix(hash, status.nr_mappings);
	mix(hash, status.nr_stuck);
	mix(hash, status.pages_pinned);
	mix(hash, status.pages_billed);
	mix(hash, status.pages_foreign);
	mix(hash, status.nr_emulated);
	mix(hash, status.nr_invalid);
	mix(hash, status.pages_external);
	mix(hash, status.dirty_tracking);
	mf_for_each_group(c, 0, mix_group, hash);
	for (i = 0; mf_get_domain(c, i, &d); i++) {
		mix(hash, d.id);
		mix(hash, d.features.pgsizes);
		mf_for_each_group(c, d.id, mix_group, hash);
	}
	mf_for_each_owner(c, mix_owner, hash);
	while (mf_next_mapping(c, iova, &m)) {
		mix(hash, m.span.first);
		mix(hash, m.span.last);
		mix(hash, m.vaddr);
		mix(hash, m.pages);
		mix(hash, m.runs);
		mix(hash, m.state);
		mix(hash, m.prot);
		mix(hash, m.external);
		mix(hash, m.vaddr_invalid);
		mix(hash, (uintptr_t)m.owner);
		iova = m.span.last + 1;
		if (!iova)
			break;
	}
}

static void mix_pins(u64 *hash, struct world *w)
{
	u32 pins[256];
	u64 page, some, i;

	for (page = 0; page < w->ram_pages; page += some) {
		some = mf_min(w->ram_pages - page, 256);
		mf_ram_pins(w->ram, MF_RAM_BASE_PFN + page, some, pins);
		for (i = 0; i < some; i++) {
			if (pins[i])
				mix(hash, (page + i) << 20 | pins[i]);
		}
	}
}

/**
 * world_fingerprint() - one number for all that a failed request must not change
 */
u64 world_fingerprint(struct world *w, struct mf_container **containers, u32 nr)
{
	struct mf_user_live live = mf_user_host_live(&w->host);
	struct mf_host_domain *domains[WORLD_GROUPS];
	struct mf_ledger_info ledgers = world_ledgers(w);
	u64 hash = 0xcbf29ce484222325ull;
	u32 i, n, j;

	/* While it has pages, a ledger may keep what it has needed meanwhile. */
	mix(&hash, live.allocations - ledgers.pieces);
	mix(&hash, ledgers.pages);
	mix(&hash, ledgers.pins);
	mix(&hash, live.pins);
	mix(&hash, live.billed);
	mix(&hash, live.owners);
	mix(&hash, live.domains);
	mix(&hash, live.attached);
	for (i = 0; i < WORLD_OWNERS; i++)
		mix(&hash, w->owner[i]->owner.billed);
	mix_pins(&hash, w);
	n = find_domains(w, domains);
	for (i = 0; i < n; i++)
		domains[i]->unit->ops->for_each_mapped(domains[i], mix_mapped, &hash);
	for (i = 0; i < w->nr_groups; i++) {
		mix(&hash, (uintptr_t)w->groups[i].domain);
		for (j = 0; w->groups[i].domain && j < n; j++) {
			if (domains[j] == w->groups[i].domain)
				mix(&hash, domains[j]->msi);
		}
	}
	for (i = 0; i < nr; i++) {
		if (containers[i])
			mix_container(&hash, containers[i]);
	}
	return hash;
}
