// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * DMA, byte by byte where it matters and page by page where it does not.
 *
 * Each page is translated and accessed under the host's units lock, so no
 * flush can return in between: as with hardware, where an invalidation waits
 * for what is in flight.
 */
#include "user/memory/memory.h"
#include "user/models/device.h"

static enum mf_fault_why access_page(struct mf_host_group *group, u64 iova, void *buffer,
				     u32 bytes, bool write, struct mf_fault *fault)
{
	struct mf_unit *unit = group->unit;
	struct mf_translation t;
	u64 pfn;

	if (unit->ops->translate(unit, group, iova, write, &t, fault))
		return fault->why;

	*fault = (struct mf_fault){ .iova = iova, .write = write, .group = group->id,
				    .level = t.level, .entry = t.entry };
	pfn = t.pfn + ((iova - t.span.first) >> MF_PAGE_SHIFT);
	switch (mf_memory_access(unit->host, pfn, (u32)(iova & (MF_PAGE_SIZE - 1)), buffer, bytes,
				 write)) {
	case MF_ACCESS_NOWHERE:
		return MF_FAULT_NOWHERE;
	case MF_ACCESS_UNPINNED:
		return MF_FAULT_UNPINNED;
	default:
		return MF_FAULT_NONE;
	}
}

static int record(struct mf_device *device, enum mf_fault_why why, struct mf_fault *fault)
{
	fault->why = why;
	device->fault = *fault;
	device->faults++;
	device->unpinned += why == MF_FAULT_UNPINNED;
	return -EFAULT;
}

static int dma(struct mf_device *device, u64 iova, u8 *buffer, u64 bytes, bool write)
{
	struct mf_user_host *host = device->group->unit->host;
	enum mf_fault_why why;
	struct mf_fault fault;

	while (bytes) {
		u64 left = MF_PAGE_SIZE - (iova & (MF_PAGE_SIZE - 1));
		u32 some = (u32)mf_min(bytes, left);

		mf_mutex_lock(&host->units_lock);
		why = access_page(device->group, iova, buffer, some, write, &fault);
		mf_mutex_unlock(&host->units_lock);
		if (why)
			return record(device, why, &fault);
		iova += some;
		buffer += some;
		bytes -= some;
	}
	return 0;
}

/**
 * mf_device_read() - read memory by DMA
 * @device: the device
 * @iova: where from
 * @buffer: where to
 * @bytes: how many
 *
 * Return: 0; or -EFAULT with the fault in @device->fault, and what was before
 * it read.
 */
int mf_device_read(struct mf_device *device, u64 iova, void *buffer, u64 bytes)
{
	return dma(device, iova, buffer, bytes, false);
}

/**
 * mf_device_write() - write memory by DMA
 *
 * Return: as mf_device_read().
 */
int mf_device_write(struct mf_device *device, u64 iova, const void *buffer, u64 bytes)
{
	return dma(device, iova, (u8 *)buffer, bytes, true);
}

/**
 * mf_device_interrupt() - send an interrupt by writing its message
 *
 * A unit that knows messages by their address (a region of type MF_REGION_MSI)
 * takes it; otherwise the group's domain must have the doorbell mapped.
 *
 * Return: did it arrive?
 */
bool mf_device_interrupt(struct mf_device *device)
{
	struct mf_host_group *group = device->group;
	struct mf_user_host *host = group->unit->host;
	bool arrived;
	u32 i;

	mf_mutex_lock(&host->units_lock);
	arrived = group->domain && group->domain->msi;
	for (i = 0; i < group->nr_regions; i++)
		arrived = arrived || (group->domain && group->regions[i].type == MF_REGION_MSI);
	mf_mutex_unlock(&host->units_lock);
	return arrived;
}
