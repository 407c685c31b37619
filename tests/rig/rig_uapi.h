/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a test program asks of the rig: ioctls on /dev/manifold-rig.
 *
 * The rig makes IOMMU units, devices behind them, and hands the devices to VFIO. A device is then
 * used as any VFIO device is: open /dev/vfio/GROUP, put it into a container, map. Everything else
 * goes through here: what the units are, what their tables hold, DMA, failures, counters. DMA is
 * here and not on the device's own fd because a test wants it also where there is no such fd: for
 * a device whose group was detached, or that is in no container at all.
 *
 * Units and devices are numbered from 1; numbers are not used again before the module is unloaded.
 * They live until they are removed, whoever made them: closing the file changes nothing, so that
 * one program may set up what another uses. Devices keep the module loaded on some kernels, so
 * RIG_REMOVE_ALL comes before rmmod.
 *
 * All structures are zeroed first by a careful caller; "out" fields are written on success. An
 * ioctl answers with
 *   EINVAL      a field makes no sense, or a flag is not known
 *   ENOENT      no unit or device of that number
 *   EBUSY       in use: a unit with devices, a device whose group a container has, DMA that runs
 *   EOPNOTSUPP  this kernel lets no module do that; struct rig_info says so beforehand
 *   ENOSPC      too many units
 */
#ifndef MANIFOLD_RIG_UAPI_H
#define MANIFOLD_RIG_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define RIG_PATH	"/dev/manifold-rig"
#define RIG_VERSION	1

#define RIG_MAX_UNITS	16
#define RIG_MAX_REGIONS	8
#define RIG_NAME	32

/* What this kernel lets the rig do. */
struct rig_info {
	__u32 version;		/* out: RIG_VERSION */
	__u32 buses;		/* out: how many there are: devices name one of 0 .. buses - 1 */
	__u32 kinds;		/* out: how many: units name one of 0 .. kinds - 1 */
	__u32 can;		/* out: RIG_CAN_... */
};

#define RIG_CAN_ISOLATE		(1u << 0)	/* RIG_UNIT_ISOLATES is obeyed */
#define RIG_CAN_SHARE		(1u << 1)	/* units of one kind can share a domain */
/* A group with devices of several units, or on several buses. */
#define RIG_CAN_MIX_GROUP	(1u << 2)

/*
 * A unit. Units of one kind may share domains: a domain takes over the features of the unit of
 * the first device it is attached to; a device of another unit joins it if that unit is of the
 * same kind, has all page sizes of the domain, has the domain's aperture within its own, and
 * enforces coherency if the domain does; else the attach fails with EINVAL. Units of different
 * kinds have different iommu_domain_ops.
 */
struct rig_unit {
	__u64 page_sizes;	/* bitmap of leaf sizes, 512 bytes to 2^47 */
	__u64 first, last;	/* aperture, last inclusive */
	__u32 flags;		/* RIG_UNIT_... */
	__u32 kind;
	__u32 iotlb_entries;	/* 0: 64; at most 1024 */
	__u32 id;		/* out */
};

#define RIG_UNIT_COHERENT	(1u << 0)	/* can enforce cache coherency */
#define RIG_UNIT_CACHES_ABSENT	(1u << 1)	/* its IOTLB keeps absent entries, too */
#define RIG_UNIT_ISOLATES	(1u << 2)	/* isolates its devices' interrupts */

struct rig_region {
	__u64 start;
	__u64 bytes;
	__u32 type;		/* RIG_REGION_... */
	__u32 reserved;
};

#define RIG_REGION_DIRECT		0
#define RIG_REGION_DIRECT_RELAXABLE	1
#define RIG_REGION_RESERVED		2
#define RIG_REGION_MSI			3
#define RIG_REGION_SW_MSI		4

/*
 * A device: at once there, as after a hotplug, and bound to the rig's VFIO driver. /dev/vfio/GROUP
 * appears before the ioctl returns in devtmpfs.
 */
struct rig_device {
	__u32 unit;
	__u32 bus;
	__u32 group_of;		/* in the group of this device; 0: in one of its own */
	__u32 regions;		/* how many of @region count */
	struct rig_region region[RIG_MAX_REGIONS];
	__u32 id;		/* out */
	__u32 group;		/* out: N of /dev/vfio/N */
	char name[RIG_NAME];	/* out: for VFIO_GROUP_GET_DEVICE_FD */
};

/* One unit or one device, by number. */
struct rig_id {
	__u32 id;
	__u32 reserved;
};

/* Where a device is, and what its domain is like. */
struct rig_status {
	__u32 device;
	__u32 unit;		/* out */
	__u32 group;		/* out */
	__u32 domain;		/* out: number, never used again; 0: attached to none */
	__u32 flags;		/* out: RIG_STATUS_... */
	__u32 domain_unit;	/* out: the unit whose features the domain took over */
	__u32 domain_devices;	/* out: how many devices are attached to the domain */
	__u32 reserved;
	__u64 page_sizes;	/* out: of the domain, as are first and last */
	__u64 first, last;
	__u64 leaves;		/* out: how many the domain's table has */
};

#define RIG_STATUS_COHERENT	(1u << 0)	/* the domain enforces coherency */
#define RIG_STATUS_OPEN		(1u << 1)	/* the VFIO device is open */
#define RIG_STATUS_RUNNING	(1u << 2)	/* does DMA of its own, see RIG_DMA_START */

/*
 * What the table of the device's domain holds at @iova, or (RIG_LEAF_NEXT) the first leaf that
 * ends at @iova or after it; go on at first + bytes. From the table, never from the IOTLB.
 * ENODEV: no domain.
 */
struct rig_leaf {
	__u32 device;
	__u32 flags;		/* in: RIG_LEAF_NEXT; out: RIG_LEAF_... others */
	__u64 iova;
	__u64 first;		/* out: where the leaf begins */
	__u64 bytes;		/* out: its size; first + bytes may be 2^64, that is 0 */
	__u64 phys;		/* out: what @iova translates to; with NEXT, what first does */
};

#define RIG_LEAF_NEXT		(1u << 0)
#define RIG_LEAF_PRESENT	(1u << 1)	/* unset: all other out fields are 0 */
#define RIG_LEAF_READ		(1u << 2)
#define RIG_LEAF_WRITE		(1u << 3)
#define RIG_LEAF_CACHE		(1u << 4)	/* mapped with IOMMU_CACHE */

/*
 * DMA on command: the device reads memory into the buffer, or (RIG_DMA_WRITE) writes the buffer to
 * memory. Page by page: the unit's IOTLB, else its table. An entry of the IOTLB that no longer
 * agrees with the table is used nevertheless, as hardware would, and counts as stale. Each page
 * has to be pinned when it is accessed; one that is not is left alone and ends the DMA.
 * The ioctl succeeds even if the DMA does not.
 */
struct rig_dma {
	__u32 device;
	__u32 flags;		/* RIG_DMA_WRITE */
	__u64 iova;
	__u64 bytes;		/* at most 16 MiB */
	__u64 buffer;		/* address */
	__u64 done;		/* out: bytes before the fault */
	__u64 fault_iova;	/* out */
	__u32 fault;		/* out: RIG_FAULT_... */
	__u32 stale;		/* out: pages that went by stale entries */
};

#define RIG_DMA_WRITE		(1u << 0)

#define RIG_FAULT_NONE		0
#define RIG_FAULT_NO_DOMAIN	1	/* the device is attached to none */
#define RIG_FAULT_APERTURE	2	/* beyond what the domain translates */
#define RIG_FAULT_ABSENT	3
#define RIG_FAULT_READ		4	/* no permission to read */
#define RIG_FAULT_WRITE		5	/* no permission to write */
#define RIG_FAULT_UNPINNED	6	/* translated, but the page is not pinned: a violation */
#define RIG_FAULT_NOT_RAM	7	/* no memory there: a BAR, say, which the rig can't access */

/*
 * DMA without end: a thread goes over [iova, iova + bytes) in bursts, from a random place each,
 * until stopped. It writes @pattern, or reads and, with RIG_RUN_CHECK, compares with it; faults
 * end the burst, not the run. One run a device at a time.
 */
struct rig_run {
	__u32 device;
	__u32 flags;		/* RIG_DMA_WRITE or RIG_RUN_CHECK or neither */
	__u64 iova;
	__u64 bytes;		/* a multiple of 8, as is iova */
	__u64 pattern;		/* what each 8 byte word is */
	__u32 burst;		/* bytes, multiple of 8; 0: 4096; at most 64 KiB */
	__u32 pause;		/* microseconds between bursts; 0: none */
};

#define RIG_RUN_CHECK		(1u << 1)

/* Of the device's run; of its last one when it is over. RIG_DMA_STOP gives the final figures. */
struct rig_run_result {
	__u32 device;
	__u32 running;		/* out */
	__u64 bursts;		/* out, as are all */
	__u64 bytes;
	__u64 mismatches;	/* words that were not the pattern */
	__u64 stale;		/* pages that went by stale entries */
	__u64 faults[8];	/* bursts that ended so, by RIG_FAULT_...; [0]: those that did not */
	__u64 last_fault_iova;
};

/*
 * Failures to come, of one unit. Those of maps and unmaps hit domains that have devices of the
 * unit attached. Arming one again replaces it; @nth 0 takes it back.
 */
struct rig_fail {
	__u32 unit;
	__u32 what;		/* RIG_FAIL_... */
	__u64 nth;		/* the nth from now on, 1 is the next */
	__u32 count;		/* so many from the nth on; 0: all */
	__s32 error;		/* negative errno; not for UNMAP */
	__u64 bytes;		/* UNMAP: how far it gets, rounded down to whole leaves */
};

#define RIG_FAIL_MAP	0	/* calls of map_pages, which may be for many leaves */
#define RIG_FAIL_LEAF	1	/* leaves; those before it in the same call stay mapped */
#define RIG_FAIL_ATTACH	2	/* devices attached to a domain that translates */
/* Calls of unmap_pages: short, and the call that continues where it stopped unmaps nothing. */
#define RIG_FAIL_UNMAP	3

/*
 * Counters of a unit. A call for a domain is counted at each unit that has a device attached to
 * it. @reset sets them to 0 after reading, but for what says "now".
 *
 * Stale is not wrong in itself: a device may be served by an old entry while an unmap is under way.
 * It is when the unmap has returned. All that stand under "violations" are wrong at any time.
 */
struct rig_counters {
	__u32 unit;
	__u32 reset;
	/* requests */
	__u64 maps;		/* calls of map_pages */
	__u64 mapped_leaves;
	__u64 mapped_bytes;
	__u64 unmaps;		/* calls of unmap_pages */
	__u64 unmapped_leaves;
	__u64 unmapped_bytes;
	__u64 syncs;		/* iotlb_sync with something to flush */
	__u64 syncs_all;	/* flush_iotlb_all */
	__u64 syncs_map;	/* iotlb_sync_map */
	__u64 attaches;		/* devices, to a domain that translates */
	__u64 attaches_refused;	/* for want of features, or as RIG_FAIL asked */
	__u64 detaches;
	__u64 domains;		/* now: those with a device of this unit attached */
	__u64 domains_begun;	/* that took over this unit's features: each has to be filled */
	__u64 enforced;		/* domains that were told to enforce coherency, and do */
	__u64 enforce_refused;	/* the unit can't, or something was mapped already */
	__u64 failed;		/* failures that RIG_FAIL asked for */
	/* DMA */
	__u64 accesses;		/* pages, or parts of one */
	__u64 hits;		/* of the IOTLB */
	__u64 faults[8];	/* by RIG_FAULT_... */
	__u64 stale;		/* accesses by an entry that the table no longer holds */
	__u64 stale_absent;	/* faults by an absent entry, where the table has one */
	/* violations */
	__u64 unpinned;		/* accesses to a page that was not pinned: not done */
	__u64 map_present;	/* map where something was mapped: refused with EADDRINUSE */
	__u64 map_bad;		/* map that the unit can't hold: alignment, size, aperture */
	__u64 unmap_absent;	/* unmap where nothing was */
	__u64 unmap_split;	/* unmap of a part of a leaf: it stopped there */
	__u64 zero_written;	/* write to the page of zeroes: not done */
	__u64 freed_attached;	/* domain freed while a device was attached to it */
	__u64 violations;	/* the sum of those */
};

#define RIG_INFO		_IOR('r', 0x00, struct rig_info)
#define RIG_ADD_UNIT		_IOWR('r', 0x01, struct rig_unit)
#define RIG_ADD_DEVICE		_IOWR('r', 0x02, struct rig_device)
#define RIG_REMOVE_UNIT		_IOW('r', 0x03, struct rig_id)
#define RIG_REMOVE_DEVICE	_IOW('r', 0x04, struct rig_id)
/* All devices and units; EBUSY, with some removed, if one is in use. Stops runs. */
#define RIG_REMOVE_ALL		_IO('r', 0x05)
#define RIG_STATUS		_IOWR('r', 0x06, struct rig_status)
#define RIG_LEAF		_IOWR('r', 0x07, struct rig_leaf)
#define RIG_DMA			_IOWR('r', 0x08, struct rig_dma)
#define RIG_DMA_START		_IOW('r', 0x09, struct rig_run)
#define RIG_DMA_STOP		_IOWR('r', 0x0a, struct rig_run_result)
#define RIG_DMA_RESULT		_IOWR('r', 0x0b, struct rig_run_result)
#define RIG_FAIL		_IOW('r', 0x0c, struct rig_fail)
#define RIG_COUNTERS		_IOWR('r', 0x0d, struct rig_counters)

#endif
