// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What must hold after every operation: the six invariants of
 * docs/architecture.md, seen from the outside.
 *
 * 1 and 3 are read from the memory's pin counts and the owners' bills, 2 and 6
 * from the units' tables and the groups' domains; the engine is only asked for
 * what it tells its users, and that has to agree as well. 4 and 5 are checked
 * where things end (model_end(), world.no_alloc).
 */
#include "tests/model/model.h"

struct tables {
	const struct model *m;
	const struct ref_container *r;
	u64 pages;
	const char *bad;
};

/* Each page of each leaf is a page of a mapping, the right one, with its rights. */
static void check_leaf(void *context, struct mf_host_domain *domain,
		       const struct mf_translation *t, bool cached)
{
	struct tables *s = context;
	const struct mf_format *format = mf_model_table(domain)->config->format;
	u64 iova = t->span.first, pfn = t->pfn;

	(void)cached;
	for (;; iova += PAGE, pfn++) {
		const struct ref_mapping *map = ref_find(s->r, iova);

		if (map && ref_pfn(s->m, map, iova) == pfn &&
		    mf_format_rights(format, map->prot) == t->prot)
			s->pages++;
		else if (!ref_left(s->r, (struct mf_span){ iova, iova }))
			s->bad = "a domain maps what no mapping has";
		if (t->span.last - iova < PAGE)
			break;
	}
}

static u64 pages_of(const struct ref_container *r)
{
	u64 pages = 0;
	u32 i;

	for (i = 0; i < r->nr_maps; i++)
		pages += (r->maps[i].span.last - r->maps[i].span.first) / PAGE + 1;
	return pages;
}

/* The groups of a domain are in one, and in no other's; it maps what it should. */
static const char *check_domain(const struct model *m, const struct ref_container *r, u32 index)
{
	const struct ref_domain *d = &r->domains[index];
	struct mf_host_domain *domain = NULL;
	struct tables s = { .m = m, .r = r };
	u32 g;

	for (g = 0; g < m->w.nr_groups; g++) {
		if (d->groups[g] && (!m->w.groups[g].domain ||
				     (domain && domain != m->w.groups[g].domain)))
			return "a group is not in the domain of its fellows";
		if (d->groups[g])
			domain = m->w.groups[g].domain;
	}
	for (g = 0; g < m->w.nr_groups; g++) {
		if (!d->groups[g] && m->w.groups[g].domain == domain)
			return "a group is in a domain it does not belong to";
	}
	domain->unit->ops->for_each_mapped(domain, check_leaf, &s);
	if (s.bad)
		return s.bad;
	if (s.pages != pages_of(r) && !r->loose)
		return "a domain does not map exactly what the container has";
	if (s.pages < pages_of(r) && !r->nr_left)
		return "a domain lacks a mapping";
	return NULL;
}

/* No unit still remembers that nothing was mapped where something is. */
static const char *check_absent(const struct model *m, const struct ref_container *r, u32 group)
{
	u32 u, i;

	for (u = 0; u < m->w.nr_units; u++) {
		for (i = 0; i < MF_IOTLB_ENTRIES; i++) {
			const struct mf_iotlb_entry *e = &m->w.units[u].iotlb.entries[i];

			if (e->absent && e->domain && e->domain == m->w.groups[group].domain &&
			    ref_find(r, e->translation.span.first))
				return "a unit was not told of a mapping";
		}
	}
	return NULL;
}

static const char *check_domains(struct model *m, u32 c)
{
	const struct ref_container *r = &m->refs[c];
	struct mf_status status;
	const char *bad = NULL;
	u32 i, g, groups = 0, emulated = 0;

	mf_get_status(m->containers[c], &status);
	for (g = 0; g < m->w.nr_groups; g++) {
		groups += ref_has_group(r, g) + r->emulated[g];
		emulated += r->emulated[g];
		if (!ref_has_group(r, g) != !mf_group_domain(m->containers[c], &m->w.groups[g]))
			return "a group has a domain it should not have, or lacks one";
	}
	if (status.nr_domains != r->nr_domains || status.nr_groups != groups ||
	    status.nr_emulated != emulated)
		return "the container has other domains or groups than it should";
	for (i = 0; i < r->nr_domains && !bad; i++)
		bad = check_domain(m, r, i);
	for (g = 0; g < m->w.nr_groups && !bad; g++) {
		if (ref_has_group(r, g))
			bad = check_absent(m, r, g);
	}
	return bad;
}

/* The lowest mapping from @iova on. */
static const struct ref_mapping *lowest(const struct ref_container *r, u64 iova)
{
	const struct ref_mapping *best = NULL;
	u32 i;

	for (i = 0; i < r->nr_maps; i++) {
		if (r->maps[i].span.last >= iova &&
		    (!best || r->maps[i].span.first < best->span.first))
			best = &r->maps[i];
	}
	return best;
}

static bool same_mapping(const struct model *m, const struct ref_container *r,
			 const struct ref_mapping *map, const struct mf_mapping_info *info)
{
	u64 pages = r->nr_domains ? (map->span.last - map->span.first) / PAGE + 1 : 0;
	u64 pinned = r->nr_domains ? ref_pinned(m, map) : 0;

	return info->span.first == map->span.first && info->span.last == map->span.last &&
	       info->vaddr == map->vaddr && info->prot == map->prot &&
	       info->state == MF_MAPPING_LIVE && info->pages == pages &&
	       info->pages - info->foreign == pinned &&
	       info->external == ref_externals(r, map->span) &&
	       info->vaddr_invalid == map->invalid &&
	       info->owner == &m->w.owner[map->owner]->owner;
}

static const char *check_mappings(const struct model *m, u32 c)
{
	const struct ref_container *r = &m->refs[c];
	const struct ref_mapping *map;
	struct mf_mapping_info info;
	u64 iova = 0;
	u32 n = 0;

	while (mf_next_mapping(m->containers[c], iova, &info)) {
		map = lowest(r, iova);
		if (!map || !same_mapping(m, r, map, &info))
			return "the container shows another mapping than it should";
		if (info.runs != (r->nr_domains ? ref_runs(m, map) : 0))
			return "runs are not as long as memory is contiguous";
		n++;
		iova = info.span.last + 1;
		if (!iova)
			break;
	}
	return n == r->nr_maps ? NULL : "the container does not show all mappings";
}

/* Window: each range as far as it reaches, and not an IOVA more or less. */
static const char *check_info(const struct model *m, u32 c)
{
	const struct ref_container *r = &m->refs[c];
	struct mf_span window[64];
	struct mf_info info;
	u32 i, n = mf_get_info(m->containers[c], &info, window, 64);

	if (info.granule != ref_granule(m, r))
		return "the granule is not the largest least page size";
	if (info.mappings_available != r->limit - r->nr_maps)
		return "the number of mappings available is wrong";
	if (!r->nr_domains != !n)
		return "no window with domains, or one without";
	if (info.vaddr_updatable == ref_any_emulated(r))
		return "vaddrs can be updated with an emulated group, or not without";
	for (i = 0; i < n; i++) {
		struct mf_span s = window[i];

		if (!ref_valid(m, r, s))
			return "the window has an IOVA that is not valid";
		if ((s.first && ref_valid(m, r, (struct mf_span){ s.first - 1, s.first - 1 })) ||
		    (s.last != TOP && ref_valid(m, r, (struct mf_span){ s.last + 1, s.last + 1 })))
			return "the window lacks a valid IOVA";
		if (i && window[i - 1].last >= s.first)
			return "the window is not in order";
	}
	return NULL;
}

struct bills {
	const struct model *m;
	u64 pages[WORLD_OWNERS];
};

static void see_owner(void *context, struct mf_owner *owner, u64 pages)
{
	struct bills *b = context;
	u32 i;

	for (i = 0; i < WORLD_OWNERS; i++) {
		if (owner == &b->m->w.owner[i]->owner)
			b->pages[i] += pages;
	}
}

/* What the container says of its owners, and all its counters together. */
static const char *check_counters(const struct model *m, u32 c)
{
	const struct ref_container *r = &m->refs[c];
	u64 billed = 0, pinned = 0, externals = ref_externals(r, (struct mf_span){ 0, TOP });
	struct bills bills = { .m = m };
	struct mf_status s;
	u32 i, invalid = 0;

	mf_for_each_owner(m->containers[c], see_owner, &bills);
	for (i = 0; i < WORLD_OWNERS; i++) {
		if (bills.pages[i] != ref_container_bill(m, r, i))
			return "the container shows another bill than it should";
		billed += bills.pages[i];
	}
	for (i = 0; i < r->nr_maps; i++) {
		pinned += r->nr_domains ? ref_pinned(m, &r->maps[i]) : 0;
		invalid += r->maps[i].invalid;
	}
	mf_get_status(m->containers[c], &s);
	if (s.nr_mappings != r->nr_maps || s.nr_invalid != invalid ||
	    s.pages_external != externals || s.dirty_tracking != r->tracking)
		return "the container's counters are not what they should be";
	if (!r->loose && (s.pages_pinned != pinned || s.pages_billed != billed || s.nr_stuck))
		return "the container's counters of pages are not what they should be";
	return NULL;
}

static const char *check_container(struct model *m, u32 c)
{
	const char *bad = check_domains(m, c);

	if (!bad)
		bad = check_counters(m, c);
	if (!bad)
		bad = check_mappings(m, c);
	if (!bad)
		bad = check_info(m, c);
	return bad;
}

static void count_pins(const struct model *m, const struct ref_mapping *map, u16 *pins)
{
	u64 iova = map->span.first;

	for (;; iova += PAGE) {
		u64 pfn = ref_pfn(m, map, iova);

		if (!ref_foreign(m, pfn))
			pins[pfn - MF_RAM_BASE_PFN]++;
		if (map->span.last - iova < PAGE)
			break;
	}
}

/* Each page is pinned once for each mapping, whatever the domains, and once for software. */
static const char *check_pins(const struct model *m)
{
	static u32 has[WORLD_OWNERS * MODEL_PAGES];
	static u16 pins[WORLD_OWNERS * MODEL_PAGES];
	bool loose = ref_any_loose(m);
	u32 c, i;

	memset(pins, 0, sizeof(pins));
	for (c = 0; c < MODEL_CONTAINERS; c++) {
		const struct ref_container *r = &m->refs[c];

		for (i = 0; r->nr_domains && i < r->nr_maps; i++)
			count_pins(m, &r->maps[i], pins);
		for (i = 0; i < r->nr_externals; i++)
			pins[r->externals[i].pfn - MF_RAM_BASE_PFN]++;
	}
	mf_ram_pins(m->w.ram, MF_RAM_BASE_PFN, WORLD_OWNERS * MODEL_PAGES, has);
	for (i = 0; i < WORLD_OWNERS * MODEL_PAGES; i++) {
		if (has[i] < pins[i])
			return "a page of a mapping is not pinned";
		if (has[i] != pins[i] && !loose)
			return "a page is pinned more often than it is mapped";
	}
	return NULL;
}

static const char *check_bills(const struct model *m)
{
	struct mf_ledger_info has;
	struct ref_ledger should;
	u32 i;

	for (i = 0; i < WORLD_OWNERS; i++) {
		u64 billed = m->w.owner[i]->owner.billed, expected = ref_billed(m, i);

		mf_get_ledger((struct mf_host *)&m->w.host.host, &m->w.owner[i]->owner, &has);
		ref_ledger(m, i, &should);
		if (has.pages < should.pages || has.pins < should.pins ||
		    (!ref_any_loose(m) && (has.pages != should.pages || has.pins != should.pins)))
			return "an owner's ledger is not what it has pinned";
		if (billed < expected || (billed != expected && !ref_any_loose(m)))
			return "an owner's bill is not what it has mapped";
		if (billed > m->w.owner[i]->owner.limit && !m->unlimited[i])
			return "an owner's bill exceeds its limit";
	}
	return NULL;
}

/**
 * model_check() - all of them
 *
 * Return: NULL, or what is wrong.
 */
const char *model_check(struct model *m)
{
	const char *bad = world_check(&m->w);
	u32 c;

	if (!bad)
		bad = check_pins(m);
	if (!bad)
		bad = check_bills(m);
	if (!bad && m->w.bad_allocs)
		bad = "memory was asked for where none may be needed";
	for (c = 0; c < MODEL_CONTAINERS && !bad; c++) {
		if (m->containers[c])
			bad = check_container(m, c);
	}
	return bad;
}
