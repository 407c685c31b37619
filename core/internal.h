/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The engine's own data, and what its files offer one another.
 *
 * Two locks guard a container. They nest in this order, and neither is held
 * while pages are pinned:
 *
 *   domains_lock  the list of domains, what follows from it (window, page
 *                 sizes) and, per mapping, which of its pages are filled.
 *                 Requests that map and unmap read; attach and detach write.
 *   lock          the index of mappings, their states and the counters.
 *
 * So attach and detach see every mapping at rest: each has some number of
 * filled pages, and those are in every domain. A mapping being removed is
 * marked so only inside one read section and is never seen by them at all.
 */
#ifndef MF_INTERNAL_H
#define MF_INTERNAL_H

#include "manifold.h"
#include "ranges.h"
#include "window.h"

#define MF_REFUSALS_KEPT 16

/* A group in a container. */
struct mf_member {
	struct mf_member *next;
	struct mf_host_group *group;
	u32 id;
	struct mf_regions regions;
};

struct mf_domain {
	struct mf_domain *next;
	struct mf_host_domain *host_domain;
	u32 id;
	struct mf_features features;
	bool msi;			/* a doorbell window is set up */
	struct mf_member *members;
};

/**
 * struct mf_mapping - one successful MAP_DMA, or one on its way
 * @range: its IOVAs, and its place in the index
 * @next: the next of a list of mappings that are leaving together
 * @vaddr: where its memory begins in the owner
 * @owner: whose memory it is; a reference
 * @prot: what devices may do
 * @state: see enum mf_mapping_state; anything but LIVE is busy
 * @doomed: it failed while it was being made, because the last domain left or
 *	a unit kept some of it: it is to be unmapped nowhere, nor replayed
 * @stuck: a unit did not unmap all of it: it must stay pinned
 * @filled: pages pinned, billed and in every domain, from the first on
 * @foreign: how many of them are neither pinned nor billed
 * @chunks: their runs; @only when one chunk is enough
 * @only: that one chunk
 */
struct mf_mapping {
	struct mf_range range;
	struct mf_mapping *next;
	u64 vaddr;
	struct mf_owner *owner;
	u32 prot;
	u8 state;
	bool doomed;
	bool stuck;
	u64 filled;
	u64 foreign;
	struct mf_chunk *chunks;
	struct mf_chunk only;
};

struct mf_container {
	struct mf_host *host;
	struct mf_config config;

	struct mf_rwlock domains_lock;
	struct mf_domain *domains;
	u32 next_domain_id;
	u64 pgsizes;
	struct mf_window window;

	struct mf_mutex lock;
	struct mf_ranges mappings;
	struct mf_mapping *stuck;
	u32 available;
	u64 pages_pinned;
	u64 pages_foreign;

	struct mf_turnstile at_rest;	/* turns when a mapping stops being busy */

	struct mf_mutex refusals_lock;
	struct mf_refusal refusals[MF_REFUSALS_KEPT];
	u64 nr_refusals;
};

/* The lists are short and singly linked; nobody walks them in a hurry. */
#define mf_for_each(pos, head) for ((pos) = (head); (pos); (pos) = (pos)->next)

static inline struct mf_mapping *mf_mapping_of(struct mf_range *r)
{
	return r ? mf_entry(r, struct mf_mapping, range) : NULL;
}

/* The lowest mapping that reaches @iova or lies above it, or NULL. */
static inline struct mf_mapping *mf_mapping_from(const struct mf_container *c, u64 iova)
{
	return mf_mapping_of(mf_ranges_from(&c->mappings, iova));
}

static inline struct mf_mapping *mf_mapping_after(const struct mf_mapping *m)
{
	return mf_mapping_of(mf_ranges_next(&m->range));
}

/* Bytes of a mapping that are in every domain, from its first IOVA on. */
static inline u64 mf_mapping_bytes(const struct mf_mapping *m)
{
	return m->filled << MF_PAGE_SHIFT;
}

static inline u64 mf_granule(const struct mf_container *c)
{
	return c->pgsizes & -c->pgsizes;
}

/*
 * A mapping's chunks, one after another, while pages of it are filled:
 * @page is the chunk's first page in the mapping, @runs and @nr its runs.
 */
struct mf_chunk_walk {
	const struct mf_mapping *mapping;
	u64 index;
	u64 page;
	const mf_run *runs;
	u32 nr;
};

static inline struct mf_chunk_walk mf_chunk_walk(const struct mf_mapping *m)
{
	return (struct mf_chunk_walk){ .mapping = m };
}

bool mf_chunk_next(struct mf_chunk_walk *walk);

/* refuse.c */
int mf_refuse_with(struct mf_container *c, struct mf_refusal *why,
		   const struct mf_refusal *refusal);
void mf_tell(struct mf_container *c, const struct mf_event *event);

/*
 * Refuse a request: note the reason (reason.h, without its prefix), tell it,
 * and return the errno: @error if the host gave one, else the reason's own.
 */
#define mf_refuse(c, why, id, error, ...) \
	mf_refuse_with(c, why, &(struct mf_refusal){ \
		.reason = MF_REASON_##id, .err = (error), .args = { __VA_ARGS__ } })

/* domain.c */
int mf_domain_new(struct mf_container *c, struct mf_member *member, struct mf_domain **out,
		  struct mf_refusal *why);
void mf_domain_end(struct mf_container *c, struct mf_domain *d);
int mf_domain_join(struct mf_container *c, struct mf_domain *trial, struct mf_member *member,
		   struct mf_domain **joined, struct mf_refusal *why);
int mf_domain_fill(struct mf_container *c, struct mf_domain *d, u32 group, u64 *mappings,
		   struct mf_refusal *why);
int mf_domain_msi(struct mf_container *c, struct mf_domain *d, struct mf_member *member,
		  struct mf_refusal *why);
int mf_domains_map(struct mf_container *c, struct mf_mapping *m, const mf_run *runs, u32 nr,
		   struct mf_refusal *why);
int mf_domains_sync(struct mf_container *c, struct mf_span span, struct mf_refusal *why);
void mf_domains_unmap(struct mf_container *c, struct mf_mapping *list);

/* mapping.c */
struct mf_mapping *mf_mapping_alloc(struct mf_container *c, struct mf_owner *owner,
				    struct mf_span span, u64 vaddr, u32 prot);
int mf_mapping_alloc_chunks(struct mf_container *c, struct mf_mapping *m);
struct mf_chunk *mf_mapping_chunk(struct mf_mapping *m, u64 page, u64 *end);
u64 mf_mapping_runs(const struct mf_mapping *m);
void mf_mapping_unlink(struct mf_container *c, struct mf_mapping *m);
bool mf_mapping_keep_stuck(struct mf_container *c, struct mf_mapping *m);
void mf_mappings_free(struct mf_container *c, struct mf_mapping *list);

/* unmap.c */
void mf_end_all_mappings(struct mf_container *c);

#endif /* MF_INTERNAL_H */
