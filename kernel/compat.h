/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What differs from one kernel series to another, and nothing else. Version
 * checks live here (and in vfio_private.h, which mirrors one structure); a
 * series that nobody has tried is refused, by name.
 */
#ifndef MFK_COMPAT_H
#define MFK_COMPAT_H

#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/mm.h>
#include <linux/version.h>
#include <linux/vfio.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#error "Manifold knows the kernel series 6.1; this one is another"
#endif

/* An empty paging domain for the unit behind @dev, or an ERR_PTR(). */
static inline struct iommu_domain *mfk_domain_alloc(struct device *dev)
{
	struct iommu_domain *domain = iommu_domain_alloc(dev->bus);

	return domain ? domain : ERR_PTR(-EIO);
}

/* Interrupts of all devices are remapped by the interrupt controller. */
static inline bool mfk_msi_remapped(void)
{
	return irq_domain_check_msi_remap();
}

/* The page table entry of @addr, locked. Context: the mmap lock is held. */
static inline int mfk_follow_pte(struct vm_area_struct *vma, unsigned long addr, pte_t **ptep,
				 spinlock_t **ptl)
{
	return follow_pte(vma->vm_mm, addr, ptep, ptl);
}

/* How much of struct vfio_iommu_type1_info GET_INFO writes back. */
static inline size_t mfk_info_writeback(u32 argsz)
{
	size_t with_caps = offsetofend(struct vfio_iommu_type1_info, cap_offset);

	return argsz >= with_caps ? with_caps :
				    offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
}

#endif /* MFK_COMPAT_H */
