// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A mapping: the record of one MAP_DMA, from allocation to its last unpin.
 *
 * A mapping is never merged with a neighbour and never split: unmap deals in
 * whole ones, which is what lets it own the list of its runs.
 *
 * Invariant: the first "filled" pages are pinned (or foreign), billed, in the
 * runs of its chunks and in every domain of the container; the others are in
 * none. Only who makes the mapping adds to them, under the domains lock, or an
 * attach that keeps everybody else out; and they go, all at once, when the last
 * domain leaves.
 *
 * A request that uses a mapping without a lock holds it. Whoever wants to end
 * the mapping waits for that, but for one: when the last group leaves, the
 * mapping is ended at once, and only its record stays until it is dropped.
 */
#include "internal.h"

static u64 nr_chunks(const struct mf_mapping *m)
{
	return (m->range.span.last >> MF_CHUNK_SHIFT) -
	       (m->range.span.first >> MF_CHUNK_SHIFT) + 1;
}

/* First page of the mapping that is in chunk @index, in pages of the mapping. */
static u64 chunk_page(const struct mf_mapping *m, u64 index)
{
	u64 first = m->range.span.first >> MF_PAGE_SHIFT;

	if (!index)
		return 0;
	return (((first >> MF_CHUNK_PAGES_SHIFT) + index) << MF_CHUNK_PAGES_SHIFT) - first;
}

/**
 * mf_mapping_alloc() - the record of a mapping that is about to be made
 * @c: the container
 * @owner: whose memory
 * @span: the IOVAs
 * @vaddr: where the memory begins
 * @prot: MF_READ, MF_WRITE or both
 *
 * Return: the mapping with a reference on @owner and nothing filled, or NULL.
 */
struct mf_mapping *mf_mapping_alloc(struct mf_container *c, struct mf_owner *owner,
				    struct mf_span span, u64 vaddr, u32 prot)
{
	struct mf_mapping *m = mf_zalloc(c->host, sizeof(*m));

	if (!m)
		return NULL;

	m->range.span = span;
	m->vaddr = vaddr;
	m->prot = prot & (MF_READ | MF_WRITE);
	m->owner = owner;
	m->state = MF_MAPPING_ADDING;
	mf_chunk_init(&m->only);
	m->chunks = &m->only;
	mf_ops(c->host)->owner_get(c->host, owner);
	return m;
}

/**
 * mf_mapping_alloc_chunks() - room for the heads of all its chunks
 * @c: the container
 * @m: a mapping from mf_mapping_alloc()
 *
 * Apart from mf_mapping_alloc(), because it needs memory in proportion to the
 * size, and that should have been found valid first.
 *
 * Return: 0 or -ENOMEM.
 */
int mf_mapping_alloc_chunks(struct mf_container *c, struct mf_mapping *m)
{
	u64 i, n = nr_chunks(m);
	struct mf_chunk *chunks;

	if (n == 1 || m->chunks != &m->only)
		return 0;

	chunks = mf_alloc(c->host, n * sizeof(*chunks));
	if (!chunks)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		mf_chunk_init(&chunks[i]);
	m->chunks = chunks;
	return 0;
}

/**
 * mf_mapping_chunk() - the chunk that a page belongs to
 * @m: the mapping
 * @page: number of the page in the mapping
 * @end: set to the number of the first page behind the chunk
 */
struct mf_chunk *mf_mapping_chunk(struct mf_mapping *m, u64 page, u64 *end)
{
	u64 first = m->range.span.first >> MF_PAGE_SHIFT;
	u64 index = ((first + page) >> MF_CHUNK_PAGES_SHIFT) - (first >> MF_CHUNK_PAGES_SHIFT);

	*end = mf_min(chunk_page(m, index + 1), mf_span_pages(m->range.span));
	return &m->chunks[index];
}

/**
 * mf_chunk_next() - go to the next chunk that has filled pages
 * @walk: made by mf_chunk_walk(); then holds the chunk's first page and its runs
 *
 * Return: false when there is none.
 */
bool mf_chunk_next(struct mf_chunk_walk *walk)
{
	const struct mf_mapping *m = walk->mapping;
	const struct mf_chunk *k;

	/* Most mappings have one chunk: no need to see where a second would begin. */
	if (walk->index && m->chunks == &m->only)
		return false;
	walk->page = chunk_page(m, walk->index);
	if (walk->page >= m->filled)
		return false;
	k = &m->chunks[walk->index++];
	walk->runs = mf_chunk_runs(k);
	walk->nr = k->nr;
	return true;
}

/* How many runs the filled part of a mapping is. */
u64 mf_mapping_runs(const struct mf_mapping *m)
{
	struct mf_chunk_walk walk = mf_chunk_walk(m);
	u64 runs = 0;

	if (m->chunks == &m->only)
		return m->only.nr;
	while (mf_chunk_next(&walk))
		runs += walk.nr;
	return runs;
}

/**
 * mf_mapping_live() - a mapping that was being made is there
 * @c: the container
 * @m: the mapping
 *
 * Told with the lock held, so that nobody hears of its end first.
 *
 * Context: c->lock is held. The caller turns c->at_rest afterwards.
 */
void mf_mapping_live(struct mf_container *c, struct mf_mapping *m)
{
	m->state = MF_MAPPING_LIVE;
	mf_tell(c, MAPPED, .span = m->range.span, .vaddr = m->vaddr, .prot = m->prot,
		.pages = m->filled, .count = mf_mapping_runs(m));
}

/* Have the container's counters show what a mapping has filled by now. */
void mf_mapping_count(struct mf_container *c, struct mf_mapping *m)
{
	m->counted = true;
	c->pages_pinned += m->filled - m->foreign;
	c->pages_foreign += m->foreign;
}

static void uncount(struct mf_container *c, struct mf_mapping *m)
{
	if (!m->counted)
		return;
	m->counted = false;
	c->pages_pinned -= m->filled - m->foreign;
	c->pages_foreign -= m->foreign;
}

/**
 * mf_mapping_unlink() - take a mapping out of the index
 * @c: the container
 * @m: the mapping
 *
 * Context: c->lock is held. The caller turns c->at_rest afterwards.
 */
void mf_mapping_unlink(struct mf_container *c, struct mf_mapping *m)
{
	mf_ranges_remove(&c->mappings, &m->range);
	c->available++;
	c->nr_invalid -= m->vaddr_invalid;
	c->pages_external -= m->nr_externals;
	c->externals_billed -= m->externals_billed;
	uncount(c, m);
}

/**
 * mf_mapping_keep_stuck() - keep a mapping that some unit did not let go of
 * @c: the container
 * @m: a mapping out of the index and, as far as the units obeyed, the domains
 *
 * It stays pinned and billed until no domain is left that could translate to
 * it: a page that a device may still reach is not given back. Without domains
 * no unit can keep anything, whatever it did before.
 *
 * Context: c->domains_lock and c->lock are held.
 * Return: true if it is kept, false if it can be freed.
 */
bool mf_mapping_keep_stuck(struct mf_container *c, struct mf_mapping *m)
{
	if (!m->stuck || !c->domains)
		return false;

	m->next = c->stuck;
	c->stuck = m;
	return true;
}

/* Context: c->lock is held. */
void mf_mapping_hold(struct mf_mapping *m)
{
	m->users++;
}

static void free_record(struct mf_container *c, struct mf_mapping *m)
{
	if (m->dirty.blocks)
		mf_dirty_free(c, m, &m->dirty);
	if (m->taken.blocks)
		mf_dirty_free(c, m, &m->taken);
	mf_ops(c->host)->owner_put(c->host, m->owner);
	mf_ops(c->host)->free(c->host, m);
}

/**
 * mf_mapping_drop() - end a hold on a mapping
 * @c: the container
 * @m: the mapping, which may be no more afterwards
 *
 * Context: c->lock is held. The caller turns c->at_rest afterwards.
 */
void mf_mapping_drop(struct mf_container *c, struct mf_mapping *m)
{
	if (--m->users)
		return;
	m->wanted = false;
	if (m->gone)
		free_record(c, m);
}

static void empty_chunks(struct mf_container *c, struct mf_mapping *m)
{
	u64 i, n = m->chunks == &m->only ? 1 : nr_chunks(m);

	for (i = 0; i < n; i++)
		mf_chunk_fini(c->host, &m->chunks[i]);
}

/* Give back all that mf_mapping_alloc_chunks() and the runs took. Nothing is filled. */
void mf_mapping_free_chunks(struct mf_container *c, struct mf_mapping *m)
{
	empty_chunks(c, m);
	if (m->chunks != &m->only)
		mf_ops(c->host)->free(c->host, m->chunks);
	m->chunks = &m->only;
}

static void unpin_filled(struct mf_container *c, struct mf_mapping *m)
{
	struct mf_chunk_walk walk = mf_chunk_walk(m);

	while (mf_chunk_next(&walk))
		mf_ops(c->host)->unpin(c->host, m->owner, walk.runs, walk.nr, m->prot);
}

/* What devices that have gone did not unpin. */
static void unpin_externals(struct mf_container *c, struct mf_mapping *m)
{
	struct mf_range *r = mf_ranges_from(&m->externals, 0);

	for (; r; r = mf_ranges_next(r))
		mf_ops(c->host)->unpin(c->host, m->owner,
				       &mf_entry(r, struct mf_external, range)->run, 1, m->prot);
}

static void free_externals(struct mf_container *c, struct mf_mapping *m)
{
	struct mf_external *x;

	while (m->externals.root) {
		x = mf_entry(m->externals.root, struct mf_external, range);
		mf_ranges_remove(&m->externals, &x->range);
		mf_ops(c->host)->free(c->host, x);
	}
}

/**
 * mf_mapping_empty() - the last domain has left, and emulated groups stay
 * @c: the container, without domains
 * @m: a mapping, at any stage
 *
 * Its pages are unpinned. What emulated groups have pinned of it stays so, and
 * it alone is billed from now on. Needs no memory.
 *
 * Context: c->domains_lock is held for writing.
 */
void mf_mapping_empty(struct mf_container *c, struct mf_mapping *m)
{
	unpin_filled(c, m);
	mf_bill_emptied(c, m);

	/* A mapping being made may have no chunks yet, and gets them under no lock. */
	if (m->state != MF_MAPPING_ADDING)
		mf_mapping_free_chunks(c, m);
	else if (m->filled)
		empty_chunks(c, m);

	mf_mutex_lock(&c->lock);
	uncount(c, m);
	m->stuck = false;
	m->filled = 0;
	m->foreign = 0;
	mf_mutex_unlock(&c->lock);
}

static void mapping_free(struct mf_container *c, struct mf_mapping *m)
{
	/* One run, which is in the record itself, is what most have. */
	if (m->chunks != &m->only || m->only.max > 1)
		mf_mapping_free_chunks(c, m);
	free_externals(c, m);
	if (!m->gone) {
		free_record(c, m);
		return;
	}
	mf_mutex_lock(&c->lock);
	mf_mapping_drop(c, m);
	mf_mutex_unlock(&c->lock);
}

/**
 * mf_mappings_free() - unpin, unbill and free a list of mappings
 * @c: the container
 * @list: mappings out of the index that no domain maps any more
 *
 * Neighbours on the list that have the same owner are unbilled at once. Nobody
 * holds them, unless they are gone: then this ends the caller's own hold.
 */
void mf_mappings_free(struct mf_container *c, struct mf_mapping *list)
{
	struct mf_mapping *m, *next, *end;

	for (; list; list = end) {
		for (end = list; end && end->owner == list->owner; end = end->next) {
			unpin_filled(c, end);
			unpin_externals(c, end);
		}
		mf_unbill_list(c, list, end);
		for (m = list; m != end; m = next) {
			next = m->next;
			mapping_free(c, m);
		}
	}
}
