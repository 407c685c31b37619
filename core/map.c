// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Map: from a request to pages that every domain translates to.
 *
 * First the range is reserved: under the two locks, for as long as a lookup
 * takes, the mapping enters the index, marked as being made. Then, with no
 * lock held, its pages are pinned in batches; the runs of each batch are
 * billed, and with the domains lock held for reading they are appended to the
 * mapping and mapped in every domain. So a request that faults its pages in
 * for seconds is in nobody's way but of those that want the same IOVAs, who
 * wait for it to end; and an attach that comes in between finds a mapping with
 * some pages filled, replays those, and the rest goes into the new domain too.
 *
 * The last run of a batch is held back when more may follow, because the next
 * page may prolong it: units are given runs as long as they are, which makes
 * the largest leaves, and no granule is ever cut in two by a batch's end.
 */
#include "internal.h"

/* Runs in a batch; and for requests this small, room for them on the stack. */
#define BATCH_RUNS	512
#define STACK_RUNS	32

/*
 * How many pages may be pinned before they are billed: what one call for pages
 * brings. More would let many requests at once hold much that nobody has paid.
 */
#define BILL_PAGES	512

struct fill {
	struct mf_container *c;
	struct mf_mapping *m;
	struct mf_refusal *why;
	struct mf_batch batch;
	u64 billed;		/* pages of the batch that are billed */
	bool whole;		/* it is complete: others may use it, and end it */
};

static int check_range(struct mf_container *c, u64 iova, u64 vaddr, u64 size, u32 prot,
		       struct mf_refusal *why)
{
	int wraps = c->config.wrap_errno;

	if (!size)
		return mf_refuse(c, why, SIZE_ZERO, 0);
	if (iova + (size - 1) < iova)
		return mf_refuse(c, why, IOVA_WRAPS, wraps, iova, size);
	if (vaddr + (size - 1) < vaddr)
		return mf_refuse(c, why, VADDR_WRAPS, wraps, vaddr, size);
	if (!(prot & (MF_READ | MF_WRITE)))
		return mf_refuse(c, why, NO_ACCESS, 0);
	return 0;
}

/*
 * Put @m into the index, if nothing speaks against it. -EAGAIN: a mapping on
 * the same IOVAs is busy, and @turn is what to wait on.
 */
static int reserve_locked(struct mf_container *c, struct mf_mapping *m, u64 *turn,
			  struct mf_refusal *why)
{
	struct mf_span span = m->range.span;
	struct mf_range_slot slot;
	struct mf_mapping *other;

	other = mf_mapping_of(mf_ranges_slot(&c->mappings, span, &slot));
	if (other && other->state != MF_MAPPING_LIVE) {
		*turn = mf_turnstile_read(&c->at_rest);
		return -EAGAIN;
	}
	if (other)
		return mf_refuse(c, why, OVERLAP, 0, span.first, span.last,
				 other->range.span.first, other->range.span.last);
	if (!c->available)
		return mf_refuse(c, why, MAPPING_LIMIT, 0, c->config.mapping_limit);
	if (!mf_window_contains(&c->window, span))
		return mf_refuse(c, why, OUT_OF_WINDOW, 0, span.first, span.last);

	mf_ranges_link(&c->mappings, &m->range, slot);
	c->available--;
	return 0;
}

static int reserve_once(struct mf_container *c, struct mf_mapping *m, u64 size, u64 *turn,
			struct mf_refusal *why)
{
	u64 iova = m->range.span.first, granule;
	int err;

	mf_rwlock_read_lock(&c->domains_lock);
	granule = mf_granule(c);
	if (!c->domains) {
		err = mf_refuse(c, why, NO_DOMAIN, 0);
	} else if ((iova | m->vaddr | size) & (granule - 1)) {
		err = mf_refuse(c, why, MISALIGNED, 0, iova, m->vaddr, size, granule);
	} else {
		mf_mutex_lock(&c->lock);
		err = reserve_locked(c, m, turn, why);
		mf_mutex_unlock(&c->lock);
	}
	mf_rwlock_read_unlock(&c->domains_lock);
	return err;
}

static int reserve(struct mf_container *c, struct mf_mapping *m, u64 size, struct mf_refusal *why)
{
	u64 turn = 0;
	int err;

	while ((err = reserve_once(c, m, size, &turn, why)) == -EAGAIN) {
		if (mf_turnstile_wait(&c->at_rest, turn))
			return mf_refuse(c, why, INTERRUPTED, 0);
	}
	return err;
}

/* Bill what the batch has pinned since it was billed last. */
static int bill_batch(struct fill *f)
{
	u64 pages = f->batch.pages - f->batch.foreign - f->billed;
	int err;

	if (!pages)
		return 0;

	err = f->c->host->ops->bill(f->c->host, f->m->owner, pages);
	if (err)
		return mf_refuse(f->c, f->why, BILL, err, pages);
	f->billed += pages;
	return 0;
}

/* Pin until page @end of the mapping, or until the batch is nearly full. */
static int pin_batch(struct fill *f, u64 end)
{
	struct mf_host *host = f->c->host;
	struct mf_batch *b = &f->batch;
	u32 enough = b->max / 8;
	int err;

	while (f->m->filled + b->pages < end && mf_batch_room(b) > enough) {
		u64 page = f->m->filled + b->pages;
		u64 vaddr = f->m->vaddr + (page << MF_PAGE_SHIFT);
		s64 n = host->ops->pin(host, f->m->owner, vaddr, end - page, f->m->prot, b);

		if (n <= 0)
			return mf_refuse(f->c, f->why, PIN, n ? (int)n : -EFAULT, vaddr);
		if (b->pages - b->foreign - f->billed >= BILL_PAGES) {
			err = bill_batch(f);
			if (err)
				return err;
		}
	}
	return bill_batch(f);
}

/* The mapping is whole and in every domain: let the units see it, and others. */
static int finish(struct fill *f)
{
	struct mf_container *c = f->c;
	struct mf_mapping *m = f->m;
	int err;

	err = mf_domains_sync(c, m->range.span, f->why);
	if (err)
		return err;

	/* Told with the lock held, so that nobody hears of its end first. */
	mf_mutex_lock(&c->lock);
	m->state = MF_MAPPING_LIVE;
	c->pages_pinned += m->filled - m->foreign;
	c->pages_foreign += m->foreign;
	mf_tell(c, &(struct mf_event){
		.type = MF_EVENT_MAPPED, .span = m->range.span, .vaddr = m->vaddr,
		.prot = m->prot, .pages = m->filled, .count = mf_mapping_runs(m) });
	mf_mutex_unlock(&c->lock);
	return 0;
}

/* The first @nr runs of the batch become the mapping's; at most one is left. */
static void take_runs(struct fill *f, struct mf_chunk *k, u32 nr)
{
	struct mf_mapping *m = f->m;
	u64 pages, foreign;

	mf_chunk_append(k, f->batch.runs, nr);
	pages = mf_runs_pages(f->batch.runs, nr, &foreign);
	m->filled += pages;
	m->foreign += foreign;
	f->batch.pages -= pages;
	f->batch.foreign -= foreign;
	f->batch.nr -= nr;
	f->billed -= pages - foreign;
	if (f->batch.nr)
		f->batch.runs[0] = f->batch.runs[nr];
}

/*
 * The first @nr runs are mapped in some domain for good. What was mapped before
 * them leaves the domains now, and then they join it, to stay pinned with it.
 */
static void keep_stuck_runs(struct fill *f, struct mf_chunk *k, u32 nr)
{
	mf_domains_unmap(f->c, f->m);
	f->m->doomed = true;
	take_runs(f, k, nr);
}

/* Map the first @nr runs of the batch, and make them part of the mapping. */
static int commit_runs(struct fill *f, struct mf_chunk *k, u32 nr)
{
	struct mf_container *c = f->c;
	struct mf_mapping *m = f->m;
	struct mf_span span = m->range.span;
	int err;

	if (m->doomed)
		return mf_refuse(c, f->why, DETACHED, 0, span.first, span.last);
	if (mf_chunk_reserve(c->host, k, nr))
		return mf_refuse(c, f->why, NO_MEMORY, 0);

	err = mf_domains_map(c, m, f->batch.runs, nr, f->why);
	if (!err)
		take_runs(f, k, nr);
	else if (m->stuck)
		keep_stuck_runs(f, k, nr);
	return err;
}

static int commit_batch(struct fill *f, struct mf_chunk *k, u64 end)
{
	struct mf_container *c = f->c;
	struct mf_mapping *m = f->m;
	bool more = m->filled + f->batch.pages < end;
	u32 nr = f->batch.nr - more;
	int err;

	mf_rwlock_read_lock(&c->domains_lock);
	err = commit_runs(f, k, nr);
	if (!err && m->filled == end)
		mf_chunk_fit(c->host, k);
	if (!err && m->filled == mf_span_pages(m->range.span)) {
		err = finish(f);
		f->whole = !err;
	}
	mf_rwlock_read_unlock(&c->domains_lock);
	return err;
}

static int fill_all(struct fill *f)
{
	struct mf_chunk *k;
	u64 end;
	int err;

	do {
		k = mf_mapping_chunk(f->m, f->m->filled, &end);
		err = pin_batch(f, end);
		if (!err)
			err = commit_batch(f, k, end);
	} while (!err && !f->whole);
	return err;
}

/* Give back what was pinned and billed, but is not part of the mapping. */
static void undo_batch(struct fill *f)
{
	struct mf_host *host = f->c->host;

	if (f->batch.nr)
		host->ops->unpin(host, f->m->owner, f->batch.runs, f->batch.nr, f->m->prot);
	if (f->billed)
		host->ops->unbill(host, f->m->owner, f->billed);
}

/* Pin, bill and map all of @m; on failure what was done stays in @m->filled. */
static int fill(struct mf_container *c, struct mf_mapping *m, u32 flags, struct mf_refusal *why)
{
	mf_run few[STACK_RUNS], *many = NULL;
	struct fill f = {
		.c = c, .m = m, .why = why,
		.batch = { .runs = few, .max = STACK_RUNS, .single = flags & MF_MAP_SMALL_PAGES },
	};
	int err;

	if (mf_mapping_alloc_chunks(c, m))
		return mf_refuse(c, why, NO_MEMORY, 0);

	/* Without memory for large batches small ones will do. */
	if (mf_span_pages(m->range.span) > STACK_RUNS)
		many = c->host->ops->alloc(c->host, BATCH_RUNS * sizeof(*many));
	if (many) {
		f.batch.runs = many;
		f.batch.max = BATCH_RUNS;
	}

	err = fill_all(&f);
	if (err)
		undo_batch(&f);
	c->host->ops->free(c->host, many);
	return err;
}

/* A mapping that could not be completed leaves every domain and the index. */
static void undo_mapping(struct mf_container *c, struct mf_mapping *m)
{
	bool stuck;

	mf_rwlock_read_lock(&c->domains_lock);
	if (!m->doomed)
		mf_domains_unmap(c, m);
	mf_mutex_lock(&c->lock);
	mf_mapping_unlink(c, m);
	stuck = mf_mapping_keep_stuck(c, m);
	mf_mutex_unlock(&c->lock);
	mf_turnstile_advance(&c->at_rest);
	mf_rwlock_read_unlock(&c->domains_lock);

	if (!stuck)
		mf_mappings_free(c, m);
}

/**
 * mf_map() - map memory of an owner for all devices of a container
 * @c: the container
 * @owner: whose memory; the mapping takes a reference
 * @iova: first IOVA, a multiple of the granule
 * @vaddr: where the memory begins, a multiple of the granule
 * @size: bytes, a multiple of the granule, not 0
 * @prot: MF_READ, MF_WRITE or both, from the device's view
 * @flags: MF_MAP_SMALL_PAGES: every page apart, for one who suspects large ones
 * @why: where to put the reason of a refusal, or NULL
 *
 * The range may end at 2^64-1. While another request is busy with some of the
 * same IOVAs, this one waits for it.
 *
 * Return: 0; or a negative errno, with nothing pinned, billed or mapped.
 */
int mf_map(struct mf_container *c, struct mf_owner *owner, u64 iova, u64 vaddr, u64 size,
	   u32 prot, u32 flags, struct mf_refusal *why)
{
	struct mf_mapping *m;
	int err;

	err = check_range(c, iova, vaddr, size, prot, why);
	if (err)
		return err;

	m = mf_mapping_alloc(c, owner, (struct mf_span){ iova, iova + (size - 1) }, vaddr, prot);
	if (!m)
		return mf_refuse(c, why, NO_MEMORY, 0);

	err = reserve(c, m, size, why);
	if (err) {
		mf_mappings_free(c, m);
		return err;
	}

	err = fill(c, m, flags, why);
	if (err) {
		undo_mapping(c, m);
		return err;
	}

	/* From here on another thread may unmap it: m is not ours any more. */
	mf_turnstile_advance(&c->at_rest);
	return 0;
}
