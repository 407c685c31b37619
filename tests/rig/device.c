// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Devices, and what VFIO sees of them.
 *
 * To VFIO a device is one without regions and interrupts: it can be opened, and
 * its group attached, which is all that a container's user needs. What the
 * device does it is told through the rig's own file, also when nobody has it
 * open, or its group was just detached. How it gets onto a bus and into a group
 * is in bus_own.c and bus_platform.c.
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
	rig_vfio_free(vdev);
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
	RIG_DEVICE_IOMMUFD
};

int rig_vfio_probe(struct device *dev)
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

void rig_vfio_remove(struct device *dev)
{
	struct vfio_device *vdev = rig_to_device(dev)->vfio;

	vfio_unregister_group_dev(vdev);
	vfio_put_device(vdev);
	rig_to_device(dev)->vfio = NULL;
}

/* --- devices ------------------------------------------------------------------------------- */

struct rig_device *rig_device_find(u32 number)
{
	return number < RIG_MAX_DEVICES ? devices[number] : NULL;
}

static void device_release(struct device *dev)
{
	rig_bus_release_device(rig_to_device(dev));
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
	if (spec->bus >= rig_buses_number())
		return -EOPNOTSUPP;
	for (i = 0; i < spec->nr_regions; i++) {
		const struct rig_region *r = &spec->regions[i];

		if (r->type >= RIG_REGION_TYPES || r->first > r->last || r->reserved ||
		    (!r->first && r->last == U64_MAX))
			return -EINVAL;
	}
	return 0;
}

static u32 group_number(struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	u32 number = iommu_group_id(group);

	iommu_group_put(group);
	return number;
}

int rig_device_add(struct rig_device_spec *spec)
{
	int err = check_spec(spec);
	struct rig_device *device;
	struct device *dev;
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

	dev = rig_dev(device);
	device_initialize(dev);
	dev->release = device_release;
	device->unit = rig_unit_find(spec->unit);
	dev->parent = &device->unit->dev;
	device->spec = *spec;
	device->spec.device = number;
	err = rig_bus_add_device(device);
	if (err) {
		put_device(dev);
		return err;
	}
	device->spec.group = group_number(dev);
	strscpy(device->spec.name, dev_name(dev), sizeof(device->spec.name));
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
		rig_bus_remove_device(device);
		put_device(rig_dev(device));
	}
}
