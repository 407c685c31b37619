/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What differs from one kernel series to another, and nothing else. Version
 * checks live here (and in vfio_private.h, which mirrors one structure); a
 * series that nobody has tried is refused, by name: kernel/Kbuild says which
 * it was.
 */
#ifndef MFK_COMPAT_H
#define MFK_COMPAT_H

#include <linux/version.h>

#define MFK_SERIES	(LINUX_VERSION_CODE >> 8)
#define MFK_6_1		(KERNEL_VERSION(6, 1, 0) >> 8)
#define MFK_6_12	(KERNEL_VERSION(6, 12, 0) >> 8)
#define MFK_7_3		(KERNEL_VERSION(7, 3, 0) >> 8)

#if MFK_SERIES != MFK_6_1 && MFK_SERIES != MFK_6_12 && MFK_SERIES != MFK_7_3
#error "Manifold knows the kernel series 6.1, 6.12 and 7.3; this one is another"
#endif

#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/mm.h>
#include <linux/vfio.h>

#if MFK_SERIES >= MFK_7_3
#include <linux/generic_pt/iommu.h>
#endif

/*
 * What a range that goes beyond 2^64 is refused with: 6.1 and 6.12 call that an
 * invalid argument like any other.
 */
#define MFK_WRAP_ERRNO	(MFK_SERIES >= MFK_7_3 ? -EOVERFLOW : -EINVAL)

/* An empty paging domain for the unit behind @dev, or an ERR_PTR(). */
static inline struct iommu_domain *mfk_domain_alloc(struct device *dev)
{
#if MFK_SERIES == MFK_6_1
	struct iommu_domain *domain = iommu_domain_alloc(dev->bus);

	return domain ? domain : ERR_PTR(-EIO);
#else
	return iommu_paging_domain_alloc(dev);
#endif
}

/*
 * Domains that a user's own tables can be nested in, by a type of container of
 * their own: gone after 6.12, where its number is reserved.
 */
#define MFK_TYPE1_NESTING	6
#define MFK_HAS_NESTING		(MFK_SERIES < MFK_7_3)

static inline int mfk_enable_nesting(struct iommu_domain *domain)
{
#if MFK_SERIES < MFK_7_3
	return iommu_enable_nesting(domain);
#else
	return -EOPNOTSUPP;
#endif
}

/* An address without the tag that the processor ignores. Context: the mmap lock is held. */
static inline unsigned long mfk_untagged(struct mm_struct *mm, unsigned long addr)
{
#if MFK_SERIES == MFK_6_1
	return untagged_addr(addr);
#else
	return untagged_addr_remote(mm, addr);
#endif
}

/* As pin_user_pages_fast(), of an address space that need not be the caller's. */
static inline long mfk_pin_remote(struct mm_struct *mm, unsigned long start, unsigned long nr,
				  unsigned int flags, struct page **pages)
{
	int locked = 1;
	long got;

	mmap_read_lock(mm);
	start = mfk_untagged(mm, start);
#if MFK_SERIES == MFK_6_1
	/* A long-term pin must not drop the lock here, and so may not be told that it can. */
	got = pin_user_pages_remote(mm, start, nr, flags, pages, NULL, NULL);
#else
	got = pin_user_pages_remote(mm, start, nr, flags, pages, &locked);
#endif
	if (locked)
		mmap_read_unlock(mm);
	return got;
}

/*
 * Fault pages in, as the process itself would by touching them, and hold none. Context: the mmap
 * lock is held, and stays so.
 *
 * Return: how many; or a negative errno when that of the first one failed.
 */
static inline long mfk_fault_in(struct mm_struct *mm, unsigned long start, unsigned long nr,
				unsigned int flags)
{
#if MFK_SERIES == MFK_6_1
	return get_user_pages_remote(mm, start, nr, flags, NULL, NULL, NULL);
#else
	return get_user_pages_remote(mm, start, nr, flags, NULL, NULL);
#endif
}

#if MFK_SERIES == MFK_6_1
static inline int mfk_not_remapped(struct device *dev, void *unused)
{
	return !device_iommu_capable(dev, IOMMU_CAP_INTR_REMAP);
}

/* Interrupts are isolated by the controller, or else by every device's unit. */
static inline bool mfk_has_isolated_msi(struct iommu_group *group)
{
	return irq_domain_check_msi_remap() ||
	       !iommu_group_for_each_dev(group, NULL, mfk_not_remapped);
}
#else
static inline bool mfk_has_isolated_msi(struct iommu_group *group)
{
	return iommu_group_has_isolated_msi(group);
}
#endif

/* Tables and what else a map needs are billed to the user's control group where one can ask so. */
static inline int mfk_iommu_map(struct iommu_domain *domain, unsigned long iova,
				phys_addr_t paddr, size_t size, int prot)
{
#if MFK_SERIES == MFK_6_1
	return iommu_map(domain, iova, paddr, size, prot);
#else
	return iommu_map(domain, iova, paddr, size, prot, GFP_KERNEL_ACCOUNT);
#endif
}

static inline ssize_t mfk_iommu_map_sg(struct iommu_domain *domain, unsigned long iova,
				       struct scatterlist *list, unsigned int nr, int prot)
{
#if MFK_SERIES == MFK_6_1
	return iommu_map_sg(domain, iova, list, nr, prot);
#else
	return iommu_map_sg(domain, iova, list, nr, prot, GFP_KERNEL_ACCOUNT);
#endif
}

/* Are its page tables of the kind that is told a range and chooses the leaves? */
static inline bool mfk_tables_choose_leaves(struct iommu_domain *domain)
{
#if MFK_SERIES >= MFK_7_3
	return iommupt_from_domain(domain);
#else
	return false;
#endif
}

/*
 * What iommu_map() does before it syncs: put @size bytes, whole pages of
 * 1 << @page_shift, into the page tables. What was mapped is added to @mapped,
 * after a failure too; it may be less than all without one.
 */
static inline int mfk_iommu_map_unsynced(struct iommu_domain *domain, unsigned long iova,
					 phys_addr_t paddr, size_t size, unsigned int page_shift,
					 int prot, size_t *mapped)
{
#if MFK_SERIES >= MFK_7_3
	struct pt_iommu *pt = iommupt_from_domain(domain);

	if (pt)
		return pt->ops->map_range(pt, iova, paddr, size, prot, GFP_KERNEL_ACCOUNT, mapped);
#endif
	return domain->ops->map_pages(domain, iova, paddr, 1ul << page_shift, size >> page_shift,
				      prot, MFK_SERIES == MFK_6_1 ? GFP_KERNEL : GFP_KERNEL_ACCOUNT,
				      mapped);
}

/* The second half of iommu_map(). */
static inline int mfk_iommu_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	if (!domain->ops->iotlb_sync_map)
		return 0;
#if MFK_SERIES == MFK_6_1
	domain->ops->iotlb_sync_map(domain, iova, size);
	return 0;
#else
	return domain->ops->iotlb_sync_map(domain, iova, size);
#endif
}

/**
 * struct mfk_leaf - what the processor's page table says of an address
 * @pfn: the frame there
 * @pages: how many frames follow one another from there on in the same leaf
 * @writable: the leaf may be written to
 */
struct mfk_leaf {
	unsigned long pfn;
	unsigned long pages;
	bool writable;
};

/*
 * Look at the leaf of @addr in an area of device memory. Only 7.3 tells how
 * large it is. Context: the mmap lock is held.
 *
 * Return: 0, or a negative errno when nothing is there (yet).
 */
static inline int mfk_leaf_at(struct vm_area_struct *vma, unsigned long addr,
			      struct mfk_leaf *leaf)
{
#if MFK_SERIES == MFK_6_1
	spinlock_t *ptl;
	pte_t *ptep;
	int err;

	err = follow_pte(vma->vm_mm, addr, &ptep, &ptl);
	if (err)
		return err;
	__acquire(ptl);		/* what sparse can't see for itself */

	leaf->pfn = pte_pfn(*ptep);
	leaf->pages = 1;
	leaf->writable = pte_write(*ptep);
	pte_unmap_unlock(ptep, ptl);
	return 0;
#else
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int err;

	err = follow_pfnmap_start(&args);
	if (err)
		return err;

	leaf->pfn = args.pfn;
	leaf->pages = 1;
#if MFK_SERIES >= MFK_7_3
	leaf->pages += (~args.addr_mask - (addr & ~args.addr_mask)) >> PAGE_SHIFT;
#endif
	leaf->writable = args.writable;
	follow_pfnmap_end(&args);
	return 0;
#endif
}

/* How much of struct vfio_iommu_type1_info GET_INFO writes back. */
static inline size_t mfk_info_writeback(u32 argsz)
{
#if MFK_SERIES == MFK_6_1
	size_t with_caps = offsetofend(struct vfio_iommu_type1_info, cap_offset);

	return argsz >= with_caps ? with_caps :
				    offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
#else
	return min_t(size_t, argsz, sizeof(struct vfio_iommu_type1_info));
#endif
}

#endif /* MFK_COMPAT_H */
