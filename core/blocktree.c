// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The tree that a ledger's blocks are in.
 *
 * Leaves are for 512 blocks (1 GiB), under branches of 64, and the tree begins
 * at the deepest node that holds all. It is as high as that needs: an owner with
 * one block has no tree at all, its entry is in the ledger itself.
 *
 * A leaf is packed as long as all that was charged of it is whole blocks, and
 * none too often: that is a byte a block, how often. What is mapped in huge pages
 * takes no more. When it won't do the leaf is unpacked, for good: it has an entry
 * for each block then, and may have a bit for each page, too, in one piece.
 *
 * What was made stays until the ledger is empty. That is hardly more than 36 KiB
 * for each GiB of page frames that the owner had something pinned in, and a
 * refund has nothing to look after.
 */
#include "blocks.h"

#define BRANCH_SHIFT	6
#define BRANCH_NODES	(1u << BRANCH_SHIFT)
#define PACKED_BYTES	MF_LEAF_BLOCKS
#define ENTRIES_BYTES	(MF_LEAF_BLOCKS * sizeof(u64))

/**
 * struct branch - a node that is no leaf
 * @nodes: those below
 * @plain: where those are leaves: see struct mf_ledger_near
 */
struct branch {
	void *nodes[BRANCH_NODES];
	u64 *plain[BRANCH_NODES];
};

/* How many bits of a block's number are told apart below a node of @level. */
static u32 shift_of(u32 level)
{
	return level ? MF_LEAF_SHIFT + (level - 1) * BRANCH_SHIFT : 0;
}

/* A leaf that has nothing, as a node. */
static void *make_packed(struct mf_stay *s)
{
	u8 *packed = mf_ledger_take(s, PACKED_BYTES);

	return packed ? packed + MF_NODE_PACKED : NULL;
}

static struct mf_ledger_leaf *make_leaf(struct mf_stay *s)
{
	struct mf_ledger_leaf *leaf = mf_ledger_take(s, sizeof(*leaf));

	if (!leaf)
		return NULL;
	leaf->entries = mf_ledger_take(s, ENTRIES_BYTES);
	if (leaf->entries)
		return leaf;
	mf_ledger_give(s, leaf, sizeof(*leaf));
	return NULL;
}

/* The first leaf, with what was the only entry. */
static void *plant(struct mf_stay *s)
{
	struct mf_ledger *l = s->ledger;
	u64 at = l->prefix & (MF_LEAF_BLOCKS - 1), whole = l->entry / MF_WHOLE_ONE;
	struct mf_ledger_leaf *leaf;
	void *node;

	if (mf_is_whole(l->entry) && whole <= MF_PACKED_MOST) {
		node = make_packed(s);
		if (!node)
			return NULL;
		mf_packed_in(node)[at] = (u8)whole;
	} else {
		leaf = make_leaf(s);
		if (!leaf)
			return NULL;
		leaf->entries[at] = l->entry;
		leaf->used = l->none.used;
		node = leaf;
	}
	l->entry = 0;
	l->none.used = 0;
	return node;
}

/* A branch, with what was the tree. */
static void *lift(struct mf_stay *s)
{
	struct mf_ledger *l = s->ledger;
	struct branch *branch = mf_ledger_take(s, sizeof(*branch));
	u64 at = l->prefix & (BRANCH_NODES - 1);

	if (!branch)
		return NULL;
	branch->nodes[at] = l->root;
	branch->plain[at] = l->plain;
	l->plain = NULL;
	return branch;
}

/* One level more: what was the tree, or the only entry, is under a new root. */
static bool grow(struct mf_stay *s)
{
	struct mf_ledger *l = s->ledger;
	void *root = l->level ? lift(s) : plant(s);

	if (!root)
		return false;
	l->root = root;
	l->prefix >>= l->level ? BRANCH_SHIFT : MF_LEAF_SHIFT;
	l->level++;
	l->near.nr = 0;
	return true;
}

/* Be at a leaf that is near. */
void mf_leaf_look(struct mf_stay *s, u64 index)
{
	void *node = s->ledger->near.nodes[index];

	s->index = index;
	s->packed = mf_packed_in(node);
	s->leaf = s->packed ? NULL : node;
}

/* Go down to the leaf of @block, which is within the tree; with @make, make the way. */
static bool descend(struct mf_stay *s, u64 block, bool make)
{
	struct mf_ledger *l = s->ledger;
	struct mf_ledger_near near = { .nodes = &l->root, .plain = &l->plain };
	void **node = &l->root;
	struct branch *branch;
	u64 index;
	u32 level;

	for (level = l->level; level > 1; level--) {
		branch = *node;
		node = &branch->nodes[(block >> shift_of(level - 1)) & (BRANCH_NODES - 1)];
		if (!*node && make)
			*node = level > 2 ? mf_ledger_take(s, sizeof(*branch)) : make_packed(s);
		if (!*node)
			return false;
		near.nodes = branch->nodes;
		near.plain = branch->plain;
	}
	index = (u64)(node - near.nodes);
	if (level) {
		near.first = (block >> MF_LEAF_SHIFT) - index;
		near.nr = l->level > 1 ? BRANCH_NODES : 1;
	}
	l->near = near;
	mf_leaf_look(s, index);
	if (!level)
		s->leaf = &l->none;
	return true;
}

static bool covers(const struct mf_ledger *l, u64 block)
{
	return block >> shift_of(l->level) == l->prefix;
}

/* Be at the leaf of a block. False: there is nothing. */
bool mf_leaf_find(struct mf_stay *s, u64 block)
{
	return covers(s->ledger, block) && descend(s, block, false);
}

/* The same, but one is made if need be. False: without memory. */
bool mf_leaf_make(struct mf_stay *s, u64 block)
{
	struct mf_ledger *l = s->ledger;

	if (!l->level && !l->entry)
		l->prefix = block;
	while (!covers(l, block)) {
		if (!grow(s))
			return false;
	}
	return descend(s, block, true);
}

/* See to it that the leaf looked at last is not packed. False: without memory. */
bool mf_leaf_unpack(struct mf_stay *s)
{
	struct mf_ledger_leaf *leaf;
	u32 i;

	if (s->leaf)
		return true;
	leaf = make_leaf(s);
	if (!leaf)
		return false;
	for (i = 0; i < MF_LEAF_BLOCKS; i++) {
		if (!s->packed[i])
			continue;
		leaf->entries[i] = s->packed[i] * MF_WHOLE_ONE | MF_TAG_WHOLE;
		leaf->used++;
	}
	mf_ledger_give(s, s->packed, PACKED_BYTES);
	s->ledger->near.nodes[s->index] = leaf;
	mf_leaf_look(s, s->index);
	return true;
}

/* The entry of a block that is in a leaf, and the leaf has bits: all made if need be; or NULL. */
u64 *mf_block_make_bits(struct mf_stay *s, u64 block)
{
	if (!s->ledger->level && !grow(s))
		return NULL;
	if (!mf_leaf_make(s, block) || !mf_leaf_unpack(s))
		return NULL;
	if (!s->leaf->bits) {
		s->leaf->bits = mf_ledger_take(s, MF_LEAF_PAGES / 8);
		mf_leaf_changed(s);
	}
	return s->leaf->bits ? mf_entry_of(s, block) : NULL;
}

static void free_leaf(struct mf_stay *s, void *node)
{
	u8 *packed = mf_packed_in(node);
	struct mf_ledger_leaf *leaf = node;

	if (packed) {
		mf_ledger_give(s, packed, PACKED_BYTES);
	} else if (leaf) {
		mf_ledger_give(s, leaf->bits, MF_LEAF_PAGES / 8);
		mf_ledger_give(s, leaf->entries, ENTRIES_BYTES);
		mf_ledger_give(s, leaf, sizeof(*leaf));
	}
}

/* At most six levels: that is enough for every number of a block that a run can name. */
static void free_node(struct mf_stay *s, void *node, u32 level)
{
	struct branch *branch = node;
	u32 i;

	if (level <= 1) {
		free_leaf(s, node);
		return;
	}
	for (i = 0; branch && i < BRANCH_NODES; i++)
		free_node(s, branch->nodes[i], level - 1);
	mf_ledger_give(s, branch, sizeof(*branch));
}

/* Nothing is counted any more: free the tree. */
void mf_blocks_end(struct mf_host *host, struct mf_ledger *l)
{
	struct mf_stay s = { .host = host, .ledger = l };

	free_node(&s, l->root, l->level);
	l->root = NULL;
	l->plain = NULL;
	l->level = 0;
	l->prefix = 0;
	l->near.nr = 0;
}
