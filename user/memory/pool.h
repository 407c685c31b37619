/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Where modelled units keep their page tables: RAM that only they may touch.
 */
#ifndef MF_USER_POOL_H
#define MF_USER_POOL_H

#include "user/memory/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The pool begins here, beyond all modelled RAM. */
#define MF_POOL_BASE_PFN	(1ull << 26)

struct mf_pool;

struct mf_pool *mf_pool_new(struct mf_user_host *host, u64 pages);
void mf_pool_free(struct mf_pool *pool);
u64 mf_pool_get(struct mf_pool *pool, u32 shift);
void mf_pool_put(struct mf_pool *pool, u64 address, u32 shift);
u64 mf_pool_used(const struct mf_pool *pool);
bool mf_pool_read(const struct mf_pool *pool, u64 address, u64 *word);
void mf_pool_write(struct mf_pool *pool, u64 address, u64 word);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_POOL_H */
