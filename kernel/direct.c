// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Runs into I/O page tables, and one sync for many of them.
 *
 * What the kernel exports, iommu_map() and iommu_map_sg(), syncs each call and
 * looks each run over once more. For scattered pages that is a quarter of what
 * a map costs; so here the functions are called that those two would call, as
 * public headers declare them: @map_pages of the domain's own operations, or
 * @map_range of 7.3's generic page tables. The rules are the IOMMU core's:
 * whoever maps holds the range, aligns to the smallest page, asks for no more
 * than the driver said it can do, and syncs before anyone may use what it has
 * mapped. Nobody promises that a driver will go on being content with that:
 * direct_tables=0 goes by the exported functions alone.
 *
 * Only runs too short for any but the smallest leaf come here, so that no leaf
 * has to be chosen; 7.3's tables choose for themselves, and take them all.
 *
 * What is unmapped goes the exported way always: it costs next to nothing.
 */
#include <linux/iommu.h>

#include "compat.h"
#include "host.h"

/* The exported functions note every page they map, and the unmap looks for it. */
#define EVERY_MAP_IS_NOTED IS_ENABLED(CONFIG_IOMMU_DEBUG_PAGEALLOC)

/**
 * mfk_direct_init() - find out what of a domain can be mapped this way
 * @w: set to that; nothing at all if there is no such way
 * @d: the domain
 */
void mfk_direct_init(struct mfk_direct *w, struct iommu_domain *d)
{
	unsigned long sizes = d->pgsize_bitmap, larger = sizes & (sizes - 1);

	w->domain = d;
	w->bytes_below = 0;
	if (!mfk_direct_tables || EVERY_MAP_IS_NOTED || !sizes ||
	    !(d->type & __IOMMU_DOMAIN_PAGING))
		return;

	w->page_shift = __ffs(sizes);
	if (mfk_tables_choose_leaves(d))
		w->bytes_below = U64_MAX;
	else if (d->ops->map_pages)
		w->bytes_below = larger ? BIT_ULL(__ffs(larger)) : U64_MAX;
}

/* Drivers may stop where one of their tables ends, and want to be called again. */
static int map_rest(const struct mfk_direct *w, u64 iova, u64 paddr, u64 bytes, int prot,
		    u64 *mapped)
{
	while (bytes) {
		size_t got = 0;
		int err;

		err = mfk_iommu_map_unsynced(w->domain, iova, paddr, bytes, w->page_shift, prot,
					     &got);
		*mapped += got;
		if (err)
			return err;
		if (!got)
			return -EINVAL;
		iova += got;
		paddr += got;
		bytes -= got;
	}
	return 0;
}

/**
 * mfk_direct_map() - map runs, as long as they can go this way
 * @w: from mfk_direct_init()
 * @iova: where the first goes
 * @runs: the runs, one after another
 * @nr: how many
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE
 * @done: set to how many were mapped
 * @bytes: what they and, after a failure, pieces of the next one map is added to it
 *
 * The unit need not see any of it before mfk_direct_sync().
 *
 * Return: 0; or a negative errno, with @bytes from @iova on to be unmapped.
 */
int mfk_direct_map(const struct mfk_direct *w, u64 iova, const mf_run *runs, u64 nr, int prot,
		   u64 *done, u64 *bytes)
{
	const u64 inside = BIT_ULL(w->page_shift) - 1;
	u64 at = iova, i;
	int err = 0;

	for (i = 0; i < nr; i++) {
		u64 paddr = mf_run_pfn(runs[i]) << PAGE_SHIFT;
		u64 size = mf_run_pages(runs[i]) << PAGE_SHIFT;
		size_t got = 0;

		if (size >= w->bytes_below || (at | paddr | size) & inside)
			break;
		err = mfk_iommu_map_unsynced(w->domain, at, paddr, size, w->page_shift, prot, &got);
		at += got;
		if (unlikely(!err && got < size))
			err = map_rest(w, at, paddr + got, size - got, prot, &at);
		if (err)
			break;
	}
	*done = i;
	*bytes += at - iova;
	return err;
}

/**
 * mfk_direct_sync() - have the unit look at what was mapped
 * @w: from mfk_direct_init()
 * @iova: the first of it
 * @bytes: all of it, and possibly more
 *
 * Return: 0 or a negative errno.
 */
int mfk_direct_sync(const struct mfk_direct *w, u64 iova, u64 bytes)
{
	return mfk_iommu_sync_map(w->domain, iova, bytes);
}
