/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * An ordered map of IOVA ranges that do not overlap. See ranges.c.
 */
#ifndef MF_RANGES_H
#define MF_RANGES_H

#include "types.h"

/**
 * struct mf_range - a range in the map; embed it
 * @parent: the map's own, like @child and @height
 * @child: the subtrees below and above
 * @height: of the subtree; a leaf's is 1
 * @span: its IOVAs; not to be changed while it is in a map
 */
struct mf_range {
	struct mf_range *parent;
	struct mf_range *child[2];
	u32 height;
	struct mf_span span;
};

struct mf_ranges {
	struct mf_range *root;
};

/* Where a range would go: found by mf_ranges_slot(), used by mf_ranges_link(). */
struct mf_range_slot {
	struct mf_range *parent;
	u32 side;
};

struct mf_range *mf_ranges_slot(const struct mf_ranges *t, struct mf_span span,
				struct mf_range_slot *slot);
void mf_ranges_link(struct mf_ranges *t, struct mf_range *r, struct mf_range_slot slot);
void mf_ranges_remove(struct mf_ranges *t, struct mf_range *r);
struct mf_range *mf_ranges_from(const struct mf_ranges *t, u64 iova);
struct mf_range *mf_ranges_next(const struct mf_range *r);

#endif /* MF_RANGES_H */
