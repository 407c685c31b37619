/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Takes dirty pages, as a user's bitmap does, and can refuse to.
 */
#ifndef MF_TEST_BITMAP_H
#define MF_TEST_BITMAP_H

#include "core/manifold.h"

#define BITMAP_BITS	(1u << 17)
#define BITMAP_WORDS	(BITMAP_BITS / 64)

/**
 * struct bitmap - what was handed over
 * @words: the bits
 * @given: those that were handed over at all, set or not
 * @calls: how often some were
 * @fail_at: the call that is to fail, from 1 on; 0 for none
 * @wrong: a call broke the contract of mf_dirty_fn
 */
struct bitmap {
	u64 words[BITMAP_WORDS];
	u64 given[BITMAP_WORDS];
	u32 calls;
	u32 fail_at;
	bool wrong;
};

int bitmap_take(void *context, u64 first, const u64 *bits, u64 nr);
bool bitmap_has(const struct bitmap *b, u64 bit);
u64 bitmap_set(const struct bitmap *b);
u64 bitmap_given(const struct bitmap *b);

#endif /* MF_TEST_BITMAP_H */
