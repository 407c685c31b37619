// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * An IOTLB: the translations a unit found last, used until it is told to
 * forget them or needs the room.
 *
 * Nothing here looks at the table, and that is the point: what was unmapped
 * but not flushed is still translated, as hardware does it.
 */
#include "user/models/iotlb.h"

static bool holds(const struct mf_iotlb_entry *e, const struct mf_host_domain *domain,
		  struct mf_span span)
{
	return e->domain == domain && mf_spans_overlap(e->translation.span, span);
}

/**
 * mf_iotlb_find() - what is remembered of an IOVA
 *
 * Return: the entry, or NULL.
 */
const struct mf_iotlb_entry *mf_iotlb_find(const struct mf_iotlb *tlb,
					   const struct mf_host_domain *domain, u64 iova)
{
	u32 i;

	for (i = 0; i < MF_IOTLB_ENTRIES; i++) {
		if (holds(&tlb->entries[i], domain, (struct mf_span){ iova, iova }))
			return &tlb->entries[i];
	}
	return NULL;
}

/**
 * mf_iotlb_add() - remember a translation, in place of the oldest one
 */
void mf_iotlb_add(struct mf_iotlb *tlb, const struct mf_iotlb_entry *entry)
{
	tlb->entries[tlb->victim] = *entry;
	tlb->victim = (tlb->victim + 1) % MF_IOTLB_ENTRIES;
}

/**
 * mf_iotlb_drop() - forget what is remembered of a domain's IOVAs
 * @tlb: the IOTLB
 * @domain: the domain
 * @span: the IOVAs
 * @absent: forget only that nothing was mapped there
 */
void mf_iotlb_drop(struct mf_iotlb *tlb, const struct mf_host_domain *domain, struct mf_span span,
		   bool absent)
{
	u32 i;

	for (i = 0; i < MF_IOTLB_ENTRIES; i++) {
		struct mf_iotlb_entry *e = &tlb->entries[i];

		if (holds(e, domain, span) && (e->absent || !absent))
			e->domain = NULL;
	}
}
