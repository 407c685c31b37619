/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a unit remembers of the tables it walked. See iotlb.c.
 */
#ifndef MF_USER_IOTLB_H
#define MF_USER_IOTLB_H

#include "user/models/unit.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MF_IOTLB_ENTRIES 64

/**
 * struct mf_iotlb_entry - one translation remembered
 * @domain: whose; NULL: the entry is free
 * @translation: what was found
 * @absent: nothing was found: there is no translation for @translation.span
 */
struct mf_iotlb_entry {
	struct mf_host_domain *domain;
	struct mf_translation translation;
	bool absent;
};

struct mf_iotlb {
	struct mf_iotlb_entry entries[MF_IOTLB_ENTRIES];
	u32 victim;
};

const struct mf_iotlb_entry *mf_iotlb_find(const struct mf_iotlb *tlb,
					   const struct mf_host_domain *domain, u64 iova);
void mf_iotlb_add(struct mf_iotlb *tlb, const struct mf_iotlb_entry *entry);
void mf_iotlb_drop(struct mf_iotlb *tlb, const struct mf_host_domain *domain, struct mf_span span,
		   bool absent);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_IOTLB_H */
