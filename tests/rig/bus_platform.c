// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Linux 6.12 and 7.3: units as IOMMU drivers of their own, devices on the
 * platform bus.
 *
 * The IOMMU layer takes any number of drivers, beside the one of QEMU's unit,
 * but looks only at buses that it knows; of those a module can put devices on
 * the platform bus, so there is one bus and not two. A device finds its unit by
 * the firmware node that its fwspec names, which is why each unit has a software
 * node. The layer then makes the group and, asked for, identity domains: to the
 * rig these and blocked ones are the same, no translation. The devices' driver
 * manages DMA itself, or the group would not be VFIO's to take.
 *
 * Interrupts are isolated, on these series, if a device's MSI domain says so;
 * no device here has interrupts, so an empty domain that says it is enough.
 */
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/platform_device.h>
#include <linux/property.h>

#include "rig.h"

static struct fwnode_handle *isolation_node;
static struct irq_domain *isolation;

static int attach_none(RIG_ATTACH_ARGUMENTS)
{
	rig_detach(rig_to_device(dev));
	return 0;
}

static const struct iommu_domain_ops none_ops = {
	.attach_dev = attach_none,
};

static struct iommu_domain identity = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &none_ops,
};

static struct iommu_domain blocked = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &none_ops,
};

static bool device_capable(struct device *dev, enum iommu_cap cap)
{
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_ENFORCE_CACHE_COHERENCY:
		return rig_to_device(dev)->unit->spec.flags & RIG_ENFORCES;
	default:
		return false;
	}
}

static struct iommu_domain *domain_alloc_paging(struct device *dev)
{
	struct rig_unit *unit = rig_to_device(dev)->unit;
	int err = rig_domain_refused(unit);

	return err ? ERR_PTR(err) : rig_domain_alloc(unit);
}

static struct iommu_device *probe_device(struct device *dev)
{
	return &rig_to_device(dev)->unit->iommu;
}

static void release_device(struct device *dev)
{
	rig_detach(rig_to_device(dev));
}

static struct iommu_group *device_group(struct device *dev)
{
	struct rig_device *beside = rig_device_find(rig_to_device(dev)->spec.beside);

	return beside ? iommu_group_get(rig_dev(beside)) : generic_device_group(dev);
}

static int def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_ops iommu_ops = {
	.capable = device_capable,
	.domain_alloc_paging = domain_alloc_paging,
	.probe_device = probe_device,
	.release_device = release_device,
	.device_group = device_group,
	.get_resv_regions = rig_get_resv_regions,
	.def_domain_type = def_domain_type,
	.default_domain_ops = rig_domain_ops,
	.identity_domain = &identity,
	.blocked_domain = &blocked,
	.owner = THIS_MODULE,
};

static int driver_probe(struct platform_device *pdev)
{
	return rig_vfio_probe(&pdev->dev);
}

static void driver_remove(struct platform_device *pdev)
{
	rig_vfio_remove(&pdev->dev);
}

static struct platform_driver driver = {
	.probe = driver_probe,
	.remove = driver_remove,
	.driver = { .name = "rig" },
	.driver_managed_dma = true,
};

static const struct irq_domain_ops isolation_ops;

static int isolation_init(void)
{
	isolation_node = irq_domain_alloc_named_fwnode("manifold-rig");
	if (!isolation_node)
		return -ENOMEM;
	isolation = irq_domain_create_tree(isolation_node, &isolation_ops, NULL);
	if (!isolation) {
		irq_domain_free_fwnode(isolation_node);
		return -ENOMEM;
	}
	isolation->flags |= IRQ_DOMAIN_FLAG_ISOLATED_MSI;
	return 0;
}

static void isolation_exit(void)
{
	irq_domain_remove(isolation);
	irq_domain_free_fwnode(isolation_node);
}

int rig_buses_init(void)
{
	int err = isolation_init();

	if (err)
		return err;
	err = platform_driver_register(&driver);
	if (err)
		isolation_exit();
	return err;
}

void rig_buses_exit(void)
{
	platform_driver_unregister(&driver);
	isolation_exit();
}

u32 rig_buses_number(void)
{
	return 1;
}

int rig_bus_add_unit(struct rig_unit *unit)
{
	int err;

	unit->iommu.fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(unit->iommu.fwnode))
		return PTR_ERR(unit->iommu.fwnode);
	err = iommu_device_sysfs_add(&unit->iommu, &unit->dev, NULL, "rig-unit%u",
				     unit->spec.unit);
	if (err)
		goto no_node;
	/* Without a device to take the node from, it stays what it is. */
	err = iommu_device_register(&unit->iommu, &iommu_ops, NULL);
	if (!err)
		return 0;
	iommu_device_sysfs_remove(&unit->iommu);
no_node:
	fwnode_remove_software_node(unit->iommu.fwnode);
	return err;
}

void rig_bus_remove_unit(struct rig_unit *unit)
{
	iommu_device_unregister(&unit->iommu);
	iommu_device_sysfs_remove(&unit->iommu);
	fwnode_remove_software_node(unit->iommu.fwnode);
}

int rig_bus_add_device(struct rig_device *device)
{
	struct device *dev = rig_dev(device);
	int err = iommu_fwspec_init(dev, device->unit->iommu.fwnode);

	if (err)
		return err;
	if (device->unit->spec.flags & RIG_ISOLATES)
		dev_set_msi_domain(dev, isolation);
	device->pdev.name = "rig";
	device->pdev.id = device->spec.device;
	err = platform_device_add(&device->pdev);
	if (err)
		return err;
	if (device->vfio)
		return 0;
	platform_device_del(&device->pdev);
	return -ENODEV;
}

void rig_bus_remove_device(struct rig_device *device)
{
	platform_device_del(&device->pdev);
}

void rig_bus_release_device(struct rig_device *device)
{
}
