/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the writers of all hardware formats share: a radix tree in a pool.
 */
#ifndef MF_USER_RADIX_H
#define MF_USER_RADIX_H

#include "user/models/format.h"

#define MF_RADIX_LEVELS 6

/**
 * struct mf_radix_ops - how a format writes entries; none of them may be 0
 * @pointer: an entry of @level that leads to the table at @address
 * @leaf: an entry of @level that is, or is one of several that are, a leaf of
 *	2^@shift bytes which begins at page @pfn. 0: the format can't say this
 * @target: the address of the table that an entry leads to, 0: it is a leaf
 * @leaf_shift: log2 of the bytes of the leaf that an entry is, or is part of
 */
struct mf_radix_ops {
	u64 (*pointer)(u32 level, u64 address);
	u64 (*leaf)(const struct mf_io_table *table, u32 level, u64 pfn, u32 shift, u32 prot);
	u64 (*target)(u32 level, u64 entry);
	u32 (*leaf_shift)(const struct mf_io_table *table, u32 level, u64 entry);
};

/**
 * struct mf_radix - the tree of a domain; what @own of its struct mf_io_table is
 * @ops: how entries are written
 * @levels: how many; the root is at this level, and 1 is the lowest
 * @shift: log2 of the bytes that an entry covers, by level
 * @bits: log2 of the entries of a table, by level
 * @root: its address
 */
struct mf_radix {
	const struct mf_radix_ops *ops;
	u32 levels;
	u32 shift[MF_RADIX_LEVELS + 2];
	u32 bits[MF_RADIX_LEVELS + 1];
	u64 root;
};

int mf_radix_create(struct mf_io_table *table, const struct mf_radix_ops *ops, u32 granule,
		    u32 width);
void mf_radix_widen_root(struct mf_radix *radix, u32 bits);
int mf_radix_alloc_root(struct mf_io_table *table);
void mf_radix_destroy(struct mf_io_table *table);
int mf_radix_map(struct mf_io_table *table, u64 iova, u64 pfn, u32 shift, u32 prot);
u64 mf_radix_unmap(struct mf_io_table *table, u64 iova, u64 most);

/* How many bits an aperture that begins at 0 has. */
static inline u32 mf_aperture_width(const struct mf_model_config *config)
{
	return config->aperture.last ? 64 - (u32)__builtin_clzll(config->aperture.last) : 0;
}

/* Is it 0 to 2^width - 1? */
static inline bool mf_aperture_whole(const struct mf_model_config *config)
{
	return !config->aperture.first && !(config->aperture.last & (config->aperture.last + 1)) &&
	       config->aperture.last;
}

/* The aligned range of 2^shift bytes around an IOVA. */
static inline struct mf_span mf_span_around(u64 iova, u32 shift)
{
	u64 mask = shift < 64 ? (1ull << shift) - 1 : ~0ull;

	return (struct mf_span){ iova & ~mask, iova | mask };
}

#endif /* MF_USER_RADIX_H */
