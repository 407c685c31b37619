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

/* How often a packed block can have been charged: see blocktree.c. */
#define MF_PACKED_MOST	255
#define MF_NODE_PACKED	1	/* in the address of a node: it is a packed leaf */

/**
 * struct mf_stay - one stay in a ledger, which is locked
 * @host: gives and takes memory
 * @ledger: where
 * @fresh: pages whose count has left 0 so far
 * @gone: pages whose count is back there
 * @leaf: the one that was looked at last; the ledger's @none, while there is no tree; or NULL
 * @packed: if it is NULL: the packed one
 * @index: its number among those that are near
 */
struct mf_stay {
	struct mf_host *host;
	struct mf_ledger *ledger;
	u64 fresh;
	u64 gone;
	struct mf_ledger_leaf *leaf;
	u8 *packed;
	u64 index;
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
	s->ledger->near.plain[s->index] = s->leaf->used ? NULL : s->leaf->bits;
}

/* What is packed in a node that is a leaf, or NULL. */
static inline u8 *mf_packed_in(const void *node)
{
	return (uintptr_t)node & MF_NODE_PACKED ? (u8 *)node - MF_NODE_PACKED : NULL;
}

/* A block's entry in the leaf looked at last; NULL if that is packed. */
static inline u64 *mf_entry_of(const struct mf_stay *s, u64 block)
{
	if (!s->leaf)
		return NULL;
	if (!s->leaf->entries)
		return &s->ledger->entry;
	return s->leaf->entries + (block & (MF_LEAF_BLOCKS - 1));
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
	return s->leaf->bits + (block & (MF_LEAF_BLOCKS - 1)) * MF_BLOCK_WORDS;
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
void mf_leaf_look(struct mf_stay *s, u64 index);
bool mf_leaf_find(struct mf_stay *s, u64 block);
bool mf_leaf_make(struct mf_stay *s, u64 block);
bool mf_leaf_unpack(struct mf_stay *s);
u64 *mf_block_make_bits(struct mf_stay *s, u64 block);
void mf_blocks_end(struct mf_host *host, struct mf_ledger *l);

/* block.c */
bool mf_only_add(struct mf_ledger *l, mf_run run);
bool mf_only_sub(struct mf_ledger *l, mf_run run);
int mf_block_add(struct mf_stay *s, u64 *e, u64 block, u32 page, u32 pages);
void mf_block_sub(struct mf_stay *s, u64 *e, u64 block, u32 page, u32 pages);

/* blocks.c */
int mf_blocks_add(struct mf_host *host, struct mf_ledger *l, const mf_run *runs, u64 nr,
		  struct mf_charge *what);
u64 mf_blocks_sub(struct mf_host *host, struct mf_ledger *l, const mf_run *runs, u64 nr, u64 *gone);

#endif /* MF_BLOCKS_H */
