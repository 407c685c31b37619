/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * iommufd as a program sees it: /dev/iommu, its address spaces (IOAS), and VFIO devices that are
 * opened by device files of their own. Only the small kernels have it (docs/vm.md).
 *
 * Every function returns a negative errno on failure, and says what failed as those of vfio.h do.
 */
#ifndef CLIENT_IOMMUFD_H
#define CLIENT_IOMMUFD_H

#include <linux/types.h>
#include <stdbool.h>

/* Can also be joined by groups, in place of a VFIO container, and then answers type1's requests. */
int iommufd_open(void);
/* Bill pages to the process (VmLck), as type1 does; else, by default, to the user. */
int iommufd_bill_process(int iommufd, bool on);

int iommufd_ioas_alloc(int iommufd, __u32 *ioas);
int iommufd_destroy(int iommufd, __u32 id);

/* For reading and writing. */
int iommufd_map(int iommufd, __u32 ioas, __u64 iova, const void *memory, __u64 size);
/* What is mapped in one space, in another as well, without pinning it again. */
int iommufd_copy(int iommufd, __u32 to, __u64 to_iova, __u32 from, __u64 from_iova, __u64 size);
/* @size: in, what to unmap; out, on success, what the kernel says it unmapped. */
int iommufd_unmap(int iommufd, __u32 ioas, __u64 iova, __u64 *size);
int iommufd_unmap_all(int iommufd, __u32 ioas, __u64 *size);

/*
 * The device that VFIO has by that name, a PCI address or what the rig says. Bound to an iommufd
 * until it is closed.
 */
int iommufd_device_open(const char *name, int iommufd);
/* Behind an address space; from one that it is behind already to that one. */
int iommufd_device_attach(int device, __u32 ioas);
int iommufd_device_detach(int device);

#endif
