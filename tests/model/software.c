// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The operations of software devices, which pin pages and copy them, and those
 * on vaddrs.
 */
#include "tests/model/model.h"

/* Mostly just what is mapped: else there is little to be done. */
void model_aim(const struct model *m, const struct op *op, u64 *iova, u64 *size)
{
	const struct ref_container *r = &m->refs[m->current];

	*iova = model_iova(op);
	*size = model_size(op);
	if (r->nr_maps && op->b & 0xc0) {
		const struct ref_mapping *map = &r->maps[op->d % r->nr_maps];

		*iova = map->span.first;
		*size = map->span.last - map->span.first + 1;
	}
}

const char *model_emulate(struct model *m, const struct op *op)
{
	struct ref_container *r = &m->refs[m->current];
	struct outcome o = { .success = true };
	u32 group = op->a % m->w.nr_groups;
	int err;

	if (ref_any_invalid(r))
		o = (struct outcome){ .errors = { -EBUSY }, .nr_errors = 1 };
	else if (ref_has_group(r, group) || r->emulated[group])
		o = (struct outcome){ .errors = { -EINVAL }, .nr_errors = 1 };
	err = mf_attach(m->containers[m->current], &m->w.groups[group], MF_ATTACH_EMULATED, NULL);
	if (!err)
		r->emulated[group] = true;
	return model_compare(m, &o, err, "attach of software");
}

static void forget_one(struct model *m, struct ref_container *r, struct ref_external *x)
{
	u64 iova = x->iova;

	if (--x->count)
		return;
	*x = r->externals[--r->nr_externals];
	ref_mark(m, r, iova, false);
}

static void unpin(struct model *m, u64 iova, u32 pages)
{
	struct ref_container *r = &m->refs[m->current];
	struct ref_external *x;
	u32 i;

	mf_unpin_pages(m->containers[m->current], iova, pages);
	for (i = 0; i < pages && iova + i * PAGE >= iova; i++) {
		x = ref_external(r, iova + i * PAGE);
		if (x)
			forget_one(m, r, x);
	}
}

/* Devices obey, page by page, unless the operation before said they do not. */
void model_unmapping(void *context, void *cookie, struct mf_span span)
{
	struct model *m = context;
	struct ref_container *r = &m->refs[m->current];
	u32 i;

	if (cookie != r)
		m->w.bad_allocs++;
	if (m->asked++ < m->keep)
		return;
	for (i = r->nr_externals; i--;) {
		struct ref_external *x = &r->externals[i];
		u64 iova = x->iova;
		u32 count = x->count;

		while (span.first <= iova && iova <= span.last && count--)
			unpin(m, iova, 1);
	}
}

/* The pages were pinned: enter them, and check that they are the right ones. */
static const char *follow_pin(struct model *m, u64 iova, u32 pages, const u64 *pfns)
{
	struct ref_container *r = &m->refs[m->current];
	u32 i;

	for (i = 0; i < pages; i++) {
		u64 page = (iova + i * PAGE) & MF_PAGE_MASK, pfn = 0;
		struct ref_external *x = ref_external(r, page);
		const struct ref_mapping *map = ref_find(r, page);

		if (!map)
			return "a page was pinned that no mapping has";
		if (!x) {
			if (!ref_memory(m, map, page, map->prot, &pfn))
				return "a page was pinned that can't be had";
			x = &r->externals[r->nr_externals++];
			*x = (struct ref_external){ .iova = page, .pfn = pfn };
		}
		if (x->pfn != pfns[i])
			return "another page was pinned than the mapping has";
		x->count++;
		m->unlimited[map->owner] |= map->unlimited;
	}
	return NULL;
}

static void promote(struct ref_container *r, u32 group)
{
	if (!ref_has_group(r, group) || r->pins_only[group])
		return;
	r->pins_only[group] = true;
	ref_mark_all(r);
}

/* Often a group behind a unit that has not pinned before; sometimes none at all. */
static u32 who_pins(const struct model *m, const struct op *op)
{
	const struct ref_container *r = &m->refs[m->current];
	u32 g;

	for (g = 0; op->a & 8 && g < m->w.nr_groups; g++) {
		if (ref_has_group(r, g) && !r->pins_only[g])
			return g;
	}
	return op->a % 16;
}

const char *model_pin(struct model *m, const struct op *op)
{
	struct ref_container *r = &m->refs[m->current];
	u32 group = who_pins(m, op), pages = op->e >> 8 & 7, prot = 1 + (op->a >> 4) % 3, i;
	struct mf_host_group *by = group < m->w.nr_groups ? &m->w.groups[group] : NULL;
	const char *bad = NULL;
	u64 iova, size, pfns[8];
	struct outcome o;
	int err;

	model_aim(m, op, &iova, &size);
	iova += (op->e & 15) * PAGE;
	if (r->nr_externals + pages > MODEL_EXTERNALS)
		return NULL;
	o = ref_pin(m, m->current, iova, pages, prot);
	err = mf_pin_pages(m->containers[m->current], by, iova, pages, prot, pfns, NULL);
	/* What was pinned and let go again on the way to a failure has become dirty. */
	for (i = 0; err && i < pages; i++)
		ref_mark(m, r, iova + i * PAGE, true);
	if (!err)
		bad = follow_pin(m, iova, pages, pfns);
	if (!err && !bad && by)
		promote(r, group);
	if (bad || m->intruded)
		return bad;
	return model_compare(m, &o, err, "pin");
}

const char *model_unpin(struct model *m, const struct op *op)
{
	u64 iova, size;

	model_aim(m, op, &iova, &size);
	m->w.no_alloc = !m->refs[m->current].tracking;
	unpin(m, iova + (op->e & 15) * PAGE, op->e >> 8 & 15);
	m->w.no_alloc = false;
	return NULL;
}

/* After a read or a write that succeeded, buffer and memory are the same. */
static const char *check_copy(struct model *m, u64 iova, const u8 *data, u64 bytes)
{
	const struct ref_mapping *map;
	u8 there[PAGE];
	u64 n, pfn;

	for (; bytes; iova += n, data += n, bytes -= n) {
		n = mf_min(bytes, PAGE - iova % PAGE);
		map = ref_find(&m->refs[m->current], iova);
		if (!map || !ref_memory(m, map, iova, MF_READ, &pfn))
			return "memory was copied that can't be had";
		mf_ram_read(m->w.ram, pfn, (u32)(iova % PAGE), there, (u32)n);
		if (memcmp(there, data, n))
			return "software copied the wrong bytes";
	}
	return NULL;
}

static u64 pages_touched(u64 iova, u64 bytes)
{
	return bytes ? (iova % PAGE + bytes - 1) / PAGE + 1 : 0;
}

const char *model_access(struct model *m, const struct op *op)
{
	struct ref_container *r = &m->refs[m->current];
	u64 iova, size, bytes = (op->e >> 12) * 700 + (op->a & 127), i;
	static u8 data[16 * 1024];
	bool write = op->a & 128;
	struct outcome o;
	int err;

	model_aim(m, op, &iova, &size);
	iova += (op->e & 7) * PAGE + (op->e >> 3 & 511) * 8;
	o = ref_access(m, m->current, iova, bytes, write);
	for (i = 0; write && i < bytes; i++)
		data[i] = (u8)(op->d + i);
	err = mf_access(m->containers[m->current], iova, data, bytes, write, NULL);
	for (i = 0; write && i < pages_touched(iova, bytes); i++)
		ref_mark(m, r, iova + i * PAGE, err);
	if (!err && o.success) {
		const char *bad = check_copy(m, iova, data, bytes);

		if (bad)
			return bad;
	}
	return model_compare(m, &o, err, "access");
}

/* The mappings that a range names, as for an unmap; they stay. */
static struct outcome expect_invalidate(const struct model *m, u64 iova, u64 size, bool all,
					bool *takes, u64 *bytes)
{
	const struct ref_container *r = &m->refs[m->current];
	struct outcome o = { .success = true };
	u32 i;

	if (ref_any_emulated(r))
		return (struct outcome){ .errors = { -EBUSY }, .nr_errors = 1 };
	*bytes = 0;
	for (i = 0; all && i < r->nr_maps; i++) {
		takes[i] = true;
		*bytes += r->maps[i].span.last - r->maps[i].span.first + 1;
	}
	if (!all)
		o = ref_unmap(m, m->current, iova, size, takes, bytes);
	for (i = 0; o.success && i < r->nr_maps; i++) {
		if (takes[i] && r->maps[i].invalid)
			o = (struct outcome){ .errors = { -EINVAL }, .nr_errors = 1 };
	}
	return o;
}

const char *model_invalidate(struct model *m, const struct op *op)
{
	struct mf_container *c = m->containers[m->current];
	struct ref_container *r = &m->refs[m->current];
	u64 iova, size, bytes = 0, invalidated = 12345;
	bool takes[MODEL_MAPPINGS], all = !(op->a & 7);
	struct outcome o;
	u32 i;
	int err;

	model_aim(m, op, &iova, &size);
	o = expect_invalidate(m, iova, size, all, takes, &bytes);
	if (all)
		err = mf_invalidate_all_vaddr(c, &invalidated, NULL);
	else
		err = mf_invalidate_vaddr(c, iova, size, &invalidated, NULL);
	if (!err && o.success && invalidated != bytes)
		return "invalidate says another size than it should";
	if (err && invalidated != 12345)
		return "invalidate failed and says a size";
	for (i = 0; !err && o.success && i < r->nr_maps; i++)
		r->maps[i].invalid = r->maps[i].invalid || takes[i];
	return model_compare(m, &o, err, "invalidate");
}

/* Mostly a mapping that waits for one. */
static void aim_at_invalid(const struct model *m, const struct op *op, u64 *iova, u64 *size)
{
	const struct ref_container *r = &m->refs[m->current];
	u32 i;

	model_aim(m, op, iova, size);
	for (i = 0; op->b & 0x80 && i < r->nr_maps; i++) {
		if (!r->maps[i].invalid)
			continue;
		*iova = r->maps[i].span.first;
		*size = r->maps[i].span.last - *iova + 1;
	}
}

const char *model_update(struct model *m, const struct op *op)
{
	struct ref_container *r = &m->refs[m->current];
	struct ref_mapping wanted = {
		.vaddr = model_vaddr(op), .owner = op->a & 1, .unlimited = (op->a >> 1 & 7) == 1,
	};
	struct outcome o;
	u64 iova, size;
	u32 i;
	int err;

	aim_at_invalid(m, op, &iova, &size);
	if (op->a >> 5 == 1)
		size += 16 * PAGE;
	wanted.span = (struct mf_span){ iova, iova + (size - 1) };
	o = ref_update(m, m->current, &wanted, size);
	err = mf_update_vaddr(m->containers[m->current], &m->w.owner[wanted.owner]->owner, iova,
			      wanted.vaddr, size, wanted.unlimited ? MF_MAP_UNLIMITED : 0, NULL);
	for (i = 0; !err && o.success && i < r->nr_maps; i++) {
		struct ref_mapping *map = &r->maps[i];

		if (map->span.first != iova)
			continue;
		map->vaddr = wanted.vaddr;
		map->owner = wanted.owner;
		map->unlimited = wanted.unlimited;
		map->invalid = false;
		m->unlimited[wanted.owner] |= wanted.unlimited;
	}
	return model_compare(m, &o, err, "update");
}
