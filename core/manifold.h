/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The engine's face to its host: one DMA map in front of many IOMMU domains.
 *
 * A host (the Linux module, the user-space library) opens a container with a
 * table of what it can do for the engine (host.h), and then forwards the
 * requests of its users. Everything here may sleep. All functions but
 * mf_open() and mf_release() may be called from any thread at any time; the
 * caller keeps the container alive around each call.
 *
 * Every request that can fail returns a negative errno and, where the caller
 * passes a struct mf_refusal, the reason (reason.h). A request that fails has
 * changed nothing.
 */
#ifndef MF_MANIFOLD_H
#define MF_MANIFOLD_H

#include "event.h"
#include "host.h"
#include "reason.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mf_container;

/**
 * enum mf_rules - what an unmap may do to mappings it does not cover whole
 * @MF_TYPE1: VFIO_TYPE1_IOMMU. A range that begins inside a mapping removes
 *	nothing and succeeds; a mapping whose beginning it covers goes whole.
 * @MF_TYPE1V2: VFIO_TYPE1v2_IOMMU. A range that cuts a mapping is refused.
 */
enum mf_rules {
	MF_TYPE1 = 1,
	MF_TYPE1V2 = 3,
};

/**
 * struct mf_config - how a container is to behave, for its whole life
 * @rules: the unmap rules its user asked for
 * @mapping_limit: how many mappings it may hold
 * @wrap_errno: the negative errno for a range that goes beyond 2^64, where it is
 *	another than that of the reason: in-tree type1's differs from one kernel
 *	series to another; or 0
 * @nesting: ask for domains that a user's own tables can be nested in
 * @bill_once: bill a page once to its owner, however many mappings and containers
 *	that do so pin it; else, as in-tree type1 does, bill each mapping whole. See
 *	bill.c
 * @cookie: whatever the host wants to find in the container's events
 */
struct mf_config {
	enum mf_rules rules;
	u32 mapping_limit;
	int wrap_errno;
	bool nesting;
	bool bill_once;
	void *cookie;
};

/*
 * Flags of mf_attach(). An emulated group is one of software devices (mediated
 * ones): it has no unit, gets no domain, and reaches the container's memory by
 * mf_pin_pages() and mf_access() alone.
 */
#define MF_ATTACH_UNSAFE_INTERRUPTS	(1u << 0)
#define MF_ATTACH_EMULATED		(1u << 1)

/*
 * Flags of mf_map(): every page apart, for one who suspects large ones; and no
 * limit for what is billed for the mapping, now or later.
 */
#define MF_MAP_SMALL_PAGES		(1u << 0)
#define MF_MAP_UNLIMITED		(1u << 1)

/**
 * struct mf_info - what a container can do at this moment
 * @pgsizes: bitmap of the page sizes in bytes that every domain can map; all
 *	sizes from the host's page up while there is no domain
 * @granule: the smallest of them; ranges align to it
 * @mappings_available: how many mappings may still be made
 * @nr_window: number of ranges of valid IOVAs; 0 while there is no domain
 * @coherent: every domain enforces cache coherency (true for zero domains)
 * @vaddr_updatable: mf_invalidate_vaddr() can be had: no emulated group is there
 */
struct mf_info {
	u64 pgsizes;
	u64 granule;
	u32 mappings_available;
	u32 nr_window;
	bool coherent;
	bool vaddr_updatable;
};

/**
 * struct mf_status - the container's counters, for those who look in
 * @rules: those it was opened with
 * @mapping_limit: how many mappings it may hold
 * @nr_domains: domains now
 * @nr_groups: groups now, emulated ones included
 * @nr_emulated: emulated groups now
 * @nr_mappings: mappings now, those being made or removed included
 * @nr_stuck: mappings whose unit did not let go of them, see docs/architecture.md
 * @nr_invalid: mappings whose vaddr was invalidated
 * @pages_pinned: host pages pinned by all mappings
 * @pages_external: host pages pinned by emulated groups, besides those
 * @pages_billed: host pages that owners are charged for by this container; where
 *	@bill_once, each as often as it is pinned, and mf_get_ledger() says how many
 *	an owner is billed for in all
 * @pages_foreign: host pages mapped, but neither pinned nor billed (BARs)
 * @refusals: how many requests were refused since the container was opened
 * @dirty_tracking: dirty pages are being tracked
 * @bill_once: how it was opened
 */
struct mf_status {
	enum mf_rules rules;
	u32 mapping_limit;
	u32 nr_domains;
	u32 nr_groups;
	u32 nr_emulated;
	u64 nr_mappings;
	u64 nr_stuck;
	u64 nr_invalid;
	u64 pages_pinned;
	u64 pages_external;
	u64 pages_billed;
	u64 pages_foreign;
	u64 refusals;
	bool dirty_tracking;
	bool bill_once;
};

/* States of a mapping, as mf_next_mapping() reports them. */
enum mf_mapping_state {
	MF_MAPPING_ADDING,
	MF_MAPPING_LIVE,
	MF_MAPPING_REMOVING,
};

/**
 * struct mf_mapping_info - one mapping, as an inspector sees it
 * @span: its IOVAs
 * @vaddr: where it begins in its owner's memory
 * @prot: MF_READ and MF_WRITE, from the device's view
 * @state: whether it is being made, there, or being removed
 * @pages: host pages in every domain by now
 * @runs: physically contiguous runs they form
 * @foreign: how many of the pages are neither pinned nor billed
 * @external: host pages that emulated groups have pinned
 * @vaddr_invalid: @vaddr was invalidated, and not replaced yet
 * @owner: whose memory it is; only valid as a name, not to be followed
 */
struct mf_mapping_info {
	struct mf_span span;
	u64 vaddr;
	u32 prot;
	enum mf_mapping_state state;
	u64 pages;
	u64 runs;
	u64 foreign;
	u64 external;
	bool vaddr_invalid;
	const struct mf_owner *owner;
};

/**
 * struct mf_domain_info - one domain, as an inspector sees it
 * @id: number of the domain, never used twice in a container
 * @features: what its units can do
 * @nr_groups: groups attached to it
 */
struct mf_domain_info {
	u32 id;
	struct mf_features features;
	u32 nr_groups;
};

/* Visits one group of a domain, by the number users know it by. */
typedef void (*mf_group_fn)(void *context, struct mf_host_group *group, u32 id);

/* Visits one owner and the pages it is charged for by this container (see struct mf_status). */
typedef void (*mf_owner_fn)(void *context, struct mf_owner *owner, u64 pages);

/*
 * Takes some of a dirty bitmap: bit 0 of @bits stands for page @first of the
 * range that was asked for, and @nr bits are valid; those behind them in the
 * last word are 0. Called with no lock held. Returns 0, or a negative errno,
 * which ends the request.
 */
typedef int (*mf_dirty_fn)(void *context, u64 first, const u64 *bits, u64 nr);

/* container.c */
int mf_open(struct mf_host *host, const struct mf_config *config, struct mf_container **out);
void mf_release(struct mf_container *c);
int mf_attach(struct mf_container *c, struct mf_host_group *group, u32 flags,
	      struct mf_refusal *why);
void mf_detach(struct mf_container *c, struct mf_host_group *group);

/* map.c, unmap.c */
int mf_map(struct mf_container *c, struct mf_owner *owner, u64 iova, u64 vaddr, u64 size,
	   u32 prot, u32 flags, struct mf_refusal *why);
int mf_unmap(struct mf_container *c, u64 iova, u64 size, u64 *unmapped, struct mf_refusal *why);
int mf_unmap_all(struct mf_container *c, u64 *unmapped, struct mf_refusal *why);

/* vaddr.c */
int mf_invalidate_vaddr(struct mf_container *c, u64 iova, u64 size, u64 *invalidated,
			struct mf_refusal *why);
int mf_invalidate_all_vaddr(struct mf_container *c, u64 *invalidated, struct mf_refusal *why);
int mf_update_vaddr(struct mf_container *c, struct mf_owner *owner, u64 iova, u64 vaddr,
		    u64 size, u32 flags, struct mf_refusal *why);

/* external.c */
int mf_pin_pages(struct mf_container *c, struct mf_host_group *group, u64 iova, u32 pages,
		 u32 prot, u64 *pfns, struct mf_refusal *why);
void mf_unpin_pages(struct mf_container *c, u64 iova, u32 pages);
int mf_access(struct mf_container *c, u64 iova, void *data, u64 bytes, bool write,
	      struct mf_refusal *why);

/* dirty.c */
int mf_dirty_start(struct mf_container *c, struct mf_refusal *why);
int mf_dirty_stop(struct mf_container *c, struct mf_refusal *why);
int mf_dirty_read(struct mf_container *c, u64 iova, u64 size, u64 pgsize, mf_dirty_fn fn,
		  void *context, struct mf_refusal *why);
int mf_unmap_dirty(struct mf_container *c, u64 iova, u64 size, u64 pgsize, mf_dirty_fn fn,
		   void *context, u64 *unmapped, struct mf_refusal *why);

/* inspect.c */
u32 mf_get_info(struct mf_container *c, struct mf_info *info, struct mf_span *window, u32 max);
void mf_get_status(struct mf_container *c, struct mf_status *status);
bool mf_next_mapping(struct mf_container *c, u64 iova, struct mf_mapping_info *info);
bool mf_get_domain(struct mf_container *c, u32 index, struct mf_domain_info *info);
struct mf_host_domain *mf_group_domain(struct mf_container *c, struct mf_host_group *group);
void mf_for_each_group(struct mf_container *c, u32 domain, mf_group_fn fn, void *context);
void mf_for_each_owner(struct mf_container *c, mf_owner_fn fn, void *context);
u32 mf_get_refusals(struct mf_container *c, struct mf_refusal *last, u32 max);

#ifdef __cplusplus
}
#endif

#endif /* MF_MANIFOLD_H */
