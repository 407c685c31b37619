// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Units and their domains, as a driver gives them to the kernel's IOMMU layer.
 *
 * In 6.1 a domain is made for a bus, before anybody knows for which unit; it
 * becomes its unit's with the first device that is attached. Later series make
 * it for a device, so it is its unit's from the beginning. From then on it
 * takes devices of other units that can do all that it needs: of the same kind,
 * with its page sizes, its aperture, and coherency if it enforces that.
 *
 * The domains that the IOMMU layer makes to keep a group from translating at
 * all (IOMMU_DOMAIN_BLOCKED) have no unit and take every device.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "rig.h"

static struct rig_unit *units[RIG_MAX_UNITS];
static u32 last_domain_id;

static bool translates(const struct rig_domain *d)
{
	return d && d->domain.type == IOMMU_DOMAIN_UNMANAGED;
}

/* --- domains ------------------------------------------------------------------------------- */

static void adopt(struct rig_domain *d, struct rig_unit *unit)
{
	d->unit = unit;
	d->domain.ops = &rig_domain_ops[unit->spec.kind];
	d->domain.pgsize_bitmap = unit->spec.pgsizes;
	d->domain.geometry.aperture_start = unit->spec.aperture_first;
	d->domain.geometry.aperture_end = unit->spec.aperture_last;
	d->domain.geometry.force_aperture = true;
}

/* Of a unit at once if that is known; else of the first device's. */
struct iommu_domain *rig_domain_alloc(struct rig_unit *unit)
{
	struct rig_domain *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return NULL;
	INIT_LIST_HEAD(&d->devices);
	d->table.leaves = RB_ROOT;
	spin_lock(&rig_lock);
	d->id = ++last_domain_id;
	if (unit)
		adopt(d, unit);
	spin_unlock(&rig_lock);
	return &d->domain;
}

static void domain_free(struct iommu_domain *domain)
{
	struct rig_domain *d = rig_to_domain(domain);

	WARN_ON(!list_empty(&d->devices));
	spin_lock(&rig_lock);
	rig_table_clear(&d->table);
	spin_unlock(&rig_lock);
	kfree(d);
}

static bool has_device_of(const struct rig_domain *d, const struct rig_unit *unit)
{
	struct rig_device *other;

	list_for_each_entry(other, &d->devices, of_domain) {
		if (other->unit == unit)
			return true;
	}
	return false;
}

/* A unit that no device is left of in a domain forgets it. */
static void leave(struct rig_device *device)
{
	struct rig_domain *d = device->domain;

	if (!d)
		return;
	list_del(&device->of_domain);
	device->domain = NULL;
	if (!has_device_of(d, device->unit))
		rig_iotlb_drop(device->unit, d, 0, U64_MAX, false);
	if (translates(d))
		module_put(THIS_MODULE);
}

static bool accepts(const struct rig_domain *d, const struct rig_unit *unit)
{
	const struct rig_unit_spec *own, *other = &unit->spec;

	if (!d->unit || d->unit == unit)
		return true;
	own = &d->unit->spec;
	return own->kind == other->kind && !(own->pgsizes & ~other->pgsizes) &&
	       own->aperture_first >= other->aperture_first &&
	       own->aperture_last <= other->aperture_last &&
	       (!d->coherent || other->flags & RIG_ENFORCES);
}

static int attach_locked(struct rig_domain *d, struct rig_device *device)
{
	struct rig_unit *unit = device->unit;

	if (translates(d)) {
		if (unit->faults.refuse)
			return -(int)unit->faults.refuse;
		if (!accepts(d, unit))
			return -EINVAL;
		if (!d->unit)
			adopt(d, unit);
		__module_get(THIS_MODULE);
		unit->counters.attaches++;
	}
	leave(device);
	device->domain = d;
	list_add_tail(&device->of_domain, &d->devices);
	return 0;
}

/* Where a driver has a doorbell window of its own; VFIO has no use for that place. */
#define DOORBELL 0x8000000

static int attach_dev(RIG_ATTACH_ARGUMENTS)
{
	struct rig_device *device = rig_to_device(dev);
	int err;

	spin_lock(&rig_lock);
	err = attach_locked(rig_to_domain(domain), device);
	spin_unlock(&rig_lock);
	/* The second device of a domain finds that there is one. */
	if (!err && device->unit->faults.doorbell && translates(rig_to_domain(domain)))
		iommu_get_msi_cookie(domain, DOORBELL);
	return err;
}

void rig_detach(struct rig_device *device)
{
	spin_lock(&rig_lock);
	leave(device);
	spin_unlock(&rig_lock);
}

static void __maybe_unused detach_dev(struct iommu_domain *domain, struct device *dev)
{
	rig_detach(rig_to_device(dev));
}

/* VT-d's rule: only while nothing is mapped. */
static bool enforce_cache_coherency(struct iommu_domain *domain)
{
	struct rig_domain *d = rig_to_domain(domain);

	spin_lock(&rig_lock);
	if (d->unit && d->unit->spec.flags & RIG_ENFORCES && RB_EMPTY_ROOT(&d->table.leaves))
		d->coherent = true;
	spin_unlock(&rig_lock);
	return d->coherent;
}

/* --- tables -------------------------------------------------------------------------------- */

/* Does this map call fail, by request? */
static int map_fault(struct rig_unit *unit)
{
	struct rig_faults *faults = &unit->faults;

	if (!faults->map_in)
		return 0;
	if (faults->map_in > 1) {
		faults->map_in--;
		return 0;
	}
	if (!faults->map_stays)
		faults->map_in = 0;
	return -(int)faults->map_error;
}

static int map_leaf(struct rig_domain *d, u64 iova, phys_addr_t physical, u64 bytes, u32 prot,
		    gfp_t gfp)
{
	const struct rig_unit_spec *spec = &d->unit->spec;
	struct rig_entry *entry = rig_table_entry(gfp);
	int err = 0;

	if (!entry)
		return -ENOMEM;
	entry->iova = iova;
	entry->bytes = bytes;
	entry->physical = physical;
	entry->prot = prot;

	spin_lock(&rig_lock);
	if (!(spec->pgsizes & bytes) || (iova | physical) & (bytes - 1) ||
	    iova < spec->aperture_first || iova + (bytes - 1) > spec->aperture_last)
		err = -EINVAL;
	else if (!rig_table_add(&d->table, entry))
		err = -EADDRINUSE;
	d->unit->counters.leaves += !err;
	d->unit->counters.misuse += !!err;
	spin_unlock(&rig_lock);
	if (err)
		kfree(entry);
	return err;
}

static int map_pages(struct iommu_domain *domain, unsigned long iova, phys_addr_t physical,
		     size_t pgsize, size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	struct rig_domain *d = rig_to_domain(domain);
	u32 rights = (prot & IOMMU_READ ? RIG_READ : 0) | (prot & IOMMU_WRITE ? RIG_WRITE : 0) |
		     (prot & IOMMU_CACHE ? RIG_CACHE : 0);
	int err;

	if (!d->unit)
		return -EINVAL;
	spin_lock(&rig_lock);
	err = map_fault(d->unit);
	d->unit->counters.maps += !err;
	spin_unlock(&rig_lock);

	while (!err && pgcount--) {
		err = map_leaf(d, iova + *mapped, physical + *mapped, pgsize, rights, gfp);
		*mapped += err ? 0 : pgsize;
	}
	return err;
}

/* How much of an unmap is done, by request. */
static u64 unmap_fault(struct rig_unit *unit, u64 bytes)
{
	if (!unit->faults.short_unmaps)
		return bytes;
	unit->faults.short_unmaps--;
	return min_t(u64, bytes, unit->faults.short_bytes);
}

/* A leaf goes whole: one that ends beyond the range, too, as it does on VT-d. */
static size_t unmap_pages(struct iommu_domain *domain, unsigned long iova, size_t pgsize,
			  size_t pgcount, struct iommu_iotlb_gather *gather)
{
	struct rig_domain *d = rig_to_domain(domain);
	struct rig_entry *entry;
	u64 most, done = 0;

	spin_lock(&rig_lock);
	d->unit->counters.unmaps++;
	most = unmap_fault(d->unit, pgsize * pgcount);
	while (done < most) {
		entry = rig_table_find(&d->table, iova + done);
		if (!entry || entry->iova != iova + done)
			break;
		done += entry->bytes;
		rig_table_remove(&d->table, entry);
	}
	spin_unlock(&rig_lock);
	/* It may flush what was gathered before, so without the lock. */
	if (done)
		iommu_iotlb_gather_add_page(domain, gather, iova, done);
	return done;
}

static phys_addr_t iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	struct rig_entry *entry;
	phys_addr_t physical = 0;

	spin_lock(&rig_lock);
	entry = rig_table_find(&rig_to_domain(domain)->table, iova);
	if (entry)
		physical = entry->physical + (iova - entry->iova);
	spin_unlock(&rig_lock);
	return physical;
}

/* --- flushes ------------------------------------------------------------------------------- */

static void drop(struct rig_domain *d, u64 first, u64 last, bool absent_only)
{
	struct rig_device *device;

	list_for_each_entry(device, &d->devices, of_domain)
		rig_iotlb_drop(device->unit, d, first, last, absent_only);
}

/* Each unit counts a flush once, however many of its devices are in the domain. */
static void count(struct rig_domain *d, size_t counter)
{
	struct rig_device *device, *before;

	list_for_each_entry(device, &d->devices, of_domain) {
		list_for_each_entry(before, &d->devices, of_domain) {
			if (before->unit == device->unit)
				break;
		}
		if (before == device)
			++*(u64 *)((char *)&device->unit->counters + counter);
	}
}

static void iotlb_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
	struct rig_domain *d = rig_to_domain(domain);

	spin_lock(&rig_lock);
	count(d, offsetof(struct rig_counters, syncs));
	if (gather->start <= gather->end)
		drop(d, gather->start, gather->end, false);
	spin_unlock(&rig_lock);
}

static void flush_iotlb_all(struct iommu_domain *domain)
{
	struct rig_domain *d = rig_to_domain(domain);

	spin_lock(&rig_lock);
	count(d, offsetof(struct rig_counters, flushes));
	drop(d, 0, U64_MAX, false);
	spin_unlock(&rig_lock);
}

static rig_sync_map_t iotlb_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	struct rig_domain *d = rig_to_domain(domain);

	spin_lock(&rig_lock);
	count(d, offsetof(struct rig_counters, map_syncs));
	drop(d, iova, iova + (size - 1), true);
	spin_unlock(&rig_lock);
	return RIG_SYNCED;
}

/* --- what devices tell the IOMMU layer ----------------------------------------------------- */

void rig_get_resv_regions(struct device *dev, struct list_head *list)
{
	static const enum iommu_resv_type types[RIG_REGION_TYPES] = {
		[RIG_REGION_DIRECT] = IOMMU_RESV_DIRECT,
		[RIG_REGION_DIRECT_RELAXABLE] = IOMMU_RESV_DIRECT_RELAXABLE,
		[RIG_REGION_RESERVED] = IOMMU_RESV_RESERVED,
		[RIG_REGION_MSI] = IOMMU_RESV_MSI,
		[RIG_REGION_SW_MSI] = IOMMU_RESV_SW_MSI,
	};
	const struct rig_device_spec *spec = &rig_to_device(dev)->spec;
	struct iommu_resv_region *region;
	u32 i;

	for (i = 0; i < spec->nr_regions; i++) {
		const struct rig_region *r = &spec->regions[i];

		region = iommu_alloc_resv_region(r->first, r->last - r->first + 1, 0,
						 types[r->type], GFP_KERNEL);
		if (region)
			list_add_tail(&region->list, list);
	}
}

#define DOMAIN_OPS { \
	.attach_dev = attach_dev, \
	RIG_DETACH_DEV(detach_dev) \
	.map_pages = map_pages, \
	.unmap_pages = unmap_pages, \
	.flush_iotlb_all = flush_iotlb_all, \
	.iotlb_sync_map = iotlb_sync_map, \
	.iotlb_sync = iotlb_sync, \
	.iova_to_phys = iova_to_phys, \
	.enforce_cache_coherency = enforce_cache_coherency, \
	.free = domain_free, \
}

/* The same functions; but who compares operations sees different drivers. */
const struct iommu_domain_ops rig_domain_ops[RIG_KINDS] = {
	DOMAIN_OPS, DOMAIN_OPS, DOMAIN_OPS, DOMAIN_OPS,
};

/* --- units --------------------------------------------------------------------------------- */

static void unit_release(struct device *dev)
{
	kfree(container_of(dev, struct rig_unit, dev));
}

struct rig_unit *rig_unit_find(u32 number)
{
	return number < RIG_MAX_UNITS ? units[number] : NULL;
}

int rig_unit_add(struct rig_unit_spec *spec)
{
	struct rig_unit *unit;
	u32 number = 0;
	int err;

	if (!spec->pgsizes || spec->aperture_first > spec->aperture_last || spec->reserved ||
	    spec->kind >= RIG_KINDS ||
	    spec->flags & ~(RIG_ENFORCES | RIG_CACHES_ABSENT | RIG_ISOLATES))
		return -EINVAL;
	while (number < RIG_MAX_UNITS && units[number])
		number++;
	if (number == RIG_MAX_UNITS)
		return -ENOSPC;

	unit = kzalloc(sizeof(*unit), GFP_KERNEL);
	if (!unit)
		return -ENOMEM;
	spec->unit = number;
	unit->spec = *spec;
	device_initialize(&unit->dev);
	unit->dev.release = unit_release;
	err = dev_set_name(&unit->dev, "rig-unit%u", number);
	err = err ? err : device_add(&unit->dev);
	if (err) {
		put_device(&unit->dev);
		return err;
	}
	err = rig_bus_add_unit(unit);
	if (err) {
		device_unregister(&unit->dev);
		return err;
	}
	units[number] = unit;
	return 0;
}

void rig_units_clear(void)
{
	u32 i;

	for (i = 0; i < RIG_MAX_UNITS; i++) {
		if (!units[i])
			continue;
		rig_bus_remove_unit(units[i]);
		device_unregister(&units[i]->dev);
		units[i] = NULL;
	}
}

int rig_unit_set_faults(const struct rig_faults *faults)
{
	struct rig_unit *unit = rig_unit_find(faults->unit);

	if (!unit)
		return -ENOENT;
	if (faults->map_error > MAX_ERRNO || faults->refuse > MAX_ERRNO ||
	    faults->refuse_domains > MAX_ERRNO || faults->doorbell > 1 ||
	    (faults->map_in && !faults->map_error))
		return -EINVAL;
	spin_lock(&rig_lock);
	unit->faults = *faults;
	spin_unlock(&rig_lock);
	return 0;
}

int rig_domain_refused(const struct rig_unit *unit)
{
	u32 i;

	for (i = 0; i < RIG_MAX_UNITS; i++) {
		if (units[i] && (!unit || units[i] == unit) && units[i]->faults.refuse_domains)
			return -(int)units[i]->faults.refuse_domains;
	}
	return 0;
}

/* How many domains that translate have devices of a unit. */
static u64 count_domains(const struct rig_unit *unit)
{
	const struct rig_domain *seen[RIG_MAX_DEVICES];
	u32 i, j, n = 0;

	for (i = 0; i < RIG_MAX_DEVICES; i++) {
		const struct rig_device *device = rig_device_find(i);

		if (!device || device->unit != unit || !translates(device->domain))
			continue;
		for (j = 0; j < n && seen[j] != device->domain; j++)
			;
		if (j == n)
			seen[n++] = device->domain;
	}
	return n;
}

int rig_unit_counters(struct rig_counters *counters)
{
	struct rig_unit *unit = rig_unit_find(counters->unit);
	u32 number = counters->unit, reset = counters->reset;

	if (!unit)
		return -ENOENT;
	spin_lock(&rig_lock);
	*counters = unit->counters;
	counters->unit = number;
	counters->reset = reset;
	counters->domains = count_domains(unit);
	if (reset)
		memset(&unit->counters, 0, sizeof(unit->counters));
	spin_unlock(&rig_lock);
	return 0;
}
