/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A modelled IOMMU whose features one chooses.
 */
#ifndef MF_USER_SIMPLE_H
#define MF_USER_SIMPLE_H

#include "user/models/iotlb.h"
#include "user/models/unit.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct mf_simple_config - what a simple unit is
 * @kind: which driver and table format it stands for
 * @pgsizes: bitmap of the page sizes it maps, in bytes
 * @aperture: what it can translate
 * @enforces: it can enforce cache coherency
 * @caching: it remembers that nothing was mapped until told to look again
 */
struct mf_simple_config {
	u64 kind;
	u64 pgsizes;
	struct mf_span aperture;
	bool enforces;
	bool caching;
};

/**
 * struct mf_simple_faults - how a simple unit misbehaves
 * @map_in: the so-manieth map from now on fails with @map_error; 0: none
 * @map_error: the negative errno
 * @short_unmaps: so many unmaps from now on stop early,
 * @short_bytes: after so many bytes at most
 * @refuse: domains of other units' groups are refused, and the other way round
 */
struct mf_simple_faults {
	u32 map_in;
	int map_error;
	u32 short_unmaps;
	u64 short_bytes;
	bool refuse;
};

/**
 * struct mf_simple - a simple unit; see mf_simple_init()
 * @unit: what groups refer to
 * @config: what it is; not to be changed
 * @faults: how it misbehaves; change it while the engine is at rest
 * @iotlb: what it remembers; the host's units lock guards it
 */
struct mf_simple {
	struct mf_unit unit;
	struct mf_simple_config config;
	struct mf_simple_faults faults;
	struct mf_iotlb iotlb;
};

void mf_simple_init(struct mf_simple *simple, struct mf_user_host *host,
		    const struct mf_simple_config *config);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_SIMPLE_H */
