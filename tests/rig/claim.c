// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Users of a group besides VFIO: somebody who owns its DMA, as a driver with a
 * domain of its own would, or who attaches it to a domain and does not ask. What
 * VFIO says to that is what tests want to see.
 */
#include <linux/iommu.h>

#include "rig.h"

static void give_up(struct rig_device *device, struct iommu_group *group)
{
	if (device->claim == RIG_CLAIM_OWNER)
		iommu_group_release_dma_owner(group);
	if (device->claim == RIG_CLAIM_DOMAIN) {
		iommu_detach_group(device->claimed, group);
		iommu_domain_free(device->claimed);
	}
	device->claim = RIG_CLAIM_NONE;
}

static int attach(struct rig_device *device, struct iommu_group *group)
{
	int err;

	device->claimed = rig_foreign_domain(rig_dev(device));
	if (!device->claimed)
		return -ENOMEM;
	err = iommu_attach_group(device->claimed, group);
	if (err)
		iommu_domain_free(device->claimed);
	return err;
}

int rig_claim(const struct rig_claim *claim)
{
	struct rig_device *device = rig_device_find(claim->device);
	struct iommu_group *group;
	int err = 0;

	if (!device)
		return -ENOENT;
	if (claim->what >= RIG_CLAIMS)
		return -EINVAL;
	group = iommu_group_get(rig_dev(device));
	give_up(device, group);
	if (claim->what == RIG_CLAIM_OWNER)
		err = iommu_group_claim_dma_owner(group, device);
	if (claim->what == RIG_CLAIM_DOMAIN)
		err = attach(device, group);
	if (!err)
		device->claim = claim->what;
	iommu_group_put(group);
	return err;
}

void rig_claims_clear(void)
{
	struct rig_claim claim = { .what = RIG_CLAIM_NONE };

	for (claim.device = 0; claim.device < RIG_MAX_DEVICES; claim.device++)
		rig_claim(&claim);
}
