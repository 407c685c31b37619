// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The POSIX host: forwards the engine's calls to owners and units, and keeps
 * count of them.
 *
 * Three kinds of locks are taken here, in this order: units_lock (tables,
 * IOTLBs, who is attached where), a memory's own, and the host's, which guards
 * nothing but counters. The hook runs with none of them held.
 *
 * Invariant: what is in "live" is exactly what the engine has been given and
 * has not given back; a count that would fall below zero is a misuse instead.
 */
#include <stdlib.h>

#include "user/host.h"
#include "user/memory/memory.h"
#include "user/models/unit.h"

/* What kvmalloc() and its like would refuse too. */
#define ALLOC_LIMIT	0x7fffffffull

static int call(struct mf_host *host, const struct mf_call *call)
{
	struct mf_user_host *h = mf_user_host_of(host);

	mf_mutex_lock(&h->lock);
	h->calls[call->type]++;
	mf_mutex_unlock(&h->lock);
	return h->hook ? h->hook(h->hook_context, call) : 0;
}

#define CALL(host, ...) call(host, &(struct mf_call){ __VA_ARGS__ })

static void take(struct mf_user_host *h, u64 *counter, u64 amount)
{
	mf_mutex_lock(&h->lock);
	*counter += amount;
	mf_mutex_unlock(&h->lock);
}

static void drop(struct mf_user_host *h, u64 *counter, u64 amount)
{
	mf_mutex_lock(&h->lock);
	if (*counter < amount) {
		h->misuse++;
		amount = *counter;
	}
	*counter -= amount;
	mf_mutex_unlock(&h->lock);
}

static void *host_alloc(struct mf_host *host, u64 bytes, bool zeroed)
{
	struct mf_user_host *h = mf_user_host_of(host);
	void *memory;

	if (CALL(host, .type = MF_CALL_ALLOC, .amount = bytes) || bytes > h->alloc_limit)
		return NULL;
	memory = zeroed ? calloc(1, bytes) : malloc(bytes);
	if (memory)
		take(h, &h->live.allocations, 1);
	return memory;
}

static void host_free(struct mf_host *host, void *memory)
{
	struct mf_user_host *h = mf_user_host_of(host);

	if (!memory)
		return;
	CALL(host, .type = MF_CALL_FREE);
	drop(h, &h->live.allocations, 1);
	free(memory);
}

static void host_owner_get(struct mf_host *host, struct mf_owner *owner)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_OWNER_GET, .owner = owner);
	take(h, &h->live.owners, 1);
	take(h, &owner->references, 1);
}

static void host_owner_put(struct mf_host *host, struct mf_owner *owner)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_OWNER_PUT, .owner = owner);
	drop(h, &h->live.owners, 1);
	drop(h, &owner->references, 1);
}

static struct mf_ledger *host_owner_ledger(struct mf_host *host, struct mf_owner *owner)
{
	CALL(host, .type = MF_CALL_OWNER_LEDGER, .owner = owner);
	return &owner->ledger;
}

static void host_owner_limit(struct mf_host *host, struct mf_owner *owner, u64 *billed,
			     u64 *limit)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_OWNER_LIMIT, .owner = owner);
	mf_mutex_lock(&h->lock);
	*billed = owner->billed;
	*limit = owner->limit;
	mf_mutex_unlock(&h->lock);
}

static s64 host_pin(struct mf_host *host, struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
		    struct mf_batch *batch)
{
	struct mf_user_host *h = mf_user_host_of(host);
	u64 before = batch->pages - batch->foreign;
	int err;
	s64 n;

	err = CALL(host, .type = MF_CALL_PIN, .owner = owner, .address = vaddr, .amount = pages);
	if (err)
		return err;
	if (!pages || !mf_batch_room(batch))
		mf_user_host_misused(h);

	n = owner->ops->pin(owner, vaddr, pages, prot, batch);
	take(h, &h->live.pins, batch->pages - batch->foreign - before);
	return n;
}

static void host_unpin(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr,
		       u32 prot)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_UNPIN, .owner = owner, .amount = nr, .runs = runs);
	drop(h, &h->live.pins, owner->ops->unpin(owner, runs, nr, prot));
}

static int host_bill(struct mf_host *host, struct mf_owner *owner, u64 pages, bool unlimited)
{
	struct mf_user_host *h = mf_user_host_of(host);
	int err = CALL(host, .type = MF_CALL_BILL, .owner = owner, .amount = pages);

	if (err)
		return err;

	mf_mutex_lock(&h->lock);
	if (!unlimited && (pages > owner->limit || owner->billed > owner->limit - pages)) {
		err = -ENOMEM;
	} else {
		owner->billed += pages;
		h->live.billed += pages;
	}
	mf_mutex_unlock(&h->lock);
	return err;
}

static void host_unbill(struct mf_host *host, struct mf_owner *owner, u64 pages)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_UNBILL, .owner = owner, .amount = pages);
	drop(h, &h->live.billed, pages);
	drop(h, &owner->billed, pages);
}

static int host_copy(struct mf_host *host, struct mf_owner *owner, u64 vaddr, void *data,
		     u64 bytes, bool write)
{
	int err = CALL(host, .type = MF_CALL_COPY, .owner = owner, .address = vaddr,
		       .amount = bytes);

	return err ? err : owner->ops->copy(owner, vaddr, data, bytes, write);
}

static u32 host_group_id(struct mf_host *host, struct mf_host_group *group)
{
	CALL(host, .type = MF_CALL_GROUP_ID, .group = group);
	return group->id;
}

static bool host_group_isolated(struct mf_host *host, struct mf_host_group *group)
{
	CALL(host, .type = MF_CALL_GROUP_ISOLATED, .group = group);
	return group->isolated;
}

static int host_group_regions(struct mf_host *host, struct mf_host_group *group, mf_region_fn fn,
			      void *context)
{
	int err = CALL(host, .type = MF_CALL_GROUP_REGIONS, .group = group);
	u32 i;

	for (i = 0; !err && i < group->nr_regions; i++)
		err = fn(context, &group->regions[i]);
	return err;
}

/* No modelled unit translates twice, so none can nest. */
static int host_domain_alloc(struct mf_host *host, struct mf_host_group *group, bool nesting,
			     struct mf_host_domain **out)
{
	struct mf_user_host *h = mf_user_host_of(host);
	int err = CALL(host, .type = MF_CALL_DOMAIN_ALLOC, .group = group);

	if (err)
		return err;
	if (nesting)
		return -EINVAL;

	mf_mutex_lock(&h->units_lock);
	err = group->unit->ops->domain_alloc(group->unit, out);
	mf_mutex_unlock(&h->units_lock);
	if (!err)
		take(h, &h->live.domains, 1);
	return err;
}

static void host_domain_free(struct mf_host *host, struct mf_host_domain *domain)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_DOMAIN_FREE, .domain = domain);
	drop(h, &h->live.domains, 1);

	mf_mutex_lock(&h->units_lock);
	if (domain->groups)
		mf_user_host_misused(h);
	domain->unit->ops->domain_free(domain);
	mf_mutex_unlock(&h->units_lock);
}

static int attach_locked(struct mf_host_domain *domain, struct mf_host_group *group)
{
	int err;

	if (group->domain)
		return -EBUSY;
	err = domain->unit->ops->domain_accepts(domain, group);
	if (err)
		return err;

	group->domain = domain;
	group->next = domain->groups;
	domain->groups = group;
	return 0;
}

static int host_domain_attach(struct mf_host *host, struct mf_host_domain *domain,
			      struct mf_host_group *group)
{
	struct mf_user_host *h = mf_user_host_of(host);
	int err = CALL(host, .type = MF_CALL_DOMAIN_ATTACH, .domain = domain, .group = group);

	if (err)
		return err;

	mf_mutex_lock(&h->units_lock);
	err = attach_locked(domain, group);
	mf_mutex_unlock(&h->units_lock);
	if (!err)
		take(h, &h->live.attached, 1);
	return err;
}

/* Is a group behind @unit attached to @domain? */
static bool serves(const struct mf_unit *unit, const struct mf_host_domain *domain)
{
	const struct mf_host_group *group;

	mf_for_each_attached(group, domain) {
		if (group->unit == unit)
			return true;
	}
	return false;
}

static void detach_locked(struct mf_host_domain *domain, struct mf_host_group *group)
{
	struct mf_host_group **link = &domain->groups;

	while (*link && *link != group)
		link = &(*link)->next;
	if (!*link) {
		mf_user_host_misused(domain->unit->host);
		return;
	}
	*link = group->next;
	group->next = NULL;
	group->domain = NULL;
	if (!serves(group->unit, domain))
		group->unit->ops->forget(group->unit, domain);
}

static void host_domain_detach(struct mf_host *host, struct mf_host_domain *domain,
			       struct mf_host_group *group)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_DOMAIN_DETACH, .domain = domain, .group = group);
	drop(h, &h->live.attached, 1);

	mf_mutex_lock(&h->units_lock);
	detach_locked(domain, group);
	mf_mutex_unlock(&h->units_lock);
}

static void host_domain_settle(struct mf_host *host, struct mf_host_domain *domain,
			       struct mf_features *features)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_DOMAIN_SETTLE, .domain = domain);

	mf_mutex_lock(&h->units_lock);
	if (domain->settled || !domain->groups)
		mf_user_host_misused(h);
	domain->settled = true;
	domain->unit->ops->domain_settle(domain, features);
	mf_mutex_unlock(&h->units_lock);
}

static int host_domain_msi(struct mf_host *host, struct mf_host_domain *domain, u64 base)
{
	struct mf_user_host *h = mf_user_host_of(host);
	int err = CALL(host, .type = MF_CALL_DOMAIN_MSI, .domain = domain, .address = base);

	if (err)
		return err;

	mf_mutex_lock(&h->units_lock);
	if (domain->msi)
		mf_user_host_misused(h);
	domain->msi = true;
	domain->msi_base = base;
	mf_mutex_unlock(&h->units_lock);
	return 0;
}

static int host_domain_map(struct mf_host *host, struct mf_host_domain *domain, u64 iova,
			   const mf_run *runs, u64 nr, u32 prot)
{
	struct mf_user_host *h = mf_user_host_of(host);
	int err = CALL(host, .type = MF_CALL_DOMAIN_MAP, .domain = domain, .address = iova,
		       .amount = nr, .runs = runs);

	if (err)
		return err;

	mf_mutex_lock(&h->units_lock);
	if (!nr || !domain->settled)
		mf_user_host_misused(h);
	err = domain->unit->ops->domain_map(domain, iova, runs, nr, prot);
	mf_mutex_unlock(&h->units_lock);
	return err;
}

/* Every unit with a group in the domain forgets; none does it twice in a row. */
static void invalidate(struct mf_host_domain *domain, struct mf_span span, bool absent)
{
	struct mf_host_group *group;
	struct mf_unit *last = NULL;

	mf_for_each_attached(group, domain) {
		if (group->unit != last)
			group->unit->ops->invalidate(group->unit, domain, span, absent);
		last = group->unit;
	}
}

static int host_domain_sync(struct mf_host *host, struct mf_host_domain *domain,
			    struct mf_span span)
{
	struct mf_user_host *h = mf_user_host_of(host);
	int err = CALL(host, .type = MF_CALL_DOMAIN_SYNC, .domain = domain, .address = span.first,
		       .amount = span.last - span.first + 1);

	if (err)
		return err;

	mf_mutex_lock(&h->units_lock);
	invalidate(domain, span, true);
	mf_mutex_unlock(&h->units_lock);
	return 0;
}

static u64 host_domain_unmap(struct mf_host *host, struct mf_host_domain *domain, u64 iova,
			     u64 bytes, struct mf_gather *gather)
{
	struct mf_user_host *h = mf_user_host_of(host);
	u64 done;

	if (CALL(host, .type = MF_CALL_DOMAIN_UNMAP, .domain = domain, .address = iova,
		 .amount = bytes))
		return 0;

	mf_mutex_lock(&h->units_lock);
	done = domain->unit->ops->domain_unmap(domain, iova, bytes);
	mf_mutex_unlock(&h->units_lock);
	if (done) {
		gather->first = mf_min(gather->first, iova);
		gather->last = mf_max(gather->last, iova + (done - 1));
	}
	return done;
}

static void host_domain_flush(struct mf_host *host, struct mf_host_domain *domain,
			      struct mf_gather *gather)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_DOMAIN_FLUSH, .domain = domain, .address = gather->first);
	if (gather->first > gather->last)
		return;

	mf_mutex_lock(&h->units_lock);
	invalidate(domain, (struct mf_span){ gather->first, gather->last }, false);
	mf_mutex_unlock(&h->units_lock);
	mf_gather_init(gather);
}

static void host_unmapping(struct mf_host *host, void *cookie, struct mf_span span)
{
	struct mf_user_host *h = mf_user_host_of(host);

	CALL(host, .type = MF_CALL_UNMAPPING, .address = span.first,
	     .amount = span.last - span.first + 1);
	if (h->unmapping)
		h->unmapping(h->unmapping_context, cookie, span);
}

static void host_event(struct mf_host *host, void *cookie, const struct mf_event *event)
{
	struct mf_user_host *h = mf_user_host_of(host);

	if (h->event)
		h->event(h->event_context, cookie, event);
}

static const struct mf_host_ops user_host_ops = {
	.alloc = host_alloc,
	.free = host_free,
	.owner_get = host_owner_get,
	.owner_put = host_owner_put,
	.owner_ledger = host_owner_ledger,
	.owner_limit = host_owner_limit,
	.pin = host_pin,
	.unpin = host_unpin,
	.bill = host_bill,
	.unbill = host_unbill,
	.copy = host_copy,
	.group_id = host_group_id,
	.group_isolated = host_group_isolated,
	.group_regions = host_group_regions,
	.domain_alloc = host_domain_alloc,
	.domain_free = host_domain_free,
	.domain_attach = host_domain_attach,
	.domain_detach = host_domain_detach,
	.domain_settle = host_domain_settle,
	.domain_msi = host_domain_msi,
	.domain_map = host_domain_map,
	.domain_sync = host_domain_sync,
	.domain_unmap = host_domain_unmap,
	.domain_flush = host_domain_flush,
	.unmapping = host_unmapping,
	.event = host_event,
};

/**
 * mf_user_host_init() - make a host: no memory, no unit
 * @host: where; must outlive all containers opened with it
 */
void mf_user_host_init(struct mf_user_host *host)
{
	memset(host, 0, sizeof(*host));
	host->host.ops = &user_host_ops;
	host->alloc_limit = ALLOC_LIMIT;
	mf_mutex_init(&host->lock);
	mf_mutex_init(&host->units_lock);
}

/**
 * mf_user_host_fini() - end a host that no container uses any more
 */
void mf_user_host_fini(struct mf_user_host *host)
{
	mf_mutex_fini(&host->units_lock);
	mf_mutex_fini(&host->lock);
}

/**
 * mf_user_host_live() - what the engine holds at this moment
 */
struct mf_user_live mf_user_host_live(struct mf_user_host *host)
{
	struct mf_user_live live;

	mf_mutex_lock(&host->lock);
	live = host->live;
	mf_mutex_unlock(&host->lock);
	return live;
}

/**
 * mf_user_host_calls() - how often the engine made a call since the host began
 */
u64 mf_user_host_calls(struct mf_user_host *host, enum mf_call_type type)
{
	u64 n;

	mf_mutex_lock(&host->lock);
	n = host->calls[type];
	mf_mutex_unlock(&host->lock);
	return n;
}

/**
 * mf_user_host_misuse() - how often the engine broke a call's contract
 */
u64 mf_user_host_misuse(struct mf_user_host *host)
{
	u64 n;

	mf_mutex_lock(&host->lock);
	n = host->misuse;
	mf_mutex_unlock(&host->lock);
	return n;
}

/**
 * mf_user_host_misused() - count one more broken contract
 */
void mf_user_host_misused(struct mf_user_host *host)
{
	take(host, &host->misuse, 1);
}

/**
 * mf_call_name() - the name of a call, as in struct mf_host_ops
 */
const char *mf_call_name(enum mf_call_type type)
{
	static const char * const names[MF_NR_CALLS] = {
		"alloc", "free", "owner_get", "owner_put", "owner_ledger", "owner_limit", "pin",
		"unpin", "bill", "unbill", "copy", "group_id", "group_isolated", "group_regions",
		"domain_alloc", "domain_free", "domain_attach", "domain_detach", "domain_settle",
		"domain_msi", "domain_map", "domain_sync", "domain_unmap", "domain_flush",
		"unmapping",
	};

	return (u32)type < MF_NR_CALLS ? names[type] : "unknown";
}
