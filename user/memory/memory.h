/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the host takes for a memory, and for an owner of some of it.
 *
 * A memory is a range of page frame numbers that DMA may go to; it knows which
 * of its pages are pinned, and so DMA to one that is not can be told from
 * proper DMA. An owner is an address space over a memory, with a limit on what
 * may be billed to it.
 */
#ifndef MF_USER_MEMORY_H
#define MF_USER_MEMORY_H

#include "user/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What became of an access to a page by DMA. */
enum mf_access {
	MF_ACCESS_OK,
	MF_ACCESS_NOWHERE,	/* no memory has such a page */
	MF_ACCESS_UNPINNED,	/* there it is, but nobody pinned it */
};

/**
 * struct mf_memory_ops - what a memory can do
 * @has: is the page one of its own?
 * @pinned: how often the page is pinned; at least 1 for foreign pages
 * @access: copy @bytes bytes, all in page @pfn from byte @offset on, from
 *	@buffer (@write) or into it; nothing is touched unless the page is pinned
 */
struct mf_memory_ops {
	bool (*has)(struct mf_memory *memory, u64 pfn);
	u32 (*pinned)(struct mf_memory *memory, u64 pfn);
	enum mf_access (*access)(struct mf_memory *memory, u64 pfn, u32 offset, void *buffer,
				 u32 bytes, bool write);
};

/**
 * struct mf_memory - a memory; embed it
 * @ops: what it can do
 * @host: the host it was added to
 * @next: the host's next one
 */
struct mf_memory {
	const struct mf_memory_ops *ops;
	struct mf_user_host *host;
	struct mf_memory *next;
};

/**
 * struct mf_owner_ops - what an owner can do
 * @pin: as in struct mf_host_ops
 * @unpin: as in struct mf_host_ops; returns how many pages were unpinned
 * @copy: as in struct mf_host_ops
 */
struct mf_owner_ops {
	s64 (*pin)(struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot, struct mf_batch *batch);
	u64 (*unpin)(struct mf_owner *owner, const mf_run *runs, u64 nr, u32 prot);
	int (*copy)(struct mf_owner *owner, u64 vaddr, void *data, u64 bytes, bool write);
};

/**
 * struct mf_owner - whose memory is pinned and billed; embed it
 * @ops: what it can do
 * @limit: how many pages may be billed to it
 * @billed: how many are; guarded by the host's lock
 * @references: how many the engine has; guarded by the host's lock
 * @ledger: what the engine bills once
 */
struct mf_owner {
	const struct mf_owner_ops *ops;
	u64 limit;
	u64 billed;
	u64 references;
	struct mf_ledger ledger;
};

/* Who is not told a limit has none. */
#define MF_NO_LIMIT (~0ull)

void mf_owner_init(struct mf_owner *owner, const struct mf_owner_ops *ops);
void mf_owner_fini(struct mf_owner *owner);

void mf_user_host_add_memory(struct mf_user_host *host, struct mf_memory *memory);
void mf_user_host_remove_memory(struct mf_user_host *host, struct mf_memory *memory);
enum mf_access mf_memory_access(struct mf_user_host *host, u64 pfn, u32 offset, void *buffer,
				u32 bytes, bool write);
u32 mf_memory_pinned(struct mf_user_host *host, u64 pfn);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_MEMORY_H */
