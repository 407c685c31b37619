// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * AMD-Vi's host page tables as a driver writes them.
 *
 * Source: AMD IOMMU specification, 2.2.2.1 (device table entry), 2.2.3 (I/O
 * page tables).
 *
 * A page may have any power of two of 4 KiB. One that is as large as what an
 * entry of its level covers has next level 0; any other has next level 7, its
 * size in the low bits of its address, and stands in as many entries as it
 * covers, each the same.
 *
 * FC makes the unit force coherency, whatever a request asks for. The
 * specification knows no unit without it, so all units of this format enforce.
 */
#include "user/models/amdvi/internal.h"
#include "user/models/radix.h"

/* 2.2.3: page directory and page table entries */
#define ENTRY_PRESENT		(1ull << 0)
#define ENTRY_NEXT_LEVEL	9
#define ENTRY_FORCE_COHERENT	(1ull << 60)
#define ENTRY_READ		(1ull << 61)
#define ENTRY_WRITE		(1ull << 62)

#define NEXT_LEVEL(entry)	((entry) >> ENTRY_NEXT_LEVEL & 7)
#define SIZE_IN_ADDRESS		7ull

/* 2.2.2.1: device table entry */
#define DEVICE_VALID		(1ull << 0)
#define DEVICE_TRANSLATES	(1ull << 1)
#define DEVICE_MODE		9
#define DEVICE_READ		(1ull << 61)
#define DEVICE_WRITE		(1ull << 62)
#define DEVICE_DOMAIN		1ull		/* in the second word */

#define ADDRESS			(((1ull << 52) - 1) & ~0xfffull)
#define AMDVI_SIZES		(((1ull << 48) - 1) & ~0xfffull)

const char *mf_amdvi_possible(const struct mf_model_config *config)
{
	if (!(config->pgsizes & 1ull << 12) || config->pgsizes & ~AMDVI_SIZES)
		return "AMD-Vi maps pages of 4 KiB, and may map any power of two to 128 TiB";
	if (!mf_aperture_whole(config) || mf_aperture_width(config) < 21)
		return "AMD-Vi translates all IOVAs of 21 to 64 bits";
	if (config->output_bits && (config->output_bits < 39 || config->output_bits > 52))
		return "an AMD-Vi unit here has physical addresses of 39 to 52 bits";
	if (!config->enforces)
		return "every AMD-Vi unit enforces cache coherency (FC)";
	return NULL;
}

static u32 level_shift(u32 level)
{
	return 12 + 9 * (level - 1);
}

static u64 pointer(u32 level, u64 address)
{
	return address | (u64)(level - 1) << ENTRY_NEXT_LEVEL | ENTRY_PRESENT | ENTRY_READ |
	       ENTRY_WRITE;
}

static u64 leaf(const struct mf_io_table *table, u32 level, u64 pfn, u32 shift, u32 prot)
{
	u32 bits = table->config->output_bits ? table->config->output_bits : 52;
	u64 address = pfn << 12, entry;

	if (!prot || pfn >> (bits - 12))
		return 0;
	entry = ENTRY_PRESENT | (table->coherent ? ENTRY_FORCE_COHERENT : 0) |
		(prot & MF_READ ? ENTRY_READ : 0) | (prot & MF_WRITE ? ENTRY_WRITE : 0);
	if (shift == level_shift(level))
		return entry | address;
	/* All entries say the whole page: the lowest bit that is 0 says how large it is. */
	address &= ~((1ull << shift) - 1);
	address |= ((1ull << (shift - 1)) - 1) & ~0xfffull;
	return entry | address | SIZE_IN_ADDRESS << ENTRY_NEXT_LEVEL;
}

static u64 target(u32 level, u64 entry)
{
	if (level == 1 || NEXT_LEVEL(entry) == 0 || NEXT_LEVEL(entry) == SIZE_IN_ADDRESS)
		return 0;
	return entry & ADDRESS;
}

static u32 leaf_shift(const struct mf_io_table *table, u32 level, u64 entry)
{
	u32 shift = 13;

	(void)table;
	if (NEXT_LEVEL(entry) != SIZE_IN_ADDRESS)
		return level_shift(level);
	while (entry & 1ull << (shift - 1))
		shift++;
	return shift;
}

static const struct mf_radix_ops ops = {
	.pointer = pointer,
	.leaf = leaf,
	.target = target,
	.leaf_shift = leaf_shift,
};

int mf_amdvi_create(struct mf_io_table *table)
{
	u32 width = mf_aperture_width(table->config);
	/* A page that fills the aperture needs the level that has it. */
	bool fills = width < 64 && table->config->pgsizes & 1ull << width;
	int err = mf_radix_create(table, &ops, 12, width + fills);
	const struct mf_radix *r = table->own;

	err = err ? err : mf_radix_alloc_root(table);
	if (err)
		return err;
	table->descriptor[0] = r->root | DEVICE_VALID | DEVICE_TRANSLATES |
			       (u64)r->levels << DEVICE_MODE | DEVICE_READ | DEVICE_WRITE;
	table->descriptor[1] = DEVICE_DOMAIN;
	return 0;
}

const struct mf_format mf_format_amdvi = {
	.name = "amdvi",
	.title = "AMD-Vi, host page tables",
	.kind = 2ull << 32,
	.possible = mf_amdvi_possible,
	.create = mf_amdvi_create,
	.destroy = mf_radix_destroy,
	.map = mf_radix_map,
	.unmap = mf_radix_unmap,
	.walk = mf_amdvi_walk,
	.describe = mf_amdvi_describe,
};
