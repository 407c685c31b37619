// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Devices, on buses of the rig's own, in IOMMU groups, known to VFIO.
 *
 * The IOMMU layer of 6.1 has one set of operations a bus, and none of it goes
 * through the bus types it knows, so devices are put into their groups by hand.
 * That has to happen between their appearance in sysfs and the binding of the
 * driver that registers them with VFIO, which is why a bus matches nothing that
 * is not ready.
 */
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "rig.h"

static struct rig_device *devices[RIG_MAX_DEVICES];

/* --- VFIO's view --------------------------------------------------------------------------- */

struct rig_vfio {
	struct vfio_device vdev;
};

static int vfio_init(struct vfio_device *vdev)
{
	return 0;
}

static void vfio_release(struct vfio_device *vdev)
{
	vfio_free_device(vdev);
}

static int vfio_open(struct vfio_device *vdev)
{
	spin_lock(&rig_lock);
	rig_to_device(vdev->dev)->open = true;
	spin_unlock(&rig_lock);
	return 0;
}

static void vfio_close(struct vfio_device *vdev)
{
	spin_lock(&rig_lock);
	rig_to_device(vdev->dev)->open = false;
	spin_unlock(&rig_lock);
}

/* No regions, no interrupts: what it does, it is told to through the rig. */
static long vfio_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct vfio_device_info info = { };
	size_t most = offsetofend(struct vfio_device_info, num_irqs);

	if (cmd != VFIO_DEVICE_GET_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, (void __user *)arg, most))
		return -EFAULT;
	if (info.argsz < most)
		return -EINVAL;
	info = (struct vfio_device_info){ .argsz = most };
	return copy_to_user((void __user *)arg, &info, most) ? -EFAULT : 0;
}

static const struct vfio_device_ops vfio_ops = {
	.name = "manifold-rig",
	.init = vfio_init,
	.release = vfio_release,
	.open_device = vfio_open,
	.close_device = vfio_close,
	.ioctl = vfio_ioctl,
};

static int driver_probe(struct device *dev)
{
	struct rig_vfio *v = vfio_alloc_device(rig_vfio, vdev, dev, &vfio_ops);
	int err;

	if (IS_ERR(v))
		return PTR_ERR(v);
	err = vfio_register_group_dev(&v->vdev);
	if (err)
		vfio_put_device(&v->vdev);
	else
		rig_to_device(dev)->vfio = &v->vdev;
	return err;
}

static int driver_remove(struct device *dev)
{
	struct vfio_device *vdev = rig_to_device(dev)->vfio;

	vfio_unregister_group_dev(vdev);
	vfio_put_device(vdev);
	return 0;
}

/* --- buses --------------------------------------------------------------------------------- */

static int bus_match(struct device *dev, struct device_driver *driver)
{
	return !!dev->iommu_group;
}

static int bus_probe(struct device *dev)
{
	return driver_probe(dev);
}

static void bus_remove(struct device *dev)
{
	driver_remove(dev);
}

static struct bus_type buses[RIG_BUSES] = {
	{ .name = "rig-a", .match = bus_match, .probe = bus_probe, .remove = bus_remove,
	  .iommu_ops = &rig_iommu_ops },
	{ .name = "rig-b", .match = bus_match, .probe = bus_probe, .remove = bus_remove,
	  .iommu_ops = &rig_iommu_ops },
};

static struct device_driver drivers[RIG_BUSES] = {
	{ .name = "rig-vfio", .bus = &buses[0], .owner = THIS_MODULE },
	{ .name = "rig-vfio", .bus = &buses[1], .owner = THIS_MODULE },
};

static void buses_undo(u32 n)
{
	while (n--) {
		driver_unregister(&drivers[n]);
		bus_unregister(&buses[n]);
	}
}

int rig_buses_init(void)
{
	u32 i;
	int err;

	for (i = 0; i < RIG_BUSES; i++) {
		err = bus_register(&buses[i]);
		if (err)
			break;
		err = driver_register(&drivers[i]);
		if (err) {
			bus_unregister(&buses[i]);
			break;
		}
	}
	if (i < RIG_BUSES)
		buses_undo(i);
	return i < RIG_BUSES ? err : 0;
}

void rig_buses_exit(void)
{
	buses_undo(RIG_BUSES);
}

/* --- devices ------------------------------------------------------------------------------- */

struct rig_device *rig_device_find(u32 number)
{
	return number < RIG_MAX_DEVICES ? devices[number] : NULL;
}

static void device_release(struct device *dev)
{
	kfree(dev->iommu);
	kfree(rig_to_device(dev));
}

static int check_spec(const struct rig_device_spec *spec)
{
	u32 i;

	if (!rig_unit_find(spec->unit))
		return -ENOENT;
	if (spec->beside != RIG_NONE && !rig_device_find(spec->beside))
		return -ENOENT;
	if (spec->bus >= RIG_BUSES || spec->nr_regions > RIG_MAX_REGIONS)
		return -EINVAL;
	for (i = 0; i < spec->nr_regions; i++) {
		const struct rig_region *r = &spec->regions[i];

		if (r->type >= RIG_REGION_TYPES || r->first > r->last || r->reserved ||
		    (!r->first && r->last == U64_MAX))
			return -EINVAL;
	}
	return 0;
}

/* The IOMMU layer asks these of a device: who is its unit, and who knows it. */
static int know_unit(struct rig_device *device)
{
	device->dev.iommu = kzalloc(sizeof(*device->dev.iommu), GFP_KERNEL);
	if (!device->dev.iommu)
		return -ENOMEM;
	mutex_init(&device->dev.iommu->lock);
	device->dev.iommu->iommu_dev = &device->unit->iommu;
	return 0;
}

static int join_group(struct rig_device *device)
{
	struct rig_device *beside = rig_device_find(device->spec.beside);
	struct iommu_group *group;
	int err;

	group = beside ? iommu_group_get(&beside->dev) : iommu_group_alloc();
	if (IS_ERR_OR_NULL(group))
		return group ? PTR_ERR(group) : -ENODEV;
	err = iommu_group_add_device(group, &device->dev);
	device->spec.group = iommu_group_id(group);
	iommu_group_put(group);
	return err;
}

static int device_bring_up(struct rig_device *device)
{
	int err = device_add(&device->dev);

	if (err)
		return err;
	err = join_group(device);
	if (err)
		goto del;
	err = device_attach(&device->dev);
	if (err == 1)
		return 0;
	err = err ? err : -ENODEV;
	iommu_group_remove_device(&device->dev);
del:
	device_del(&device->dev);
	return err;
}

int rig_device_add(struct rig_device_spec *spec)
{
	int err = check_spec(spec);
	struct rig_device *device;
	u32 number = 0;

	if (err)
		return err;
	while (number < RIG_MAX_DEVICES && devices[number])
		number++;
	if (number == RIG_MAX_DEVICES)
		return -ENOSPC;
	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return -ENOMEM;

	device_initialize(&device->dev);
	device->dev.release = device_release;
	device->dev.bus = &buses[spec->bus];
	device->unit = rig_unit_find(spec->unit);
	device->dev.parent = &device->unit->dev;
	device->spec = *spec;
	device->spec.device = number;
	err = know_unit(device);
	err = err ? err : dev_set_name(&device->dev, "rig%u", number);
	err = err ? err : device_bring_up(device);
	if (err) {
		put_device(&device->dev);
		return err;
	}
	strscpy(device->spec.name, dev_name(&device->dev), sizeof(device->spec.name));
	devices[number] = device;
	*spec = device->spec;
	return 0;
}

int rig_device_state(struct rig_device_state *state)
{
	struct rig_device *device = rig_device_find(state->device);
	const struct rig_domain *d;

	if (!device)
		return -ENOENT;
	spin_lock(&rig_lock);
	d = device->domain;
	if (d && d->domain.type != IOMMU_DOMAIN_UNMANAGED)
		d = NULL;
	state->domain = d ? d->id : 0;
	state->coherent = d && d->coherent;
	state->open = device->open;
	spin_unlock(&rig_lock);
	return 0;
}

int rig_device_leaf(struct rig_leaf *leaf)
{
	struct rig_device *device = rig_device_find(leaf->device);
	const struct rig_entry *entry = NULL;

	if (!device)
		return -ENOENT;
	spin_lock(&rig_lock);
	if (device->domain)
		entry = rig_table_next(&device->domain->table, leaf->iova);
	if (entry) {
		leaf->prot = entry->prot;
		leaf->iova = entry->iova;
		leaf->physical = entry->physical;
		leaf->bytes = entry->bytes;
	}
	spin_unlock(&rig_lock);
	return entry ? 0 : -ENOENT;
}

bool rig_devices_busy(void)
{
	bool busy = false;
	u32 i;

	spin_lock(&rig_lock);
	for (i = 0; i < RIG_MAX_DEVICES; i++) {
		const struct rig_device *device = devices[i];

		if (device && (device->open ||
			       (device->domain &&
				device->domain->domain.type == IOMMU_DOMAIN_UNMANAGED)))
			busy = true;
	}
	spin_unlock(&rig_lock);
	return busy;
}

void rig_devices_clear(void)
{
	u32 i;

	for (i = 0; i < RIG_MAX_DEVICES; i++) {
		struct rig_device *device = devices[i];

		if (!device)
			continue;
		devices[i] = NULL;
		if (device->worker)
			kthread_stop(device->worker);
		device_release_driver(&device->dev);
		iommu_group_remove_device(&device->dev);
		device_unregister(&device->dev);
	}
}
