// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A radix tree of 512 entries a level over all 2^64 IOVAs, as hardware has it.
 *
 * A leaf may have any power of two of pages. It sits in the level whose
 * entries are just not larger than it, in as many consecutive entries as it
 * needs; each says the leaf's size, so that any of them leads to all (Arm's
 * contiguous hint works like this). Nodes go when their last entry does.
 *
 * Invariant: "used" of a node is the number of its entries that are not 0.
 */
#include <stdlib.h>

#include "user/models/table.h"

#define LEVEL_BITS	9
#define ENTRIES		(1u << LEVEL_BITS)
#define LEVELS		6	/* 12 + 6 * 9 bits are more than 64 */

/* An entry: 0, a node's address, or a leaf: pfn << 12 | shift << 4 | prot << 1 | 1. */
#define ENTRY_LEAF	1ull
#define ENTRY_PROT	1
#define ENTRY_SHIFT	4
#define ENTRY_PFN	12

struct mf_table_node {
	u64 used;
	u64 entries[ENTRIES];
};

static u32 level_shift(u32 level)
{
	return MF_PAGE_SHIFT + LEVEL_BITS * level;
}

/* The level that a leaf of 2^shift bytes sits in. */
static u32 leaf_level(u32 shift)
{
	return (shift - MF_PAGE_SHIFT) / LEVEL_BITS;
}

static u32 leaf_entries(u32 shift)
{
	return 1u << (shift - level_shift(leaf_level(shift)));
}

static u32 index_at(u64 iova, u32 level)
{
	return (u32)(iova >> level_shift(level)) & (ENTRIES - 1);
}

static struct mf_table_node *child(u64 entry)
{
	return (struct mf_table_node *)(uintptr_t)entry;
}

static u64 make_entry(const struct mf_leaf *leaf)
{
	return leaf->pfn << ENTRY_PFN | (u64)leaf->shift << ENTRY_SHIFT |
	       (u64)leaf->prot << ENTRY_PROT | ENTRY_LEAF;
}

static void read_entry(u64 entry, u64 iova, struct mf_leaf *leaf)
{
	leaf->shift = entry >> ENTRY_SHIFT & 0xff;
	leaf->prot = entry >> ENTRY_PROT & (MF_READ | MF_WRITE);
	leaf->pfn = entry >> ENTRY_PFN;
	leaf->iova = iova >> leaf->shift << leaf->shift;
}

/* Free the nodes on the way to @iova that have become empty. */
static void prune(struct mf_table *t, u64 iova)
{
	struct mf_table_node *path[LEVELS];
	u32 level = LEVELS - 1;

	path[level] = t->root;
	while (level && path[level]) {
		u64 entry = path[level]->entries[index_at(iova, level)];

		path[level - 1] = entry & ENTRY_LEAF ? NULL : child(entry);
		level--;
	}
	for (; level < LEVELS; level++) {
		if (!path[level])
			continue;
		if (path[level]->used)
			return;
		free(path[level]);
		if (level == LEVELS - 1) {
			t->root = NULL;
			return;
		}
		path[level + 1]->entries[index_at(iova, level + 1)] = 0;
		path[level + 1]->used--;
	}
}

/* The node at @level on the way to @iova, made if need be. */
static int make_node(struct mf_table *t, u64 iova, u32 level, struct mf_table_node **out)
{
	struct mf_table_node *node;
	u32 at = LEVELS - 1;
	u64 *entry;

	if (!t->root)
		t->root = calloc(1, sizeof(*t->root));
	for (node = t->root; node && at > level; at--) {
		entry = &node->entries[index_at(iova, at)];
		if (*entry & ENTRY_LEAF)
			return -EADDRINUSE;
		if (!*entry) {
			*entry = (uintptr_t)calloc(1, sizeof(*node));
			node->used += !!*entry;
		}
		node = child(*entry);
	}
	*out = node;
	return node ? 0 : -ENOMEM;
}

/**
 * mf_table_map() - put a leaf into the table
 * @t: the table
 * @leaf: the leaf; its IOVA is a multiple of its size
 *
 * Return: 0; -EADDRINUSE when something is mapped there; or -ENOMEM.
 */
int mf_table_map(struct mf_table *t, const struct mf_leaf *leaf)
{
	u32 level = leaf_level(leaf->shift), n = leaf_entries(leaf->shift), first, i;
	struct mf_table_node *node;
	int err = make_node(t, leaf->iova, level, &node);

	first = index_at(leaf->iova, level);
	for (i = 0; !err && i < n; i++) {
		if (node->entries[first + i])
			err = -EADDRINUSE;
	}
	if (err) {
		prune(t, leaf->iova);
		return err;
	}
	for (i = 0; i < n; i++)
		node->entries[first + i] = make_entry(leaf);
	node->used += n;
	return 0;
}

/**
 * mf_table_find() - the leaf that translates an IOVA
 * @t: the table
 * @iova: the IOVA
 * @leaf: is set to it; or, when there is none, its @iova and @shift to a range
 *	around the IOVA that holds nothing
 *
 * Return: is there one?
 */
bool mf_table_find(const struct mf_table *t, u64 iova, struct mf_leaf *leaf)
{
	const struct mf_table_node *node = t->root;
	u32 level = LEVELS;
	u64 entry;

	while (level--) {
		entry = node ? node->entries[index_at(iova, level)] : 0;

		if (entry & ENTRY_LEAF) {
			read_entry(entry, iova, leaf);
			return true;
		}
		if (!entry)
			break;
		node = child(entry);
	}
	leaf->shift = level_shift(level);
	leaf->iova = iova >> leaf->shift << leaf->shift;
	return false;
}

/**
 * mf_table_unmap() - take out a leaf that mf_table_find() found
 */
void mf_table_unmap(struct mf_table *t, const struct mf_leaf *leaf)
{
	u32 level = leaf_level(leaf->shift), n = leaf_entries(leaf->shift), first, at;
	struct mf_table_node *node = t->root;

	for (at = LEVELS - 1; at > level; at--)
		node = child(node->entries[index_at(leaf->iova, at)]);
	first = index_at(leaf->iova, level);
	memset(&node->entries[first], 0, n * sizeof(node->entries[0]));
	node->used -= n;
	prune(t, leaf->iova);
}

static void free_node(struct mf_table_node *node, u32 level)
{
	u32 i;

	for (i = 0; level && i < ENTRIES; i++) {
		if (node->entries[i] && !(node->entries[i] & ENTRY_LEAF))
			free_node(child(node->entries[i]), level - 1);
	}
	free(node);
}

/**
 * mf_table_free() - free a table with all that it maps
 */
void mf_table_free(struct mf_table *t)
{
	if (t->root)
		free_node(t->root, LEVELS - 1);
	t->root = NULL;
}
