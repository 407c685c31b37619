// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The bill: what is billed to whom, and by which rule.
 *
 * There are two, and a container has one of them for its whole life.
 *
 * Once: every page that is pinned for an owner, by a mapping or by a software
 * device, is charged to the owner's ledger, which bills it when it is the first
 * time (ledger.c). What is charged and refunded here is always what is pinned and
 * unpinned, page by page, and nothing has to be known of the rest.
 *
 * By mapping, as in-tree type1 counts: while there is a domain a mapping is
 * billed whole, once for every mapping that has the page, and what software
 * devices have pinned of it costs nothing; while there is none, they are billed
 * for each page they have pinned. So when the first domain comes, what its
 * mappings pin is paid by as many pages as were billed already, and when the last
 * leaves, the bill for as many as software has pinned stays.
 *
 * Invariant, by mapping: m->externals_billed is 0 while there is a domain, and
 * never more than m->nr_externals. Once: it is 0.
 */
#include "internal.h"

/* Say what a bill that was refused was about, and how it stands. */
static int refuse_bill(struct mf_container *c, struct mf_owner *owner, int err, u64 asked,
		       u64 fresh, struct mf_refusal *why)
{
	u64 billed, limit;

	mf_ops(c->host)->owner_limit(c->host, owner, &billed, &limit);
	return mf_refuse(c, why, BILL, err, asked, fresh, billed, limit);
}

static int charge(struct mf_container *c, struct mf_owner *owner, const mf_run *runs, u64 nr,
		  bool unlimited, struct mf_refusal *why)
{
	struct mf_charge what;
	int err = mf_ledger_charge(c->host, owner, runs, nr, unlimited, &what);

	if (err && what.refused)
		return refuse_bill(c, owner, err, what.asked, what.fresh, why);
	return err ? mf_refuse(c, why, NO_MEMORY, 0) : 0;
}

static int bill(struct mf_container *c, struct mf_owner *owner, u64 pages, bool unlimited,
		struct mf_refusal *why)
{
	int err = mf_ops(c->host)->bill(c->host, owner, pages, unlimited);

	return err ? refuse_bill(c, owner, err, pages, pages, why) : 0;
}

static void unbill(struct mf_container *c, struct mf_owner *owner, u64 pages)
{
	if (pages)
		mf_ops(c->host)->unbill(c->host, owner, pages);
}

/**
 * mf_bill_runs() - bill pages that were pinned for a mapping's domains
 * @c: the container
 * @m: the mapping
 * @runs: where they are
 * @nr: how many runs
 * @pages: how many pages of them are not foreign
 * @held: the caller holds c->domains_lock for writing: the first domain has come
 * @why: where to put the reason of a refusal, or NULL
 *
 * Return: 0; or a negative errno, with nothing billed.
 */
int mf_bill_runs(struct mf_container *c, struct mf_mapping *m, const mf_run *runs, u64 nr,
		 u64 pages, bool held, struct mf_refusal *why)
{
	u64 paid;
	int err;

	if (c->config.bill_once)
		return charge(c, m->owner, runs, nr, m->unlimited, why);

	/* What emulated groups have pinned is billed already; nobody changes that now. */
	paid = held ? mf_min(pages, m->externals_billed) : 0;
	if (pages > paid) {
		err = bill(c, m->owner, pages - paid, m->unlimited, why);
		if (err)
			return err;
	}
	if (paid) {
		m->externals_billed -= paid;
		c->externals_billed -= paid;
	}
	return 0;
}

/**
 * mf_unbill_runs() - undo mf_bill_runs(), for pages that do not become the mapping's
 * @c: the container
 * @m: the mapping
 * @runs: the runs, or several that were billed put together
 * @nr: how many
 * @pages: how many pages of them are not foreign
 * @held: as for mf_bill_runs(); then mf_mapping_empty() follows
 */
void mf_unbill_runs(struct mf_container *c, struct mf_mapping *m, const mf_run *runs, u64 nr,
		    u64 pages, bool held)
{
	if (c->config.bill_once) {
		mf_ledger_refund(c->host, m->owner, runs, nr);
	} else if (held) {
		/* mf_bill_emptied() tells how much of it is to stay. */
		m->externals_billed += pages;
		c->externals_billed += pages;
	} else {
		unbill(c, m->owner, pages);
	}
}

static void refund_filled(struct mf_refund *r, const struct mf_mapping *m)
{
	struct mf_chunk_walk walk mf_uninitialized;

	if (m->chunks == &m->only) {
		mf_refund_runs(r, mf_chunk_runs(&m->only), m->only.nr);
		return;
	}
	walk = mf_chunk_walk(m);
	while (mf_chunk_next(&walk))
		mf_refund_runs(r, walk.runs, walk.nr);
}

static void refund_externals(struct mf_refund *r, const struct mf_mapping *m)
{
	struct mf_range *x = mf_ranges_from(&m->externals, 0);

	for (; x; x = mf_ranges_next(x))
		mf_refund_runs(r, &mf_entry(x, struct mf_external, range)->run, 1);
}

/* Pages that are billed for a mapping by its own rule. */
u64 mf_billed(const struct mf_container *c, const struct mf_mapping *m)
{
	return m->filled - m->foreign +
	       (c->config.bill_once ? m->nr_externals : m->externals_billed);
}

/**
 * mf_bill_emptied() - the last domain has left a mapping: bill what stays pinned
 * @c: the container
 * @m: the mapping, with what was filled, which is unpinned
 *
 * Context: c->domains_lock is held for writing.
 */
void mf_bill_emptied(struct mf_container *c, struct mf_mapping *m)
{
	struct mf_refund r;
	u64 billed, stay;

	if (c->config.bill_once) {
		mf_refund_begin(&r, c->host, m->owner);
		refund_filled(&r, m);
		mf_refund_end(&r);
		return;
	}

	billed = mf_billed(c, m);
	stay = mf_min(billed, m->nr_externals);
	unbill(c, m->owner, billed - stay);
	mf_mutex_lock(&c->lock);
	c->externals_billed += stay;
	c->externals_billed -= m->externals_billed;
	m->externals_billed = stay;
	mf_mutex_unlock(&c->lock);
}

/**
 * mf_unbill_list() - take mappings off the bill that are ending
 * @c: the container
 * @m: the first of them, out of the index, with all that it had
 * @end: the first that is not meant; those before have one owner
 */
void mf_unbill_list(struct mf_container *c, const struct mf_mapping *m,
		    const struct mf_mapping *end)
{
	struct mf_owner *owner = m->owner;
	struct mf_refund r;
	u64 pages = 0;

	mf_refund_begin(&r, c->host, owner);
	for (; m != end; m = m->next) {
		if (c->config.bill_once) {
			refund_filled(&r, m);
			refund_externals(&r, m);
		} else {
			pages += mf_billed(c, m);
		}
	}
	mf_refund_end(&r);
	unbill(c, owner, pages);
}

/**
 * mf_bill_external() - bill a page that a software device has pinned
 * @c: the container
 * @m: the mapping, which is held
 * @run: the page
 * @billed: set to whether it is on the bill
 * @why: where to put the reason of a refusal, or NULL
 *
 * Context: c->domains_lock is held until the page is entered.
 * Return: 0; or a negative errno, with nothing billed.
 */
int mf_bill_external(struct mf_container *c, struct mf_mapping *m, const mf_run *run,
		     bool *billed, struct mf_refusal *why)
{
	int err = 0;

	*billed = !mf_run_foreign(*run) && (c->config.bill_once || !c->domains);
	if (*billed && c->config.bill_once)
		err = charge(c, m->owner, run, 1, m->unlimited, why);
	else if (*billed)
		err = bill(c, m->owner, 1, m->unlimited, why);
	return err;
}

/**
 * mf_unbill_external() - take a page that software has unpinned off the bill
 * @c: the container
 * @owner: who was billed
 * @run: the page, which was on the bill
 */
void mf_unbill_external(struct mf_container *c, struct mf_owner *owner, const mf_run *run)
{
	if (c->config.bill_once)
		mf_ledger_refund(c->host, owner, run, 1);
	else
		unbill(c, owner, 1);
}

/**
 * mf_bill_entered() - a page of software's enters a mapping's records
 * @c: the container
 * @m: the mapping
 * @billed: what mf_bill_external() said
 *
 * Context: c->domains_lock and c->lock are held.
 */
void mf_bill_entered(struct mf_container *c, struct mf_mapping *m, bool billed)
{
	if (c->config.bill_once)
		return;
	m->externals_billed += billed;
	c->externals_billed += billed;
}

/**
 * mf_bill_left() - a page of software's leaves a mapping's records
 * @c: the container
 * @m: the mapping
 * @run: the page
 *
 * Context: c->domains_lock and c->lock are held.
 * Return: whether it is to be taken off the bill.
 */
bool mf_bill_left(struct mf_container *c, struct mf_mapping *m, mf_run run)
{
	if (mf_run_foreign(run))
		return false;
	if (c->config.bill_once)
		return true;
	if (!m->externals_billed)
		return false;
	m->externals_billed--;
	c->externals_billed--;
	return true;
}

/* Take what was charged for the chunks before the one at @end out of a ledger. */
static void refund_before(struct mf_container *c, const struct mf_mapping *m,
			  struct mf_owner *owner, const struct mf_chunk_walk *end)
{
	struct mf_chunk_walk walk = mf_chunk_walk(m);
	struct mf_refund r;

	mf_refund_begin(&r, c->host, owner);
	while (mf_chunk_next(&walk) && walk.index != end->index)
		mf_refund_runs(&r, walk.runs, walk.nr);
	mf_refund_end(&r);
}

static int charge_filled(struct mf_container *c, const struct mf_mapping *m,
			 struct mf_owner *owner, bool unlimited, struct mf_refusal *why)
{
	struct mf_chunk_walk walk = mf_chunk_walk(m);
	int err;

	while (mf_chunk_next(&walk)) {
		err = charge(c, owner, walk.runs, walk.nr, unlimited, why);
		if (err) {
			refund_before(c, m, owner, &walk);
			return err;
		}
	}
	return 0;
}

/**
 * mf_bill_filled() - bill another owner for what a mapping has filled
 * @c: the container
 * @m: the mapping, which is held
 * @owner: who
 * @unlimited: whatever the limit is
 * @why: where to put the reason of a refusal, or NULL
 *
 * Context: c->domains_lock is held for reading, and c->lock is not.
 * Return: 0; or a negative errno, with nothing billed.
 */
int mf_bill_filled(struct mf_container *c, const struct mf_mapping *m, struct mf_owner *owner,
		   bool unlimited, struct mf_refusal *why)
{
	u64 pages = m->filled - m->foreign;

	if (c->config.bill_once)
		return charge_filled(c, m, owner, unlimited, why);
	return pages ? bill(c, owner, pages, unlimited, why) : 0;
}

/* Take what mf_bill_filled() billed, or what was billed when it was filled, off the bill. */
void mf_unbill_filled(struct mf_container *c, const struct mf_mapping *m, struct mf_owner *owner)
{
	struct mf_refund r;

	if (!c->config.bill_once) {
		unbill(c, owner, m->filled - m->foreign);
		return;
	}
	mf_refund_begin(&r, c->host, owner);
	refund_filled(&r, m);
	mf_refund_end(&r);
}

/**
 * mf_bill_externals() - bill another owner for what software has pinned of a mapping
 * @c: the container
 * @m: the mapping, whose owner is still the old one
 * @owner: who
 * @unlimited: whatever the limit is
 * @why: where to put the reason of a refusal, or NULL
 *
 * Few have any at this point: only devices that left, or that are behind a unit,
 * can have pinned pages of a mapping whose vaddr is invalid. So this is done, and
 * the old owner refunded, under the lock that keeps the pages where they are.
 *
 * Context: c->domains_lock is held for reading, and c->lock as well.
 * Return: 0; or a negative errno, with the bills as they were.
 */
int mf_bill_externals(struct mf_container *c, struct mf_mapping *m, struct mf_owner *owner,
		      bool unlimited, struct mf_refusal *why)
{
	struct mf_range *x, *first = mf_ranges_from(&m->externals, 0), *failed = NULL;
	struct mf_refund r;
	int err = 0;

	/* By mapping there is a domain now, and they are not billed. */
	if (!c->config.bill_once || !first)
		return 0;

	for (x = first; x && !failed; x = mf_ranges_next(x)) {
		err = charge(c, owner, &mf_entry(x, struct mf_external, range)->run, 1, unlimited,
			     why);
		if (err)
			failed = x;
	}
	mf_refund_begin(&r, c->host, failed ? owner : m->owner);
	for (x = first; x != failed; x = mf_ranges_next(x))
		mf_refund_runs(&r, &mf_entry(x, struct mf_external, range)->run, 1);
	mf_refund_end(&r);
	return err;
}
