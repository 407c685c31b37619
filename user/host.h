/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The POSIX host: what the engine needs, from libc, from a memory and from
 * modelled IOMMUs.
 *
 * A program makes a struct mf_user_host, adds memory (user/memory/) and units
 * with groups (user/models/) to it, and gives &host.host to mf_open(). Every
 * call of the engine passes through the host, which counts it, may show it to
 * a hook, and lets the hook make it fail: that is how tests fail each call in
 * turn, and how they look at what the engine does while it does it.
 */
#ifndef MF_USER_HOST_H
#define MF_USER_HOST_H

#include "core/manifold.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mf_memory;
struct mf_user_host;

/* What the engine can call, in the order of struct mf_host_ops. */
enum mf_call_type {
	MF_CALL_ALLOC,
	MF_CALL_FREE,
	MF_CALL_OWNER_GET,
	MF_CALL_OWNER_PUT,
	MF_CALL_OWNER_LEDGER,
	MF_CALL_OWNER_LIMIT,
	MF_CALL_PIN,
	MF_CALL_UNPIN,
	MF_CALL_BILL,
	MF_CALL_UNBILL,
	MF_CALL_COPY,
	MF_CALL_GROUP_ID,
	MF_CALL_GROUP_ISOLATED,
	MF_CALL_GROUP_REGIONS,
	MF_CALL_DOMAIN_ALLOC,
	MF_CALL_DOMAIN_FREE,
	MF_CALL_DOMAIN_ATTACH,
	MF_CALL_DOMAIN_DETACH,
	MF_CALL_DOMAIN_SETTLE,
	MF_CALL_DOMAIN_MSI,
	MF_CALL_DOMAIN_MAP,
	MF_CALL_DOMAIN_SYNC,
	MF_CALL_DOMAIN_UNMAP,
	MF_CALL_DOMAIN_FLUSH,
	MF_CALL_UNMAPPING,
	MF_NR_CALLS,
};

/**
 * struct mf_call - one call of the engine, before it is done
 * @type: which
 * @domain: the domain it is about, or NULL
 * @group: the group it is about, or NULL
 * @owner: the owner it is about, or NULL
 * @address: vaddr of a pin or copy, iova of a map, sync, unmap or of what devices
 *	are asked to unpin, base of a doorbell
 * @amount: bytes of an alloc, copy, sync or unmap; pages of a pin, bill or unbill;
 *	runs of an unpin or map
 * @runs: what a map or unpin is about, or NULL
 */
struct mf_call {
	enum mf_call_type type;
	struct mf_host_domain *domain;
	struct mf_host_group *group;
	struct mf_owner *owner;
	u64 address;
	u64 amount;
	const mf_run *runs;
};

/*
 * Sees a call before it is done. Returns 0, or a negative errno to make it
 * fail; one that returns memory returns NULL then, @domain_unmap unmaps
 * nothing, and those that can't fail are done regardless. It may call the
 * engine wherever the engine holds no lock (from a pin).
 */
typedef int (*mf_call_fn)(void *context, const struct mf_call *call);

/*
 * Is asked to have emulated groups' devices unpin all in a span, by
 * mf_unpin_pages(). @cookie is the container's.
 */
typedef void (*mf_unmapping_fn)(void *context, void *cookie, struct mf_span span);

/* Hears of an event. It must not call the engine. */
typedef void (*mf_event_fn)(void *context, void *cookie, const struct mf_event *event);

/**
 * struct mf_user_live - what the engine holds at this moment
 * @allocations: pieces of memory
 * @pins: pages pinned, counted as often as they are
 * @billed: pages billed to all owners
 * @owners: references on owners
 * @domains: domains
 * @attached: groups attached to a domain
 */
struct mf_user_live {
	u64 allocations;
	u64 pins;
	u64 billed;
	u64 owners;
	u64 domains;
	u64 attached;
};

/**
 * struct mf_user_host - a host; see mf_user_host_init()
 * @host: what the engine takes; first, so that either finds the other
 * @hook: sees every call, or NULL; set while the engine is at rest
 * @hook_context: passed to it
 * @event: hears of every event, or NULL; set while the engine is at rest
 * @event_context: passed to it
 * @unmapping: speaks for the devices of emulated groups, or NULL
 * @unmapping_context: passed to it
 * @alloc_limit: the largest piece of memory the engine may have, in bytes
 * @lock: guards what follows
 * @live: what the engine holds
 * @calls: how often each call was made
 * @misuse: how often the engine broke the contract of a call
 * @units_lock: guards all modelled units, their tables and their IOTLBs
 * @memories: where DMA may go
 */
struct mf_user_host {
	struct mf_host host;
	mf_call_fn hook;
	void *hook_context;
	mf_event_fn event;
	void *event_context;
	mf_unmapping_fn unmapping;
	void *unmapping_context;
	u64 alloc_limit;

	struct mf_mutex lock;
	struct mf_user_live live;
	u64 calls[MF_NR_CALLS];
	u64 misuse;

	struct mf_mutex units_lock;
	struct mf_memory *memories;
};

void mf_user_host_init(struct mf_user_host *host);
void mf_user_host_fini(struct mf_user_host *host);
struct mf_user_live mf_user_host_live(struct mf_user_host *host);
u64 mf_user_host_calls(struct mf_user_host *host, enum mf_call_type type);
u64 mf_user_host_misuse(struct mf_user_host *host);
const char *mf_call_name(enum mf_call_type type);

/* For memories and units: the engine did what a call's contract forbids. */
void mf_user_host_misused(struct mf_user_host *host);

static inline struct mf_user_host *mf_user_host_of(struct mf_host *host)
{
	return mf_entry(host, struct mf_user_host, host);
}

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_HOST_H */
