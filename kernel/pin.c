// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pinning: from an owner's virtual memory to runs of page frames.
 *
 * Pages are pinned for the long term (they are moved out of places that must
 * stay movable) by the lockless walk where the page table allows it, which is
 * there for the owner's own process. Others pin for an owner when mappings get
 * their first domain, and when a mediated device asks for pages. What can't be
 * pinned because it is no memory at all, a device's BAR, is looked up in
 * pfnmap.c.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "host.h"

/* As many page pointers as one page holds; and enough for a small request. */
#define MANY_PAGES	(PAGE_SIZE / sizeof(struct page *))
#define FEW_PAGES	32

/*
 * A never-written private page that is only to be read is the zero page. It
 * needs no pin to stay and is nobody's to be billed for. Whether pinning it
 * took a reference differs (6.1.0 did, later 6.1 does not), and unpinning it
 * undoes just that.
 */
static void add_zero_page(struct mf_batch *batch, struct page *page)
{
	mf_batch_add(batch, page_to_pfn(page), 1, true);
	unpin_user_page(page);
}

static void add_pinned(struct mf_batch *batch, struct page **pages, long nr)
{
	long i = 0, n;

	while (i < nr) {
		unsigned long pfn = page_to_pfn(pages[i]);

		if (is_zero_pfn(pfn)) {
			add_zero_page(batch, pages[i++]);
			continue;
		}
		for (n = 1; i + n < nr && page_to_pfn(pages[i + n]) == pfn + n; n++)
			;
		mf_batch_add(batch, pfn, n, false);
		i += n;
	}
}

/* Why memory could not be pinned: it may be none. A mediated device wants memory. */
static s64 pin_no_memory(struct mm_struct *mm, unsigned long vaddr, u64 pages, u32 prot,
			 struct mf_batch *batch)
{
	struct mf_batch one = { .max = 1 };
	mf_run run;
	s64 got;

	if (!batch->memory_only)
		return mfk_pin_pfnmap(mm, vaddr, pages, prot, batch);
	one.runs = &run;
	got = mfk_pin_pfnmap(mm, vaddr, 1, prot, &one);
	return got > 0 ? -EINVAL : got;
}

static s64 pin_of(struct mm_struct *mm, u64 vaddr, u64 pages, u32 prot, struct mf_batch *batch)
{
	unsigned int flags = FOLL_LONGTERM | (prot & MF_WRITE ? FOLL_WRITE : 0);
	struct page *few[FEW_PAGES], **many = NULL;
	long want, got;

	want = min_t(u64, pages, min_t(u64, mf_batch_room(batch), MANY_PAGES));
	if (want > FEW_PAGES)
		many = (struct page **)__get_free_page(GFP_KERNEL | __GFP_NOWARN);
	if (!many)
		want = min_t(long, want, FEW_PAGES);

	if (mm == current->mm)
		got = pin_user_pages_fast(untagged_addr((unsigned long)vaddr), want, flags,
					  many ?: few);
	else
		got = mfk_pin_remote(mm, vaddr, want, flags, many ?: few);
	if (got > 0)
		add_pinned(batch, many ?: few, got);
	free_page((unsigned long)many);
	cond_resched();

	/* -EOVERFLOW, on some series: at the very end of the address space, where no memory is. */
	if (got == -EFAULT || got == -EOVERFLOW)
		return pin_no_memory(mm, vaddr, pages, prot, batch);
	return got;
}

/* See @pin of struct mf_host_ops. */
s64 mfk_pin(struct mf_host *host, struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
	    struct mf_batch *batch)
{
	struct mm_struct *mm = mfk_owner_mm(owner);
	s64 got;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (mm == current->mm)
		return pin_of(mm, vaddr, pages, prot, batch);

	/* Of a process that has exited there is no memory left. */
	if (!mmget_not_zero(mm))
		return -ENODEV;
	got = pin_of(mm, vaddr, pages, prot, batch);
	mmput(mm);
	return got;
}

/* See @unpin of struct mf_host_ops. */
void mfk_unpin(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr, u32 prot)
{
	/* So many at once that the call is cheap, so few that others get to run. */
	const u64 stride = 8192;
	u64 i;

	for (i = 0; i < nr; i++) {
		u64 pfn = mf_run_pfn(runs[i]), left = mf_run_pages(runs[i]);

		if (mf_run_foreign(runs[i]))
			continue;
		while (left) {
			u64 n = min(left, stride);

			unpin_user_page_range_dirty_lock(pfn_to_page(pfn), n, prot & MF_WRITE);
			pfn += n;
			left -= n;
			cond_resched();
		}
	}
}
