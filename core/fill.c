// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Fill: from an owner's memory to runs that every domain maps.
 *
 * With no lock held, the pages of a mapping are pinned in batches; the runs of
 * each batch are billed, and with the domains lock held for reading they are
 * appended to the mapping and mapped in every domain. So a request that faults
 * its pages in for seconds is in nobody's way but of those that want the same
 * IOVAs; and an attach that comes in between finds a mapping with some pages
 * filled, replays those, and the rest goes into the new domain too.
 *
 * The last run of a batch is held back when more may follow, because the next
 * page may prolong it: units are given runs as long as they are, which makes
 * the largest leaves, and no granule is ever cut in two by a batch's end.
 *
 * A mapping is filled by the request that makes it; or, when it was made while
 * emulated groups were alone and nothing had to be pinned, by the attach that
 * brings the first domain, which keeps everybody else out until all are full.
 */
#include "internal.h"

/* Runs in a batch; and for requests this small, room for them on the stack. */
#define BATCH_RUNS	512
#define STACK_RUNS	32

/*
 * How many pages may be pinned before they are billed (16 MiB of 4 KiB pages).
 * More would let many requests at once hold much that nobody has paid. But a bill
 * takes the owner's mmap lock and keeps its page faults waiting, and where runs are
 * large ones (2 MiB on the average) that is soon dearer than pinning them: then it
 * may be more (64 MiB).
 */
#define BILL_PAGES		4096
#define BILL_LARGE_PAGES	16384
#define LARGE_RUN_PAGES		512

/* Not an error: the mapping was emptied under its maker's hands, see begin_anew(). */
#define WAS_EMPTIED	1

struct fill {
	struct mf_container *c;
	struct mf_mapping *m;
	struct mf_refusal *why;
	struct mf_batch batch;
	u64 filled;		/* pages of the mapping that are done */
	u64 billed;		/* pages of the batch that are billed */
	u32 at;			/* these end in the run with this number, */
	u64 part;		/* behind so many pages of it */
	bool held;		/* the caller holds the domains lock, for writing */
	bool whole;		/* it is complete: others may use it, and end it */
};

/* All of the batch is billed. */
static void note_billed(struct fill *f)
{
	const struct mf_batch *b = &f->batch;

	f->billed = b->pages - b->foreign;
	f->at = b->nr ? b->nr - 1 : 0;
	f->part = b->nr ? mf_run_pages(b->runs[f->at]) : 0;
}

/* Bill what the batch has pinned since it was billed last. */
static int bill_batch(struct fill *f)
{
	struct mf_batch *b = &f->batch;
	u64 pages = b->pages - b->foreign - f->billed;
	mf_run *first = &b->runs[f->at], all;
	int err = 0;

	if (pages) {
		/* The run that was the last may have become longer since. */
		all = *first;
		if (f->part)
			*first = mf_run_make(mf_run_pfn(all) + f->part,
					     mf_run_pages(all) - f->part, all & MF_RUN_FLAGS);
		err = mf_bill_runs(f->c, f->m, first, b->nr - f->at, pages, f->held, f->why);
		*first = all;
	}
	if (!err)
		note_billed(f);
	return err;
}

/* Take what is billed of the batch off the bill. */
static void unbill_batch(struct fill *f)
{
	struct mf_batch *b = &f->batch;

	if (!f->billed)
		return;
	b->runs[f->at] = mf_run_make(mf_run_pfn(b->runs[f->at]), f->part,
				     b->runs[f->at] & MF_RUN_FLAGS);
	mf_unbill_runs(f->c, f->m, b->runs, f->at + 1, f->billed, f->held);
}

/* So much is pinned and not billed that it is to be, before more is pinned. */
static bool owes_much(const struct fill *f)
{
	const struct mf_batch *b = &f->batch;
	u64 pages = b->pages - b->foreign - f->billed;

	return pages >= BILL_LARGE_PAGES ||
	       (pages >= BILL_PAGES && pages < (u64)LARGE_RUN_PAGES * (b->nr - f->at - 1));
}

/* Pin until page @end of the mapping, or until the batch is nearly full. */
static int pin_batch(struct fill *f, u64 end)
{
	struct mf_host *host = f->c->host;
	struct mf_batch *b = &f->batch;
	u32 enough = b->max / 8;
	int err;

	while (f->filled + b->pages < end && mf_batch_room(b) > enough) {
		u64 page = f->filled + b->pages;
		u64 vaddr = f->m->vaddr + (page << MF_PAGE_SHIFT);
		s64 n = mf_ops(host)->pin(host, f->m->owner, vaddr, end - page, f->m->prot, b);

		if (n <= 0)
			return mf_refuse(f->c, f->why, PIN, n ? (int)n : -EFAULT, vaddr);
		if (owes_much(f)) {
			err = bill_batch(f);
			if (err)
				return err;
		}
	}
	return bill_batch(f);
}

/*
 * The mapping is whole and in every domain (or there is none): let the units
 * see it, and others.
 */
static int finish(struct fill *f)
{
	struct mf_container *c = f->c;
	struct mf_mapping *m = f->m;
	int err;

	err = mf_domains_sync(c, m->range.span, f->why);
	if (err)
		return err;

	f->whole = true;
	mf_mutex_lock(&c->lock);
	if (m->filled)
		mf_mapping_count(c, m);
	if (!f->held)
		mf_mapping_live(c, m);
	mf_mutex_unlock(&c->lock);
	return 0;
}

/* The first @nr runs of the batch become the mapping's; at most one is left. */
static void take_runs(struct fill *f, struct mf_chunk *k, u32 nr)
{
	struct mf_mapping *m = f->m;
	u64 pages, foreign;

	mf_chunk_append(k, f->batch.runs, nr);
	pages = f->batch.pages;
	foreign = f->batch.foreign;
	if (nr < f->batch.nr) {
		pages -= mf_run_pages(f->batch.runs[nr]);
		if (mf_run_foreign(f->batch.runs[nr]))
			foreign -= mf_run_pages(f->batch.runs[nr]);
	}
	m->filled += pages;
	f->filled = m->filled;
	m->foreign += foreign;
	f->batch.pages -= pages;
	f->batch.foreign -= foreign;
	f->batch.nr -= nr;
	if (f->batch.nr)
		f->batch.runs[0] = f->batch.runs[nr];
	note_billed(f);
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

/* How many runs the rest of the chunk, which ends with page @end, takes if it is like the batch. */
static u32 runs_to_come(const struct fill *f, u64 end)
{
	const struct mf_batch *b = &f->batch;
	u64 left = end - f->filled - b->pages;

	/* The last run may become longer; it counts among those that come, too. */
	return left && b->pages ? (u32)(left * b->nr) / (u32)b->pages + 1 : 0;
}

/* Map the first @nr runs of the batch, and make them part of the mapping. */
static int commit_runs(struct fill *f, struct mf_chunk *k, u32 nr, u64 end)
{
	struct mf_container *c = f->c;
	struct mf_mapping *m = f->m;
	struct mf_span span = m->range.span;
	int err;

	if (m->doomed)
		return mf_refuse(c, f->why, DETACHED, 0, span.first, span.last);
	if (mf_chunk_reserve(c->host, k, nr, runs_to_come(f, end)))
		return mf_refuse(c, f->why, NO_MEMORY, 0);

	err = mf_domains_map(c, m, f->batch.runs, nr, f->why);
	if (!err)
		take_runs(f, k, nr);
	else if (m->stuck)
		keep_stuck_runs(f, k, nr);
	return err;
}

static int commit_locked(struct fill *f, struct mf_chunk *k, u64 end)
{
	struct mf_mapping *m = f->m;
	u32 nr = f->batch.nr - (f->filled + f->batch.pages < end);
	int err;

	/* The last domain left, and emulated groups stay. */
	if (!m->doomed && (!f->c->domains || m->filled != f->filled))
		return WAS_EMPTIED;

	err = commit_runs(f, k, nr, end);
	if (!err && m->filled == end)
		mf_chunk_fit(f->c->host, k);
	if (!err && m->filled == mf_span_pages(m->range.span))
		err = finish(f);
	return err;
}

static int commit_batch(struct fill *f, struct mf_chunk *k, u64 end)
{
	int err;

	if (f->held)
		return commit_locked(f, k, end);

	mf_rwlock_read_lock(&f->c->domains_lock);
	err = commit_locked(f, k, end);
	mf_rwlock_read_unlock(&f->c->domains_lock);
	return err;
}

/* Give back what was pinned and billed, but is not part of the mapping. */
static void undo_batch(struct fill *f)
{
	struct mf_host *host = f->c->host;
	struct mf_mapping *m = f->m;

	if (f->batch.nr)
		mf_ops(host)->unpin(host, m->owner, f->batch.runs, f->batch.nr, m->prot);
	unbill_batch(f);
	f->batch.nr = 0;
	f->batch.pages = 0;
	f->batch.foreign = 0;
	note_billed(f);
}

/*
 * The mapping was emptied while it was being filled: without a domain it is
 * ready as it is; if there is one by now, begin anew.
 */
static int begin_anew(struct fill *f)
{
	struct mf_container *c = f->c;
	int err = 0;

	undo_batch(f);
	f->filled = 0;
	mf_rwlock_read_lock(&c->domains_lock);
	if (!f->m->doomed && !c->domains) {
		/* As if it had been made without: the next domain's fill brings its own. */
		mf_mapping_free_chunks(c, f->m);
		err = finish(f);
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
		k = mf_mapping_chunk(f->m, f->filled, &end);
		err = pin_batch(f, end);
		if (!err)
			err = commit_batch(f, k, end);
		if (err == WAS_EMPTIED)
			err = begin_anew(f);
	} while (!err && !f->whole);
	return err;
}

static int fill(struct mf_container *c, struct mf_mapping *m, struct mf_ahead *ahead, bool held,
		struct mf_refusal *why)
{
	mf_run few[STACK_RUNS] mf_uninitialized, *many = NULL;
	struct fill f = {
		.c = c, .m = m, .why = why, .held = held,
		.batch = { .runs = few, .max = STACK_RUNS, .single = m->small_pages,
			   .ahead = ahead },
	};
	int err;

	if (mf_mapping_alloc_chunks(c, m))
		return mf_refuse(c, why, NO_MEMORY, 0);

	/* Without memory for large batches small ones will do. */
	if (mf_span_pages(m->range.span) > STACK_RUNS)
		many = mf_alloc(c->host, BATCH_RUNS * sizeof(*many));
	if (many) {
		f.batch.runs = many;
		f.batch.max = BATCH_RUNS;
	}

	err = fill_all(&f);
	if (err)
		undo_batch(&f);
	mf_ops(c->host)->free(c->host, many);
	return err;
}

/**
 * mf_fill() - pin, bill and map all of a mapping that is being made
 * @c: the container
 * @m: the mapping, in the index; live when this has succeeded
 * @ahead: what the host's @ahead_begin returned for it, or NULL
 * @why: where to put the reason of a refusal, or NULL
 *
 * Context: no lock is held.
 * Return: 0; or a negative errno, and what was done stays in @m->filled.
 */
int mf_fill(struct mf_container *c, struct mf_mapping *m, struct mf_ahead *ahead,
	    struct mf_refusal *why)
{
	return fill(c, m, ahead, false, why);
}

/**
 * mf_fill_held() - pin, bill and map all of a mapping that has nothing yet
 * @c: the container, with the one domain that it is for
 * @m: the mapping, which is not being made
 * @why: where to put the reason of a refusal, or NULL
 *
 * Context: c->domains_lock is held for writing.
 * Return: 0; or a negative errno, and mf_mapping_empty() is to follow.
 */
int mf_fill_held(struct mf_container *c, struct mf_mapping *m, struct mf_refusal *why)
{
	return fill(c, m, NULL, true, why);
}
