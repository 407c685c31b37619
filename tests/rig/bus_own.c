// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Linux 6.1: units and devices on buses of the rig's own.
 *
 * The IOMMU layer of 6.1 takes one driver for the buses it knows, and QEMU's
 * unit has it; but it has one set of operations a bus, and asks the bus of a
 * device for them. So there are two buses, with the rig's operations, and since
 * the layer probes nothing on a bus it does not know, devices are put into their
 * groups by hand. That has to happen between their appearance in sysfs and the
 * binding of the driver that registers them with VFIO, which is why a bus
 * matches nothing that is in no group.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "rig.h"

static bool device_capable(struct device *dev, enum iommu_cap cap)
{
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_INTR_REMAP:
		return rig_to_device(dev)->unit->spec.flags & RIG_ISOLATES;
	default:
		return false;
	}
}

/* For nobody knows which unit: the domain is one's with its first device. */
static struct iommu_domain *domain_alloc(unsigned int type)
{
	if (type != IOMMU_DOMAIN_UNMANAGED && type != IOMMU_DOMAIN_BLOCKED)
		return NULL;
	if (type == IOMMU_DOMAIN_UNMANAGED && rig_domain_refused(NULL))
		return NULL;
	return rig_domain_alloc(NULL);
}

static const struct iommu_ops iommu_ops = {
	.capable = device_capable,
	.domain_alloc = domain_alloc,
	.get_resv_regions = rig_get_resv_regions,
	.default_domain_ops = rig_domain_ops,
	.pgsize_bitmap = ~0ul << PAGE_SHIFT,
	.owner = THIS_MODULE,
};

static int bus_match(struct device *dev, struct device_driver *driver)
{
	return !!dev->iommu_group;
}

static struct bus_type buses[RIG_BUSES] = {
	{ .name = "rig-a", .match = bus_match, .probe = rig_vfio_probe,
	  .remove = rig_vfio_remove, .iommu_ops = &iommu_ops },
	{ .name = "rig-b", .match = bus_match, .probe = rig_vfio_probe,
	  .remove = rig_vfio_remove, .iommu_ops = &iommu_ops },
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
	int err = 0;

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
	if (err)
		buses_undo(i);
	return err;
}

void rig_buses_exit(void)
{
	buses_undo(RIG_BUSES);
}

u32 rig_buses_number(void)
{
	return RIG_BUSES;
}

int rig_bus_add_unit(struct rig_unit *unit)
{
	unit->iommu.ops = &iommu_ops;
	unit->iommu.dev = &unit->dev;
	return 0;
}

void rig_bus_remove_unit(struct rig_unit *unit)
{
}

/* The IOMMU layer asks these of a device: who is its unit, and who knows it. */
static int know_unit(struct rig_device *device)
{
	struct device *dev = rig_dev(device);

	dev->iommu = kzalloc(sizeof(*dev->iommu), GFP_KERNEL);
	if (!dev->iommu)
		return -ENOMEM;
	mutex_init(&dev->iommu->lock);
	dev->iommu->iommu_dev = &device->unit->iommu;
	return 0;
}

static int join_group(struct rig_device *device)
{
	struct rig_device *beside = rig_device_find(device->spec.beside);
	struct iommu_group *group;
	int err;

	group = beside ? iommu_group_get(rig_dev(beside)) : iommu_group_alloc();
	if (IS_ERR_OR_NULL(group))
		return group ? PTR_ERR(group) : -ENODEV;
	err = iommu_group_add_device(group, rig_dev(device));
	iommu_group_put(group);
	return err;
}

static int bring_up(struct rig_device *device)
{
	struct device *dev = rig_dev(device);
	int err = device_add(dev);

	if (err)
		return err;
	err = join_group(device);
	if (err)
		goto del;
	err = device_attach(dev);
	if (err == 1)
		return 0;
	err = err ? err : -ENODEV;
	iommu_group_remove_device(dev);
del:
	device_del(dev);
	return err;
}

int rig_bus_add_device(struct rig_device *device)
{
	struct device *dev = rig_dev(device);
	int err;

	dev->bus = &buses[device->spec.bus];
	err = know_unit(device);
	err = err ? err : dev_set_name(dev, "rig.%u", device->spec.device);
	return err ? err : bring_up(device);
}

void rig_bus_remove_device(struct rig_device *device)
{
	struct device *dev = rig_dev(device);

	device_release_driver(dev);
	iommu_group_remove_device(dev);
	device_del(dev);
}

void rig_bus_release_device(struct rig_device *device)
{
	kfree(rig_dev(device)->iommu);
}
