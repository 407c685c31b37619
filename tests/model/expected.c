// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What requests of software devices, on vaddrs and on dirty pages should do:
 * the reference goes on here, page by page, as slow and obvious.
 */
#include "tests/model/model.h"

static struct outcome fails(int err)
{
	return (struct outcome){ .errors = { err }, .nr_errors = 1 };
}

static bool within(struct mf_span span, u64 iova)
{
	return span.first <= iova && iova <= span.last;
}

/* The page at @iova, if software has pinned it. */
struct ref_external *ref_external(const struct ref_container *r, u64 iova)
{
	u32 i;

	for (i = 0; i < r->nr_externals; i++) {
		if (r->externals[i].iova == (iova & MF_PAGE_MASK))
			return (struct ref_external *)&r->externals[i];
	}
	return NULL;
}

/* How many pages of @span software has pinned. */
u64 ref_externals(const struct ref_container *r, struct mf_span span)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < r->nr_externals; i++)
		n += within(span, r->externals[i].iova);
	return n;
}

bool ref_any_invalid(const struct ref_container *r)
{
	u32 i;

	for (i = 0; i < r->nr_maps; i++) {
		if (r->maps[i].invalid)
			return true;
	}
	return false;
}

/* The page of the owner that @iova stands for now; false if it can't be had for @prot. */
bool ref_memory(const struct model *m, const struct ref_mapping *map, u64 iova, u32 prot, u64 *pfn)
{
	const struct mf_ram_owner *o = m->w.owner[map->owner];
	u64 page = (map->vaddr + (iova - map->span.first) - VADDR) / PAGE;

	if (page >= o->pages || o->flags[page] & MF_RAM_ABSENT ||
	    (prot & MF_WRITE && o->flags[page] & MF_RAM_READONLY))
		return false;
	*pfn = o->pfns[page];
	return true;
}

/* Is the page at @iova no memory, whatever else is said of it? */
static bool no_memory(const struct model *m, const struct ref_mapping *map, u64 iova)
{
	u64 page = (map->vaddr + (iova - map->span.first) - VADDR) / PAGE;

	return page < MODEL_PAGES && ref_foreign(m, m->w.owner[map->owner]->pfns[page]);
}

/**
 * ref_pin() - what pinning pages should result in
 */
struct outcome ref_pin(const struct model *m, u32 c, u64 iova, u32 pages, u32 prot)
{
	const struct ref_container *r = &m->refs[c];
	u64 size = (u64)pages * PAGE, more[WORLD_OWNERS] = { 0 }, pfn;
	struct ref_ledger ledgers[WORLD_OWNERS];
	struct outcome out = { .success = true };
	bool fresh;
	u32 i;

	for (i = 0; i < WORLD_OWNERS; i++)
		ref_ledger(m, i, &ledgers[i]);
	if (r->rules != MF_TYPE1V2)
		return fails(-EACCES);
	if (!pages)
		return fails(-EINVAL);
	if (iova + (size - 1) < iova)
		return fails(r->wrap_errno);
	if (ref_any_invalid(r))
		return fails(-EBUSY);
	for (i = 0; i < pages; i++) {
		u64 page = iova + i * PAGE;
		const struct ref_mapping *map = ref_find(r, page);
		u32 o = map ? map->owner : 0;

		if (!map)
			return fails(-EINVAL);
		if (prot & ~map->prot)
			return fails(-EPERM);
		if (ref_external(r, page))
			continue;
		if (no_memory(m, map, page))
			return fails(-EINVAL);
		if (!ref_memory(m, map, page, map->prot, &pfn))
			return fails(-EFAULT);
		fresh = r->once ? ref_enter(&ledgers[o], pfn) : !r->nr_domains;
		more[o] += fresh;
		if (!fresh || map->unlimited)
			continue;
		if (ref_billed(m, o) + more[o] > m->w.owner[o]->owner.limit)
			return fails(-ENOMEM);
		if (ref_any_loose(m) && !out.nr_errors)
			out.errors[out.nr_errors++] = -ENOMEM;
	}
	return out;
}

/**
 * ref_access() - what reading or writing should result in
 */
struct outcome ref_access(const struct model *m, u32 c, u64 iova, u64 bytes, bool write)
{
	const struct ref_container *r = &m->refs[c];
	u32 needed = MF_READ | (write ? MF_WRITE : 0);
	u64 i, pfn;

	if (bytes && iova + (bytes - 1) < iova)
		return fails(r->wrap_errno);
	for (i = 0; i < bytes; i++) {
		const struct ref_mapping *map = ref_find(r, iova + i);

		if (ref_any_invalid(r))
			return fails(-EBUSY);
		if (!map)
			return fails(-EINVAL);
		if (needed & ~map->prot)
			return fails(-EPERM);
		if (!ref_memory(m, map, iova + i, write ? MF_WRITE : MF_READ, &pfn))
			return fails(-EFAULT);
	}
	return (struct outcome){ .success = true };
}

/* How many pages the bill of @owner grows by if it becomes that of @map. */
static u64 growth(const struct model *m, const struct ref_container *r,
		  const struct ref_mapping *map, u32 owner)
{
	struct ref_ledger l;
	u64 pages;
	u32 i;

	if (!r->once)
		return ref_pinned(m, map);
	ref_ledger(m, owner, &l);
	pages = r->nr_domains ? ref_enter_mapping(m, map, &l) : 0;
	for (i = 0; i < r->nr_externals; i++) {
		if (within(map->span, r->externals[i].iova))
			pages += ref_enter(&l, r->externals[i].pfn);
	}
	return pages;
}

/**
 * ref_update() - what a new vaddr should result in
 */
struct outcome ref_update(const struct model *m, u32 c, const struct ref_mapping *wanted, u64 size)
{
	const struct ref_container *r = &m->refs[c];
	u64 granule = ref_granule(m, r), lowest = TOP, billed;
	const struct ref_mapping *map = NULL;
	struct outcome out = { .success = true };
	u32 i;

	if (!size)
		return fails(-EINVAL);
	if (wanted->span.last < wanted->span.first ||
	    wanted->vaddr + (size - 1) < wanted->vaddr)
		return fails(r->wrap_errno);
	if ((wanted->span.first | wanted->vaddr | size) % granule)
		return fails(-EINVAL);
	for (i = 0; i < r->nr_maps; i++) {
		struct mf_span s = r->maps[i].span;

		if (s.first <= wanted->span.last && wanted->span.first <= s.last &&
		    s.first <= lowest) {
			lowest = s.first;
			map = &r->maps[i];
		}
	}
	if (!map)
		return fails(-ENOENT);
	if (!map->invalid || map->span.first != wanted->span.first ||
	    map->span.last != wanted->span.last)
		return fails(-EINVAL);
	if (map->owner == wanted->owner || wanted->unlimited)
		return out;
	billed = growth(m, r, map, wanted->owner);
	if (!billed)
		return out;
	if (ref_billed(m, wanted->owner) + billed > m->w.owner[wanted->owner]->owner.limit)
		return fails(-ENOMEM);
	if (ref_any_loose(m))
		out.errors[out.nr_errors++] = -ENOMEM;
	return out;
}

/* The page at @iova was written to; @unsure: or not. */
void ref_mark(struct model *m, struct ref_container *r, u64 iova, bool unsure)
{
	u32 i;

	if (!r->tracking)
		return;
	iova &= MF_PAGE_MASK;
	for (i = 0; i < r->nr_maps; i++) {
		if (m->w.failed && within(r->maps[i].span, iova))
			r->maps[i].maybe = true;
	}
	for (i = 0; i < r->nr_dirty; i++) {
		if (r->dirty[i].iova == iova) {
			r->dirty[i].unsure = r->dirty[i].unsure && unsure;
			return;
		}
	}
	if (r->nr_dirty < MODEL_DIRTY)
		r->dirty[r->nr_dirty++] = (struct ref_dirty){ iova, unsure };
}

/* A group that may have written anywhere does so no more. */
void ref_mark_all(struct ref_container *r)
{
	u32 i;

	for (i = 0; r->tracking && i < r->nr_maps; i++)
		r->maps[i].all = true;
}

/* What is in @span is clean. */
void ref_clean(struct ref_container *r, struct mf_span span)
{
	u32 i;

	for (i = r->nr_dirty; i--;) {
		if (within(span, r->dirty[i].iova))
			r->dirty[i] = r->dirty[--r->nr_dirty];
	}
	for (i = 0; i < r->nr_maps; i++) {
		if (within(span, r->maps[i].span.first)) {
			r->maps[i].all = false;
			r->maps[i].maybe = false;
		}
	}
}

/* May a group behind a unit write wherever it likes? */
static bool any_writer(const struct ref_container *r)
{
	u32 g;

	for (g = 0; g < MODEL_GROUPS; g++) {
		if (ref_has_group(r, g) && !r->pins_only[g])
			return true;
	}
	return false;
}

/**
 * ref_is_dirty() - is any page of a granule of @map dirty?
 * @sure: set to whether that must be so; else it may be
 */
bool ref_is_dirty(const struct ref_container *r, const struct ref_mapping *map, u64 iova,
		  u64 bytes, bool *sure)
{
	struct mf_span granule = { iova, iova + (bytes - 1) };
	bool maybe = map->maybe;
	u32 i;

	*sure = map->all || any_writer(r) || ref_externals(r, granule);
	for (i = 0; i < r->nr_dirty; i++) {
		if (!within(granule, r->dirty[i].iova))
			continue;
		maybe = true;
		*sure = *sure || !r->dirty[i].unsure;
	}
	return *sure || maybe;
}
