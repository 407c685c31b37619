/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A modelled IOMMU unit: a page-table format, an IOTLB, and faults on request.
 */
#ifndef MF_USER_MODEL_H
#define MF_USER_MODEL_H

#include "user/models/format.h"
#include "user/models/iotlb.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct mf_model_faults - how a modelled unit misbehaves
 * @map_in: the so-manieth map from now on fails with @map_error; 0: none
 * @map_error: the negative errno
 * @short_unmaps: so many unmaps from now on stop early,
 * @short_bytes: after so many bytes at most
 * @refuse: domains of other units' groups are refused, and the other way round
 * @careless: its domains take groups of any unit of the same format, as a driver
 *	would that does not look at what units can do
 */
struct mf_model_faults {
	u32 map_in;
	int map_error;
	u32 short_unmaps;
	u64 short_bytes;
	bool refuse;
	bool careless;
};

/* How many fault records a unit keeps. */
#define MF_MODEL_RECORDS 16

/**
 * struct mf_model - a modelled unit; see mf_model_init()
 * @unit: what groups refer to
 * @config: what it is; not to be changed
 * @pool: where its tables lie
 * @faults: how it misbehaves; change it while the engine is at rest
 * @iotlb: what it remembers; the host's units lock guards this and what follows
 * @records: the last faults, in a ring
 * @nr_records: how many there ever were; the last is at (@nr_records - 1) modulo
 *	MF_MODEL_RECORDS
 * @walks: how often it walked a table
 * @flushes: how often it was told to forget
 */
struct mf_model {
	struct mf_unit unit;
	struct mf_model_config config;
	struct mf_pool *pool;
	struct mf_model_faults faults;
	struct mf_iotlb iotlb;
	struct mf_fault records[MF_MODEL_RECORDS];
	u64 nr_records;
	u64 walks;
	u64 flushes;
};

const char *mf_model_init(struct mf_model *model, struct mf_user_host *host, struct mf_pool *pool,
			  const struct mf_model_config *config);
enum mf_fault_why mf_model_walk(struct mf_model *model, struct mf_host_domain *domain, u64 iova,
				struct mf_translation *t);
const struct mf_io_table *mf_model_table(const struct mf_host_domain *domain);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_MODEL_H */
