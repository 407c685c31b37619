/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The window: which IOVAs are valid. See window.c.
 */
#ifndef MF_WINDOW_H
#define MF_WINDOW_H

#include "host.h"

/**
 * struct mf_regions - the reserved regions of one group
 * @list: the regions
 * @nr: how many
 * @max: how many fit
 */
struct mf_regions {
	struct mf_region *list;
	u32 nr;
	u32 max;
};

/**
 * struct mf_window - ranges of valid IOVAs, in order, not overlapping
 * @spans: the ranges
 * @nr: how many
 * @max: how many fit
 */
struct mf_window {
	struct mf_span *spans;
	u32 nr;
	u32 max;
};

int mf_regions_load(struct mf_host *host, struct mf_host_group *group, struct mf_regions *regions);
void mf_regions_fini(struct mf_host *host, struct mf_regions *regions);
const struct mf_region *mf_regions_conflict(const struct mf_regions *regions, struct mf_span span);
bool mf_regions_msi(const struct mf_regions *regions, u64 *base);

int mf_window_init(struct mf_host *host, struct mf_window *w, u32 regions);
void mf_window_fini(struct mf_host *host, struct mf_window *w);
void mf_window_reset(struct mf_window *w);
void mf_window_start(struct mf_window *w, struct mf_span aperture);
void mf_window_subtract(struct mf_window *w, const struct mf_regions *regions);
bool mf_window_contains(const struct mf_window *w, struct mf_span span);

#endif /* MF_WINDOW_H */
