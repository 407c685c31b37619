// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * GET_INFO: page sizes, and a chain of capabilities behind them.
 *
 * The chain is built by the VFIO core's own helpers, which align it as the
 * running series does.
 */
#include <linux/slab.h>
#include <linux/vfio.h>

#include "compat.h"
#include "host.h"

static int add_migration(struct vfio_info_cap *caps, const struct mf_info *info)
{
	struct vfio_iommu_type1_info_cap_migration *cap;
	struct vfio_info_cap_header *header;

	header = vfio_info_cap_add(caps, sizeof(*cap), VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 1);
	if (IS_ERR(header))
		return PTR_ERR(header);
	cap = container_of(header, struct vfio_iommu_type1_info_cap_migration, header);
	cap->flags = 0;
	cap->pgsize_bitmap = info->granule;
	cap->max_dirty_bitmap_size = MFK_BITMAP_MOST;
	return 0;
}

static int add_dma_avail(struct vfio_info_cap *caps, const struct mf_info *info)
{
	struct vfio_iommu_type1_info_dma_avail *cap;
	struct vfio_info_cap_header *header;

	header = vfio_info_cap_add(caps, sizeof(*cap), VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1);
	if (IS_ERR(header))
		return PTR_ERR(header);
	cap = container_of(header, struct vfio_iommu_type1_info_dma_avail, header);
	cap->avail = info->mappings_available;
	return 0;
}

static int add_iova_range(struct vfio_info_cap *caps, const struct mf_span *window, u32 nr)
{
	struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct vfio_info_cap_header *header;
	u32 i;

	header = vfio_info_cap_add(caps, struct_size(cap, iova_ranges, nr),
				   VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1);
	if (IS_ERR(header))
		return PTR_ERR(header);
	cap = container_of(header, struct vfio_iommu_type1_info_cap_iova_range, header);
	cap->nr_iovas = nr;
	cap->reserved = 0;
	for (i = 0; i < nr; i++) {
		cap->iova_ranges[i].start = window[i].first;
		cap->iova_ranges[i].end = window[i].last;
	}
	return 0;
}

/* The whole window, however many ranges it has; kfree() it. */
static struct mf_span *read_window(struct mfk_container *k, struct mf_info *info)
{
	struct mf_span *window = NULL;
	u32 max = 0;

	while (mf_get_info(k->engine, info, window, max) < info->nr_window) {
		kfree(window);
		max = info->nr_window;
		window = kmalloc_array(max, sizeof(*window), GFP_KERNEL_ACCOUNT);
		if (!window)
			return ERR_PTR(-ENOMEM);
	}
	return window;
}

static int build_caps(struct mfk_container *k, struct mf_info *info, struct vfio_info_cap *caps)
{
	struct mf_span *window = read_window(k, info);
	int err;

	if (IS_ERR(window))
		return PTR_ERR(window);

	err = add_migration(caps, info);
	if (!err)
		err = add_dma_avail(caps, info);
	if (!err && info->nr_window)
		err = add_iova_range(caps, window, info->nr_window);
	kfree(window);
	return err;
}

/**
 * mfk_get_info() - VFIO_IOMMU_GET_INFO
 * @k: the container
 * @arg: the struct vfio_iommu_type1_info to fill
 *
 * A user whose argsz has no room for the chain is told how much it takes.
 */
long mfk_get_info(struct mfk_container *k, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
	struct vfio_info_cap caps = { .buf = NULL, .size = 0 };
	struct vfio_iommu_type1_info out = { };
	size_t back;
	struct mf_info info;
	int err;

	if (copy_from_user(&out, arg, minsz))
		return -EFAULT;
	if (out.argsz < minsz)
		return -EINVAL;
	back = mfk_info_writeback(out.argsz);

	err = build_caps(k, &info, &caps);
	if (err)
		goto free;

	out.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	out.iova_pgsizes = info.pgsizes;
	if (out.argsz < sizeof(out) + caps.size) {
		out.argsz = sizeof(out) + caps.size;
	} else {
		vfio_info_cap_shift(&caps, sizeof(out));
		if (copy_to_user(arg + sizeof(out), caps.buf, caps.size))
			err = -EFAULT;
		out.cap_offset = sizeof(out);
	}
	if (!err && copy_to_user(arg, &out, back))
		err = -EFAULT;
free:
	kfree(caps.buf);
	return err;
}
