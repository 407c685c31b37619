/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Runs: physically contiguous host pages, eight bytes each. See runs.c.
 */
#ifndef MF_RUNS_H
#define MF_RUNS_H

#include "types.h"

struct mf_host;

/*
 * Mappings keep their runs in chunks that end at multiples of MF_CHUNK_PAGES
 * host pages of IOVA (1 GiB with 4 KiB pages, the largest leaf of any table
 * format but one), so that no run is longer than a chunk and chunks can be
 * filled and emptied on their own.
 */
#define MF_CHUNK_PAGES_SHIFT	18
#define MF_CHUNK_PAGES		(1ull << MF_CHUNK_PAGES_SHIFT)
#define MF_CHUNK_SHIFT		(MF_CHUNK_PAGES_SHIFT + MF_PAGE_SHIFT)

/*
 * A run: 43 bits of page frame number, 19 bits of count (a chunk's worth is
 * 2^18), and two flags. Runs that differ in one are never joined.
 *
 * Foreign: mapped for the device, but neither pinned nor billed, because the
 * pages are no memory of the owner's (a device's BAR, the zero page).
 *
 * Whole: the host holds each of its huge pages by one pin, instead of each page
 * by its own. That is the host's own affair: @pin says it, @unpin wants to know.
 */
typedef u64 mf_run;

#define MF_RUN_FOREIGN		1ull
#define MF_RUN_WHOLE		2ull
#define MF_RUN_FLAGS		3ull
#define MF_RUN_COUNT_SHIFT	2
#define MF_RUN_COUNT_BITS	19
#define MF_RUN_COUNT_MASK	(((1ull << MF_RUN_COUNT_BITS) - 1) << MF_RUN_COUNT_SHIFT)
#define MF_RUN_PFN_SHIFT	(MF_RUN_COUNT_SHIFT + MF_RUN_COUNT_BITS)

/* @flags: 0, MF_RUN_FOREIGN or MF_RUN_WHOLE */
static inline mf_run mf_run_make(u64 pfn, u64 count, u64 flags)
{
	return pfn << MF_RUN_PFN_SHIFT | count << MF_RUN_COUNT_SHIFT | flags;
}

static inline u64 mf_run_pfn(mf_run r)
{
	return r >> MF_RUN_PFN_SHIFT;
}

static inline u64 mf_run_pages(mf_run r)
{
	return (r >> MF_RUN_COUNT_SHIFT) & ((1ull << MF_RUN_COUNT_BITS) - 1);
}

static inline bool mf_run_foreign(mf_run r)
{
	return r & MF_RUN_FOREIGN;
}

static inline bool mf_run_whole(mf_run r)
{
	return r & MF_RUN_WHOLE;
}

/* A run of one page that is pinned by itself, and counts. */
static inline bool mf_run_is_page(mf_run r)
{
	return (r & (MF_RUN_COUNT_MASK | MF_RUN_FLAGS)) == 1ull << MF_RUN_COUNT_SHIFT;
}

/**
 * struct mf_batch - pages on their way from the host's @pin into a mapping
 * @runs: room for @max runs
 * @nr: runs in it
 * @max: how many fit
 * @pages: pages in it
 * @foreign: how many of them are foreign
 * @single: keep every page a run of its own
 * @memory_only: the host is to refuse, by -EINVAL, pages that are no memory
 * @ahead: what the host's @ahead_begin returned for them, or NULL
 */
struct mf_batch {
	mf_run *runs;
	u32 nr;
	u32 max;
	u64 pages;
	u64 foreign;
	bool single;
	bool memory_only;
	struct mf_ahead *ahead;
};

/* How many more discontiguous pages the batch can take. */
static inline u32 mf_batch_room(const struct mf_batch *b)
{
	return b->max - b->nr;
}

/* How many of @pages contiguous pages can be added at once. */
static inline u64 mf_batch_fit(const struct mf_batch *b, u64 pages)
{
	return b->single ? mf_min(pages, mf_batch_room(b)) : pages;
}

/**
 * mf_batch_add() - add pages to a batch, behind those it has
 * @b: a batch with room for one more run
 * @pfn: the first page frame
 * @pages: how many follow each other, no more than mf_batch_fit() allows nor
 *	than were asked of the host's @pin
 * @flags: 0; MF_RUN_FOREIGN, they are neither pinned nor to be billed; or
 *	MF_RUN_WHOLE, which a batch that is @single does not take
 */
static inline void mf_batch_add(struct mf_batch *b, u64 pfn, u64 pages, u64 flags)
{
	mf_run *tail = b->nr ? &b->runs[b->nr - 1] : NULL;

	b->pages += pages;
	if (flags & MF_RUN_FOREIGN)
		b->foreign += pages;

	if (b->single) {
		while (pages--)
			b->runs[b->nr++] = mf_run_make(pfn++, 1, flags);
		return;
	}

	if (tail && (*tail & MF_RUN_FLAGS) == flags &&
	    mf_run_pfn(*tail) + mf_run_pages(*tail) == pfn)
		*tail += pages << MF_RUN_COUNT_SHIFT;
	else
		b->runs[b->nr++] = mf_run_make(pfn, pages, flags);
}

/**
 * struct mf_chunk - the runs of one chunk of a mapping, in IOVA order
 * @nr: how many
 * @max: how many fit; 1 means that @one is the place
 * @one: a run
 * @many: an array of @max runs
 */
struct mf_chunk {
	u32 nr;
	u32 max;
	union {
		mf_run one;
		mf_run *many;
	};
};

static inline const mf_run *mf_chunk_runs(const struct mf_chunk *k)
{
	return k->max > 1 ? k->many : &k->one;
}

void mf_chunk_init(struct mf_chunk *k);
void mf_chunk_fini(struct mf_host *host, struct mf_chunk *k);
int mf_chunk_reserve(struct mf_host *host, struct mf_chunk *k, u32 more, u32 later);
void mf_chunk_append(struct mf_chunk *k, const mf_run *runs, u32 nr);
void mf_chunk_fit(struct mf_host *host, struct mf_chunk *k);
u64 mf_runs_pages(const mf_run *runs, u64 nr, u64 *foreign);

#endif /* MF_RUNS_H */
