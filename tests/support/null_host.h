/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A host that does next to nothing, and counts: nothing is pinned, billed or
 * mapped, and no lock is taken, so that what is left is the engine.
 */
#ifndef MF_TEST_NULL_HOST_H
#define MF_TEST_NULL_HOST_H

#include "core/manifold.h"
#include "user/host.h"

/* As many pages as a pin of the kernel's brings at most. */
#define NULL_PIN_PAGES 512

/**
 * struct null_host - see null_host_init()
 * @host: what the engine takes
 * @ledger: the only owner's
 * @run_pages: so many neighbours in memory are contiguous, and then comes a gap;
 *	0: all are
 * @calls: how often each call was made; a free of NULL is none
 * @events: how often each event was told
 * @pages_pinned: in all pins
 * @runs_unpinned: in all unpins
 * @runs_mapped: in all maps
 * @held: bytes that the engine has at this moment
 *
 * One thread uses it.
 */
struct null_host {
	struct mf_host host;
	struct mf_ledger ledger;
	u64 run_pages;
	u64 calls[MF_NR_CALLS];
	u64 events[MF_NR_EVENTS];
	u64 pages_pinned;
	u64 runs_unpinned;
	u64 runs_mapped;
	u64 held;
};

void null_host_init(struct null_host *host);

/* The one owner there is. */
struct mf_owner *null_owner(void);

/* A group behind a unit; units of one @kind, which is not 0, can share a domain. */
struct mf_host_group *null_group(u16 kind, u16 number);

#endif /* MF_TEST_NULL_HOST_H */
