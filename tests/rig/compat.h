/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What differs from one kernel series to another, but for how units and devices
 * are made known, which is a file each: bus_own.c (6.1) and bus_platform.c (6.12
 * and 7.3). Kbuild says which series it is, RIG_6_1, RIG_6_12 or RIG_7_3, and
 * refuses one that nobody has tried.
 */
#ifndef RIG_COMPAT_H
#define RIG_COMPAT_H

#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/vfio.h>

/* 7.3 tells attach_dev which domain the device leaves; the rig knows. */
#ifdef RIG_7_3
#define RIG_ATTACH_ARGUMENTS \
	struct iommu_domain *domain, struct device *dev, struct iommu_domain *old
#else
#define RIG_ATTACH_ARGUMENTS struct iommu_domain *domain, struct device *dev
#endif

/* Only 6.1 detaches; later series attach the blocked domain instead. */
#ifdef RIG_6_1
#define RIG_DETACH_DEV(function)	.detach_dev = function,
#else
#define RIG_DETACH_DEV(function)
#endif

/* What iotlb_sync_map returns. */
#ifdef RIG_6_1
typedef void rig_sync_map_t;
#define RIG_SYNCED
#else
typedef int rig_sync_map_t;
#define RIG_SYNCED 0
#endif

/* 6.1 makes a domain for a bus; NULL says why not. */
static inline struct iommu_domain *rig_foreign_domain(struct device *dev)
{
#ifdef RIG_6_1
	return iommu_domain_alloc(dev->bus);
#else
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);

	return IS_ERR(domain) ? NULL : domain;
#endif
}

static inline void rig_vma_set_io(struct vm_area_struct *vma)
{
#ifdef RIG_6_1
	vma->vm_flags |= VM_IO;
#else
	vm_flags_set(vma, VM_IO);
#endif
}

/* What an emulated device does where there is iommufd; without it, these are NULL. */
#ifdef RIG_6_1
#define RIG_EMULATED_IOMMUFD
#else
#define RIG_EMULATED_IOMMUFD \
	.bind_iommufd = vfio_iommufd_emulated_bind, \
	.unbind_iommufd = vfio_iommufd_emulated_unbind, \
	.attach_ioas = vfio_iommufd_emulated_attach_ioas, \
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
#endif

/* The same for a device that is behind a unit. */
#ifdef RIG_6_1
#define RIG_DEVICE_IOMMUFD
#else
#define RIG_DEVICE_IOMMUFD \
	.bind_iommufd = vfio_iommufd_physical_bind, \
	.unbind_iommufd = vfio_iommufd_physical_unbind, \
	.attach_ioas = vfio_iommufd_physical_attach_ioas, \
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
#endif

/* Later series free a struct vfio_device themselves. */
static inline void rig_vfio_free(struct vfio_device *vdev)
{
#ifdef RIG_6_1
	vfio_free_device(vdev);
#endif
}

#endif /* RIG_COMPAT_H */
