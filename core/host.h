/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * All that the engine asks of a host.
 *
 * It comes in two parts. port.h, found in the host's own folder, gives the
 * language: u8 to u64, s64, bool, NULL, the errnos, memcpy() and memset(),
 * MF_PAGE_SHIFT, __always_inline, mf_set_bit() and mf_clear_bit() for a bit of an
 * array of u64 that nobody else changes (the first says what it was), and these,
 * each an object the host defines and initialises with a function of the same
 * name ending in _init (and, except for the gather, _fini):
 *
 *   struct mf_rwlock     a sleeping reader-writer lock
 *   struct mf_mutex      a sleeping lock
 *   struct mf_turnstile  a counter one can wait on: mf_turnstile_read() gives
 *                        its value, mf_turnstile_advance() adds one and wakes
 *                        everybody, mf_turnstile_wait() sleeps until it is no
 *                        longer the given value and returns 0, or -EINTR when
 *                        the task is being killed
 *   struct mf_gather     what a unit must still forget: filled by @domain_unmap,
 *                        used up by @domain_flush
 *
 * struct mf_host_ops gives the rest. Nothing in it knows a bus.
 */
#ifndef MF_HOST_H
#define MF_HOST_H

#include "event.h"
#include "ledger.h"
#include "runs.h"
#include "types.h"

struct mf_host;

/**
 * struct mf_features - what the unit behind a domain can do
 * @kind: names the driver and table format; only domains of one kind can be
 *	shared by their groups. Compared, never looked into
 * @pgsizes: bitmap of the page sizes in bytes it can map
 * @aperture: what it can translate
 * @coherent: it enforces cache coherency (ignores no-snoop) for this domain
 */
struct mf_features {
	u64 kind;
	u64 pgsizes;
	struct mf_span aperture;
	bool coherent;
};

enum mf_region_type {
	MF_REGION_DIRECT,		/* must stay identity mapped (RMRR, ...) */
	MF_REGION_DIRECT_RELAXABLE,	/* the same, but may be given up for a user */
	MF_REGION_RESERVED,		/* never usable for DMA */
	MF_REGION_MSI,			/* writes there are interrupts, by hardware */
	MF_REGION_SW_MSI,		/* where software may map the MSI doorbell */
};

/**
 * struct mf_region - IOVAs that a group's devices cannot use freely
 * @type: why not
 * @span: which
 */
struct mf_region {
	enum mf_region_type type;
	struct mf_span span;
};

/* Takes one region; returns 0 or a negative errno, which ends the walk. */
typedef int (*mf_region_fn)(void *context, const struct mf_region *region);

/**
 * struct mf_host_ops - what the engine calls
 *
 * @alloc: memory of @bytes bytes for the engine's records, or NULL: with zeros in it, or,
 *	unless @zeroed, anything; see mf_alloc() and mf_zalloc()
 * @free: give it back; NULL is fine
 *
 * @owner_get: one more reference on an owner
 * @owner_put: one less
 * @owner_ledger: the ledger that the owner was made with
 * @owner_limit: how many pages are billed to it, by whomever, and how many may be
 *
 * @pin: pin up to @pages host pages from @vaddr on in @owner's memory, for
 *	@prot, and add them to @batch by mf_batch_add(), in order, no more than
 *	mf_batch_room() runs of them. Returns how many pages (at least one), or
 *	a negative errno when the very first one can't be had. Faults pages in
 *	and may take long: called with no lock held, except for the container's
 *	domains lock when the first domain comes to mappings that are there
 * @ahead_begin: @pages host pages from @vaddr on in @owner's memory are about to
 *	be pinned for @prot, in order, by calls of @pin whose batch has as its
 *	ahead what this returns: a host that can fault memory in by others, ahead
 *	of that, may. NULL when it is not worth while. The op itself may be NULL.
 *	Called with no lock held
 * @ahead_end: the request that @ahead_begin was called for is over; when this
 *	returns nobody is busy for it any more. What was faulted in for nothing is
 *	the owner's memory, and stays. Called with no lock held
 * @unpin: give back the pinned ones of @runs; pages of a mapping that devices
 *	could write (@prot) are marked dirty
 * @bill: count @pages against @owner's limit; -ENOMEM when that exceeds it,
 *	unless @unlimited. Called with the lock of @owner's ledger held, as is
 *	@unbill, and possibly the container's
 * @unbill: take them off again
 * @copy: copy @bytes from @data to @vaddr in @owner's memory (@write) or from
 *	there to @data; 0 or a negative errno. Called with no lock held
 *
 * @group_id: the number users know the group by
 * @group_isolated: the group's devices cannot forge each other's interrupts
 * @group_regions: call @fn for each region of the group
 *
 * @domain_alloc: make an empty domain fit for @group; with @nesting, one that
 *	a user's own tables can be nested in
 * @domain_free: end it; no group is attached. Whatever it still maps goes with
 *	it, and when this returns no unit can translate through it any more
 * @domain_attach: put the group's devices behind the domain. -EINVAL or another
 *	errno when the domain's unit can't take them
 * @domain_detach: take them away; when this returns none of them can reach
 *	memory through the domain any more
 * @domain_settle: called once after the first attach and before anything is
 *	mapped: turn on what must be on from the beginning (coherency) and say
 *	what the domain can do
 * @domain_msi: let the doorbell be mapped from @base on
 * @domain_map: map @nr runs one after another from @iova on, for @prot. The
 *	unit need not see it before @domain_sync. On failure nothing of it is
 *	left mapped
 * @domain_sync: the unit may have cached that nothing was mapped in @span:
 *	make it look again
 * @domain_unmap: unmap @bytes from @iova on, which were mapped by whole calls
 *	of @domain_map; the unit may go on using stale entries until
 *	@domain_flush. Returns how many bytes were unmapped from @iova on: less
 *	is a failure of the unit
 * @domain_flush: when this returns the unit has forgotten what is in @gather
 *
 * @unmapping: memory that emulated groups have pinned is to be unmapped: ask
 *	their devices to unpin all in @span (by mf_unpin_pages(), before this
 *	returns or soon after). Called with no lock held
 *
 * @event: something happened; any context the engine calls from, must not call
 *	back into the engine
 */
struct mf_host_ops {
	void *(*alloc)(struct mf_host *host, u64 bytes, bool zeroed);
	void (*free)(struct mf_host *host, void *memory);

	void (*owner_get)(struct mf_host *host, struct mf_owner *owner);
	void (*owner_put)(struct mf_host *host, struct mf_owner *owner);
	struct mf_ledger *(*owner_ledger)(struct mf_host *host, struct mf_owner *owner);
	void (*owner_limit)(struct mf_host *host, struct mf_owner *owner, u64 *billed, u64 *limit);

	s64 (*pin)(struct mf_host *host, struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
		   struct mf_batch *batch);
	struct mf_ahead *(*ahead_begin)(struct mf_host *host, struct mf_owner *owner, u64 vaddr,
					u64 pages, u32 prot);
	void (*ahead_end)(struct mf_host *host, struct mf_ahead *ahead);
	void (*unpin)(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr,
		      u32 prot);
	int (*bill)(struct mf_host *host, struct mf_owner *owner, u64 pages, bool unlimited);
	void (*unbill)(struct mf_host *host, struct mf_owner *owner, u64 pages);
	int (*copy)(struct mf_host *host, struct mf_owner *owner, u64 vaddr, void *data,
		    u64 bytes, bool write);

	u32 (*group_id)(struct mf_host *host, struct mf_host_group *group);
	bool (*group_isolated)(struct mf_host *host, struct mf_host_group *group);
	int (*group_regions)(struct mf_host *host, struct mf_host_group *group, mf_region_fn fn,
			     void *context);

	int (*domain_alloc)(struct mf_host *host, struct mf_host_group *group, bool nesting,
			    struct mf_host_domain **out);
	void (*domain_free)(struct mf_host *host, struct mf_host_domain *domain);
	int (*domain_attach)(struct mf_host *host, struct mf_host_domain *domain,
			     struct mf_host_group *group);
	void (*domain_detach)(struct mf_host *host, struct mf_host_domain *domain,
			      struct mf_host_group *group);
	void (*domain_settle)(struct mf_host *host, struct mf_host_domain *domain,
			      struct mf_features *features);
	int (*domain_msi)(struct mf_host *host, struct mf_host_domain *domain, u64 base);
	int (*domain_map)(struct mf_host *host, struct mf_host_domain *domain, u64 iova,
			  const mf_run *runs, u64 nr, u32 prot);
	int (*domain_sync)(struct mf_host *host, struct mf_host_domain *domain,
			   struct mf_span span);
	u64 (*domain_unmap)(struct mf_host *host, struct mf_host_domain *domain, u64 iova,
			    u64 bytes, struct mf_gather *gather);
	void (*domain_flush)(struct mf_host *host, struct mf_host_domain *domain,
			     struct mf_gather *gather);

	void (*unmapping)(struct mf_host *host, void *cookie, struct mf_span span);
	void (*event)(struct mf_host *host, void *cookie, const struct mf_event *event);
};

/**
 * struct mf_host - a host; embed it to find your own data
 * @ops: what it can do
 */
struct mf_host {
	const struct mf_host_ops *ops;
};

/*
 * What @host can do. A port where all hosts can do the same may say so: then
 * the compiler knows whom the engine calls.
 */
#ifndef mf_ops
#define mf_ops(host) ((host)->ops)
#endif

/**
 * mf_alloc() - memory for records
 * @host: the host
 * @bytes: how much
 *
 * Anything may be in it. Runs, which are most of what is kept, are written before
 * they are read: to clear them first would be a good part of what a page costs.
 *
 * Return: the memory, to be given back by @free; or NULL.
 */
static inline void *mf_alloc(struct mf_host *host, u64 bytes)
{
	return mf_ops(host)->alloc(host, bytes, false);
}

/* The same, with zeros in it. */
static inline void *mf_zalloc(struct mf_host *host, u64 bytes)
{
	return mf_ops(host)->alloc(host, bytes, true);
}

#endif /* MF_HOST_H */
