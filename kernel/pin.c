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
 *
 * Where a huge page is wanted whole, it is pinned by one pin: huge.c.
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
	mf_batch_add(batch, page_to_pfn(page), 1, MF_RUN_FOREIGN);
	unpin_user_page(page);
}

static void add_pinned(struct mf_batch *batch, struct page **pages, long nr)
{
	unsigned long pfn, next = page_to_pfn(pages[0]);
	long i = 0, n;

	while (i < nr) {
		pfn = next;
		if (unlikely(is_zero_pfn(pfn))) {
			add_zero_page(batch, pages[i++]);
			next = i < nr ? page_to_pfn(pages[i]) : 0;
			continue;
		}
		for (n = 1; ++i < nr; n++) {
			next = page_to_pfn(pages[i]);
			if (next != pfn + n || is_zero_pfn(next))
				break;
		}
		mf_batch_add(batch, pfn, n, 0);
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

static __always_inline long pin_some(struct mm_struct *mm, u64 vaddr, long want,
				     unsigned int flags, struct page **pages)
{
	unsigned long addr = vaddr;

	return mm == current->mm ?
		pin_user_pages_fast(untagged_addr(addr), want, flags, pages) :
		mfk_pin_remote(mm, addr, want, flags, pages);
}

/* It may be that a huge page begins at @vaddr, and one pin will do for it. */
static bool may_be_huge(const struct mf_batch *batch, u64 vaddr, u64 pages)
{
	return pages >= MFK_HUGE_PAGES && IS_ALIGNED(vaddr, MFK_HUGE_BYTES) &&
	       !batch->single && !batch->memory_only;
}

/*
 * How many of @pages, pinned from @vaddr on, to keep: where a huge page begins among them and all
 * of it is wanted, those before it, so that the next call can pin it as one.
 */
static long before_huge(const struct mf_batch *batch, u64 vaddr, u64 wanted, struct page **pages,
			long got)
{
	long at = -(vaddr >> PAGE_SHIFT) & (MFK_HUGE_PAGES - 1);

	if (!at || at >= got || !may_be_huge(batch, vaddr + (at << PAGE_SHIFT), wanted - at) ||
	    folio_nr_pages(page_folio(pages[at])) < MFK_HUGE_PAGES)
		return got;
	unpin_user_pages(pages + at, got - at);
	return at;
}

/* Pin page by page. The first may be pinned already: @first. */
static s64 pin_pages(struct mm_struct *mm, u64 vaddr, u64 pages, unsigned int flags,
		     struct mf_batch *batch, struct page *first)
{
	struct page *few[FEW_PAGES] mf_uninitialized, **many = NULL, **all;
	long want, got, there = !!first;

	want = min_t(u64, pages, min_t(u64, mf_batch_room(batch), MANY_PAGES));
	if (want > FEW_PAGES)
		many = (struct page **)__get_free_page(GFP_KERNEL | __GFP_NOWARN);
	if (!many)
		want = min_t(long, want, FEW_PAGES);
	all = many ?: few;
	all[0] = first;

	got = want > there ? pin_some(mm, vaddr + (there << PAGE_SHIFT), want - there, flags,
				      all + there) : 0;
	if (there)
		got = max(got, 0L) + 1;
	if (got > 0) {
		got = before_huge(batch, vaddr, pages, all, got);
		add_pinned(batch, all, got);
	}
	free_page((unsigned long)many);
	return got;
}

/*
 * Pin by huge pages where they are: that takes one page to find out, which is kept if it turns out
 * to be a small one.
 */
static s64 pin_memory(struct mm_struct *mm, u64 vaddr, u64 pages, u32 prot, struct mf_batch *batch)
{
	unsigned int flags = FOLL_LONGTERM | (prot & MF_WRITE ? FOLL_WRITE : 0);
	struct page *first = NULL;
	u64 huge;
	long got;

	if (may_be_huge(batch, vaddr, pages)) {
		got = pin_some(mm, vaddr, 1, flags, &first);
		if (got <= 0)
			return got;
		huge = min(pages, mfk_huge_pages(mm, vaddr, first, prot & MF_WRITE));
		if (huge > 1) {
			mf_batch_add(batch, page_to_pfn(first), huge, MF_RUN_WHOLE);
			return huge;
		}
	}
	return pin_pages(mm, vaddr, pages, flags, batch, first);
}

/* See @pin of struct mf_host_ops. */
s64 mfk_pin(struct mf_host *host, struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
	    struct mf_batch *batch)
{
	struct mm_struct *mm = mfk_owner_mm(owner);
	bool other = mm != current->mm;
	s64 got;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (batch->ahead)
		mfk_ahead_reach(batch->ahead, vaddr);

	/* Of a process that has exited there is no memory left. */
	if (other && !mmget_not_zero(mm))
		return -ENODEV;
	got = pin_memory(mm, vaddr, pages, prot, batch);
	cond_resched();
	/* -EOVERFLOW, on some series: at the very end of the address space, where no memory is. */
	if (got == -EFAULT || got == -EOVERFLOW)
		got = pin_no_memory(mm, vaddr, pages, prot, batch);
	if (other)
		mmput(mm);
	return got;
}
