// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The driver's half of the SMMUv3 format: makes a stream table entry and stage
 * 2 translation tables. Sections are those of IHI 0070 (SMMU) and DDI 0487 (Arm).
 *
 * Levels are counted as Arm does: 3 is the lowest, 0 the highest. The walk
 * begins at the lowest level whose tables, up to 16 of them one behind the
 * other (DDI 0487, D8.2: concatenated translation tables), cover the aperture.
 *
 * Invariant: every table but the root has an entry that is not 0.
 */
#include <stdlib.h>

#include "user/models/smmuv3/smmuv3.h"
#include "user/models/smmuv3/walk.h"

/* STE (5.2), by word. */
#define STE0_V			(1ull << 0)
#define STE0_CONFIG_STAGE_2	(6ull << 1)
#define STE1_S2FWB		(1ull << 25)
#define STE1_SHCFG_INCOMING	(1ull << 44)
#define STE2_VMID_MASK		0xffffull
#define STE2_T0SZ		32
#define STE2_SL0		38
#define STE2_IR0_WBRAWA		(1ull << 40)
#define STE2_OR0_WBRAWA		(1ull << 42)
#define STE2_SH0_INNER		(3ull << 44)
#define STE2_TG			46
#define STE2_PS			48
#define STE2_AA64		(1ull << 51)
#define STE2_PTW		(1ull << 54)
#define STE2_RECORD		(1ull << 58)

/* Descriptors (DDI 0487, D8.3). */
#define DESC_VALID		(1ull << 0)
#define DESC_TABLE_OR_PAGE	(1ull << 1)
#define DESC_MEMATTR		2
#define DESC_S2AP_READ		(1ull << 6)
#define DESC_S2AP_WRITE		(1ull << 7)
#define DESC_SH_INNER		(3ull << 8)
#define DESC_AF			(1ull << 10)
#define DESC_CONTIGUOUS		(1ull << 52)

/* Memory attributes: as they combine with the device's, and with S2FWB, alone. */
#define MEMATTR_WRITE_BACK	0xfull
#define MEMATTR_FWB_WRITE_BACK	0x6ull

#define LAST_LEVEL		3
#define MAX_CONCATENATED	4	/* log2 */
#define MIN_INPUT_BITS		25	/* S2T0SZ of 39 without SMMU_IDR3.STT */

/* How a unit's tables are laid out. */
struct layout {
	u32 granule;		/* log2 of bytes */
	u32 start;		/* the level of the root */
	u32 input_bits;
	u32 output_bits;	/* what S2PS says */
};

struct own {
	struct layout layout;
	u64 root;
};

static const u8 sizes[] = { 32, 36, 40, 42, 44, 48, 52 };	/* by S2PS */

static u32 level_shift(const struct layout *l, u32 level)
{
	return l->granule + (LAST_LEVEL - level) * (l->granule - 3);
}

/* Where output addresses end: only 64 KiB descriptors have room for 52 bits. */
static u32 address_bits(const struct layout *l)
{
	return l->granule != 16 && l->output_bits > 48 ? 48 : l->output_bits;
}

/* Is there a leaf at this level? */
static bool has_leaf(const struct layout *l, u32 level)
{
	switch (l->granule) {
	case 12:
		return level >= 1;
	case 14:
		return level >= 2;
	default:
		return level >= 2 || (level == 1 && l->output_bits == 52);
	}
}

/* log2 of how many entries are contiguous at this level; 0: none are. */
static u32 contiguous(const struct layout *l, u32 level)
{
	switch (l->granule) {
	case 12:
		return level >= 1 ? 4 : 0;
	case 14:
		return level == LAST_LEVEL ? 7 : level == 2 ? 5 : 0;
	default:
		return level >= 2 ? 5 : 0;
	}
}

/* The level of leaves of 2^@shift bytes, and log2 of how many entries each takes. */
static bool place_leaf(const struct layout *l, u32 shift, u32 *level, u32 *order)
{
	u32 at;

	for (at = l->start; at <= LAST_LEVEL; at++) {
		if (!has_leaf(l, at))
			continue;
		*level = at;
		*order = shift - level_shift(l, at);
		if (shift == level_shift(l, at) ||
		    (shift > level_shift(l, at) && *order == contiguous(l, at)))
			return true;
	}
	return false;
}

static bool place_all(const struct layout *l, u64 pgsizes)
{
	u32 level, order, shift;

	for (shift = 0; shift < 64; shift++) {
		if (!(pgsizes >> shift & 1))
			continue;
		if (shift > l->input_bits || !place_leaf(l, shift, &level, &order))
			return false;
	}
	return true;
}

/* Can a walk begin at this level? (DDI 0487, D8.2: VTCR_EL2.SL0) */
static bool can_start(const struct layout *l, u32 level)
{
	u32 shift = level_shift(l, level);

	if (level == (l->granule == 12 ? 3 : 0))
		return false;
	return l->input_bits > shift &&
	       l->input_bits <= shift + (l->granule - 3) + MAX_CONCATENATED;
}

/* Find out how tables of this unit are laid out. NULL, or why they can't be. */
static const char *lay_out(const struct mf_model_config *config, struct layout *l)
{
	u64 last = config->aperture.last;
	u32 i, bits, start;

	if (config->aperture.first || (last & (last + 1)) || !last)
		return "an SMMUv3 translates all addresses below a power of two";
	l->granule = config->pgsizes ? (u32)__builtin_ctzll(config->pgsizes) : 0;
	if (l->granule != 12 && l->granule != 14 && l->granule != 16)
		return "an SMMUv3's smallest page has 4, 16 or 64 KiB";
	l->output_bits = config->output_bits ? config->output_bits : 52;
	for (i = 0; i < sizeof(sizes) && sizes[i] != l->output_bits; i++)
		;
	if (i == sizeof(sizes))
		return "an SMMUv3's physical addresses have 32, 36, 40, 42, 44, 48 or 52 bits";
	if (l->output_bits < 40)
		return "the unit's tables would lie beyond its physical addresses";

	bits = 64 - (u32)__builtin_clzll(last);
	if (bits < MIN_INPUT_BITS)
		return "an SMMUv3 without small translation tables translates 25 bits or more";
	if (bits > (l->granule == 16 ? 52 : 48))
		return "an SMMUv3 translates 48 bits, or 52 with 64 KiB pages";
	if (bits > l->output_bits)
		return "an SMMUv3's IOVAs are no wider than its physical addresses";

	l->start = 0;
	l->input_bits = 64;
	if (!place_all(l, config->pgsizes))
		return "an SMMUv3 with this granule has no such page size";
	l->input_bits = bits;
	for (start = LAST_LEVEL + 1; start--;) {
		l->start = start;
		if (can_start(l, start) && place_all(l, config->pgsizes))
			return NULL;
	}
	return "the aperture is too small for a table that holds the largest page";
}

static const char *smmuv3_possible(const struct mf_model_config *config)
{
	struct layout l;

	return lay_out(config, &l);
}

static u32 root_shift(const struct layout *l)
{
	return l->input_bits - level_shift(l, l->start) + 3;
}

static u64 read_word(const struct mf_io_table *table, u64 address)
{
	u64 word = 0;

	mf_pool_read(table->pool, address, &word);
	return word;
}

/* What selects the root's level, per granule. */
static u64 start_code(const struct layout *l)
{
	return (l->granule == 12 ? 2 : 3) - l->start;
}

static u64 granule_code(const struct layout *l)
{
	return l->granule == 12 ? 0 : l->granule == 16 ? 1 : 2;
}

static u64 size_code(const struct layout *l)
{
	u64 code = 0;

	while (sizes[code] != l->output_bits)
		code++;
	return code;
}

static int smmuv3_create(struct mf_io_table *table)
{
	struct own *own = calloc(1, sizeof(*own));
	const struct layout *l;

	if (!own)
		return -ENOMEM;
	lay_out(table->config, &own->layout);
	l = &own->layout;
	own->root = mf_pool_get(table->pool, root_shift(l));
	if (!own->root) {
		free(own);
		return -ENOMEM;
	}
	table->own = own;

	memset(table->descriptor, 0, sizeof(table->descriptor));
	table->descriptor[0] = STE0_V | STE0_CONFIG_STAGE_2;
	table->descriptor[1] = STE1_SHCFG_INCOMING;
	/* Any number will do that no other domain has: a page is one's alone. */
	table->descriptor[2] = (own->root >> MF_PAGE_SHIFT & STE2_VMID_MASK) |
			       (u64)(64 - l->input_bits) << STE2_T0SZ |
			       start_code(l) << STE2_SL0 |
			       STE2_IR0_WBRAWA | STE2_OR0_WBRAWA | STE2_SH0_INNER |
			       granule_code(l) << STE2_TG | size_code(l) << STE2_PS |
			       STE2_AA64 | STE2_PTW | STE2_RECORD;
	table->descriptor[3] = own->root;	/* S2TTB: bits 51:4 in their places */
	return 0;
}

/* An address in a descriptor: with 64 KiB granules, bits 51:48 are in 15:12. */
static u64 pack_address(const struct layout *l, u64 address)
{
	if (l->granule != 16)
		return address;
	return (address & ((1ull << 48) - 1)) | address >> 48 << 12;
}

static u64 unpack_address(const struct layout *l, u64 entry)
{
	u64 address = entry & ((1ull << 48) - 1) & ~((1ull << l->granule) - 1);

	if (l->granule == 16)
		address |= (entry >> 12 & 0xf) << 48;
	return address;
}

static bool is_table(u64 entry, u32 level)
{
	return level < LAST_LEVEL && (entry & DESC_TABLE_OR_PAGE);
}

static u64 entries_of(const struct layout *l, u32 level)
{
	return 1ull << (level == l->start ? root_shift(l) - 3 : l->granule - 3);
}

static u64 slot_of(const struct layout *l, u64 node, u32 level, u64 iova)
{
	return node + (iova >> level_shift(l, level) & (entries_of(l, level) - 1)) * 8;
}

static void free_below(struct mf_io_table *table, u64 node, u32 level)
{
	const struct layout *l = &((struct own *)table->own)->layout;
	u64 i;

	for (i = 0; level < LAST_LEVEL && i < entries_of(l, level); i++) {
		u64 entry = read_word(table, node + i * 8);

		if (entry && is_table(entry, level)) {
			free_below(table, unpack_address(l, entry), level + 1);
			mf_pool_put(table->pool, unpack_address(l, entry), l->granule);
		}
	}
}

static void smmuv3_destroy(struct mf_io_table *table)
{
	struct own *own = table->own;

	free_below(table, own->root, own->layout.start);
	mf_pool_put(table->pool, own->root, root_shift(&own->layout));
	free(own);
	table->own = NULL;
}

/* Is all of this table 0? What follows @slot is looked at first: unmapping goes upwards. */
static bool is_empty(const struct mf_io_table *table, u64 node, u64 slot, u64 entries)
{
	u64 i, first = (slot - node) / 8;

	for (i = 0; i < entries; i++) {
		if (read_word(table, node + (first + i) % entries * 8))
			return false;
	}
	return true;
}

/* Free the tables on the way to @iova that have become empty, or were never filled. */
static void prune(struct mf_io_table *table, u64 iova)
{
	struct own *own = table->own;
	const struct layout *l = &own->layout;
	u64 nodes[LAST_LEVEL + 1], entry;
	u32 level = l->start;

	nodes[level] = own->root;
	while (level < LAST_LEVEL) {
		entry = read_word(table, slot_of(l, nodes[level], level, iova));
		if (!entry || !is_table(entry, level))
			break;
		nodes[++level] = unpack_address(l, entry);
	}
	for (; level > l->start; level--) {
		if (!is_empty(table, nodes[level], slot_of(l, nodes[level], level, iova),
			      entries_of(l, level)))
			return;
		mf_pool_put(table->pool, nodes[level], l->granule);
		mf_pool_write(table->pool, slot_of(l, nodes[level - 1], level - 1, iova), 0);
	}
}

/* The table at @level on the way to @iova, made if need be. */
static int make_node(struct mf_io_table *table, u64 iova, u32 level, u64 *node)
{
	struct own *own = table->own;
	const struct layout *l = &own->layout;
	u32 at;

	*node = own->root;
	for (at = l->start; at < level; at++) {
		u64 slot = slot_of(l, *node, at, iova), entry = read_word(table, slot);

		if (entry && !is_table(entry, at))
			return -EADDRINUSE;
		if (entry) {
			*node = unpack_address(l, entry);
			continue;
		}
		*node = mf_pool_get(table->pool, l->granule);
		if (!*node)
			return -ENOMEM;
		mf_pool_write(table->pool, slot,
			      pack_address(l, *node) | DESC_TABLE_OR_PAGE | DESC_VALID);
	}
	return 0;
}

static u64 make_leaf(const struct mf_io_table *table, u32 level, u32 order, u32 prot)
{
	u64 entry = DESC_VALID | DESC_AF | DESC_SH_INNER;

	entry |= (table->coherent ? MEMATTR_FWB_WRITE_BACK : MEMATTR_WRITE_BACK) << DESC_MEMATTR;
	if (level == LAST_LEVEL)
		entry |= DESC_TABLE_OR_PAGE;
	if (order)
		entry |= DESC_CONTIGUOUS;
	if (prot & MF_READ)
		entry |= DESC_S2AP_READ;
	if (prot & MF_WRITE)
		entry |= DESC_S2AP_WRITE;
	return entry;
}

static int smmuv3_map(struct mf_io_table *table, u64 iova, u64 pfn, u32 shift, u32 prot)
{
	struct own *own = table->own;
	const struct layout *l = &own->layout;
	u64 address = pfn << MF_PAGE_SHIFT, node, slot, i;
	u32 level, order;
	int err;

	if (pfn >> (address_bits(l) - MF_PAGE_SHIFT))
		return -EINVAL;
	if (!place_leaf(l, shift, &level, &order))
		return -EINVAL;
	/* Settled by now, and nothing is mapped that would change its meaning. */
	if (table->coherent)
		table->descriptor[1] |= STE1_S2FWB;

	err = make_node(table, iova, level, &node);
	slot = slot_of(l, node, level, iova);
	for (i = 0; !err && i < 1ull << order; i++) {
		if (read_word(table, slot + i * 8))
			err = -EADDRINUSE;
	}
	if (err) {
		prune(table, iova);
		return err;
	}
	for (i = 0; i < 1ull << order; i++) {
		mf_pool_write(table->pool, slot + i * 8,
			      make_leaf(table, level, order, prot) |
			      pack_address(l, address + (i << level_shift(l, level))));
	}
	return 0;
}

static u64 smmuv3_unmap(struct mf_io_table *table, u64 iova, u64 most)
{
	struct own *own = table->own;
	const struct layout *l = &own->layout;
	u64 node = own->root, slot, entry, bytes, i;
	u32 level = l->start, order;

	for (;; level++) {
		slot = slot_of(l, node, level, iova);
		entry = read_word(table, slot);
		if (!entry)
			return 0;
		if (!is_table(entry, level))
			break;
		node = unpack_address(l, entry);
	}
	order = entry & DESC_CONTIGUOUS ? contiguous(l, level) : 0;
	bytes = 1ull << (level_shift(l, level) + order);
	if (iova & (bytes - 1) || bytes > most)
		return 0;
	for (i = 0; i < 1ull << order; i++)
		mf_pool_write(table->pool, slot + i * 8, 0);
	prune(table, iova);
	return bytes;
}

const struct mf_format mf_format_smmuv3 = {
	.name = "smmuv3",
	.title = "Arm SMMUv3 stage 2, VMSAv8-64",
	.kind = 3ull << 32,
	.possible = smmuv3_possible,
	.create = smmuv3_create,
	.destroy = smmuv3_destroy,
	.map = smmuv3_map,
	.unmap = smmuv3_unmap,
	.walk = mf_smmuv3_walk,
	.describe = mf_smmuv3_describe,
};
