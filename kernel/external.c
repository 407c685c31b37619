// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Mediated devices: software that reaches a container's memory through the VFIO
 * core (vfio_pin_pages(), vfio_dma_rw()) instead of a unit.
 *
 * Such a device has to give pages back when they are unmapped. The core makes
 * each of them known to the container before it is used; those that can be
 * asked (they have a dma_unmap callback) are kept on a list.
 */
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "host.h"

/**
 * mfk_device_add() - a device begins to use a container
 * @k: the container
 * @vdev: the device
 */
void mfk_device_add(struct mfk_container *k, struct vfio_device *vdev)
{
	if (!vdev->ops->dma_unmap)
		return;
	mutex_lock(&k->devices_lock);
	list_add(&vdev->iommu_entry, &k->devices);
	mutex_unlock(&k->devices_lock);
}

/**
 * mfk_device_remove() - a device no longer uses a container
 * @k: the container
 * @vdev: the device
 *
 * When this returns, its callback is not being called, nor will it be.
 */
void mfk_device_remove(struct mfk_container *k, struct vfio_device *vdev)
{
	if (!vdev->ops->dma_unmap)
		return;
	mutex_lock(&k->devices_lock);
	list_del(&vdev->iommu_entry);
	mutex_unlock(&k->devices_lock);
}

/* See @unmapping of struct mf_host_ops. */
void mfk_unmapping(struct mf_host *host, void *cookie, struct mf_span span)
{
	struct mfk_container *k = cookie;
	struct vfio_device *vdev;

	mutex_lock(&k->devices_lock);
	list_for_each_entry(vdev, &k->devices, iommu_entry)
		vdev->ops->dma_unmap(vdev, span.first, span.last - span.first + 1);
	mutex_unlock(&k->devices_lock);
}

/*
 * Without the lock: it is held while devices are told of an unmap, which may wait for a lock of the
 * device's driver; and that lock the driver may hold while it pins. Who asks is on the list itself,
 * if it has a callback, and stays there meanwhile.
 */
static bool can_ask(struct mfk_container *k)
{
	return !list_empty(&k->devices);
}

/**
 * mfk_pin_pages() - pin pages for a mediated device
 * @k: the container
 * @group: the device's group
 * @iova: IOVA of the first page
 * @npage: how many
 * @prot: IOMMU_READ, IOMMU_WRITE or both
 * @pages: where to put them
 *
 * Pages are only given to those who can be asked to give them back.
 *
 * Return: @npage, or a negative errno with none pinned.
 */
int mfk_pin_pages(struct mfk_container *k, struct iommu_group *group, dma_addr_t iova,
		  int npage, int prot, struct page **pages)
{
	u32 rights = (prot & IOMMU_READ ? MF_READ : 0) | (prot & IOMMU_WRITE ? MF_WRITE : 0);
	u64 *pfns = (u64 *)pages;
	int i, err;

	/* One array will do: frame numbers first, each replaced by its page. */
	BUILD_BUG_ON(sizeof(*pfns) != sizeof(*pages));

	if (k->rules == MF_TYPE1V2 && (npage <= 0 || !can_ask(k)))
		return -EINVAL;

	err = mf_pin_pages(k->engine, mfk_from_group(group), iova, npage, rights, pfns, NULL);
	if (err)
		return err;
	for (i = 0; i < npage; i++)
		pages[i] = pfn_to_page(pfns[i]);
	return npage;
}

/* See @copy of struct mf_host_ops. */
int mfk_copy(struct mf_host *host, struct mf_owner *owner, u64 vaddr, void *data, u64 bytes,
	     bool write)
{
	struct mm_struct *mm = mfk_owner_mm(owner);
	void __user *user = (void __user *)(unsigned long)vaddr;
	bool kthread = !current->mm;
	unsigned long left;

	if (!mmget_not_zero(mm))
		return -EPERM;
	if (kthread) {
		kthread_use_mm(mm);
	} else if (current->mm != mm) {
		mmput(mm);
		return -EFAULT;
	}
	left = write ? copy_to_user(user, data, bytes) : copy_from_user(data, user, bytes);
	if (kthread)
		kthread_unuse_mm(mm);
	mmput(mm);
	return left ? -EFAULT : 0;
}
