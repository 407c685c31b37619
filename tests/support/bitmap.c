// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A bitmap to hand dirty pages over to. */
#include "tests/support/bitmap.h"

static bool bit_of(const u64 *words, u64 bit)
{
	return words[bit / 64] >> bit % 64 & 1;
}

/**
 * bitmap_take() - a mf_dirty_fn: take @nr bits, the first for page @first
 *
 * Return: 0, or -EFAULT in the call that is to fail.
 */
int bitmap_take(void *context, u64 first, const u64 *bits, u64 nr)
{
	struct bitmap *b = context;
	u64 i;

	if (++b->calls == b->fail_at)
		return -EFAULT;
	if (!nr || first >= BITMAP_BITS || nr > BITMAP_BITS - first) {
		b->wrong = true;
		return 0;
	}
	for (i = 0; i < nr; i++) {
		b->wrong = b->wrong || bit_of(b->given, first + i);
		b->given[(first + i) / 64] |= 1ull << (first + i) % 64;
		b->words[(first + i) / 64] |= (u64)bit_of(bits, i) << (first + i) % 64;
	}
	/* What is behind the last bit in its word must be 0. */
	if (nr % 64 && bits[nr / 64] >> nr % 64)
		b->wrong = true;
	return 0;
}

bool bitmap_has(const struct bitmap *b, u64 bit)
{
	return bit_of(b->words, bit);
}

static u64 count(const u64 *words)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < BITMAP_WORDS; i++)
		n += (u64)__builtin_popcountll(words[i]);
	return n;
}

/* How many bits are set. */
u64 bitmap_set(const struct bitmap *b)
{
	return count(b->words);
}

/* How many bits were handed over. */
u64 bitmap_given(const struct bitmap *b)
{
	return count(b->given);
}
