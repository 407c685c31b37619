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
 *   lock          the index of mappings, their states and the counters; what
 *                 emulated groups have pinned, and which pages are dirty.
 *
 * So attach and detach see every mapping at rest: each has some number of
 * filled pages, and those are in every domain. A mapping that is leaving the
 * domains does so inside one read section and is never seen halfway.
 */
#ifndef MF_INTERNAL_H
#define MF_INTERNAL_H

#include "manifold.h"
#include "ranges.h"
#include "window.h"

#define MF_REFUSALS_KEPT 16

/*
 * A group in a container. @pins_only: it dirties no pages but those it has
 * pinned; so it is with emulated groups.
 */
struct mf_member {
	struct mf_member *next;
	struct mf_host_group *group;
	u32 id;
	bool pins_only;
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
 * struct mf_dirty_set - which pages of a mapping were written to
 * @blocks: a bit a page, in blocks that are there once they have a bit; or NULL
 * @all: every page
 */
struct mf_dirty_set {
	u64 **blocks;
	bool all;
};

/* A page that emulated groups have pinned: its IOVAs, its run, how often. */
struct mf_external {
	struct mf_range range;
	mf_run run;
	u64 count;
};

/**
 * struct mf_mapping - one successful MAP_DMA, or one on its way
 * @range: its IOVAs, and its place in the index
 * @next: the next of a list of mappings that are leaving together
 * @next_read: the next of those whose dirty pages are being read together
 * @vaddr: where its memory begins in the owner
 * @owner: whose memory it is; a reference
 * @prot: what devices may do
 * @state: see enum mf_mapping_state; anything but LIVE is busy
 * @doomed: it failed while it was being made, because the last domain left or
 *	a unit kept some of it: it is to be unmapped nowhere, nor replayed
 * @stuck: a unit did not unmap all of it: it must stay pinned
 * @counted: @filled and @foreign are in the container's counters
 * @gone: it is ending, and the last of @users frees its record
 * @unlimited: what is billed for it is billed without a limit
 * @small_pages: every page is to be a run of its own
 * @vaddr_invalid: @vaddr must not be used
 * @wanted: a request waits for @users to let go of it: let no more in before
 * @users: requests under way that use it without a lock; an unmap waits for
 *	them
 * @filled: pages pinned, billed and in every domain, from the first on; all
 *	of them once it is live, or none while there is no domain
 * @foreign: how many of them are neither pinned nor billed
 * @chunks: their runs; @only when one chunk is enough
 * @only: that one chunk
 * @externals: pages that emulated groups have pinned
 * @nr_externals: how many of them are memory
 * @externals_billed: how many of them are billed, besides @filled, where that is
 *	by mapping; see bill.c
 * @dirty: pages written to since they were last read
 * @taken: those that are being read; they come back if that fails
 */
struct mf_mapping {
	struct mf_range range;
	struct mf_mapping *next;
	struct mf_mapping *next_read;
	u64 vaddr;
	struct mf_owner *owner;
	u8 prot;
	u8 state;
	bool doomed;
	bool stuck;
	bool counted;
	bool gone;
	bool unlimited;
	bool small_pages;
	bool vaddr_invalid;
	bool wanted;
	u32 users;
	u64 filled;
	u64 foreign;
	struct mf_chunk *chunks;
	struct mf_chunk only;
	struct mf_ranges externals;
	u64 nr_externals;
	u64 externals_billed;
	struct mf_dirty_set dirty;
	struct mf_dirty_set taken;
};

struct mf_container {
	struct mf_host *host;
	struct mf_config config;

	struct mf_rwlock domains_lock;
	struct mf_domain *domains;
	struct mf_member *emulated;	/* groups without a domain */
	u32 next_domain_id;
	u64 pgsizes;
	struct mf_window window;

	struct mf_mutex lock;
	struct mf_ranges mappings;
	struct mf_mapping *stuck;
	u32 available;
	u32 nr_invalid;			/* mappings whose vaddr is */
	u64 pages_pinned;
	u64 pages_foreign;
	u64 pages_external;
	u64 externals_billed;
	bool tracking;			/* of dirty pages */
	bool dirty_claimed;		/* somebody reads them, or starts or ends tracking */
	u32 writers;			/* groups that may dirty any page they reach */

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

static inline u64 mf_mapping_size(const struct mf_mapping *m)
{
	return m->range.span.last - m->range.span.first + 1;
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
int mf_refuse_with(struct mf_container *c, struct mf_refusal *why, enum mf_reason reason, int err,
		   u64 first, u64 second, u64 third, u64 fourth, u64 fifth);
void mf_tell_event(struct mf_container *c, const struct mf_event *event);

/* A port may know of events that nobody listens to: they need not even be put together. */
#ifndef mf_listens
#define mf_listens(type) true
#endif

/* Tell the host of an event (event.h, without its prefix), with the fields that its type names. */
#define mf_tell(c, id, ...) do { \
	if (mf_listens(MF_EVENT_##id)) \
		mf_tell_event(c, &(struct mf_event){ .type = MF_EVENT_##id, __VA_ARGS__ }); \
} while (0)

/*
 * Refuse a request: note the reason (reason.h, without its prefix), tell it,
 * and return the errno: @error if the host gave one, else the reason's own. What
 * the reason's sentence wants follows, as arguments of a call: were it put together
 * here, every function that may refuse would have to guard its stack.
 */
#define mf_refuse(c, why, id, error, ...) \
	mf_refuse_5(c, why, MF_REASON_##id, error, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define mf_refuse_5(c, why, reason, error, first, second, third, fourth, fifth, ...) \
	mf_refuse_with(c, why, reason, error, first, second, third, fourth, fifth)

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
int mf_domains_fill_first(struct mf_container *c, struct mf_domain *d, u64 *mappings,
			  struct mf_refusal *why);
int mf_domains_sync(struct mf_container *c, struct mf_span span, struct mf_refusal *why);
void mf_domains_unmap(struct mf_container *c, struct mf_mapping *list);

/* mapping.c */
struct mf_mapping *mf_mapping_alloc(struct mf_container *c, struct mf_owner *owner,
				    struct mf_span span, u64 vaddr, u32 prot);
int mf_mapping_alloc_chunks(struct mf_container *c, struct mf_mapping *m);
void mf_mapping_free_chunks(struct mf_container *c, struct mf_mapping *m);
struct mf_chunk *mf_mapping_chunk(struct mf_mapping *m, u64 page, u64 *end);
u64 mf_mapping_runs(const struct mf_mapping *m);
void mf_mapping_live(struct mf_container *c, struct mf_mapping *m);
void mf_mapping_unlink(struct mf_container *c, struct mf_mapping *m);
bool mf_mapping_keep_stuck(struct mf_container *c, struct mf_mapping *m);
void mf_mappings_free(struct mf_container *c, struct mf_mapping *list);

void mf_mapping_count(struct mf_container *c, struct mf_mapping *m);
void mf_mapping_hold(struct mf_mapping *m);
void mf_mapping_drop(struct mf_container *c, struct mf_mapping *m);
void mf_mapping_empty(struct mf_container *c, struct mf_mapping *m);

/* container.c */
struct mf_member *mf_member_find(struct mf_container *c, struct mf_host_group *group);

/* map.c */
int mf_check_range(struct mf_container *c, u64 iova, u64 vaddr, u64 size, struct mf_refusal *why);

/* fill.c */
int mf_fill(struct mf_container *c, struct mf_mapping *m, struct mf_ahead *ahead,
	    struct mf_refusal *why);
int mf_fill_held(struct mf_container *c, struct mf_mapping *m, struct mf_refusal *why);

/* bill.c */
int mf_bill_runs(struct mf_container *c, struct mf_mapping *m, const mf_run *runs, u64 nr,
		 u64 pages, bool held, struct mf_refusal *why);
void mf_unbill_runs(struct mf_container *c, struct mf_mapping *m, const mf_run *runs, u64 nr,
		    u64 pages, bool held);
u64 mf_billed(const struct mf_container *c, const struct mf_mapping *m);
void mf_bill_emptied(struct mf_container *c, struct mf_mapping *m);
void mf_unbill_list(struct mf_container *c, const struct mf_mapping *m,
		    const struct mf_mapping *end);
int mf_bill_external(struct mf_container *c, struct mf_mapping *m, const mf_run *run,
		     bool *billed, struct mf_refusal *why);
void mf_unbill_external(struct mf_container *c, struct mf_owner *owner, const mf_run *run);
void mf_bill_entered(struct mf_container *c, struct mf_mapping *m, bool billed);
bool mf_bill_left(struct mf_container *c, struct mf_mapping *m, mf_run run);
int mf_bill_filled(struct mf_container *c, const struct mf_mapping *m, struct mf_owner *owner,
		   bool unlimited, struct mf_refusal *why);
void mf_unbill_filled(struct mf_container *c, const struct mf_mapping *m, struct mf_owner *owner);
int mf_bill_externals(struct mf_container *c, struct mf_mapping *m, struct mf_owner *owner,
		      bool unlimited, struct mf_refusal *why);

/* select.c */
enum mf_selected {
	MF_SELECTED,
	MF_SELECT_WAIT,		/* a mapping is busy: mf_select_again() waits for it */
	MF_SELECT_UNPIN,	/* devices have to unpin first: it asks them to */
};

/**
 * struct mf_selection - the mappings that a request is about
 * @span: the IOVAs it names
 * @all: it means all there are, and may cut none
 * @sharing: it gets on with other users of them
 * @keeps_pins: devices may keep pages of them pinned
 * @first: the first of them, or NULL; the others follow up to @span.last
 * @turn: what to wait on
 * @pinned: IOVAs of the mapping to unpin
 * @pages: how many pages of it are pinned
 * @asked: how often devices were asked to unpin
 * @highest: the highest of the mappings they were asked about begins here
 */
struct mf_selection {
	struct mf_span span;
	bool all;
	bool sharing;
	bool keeps_pins;
	struct mf_mapping *first;
	u64 turn;
	struct mf_span pinned;
	u64 pages;
	u32 asked;
	u64 highest;
};

/* One that reaches the end of the range is the last: most requests name but one. */
static inline struct mf_mapping *mf_selected_after(const struct mf_selection *s,
						   const struct mf_mapping *m)
{
	return m->range.span.last < s->span.last ? mf_mapping_after(m) : NULL;
}

#define mf_for_each_selected(pos, s) \
	for ((pos) = (s)->first; (pos) && (pos)->range.span.first <= (s)->span.last; \
	     (pos) = mf_selected_after(s, pos))

int mf_select_span(struct mf_container *c, u64 iova, u64 size, struct mf_selection *s,
		   struct mf_refusal *why);
int mf_select_check(struct mf_container *c, struct mf_span span, struct mf_refusal *why);
int mf_select(struct mf_container *c, struct mf_selection *s, struct mf_refusal *why);
int mf_select_again(struct mf_container *c, struct mf_selection *s, int selected,
		    struct mf_refusal *why);

/* dirty.c */
int mf_dirty_check(struct mf_container *c, struct mf_span span, struct mf_refusal *why);
void mf_dirty_mark(struct mf_container *c, struct mf_mapping *m, u64 page, u64 pages);
void mf_dirty_mark_all(struct mf_container *c);
void mf_dirty_free(struct mf_container *c, struct mf_mapping *m, struct mf_dirty_set *set);

/* unmap.c */
void mf_unmap_selected(struct mf_container *c, struct mf_mapping *list);
void mf_end_all_mappings(struct mf_container *c);

#endif /* MF_INTERNAL_H */
