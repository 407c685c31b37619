// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Devices' DMA: by command, and all the time from a thread.
 *
 * Each piece, within a page, is translated and moved under rig_lock, so that a
 * flush never returns while DMA that used the old translation is under way. A
 * translation that the IOTLB has is used whether or not the table still has it:
 * hardware would. When a test says so, by command, that is counted: it would
 * not between an unmap and its flush, which is where a device that works all the
 * time may well be. A translation that leads to a page which nobody pinned is
 * always counted, and the page not touched.
 *
 * "Pinned" is what folio_maybe_dma_pinned() says: pinned by pin_user_pages(), or
 * a page with a great many other references, which no test's page has. It is
 * asked of a folio: one page of a large one that is pinned speaks for all of it.
 * The zero page, which a read-only mapping of untouched memory leads to, always
 * is, to who reads.
 */
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "rig.h"

static bool same(const struct rig_cached *c, const struct rig_entry *e)
{
	if (!e)
		return c->absent;
	return !c->absent && c->first == e->iova && c->physical == e->physical &&
	       c->last == e->iova + (e->bytes - 1) && c->prot == e->prot;
}

/* What the unit makes of an IOVA: from its IOTLB, or else from the table, and remembered. */
static struct rig_cached look_up(struct rig_unit *unit, struct rig_domain *d, u64 iova,
				 bool told)
{
	const struct rig_cached *known = rig_iotlb_find(unit, d, iova);
	const struct rig_entry *e = rig_table_find(&d->table, iova);
	struct rig_cached found = {
		.domain = d,
		.first = iova & PAGE_MASK,
		.last = iova | ~PAGE_MASK,
		.absent = true,
	};

	if (known) {
		/* That something is mapped now where nothing was is seen as a fault, not here. */
		unit->counters.stale += told && !known->absent && !same(known, e);
		return *known;
	}
	unit->counters.walks++;
	if (e) {
		found.first = e->iova;
		found.last = e->iova + (e->bytes - 1);
		found.physical = e->physical;
		found.prot = e->prot;
		found.absent = false;
	}
	if (e || unit->spec.flags & RIG_CACHES_ABSENT)
		rig_iotlb_add(unit, &found);
	return found;
}

static enum rig_fault translate(struct rig_device *device, u64 iova, bool write, bool told,
				phys_addr_t *to)
{
	struct rig_unit *unit = device->unit;
	struct rig_domain *d = device->domain;
	struct rig_cached found;

	if (!d || d->domain.type != IOMMU_DOMAIN_UNMANAGED)
		return RIG_FAULT_NO_DOMAIN;
	if (iova < unit->spec.aperture_first || iova > unit->spec.aperture_last)
		return RIG_FAULT_APERTURE;
	found = look_up(unit, d, iova, told);
	if (found.absent)
		return RIG_FAULT_NOT_PRESENT;
	if (!(found.prot & (write ? RIG_WRITE : RIG_READ)))
		return write ? RIG_FAULT_WRITE : RIG_FAULT_READ;
	*to = found.physical + (iova - found.first);
	return RIG_FAULT_NONE;
}

/* The page that DMA may touch, or why it may not. */
static enum rig_fault reach(struct rig_device *device, u64 iova, bool write, bool told,
			    struct page **page)
{
	phys_addr_t physical;
	enum rig_fault fault = translate(device, iova, write, told, &physical);

	if (fault)
		return fault;
	if (!pfn_valid(PHYS_PFN(physical)))
		return RIG_FAULT_NOWHERE;
	*page = pfn_to_page(PHYS_PFN(physical));
	if (!folio_maybe_dma_pinned(page_folio(*page)) &&
	    (write || !is_zero_pfn(PHYS_PFN(physical)))) {
		device->unit->counters.unpinned++;
		return RIG_FAULT_UNPINNED;
	}
	return RIG_FAULT_NONE;
}

/* @bytes do not cross a page. */
static enum rig_fault move(struct rig_device *device, u64 iova, void *buffer, u32 bytes,
			   bool write)
{
	enum rig_fault fault;
	struct page *page;
	u8 *at;

	spin_lock(&rig_lock);
	fault = reach(device, iova, write, true, &page);
	if (!fault) {
		at = kmap_local_page(page);
		if (write)
			memcpy(at + offset_in_page(iova), buffer, bytes);
		else
			memcpy(buffer, at + offset_in_page(iova), bytes);
		kunmap_local(at);
	}
	spin_unlock(&rig_lock);
	return fault;
}

static void transfer(struct rig_device *device, struct rig_dma *dma, u8 *buffer)
{
	while (dma->done < dma->bytes && !dma->fault) {
		u64 iova = dma->iova + dma->done;
		u32 bytes = min_t(u64, dma->bytes - dma->done, PAGE_SIZE - offset_in_page(iova));

		dma->fault = move(device, iova, buffer + dma->done, bytes, dma->write);
		if (!dma->fault)
			dma->done += bytes;
	}
}

int rig_dma(struct rig_dma *dma)
{
	struct rig_device *device = rig_device_find(dma->device);
	void __user *user = u64_to_user_ptr(dma->buffer);
	u8 *buffer;
	int err = 0;

	if (!device)
		return -ENOENT;
	if (!dma->bytes || dma->bytes > RIG_MAX_TRANSFER || dma->write > 1)
		return -EINVAL;
	buffer = kvzalloc(dma->bytes, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	dma->done = 0;
	dma->fault = RIG_FAULT_NONE;
	if (dma->write && copy_from_user(buffer, user, dma->bytes))
		err = -EFAULT;
	if (!err)
		transfer(device, dma, buffer);
	if (!err && !dma->write && copy_to_user(user, buffer, dma->done))
		err = -EFAULT;
	kvfree(buffer);
	return err;
}

/* Reads a word, or marks it written without changing it, whoever else writes it. */
static enum rig_fault touch(struct rig_device *device, u64 iova, bool write)
{
	enum rig_fault fault;
	struct page *page;
	u8 *at;

	spin_lock(&rig_lock);
	fault = reach(device, iova, write, false, &page);
	if (!fault) {
		at = kmap_local_page(page);
		if (write)
			atomic_or(0, (atomic_t *)(at + offset_in_page(iova)));
		else
			atomic_read((atomic_t *)(at + offset_in_page(iova)));
		kunmap_local(at);
	}
	device->traffic.bursts++;
	device->traffic.faults[fault]++;
	spin_unlock(&rig_lock);
	return fault;
}

static int work(void *data)
{
	struct rig_device *device = data;
	const struct rig_traffic *t = &device->traffic;
	u64 range = t->last - t->first, n = 0;

	while (!kthread_should_stop()) {
		u64 offset = get_random_u64();
		bool write = t->prot == RIG_WRITE || (t->prot & RIG_WRITE && n & 1);

		if (range != U64_MAX)
			offset %= range + 1;
		touch(device, (t->first + offset) & ~3ull, write);
		if (!(++n & 15))
			usleep_range(20, 100);
	}
	return 0;
}

int rig_traffic_start(const struct rig_traffic *traffic)
{
	struct rig_device *device = rig_device_find(traffic->device);
	struct task_struct *worker;

	if (!device)
		return -ENOENT;
	if (device->worker)
		return -EBUSY;
	if (traffic->first > traffic->last || !traffic->prot ||
	    traffic->prot & ~(RIG_READ | RIG_WRITE))
		return -EINVAL;
	device->traffic = *traffic;
	device->traffic.bursts = 0;
	memset(device->traffic.faults, 0, sizeof(device->traffic.faults));
	worker = kthread_run(work, device, "%s", dev_name(rig_dev(device)));
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	device->worker = worker;
	return 0;
}

int rig_traffic_get(struct rig_traffic *traffic, bool stop)
{
	struct rig_device *device = rig_device_find(traffic->device);

	if (!device || !device->worker)
		return -ENOENT;
	if (stop) {
		kthread_stop(device->worker);
		device->worker = NULL;
	}
	spin_lock(&rig_lock);
	*traffic = device->traffic;
	spin_unlock(&rig_lock);
	return 0;
}
