// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Which mappings a range names: the rules of the two types of container.
 *
 * They come from the RFC "vfio/iommu_type1: Multi-IOMMU domain support" (2014).
 * Both deal in whole mappings. With type1 a range that begins inside a mapping
 * names nothing, else every mapping it touches is meant whole, so it may be
 * more than was asked for; with type1v2 a range that cuts a mapping is refused.
 * The walk is in order of IOVA, so the result depends on the mappings alone.
 *
 * A request selects under both locks, and acts before it drops them. When it
 * can't yet, because another request uses a mapping or a device has pinned some
 * of it, it drops them, has mf_select_again() see to that, and begins anew.
 */
#include "internal.h"

/* How often devices are asked to let go of what they have pinned of a mapping. */
#define ASK_MOST 10

/**
 * mf_select_span() - the range that a request names
 * @c: the container
 * @iova: its first IOVA, a multiple of the granule
 * @size: bytes, a multiple of the granule, not 0
 * @s: where to put it
 * @why: where to put the reason of a refusal, or NULL
 *
 * Whether it is aligned is seen by mf_select(), which knows the granule, and
 * whether it wraps after that.
 *
 * Return: 0 or a negative errno.
 */
int mf_select_span(struct mf_container *c, u64 iova, u64 size, struct mf_selection *s,
		   struct mf_refusal *why)
{
	if (!size)
		return mf_refuse(c, why, SIZE_ZERO, 0);

	*s = (struct mf_selection){ .span = { iova, iova + (size - 1) } };
	return 0;
}

/* What one walk over the selected mappings finds. */
struct found {
	struct mf_mapping *cut;		/* the range would cut it: the first or the last, or NULL */
	struct mf_mapping *pinned;	/* the first that devices have pinned some of, or NULL */
	bool busy;			/* another request uses one of them */
};

static struct found look_at(const struct mf_selection *s)
{
	struct mf_mapping *m, *last = NULL;
	struct found f = { };

	mf_for_each_selected(m, s) {
		if (m->users && !s->sharing)
			m->wanted = true;
		if (m->state != MF_MAPPING_LIVE || m->wanted) {
			f.busy = true;
			return f;
		}
		if (m->externals.root && !f.pinned)
			f.pinned = m;
		last = m;
	}
	if (!last)
		return f;

	if (s->first->range.span.first < s->span.first)
		f.cut = s->first;
	else if (last->range.span.last > s->span.last)
		f.cut = last;
	return f;
}

/**
 * mf_select_check() - does a range align, and does it end?
 * @c: the container
 * @span: the range
 * @why: where to put the reason of a refusal, or NULL
 *
 * In this order: in-tree refuses a range that does not align before it finds
 * that it wraps (7.3).
 *
 * Context: c->domains_lock is held.
 * Return: 0 or a negative errno.
 */
int mf_select_check(struct mf_container *c, struct mf_span span, struct mf_refusal *why)
{
	u64 granule = mf_granule(c), size = span.last - span.first + 1;

	if ((span.first | size) & (granule - 1))
		return mf_refuse(c, why, UNMAP_MISALIGNED, 0, span.first, size, granule);
	if (span.last < span.first)
		return mf_refuse(c, why, IOVA_WRAPS, c->config.wrap_errno, span.first, size);
	return 0;
}

/**
 * mf_select() - find the mappings that a request is about
 * @c: the container
 * @s: the request's range; @s->first is set
 * @why: where to put the reason of a refusal, or NULL
 *
 * Context: c->domains_lock and c->lock are held.
 * Return: MF_SELECTED; a negative errno; or what mf_select_again() is to see to
 * after the locks have been dropped.
 */
int mf_select(struct mf_container *c, struct mf_selection *s, struct mf_refusal *why)
{
	struct found f;
	int err;

	if (!s->all) {
		err = mf_select_check(c, s->span, why);
		if (err)
			return err;
	}

	s->first = mf_mapping_from(c, s->span.first);
	f = look_at(s);
	if (f.busy) {
		s->turn = mf_turnstile_read(&c->at_rest);
		return MF_SELECT_WAIT;
	}

	if (f.cut && c->config.rules == MF_TYPE1V2)
		return mf_refuse(c, why, BISECTED, 0, s->span.first, s->span.last,
				 f.cut->range.span.first, f.cut->range.span.last);
	if (f.cut && f.cut->range.span.first < s->span.first) {
		s->first = NULL;
		return MF_SELECTED;
	}

	if (!f.pinned || s->keeps_pins)
		return MF_SELECTED;
	s->pinned = f.pinned->range.span;
	s->pages = f.pinned->nr_externals;
	return MF_SELECT_UNPIN;
}

/**
 * mf_select_again() - see to what kept a request from going on
 * @c: the container
 * @s: its selection
 * @selected: what mf_select() returned
 * @why: where to put the reason of a refusal, or NULL
 *
 * A device that is asked and asked and keeps its pages pinned makes the request
 * fail, so that it can't hold up whoever unmaps for ever.
 *
 * Context: no lock is held.
 * Return: 0: select again; or a negative errno, also when @selected is one.
 */
int mf_select_again(struct mf_container *c, struct mf_selection *s, int selected,
		    struct mf_refusal *why)
{
	if (selected == MF_SELECT_WAIT)
		return mf_turnstile_wait(&c->at_rest, s->turn) ?
			mf_refuse(c, why, INTERRUPTED, 0) : 0;
	if (selected != MF_SELECT_UNPIN)
		return selected;

	/* Each mapping gets as many attempts, but no device gets more by pinning again. */
	if (s->pinned.first > s->highest) {
		s->highest = s->pinned.first;
		s->asked = 0;
	}
	if (s->asked++ >= ASK_MOST)
		return mf_refuse(c, why, STILL_PINNED, 0, s->pages, s->pinned.first,
				 s->pinned.last);
	mf_ops(c->host)->unmapping(c->host, c->config.cookie, s->pinned);
	return 0;
}
