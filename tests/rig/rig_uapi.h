/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The rig's device file, /dev/manifold-rig: how a test makes units and devices,
 * lets them misbehave, lets devices do DMA, and looks at what units hold.
 *
 * mmap() of its first page gives memory that is marked VM_IO, and is not a device's; of its second
 * page VM_PFNMAP of that.
 *
 * Every call fills in what it gives back in the structure it was given, and
 * fails with -EINVAL for a field that makes no sense, -ENOENT for a unit or
 * device that does not exist.
 */
#ifndef RIG_UAPI_H
#define RIG_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define RIG_MAX_UNITS		8
#define RIG_MAX_DEVICES		32
#define RIG_MAX_REGIONS		4
#define RIG_BUSES		2
#define RIG_KINDS		4

/* What a unit can do. */
#define RIG_ENFORCES		(1u << 0)	/* it can enforce cache coherency */
#define RIG_CACHES_ABSENT	(1u << 1)	/* it remembers that nothing was mapped */
#define RIG_ISOLATES		(1u << 2)	/* it remaps interrupts */

/**
 * struct rig_unit_spec - RIG_ADD_UNIT: one more unit
 * @pgsizes: bitmap of the page sizes in bytes that it maps
 * @aperture_first: what it can translate,
 * @aperture_last: both ends inclusive
 * @kind: below RIG_KINDS; units of different kinds never share a domain
 * @flags: RIG_ENFORCES, RIG_CACHES_ABSENT, RIG_ISOLATES
 * @unit: out: its number
 */
struct rig_unit_spec {
	__u64 pgsizes;
	__u64 aperture_first;
	__u64 aperture_last;
	__u32 kind;
	__u32 flags;
	__u32 unit;
	__u32 reserved;
};

enum rig_region_type {
	RIG_REGION_DIRECT,
	RIG_REGION_DIRECT_RELAXABLE,
	RIG_REGION_RESERVED,
	RIG_REGION_MSI,
	RIG_REGION_SW_MSI,
	RIG_REGION_TYPES,
};

struct rig_region {
	__u64 first;
	__u64 last;
	__u32 type;
	__u32 reserved;
};

/**
 * struct rig_device_spec - RIG_ADD_DEVICE: one more device, and its group
 * @unit: the unit it is behind
 * @bus: the bus it is on, below RIG_BUSES; -EOPNOTSUPP where the kernel has but one
 *	that a module can use (6.12, 7.3: bus 0)
 * @beside: a device whose group it shares, or RIG_NONE for a group of its own
 * @nr_regions: how many of @regions are its reserved regions
 * @device: out: its number
 * @group: out: the number of its group: /dev/vfio/@group
 * @name: out: what VFIO_GROUP_GET_DEVICE_FD calls it
 */
#define RIG_NONE (~0u)
struct rig_device_spec {
	__u32 unit;
	__u32 bus;
	__u32 beside;
	__u32 nr_regions;
	struct rig_region regions[RIG_MAX_REGIONS];
	__u32 device;
	__u32 group;
	char name[16];
};

/**
 * struct rig_faults - RIG_SET_FAULTS: how a unit is to misbehave from now on
 * @unit: the unit
 * @map_in: the so-manieth map call fails; 0: none
 * @map_error: with this errno, positive
 * @map_stays: and so do all after it
 * @short_unmaps: so many unmap calls stop early,
 * @short_bytes: after so many bytes at most
 * @refuse: attaching fails with this errno, positive; 0: it does not
 * @refuse_domains: domains to translate can't be had, with this errno, positive. Where they are
 *	made before anybody knows for which unit (6.1), that is so for all units, and the
 *	errno is lost
 * @doorbell: a domain has a doorbell window of the driver's own as soon as a device is attached,
 *	so that VFIO can't give it another
 */
struct rig_faults {
	__u32 unit;
	__u32 map_in;
	__u32 map_error;
	__u32 map_stays;
	__u64 short_bytes;
	__u32 short_unmaps;
	__u32 refuse;
	__u32 refuse_domains;
	__u32 doorbell;
};

/**
 * struct rig_counters - RIG_GET_COUNTERS: what happened at a unit
 * @unit: in: the unit
 * @reset: in: begin again at 0, except @domains
 * @maps: map calls that succeeded
 * @leaves: leaves they made
 * @unmaps: unmap calls
 * @syncs: flushes of a range
 * @flushes: flushes of all
 * @map_syncs: calls that said something was mapped
 * @attaches: devices attached to a domain that translates
 * @domains: such domains that devices of this unit are attached to now
 * @walks: DMA that was not in the IOTLB
 * @stale: RIG_DMA that an IOTLB entry translated which the table no longer has
 * @unpinned: DMA that reached a page nobody pinned, and was stopped
 * @misuse: maps of what is mapped already, or can not be
 */
struct rig_counters {
	__u32 unit;
	__u32 reset;
	__u64 maps;
	__u64 leaves;
	__u64 unmaps;
	__u64 syncs;
	__u64 flushes;
	__u64 map_syncs;
	__u64 attaches;
	__u64 domains;
	__u64 walks;
	__u64 stale;
	__u64 unpinned;
	__u64 misuse;
};

/* What a leaf, or an access, may do. */
#define RIG_READ	(1u << 0)
#define RIG_WRITE	(1u << 1)
#define RIG_CACHE	(1u << 2)

/**
 * struct rig_leaf - RIG_FIND_LEAF: what a device's domain translates, from its table
 * @device: in: the device
 * @prot: out: RIG_READ, RIG_WRITE, RIG_CACHE
 * @iova: in: where to look from; out: where the leaf begins. The leaf is the one
 *	that translates it, or the next one. -ENOENT: there is none
 * @physical: out: what the leaf begins at
 * @bytes: out: how large it is
 */
struct rig_leaf {
	__u32 device;
	__u32 prot;
	__u64 iova;
	__u64 physical;
	__u64 bytes;
};

/**
 * struct rig_device_state - RIG_GET_DEVICE: where a device is now
 * @device: in: the device
 * @domain: out: the number of the domain it is attached to; 0: none translates
 *	for it
 * @coherent: out: that domain enforces cache coherency
 * @open: out: VFIO users have it open
 */
struct rig_device_state {
	__u32 device;
	__u32 domain;
	__u32 coherent;
	__u32 open;
};

/* Why DMA went nowhere. */
enum rig_fault {
	RIG_FAULT_NONE,
	RIG_FAULT_NO_DOMAIN,
	RIG_FAULT_APERTURE,
	RIG_FAULT_NOT_PRESENT,
	RIG_FAULT_READ,
	RIG_FAULT_WRITE,
	RIG_FAULT_UNPINNED,
	RIG_FAULT_NOWHERE,	/* there is no memory that the kernel knows */
	RIG_FAULTS,
};

#define RIG_MAX_TRANSFER (1u << 20)

/**
 * struct rig_dma - RIG_DMA: let a device do DMA
 * @device: the device
 * @write: it writes what @buffer holds; else it reads into @buffer
 * @iova: where
 * @buffer: address in the caller
 * @bytes: how many, at most RIG_MAX_TRANSFER
 * @fault: out: an enum rig_fault
 * @done: out: how many bytes went through before it
 */
struct rig_dma {
	__u32 device;
	__u32 write;
	__u64 iova;
	__u64 buffer;
	__u32 bytes;
	__u32 fault;
	__u64 done;
};

/**
 * struct rig_traffic - RIG_START: DMA all the time; RIG_STOP: and no more
 * @device: the device; -EBUSY when it is at work already, -ENOENT when not
 * @prot: RIG_READ, RIG_WRITE or both, by turns; what is written is what is there
 * @first: the IOVAs it uses,
 * @last: both ends inclusive
 * @bursts: out, of RIG_STOP and RIG_GET_TRAFFIC: how many accesses it made
 * @faults: out: how many of them ended how
 */
struct rig_traffic {
	__u32 device;
	__u32 prot;
	__u64 first;
	__u64 last;
	__u64 bursts;
	__u64 faults[RIG_FAULTS];
};

#define RIG_ADD_UNIT		_IOWR('r', 0, struct rig_unit_spec)
#define RIG_ADD_DEVICE		_IOWR('r', 1, struct rig_device_spec)
#define RIG_SET_FAULTS		_IOW('r', 2, struct rig_faults)
#define RIG_GET_COUNTERS	_IOWR('r', 3, struct rig_counters)
#define RIG_FIND_LEAF		_IOWR('r', 4, struct rig_leaf)
#define RIG_GET_DEVICE		_IOWR('r', 5, struct rig_device_state)
#define RIG_DMA			_IOWR('r', 6, struct rig_dma)
#define RIG_START		_IOW('r', 7, struct rig_traffic)
#define RIG_GET_TRAFFIC		_IOWR('r', 8, struct rig_traffic)
#define RIG_STOP		_IOWR('r', 9, struct rig_traffic)

enum rig_claims {
	RIG_CLAIM_NONE,
	RIG_CLAIM_OWNER,	/* it is said to own the group's DMA */
	RIG_CLAIM_DOMAIN,	/* it attaches the group to a domain of its own */
	RIG_CLAIMS,
};

/**
 * struct rig_claim - RIG_CLAIM: let somebody besides VFIO use a device's group
 * @device: the device
 * @what: an enum rig_claims; what was claimed before is given up first
 *
 * Fails with the errno of the IOMMU layer.
 */
struct rig_claim {
	__u32 device;
	__u32 what;
};

/**
 * struct rig_pins - RIG_SET_PINS: let the memory manager pin no pages, and give no reason
 * @none: so many calls return 0 to the caller, as they do when they are broken off
 * @after: but before that so many do what they should
 *
 * It is the kernel's functions that pin pages, of this process by a call or of one by its address
 * space, that do so when the caller's thread calls them. -EOPNOTSUPP without kprobes.
 */
struct rig_pins {
	__u32 none;
	__u32 after;
};

/*
 * Takes away all devices and units. -EBUSY while a group of theirs is in a container, or an
 * emulated device is open; it waits for whoever holds the group of an emulated device open.
 */
#define RIG_CLEAR		_IO('r', 10)
#define RIG_CLAIM		_IOW('r', 11, struct rig_claim)
#define RIG_SET_PINS		_IOW('r', 12, struct rig_pins)

/* --- emulated devices: as mediated ones, they have no unit and use what the backend pins ---- */

#define RIG_MAX_EMULATED	8

#define RIG_HEARS_UNMAPS	(1u << 0)	/* it has a dma_unmap() */

/**
 * struct rig_emulated_spec - RIG_ADD_EMULATED: one more emulated device, and its group
 * @flags: RIG_HEARS_UNMAPS
 * @device: out: its number, among emulated devices
 * @group: out: the number of its group: /dev/vfio/@group
 * @name: out: what VFIO_GROUP_GET_DEVICE_FD calls it
 */
struct rig_emulated_spec {
	__u32 flags;
	__u32 device;
	__u32 group;
	__u32 reserved;
	char name[16];
};

/**
 * struct rig_pin - RIG_PIN, RIG_UNPIN: let a device call vfio_pin_pages(), vfio_unpin_pages()
 * @device: the device; -ENOTCONN when it is not open
 * @prot: RIG_READ, RIG_WRITE or both; RIG_PIN only
 * @iova: where
 * @pages: how many; RIG_PIN hands on whatever is said, RIG_UNPIN only what is pinned
 *	(-ENOENT else)
 * @result: out, of RIG_PIN: what vfio_pin_pages() returned
 *
 * A page may be pinned several times, and is then to be unpinned as often. When it is
 * closed, the device unpins what is left.
 */
struct rig_pin {
	__u32 device;
	__u32 prot;
	__u64 iova;
	__s32 pages;
	__s32 result;
};

#define RIG_COPY_WRITE	(1u << 0)	/* into the container's memory; else from it */
#define RIG_COPY_KERNEL	(1u << 1)	/* by a kernel thread, not by who asks */

/**
 * struct rig_copy - RIG_COPY: let a device call vfio_dma_rw()
 * @device: the device; -ENOTCONN when it is not open
 * @flags: RIG_COPY_WRITE, RIG_COPY_KERNEL
 * @iova: where
 * @buffer: address in the caller
 * @bytes: how many, at most RIG_MAX_TRANSFER
 * @result: out: what vfio_dma_rw() returned
 */
struct rig_copy {
	__u32 device;
	__u32 flags;
	__u64 iova;
	__u64 buffer;
	__u32 bytes;
	__s32 result;
};

/**
 * struct rig_manners - RIG_SET_MANNERS: what a device does when it is told of an unmap
 * @device: the device
 * @refusals: so many times, nothing; after that it unpins what it has pinned there
 * @hold: it waits with that until it is told otherwise, or whoever unmaps is killed
 *
 * What it was told before is forgotten.
 */
struct rig_manners {
	__u32 device;
	__u32 refusals;
	__u32 hold;
	__u32 reserved;
};

#define RIG_MAX_TOLD 8

/**
 * struct rig_emulated_state - RIG_GET_EMULATED: what a device has and was told
 * @device: in: the device
 * @open: out: VFIO users have it open
 * @pinned: out: pages it has pinned
 * @calls: out: how often dma_unmap() was called
 * @held: out: how many of these calls wait because of @hold
 * @told: out: the ranges that the first of these calls were about
 */
struct rig_emulated_state {
	__u32 device;
	__u32 open;
	__u64 pinned;
	__u64 calls;
	__u64 held;
	struct {
		__u64 iova;
		__u64 bytes;
	} told[RIG_MAX_TOLD];
};

#define RIG_ADD_EMULATED	_IOWR('r', 16, struct rig_emulated_spec)
#define RIG_PIN			_IOWR('r', 17, struct rig_pin)
#define RIG_UNPIN		_IOWR('r', 18, struct rig_pin)
/* DMA of an emulated device: to the pages it has pinned, and no others. */
#define RIG_DMA_PINNED		_IOWR('r', 19, struct rig_dma)
#define RIG_COPY		_IOWR('r', 20, struct rig_copy)
#define RIG_SET_MANNERS		_IOW('r', 21, struct rig_manners)
#define RIG_GET_EMULATED	_IOWR('r', 22, struct rig_emulated_state)

#endif /* RIG_UAPI_H */
