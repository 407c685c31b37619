// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Unpinning: runs go back to the memory manager.
 *
 * Pages that a device could write are marked dirty before they are let go. What
 * is held by one pin for each huge page (huge.c) is let go so; a run that begins
 * or ends within a huge page has one pin of it, too. Runs of one page, which is
 * what scattered memory is made of, go by lists.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include "host.h"

/* So many pages at once that the call is cheap, so few that others get to run. */
#define STRIDE	8192

/* How many pages go by one list, which is on the stack: memory may be short. */
#define LIST	64

static void unpin_pages(u64 pfn, u64 pages, bool dirty)
{
	while (pages) {
		u64 n = min_t(u64, pages, STRIDE);

		unpin_user_page_range_dirty_lock(pfn_to_page(pfn), n, dirty);
		pfn += n;
		pages -= n;
		cond_resched();
	}
}

static void unpin_huge_pages(u64 pfn, u64 pages, bool dirty)
{
	while (pages) {
		struct page *page = pfn_to_page(pfn);
		struct folio *folio = page_folio(page);
		u64 n = min_t(u64, pages, folio_nr_pages(folio) - folio_page_idx(folio, page));

		unpin_user_page_range_dirty_lock(page, 1, dirty);
		pfn += n;
		pages -= n;
		cond_resched();
	}
}

/* Put the next page on a list, if it is a run of its own. */
static __always_inline bool list_page(struct page ***next, const mf_run **run)
{
	if (!mf_run_is_page(**run))
		return false;
	*(*next)++ = pfn_to_page(mf_run_pfn(*(*run)++));
	return true;
}

/* Unpin runs of one page, as many as there are from the first on; say how many. */
static u64 unpin_single_pages(const mf_run *runs, u64 nr, bool dirty)
{
	struct page *pages[LIST] mf_uninitialized, **next, **full;
	const mf_run *run = runs;

	do {
		next = pages;
		full = pages + min_t(u64, LIST, runs + nr - run);
		/* Four in a turn: what the loop takes is felt. */
		while (full - next >= 4 && list_page(&next, &run) && list_page(&next, &run) &&
		       list_page(&next, &run) && list_page(&next, &run))
			;
		while (next != full && list_page(&next, &run))
			;
		if (next != pages)
			unpin_user_pages_dirty_lock(pages, next - pages, dirty);
		cond_resched();
	} while (next == pages + LIST);
	return run - runs;
}

/* See @unpin of struct mf_host_ops. */
void mfk_unpin(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr, u32 prot)
{
	bool dirty = prot & MF_WRITE;
	u64 i;

	/* All that most mappings have where memory is mapped a page at a time. */
	if (nr == 1 && mf_run_is_page(*runs)) {
		unpin_user_page_range_dirty_lock(pfn_to_page(mf_run_pfn(*runs)), 1, dirty);
		cond_resched();
		return;
	}

	for (i = 0; i < nr; i++) {
		if (mf_run_is_page(runs[i]))
			i += unpin_single_pages(runs + i, nr - i, dirty) - 1;
		else if (mf_run_foreign(runs[i]))
			continue;
		else if (mf_run_whole(runs[i]))
			unpin_huge_pages(mf_run_pfn(runs[i]), mf_run_pages(runs[i]), dirty);
		else
			unpin_pages(mf_run_pfn(runs[i]), mf_run_pages(runs[i]), dirty);
	}
}
