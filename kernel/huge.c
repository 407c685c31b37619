// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Huge pages: one pin instead of 512, or of 262144.
 *
 * A pin is one of a folio's, whichever of its pages was asked for: a pinned
 * folio stays where it is, is not split, and its memory is nobody else's until
 * the last pin is gone. So one page is pinned, and what is to be known then is
 * whether the pages behind it in the owner's memory are those behind it in the
 * folio.
 *
 * With hugetlb they are: such a folio is mapped as a whole or not at all.
 *
 * Transparent huge pages are mapped by a table of pages as well, in which each
 * may be replaced (by a private copy after a fork, by a new page after
 * MADV_DONTNEED). But where the processor's table has one entry for all of
 * them, they are what pinning each would have found at that instant. So the
 * table is looked at once the pin is there, as pin_user_pages_fast() itself does
 * and KVM does: with interrupts off, no table can be freed under our eyes. An
 * entry that the owner could not use for the access asked for (protected for
 * NUMA balancing, not writable, another protection key) does not count; those
 * pages are pinned one by one, by faults if need be.
 *
 * That others must not share what is pinned (a pin of an anonymous page is only
 * taken of one that is exclusive to the process, for reading, too) is a property
 * of the whole folio while it is mapped by one entry, and was seen to by the
 * pin. Nor can it end under the pin: fork() copies what is pinned.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "host.h"

#if defined(CONFIG_X86_64) && defined(CONFIG_TRANSPARENT_HUGEPAGE)
/* The entry of the processor's table for the 2 MiB at @addr, or 0. Interrupts are off. */
static pmd_t entry_of(struct mm_struct *mm, unsigned long addr)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(mm, addr));
	p4d_t p4d;
	pud_t pud;

	if (!pgd_present(pgd))
		return __pmd(0);
	p4d = READ_ONCE(*p4d_offset(&pgd, addr));
	if (!p4d_present(p4d))
		return __pmd(0);
	pud = READ_ONCE(*pud_offset(&p4d, addr));
	if (!pud_present(pud) || pud_leaf(pud))
		return __pmd(0);
	return READ_ONCE(*pmd_offset(&pud, addr));
}

/* The 2 MiB at @addr, which are the caller's, are @pfn and those behind it, for such an access. */
static bool is_one_entry(unsigned long addr, unsigned long pfn, bool write)
{
	unsigned long flags;
	pmd_t pmd;

	local_irq_save(flags);
	pmd = entry_of(current->mm, untagged_addr(addr));
	local_irq_restore(flags);
	return pmd_present(pmd) && pmd_leaf(pmd) && !pmd_protnone(pmd) &&
	       pmd_access_permitted(pmd, write) && pmd_pfn(pmd) == pfn;
}
#else
static bool is_one_entry(unsigned long addr, unsigned long pfn, bool write)
{
	return false;
}
#endif

/* Memory of devices has huge folios too, with rules of its own. */
static bool is_transparent(struct page *page, struct folio *folio)
{
	return folio_nr_pages(folio) == MFK_HUGE_PAGES && page == &folio->page &&
	       !is_zone_device_page(page);
}

/**
 * mfk_huge_pages() - how many pages the pin of one keeps in place
 * @mm: the address space
 * @vaddr: a multiple of MFK_HUGE_BYTES in it
 * @page: what was pinned there
 * @write: pages are wanted that may be written
 *
 * Return: how many pages of @mm from @vaddr on are those of the folio from @page
 * on; 1 when nobody can say.
 */
u64 mfk_huge_pages(struct mm_struct *mm, unsigned long vaddr, struct page *page, bool write)
{
	struct folio *folio = page_folio(page);

	if (!folio_test_large(folio))
		return 1;
	if (PageHuge(page))
		return folio_nr_pages(folio) - folio_page_idx(folio, page);
	if (mm == current->mm && is_transparent(page, folio) &&
	    is_one_entry(vaddr, page_to_pfn(page), write))
		return MFK_HUGE_PAGES;
	return 1;
}
