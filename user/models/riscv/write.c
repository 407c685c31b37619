// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The driver's half of the RISC-V format: makes a device context and G-stage
 * page tables (IOMMU specification 2.1.3; Privileged Architecture, "Guest
 * Physical Address Translation").
 *
 * Tables have 512 entries, and the root, as two more bits are translated, four
 * times as many in 16 KiB. Levels are counted as the specification's i: 0 is the
 * lowest.
 *
 * Invariant: every table but the root has an entry that is not 0.
 */
#include <stdlib.h>

#include "user/models/riscv/riscv.h"
#include "user/models/riscv/walk.h"

#define TC_V		1ull
#define HGATP_GSCID	44
#define HGATP_MODE	60
#define GSCID_MASK	0xffffull

#define PTE_V		(1ull << 0)
#define PTE_R		(1ull << 1)
#define PTE_W		(1ull << 2)
#define PTE_LEAF	(7ull << 1)	/* R, W and X: a pointer has none */
#define PTE_U		(1ull << 4)	/* every G-stage access is a user's */
#define PTE_A		(1ull << 6)
#define PTE_D		(1ull << 7)
#define PTE_PPN		10
#define PTE_N		(1ull << 63)
#define PPN_MASK	((1ull << 44) - 1)

#define INDEX_BITS	9
#define ROOT_SHIFT	14
#define NAPOT_SHIFT	16
#define NAPOT_ENTRIES	16
#define NAPOT_CODE	8	/* in the low bits of the PPN: 64 KiB */
#define MAX_LEVELS	5

struct own {
	u64 root;
	u32 levels;
	u32 output_bits;
};

static u32 output_of(const struct mf_model_config *config)
{
	return config->output_bits ? config->output_bits : 52;
}

/* How many levels the tables of an aperture have; 0: there is no such mode. */
static u32 levels_of(const struct mf_model_config *config)
{
	u32 levels;

	for (levels = 3; levels <= MAX_LEVELS; levels++) {
		if (config->aperture.last == (4ull << (MF_PAGE_SHIFT + INDEX_BITS * levels)) - 1)
			return levels;
	}
	return 0;
}

static u32 level_shift(u32 level)
{
	return MF_PAGE_SHIFT + INDEX_BITS * level;
}

static const char *riscv_possible(const struct mf_model_config *config)
{
	u64 sizes = 1ull << NAPOT_SHIFT;
	u32 level, levels = levels_of(config);

	if (config->aperture.first || !levels)
		return "a RISC-V IOMMU translates all addresses of 41, 50 or 59 bits";
	for (level = 0; level < levels; level++)
		sizes |= 1ull << level_shift(level);
	if (!(config->pgsizes & MF_PAGE_SIZE))
		return "a RISC-V IOMMU has pages of 4 KiB";
	if (config->pgsizes & ~sizes)
		return "a RISC-V IOMMU has no such page size in this mode";
	if (output_of(config) > 56)
		return "a RISC-V IOMMU's physical addresses have 56 bits at most";
	if (output_of(config) < 40)
		return "the unit's tables would lie beyond its physical addresses";
	if (config->enforces)
		return "a RISC-V IOMMU has nothing to enforce cache coherency with";
	return NULL;
}

static int riscv_create(struct mf_io_table *table)
{
	struct own *own = calloc(1, sizeof(*own));

	if (!own)
		return -ENOMEM;
	own->levels = levels_of(table->config);
	own->output_bits = output_of(table->config);
	own->root = mf_pool_get(table->pool, ROOT_SHIFT);
	if (!own->root) {
		free(own);
		return -ENOMEM;
	}
	table->own = own;

	memset(table->descriptor, 0, sizeof(table->descriptor));
	table->descriptor[0] = TC_V;
	/* Modes are 8, 9 and 10. Any GSCID will do that no other domain has. */
	table->descriptor[1] = own->root >> MF_PAGE_SHIFT |
			       (own->root >> ROOT_SHIFT & GSCID_MASK) << HGATP_GSCID |
			       (own->levels + 5ull) << HGATP_MODE;
	return 0;
}

static u64 read_entry(const struct mf_io_table *table, u64 address)
{
	u64 word = 0;

	mf_pool_read(table->pool, address, &word);
	return word;
}

static u64 child_of(u64 entry)
{
	return (entry >> PTE_PPN & PPN_MASK) << MF_PAGE_SHIFT;
}

static u32 entries_of(const struct own *own, u32 level)
{
	return level == own->levels - 1 ? 4u << INDEX_BITS : 1u << INDEX_BITS;
}

static u64 slot_of(const struct own *own, u64 node, u32 level, u64 iova)
{
	return node + (iova >> level_shift(level) & (entries_of(own, level) - 1)) * 8;
}

static void free_below(struct mf_io_table *table, u64 node, u32 level)
{
	u32 i;

	for (i = 0; level && i < entries_of(table->own, level); i++) {
		u64 entry = read_entry(table, node + i * 8);

		if (entry && !(entry & PTE_LEAF)) {
			free_below(table, child_of(entry), level - 1);
			mf_pool_put(table->pool, child_of(entry), MF_PAGE_SHIFT);
		}
	}
}

static void riscv_destroy(struct mf_io_table *table)
{
	struct own *own = table->own;

	free_below(table, own->root, own->levels - 1);
	mf_pool_put(table->pool, own->root, ROOT_SHIFT);
	free(own);
	table->own = NULL;
}

/* Is all of a table 0? What follows @slot is looked at first: unmapping goes upwards. */
static bool is_empty(const struct mf_io_table *table, u64 node, u64 slot)
{
	u64 i, first = (slot - node) / 8;

	for (i = 0; i < 1u << INDEX_BITS; i++) {
		if (read_entry(table, node + ((first + i) & ((1u << INDEX_BITS) - 1)) * 8))
			return false;
	}
	return true;
}

/* Free the tables on the way to @iova that have become empty, or were never filled. */
static void prune(struct mf_io_table *table, u64 iova)
{
	const struct own *own = table->own;
	u32 level, top = own->levels - 1;
	u64 nodes[MAX_LEVELS];

	nodes[top] = own->root;
	for (level = top; level; level--) {
		u64 entry = read_entry(table, slot_of(own, nodes[level], level, iova));

		if (!entry || entry & PTE_LEAF)
			break;
		nodes[level - 1] = child_of(entry);
	}
	for (; level < top; level++) {
		if (!is_empty(table, nodes[level], slot_of(own, nodes[level], level, iova)))
			return;
		mf_pool_put(table->pool, nodes[level], MF_PAGE_SHIFT);
		mf_pool_write(table->pool, slot_of(own, nodes[level + 1], level + 1, iova), 0);
	}
}

/* The table at @level on the way to @iova, made if need be. */
static int make_node(struct mf_io_table *table, u64 iova, u32 level, u64 *node)
{
	const struct own *own = table->own;
	u32 at;

	*node = own->root;
	for (at = own->levels - 1; at > level; at--) {
		u64 slot = slot_of(own, *node, at, iova), entry = read_entry(table, slot);

		if (entry & PTE_LEAF)
			return -EADDRINUSE;
		if (entry) {
			*node = child_of(entry);
			continue;
		}
		*node = mf_pool_get(table->pool, MF_PAGE_SHIFT);
		if (!*node)
			return -ENOMEM;
		mf_pool_write(table->pool, slot, *node >> MF_PAGE_SHIFT << PTE_PPN | PTE_V);
	}
	return 0;
}

/* A and D are set from the start: the unit, which can't, need never set them. */
static u64 make_leaf(u64 pfn, u32 prot, bool napot)
{
	u64 entry = PTE_V | PTE_R | PTE_U | PTE_A;

	if (prot & MF_WRITE)
		entry |= PTE_W | PTE_D;
	if (napot)
		entry |= PTE_N | (u64)NAPOT_CODE << PTE_PPN;
	return entry | pfn << PTE_PPN;
}

static int riscv_map(struct mf_io_table *table, u64 iova, u64 pfn, u32 shift, u32 prot)
{
	const struct own *own = table->own;
	bool napot = shift == NAPOT_SHIFT;
	u32 level = napot ? 0 : (shift - MF_PAGE_SHIFT) / INDEX_BITS;
	u32 i, n = napot ? NAPOT_ENTRIES : 1;
	u64 node, slot;
	int err;

	if (pfn >> (own->output_bits - MF_PAGE_SHIFT))
		return -EINVAL;
	/* An entry that allows nothing would be a pointer. One that allows writes allows reads. */
	if (!prot)
		return -EINVAL;

	err = make_node(table, iova, level, &node);
	slot = slot_of(own, node, level, iova);
	for (i = 0; !err && i < n; i++) {
		if (read_entry(table, slot + i * 8))
			err = -EADDRINUSE;
	}
	if (err) {
		prune(table, iova);
		return err;
	}
	for (i = 0; i < n; i++)
		mf_pool_write(table->pool, slot + i * 8, make_leaf(pfn, prot, napot));
	return 0;
}

static u64 riscv_unmap(struct mf_io_table *table, u64 iova, u64 most)
{
	const struct own *own = table->own;
	u64 node = own->root, slot, entry, bytes;
	u32 level, i, n;

	for (level = own->levels - 1;; level--) {
		slot = slot_of(own, node, level, iova);
		entry = read_entry(table, slot);
		if (!entry)
			return 0;
		if (entry & PTE_LEAF)
			break;
		node = child_of(entry);
	}
	n = entry & PTE_N ? NAPOT_ENTRIES : 1;
	bytes = (u64)n << level_shift(level);
	if (iova & (bytes - 1) || bytes > most)
		return 0;
	for (i = 0; i < n; i++)
		mf_pool_write(table->pool, slot + i * 8, 0);
	prune(table, iova);
	return bytes;
}

const struct mf_format mf_format_riscv = {
	.name = "riscv",
	.title = "RISC-V IOMMU second stage, Sv39x4 to Sv57x4",
	.kind = 4ull << 32,
	.with_write = MF_READ,
	.possible = riscv_possible,
	.create = riscv_create,
	.destroy = riscv_destroy,
	.map = riscv_map,
	.unmap = riscv_unmap,
	.walk = mf_riscv_walk,
	.describe = mf_riscv_describe,
};
