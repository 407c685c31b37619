// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Emulated devices: what VFIO calls the devices, mediated ones mostly, whose driver
 * does by software what others do by DMA. No unit translates for them. Their
 * driver asks the container's backend to pin pages and hand them over
 * (vfio_pin_pages()), or to copy (vfio_dma_rw()), and is told by dma_unmap() when
 * pages must be given back. Here all of that is done by order of the test.
 *
 * They are on a bus of their own, which no IOMMU driver looks at; the VFIO core
 * makes their groups.
 *
 * Locks of a device: @orders is held for reading by whatever the device is told
 * to do, and for writing to open and close it, so that nothing is asked of the
 * VFIO core for a device that is not open. Inside it, @lock guards @pages and what
 * dma_unmap() was told; it is held over vfio_pin_pages(), so that dma_unmap() never
 * misses a page that is pinned but not yet in @pages.
 */
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "rig.h"

struct rig_emulated {
	struct device dev;
	struct rig_emulated_spec spec;
	struct vfio_device *vfio;
	struct rw_semaphore orders;
	bool open;
	struct mutex lock;		/* inside @orders; what it guards: see above */
	struct xarray pages;		/* by IOVA in pages: struct pinned */
	struct rig_manners manners;
	struct rig_emulated_state told;
	wait_queue_head_t gate;
};

struct pinned {
	struct page *page;
	u32 times;
};

static struct rig_emulated *emulated_devices[RIG_MAX_EMULATED];

static struct rig_emulated *to_emulated(struct device *dev)
{
	return container_of(dev, struct rig_emulated, dev);
}

/* --- what it has pinned; the lock is held ---------------------------------------------------- */

/* Room is made before pages are pinned, so that none is ever pinned and forgotten. */
static int make_room(struct rig_emulated *e, u64 iova, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		unsigned long index = (iova >> PAGE_SHIFT) + i;
		struct pinned *p;

		if (xa_load(&e->pages, index))
			continue;
		p = kzalloc(sizeof(*p), GFP_KERNEL);
		if (!p)
			return -ENOMEM;
		if (xa_err(xa_store(&e->pages, index, p, GFP_KERNEL))) {
			kfree(p);
			return -ENOMEM;
		}
	}
	return 0;
}

static void drop_empty(struct rig_emulated *e)
{
	unsigned long index;
	struct pinned *p;

	xa_for_each(&e->pages, index, p) {
		if (!p->times) {
			xa_erase(&e->pages, index);
			kfree(p);
		}
	}
}

static void remember(struct rig_emulated *e, u64 iova, struct page **pages, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		struct pinned *p = xa_load(&e->pages, (iova >> PAGE_SHIFT) + i);

		p->page = pages[i];
		p->times++;
	}
}

static void unpin_range(struct rig_emulated *e, u64 iova, u64 last)
{
	unsigned long index;
	struct pinned *p;

	xa_for_each_range(&e->pages, index, p, iova >> PAGE_SHIFT, last >> PAGE_SHIFT) {
		while (p->times) {
			p->times--;
			vfio_unpin_pages(e->vfio, (u64)index << PAGE_SHIFT, 1);
		}
	}
	drop_empty(e);
}

/* --- VFIO's view ---------------------------------------------------------------------------- */

struct emulated_vfio {
	struct vfio_device vdev;
};

static int vfio_init(struct vfio_device *vdev)
{
	return 0;
}

static void vfio_release(struct vfio_device *vdev)
{
	rig_vfio_free(vdev);
}

static int vfio_open(struct vfio_device *vdev)
{
	struct rig_emulated *e = to_emulated(vdev->dev);

	down_write(&e->orders);
	memset(&e->manners, 0, sizeof(e->manners));
	memset(&e->told, 0, sizeof(e->told));
	e->open = true;
	up_write(&e->orders);
	return 0;
}

/* The backend has to be rid of its pages, as of any driver's that closes. */
static void vfio_close(struct vfio_device *vdev)
{
	struct rig_emulated *e = to_emulated(vdev->dev);

	down_write(&e->orders);
	e->open = false;
	mutex_lock(&e->lock);
	e->manners.hold = 0;
	unpin_range(e, 0, U64_MAX);
	mutex_unlock(&e->lock);
	up_write(&e->orders);
	wake_up_all(&e->gate);
}

static void vfio_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct rig_emulated *e = to_emulated(vdev->dev);
	bool refuses, waits;

	mutex_lock(&e->lock);
	if (e->told.calls < RIG_MAX_TOLD) {
		e->told.told[e->told.calls].iova = iova;
		e->told.told[e->told.calls].bytes = length;
	}
	e->told.calls++;
	refuses = e->manners.refusals;
	e->manners.refusals -= refuses;
	waits = e->manners.hold;
	e->told.held += waits;
	mutex_unlock(&e->lock);

	if (waits && wait_event_killable(e->gate, !READ_ONCE(e->manners.hold)))
		refuses = false;
	mutex_lock(&e->lock);
	e->told.held -= waits;
	if (!refuses && length)
		unpin_range(e, iova, iova + (length - 1));
	mutex_unlock(&e->lock);
}

static long vfio_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	return -ENOTTY;
}

#define EMULATED_OPS \
	.name = "manifold-rig-emulated", \
	.init = vfio_init, \
	.release = vfio_release, \
	.open_device = vfio_open, \
	.close_device = vfio_close, \
	.ioctl = vfio_ioctl, \
	RIG_EMULATED_IOMMUFD

static const struct vfio_device_ops hearing_ops = {
	EMULATED_OPS
	.dma_unmap = vfio_dma_unmap,
};

static const struct vfio_device_ops deaf_ops = {
	EMULATED_OPS
};

static int emulated_probe(struct device *dev)
{
	struct rig_emulated *e = to_emulated(dev);
	struct emulated_vfio *v;
	int err;

	v = vfio_alloc_device(emulated_vfio, vdev, dev,
			      e->spec.flags & RIG_HEARS_UNMAPS ? &hearing_ops : &deaf_ops);
	if (IS_ERR(v))
		return PTR_ERR(v);
	err = vfio_register_emulated_iommu_dev(&v->vdev);
	if (err)
		vfio_put_device(&v->vdev);
	else
		e->vfio = &v->vdev;
	return err;
}

static void emulated_remove(struct device *dev)
{
	struct rig_emulated *e = to_emulated(dev);

	vfio_unregister_group_dev(e->vfio);
	vfio_put_device(e->vfio);
	e->vfio = NULL;
}

static struct bus_type emulated_bus = {
	.name = "rig-emulated",
	.probe = emulated_probe,
	.remove = emulated_remove,
};

static struct device_driver emulated_driver = {
	.name = "rig-emulated",
	.bus = &emulated_bus,
	.owner = THIS_MODULE,
};

int rig_emulated_init(void)
{
	int err = bus_register(&emulated_bus);

	if (err)
		return err;
	err = driver_register(&emulated_driver);
	if (err)
		bus_unregister(&emulated_bus);
	return err;
}

void rig_emulated_exit(void)
{
	driver_unregister(&emulated_driver);
	bus_unregister(&emulated_bus);
}

/* --- devices; rig_mutex is held ------------------------------------------------------------- */

static void emulated_release(struct device *dev)
{
	struct rig_emulated *e = to_emulated(dev);

	drop_empty(e);
	xa_destroy(&e->pages);
	kfree(e);
}

static void initialize(struct rig_emulated *e, const struct rig_emulated_spec *spec, u32 number)
{
	device_initialize(&e->dev);
	e->dev.bus = &emulated_bus;
	e->dev.release = emulated_release;
	init_rwsem(&e->orders);
	mutex_init(&e->lock);
	xa_init(&e->pages);
	init_waitqueue_head(&e->gate);
	e->spec = *spec;
	e->spec.device = number;
}

static int bring_up(struct rig_emulated *e)
{
	struct iommu_group *group;
	int err = dev_set_name(&e->dev, "emulated.%u", e->spec.device);

	err = err ? err : device_add(&e->dev);
	if (err)
		return err;
	group = e->vfio ? iommu_group_get(&e->dev) : NULL;
	if (!group) {
		device_del(&e->dev);
		return -ENODEV;
	}
	e->spec.group = iommu_group_id(group);
	iommu_group_put(group);
	strscpy(e->spec.name, dev_name(&e->dev), sizeof(e->spec.name));
	return 0;
}

int rig_emulated_add(struct rig_emulated_spec *spec)
{
	struct rig_emulated *e;
	u32 number = 0;
	int err;

	if (spec->flags & ~RIG_HEARS_UNMAPS || spec->reserved)
		return -EINVAL;
	while (number < RIG_MAX_EMULATED && emulated_devices[number])
		number++;
	if (number == RIG_MAX_EMULATED)
		return -ENOSPC;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	initialize(e, spec, number);
	err = bring_up(e);
	if (err) {
		put_device(&e->dev);
		return err;
	}
	emulated_devices[number] = e;
	*spec = e->spec;
	return 0;
}

struct rig_emulated *rig_emulated_get(u32 number)
{
	struct rig_emulated *e = number < RIG_MAX_EMULATED ? emulated_devices[number] : NULL;

	if (e)
		get_device(&e->dev);
	return e;
}

void rig_emulated_put(struct rig_emulated *e)
{
	put_device(&e->dev);
}

bool rig_emulated_busy(void)
{
	u32 i;

	for (i = 0; i < RIG_MAX_EMULATED; i++) {
		if (emulated_devices[i] && READ_ONCE(emulated_devices[i]->open))
			return true;
	}
	return false;
}

void rig_emulated_clear(void)
{
	u32 i;

	for (i = 0; i < RIG_MAX_EMULATED; i++) {
		struct rig_emulated *e = emulated_devices[i];

		if (!e)
			continue;
		emulated_devices[i] = NULL;
		device_unregister(&e->dev);
	}
}

/* --- what it is told to do ------------------------------------------------------------------ */

static int begin(struct rig_emulated *e)
{
	down_read(&e->orders);
	if (e->open)
		return 0;
	up_read(&e->orders);
	return -ENOTCONN;
}

static void end(struct rig_emulated *e)
{
	up_read(&e->orders);
}

static int pin_locked(struct rig_emulated *e, struct rig_pin *pin, struct page **pages)
{
	u32 room = clamp_t(s32, pin->pages, 0, VFIO_PIN_PAGES_MAX_ENTRIES);
	int prot = (pin->prot & RIG_READ ? IOMMU_READ : 0) |
		   (pin->prot & RIG_WRITE ? IOMMU_WRITE : 0);
	int err = make_room(e, pin->iova, room);

	if (!err) {
		pin->result = vfio_pin_pages(e->vfio, pin->iova, pin->pages, prot, pages);
		remember(e, pin->iova, pages, pin->result);
	}
	drop_empty(e);
	return err;
}

int rig_emulated_pin(struct rig_emulated *e, struct rig_pin *pin)
{
	struct page **pages;
	int err;

	if (pin->prot & ~(RIG_READ | RIG_WRITE) || pin->iova & ~PAGE_MASK)
		return -EINVAL;
	err = begin(e);
	if (err)
		return err;
	pages = kvcalloc(VFIO_PIN_PAGES_MAX_ENTRIES, sizeof(*pages), GFP_KERNEL);
	if (pages) {
		mutex_lock(&e->lock);
		err = pin_locked(e, pin, pages);
		mutex_unlock(&e->lock);
	} else {
		err = -ENOMEM;
	}
	kvfree(pages);
	end(e);
	return err;
}

static bool all_pinned(struct rig_emulated *e, u64 iova, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (!xa_load(&e->pages, (iova >> PAGE_SHIFT) + i))
			return false;
	}
	return n > 0;
}

int rig_emulated_unpin(struct rig_emulated *e, const struct rig_pin *pin)
{
	int i, err = begin(e);

	if (err)
		return err;
	mutex_lock(&e->lock);
	if (pin->iova & ~PAGE_MASK || pin->pages > VFIO_PIN_PAGES_MAX_ENTRIES ||
	    !all_pinned(e, pin->iova, pin->pages)) {
		err = -ENOENT;
	} else {
		for (i = 0; i < pin->pages; i++) {
			struct pinned *p = xa_load(&e->pages, (pin->iova >> PAGE_SHIFT) + i);

			p->times--;
		}
		vfio_unpin_pages(e->vfio, pin->iova, pin->pages);
		drop_empty(e);
	}
	mutex_unlock(&e->lock);
	end(e);
	return err;
}

/* @bytes do not cross a page. A page that the backend no longer pins is not touched. */
static enum rig_fault move(struct rig_emulated *e, u64 iova, void *buffer, u32 bytes, bool write)
{
	struct pinned *p = xa_load(&e->pages, iova >> PAGE_SHIFT);
	u8 *at;

	if (!p)
		return RIG_FAULT_NOT_PRESENT;
	if (!folio_maybe_dma_pinned(page_folio(p->page)) &&
	    (write || !is_zero_pfn(page_to_pfn(p->page))))
		return RIG_FAULT_UNPINNED;
	at = kmap_local_page(p->page);
	if (write)
		memcpy(at + offset_in_page(iova), buffer, bytes);
	else
		memcpy(buffer, at + offset_in_page(iova), bytes);
	kunmap_local(at);
	return RIG_FAULT_NONE;
}

static void transfer(struct rig_emulated *e, struct rig_dma *dma, u8 *buffer)
{
	mutex_lock(&e->lock);
	while (dma->done < dma->bytes && !dma->fault) {
		u64 iova = dma->iova + dma->done;
		u32 bytes = min_t(u64, dma->bytes - dma->done, PAGE_SIZE - offset_in_page(iova));

		dma->fault = move(e, iova, buffer + dma->done, bytes, dma->write);
		if (!dma->fault)
			dma->done += bytes;
	}
	mutex_unlock(&e->lock);
}

/* A buffer of the kernel for what a caller gives, or will be given. */
static u8 *buffer_for(u64 user, u32 bytes, bool fill)
{
	u8 *buffer;

	if (!bytes || bytes > RIG_MAX_TRANSFER)
		return ERR_PTR(-EINVAL);
	buffer = kvzalloc(bytes, GFP_KERNEL);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	if (fill && copy_from_user(buffer, u64_to_user_ptr(user), bytes)) {
		kvfree(buffer);
		return ERR_PTR(-EFAULT);
	}
	return buffer;
}

int rig_emulated_dma(struct rig_emulated *e, struct rig_dma *dma)
{
	u8 *buffer;
	int err;

	if (dma->write > 1)
		return -EINVAL;
	buffer = buffer_for(dma->buffer, dma->bytes, dma->write);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	dma->done = 0;
	dma->fault = RIG_FAULT_NONE;
	err = begin(e);
	if (!err) {
		transfer(e, dma, buffer);
		end(e);
	}
	if (!err && !dma->write && copy_to_user(u64_to_user_ptr(dma->buffer), buffer, dma->done))
		err = -EFAULT;
	kvfree(buffer);
	return err;
}

struct copy_work {
	struct work_struct work;
	struct rig_emulated *emulated;
	struct rig_copy *copy;
	u8 *buffer;
};

static void do_copy(struct work_struct *work)
{
	struct copy_work *w = container_of(work, struct copy_work, work);

	w->copy->result = vfio_dma_rw(w->emulated->vfio, w->copy->iova, w->buffer, w->copy->bytes,
				      w->copy->flags & RIG_COPY_WRITE);
}

int rig_emulated_copy(struct rig_emulated *e, struct rig_copy *copy)
{
	struct copy_work w = { .emulated = e, .copy = copy };
	bool write = copy->flags & RIG_COPY_WRITE;
	int err;

	if (copy->flags & ~(RIG_COPY_WRITE | RIG_COPY_KERNEL))
		return -EINVAL;
	w.buffer = buffer_for(copy->buffer, copy->bytes, write);
	if (IS_ERR(w.buffer))
		return PTR_ERR(w.buffer);
	err = begin(e);
	if (!err) {
		INIT_WORK_ONSTACK(&w.work, do_copy);
		if (copy->flags & RIG_COPY_KERNEL) {
			schedule_work(&w.work);
			flush_work(&w.work);
		} else {
			do_copy(&w.work);
		}
		destroy_work_on_stack(&w.work);
		end(e);
	}
	if (!err && !write && copy_to_user(u64_to_user_ptr(copy->buffer), w.buffer, copy->bytes))
		err = -EFAULT;
	kvfree(w.buffer);
	return err;
}

int rig_emulated_set_manners(struct rig_emulated *e, const struct rig_manners *manners)
{
	if (manners->hold > 1 || manners->reserved)
		return -EINVAL;
	mutex_lock(&e->lock);
	e->manners = *manners;
	e->told.calls = 0;
	memset(e->told.told, 0, sizeof(e->told.told));
	mutex_unlock(&e->lock);
	wake_up_all(&e->gate);
	return 0;
}

int rig_emulated_state(struct rig_emulated *e, struct rig_emulated_state *state)
{
	u32 number = state->device;
	unsigned long index;
	struct pinned *p;

	mutex_lock(&e->lock);
	*state = e->told;
	state->device = number;
	state->open = e->open;
	state->pinned = 0;
	xa_for_each(&e->pages, index, p)
		state->pinned++;
	mutex_unlock(&e->lock);
	return 0;
}
