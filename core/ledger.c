// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The ledger: bill a page once.
 *
 * Each owner has one, for all containers. It counts, by page frame, how often
 * a page is pinned for the owner: by mappings, whatever domains they are in, and
 * by software devices. A page is billed when its count leaves 0 and refunded
 * when it is back there, under the ledger's lock, so that nobody can rely on a
 * page that is then not billed.
 *
 * How the counts are kept is in block.c. When the last page has gone, so has
 * all memory.
 */
#include "blocks.h"

/* How many runs are refunded before others may have the ledger. */
#define REFUND_RUNS	(1u << 16)

/* Without pages nothing is kept. */
static void leave(struct mf_host *host, struct mf_ledger *l)
{
	if (!l->pages && l->level)
		mf_blocks_end(host, l);
	mf_mutex_unlock(&l->lock);
}

/* Count pages once more, and say in @what how many. Return: 0 or -ENOMEM, as mf_blocks_add(). */
static int put_in(struct mf_host *host, struct mf_ledger *l, const mf_run *runs, u64 nr,
		  struct mf_charge *what)
{
	*what = (struct mf_charge){ .asked = 1, .fresh = 1 };
	if (nr == 1 && mf_only_add(l, *runs))
		return 0;
	return mf_blocks_add(host, l, runs, nr, what);
}

static void take_out(struct mf_refund *r, const mf_run *runs, u64 nr)
{
	if (nr == 1 && mf_only_sub(r->ledger, *runs)) {
		r->pins++;
		r->gone++;
	} else {
		r->pins += mf_blocks_sub(r->host, r->ledger, runs, nr, &r->gone);
	}
}

/**
 * mf_ledger_charge() - count pages that were pinned, and bill those that are new
 * @host: gives memory, and bills
 * @owner: for whom they were pinned
 * @runs: the pages; foreign ones do not count
 * @nr: how many runs
 * @unlimited: bill them whatever the owner's limit is
 * @what: where to say what became of it
 *
 * Return: 0; or a negative errno with nothing charged: -ENOMEM without memory to
 * note it, or, where @what->refused, what the bill said.
 */
int mf_ledger_charge(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr,
		     bool unlimited, struct mf_charge *what)
{
	struct mf_ledger *l = mf_ops(host)->owner_ledger(host, owner);
	u64 gone = 0;
	int err;

	mf_mutex_lock(&l->lock);
	err = put_in(host, l, runs, nr, what);
	if (!err && what->fresh) {
		err = mf_ops(host)->bill(host, owner, what->fresh, unlimited);
		if (err) {
			what->refused = true;
			mf_blocks_sub(host, l, runs, nr, &gone);
		}
	}
	if (!err) {
		l->pages += what->fresh;
		l->pins += what->asked;
	}
	leave(host, l);
	return err;
}

/**
 * mf_refund_begin() - be ready to take pages out of a ledger
 * @r: what mf_refund_runs() and mf_refund_end() are to be given
 * @host: takes memory, and refunds
 * @owner: for whom they were charged
 *
 * Many runs, of many mappings, are refunded at once. Nothing is locked before
 * there are any, and others are let in between every so many.
 */
void mf_refund_begin(struct mf_refund *r, struct mf_host *host, struct mf_owner *owner)
{
	*r = (struct mf_refund){ .host = host, .owner = owner };
}

/**
 * mf_refund_runs() - take pages out of a ledger
 * @r: begun by mf_refund_begin()
 * @runs: runs that were charged, as they were or put together
 * @nr: how many
 *
 * It needs no memory and can't fail. The owner is refunded by mf_refund_end().
 */
void mf_refund_runs(struct mf_refund *r, const mf_run *runs, u64 nr)
{
	u64 some;

	for (; nr; runs += some, nr -= some) {
		if (!r->ledger) {
			r->ledger = mf_ops(r->host)->owner_ledger(r->host, r->owner);
			mf_mutex_lock(&r->ledger->lock);
		}
		some = mf_min(nr, REFUND_RUNS - r->runs);
		take_out(r, runs, some);
		r->runs += some;
		if (r->runs == REFUND_RUNS)
			mf_refund_end(r);
	}
}

/**
 * mf_refund_end() - refund what has left the ledger
 * @r: begun by mf_refund_begin(); may go on to be used
 */
void mf_refund_end(struct mf_refund *r)
{
	struct mf_ledger *l = r->ledger;

	if (!l)
		return;
	l->pages -= r->gone;
	l->pins -= r->pins;
	if (r->gone)
		mf_ops(r->host)->unbill(r->host, r->owner, r->gone);
	leave(r->host, l);
	r->ledger = NULL;
	r->gone = 0;
	r->pins = 0;
	r->runs = 0;
}

/* Take the pages of some runs out of a ledger; see mf_refund_runs(). */
void mf_ledger_refund(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr)
{
	struct mf_refund r;

	mf_refund_begin(&r, host, owner);
	mf_refund_runs(&r, runs, nr);
	mf_refund_end(&r);
}

/**
 * mf_get_ledger() - what an owner's ledger has
 * @host: the host
 * @owner: the owner
 * @info: where to put it
 *
 * May be called from a mf_owner_fn.
 */
void mf_get_ledger(struct mf_host *host, struct mf_owner *owner, struct mf_ledger_info *info)
{
	struct mf_ledger *l = mf_ops(host)->owner_ledger(host, owner);

	mf_mutex_lock(&l->lock);
	*info = (struct mf_ledger_info){
		.pages = l->pages, .pins = l->pins, .bytes = l->bytes, .pieces = l->pieces,
	};
	mf_mutex_unlock(&l->lock);
}

/* End a ledger that has nothing. */
void mf_ledger_fini(struct mf_ledger *l)
{
	mf_mutex_fini(&l->lock);
}
