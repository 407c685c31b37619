/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the rig's files share.
 *
 *   unit.c      units: what they can do, their domains, the kernel's IOMMU calls
 *   table.c     a domain's table
 *   iotlb.c     what a unit remembers of the tables it walked
 *   dma.c       devices' DMA, by command and all the time
 *   device.c    devices, and the VFIO core's view of them
 *   memory.c    memory that is strange, and a memory manager that fails
 *   claim.c     what uses groups besides VFIO
 *   emulated.c  devices without a unit, that use what the backend pins for them
 *   bus_own.c, bus_platform.c   how units and devices are made known, by kernel series
 *   module.c    /dev/manifold-rig
 *
 * Locks: rig_mutex is held by whoever makes or takes away units and devices,
 * or needs them to stay. rig_lock, a spinlock inside it, guards everything that
 * DMA looks at: tables, IOTLBs, which domain a device is in, counters. One lock
 * for all units keeps the promise of a flush simple: when it returns, no DMA
 * that used the old translation is under way.
 */
#ifndef RIG_H
#define RIG_H

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>

#include "compat.h"
#include "rig_uapi.h"

struct rig_domain;

extern struct mutex rig_mutex;
extern spinlock_t rig_lock;

/* A leaf of a table. */
struct rig_entry {
	struct rb_node node;
	u64 iova;
	u64 bytes;
	phys_addr_t physical;
	u32 prot;
};

struct rig_table {
	struct rb_root leaves;
};

/* What an IOTLB remembers; no domain: nothing. */
struct rig_cached {
	struct rig_domain *domain;
	u64 first, last;
	phys_addr_t physical;
	u32 prot;
	bool absent;
};

#define RIG_IOTLB_ENTRIES 64

struct rig_unit {
	struct device dev;
	struct iommu_device iommu;
	struct rig_unit_spec spec;
	struct rig_faults faults;
	struct rig_counters counters;
	struct rig_cached iotlb[RIG_IOTLB_ENTRIES];
	u32 victim;
};

/* A unit gives it what it can do when the first device is attached. */
struct rig_domain {
	struct iommu_domain domain;
	u32 id;
	struct rig_unit *unit;
	bool coherent;
	struct rig_table table;
	struct list_head devices;
};

/* A platform device is what it is on some series; on others, its device is all that counts. */
struct rig_device {
	struct platform_device pdev;
	struct rig_device_spec spec;
	struct rig_unit *unit;
	struct rig_domain *domain;
	struct list_head of_domain;
	struct vfio_device *vfio;
	bool open;
	struct task_struct *worker;
	struct rig_traffic traffic;
	u32 claim;
	struct iommu_domain *claimed;
};

static inline struct rig_device *rig_to_device(struct device *dev)
{
	return container_of(dev, struct rig_device, pdev.dev);
}

static inline struct device *rig_dev(struct rig_device *device)
{
	return &device->pdev.dev;
}

static inline struct rig_domain *rig_to_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct rig_domain, domain);
}

/* unit.c: what the IOMMU layer calls. A domain's operations are those of kind 0 at first. */
extern const struct iommu_domain_ops rig_domain_ops[RIG_KINDS];
struct iommu_domain *rig_domain_alloc(struct rig_unit *unit);
void rig_detach(struct rig_device *device);
void rig_get_resv_regions(struct device *dev, struct list_head *list);

/* unit.c; rig_mutex is held */
int rig_unit_add(struct rig_unit_spec *spec);
struct rig_unit *rig_unit_find(u32 number);
void rig_units_clear(void);
int rig_unit_set_faults(const struct rig_faults *faults);
int rig_unit_counters(struct rig_counters *counters);
/* What domains for a unit, NULL: for whichever it will be, are refused with. */
int rig_domain_refused(const struct rig_unit *unit);

/* table.c; rig_lock is held, except for rig_table_entry() */
struct rig_entry *rig_table_entry(gfp_t gfp);
bool rig_table_add(struct rig_table *table, struct rig_entry *entry);
struct rig_entry *rig_table_find(const struct rig_table *table, u64 iova);
struct rig_entry *rig_table_next(const struct rig_table *table, u64 iova);
void rig_table_remove(struct rig_table *table, struct rig_entry *entry);
void rig_table_clear(struct rig_table *table);

/* iotlb.c; rig_lock is held */
const struct rig_cached *rig_iotlb_find(const struct rig_unit *unit,
					const struct rig_domain *domain, u64 iova);
void rig_iotlb_add(struct rig_unit *unit, const struct rig_cached *cached);
void rig_iotlb_drop(struct rig_unit *unit, const struct rig_domain *domain, u64 first, u64 last,
		    bool absent_only);

/* dma.c; rig_mutex is held */
int rig_dma(struct rig_dma *dma);
int rig_traffic_start(const struct rig_traffic *traffic);
int rig_traffic_get(struct rig_traffic *traffic, bool stop);

/* bus_*.c; rig_mutex is held, except for init and exit */
int rig_buses_init(void);
void rig_buses_exit(void);
u32 rig_buses_number(void);
int rig_bus_add_unit(struct rig_unit *unit);
void rig_bus_remove_unit(struct rig_unit *unit);
int rig_bus_add_device(struct rig_device *device);	/* in its group, bound to its driver */
void rig_bus_remove_device(struct rig_device *device);
void rig_bus_release_device(struct rig_device *device);

/* device.c: a driver's two functions; then, with rig_mutex held */
int rig_vfio_probe(struct device *dev);
void rig_vfio_remove(struct device *dev);
int rig_device_add(struct rig_device_spec *spec);
struct rig_device *rig_device_find(u32 number);
int rig_device_state(struct rig_device_state *state);
int rig_device_leaf(struct rig_leaf *leaf);
bool rig_devices_busy(void);
void rig_devices_clear(void);

/* memory.c; rig_mutex is held to set pins */
int rig_memory_init(void);
void rig_memory_exit(void);
int rig_memory_mmap(struct file *file, struct vm_area_struct *vma);
int rig_memory_set_pins(const struct rig_pins *pins);
void rig_memory_clear(void);

/* claim.c; rig_mutex is held */
int rig_claim(const struct rig_claim *claim);
void rig_claims_clear(void);

/* emulated.c; rig_mutex is held to add, get and clear, never for what a device is told to do */
struct rig_emulated;
int rig_emulated_init(void);
void rig_emulated_exit(void);
int rig_emulated_add(struct rig_emulated_spec *spec);
struct rig_emulated *rig_emulated_get(u32 number);
void rig_emulated_put(struct rig_emulated *emulated);
bool rig_emulated_busy(void);
void rig_emulated_clear(void);
int rig_emulated_pin(struct rig_emulated *emulated, struct rig_pin *pin);
int rig_emulated_unpin(struct rig_emulated *emulated, const struct rig_pin *pin);
int rig_emulated_dma(struct rig_emulated *emulated, struct rig_dma *dma);
int rig_emulated_copy(struct rig_emulated *emulated, struct rig_copy *copy);
int rig_emulated_set_manners(struct rig_emulated *emulated, const struct rig_manners *manners);
int rig_emulated_state(struct rig_emulated *emulated, struct rig_emulated_state *state);

#endif /* RIG_H */
