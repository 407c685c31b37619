// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What requests should do, the slow and obvious way: arrays in no order, every
 * page looked at one by one. It shares no code and no structure with the
 * engine, and speaks only of what a user could see.
 */
#include "tests/model/model.h"

static void may_fail(struct outcome *o, int err)
{
	o->errors[o->nr_errors++] = err;
}

static struct outcome must_fail(int err)
{
	struct outcome o = { 0 };

	may_fail(&o, err);
	return o;
}

static const struct mf_model_config *config_of(const struct model *m, u32 unit)
{
	return &m->w.units[unit].config;
}

/* Page sizes of a unit as a container counts them: none below a page. */
static u64 sizes_of(const struct model *m, u32 unit)
{
	u64 sizes = config_of(m, unit)->pgsizes;

	if (sizes & (PAGE - 1))
		sizes |= PAGE;
	return sizes & ~(PAGE - 1);
}

static u64 common_sizes(const struct model *m, const struct ref_container *r)
{
	u64 sizes = ~(PAGE - 1);
	u32 i;

	for (i = 0; i < r->nr_domains; i++)
		sizes &= sizes_of(m, r->domains[i].unit);
	return sizes;
}

u64 ref_granule(const struct model *m, const struct ref_container *r)
{
	u64 sizes = common_sizes(m, r), size = PAGE;

	while (!(sizes & size))
		size *= 2;
	return size;
}

bool ref_has_group(const struct ref_container *r, u32 group)
{
	u32 i;

	for (i = 0; i < r->nr_domains; i++) {
		if (r->domains[i].groups[group])
			return true;
	}
	return false;
}

bool ref_any_emulated(const struct ref_container *r)
{
	u32 g;

	for (g = 0; g < MODEL_GROUPS; g++) {
		if (r->emulated[g])
			return true;
	}
	return false;
}

struct ref_domain *ref_domain_of(struct ref_container *r, u32 group)
{
	u32 i;

	for (i = 0; i < r->nr_domains; i++) {
		if (r->domains[i].groups[group])
			return &r->domains[i];
	}
	return NULL;
}

static bool in_regions(const struct model *m, u32 group, struct mf_span span)
{
	const struct mf_host_group *g = &m->w.groups[group];
	u32 i;

	for (i = 0; i < g->nr_regions; i++) {
		if (g->regions[i].type != MF_REGION_DIRECT_RELAXABLE &&
		    g->regions[i].span.first <= span.last && span.first <= g->regions[i].span.last)
			return true;
	}
	return false;
}

static bool in_aperture(const struct model *m, u32 unit, struct mf_span span)
{
	struct mf_span a = config_of(m, unit)->aperture;

	return a.first <= span.first && span.last <= a.last;
}

/* Is every IOVA of @span translated by all domains and reserved by no group? */
bool ref_valid(const struct model *m, const struct ref_container *r, struct mf_span span)
{
	u32 i, g;

	if (!r->nr_domains)
		return false;
	for (i = 0; i < r->nr_domains; i++) {
		if (!in_aperture(m, r->domains[i].unit, span))
			return false;
	}
	for (g = 0; g < m->w.nr_groups; g++) {
		if (ref_has_group(r, g) && in_regions(m, g, span))
			return false;
	}
	return true;
}

static struct mf_span one(u64 iova)
{
	return (struct mf_span){ iova, iova };
}

/* Is any IOVA valid? Only where something begins or has just ended need one look. */
static bool any_valid(const struct model *m, const struct ref_container *r)
{
	u32 i, g;

	for (i = 0; i < r->nr_domains; i++) {
		if (ref_valid(m, r, one(config_of(m, r->domains[i].unit)->aperture.first)))
			return true;
	}
	for (g = 0; g < m->w.nr_groups; g++) {
		const struct mf_host_group *group = &m->w.groups[g];

		for (i = 0; i < group->nr_regions; i++) {
			u64 after = group->regions[i].span.last + 1;

			if (after && ref_valid(m, r, one(after)))
				return true;
		}
	}
	return false;
}

const struct ref_mapping *ref_find(const struct ref_container *r, u64 iova)
{
	u32 i;

	for (i = 0; i < r->nr_maps; i++) {
		if (r->maps[i].span.first <= iova && iova <= r->maps[i].span.last)
			return &r->maps[i];
	}
	return NULL;
}

/* The page that domains map at @iova. */
u64 ref_pfn(const struct model *m, const struct ref_mapping *map, u64 iova)
{
	u64 page = (map->from + (iova - map->span.first) - VADDR) / PAGE;

	return m->w.owner[map->of]->pfns[page];
}

static u64 pages_of(const struct ref_mapping *map)
{
	return (map->span.last - map->span.first) / PAGE + 1;
}

bool ref_foreign(const struct model *m, u64 pfn)
{
	return m->foreign[pfn - MF_RAM_BASE_PFN];
}

/* Does page @i of a mapping begin a run? */
static bool begins_run(const struct model *m, const struct ref_mapping *map, u64 i)
{
	u64 iova = map->span.first + i * PAGE, pfn = ref_pfn(m, map, iova), before;

	if (!i || map->single || !(iova % GIB))
		return true;
	before = ref_pfn(m, map, iova - PAGE);
	return pfn != before + 1 || ref_foreign(m, pfn) != ref_foreign(m, before);
}

u64 ref_runs(const struct model *m, const struct ref_mapping *map)
{
	u64 runs = 0, i;

	for (i = 0; i < pages_of(map); i++)
		runs += begins_run(m, map, i);
	return runs;
}

/* Could a unit hold the mapping? Where a run begins, IOVA and page must align. */
static bool fits_unit(const struct model *m, const struct ref_mapping *map, u32 unit)
{
	u64 sizes = sizes_of(m, unit), size = PAGE, i;

	while (!(sizes & size))
		size *= 2;
	if ((map->span.last + 1) % size)
		return false;
	for (i = 0; i < pages_of(map); i++) {
		u64 iova = map->span.first + i * PAGE;

		if (begins_run(m, map, i) && (iova % size || ref_pfn(m, map, iova) * PAGE % size))
			return false;
	}
	return true;
}

u64 ref_pinned(const struct model *m, const struct ref_mapping *map)
{
	u64 pages = 0, i;

	for (i = 0; i < pages_of(map); i++)
		pages += !ref_foreign(m, ref_pfn(m, map, map->span.first + i * PAGE));
	return pages;
}

/*
 * Whole mappings while there is a domain; what software has pinned while there is
 * none, and, where pages are billed once, in any case: that is how often they are
 * pinned.
 */
u64 ref_container_bill(const struct model *m, const struct ref_container *r, u32 owner)
{
	u64 pages = 0;
	u32 i;

	for (i = 0; i < r->nr_maps; i++) {
		if (r->maps[i].owner != owner)
			continue;
		if (r->nr_domains)
			pages += ref_pinned(m, &r->maps[i]);
		if (!r->nr_domains || r->once)
			pages += ref_externals(r, r->maps[i].span);
	}
	return pages;
}

/* Pin a page once more; true if it was not pinned. */
bool ref_enter(struct ref_ledger *l, u64 pfn)
{
	bool *has = &l->has[pfn - MF_RAM_BASE_PFN], fresh = !*has;

	*has = true;
	l->pages += fresh;
	l->pins++;
	return fresh;
}

/* Pin all pages of a mapping that domains map; say how many were not pinned. */
u64 ref_enter_mapping(const struct model *m, const struct ref_mapping *map, struct ref_ledger *l)
{
	u64 fresh = 0, pfn, i;

	for (i = 0; i < pages_of(map); i++) {
		pfn = ref_pfn(m, map, map->span.first + i * PAGE);
		if (!ref_foreign(m, pfn))
			fresh += ref_enter(l, pfn);
	}
	return fresh;
}

/* All that is pinned for an owner by containers that bill once. */
void ref_ledger(const struct model *m, u32 owner, struct ref_ledger *l)
{
	u32 c, i;

	memset(l, 0, sizeof(*l));
	for (c = 0; c < MODEL_CONTAINERS; c++) {
		const struct ref_container *r = &m->refs[c];

		for (i = 0; r->once && r->nr_domains && i < r->nr_maps; i++) {
			if (r->maps[i].owner == owner)
				ref_enter_mapping(m, &r->maps[i], l);
		}
		for (i = 0; r->once && i < r->nr_externals; i++) {
			if (ref_find(r, r->externals[i].iova)->owner == owner)
				ref_enter(l, r->externals[i].pfn);
		}
	}
}

/* What each container bills by mapping, and each page once of those that bill once. */
u64 ref_billed(const struct model *m, u32 owner)
{
	struct ref_ledger l;
	u64 pages;
	u32 c;

	ref_ledger(m, owner, &l);
	pages = l.pages;
	for (c = 0; c < MODEL_CONTAINERS; c++) {
		if (!m->refs[c].once)
			pages += ref_container_bill(m, &m->refs[c], owner);
	}
	return pages;
}

bool ref_any_loose(const struct model *m)
{
	u32 c;

	for (c = 0; c < MODEL_CONTAINERS; c++) {
		if (m->refs[c].loose)
			return true;
	}
	return false;
}

/* May a unit still map something in @span that it should not? */
bool ref_left(const struct ref_container *r, struct mf_span span)
{
	u32 i;

	for (i = 0; i < r->nr_left; i++) {
		if (r->left[i].first <= span.last && span.first <= r->left[i].last)
			return true;
	}
	return false;
}

/* Can all pages of the owner be had? */
bool ref_can_pin(const struct model *m, const struct ref_mapping *map)
{
	const struct mf_ram_owner *o = m->w.owner[map->owner];
	u8 bad = MF_RAM_ABSENT | (map->prot & MF_WRITE ? MF_RAM_READONLY : 0);
	u64 page, i;

	for (i = 0; i < pages_of(map); i++) {
		page = (map->vaddr - VADDR) / PAGE + i;
		if (page >= o->pages || o->flags[page] & bad)
			return false;
	}
	return true;
}

/* Is there no room for a mapping under its owner's limit? */
static bool exceeds_limit(const struct model *m, const struct ref_container *r,
			  const struct ref_mapping *map)
{
	u64 more = ref_pinned(m, map);
	struct ref_ledger l;

	if (r->once) {
		ref_ledger(m, map->owner, &l);
		more = ref_enter_mapping(m, map, &l);
	}
	return !map->unlimited && more &&
	       ref_billed(m, map->owner) + more > m->w.owner[map->owner]->owner.limit;
}

/* What can go wrong once the range is found free. */
static struct outcome fill_outcome(const struct model *m, u32 c, const struct ref_mapping *map)
{
	const struct ref_container *r = &m->refs[c];
	struct outcome out = { .success = true };
	u32 i;

	if (!ref_can_pin(m, map)) {
		out.success = false;
		may_fail(&out, -EFAULT);
		/* How far it gets before that can't be known page by page: */
		may_fail(&out, -ENOMEM);
		may_fail(&out, -EINVAL);
	} else {
		bool exceeds = exceeds_limit(m, r, map), misfit = false;

		for (i = 0; i < r->nr_domains; i++)
			misfit = misfit || !fits_unit(m, map, r->domains[i].unit);
		out.success = !exceeds && !misfit;
		if (exceeds || ref_any_loose(m))
			may_fail(&out, -ENOMEM);
		if (misfit)
			may_fail(&out, -EINVAL);
	}
	if (ref_left(r, map->span))
		may_fail(&out, -EADDRINUSE);
	return out;
}

/**
 * ref_map() - what a map should result in
 */
struct outcome ref_map(const struct model *m, u32 c, const struct ref_mapping *wanted, u64 size)
{
	const struct ref_container *r = &m->refs[c];
	u64 iova = wanted->span.first, granule;
	u32 i;

	if (!size)
		return must_fail(-EINVAL);
	if (iova + (size - 1) < iova || wanted->vaddr + (size - 1) < wanted->vaddr)
		return must_fail(r->wrap_errno);
	if (!wanted->prot || (!r->nr_domains && !ref_any_emulated(r)))
		return must_fail(-EINVAL);
	granule = ref_granule(m, r);
	if (iova % granule || wanted->vaddr % granule || size % granule)
		return must_fail(-EINVAL);
	for (i = 0; i < r->nr_maps; i++) {
		if (r->maps[i].span.first <= wanted->span.last &&
		    wanted->span.first <= r->maps[i].span.last)
			return must_fail(-EEXIST);
	}
	if (r->nr_maps == r->limit)
		return must_fail(-ENOSPC);
	if (!r->nr_domains)
		return (struct outcome){ .success = true };
	if (!ref_valid(m, r, wanted->span))
		return must_fail(-EINVAL);
	/* The lists that a mapping this large would need are refused by the host. */
	if (size > (1ull << 46))
		return must_fail(-ENOMEM);
	return fill_outcome(m, c, wanted);
}

/* What is between units: can a domain of one take a group behind the other? */
bool ref_could_join(const struct model *m, const struct ref_domain *d, u32 group)
{
	const struct mf_model *own = &m->w.units[d->unit];
	const struct mf_model *other = &m->w.units[m->unit_of[group]];

	if (own == other)
		return true;
	return own->config.format == other->config.format &&
	       own->config.kind == other->config.kind &&
	       own->config.output_bits <= other->config.output_bits &&
	       own->config.enforces == other->config.enforces &&
	       (own->config.pgsizes & other->config.pgsizes) == own->config.pgsizes &&
	       other->config.aperture.first <= own->config.aperture.first &&
	       other->config.aperture.last >= own->config.aperture.last &&
	       !own->faults.refuse && !other->faults.refuse;
}

static bool in_use_elsewhere(const struct model *m, u32 c, u32 group)
{
	u32 i;

	for (i = 0; i < MODEL_CONTAINERS; i++) {
		if (i != c && ref_has_group(&m->refs[i], group))
			return true;
	}
	return false;
}

static bool mappings_allow(const struct model *m, const struct ref_container *r, u32 group,
			   bool own_domain)
{
	u32 i, unit = m->unit_of[group];

	for (i = 0; i < r->nr_maps; i++) {
		if (in_regions(m, group, r->maps[i].span))
			return false;
		if (own_domain && !in_aperture(m, unit, r->maps[i].span))
			return false;
		/* While there is no domain there are no pages yet that might not fit. */
		if (own_domain && r->nr_domains && !fits_unit(m, &r->maps[i], unit))
			return false;
	}
	return true;
}

/* The container as it would be with the group in a domain of its own, or in one there is. */
static bool shape_allows(const struct model *m, const struct ref_container *r, u32 group,
			 bool own_domain)
{
	struct ref_container with = *r;
	u64 granule;
	u32 i;

	if (own_domain) {
		memset(&with.domains[with.nr_domains], 0, sizeof(with.domains[0]));
		with.domains[with.nr_domains++].unit = m->unit_of[group];
	}
	with.domains[with.nr_domains - 1].groups[group] = true;
	if (!common_sizes(m, &with) || !any_valid(m, &with))
		return false;
	/* Sizes in common may leave a granule coarser than either unit needs. */
	granule = ref_granule(m, &with);
	for (i = 0; i < r->nr_maps; i++) {
		if (r->maps[i].span.first % granule || (r->maps[i].span.last + 1) % granule)
			return false;
	}
	return mappings_allow(m, r, group, own_domain);
}

/* The lowest mapping that begins above @from, or at it if @too. */
static const struct ref_mapping *above(const struct ref_container *r, u64 from, bool too)
{
	const struct ref_mapping *best = NULL;
	u32 i;

	for (i = 0; i < r->nr_maps; i++) {
		u64 first = r->maps[i].span.first;

		if ((first > from || (too && first == from)) &&
		    (!best || first < best->span.first))
			best = &r->maps[i];
	}
	return best;
}

/* Could the first domain, for @group, be filled with what is mapped already? */
static struct outcome first_fill(const struct model *m, u32 c, u32 group)
{
	const struct ref_container *r = &m->refs[c];
	bool pins = true, fits = true, exceeds = false;
	struct ref_ledger ledgers[WORLD_OWNERS];
	u64 billed[WORLD_OWNERS];
	const struct ref_mapping *map;
	struct outcome out = { 0 };
	u32 i;

	for (i = 0; i < WORLD_OWNERS; i++) {
		billed[i] = ref_billed(m, i);
		ref_ledger(m, i, &ledgers[i]);
	}
	for (map = above(r, 0, true); map; map = above(r, map->span.first, false)) {
		struct ref_mapping filled = *map;
		u64 more;

		filled.from = map->vaddr;
		filled.of = map->owner;
		if (!ref_can_pin(m, &filled)) {
			pins = false;
			continue;
		}
		fits = fits && fits_unit(m, &filled, m->unit_of[group]);
		if (r->once)
			more = ref_enter_mapping(m, &filled, &ledgers[map->owner]);
		else
			more = ref_pinned(m, &filled) - ref_externals(r, map->span);
		billed[map->owner] += more;
		exceeds = exceeds || (more && !map->unlimited && billed[map->owner] >
				      m->w.owner[map->owner]->owner.limit);
	}
	out.success = pins && fits && !exceeds;
	if (!pins)
		may_fail(&out, -EFAULT);
	if (!pins || exceeds || ref_any_loose(m))
		may_fail(&out, -ENOMEM);
	if (!pins || !fits)
		may_fail(&out, -EINVAL);
	return out;
}

/**
 * ref_attach() - what an attach should result in
 * @joins: set to whether the group should share a domain that is there
 */
struct outcome ref_attach(const struct model *m, u32 c, u32 group, bool unsafe, bool *joins)
{
	const struct ref_container *r = &m->refs[c];
	struct outcome out = { .success = true };
	u32 i;

	*joins = false;
	if (ref_any_invalid(r))
		return must_fail(-EBUSY);
	if (ref_has_group(r, group) || r->emulated[group])
		return must_fail(-EINVAL);
	if (!unsafe && !m->w.groups[group].isolated)
		return must_fail(-EPERM);
	if (in_use_elsewhere(m, c, group))
		return must_fail(-EBUSY);
	if (r->nr_domains && !shape_allows(m, r, group, false))
		return must_fail(-EINVAL);
	for (i = 0; i < r->nr_domains; i++)
		*joins = *joins || ref_could_join(m, &r->domains[i], group);
	if (!*joins && !shape_allows(m, r, group, true))
		return must_fail(-EINVAL);
	return r->nr_domains ? out : first_fill(m, c, group);
}

static bool overlaps(const struct ref_mapping *map, struct mf_span span)
{
	return map->span.first <= span.last && span.first <= map->span.last;
}

/**
 * ref_unmap() - what an unmap should result in
 * @takes: says of each mapping whether it goes
 * @bytes: how many bytes those are
 */
struct outcome ref_unmap(const struct model *m, u32 c, u64 iova, u64 size, bool *takes, u64 *bytes)
{
	const struct ref_container *r = &m->refs[c];
	struct outcome out = { .success = true };
	struct mf_span span = { iova, iova + (size - 1) };
	u64 granule = ref_granule(m, r), lowest = TOP;
	u32 i;

	*bytes = 0;
	memset(takes, 0, MODEL_MAPPINGS * sizeof(*takes));
	if (!size || iova % granule || size % granule)
		return must_fail(-EINVAL);
	if (span.last < iova)
		return must_fail(r->wrap_errno);
	for (i = 0; i < r->nr_maps; i++) {
		struct mf_span s = r->maps[i].span;

		if (!overlaps(&r->maps[i], span))
			continue;
		if (r->rules == MF_TYPE1V2 && (s.first < span.first || s.last > span.last))
			return must_fail(-EINVAL);
		lowest = s.first < lowest ? s.first : lowest;
	}
	if (lowest < span.first)
		return out;
	for (i = 0; i < r->nr_maps; i++) {
		takes[i] = overlaps(&r->maps[i], span);
		if (takes[i])
			*bytes += r->maps[i].span.last - r->maps[i].span.first + 1;
	}
	return out;
}
