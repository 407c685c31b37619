/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the engine tells the outside. Tracepoints, traces and tests all hang on
 * this one interface; nothing inside depends on anybody listening.
 */
#ifndef MF_EVENT_H
#define MF_EVENT_H

#include "reason.h"
#include "types.h"

enum mf_event_type {
	MF_EVENT_OPENED,	/* a container is there */
	MF_EVENT_RELEASED,	/* and gone */
	MF_EVENT_ATTACHED,	/* group, domain: the group has a new domain */
	MF_EVENT_JOINED,	/* group, domain: the group joined a domain */
	MF_EVENT_REPLAYED,	/* domain, count: so many mappings were replayed into it */
	MF_EVENT_DETACHED,	/* group, domain: the group left the domain */
	MF_EVENT_DOMAIN_ENDED,	/* domain: its last group had left */
	MF_EVENT_MAPPED,	/* span, vaddr, prot, pages, count (runs) */
	MF_EVENT_UNMAPPED,	/* span, pages */
	MF_EVENT_VADDR_INVALID,	/* span, vaddr: that vaddr holds no longer */
	MF_EVENT_VADDR_UPDATED,	/* span, vaddr: the new one */
	MF_EVENT_STUCK,		/* span, domain: the unit did not unmap it; it stays pinned */
	MF_EVENT_REFUSED,	/* refusal */
	MF_NR_EVENTS,
};

/**
 * struct mf_event - one event; a field its type does not name is 0
 * @type: what happened; enum mf_event_type says which fields go with it
 * @group: number of the group
 * @domain: number of the domain
 * @prot: MF_READ, MF_WRITE or both
 * @span: IOVAs of the mapping
 * @vaddr: where its memory begins
 * @pages: how many pages it holds
 * @count: of what the type says
 * @refusal: valid only while the event is being told
 */
struct mf_event {
	enum mf_event_type type;
	u32 group;
	u32 domain;
	u32 prot;
	struct mf_span span;
	u64 vaddr;
	u64 pages;
	u64 count;
	const struct mf_refusal *refusal;
};

#endif /* MF_EVENT_H */
