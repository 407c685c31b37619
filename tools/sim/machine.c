// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Building a scenario's machine, and looking after it: nothing may be left in
 * it at the end, and no unit may ever reach what nobody has pinned.
 */
#include <stdlib.h>

#include "tools/sim/machine.h"

/* Tables of all units together; they take no space until used. */
#define POOL_PAGES	0x20000

/* The largest piece of memory the engine may have. */
#define ALLOC_LIMIT	(64ull << 20)

static void note_domain_call(struct machine *m, const struct mf_call *call)
{
	struct unit_work *w =
		&m->work.units[mf_entry(call->domain->unit, struct mf_model, unit) - m->units];

	switch (call->type) {
	case MF_CALL_DOMAIN_MAP:
		w->maps++;
		w->runs += call->amount;
		break;
	case MF_CALL_DOMAIN_SYNC:
		w->syncs++;
		break;
	case MF_CALL_DOMAIN_UNMAP:
		w->unmaps++;
		break;
	case MF_CALL_DOMAIN_FLUSH:
		w->flushes++;
		break;
	default:
		break;
	}
}

static int machine_hook(void *context, const struct mf_call *call)
{
	struct machine *m = context;

	if (call->domain)
		note_domain_call(m, call);
	switch (call->type) {
	case MF_CALL_ALLOC:
		m->bad_allocs += m->releasing;
		return m->break_alloc && !--m->break_alloc ? -ENOMEM : 0;
	case MF_CALL_PIN:
		m->work.pins++;
		return m->break_pin && !--m->break_pin ? -m->pin_error : 0;
	case MF_CALL_UNPIN:
		m->work.unpins++;
		return 0;
	case MF_CALL_BILL:
		m->work.bills++;
		return 0;
	default:
		return 0;
	}
}

static void machine_event(void *context, void *cookie, const struct mf_event *event)
{
	struct work *w = &((struct machine *)context)->work;

	(void)cookie;
	if (w->nr_events < MOST_EVENTS) {
		w->events[w->nr_events] = *event;
		w->events[w->nr_events].refusal = NULL;
	}
	w->nr_events++;
}

static u64 whole_clusters(u64 bytes)
{
	u64 pages = bytes >> MF_PAGE_SHIFT;

	return (pages + MF_RAM_CLUSTER - 1) / MF_RAM_CLUSTER * MF_RAM_CLUSTER;
}

static u64 owner_ram(const struct owner_plan *plan)
{
	u64 pages = whole_clusters(plan->bytes);
	u32 i;

	for (i = 0; i < plan->nr_areas; i++) {
		if (plan->areas[i].kind == AREA_BAR)
			pages += whole_clusters(plan->areas[i].bytes);
	}
	return pages;
}

/* A BAR is one run of pages that are no RAM, wherever its owner's memory lies. */
static void place_bar(struct machine *m, struct mf_ram_owner *owner, const struct area *area,
		      u64 *bars)
{
	u64 page, pages = area->bytes >> MF_PAGE_SHIFT;

	*bars -= whole_clusters(area->bytes);
	mf_ram_reserve(m->ram, *bars, pages);
	for (page = 0; page < pages; page++)
		mf_ram_owner_place(owner, area->vaddr + (page << MF_PAGE_SHIFT), *bars + page);
}

static bool add_owner(struct machine *m, u32 index, u64 *bars)
{
	const struct owner_plan *plan = &m->s->owners[index];
	struct mf_ram_owner *owner;
	u32 i;

	owner = mf_ram_owner_new(m->ram, plan->vaddr, plan->bytes >> MF_PAGE_SHIFT, plan->layout,
				 index + 1);
	m->owners[index] = owner;
	if (!owner)
		return false;
	if (plan->memlock != ~0ull)
		owner->owner.limit = plan->memlock >> MF_PAGE_SHIFT;
	for (i = 0; i < plan->nr_areas; i++) {
		const struct area *area = &plan->areas[i];
		u64 pages = area->bytes >> MF_PAGE_SHIFT;

		if (area->kind == AREA_BAR)
			place_bar(m, owner, area, bars);
		else
			mf_ram_owner_flag(owner, area->vaddr, pages, area->kind == AREA_HOLE ?
					  MF_RAM_ABSENT : MF_RAM_READONLY);
	}
	return true;
}

static bool add_memory(struct machine *m)
{
	u64 pages = 0, bars;
	u32 i;

	for (i = 0; i < m->s->nr_owners; i++)
		pages += owner_ram(&m->s->owners[i]);
	m->ram = mf_ram_new(&m->host, pages ? pages : 1);
	m->pool = mf_pool_new(&m->host, POOL_PAGES);
	if (!m->ram || !m->pool)
		return false;
	bars = MF_RAM_BASE_PFN + pages;
	for (i = 0; i < m->s->nr_owners; i++) {
		if (!add_owner(m, i, &bars))
			return false;
	}
	return true;
}

/**
 * machine_new() - build a machine
 *
 * Return: the machine, or NULL without memory.
 */
struct machine *machine_new(const struct scenario *s)
{
	struct machine *m = calloc(1, sizeof(*m));
	u32 i;

	if (!m)
		return NULL;
	m->s = s;
	mf_user_host_init(&m->host);
	m->host.hook = machine_hook;
	m->host.hook_context = m;
	m->host.event = machine_event;
	m->host.event_context = m;
	m->host.alloc_limit = ALLOC_LIMIT;
	if (!add_memory(m)) {
		machine_free(m);
		return NULL;
	}
	for (i = 0; i < s->nr_units; i++)
		mf_model_init(&m->units[i], &m->host, m->pool, &s->units[i].config);
	for (i = 0; i < s->nr_groups; i++) {
		m->attached[i] = NO_CONTAINER;
		m->groups[i] = (struct mf_host_group){
			.unit = &m->units[s->groups[i].unit].unit,
			.id = s->groups[i].id,
			.isolated = s->groups[i].isolated,
			.regions = s->groups[i].regions,
			.nr_regions = s->groups[i].nr_regions,
		};
	}
	for (i = 0; i < s->nr_devices; i++)
		m->devices[i].group = &m->groups[s->devices[i].group];
	return m;
}

/**
 * machine_free() - end a machine in which nothing is open
 */
void machine_free(struct machine *m)
{
	u32 i;

	for (i = 0; i < MOST_OWNERS; i++) {
		if (m->owners[i])
			mf_ram_owner_free(m->owners[i]);
	}
	if (m->pool)
		mf_pool_free(m->pool);
	if (m->ram)
		mf_ram_free(m->ram);
	mf_user_host_fini(&m->host);
	free(m);
}

/**
 * machine_close() - close one container
 */
void machine_close(struct machine *m, u32 container)
{
	u32 i;

	m->releasing = true;
	mf_release(m->containers[container]);
	m->releasing = false;
	m->containers[container] = NULL;
	for (i = 0; i < m->s->nr_groups; i++) {
		if (m->attached[i] == container)
			m->attached[i] = NO_CONTAINER;
	}
}

/**
 * machine_close_all() - stop all devices, close all that is open
 */
void machine_close_all(struct machine *m)
{
	u32 i;

	for (i = 0; i < m->s->nr_devices; i++) {
		if (m->busy[i])
			m->unpinned += mf_traffic_stop(&m->traffic[i]).faults[MF_FAULT_UNPINNED];
		m->busy[i] = false;
	}
	for (i = 0; i < m->s->nr_containers; i++) {
		if (m->containers[i])
			machine_close(m, i);
	}
	for (i = 0; i < m->s->nr_domains; i++) {
		if (m->domains[i])
			hand_free(m, i);
	}
}

/**
 * machine_check() - what must hold after every step, and is quickly seen
 *
 * Return: NULL, or what is wrong.
 */
const char *machine_check(struct machine *m)
{
	u32 i;

	for (i = 0; i < m->s->nr_devices; i++) {
		if (m->devices[i].unpinned)
			return "DMA went to a page that is not pinned";
	}
	if (m->unpinned)
		return "DMA in the background went to a page that is not pinned";
	if (mf_user_host_misuse(&m->host))
		return "the engine broke a contract of its host";
	if (m->bad_allocs)
		return "closing a container needed memory";
	return NULL;
}

static void check_translation(void *context, struct mf_host_domain *domain,
			      const struct mf_translation *t, bool cached)
{
	const char **wrong = context;
	u64 i;

	for (i = 0; i < mf_span_pages(t->span); i++) {
		if (!mf_memory_pinned(domain->unit->host, t->pfn + i))
			*wrong = cached ? "an IOTLB leads to a page that is not pinned" :
				 "a domain leads to a page that is not pinned";
	}
}

static bool seen_before(const struct machine *m, u32 group)
{
	u32 i;

	for (i = 0; i < group; i++) {
		if (m->groups[i].domain == m->groups[group].domain)
			return true;
	}
	return false;
}

/**
 * machine_check_all() - machine_check(), and all that the units could reach
 */
const char *machine_check_all(struct machine *m)
{
	const char *wrong = NULL;
	u32 i;

	mf_mutex_lock(&m->host.units_lock);
	for (i = 0; i < m->s->nr_units; i++)
		m->units[i].unit.ops->for_each_cached(&m->units[i].unit, check_translation,
						      &wrong);
	for (i = 0; i < m->s->nr_groups; i++) {
		struct mf_host_domain *domain = m->groups[i].domain;

		if (domain && !seen_before(m, i))
			domain->unit->ops->for_each_mapped(domain, check_translation, &wrong);
	}
	mf_mutex_unlock(&m->host.units_lock);
	return wrong ? wrong : machine_check(m);
}

/**
 * machine_left_over() - what is still there after all was closed
 *
 * Return: NULL for nothing, or what it is.
 */
const char *machine_left_over(struct machine *m)
{
	struct mf_user_live live = mf_user_host_live(&m->host);

	if (live.pins)
		return "pages are still pinned after all was closed";
	if (live.billed)
		return "pages are still billed after all was closed";
	if (live.allocations)
		return "memory is still allocated after all was closed";
	if (live.owners || live.domains || live.attached)
		return "owners, domains or groups are still in use after all was closed";
	if (mf_pool_used(m->pool))
		return "I/O page tables are left after all was closed";
	return NULL;
}

const char *machine_owner_name(const struct machine *m, const struct mf_owner *owner)
{
	u32 i;

	for (i = 0; i < m->s->nr_owners; i++) {
		if (&m->owners[i]->owner == owner)
			return m->s->owners[i].name;
	}
	return "nobody";
}
