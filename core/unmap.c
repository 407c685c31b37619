// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Unmap: which mappings a range takes with it, and their way out.
 *
 * The rules come from the two types of container (RFC "vfio/iommu_type1:
 * Multi-IOMMU domain support", 2014). Both deal in whole mappings. With type1
 * a range that begins inside a mapping removes nothing, else every mapping it
 * touches goes whole, so more than was asked for may go; with type1v2 a range
 * that cuts a mapping is refused. The walk is in order of IOVA, so the result
 * depends on the mappings alone.
 *
 * The way out: marked as being removed (so that whoever wants the IOVAs
 * waits), unmapped from every domain, flushed once per domain, taken out of the
 * index, and only then, with no lock held, unpinned and unbilled.
 */
#include "internal.h"

/* A mapping that touches @span and is busy; the caller waits for it. */
static bool any_busy(struct mf_container *c, struct mf_span span)
{
	struct mf_mapping *m;

	for (m = mf_mapping_from(c, span.first); m && m->range.span.first <= span.last;
	     m = mf_mapping_after(m)) {
		if (m->state != MF_MAPPING_LIVE)
			return true;
	}
	return false;
}

/* The mapping that a type1v2 range would cut, or NULL. */
static struct mf_mapping *bisected(struct mf_container *c, struct mf_span span)
{
	struct mf_mapping *m = mf_mapping_from(c, span.first);

	if (m && m->range.span.first < span.first)
		return m;
	m = mf_mapping_from(c, span.last);
	if (m && m->range.span.first <= span.last && m->range.span.last > span.last)
		return m;
	return NULL;
}

/* Mark all that touch @span as leaving, and list them in order. */
static struct mf_mapping *mark(struct mf_container *c, struct mf_span span, u64 *bytes)
{
	struct mf_mapping *m, *list = NULL, **tail = &list;

	*bytes = 0;
	for (m = mf_mapping_from(c, span.first); m && m->range.span.first <= span.last;
	     m = mf_mapping_after(m)) {
		m->state = MF_MAPPING_REMOVING;
		m->next = NULL;
		*tail = m;
		tail = &m->next;
		*bytes += mf_mapping_bytes(m);
	}
	return list;
}

static int select_locked(struct mf_container *c, struct mf_span span, bool all,
			 struct mf_mapping **list, u64 *bytes, u64 *turn, struct mf_refusal *why)
{
	struct mf_mapping *cut;

	if (any_busy(c, span)) {
		*turn = mf_turnstile_read(&c->at_rest);
		return -EAGAIN;
	}

	cut = all ? NULL : bisected(c, span);
	if (cut && c->config.rules == MF_TYPE1V2)
		return mf_refuse(c, why, BISECTED, 0, span.first, span.last,
				 cut->range.span.first, cut->range.span.last);
	if (cut && cut->range.span.first < span.first)
		return 0;

	*list = mark(c, span, bytes);
	return 0;
}

/*
 * Take mappings out of the index. Return those that can be freed; what a unit
 * did not let go of is kept apart.
 */
static struct mf_mapping *unlink_locked(struct mf_container *c, struct mf_mapping *list)
{
	struct mf_mapping *m, *next, *leaving = NULL, **tail = &leaving;

	for (m = list; m; m = next) {
		next = m->next;
		m->next = NULL;
		mf_mapping_unlink(c, m);
		mf_tell(c, &(struct mf_event){
			.type = MF_EVENT_UNMAPPED, .span = m->range.span, .pages = m->filled });
		if (mf_mapping_keep_stuck(c, m))
			continue;
		*tail = m;
		tail = &m->next;
	}
	return leaving;
}

/* In this order: in-tree refuses a range that does not align before it finds that it wraps. */
static int check_span(struct mf_container *c, struct mf_span span, struct mf_refusal *why)
{
	u64 granule = mf_granule(c), size = span.last - span.first + 1;

	if ((span.first | size) & (granule - 1))
		return mf_refuse(c, why, UNMAP_MISALIGNED, 0, span.first, size, granule);
	if (span.last < span.first)
		return mf_refuse(c, why, IOVA_WRAPS, c->config.wrap_errno, span.first, size);
	return 0;
}

static int unmap_once(struct mf_container *c, struct mf_span span, bool all, u64 *bytes,
		      u64 *turn, struct mf_refusal *why)
{
	struct mf_mapping *list = NULL;
	int err;

	mf_rwlock_read_lock(&c->domains_lock);
	err = all ? 0 : check_span(c, span, why);
	if (err) {
		mf_rwlock_read_unlock(&c->domains_lock);
		return err;
	}

	mf_mutex_lock(&c->lock);
	err = select_locked(c, span, all, &list, bytes, turn, why);
	mf_mutex_unlock(&c->lock);

	if (list) {
		mf_domains_unmap(c, list);
		mf_mutex_lock(&c->lock);
		list = unlink_locked(c, list);
		mf_mutex_unlock(&c->lock);
		mf_turnstile_advance(&c->at_rest);
	}
	mf_rwlock_read_unlock(&c->domains_lock);

	mf_mappings_free(c, list);
	return err;
}

static int unmap_span(struct mf_container *c, struct mf_span span, bool all, u64 *unmapped,
		      struct mf_refusal *why)
{
	u64 bytes = 0, turn = 0;
	int err;

	while ((err = unmap_once(c, span, all, &bytes, &turn, why)) == -EAGAIN) {
		if (mf_turnstile_wait(&c->at_rest, turn))
			return mf_refuse(c, why, INTERRUPTED, 0);
	}
	if (!err && unmapped)
		*unmapped = bytes;
	return err;
}

/**
 * mf_unmap() - unmap the mappings in a range, by the container's rules
 * @c: the container
 * @iova: first IOVA of the range, a multiple of the granule
 * @size: bytes, a multiple of the granule, not 0
 * @unmapped: on success, how many bytes were unmapped (0 if there was nothing;
 *	with MF_TYPE1 possibly more than @size); or NULL
 * @why: where to put the reason of a refusal, or NULL
 *
 * Return: 0; or a negative errno, with every mapping as it was.
 */
int mf_unmap(struct mf_container *c, u64 iova, u64 size, u64 *unmapped, struct mf_refusal *why)
{
	if (!size)
		return mf_refuse(c, why, SIZE_ZERO, 0);
	return unmap_span(c, (struct mf_span){ iova, iova + (size - 1) }, false, unmapped, why);
}

/**
 * mf_unmap_all() - unmap everything
 * @c: the container
 * @unmapped: on success, how many bytes that were; or NULL
 * @why: where to put the reason of a refusal, or NULL
 *
 * Return: 0; or -EINTR when killed while waiting for another request.
 */
int mf_unmap_all(struct mf_container *c, u64 *unmapped, struct mf_refusal *why)
{
	return unmap_span(c, (struct mf_span){ 0, ~0ull }, true, unmapped, why);
}

/**
 * mf_end_all_mappings() - the last domain has gone, and so go the mappings
 * @c: the container, without domains
 *
 * Nothing translates any more, so nothing need be unmapped. A mapping that is
 * still being made is left to its maker, who finds it doomed.
 *
 * Context: c->domains_lock is held for writing.
 */
void mf_end_all_mappings(struct mf_container *c)
{
	struct mf_mapping *m, *next, *stuck, *list = NULL, **tail = &list;

	mf_mutex_lock(&c->lock);
	stuck = c->stuck;
	c->stuck = NULL;
	for (m = mf_mapping_from(c, 0); m; m = next) {
		next = mf_mapping_after(m);
		if (m->state == MF_MAPPING_ADDING) {
			m->doomed = true;
			continue;
		}
		m->state = MF_MAPPING_REMOVING;
		m->next = NULL;
		*tail = m;
		tail = &m->next;
	}
	list = unlink_locked(c, list);
	mf_mutex_unlock(&c->lock);
	mf_turnstile_advance(&c->at_rest);

	mf_mappings_free(c, list);
	mf_mappings_free(c, stuck);
}
