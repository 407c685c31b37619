// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * I/O page tables: runs in, ranges out.
 *
 * A unit that caches absent entries (QEMU's, with caching-mode) has to be synced
 * after a map, which costs more than the map of a page: so runs are synced many
 * at a time. Short ones are mapped as direct.c says, and synced together; others
 * are handed over as scatter lists, because a list is synced once where single
 * maps are synced each.
 */
#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "compat.h"
#include "host.h"

#define LIST_RUNS (PAGE_SIZE / sizeof(struct scatterlist))

/* How many runs are mapped before others get to run. */
#define STEP_RUNS 512ull

/* How much may be unmapped from one domain before it is flushed. */
#define FLUSH_BYTES (1ull << 40)

/*
 * Memory is always mapped cacheable; whether a device may bypass the cache is
 * the domain's affair (enforced coherency).
 */
static int iommu_prot(u32 prot)
{
	return IOMMU_CACHE | (prot & MF_READ ? IOMMU_READ : 0) |
	       (prot & MF_WRITE ? IOMMU_WRITE : 0);
}

/* Runs that touch were kept apart on purpose (disable_hugepages); a list would join them. */
static bool adjoin(mf_run a, mf_run b)
{
	return mf_run_pfn(a) + mf_run_pages(a) == mf_run_pfn(b);
}

/* How many runs from the first on can go by one list: foreign ones have no page. */
static u32 list_length(const mf_run *runs, u64 nr)
{
	u32 n = 0;

	while (n < nr && n < LIST_RUNS && !mf_run_foreign(runs[n]) &&
	       !(n && adjoin(runs[n - 1], runs[n])))
		n++;
	return n;
}

/*
 * Add to the gather what was just unmapped, [@first, @first + @bytes).
 *
 * With VT-d the IOMMU core's own gathering is not to be trusted: when a piece
 * of another size comes along it flushes what was gathered before and then
 * frees the page tables of the new piece too, which the unit may still walk
 * (6.1 and 6.12: intel_iommu_unmap(), iommu_iotlb_gather_add_page()). So on x86
 * drivers are told that somebody else flushes ("queued", else only for lazy DMA
 * domains), and the range is kept here. Drivers that do not know of it gather
 * as ever; they keep no page tables. 7.3's generic tables, which VT-d and AMD-Vi
 * have there, do it right, and then as they are told: they leave the range to
 * whoever queues, and what they took out stays on the gather's list till the end.
 */
static void gather_add(struct mf_gather *gather, u64 first, u64 bytes)
{
	if (!gather->any)
		gather->first = first;
	gather->last = first + (bytes - 1);
	gather->any = true;
}

/* Ranges are flushed apart, and none so long that VT-d's 32 bit page count overflows. */
static bool gather_fits(const struct mf_gather *gather, u64 first)
{
	return !gather->any ||
	       (first == gather->last + 1 && first - gather->first < FLUSH_BYTES);
}

/* See @domain_flush of struct mf_host_ops. */
void mfk_domain_flush(struct mf_host *host, struct mf_host_domain *domain,
		      struct mf_gather *gather)
{
	if (!gather->any)
		return;
	if (IS_ENABLED(CONFIG_X86)) {
		gather->iotlb.start = gather->first;
		gather->iotlb.end = gather->last;
		gather->iotlb.queued = false;
	}
	iommu_iotlb_sync(mfk_to_domain(domain), &gather->iotlb);
	gather->any = false;
}

/*
 * See @domain_unmap of struct mf_host_ops. Goes from one multiple of a chunk to
 * the next, to let others run. No leaf crosses one, however large the unit's are
 * (AMD-Vi has one for any power of two), since the engine maps chunk by chunk. 7.3 unmaps
 * nothing from the middle of a leaf on.
 */
u64 mfk_domain_unmap(struct mf_host *host, struct mf_host_domain *domain, u64 iova, u64 bytes,
		     struct mf_gather *gather)
{
	const u64 chunk = 1ull << MF_CHUNK_SHIFT;
	u64 done = 0;

	while (done < bytes) {
		u64 first = iova + done;
		u64 n = min(bytes - done, chunk - (first & (chunk - 1)));
		u64 got;

		if (!gather_fits(gather, first))
			mfk_domain_flush(host, domain, gather);
		gather->iotlb.queued = IS_ENABLED(CONFIG_X86);
		got = iommu_unmap_fast(mfk_to_domain(domain), first, n, &gather->iotlb);
		if (got)
			gather_add(gather, first, got);
		done += got;
		if (got < n)
			break;
		cond_resched();
	}
	return done;
}

static void unmap_now(struct mf_host *host, struct mf_host_domain *domain, u64 iova, u64 bytes)
{
	struct mf_gather gather;

	mf_gather_init(&gather);
	mfk_domain_unmap(host, domain, iova, bytes, &gather);
	mfk_domain_flush(host, domain, &gather);
}

/* Runs on their way into a domain: which, where to, and how far that has got. */
struct mapping_runs {
	struct iommu_domain *d;
	struct mfk_direct direct;
	const mf_run *runs;
	u64 nr;			/* of them that are left */
	u64 iova;
	u64 bytes;		/* that are mapped from there on */
	int prot;
	bool unsynced;		/* and some of them the unit need not see yet */
	struct scatterlist *list;
	bool no_list;		/* there is no memory for one */
};

static int map_one(struct mapping_runs *r)
{
	u64 bytes = mf_run_pages(*r->runs) << PAGE_SHIFT;
	int err;

	err = mfk_iommu_map(r->d, r->iova + r->bytes, mf_run_pfn(*r->runs) << PAGE_SHIFT, bytes,
			    r->prot);
	if (err)
		return err;
	r->bytes += bytes;
	r->runs++;
	r->nr--;
	return 0;
}

static int map_list(struct mapping_runs *r, u32 nr)
{
	u64 bytes = 0;
	ssize_t mapped;
	u32 i;

	sg_init_table(r->list, nr);
	for (i = 0; i < nr; i++) {
		u64 n = mf_run_pages(r->runs[i]) << PAGE_SHIFT;

		sg_set_page(&r->list[i], pfn_to_page(mf_run_pfn(r->runs[i])), n, 0);
		bytes += n;
	}

	mapped = mfk_iommu_map_sg(r->d, r->iova + r->bytes, r->list, nr, r->prot);
	if (mapped > 0)
		r->bytes += mapped;
	if (mapped < 0 || (u64)mapped != bytes)
		return mapped < 0 ? mapped : -EINVAL;
	r->runs += nr;
	r->nr -= nr;
	return 0;
}

/* Map some of the runs: those that can go together. */
static int map_some(struct mapping_runs *r)
{
	u64 n;
	int err;

	err = mfk_direct_map(&r->direct, r->iova + r->bytes, r->runs, min(r->nr, STEP_RUNS),
			     r->prot, &n, &r->bytes);
	if (n || err) {
		r->unsynced = true;
		r->runs += n;
		r->nr -= n;
		return err;
	}

	n = list_length(r->runs, r->nr);
	if (n > 1 && !r->list && !r->no_list) {
		r->list = (struct scatterlist *)__get_free_page(GFP_KERNEL | __GFP_NOWARN);
		r->no_list = !r->list;
	}
	/* Without memory for a list, one run after another will do. */
	return n > 1 && r->list ? map_list(r, n) : map_one(r);
}

/* See @domain_map of struct mf_host_ops. */
int mfk_domain_map(struct mf_host *host, struct mf_host_domain *domain, u64 iova,
		   const mf_run *runs, u64 nr, u32 prot)
{
	struct mapping_runs r = {
		.d = mfk_to_domain(domain), .runs = runs, .nr = nr, .iova = iova,
		.prot = iommu_prot(prot),
	};
	int err = 0;

	mfk_direct_init(&r.direct, r.d);
	while (!err && r.nr) {
		err = map_some(&r);
		cond_resched();
	}

	if (!err && r.unsynced)
		err = mfk_direct_sync(&r.direct, iova, r.bytes);
	if (err && r.bytes)
		unmap_now(host, domain, iova, r.bytes);
	free_page((unsigned long)r.list);
	return err;
}

/*
 * See @domain_sync of struct mf_host_ops. Nothing is left to do: mfk_domain_map()
 * returns when the unit sees what it mapped. A sync for all of a mapping would
 * save little, and is more than a unit may want to be told at once.
 */
int mfk_domain_sync(struct mf_host *host, struct mf_host_domain *domain, struct mf_span span)
{
	return 0;
}
