/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * An owner's ledger: which of its pages are pinned, and how often. See ledger.c.
 */
#ifndef MF_LEDGER_H
#define MF_LEDGER_H

#include "runs.h"
#include "types.h"

struct mf_host;

/**
 * struct mf_ledger_leaf - a lowest node of the tree, unless it is packed: see blocktree.c
 * @entries: an entry for each block, see block.c
 * @bits: a bit for each page; or NULL
 * @used: how many of the entries are not 0
 */
struct mf_ledger_leaf {
	u64 *entries;
	u64 *bits;
	u64 used;
};

/**
 * struct mf_ledger_near - the leaves next to the one that was looked at last
 * @nodes: these, in order; NULL: one that is not there
 * @plain: for each of them: its bits, if they say all about it; or NULL
 * @first: the number of the first
 * @nr: how many they are; 0 before a leaf was looked at
 */
struct mf_ledger_near {
	void **nodes;
	u64 **plain;
	u64 first;
	u64 nr;
};

/**
 * struct mf_ledger - one for each owner; embed it in the host's
 * @lock: guards the rest, and is held while its pages are billed
 * @pages: pages with a count, which is how many are billed
 * @pins: their counts, all together
 * @bytes: what it takes besides this struct
 * @pieces: in how many pieces of memory
 * @root: the tree, unless @level is 0
 * @plain: of the root, if that is a leaf: see struct mf_ledger_near
 * @level: how many levels the tree has
 * @entry: the only block's entry, while @level is 0
 * @none: stands for the leaf then: it has neither bits nor entries
 * @prefix: the upper bits of the number of every block in the tree
 * @near: where the next page is likely to be; holds until the tree grows or ends
 */
struct mf_ledger {
	struct mf_mutex lock;
	u64 pages;
	u64 pins;
	u64 bytes;
	u64 pieces;
	void *root;
	u64 *plain;
	u32 level;
	u64 entry;
	struct mf_ledger_leaf none;
	u64 prefix;
	struct mf_ledger_near near;
};

/**
 * struct mf_ledger_info - what a ledger has, for those who look in
 * @pages: distinct pages pinned, each billed once
 * @pins: how often they are pinned, all together
 * @bytes: memory that the ledger takes
 * @pieces: in how many pieces
 */
struct mf_ledger_info {
	u64 pages;
	u64 pins;
	u64 bytes;
	u64 pieces;
};

/**
 * struct mf_charge - what became of a charge
 * @asked: pages it was about
 * @fresh: how many of them were not in the ledger
 * @refused: the bill was: there was memory to note them
 */
struct mf_charge {
	u64 asked;
	u64 fresh;
	bool refused;
};

/**
 * struct mf_refund - pages on their way out of a ledger
 * @host: gives and takes memory and bills
 * @owner: whose ledger
 * @ledger: the ledger, while it is locked
 * @gone: pages to be taken off the bill
 * @pins: counts taken off
 * @runs: how many runs that were
 */
struct mf_refund {
	struct mf_host *host;
	struct mf_owner *owner;
	struct mf_ledger *ledger;
	u64 gone;
	u64 pins;
	u64 runs;
};

#ifdef __cplusplus
extern "C" {
#endif

/* A macro, so that the host can tell locks apart by where they are initialised. */
#define mf_ledger_init(l) mf_mutex_init(&(l)->lock)
void mf_ledger_fini(struct mf_ledger *l);

int mf_ledger_charge(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr,
		     bool unlimited, struct mf_charge *what);
void mf_refund_begin(struct mf_refund *r, struct mf_host *host, struct mf_owner *owner);
void mf_refund_runs(struct mf_refund *r, const mf_run *runs, u64 nr);
void mf_refund_end(struct mf_refund *r);
void mf_ledger_refund(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr);
void mf_get_ledger(struct mf_host *host, struct mf_owner *owner, struct mf_ledger_info *info);

#ifdef __cplusplus
}
#endif

#endif /* MF_LEDGER_H */
