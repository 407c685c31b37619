// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Map: from a request to pages that every domain translates to.
 *
 * First the range is reserved: under the two locks, for as long as a lookup
 * takes, the mapping enters the index, marked as being made. Then it is filled
 * (fill.c) with no lock held. Whoever wants the same IOVAs waits for that to
 * end. While there are only emulated groups nothing is pinned, and the mapping
 * is ready at once.
 */
#include "internal.h"

/* Is this a range of IOVAs, and one of memory? */
int mf_check_range(struct mf_container *c, u64 iova, u64 vaddr, u64 size, struct mf_refusal *why)
{
	int wraps = c->config.wrap_errno;

	if (!size)
		return mf_refuse(c, why, SIZE_ZERO, 0);
	if (iova + (size - 1) < iova)
		return mf_refuse(c, why, IOVA_WRAPS, wraps, iova, size);
	if (vaddr + (size - 1) < vaddr)
		return mf_refuse(c, why, VADDR_WRAPS, wraps, vaddr, size);
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
	int err;

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
	if (c->domains && !mf_window_contains(&c->window, span))
		return mf_refuse(c, why, OUT_OF_WINDOW, 0, span.first, span.last);
	if (c->tracking) {
		err = mf_dirty_check(c, span, why);
		if (err)
			return err;
	}

	mf_ranges_link(&c->mappings, &m->range, slot);
	c->available--;
	if (!c->domains)
		mf_mapping_live(c, m);
	return 0;
}

/* @ready: there is nothing to fill it for, and others may have it by now. */
static int reserve_once(struct mf_container *c, struct mf_mapping *m, u64 size, bool *ready,
			u64 *turn, struct mf_refusal *why)
{
	u64 iova = m->range.span.first, granule;
	int err;

	mf_rwlock_read_lock(&c->domains_lock);
	granule = mf_granule(c);
	*ready = !c->domains;
	if (!c->domains && !c->emulated) {
		err = mf_refuse(c, why, NO_GROUP, 0);
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

static int reserve(struct mf_container *c, struct mf_mapping *m, u64 size, bool *ready,
		   struct mf_refusal *why)
{
	u64 turn = 0;
	int err;

	while ((err = reserve_once(c, m, size, ready, &turn, why)) == -EAGAIN) {
		if (mf_turnstile_wait(&c->at_rest, turn))
			return mf_refuse(c, why, INTERRUPTED, 0);
	}
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

/* A mapping this large (16 MiB) is worth that the host is told before. */
#define AHEAD_PAGES	4096

static int fill_or_undo(struct mf_container *c, struct mf_mapping *m, struct mf_refusal *why)
{
	const struct mf_host_ops *ops = mf_ops(c->host);
	u64 pages = mf_span_pages(m->range.span);
	struct mf_ahead *ahead = NULL;
	int err;

	if (pages >= AHEAD_PAGES && ops->ahead_begin)
		ahead = ops->ahead_begin(c->host, m->owner, m->vaddr, pages, m->prot);
	err = mf_fill(c, m, ahead, why);
	if (err)
		undo_mapping(c, m);
	else	/* From here on another thread may unmap it: m is not ours any more. */
		mf_turnstile_advance(&c->at_rest);
	/* Last: if memory has run out, who is busy there may wait for what was given back. */
	if (ahead)
		ops->ahead_end(c->host, ahead);
	return err;
}

/**
 * mf_map() - map memory of an owner for all devices of a container
 * @c: the container
 * @owner: whose memory; the mapping takes a reference
 * @iova: first IOVA, a multiple of the granule
 * @vaddr: where the memory begins, a multiple of the granule
 * @size: bytes, a multiple of the granule, not 0
 * @prot: MF_READ, MF_WRITE or both, from the device's view
 * @flags: MF_MAP_SMALL_PAGES, MF_MAP_UNLIMITED
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
	bool ready;
	int err;

	err = mf_check_range(c, iova, vaddr, size, why);
	if (err)
		return err;
	if (!(prot & (MF_READ | MF_WRITE)))
		return mf_refuse(c, why, NO_ACCESS, 0);

	m = mf_mapping_alloc(c, owner, (struct mf_span){ iova, iova + (size - 1) }, vaddr, prot);
	if (!m)
		return mf_refuse(c, why, NO_MEMORY, 0);

	m->unlimited = flags & MF_MAP_UNLIMITED;
	m->small_pages = flags & MF_MAP_SMALL_PAGES;

	err = reserve(c, m, size, &ready, why);
	if (err) {
		mf_mappings_free(c, m);
		return err;
	}
	return ready ? 0 : fill_or_undo(c, m, why);
}
