// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Groups and domains: the engine's questions, put to the kernel's IOMMU layer.
 * What goes into the page tables is in tables.c.
 */
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "compat.h"
#include "host.h"

u32 mfk_group_id(struct mf_host *host, struct mf_host_group *group)
{
	return iommu_group_id(mfk_to_group(group));
}

bool mfk_group_isolated(struct mf_host *host, struct mf_host_group *group)
{
	return mfk_has_isolated_msi(mfk_to_group(group));
}

static enum mf_region_type region_type(enum iommu_resv_type type)
{
	switch (type) {
	case IOMMU_RESV_DIRECT:
		return MF_REGION_DIRECT;
	case IOMMU_RESV_DIRECT_RELAXABLE:
		return MF_REGION_DIRECT_RELAXABLE;
	case IOMMU_RESV_MSI:
		return MF_REGION_MSI;
	case IOMMU_RESV_SW_MSI:
		return MF_REGION_SW_MSI;
	case IOMMU_RESV_RESERVED:
	default:
		return MF_REGION_RESERVED;
	}
}

int mfk_group_regions(struct mf_host *host, struct mf_host_group *group, mf_region_fn fn,
		      void *context)
{
	struct iommu_resv_region *r, *next;
	LIST_HEAD(regions);
	int err;

	err = iommu_get_group_resv_regions(mfk_to_group(group), &regions);
	list_for_each_entry_safe(r, next, &regions, list) {
		struct mf_region region = {
			.type = region_type(r->type),
			.span = { r->start, r->start + r->length - 1 },
		};

		if (!err && r->length)
			err = fn(context, &region);
		list_del(&r->list);
		kfree(r);
	}
	return err;
}

static int first_device(struct device *dev, void *out)
{
	*(struct device **)out = dev;
	return 1;
}

int mfk_domain_alloc_for(struct mf_host *host, struct mf_host_group *group, bool nesting,
			 struct mf_host_domain **out)
{
	struct iommu_domain *domain;
	struct device *dev = NULL;
	int err;

	iommu_group_for_each_dev(mfk_to_group(group), &dev, first_device);
	if (!dev)
		return -ENODEV;

	domain = mfk_domain_alloc(dev);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	err = nesting ? mfk_enable_nesting(domain) : 0;
	if (err) {
		iommu_domain_free(domain);
		return err;
	}
	*out = (struct mf_host_domain *)domain;
	return 0;
}

void mfk_domain_free(struct mf_host *host, struct mf_host_domain *domain)
{
	iommu_domain_free(mfk_to_domain(domain));
}

int mfk_domain_attach(struct mf_host *host, struct mf_host_domain *domain,
		      struct mf_host_group *group)
{
	return iommu_attach_group(mfk_to_domain(domain), mfk_to_group(group));
}

void mfk_domain_detach(struct mf_host *host, struct mf_host_domain *domain,
		       struct mf_host_group *group)
{
	iommu_detach_group(mfk_to_domain(domain), mfk_to_group(group));
}

/* VT-d enforces coherency only in a domain that maps nothing yet. */
void mfk_domain_settle(struct mf_host *host, struct mf_host_domain *domain,
		       struct mf_features *features)
{
	struct iommu_domain *d = mfk_to_domain(domain);

	*features = (struct mf_features){
		.kind = (uintptr_t)d->ops,
		.pgsizes = d->pgsize_bitmap,
		.aperture = { d->geometry.aperture_start, d->geometry.aperture_end },
		.coherent = d->ops->enforce_cache_coherency &&
			    d->ops->enforce_cache_coherency(d),
	};
}

/* A kernel without DMA domains (-ENODEV) maps no doorbells and needs no window. */
int mfk_domain_msi(struct mf_host *host, struct mf_host_domain *domain, u64 base)
{
	int err = iommu_get_msi_cookie(mfk_to_domain(domain), base);

	return err == -ENODEV ? 0 : err;
}
