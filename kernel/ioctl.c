// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The container's ioctls: from <linux/vfio.h> to the engine and back.
 *
 * Nothing is decided here but whether the request is well formed.
 */
#include <linux/vfio.h>

#include "host.h"

/**
 * mfk_check_extension() - VFIO_CHECK_EXTENSION
 * @k: the container, or NULL when the core asks before there is one
 * @id: what the user wants to know about
 *
 * Return: 1 or 0.
 */
long mfk_check_extension(struct mfk_container *k, unsigned long id)
{
	struct mf_info info;

	switch (id) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return 1;
	case VFIO_DMA_CC_IOMMU:
		if (!k)
			return 0;
		mf_get_info(k->engine, &info, NULL, 0);
		return info.coherent;
	default:
		return 0;
	}
}

static long ioctl_map(struct mfk_container *k, void __user *arg, u32 map_flags)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dma_map, size);
	const u32 known = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	struct vfio_iommu_type1_dma_map map;
	struct mf_owner *owner;
	u32 prot = 0;
	int err;

	if (copy_from_user(&map, arg, minsz))
		return -EFAULT;
	if (map.argsz < minsz || map.flags & ~known)
		return -EINVAL;

	if (map.flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= MF_READ;
	if (map.flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= MF_WRITE;

	owner = mfk_owner_current();
	if (IS_ERR(owner))
		return PTR_ERR(owner);
	err = mf_map(k->engine, owner, map.iova, map.vaddr, map.size, prot, map_flags, NULL);
	mfk_owner_put(&mfk_host, owner);
	return err;
}

static long ioctl_unmap(struct mfk_container *k, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	struct vfio_iommu_type1_dma_unmap unmap;
	u64 unmapped = 0;
	int err;

	if (copy_from_user(&unmap, arg, minsz))
		return -EFAULT;
	if (unmap.argsz < minsz || unmap.flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;

	if (!(unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL))
		err = mf_unmap(k->engine, unmap.iova, unmap.size, &unmapped, NULL);
	else if (unmap.iova || unmap.size)
		err = -EINVAL;
	else
		err = mf_unmap_all(k->engine, &unmapped, NULL);
	if (err)
		return err;

	unmap.size = unmapped;
	return copy_to_user(arg, &unmap, minsz) ? -EFAULT : 0;
}

/**
 * mfk_ioctl() - an ioctl that the core passes on
 * @k: the container
 * @cmd: which
 * @arg: its argument
 * @map_flags: flags for mf_map()
 *
 * Return: what the ioctl returns; -ENOTTY for one that is not known.
 */
long mfk_ioctl(struct mfk_container *k, unsigned int cmd, unsigned long arg, u32 map_flags)
{
	switch (cmd) {
	case VFIO_CHECK_EXTENSION:
		return mfk_check_extension(k, arg);
	case VFIO_IOMMU_GET_INFO:
		return mfk_get_info(k, (void __user *)arg);
	case VFIO_IOMMU_MAP_DMA:
		return ioctl_map(k, (void __user *)arg, map_flags);
	case VFIO_IOMMU_UNMAP_DMA:
		return ioctl_unmap(k, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}
