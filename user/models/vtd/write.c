// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * VT-d's second-stage tables as a driver writes them.
 *
 * Source: VT-d specification, 3.7 (second-stage translation), 9.3 (context
 * entry), 9.8 (second-stage paging entries).
 *
 * A domain whose unit can control snooping has SNP set in every leaf, if that
 * was turned on before anything was mapped: a device can then not reach memory
 * past the caches, whatever its requests ask for. To a unit that has no snoop
 * control the bit is reserved.
 */
#include "user/models/radix.h"
#include "user/models/vtd/internal.h"

/* 9.8: a paging entry */
#define SS_READ		(1ull << 0)
#define SS_WRITE	(1ull << 1)
#define SS_PAGE		(1ull << 7)	/* a leaf above the lowest level */
#define SS_SNOOP	(1ull << 11)

/* 9.3: a context entry of legacy mode */
#define CONTEXT_PRESENT	(1ull << 0)
#define CONTEXT_WIDTH	0		/* in its upper half: levels less 2 */
#define CONTEXT_DOMAIN	8		/* in its upper half */

#define VTD_SIZES	(1ull << 12 | 1ull << 21 | 1ull << 30)

const char *mf_vtd_possible(const struct mf_model_config *config)
{
	u32 width = mf_aperture_width(config);

	if (!(config->pgsizes & 1ull << 12) || config->pgsizes & ~VTD_SIZES)
		return "VT-d maps pages of 4 KiB, and may map 2 MiB and 1 GiB";
	if (!mf_aperture_whole(config) || width < 30 || width > 57)
		return "VT-d translates all IOVAs of 30 to 57 bits";
	if (config->output_bits && (config->output_bits < 39 || config->output_bits > 52))
		return "a VT-d unit here has physical addresses of 39 to 52 bits";
	return NULL;
}

static u64 pointer(u32 level, u64 address)
{
	(void)level;
	return address | SS_READ | SS_WRITE;
}

static u64 leaf(const struct mf_io_table *table, u32 level, u64 pfn, u32 shift, u32 prot)
{
	u32 bits = table->config->output_bits ? table->config->output_bits : 52;

	if (!prot || pfn >> (bits - 12) || 12 + 9 * (level - 1) != shift)
		return 0;
	return pfn << 12 | (prot & MF_READ ? SS_READ : 0) | (prot & MF_WRITE ? SS_WRITE : 0) |
	       (level > 1 ? SS_PAGE : 0) | (table->coherent ? SS_SNOOP : 0);
}

static u64 target(u32 level, u64 entry)
{
	if (level == 1 || entry & SS_PAGE)
		return 0;
	return entry & ((1ull << 52) - 1) & ~0xfffull;
}

static u32 leaf_shift(const struct mf_io_table *table, u32 level, u64 entry)
{
	(void)table;
	(void)entry;
	return 12 + 9 * (level - 1);
}

static const struct mf_radix_ops ops = {
	.pointer = pointer,
	.leaf = leaf,
	.target = target,
	.leaf_shift = leaf_shift,
};

int mf_vtd_create(struct mf_io_table *table)
{
	/* There is no table of less than 3 levels (9.3, AW). */
	u32 width = (u32)mf_max(mf_aperture_width(table->config), 39);
	int err = mf_radix_create(table, &ops, 12, width);
	const struct mf_radix *r = table->own;

	err = err ? err : mf_radix_alloc_root(table);
	if (err)
		return err;
	table->descriptor[0] = r->root | CONTEXT_PRESENT;
	table->descriptor[1] = (u64)(r->levels - 2) << CONTEXT_WIDTH | 1ull << CONTEXT_DOMAIN;
	return 0;
}

const struct mf_format mf_format_vtd = {
	.name = "vtd",
	.title = "Intel VT-d, second-stage tables",
	.kind = 1ull << 32,
	.possible = mf_vtd_possible,
	.create = mf_vtd_create,
	.destroy = mf_radix_destroy,
	.map = mf_radix_map,
	.unmap = mf_radix_unmap,
	.walk = mf_vtd_walk,
	.describe = mf_vtd_describe,
};
