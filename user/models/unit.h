/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the host takes for an IOMMU unit, a group behind it, and a domain.
 *
 * A model embeds these and fills in the operations; the host forwards the
 * engine's calls to them. All are called with the host's units lock held, and
 * so is a translation together with the access that follows it: when a flush
 * has returned, no DMA that used what was flushed is still on its way.
 */
#ifndef MF_USER_UNIT_H
#define MF_USER_UNIT_H

#include "user/host.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mf_unit;

/* Why DMA went nowhere. */
enum mf_fault_why {
	MF_FAULT_NONE,
	MF_FAULT_NO_DOMAIN,	/* the group is attached to none */
	MF_FAULT_APERTURE,	/* beyond what the domain can translate */
	MF_FAULT_NOT_PRESENT,	/* nothing is mapped there */
	MF_FAULT_RESERVED,	/* an entry has a bit set that the unit does not know */
	MF_FAULT_TABLE,		/* the table leads to where no table can be */
	MF_FAULT_DEVICE,	/* what the unit was told about the device makes no sense */
	MF_FAULT_READ,		/* what is mapped may not be read */
	MF_FAULT_WRITE,		/* what is mapped may not be written */
	MF_FAULT_NOWHERE,	/* it translates to a page that does not exist */
	MF_FAULT_UNPINNED,	/* never to be seen: it translates to a page nobody pinned */
	MF_NR_FAULTS,
};

/**
 * struct mf_translation - what a unit makes of an IOVA
 * @span: the IOVAs it holds for: a leaf
 * @pfn: the page that @span.first translates to
 * @prot: MF_READ and MF_WRITE
 * @level: which level of the table that was read from; 1 is the lowest
 * @entry: the entry there, as the hardware has it
 */
struct mf_translation {
	struct mf_span span;
	u64 pfn;
	u32 prot;
	u32 level;
	u64 entry;
};

/* How many words of 64 bits the longest fault record of any hardware has. */
#define MF_RECORD_WORDS 4

/**
 * struct mf_fault - DMA that went nowhere
 * @why: why
 * @iova: the first IOVA that could not be accessed
 * @write: it was to be written
 * @group: the number of the device's group
 * @level: the level of the table entry that was in the way, 0: none
 * @entry: that entry
 * @code: the number the hardware has for it; 0 where it has none
 * @name: the hardware's name for it, or NULL
 * @record: the record the hardware would write, little-endian words
 */
struct mf_fault {
	enum mf_fault_why why;
	u64 iova;
	bool write;
	u32 group;
	u32 level;
	u64 entry;
	u32 code;
	const char *name;
	u64 record[MF_RECORD_WORDS];
};

/* Visits one translation that the unit could use; @cached: from its IOTLB. */
typedef void (*mf_translation_fn)(void *context, struct mf_host_domain *domain,
				  const struct mf_translation *translation, bool cached);

/**
 * struct mf_unit_ops - what a model of a unit can do
 *
 * Those that are named as in struct mf_host_ops are called for a domain of the
 * unit, and have the same contract.
 *
 * @domain_accepts: can the domain take a group of whatever unit? 0 or -EINVAL
 * @forget: drop everything cached for a domain, whose last group behind this
 *	unit leaves it
 * @invalidate: drop what is cached for a domain and a span; @absent: only
 *	that nothing was mapped there
 * @translate: what does a group's device reach at an IOVA? For @write or read.
 *	Returns MF_FAULT_NONE with @translation filled in, or else @fault
 * @for_each_cached: visit what the IOTLB holds
 * @for_each_mapped: visit what the domain's table holds
 */
struct mf_unit_ops {
	int (*domain_alloc)(struct mf_unit *unit, struct mf_host_domain **out);
	void (*domain_free)(struct mf_host_domain *domain);
	int (*domain_accepts)(struct mf_host_domain *domain, struct mf_host_group *group);
	void (*domain_settle)(struct mf_host_domain *domain, struct mf_features *features);
	int (*domain_map)(struct mf_host_domain *domain, u64 iova, const mf_run *runs, u64 nr,
			  u32 prot);
	u64 (*domain_unmap)(struct mf_host_domain *domain, u64 iova, u64 bytes);

	void (*forget)(struct mf_unit *unit, struct mf_host_domain *domain);
	void (*invalidate)(struct mf_unit *unit, struct mf_host_domain *domain,
			   struct mf_span span, bool absent);
	enum mf_fault_why (*translate)(struct mf_unit *unit, struct mf_host_group *group, u64 iova,
				       bool write, struct mf_translation *translation,
				       struct mf_fault *fault);
	void (*for_each_cached)(struct mf_unit *unit, mf_translation_fn fn, void *context);
	void (*for_each_mapped)(struct mf_host_domain *domain, mf_translation_fn fn,
				void *context);
};

/**
 * struct mf_unit - one IOMMU; embed it
 * @ops: what it can do
 * @host: the host it belongs to
 */
struct mf_unit {
	const struct mf_unit_ops *ops;
	struct mf_user_host *host;
};

/**
 * struct mf_host_group - a group; the program that makes it fills it in
 * @unit: the unit it is behind
 * @id: the number users know it by
 * @isolated: its devices cannot forge each other's interrupts
 * @regions: its reserved regions
 * @nr_regions: how many
 * @domain: what it is attached to, or NULL; guarded by the host's units lock
 * @next: the next one attached to the same domain
 */
struct mf_host_group {
	struct mf_unit *unit;
	u32 id;
	bool isolated;
	const struct mf_region *regions;
	u32 nr_regions;
	struct mf_host_domain *domain;
	struct mf_host_group *next;
};

/**
 * struct mf_host_domain - a domain; a model embeds it
 * @unit: the unit it was made for
 * @groups: what is attached to it, whatever unit it is behind
 * @settled: @domain_settle was called
 * @msi: a doorbell may be mapped from @msi_base on
 */
struct mf_host_domain {
	struct mf_unit *unit;
	struct mf_host_group *groups;
	bool settled;
	bool msi;
	u64 msi_base;
};

/* The groups attached to a domain; the host's units lock is held. */
#define mf_for_each_attached(group, domain) \
	for ((group) = (domain)->groups; (group); (group) = (group)->next)

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_UNIT_H */
