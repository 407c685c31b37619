// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory that is not memory: VM_PFNMAP areas, above all the BARs of devices
 * that a VFIO user has mapped, so that one device can reach another.
 *
 * There is nothing to pin and nobody to bill: the frames are taken from the
 * page table as they stand, a leaf at a time (faulted in first: a VFIO device
 * maps its BAR on demand). An area that shows ordinary, refcounted memory this way is refused:
 * nothing would keep that memory in place.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "host.h"

/* Leaves per visit: the mmap lock is not kept for longer. */
#define VISIT_LEAVES 4096

static bool is_ordinary_page(unsigned long pfn)
{
	return pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn));
}

/*
 * The leaf at @addr; -EAGAIN when the mmap lock was dropped to fault it in. A
 * leaf shows memory of one kind, as its first frame is.
 */
static int find_leaf(struct vm_area_struct *vma, unsigned long addr, bool write,
		     struct mfk_leaf *leaf)
{
	bool unlocked = false;
	int err;

	if (mfk_leaf_at(vma, addr, leaf)) {
		err = fixup_user_fault(vma->vm_mm, addr,
				       FAULT_FLAG_REMOTE | (write ? FAULT_FLAG_WRITE : 0),
				       &unlocked);
		/* An error first, or a fault that always fails would be retried for ever. */
		if (err)
			return err;
		if (unlocked)
			return -EAGAIN;
		err = mfk_leaf_at(vma, addr, leaf);
		if (err)
			return err;
	}
	return (write && !leaf->writable) || is_ordinary_page(leaf->pfn) ? -EFAULT : 0;
}

/* As many pages as there are from @vaddr on; the errno of the first otherwise. */
static s64 visit(struct mm_struct *mm, unsigned long vaddr, u64 pages, bool write,
		 struct mf_batch *batch)
{
	struct vm_area_struct *vma;
	struct mfk_leaf leaf;
	u64 n = 0, visited, some;
	int err;

	vaddr = mfk_untagged(mm, vaddr);
	vma = vma_lookup(mm, vaddr);
	if (!vma || !(vma->vm_flags & VM_PFNMAP))
		return -EFAULT;

	pages = min(pages, (u64)(vma->vm_end - vaddr) >> PAGE_SHIFT);
	for (visited = 0; n < pages && visited < VISIT_LEAVES && mf_batch_room(batch); visited++) {
		err = find_leaf(vma, vaddr + (n << PAGE_SHIFT), write, &leaf);
		if (err)
			return n ?: err;
		some = mf_batch_fit(batch, min(pages - n, (u64)leaf.pages));
		mf_batch_add(batch, leaf.pfn, some, MF_RUN_FOREIGN);
		n += some;
	}
	return n;
}

/**
 * mfk_pin_pfnmap() - add the frames of a VM_PFNMAP area to a batch
 * @mm: the address space; the caller keeps it from going
 * @vaddr: where to begin
 * @pages: how many are wanted
 * @prot: MF_WRITE asks for frames that may be written
 * @batch: where to put them, as foreign pages
 *
 * Return: how many were added (at least one), or -EFAULT, -EINTR.
 */
s64 mfk_pin_pfnmap(struct mm_struct *mm, unsigned long vaddr, u64 pages, u32 prot,
		   struct mf_batch *batch)
{
	s64 got;

	do {
		if (mmap_read_lock_killable(mm))
			return -EINTR;
		got = visit(mm, vaddr, pages, prot & MF_WRITE, batch);
		mmap_read_unlock(mm);
		cond_resched();
	} while (got == -EAGAIN && !fatal_signal_pending(current));

	return got == -EAGAIN ? -EINTR : got;
}
