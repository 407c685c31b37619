// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The tree that a ledger's blocks are in.
 *
 * Entries are in leaves of 512 (1 GiB), under branches of 128, and the tree
 * begins at the deepest node that holds all. It is as high as that needs: an
 * owner with one block has no tree at all, its entry is in the ledger itself. A
 * leaf may have a bit for each of its pages, too, in one piece.
 *
 * What was made stays until the ledger is empty. That is never more than 36 KiB
 * for each GiB of page frames that the owner had something pinned in, and a
 * refund has nothing to look after.
 */
#include "blocks.h"

#define BRANCH_SHIFT	7
#define BRANCH_SLOTS	(1u << BRANCH_SHIFT)

/**
 * struct branch - a node that is no leaf
 * @slots: the nodes below
 * @plain: where those are leaves: see struct mf_stay
 */
struct branch {
	struct mf_ledger_slot slots[BRANCH_SLOTS];
	u64 *plain[BRANCH_SLOTS];
};

/* How many bits of a block's number are told apart below a node of @level. */
static u32 shift_of(u32 level)
{
	return level ? MF_LEAF_SHIFT + (level - 1) * BRANCH_SHIFT : 0;
}

static u64 bytes_of(u32 level)
{
	return level > 1 ? sizeof(struct branch) : MF_LEAF_BLOCKS * sizeof(u64);
}

/* One level more: what was the tree, or the only entry, is under a new root. */
static int grow(struct mf_stay *s)
{
	struct mf_ledger *l = s->ledger;
	void *node = mf_ledger_take(s, bytes_of(l->level + 1));
	struct branch *branch = node;
	u64 *entries = node, at;

	if (!node)
		return -ENOMEM;

	if (!l->level) {
		entries[l->prefix & (MF_LEAF_BLOCKS - 1)] = l->entry;
		l->root.node = node;
		l->entry = 0;
		l->prefix >>= MF_LEAF_SHIFT;
	} else {
		at = l->prefix & (BRANCH_SLOTS - 1);
		branch->slots[at] = l->root;
		branch->plain[at] = l->plain;
		l->root = (struct mf_ledger_slot){ .node = node };
		l->plain = NULL;
		l->prefix >>= BRANCH_SHIFT;
	}
	l->level++;
	s->nr = 0;
	return 0;
}

/* Go down to the entry of @block, which is within the tree; with @make, make the way. */
static u64 *descend(struct mf_stay *s, u64 block, bool make)
{
	struct mf_ledger *l = s->ledger;
	struct mf_ledger_slot *slot = &l->root;
	struct branch *branch;
	u32 level;

	s->nr = 0;
	s->slots = slot;
	s->plain = &l->plain;
	for (level = l->level; level > 1; level--) {
		branch = slot->node;
		slot = &branch->slots[(block >> shift_of(level - 1)) & (BRANCH_SLOTS - 1)];
		if (!slot->node && make)
			slot->node = mf_ledger_take(s, bytes_of(level - 1));
		if (!slot->node)
			return NULL;
		s->slots = branch->slots;
		s->plain = branch->plain;
	}
	s->slot = slot;
	if (!level)
		return &l->entry;
	s->first = (block >> MF_LEAF_SHIFT) - (u64)(slot - s->slots);
	s->nr = l->level > 1 ? BRANCH_SLOTS : 1;
	return (u64 *)slot->node + (block & (MF_LEAF_BLOCKS - 1));
}

static bool covers(const struct mf_ledger *l, u64 block)
{
	return block >> shift_of(l->level) == l->prefix;
}

/* The entry of a block, or NULL: there is nothing. */
u64 *mf_block_find(struct mf_stay *s, u64 block)
{
	return covers(s->ledger, block) ? descend(s, block, false) : NULL;
}

/* The entry of a block, or NULL without memory. */
u64 *mf_block_make(struct mf_stay *s, u64 block)
{
	struct mf_ledger *l = s->ledger;

	if (!l->level && !l->entry)
		l->prefix = block;
	while (!covers(l, block)) {
		if (grow(s))
			return NULL;
	}
	return descend(s, block, true);
}

/* The same for a block that is in a leaf, and the leaf has bits: they are made if need be. */
u64 *mf_block_make_bits(struct mf_stay *s, u64 block)
{
	u64 *e;

	if (!s->ledger->level && grow(s))
		return NULL;
	e = mf_block_make(s, block);
	if (!e)
		return NULL;
	if (!s->slot->bits) {
		s->slot->bits = mf_ledger_take(s, MF_LEAF_PAGES / 8);
		mf_leaf_changed(s);
	}
	return s->slot->bits ? e : NULL;
}

/* At most five levels: that is enough for every number of a block that a run can name. */
static void free_node(struct mf_stay *s, struct mf_ledger_slot *slot, u32 level)
{
	struct branch *branch = slot->node;
	u32 i;

	for (i = 0; branch && level > 1 && i < BRANCH_SLOTS; i++)
		free_node(s, &branch->slots[i], level - 1);
	mf_ledger_give(s, slot->bits, MF_LEAF_PAGES / 8);
	mf_ledger_give(s, slot->node, bytes_of(level));
}

/* Nothing is counted any more: free the tree. */
void mf_blocks_end(struct mf_host *host, struct mf_ledger *l)
{
	struct mf_stay s = { .host = host, .ledger = l };

	free_node(&s, &l->root, l->level);
	l->root = (struct mf_ledger_slot){ 0 };
	l->plain = NULL;
	l->level = 0;
	l->prefix = 0;
}
