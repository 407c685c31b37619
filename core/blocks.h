/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a ledger counts pages in: see block.c, and blocktree.c for where the blocks are.
 */
#ifndef MF_BLOCKS_H
#define MF_BLOCKS_H

#include "host.h"
#include "ledger.h"

#define MF_BLOCK_SHIFT	9
#define MF_BLOCK_PAGES	(1u << MF_BLOCK_SHIFT)
#define MF_BLOCK_WORDS	(MF_BLOCK_PAGES / 64)
#define MF_LEAF_SHIFT	9
#define MF_LEAF_BLOCKS	(1u << MF_LEAF_SHIFT)
#define MF_LEAF_PAGES	((u64)MF_LEAF_BLOCKS << MF_BLOCK_SHIFT)

/* The two kinds of entries that are neither 0 nor pointers: see block.c. */
#define MF_TAG		3ull
#define MF_TAG_WHOLE	1ull
#define MF_TAG_ALONE	2ull
#define MF_WHOLE_ONE	4ull

/**
 * struct mf_stay - one stay in a ledger, which is locked
 * @host: gives and takes memory
 * @ledger: where
 * @fresh: pages whose count has left 0 so far
 * @gone: pages whose count is back there
 * @slot: of the leaf that was looked at last; or the root, while there is no tree
 * @slots: those of the leaves next to it, in order
 * @plain: for each of these: the leaf's bits, if they say all about it; or NULL
 * @first: the number of the first of these leaves
 * @nr: how many they are; 0 before a leaf was looked at
 */
struct mf_stay {
	struct mf_host *host;
	struct mf_ledger *ledger;
	u64 fresh;
	u64 gone;
	struct mf_ledger_slot *slot;
	struct mf_ledger_slot *slots;
	u64 **plain;
	u64 first;
	u64 nr;
};

static inline void *mf_ledger_take(struct mf_stay *s, u64 bytes)
{
	void *memory = mf_zalloc(s->host, bytes);

	if (memory) {
		s->ledger->bytes += bytes;
		s->ledger->pieces++;
	}
	return memory;
}

static inline void mf_ledger_give(struct mf_stay *s, void *memory, u64 bytes)
{
	if (!memory)
		return;
	s->ledger->bytes -= bytes;
	s->ledger->pieces--;
	mf_ops(s->host)->free(s->host, memory);
}

/* The leaf looked at last has got its bits, or has more or fewer entries than before. */
static inline void mf_leaf_changed(struct mf_stay *s)
{
	s->plain[s->slot - s->slots] = s->slot->used ? NULL : s->slot->bits;
}

static inline bool mf_is_whole(u64 entry)
{
	return (entry & MF_TAG) == MF_TAG_WHOLE;
}

/* A block's bits in the leaf that has them all; NULL if it has none. */
static inline u64 *mf_words_in(u64 *bits, u64 block)
{
	return bits ? bits + (block & (MF_LEAF_BLOCKS - 1)) * MF_BLOCK_WORDS : NULL;
}

/* The same in the leaf looked at last, which has some. */
static inline u64 *mf_words_of(const struct mf_stay *s, u64 block)
{
	return s->slot->bits + (block & (MF_LEAF_BLOCKS - 1)) * MF_BLOCK_WORDS;
}

static inline bool mf_any_bit(const u64 *words)
{
	u64 all = 0;
	u32 i;

	for (i = 0; words && i < MF_BLOCK_WORDS; i++)
		all |= words[i];
	return all;
}

/* Of the word that @page is in: the bits of @page and those that follow, @pages in all. */
static inline u64 mf_mask_of(u32 page, u32 pages, u32 *nr)
{
	u32 first = page % 64;

	*nr = pages < 64 - first ? pages : 64 - first;
	return (~0ull >> (64 - *nr)) << first;
}

/* blocktree.c */
u64 *mf_block_find(struct mf_stay *s, u64 block);
u64 *mf_block_make(struct mf_stay *s, u64 block);
u64 *mf_block_make_bits(struct mf_stay *s, u64 block);
void mf_blocks_end(struct mf_host *host, struct mf_ledger *l);

/* block.c */
int mf_block_add(struct mf_stay *s, u64 *e, u64 block, u32 page, u32 pages);
void mf_block_sub(struct mf_stay *s, u64 *e, u64 block, u32 page, u32 pages);

/* blocks.c */
int mf_blocks_add(struct mf_stay *s, const mf_run *runs, u64 nr, u64 *pages);
u64 mf_blocks_sub(struct mf_stay *s, const mf_run *runs, u64 nr);

#endif /* MF_BLOCKS_H */
