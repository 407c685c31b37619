// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The container's ioctls: from <linux/vfio.h> to the engine and back.
 *
 * Nothing is decided here but whether the request is well formed.
 */
#include <linux/capability.h>
#include <linux/vfio.h>

#include "compat.h"
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
	case MFK_TYPE1_NESTING:
		return MFK_HAS_NESTING;
	case VFIO_UPDATE_VADDR:
		if (!k)
			return 0;
		mf_get_info(k->engine, &info, NULL, 0);
		return info.vaddr_updatable;
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
	const u32 rights = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	struct vfio_iommu_type1_dma_map map mf_uninitialized;
	struct mf_owner *owner;
	u32 prot = 0;
	int err;

	if (copy_from_user(&map, arg, minsz))
		return -EFAULT;
	if (map.argsz < minsz || map.flags & ~(rights | VFIO_DMA_MAP_FLAG_VADDR))
		return -EINVAL;

	/* VADDR with rights makes no sense: refused as a mapping without any, after its range. */
	if (!(map.flags & VFIO_DMA_MAP_FLAG_VADDR)) {
		if (map.flags & VFIO_DMA_MAP_FLAG_READ)
			prot |= MF_READ;
		if (map.flags & VFIO_DMA_MAP_FLAG_WRITE)
			prot |= MF_WRITE;
	}
	if (capable(CAP_IPC_LOCK))
		map_flags |= MF_MAP_UNLIMITED;

	owner = mfk_owner_current(&k->owner);
	if (IS_ERR(owner))
		return PTR_ERR(owner);
	if (map.flags == VFIO_DMA_MAP_FLAG_VADDR)
		err = mf_update_vaddr(k->engine, owner, map.iova, map.vaddr, map.size, map_flags,
				      NULL);
	else
		err = mf_map(k->engine, owner, map.iova, map.vaddr, map.size, prot, map_flags,
			     NULL);
	mfk_owner_done(&k->owner, owner);
	return err;
}

#define UNMAP_DIRTY	VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP
#define UNMAP_ALL	VFIO_DMA_UNMAP_FLAG_ALL
#define UNMAP_VADDR	VFIO_DMA_UNMAP_FLAG_VADDR

/* Unmap, and say what was dirty: the bitmap's description comes behind the structure. */
static int unmap_dirty(struct mfk_container *k, const struct vfio_iommu_type1_dma_unmap *unmap,
		       const void __user *behind, u64 *unmapped)
{
	struct vfio_bitmap bitmap;
	int err;

	if (unmap->argsz < sizeof(*unmap) + sizeof(bitmap))
		return -EINVAL;
	if (copy_from_user(&bitmap, behind, sizeof(bitmap)))
		return -EFAULT;
	err = mfk_bitmap_check(&bitmap, unmap->size);
	if (err)
		return err;
	return mf_unmap_dirty(k->engine, unmap->iova, unmap->size, bitmap.pgsize,
			      mfk_bitmap_write, &bitmap, unmapped, NULL);
}

/* Which mappings, and what becomes of them: the flags say both. */
static int unmap_by_flags(struct mfk_container *k, const struct vfio_iommu_type1_dma_unmap *unmap,
			  const void __user *behind, u64 *unmapped)
{
	struct mf_container *c = k->engine;
	struct mf_info info mf_uninitialized;

	switch (unmap->flags) {
	case 0:
		return mf_unmap(c, unmap->iova, unmap->size, unmapped, NULL);
	case UNMAP_DIRTY:
		return unmap_dirty(k, unmap, behind, unmapped);
	case UNMAP_VADDR:
		return mf_invalidate_vaddr(c, unmap->iova, unmap->size, unmapped, NULL);
	case UNMAP_ALL:
		if (unmap->iova || unmap->size)
			return -EINVAL;
		return mf_unmap_all(c, unmapped, NULL);
	case UNMAP_ALL | UNMAP_VADDR:
		/* That it can't be had at all comes before what is wrong with the range. */
		mf_get_info(c, &info, NULL, 0);
		if ((unmap->iova || unmap->size) && info.vaddr_updatable)
			return -EINVAL;
		return mf_invalidate_all_vaddr(c, unmapped, NULL);
	default:
		return -EINVAL;
	}
}

static long ioctl_unmap(struct mfk_container *k, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	struct vfio_iommu_type1_dma_unmap unmap mf_uninitialized;
	u64 unmapped = 0;
	int err;

	if (copy_from_user(&unmap, arg, minsz))
		return -EFAULT;
	if (unmap.argsz < minsz)
		return -EINVAL;

	err = unmap_by_flags(k, &unmap, arg + minsz, &unmapped);
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
	case VFIO_IOMMU_DIRTY_PAGES:
		return mfk_dirty_pages(k, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}
