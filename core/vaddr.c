// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A process hands its devices over to another (or to itself, after exec): the
 * vaddrs of its mappings are invalidated, and later each gets a new one, from
 * whoever lives then. DMA goes on all the while, since the pages stay pinned
 * where they are.
 *
 * With the new vaddr a mapping gets its new owner, who is billed for it before
 * the old one is refunded. While any vaddr is invalid no group can be attached
 * and no emulated group can ask for pages; and with an emulated group, which
 * may ask at any time, none can be invalidated.
 */
#include "internal.h"

static int check_emulated(struct mf_container *c, struct mf_refusal *why)
{
	bool any;

	mf_rwlock_read_lock(&c->domains_lock);
	any = c->emulated;
	mf_rwlock_read_unlock(&c->domains_lock);
	return any ? mf_refuse(c, why, EMULATED_GROUP, 0) : 0;
}

static int invalidate_locked(struct mf_container *c, struct mf_selection *s, u64 *bytes,
			     struct mf_refusal *why)
{
	struct mf_mapping *m;
	int selected;

	if (c->emulated)
		return mf_refuse(c, why, EMULATED_GROUP, 0);
	selected = mf_select(c, s, why);
	if (selected != MF_SELECTED)
		return selected;

	mf_for_each_selected(m, s) {
		if (m->vaddr_invalid)
			return mf_refuse(c, why, VADDR_INVALID_TWICE, 0, m->range.span.first,
					 m->range.span.last);
	}
	*bytes = 0;
	mf_for_each_selected(m, s) {
		m->vaddr_invalid = true;
		c->nr_invalid++;
		*bytes += mf_mapping_size(m);
		mf_tell(c, VADDR_INVALID, .span = m->range.span, .vaddr = m->vaddr);
	}
	return MF_SELECTED;
}

static int invalidate(struct mf_container *c, struct mf_selection *s, u64 *invalidated,
		      struct mf_refusal *why)
{
	int selected, err;
	u64 bytes = 0;

	for (;;) {
		mf_rwlock_read_lock(&c->domains_lock);
		mf_mutex_lock(&c->lock);
		selected = invalidate_locked(c, s, &bytes, why);
		mf_mutex_unlock(&c->lock);
		mf_rwlock_read_unlock(&c->domains_lock);
		if (selected == MF_SELECTED)
			break;
		err = mf_select_again(c, s, selected, why);
		if (err)
			return err;
	}
	if (invalidated)
		*invalidated = bytes;
	return 0;
}

/**
 * mf_invalidate_vaddr() - the vaddrs of the mappings in a range hold no longer
 * @c: the container
 * @iova: first IOVA of the range, a multiple of the granule
 * @size: bytes, a multiple of the granule, not 0
 * @invalidated: on success, how many bytes of mappings; or NULL
 * @why: where to put the reason of a refusal, or NULL
 *
 * A range names mappings by the rules for mf_unmap().
 *
 * Return: 0; or a negative errno, with every mapping as it was: -EBUSY with an
 * emulated group, -EINVAL if a vaddr is invalid already.
 */
int mf_invalidate_vaddr(struct mf_container *c, u64 iova, u64 size, u64 *invalidated,
			struct mf_refusal *why)
{
	struct mf_selection s;
	int err;

	/* This first, whatever else is wrong. */
	err = check_emulated(c, why);
	if (err)
		return err;
	err = mf_select_span(c, iova, size, &s, why);
	if (err)
		return err;

	s.keeps_pins = true;
	return invalidate(c, &s, invalidated, why);
}

/**
 * mf_invalidate_all_vaddr() - the vaddrs of all mappings hold no longer
 * @c: the container
 * @invalidated: on success, how many bytes of mappings; or NULL
 * @why: where to put the reason of a refusal, or NULL
 *
 * Return: as mf_invalidate_vaddr().
 */
int mf_invalidate_all_vaddr(struct mf_container *c, u64 *invalidated, struct mf_refusal *why)
{
	struct mf_selection s = { .span = { 0, ~0ull }, .all = true, .keeps_pins = true };

	return invalidate(c, &s, invalidated, why);
}

static int check_alignment(struct mf_container *c, u64 iova, u64 vaddr, u64 size,
			   struct mf_refusal *why)
{
	u64 granule;

	mf_rwlock_read_lock(&c->domains_lock);
	granule = mf_granule(c);
	mf_rwlock_read_unlock(&c->domains_lock);
	if ((iova | vaddr | size) & (granule - 1))
		return mf_refuse(c, why, MISALIGNED, 0, iova, vaddr, size, granule);
	return 0;
}

/* What a new vaddr is for. */
struct update {
	struct mf_owner *owner;
	struct mf_span span;
	u64 vaddr;
	bool unlimited;
};

static int check_update(struct mf_container *c, const struct mf_mapping *m,
			const struct update *u, struct mf_refusal *why)
{
	if (!m || m->range.span.first > u->span.last)
		return mf_refuse(c, why, NOTHING_TO_UPDATE, 0, u->span.first, u->span.last);
	if (!m->vaddr_invalid)
		return mf_refuse(c, why, VADDR_VALID, 0, m->range.span.first,
				 m->range.span.last);
	if (m->range.span.first != u->span.first || m->range.span.last != u->span.last)
		return mf_refuse(c, why, NOT_THE_MAPPING, 0, u->span.first, u->span.last,
				 m->range.span.first, m->range.span.last);
	return 0;
}

/* Find the mapping that is to get a new vaddr, and hold it. */
static int hold_invalid(struct mf_container *c, const struct update *u, struct mf_mapping **out,
			struct mf_refusal *why)
{
	struct mf_mapping *m;
	u64 turn;
	int err;

	for (;;) {
		mf_mutex_lock(&c->lock);
		m = mf_mapping_from(c, u->span.first);
		if (!m || m->range.span.first > u->span.last || m->state == MF_MAPPING_LIVE)
			break;
		turn = mf_turnstile_read(&c->at_rest);
		mf_mutex_unlock(&c->lock);
		if (mf_turnstile_wait(&c->at_rest, turn))
			return mf_refuse(c, why, INTERRUPTED, 0);
	}
	err = check_update(c, m, u, why);
	if (!err)
		mf_mapping_hold(m);
	mf_mutex_unlock(&c->lock);
	*out = m;
	return err;
}

/*
 * Set the new vaddr of a mapping that is held and whose new owner is billed for
 * it. Another request may have done so, or ended the mapping. What software has
 * pinned of it goes with it.
 */
static int set_vaddr(struct mf_container *c, struct mf_mapping *m, const struct update *u,
		     struct mf_refusal *why)
{
	int err;

	mf_mutex_lock(&c->lock);
	err = check_update(c, m->gone ? NULL : m, u, why);
	if (!err && m->owner != u->owner)
		err = mf_bill_externals(c, m, u->owner, u->unlimited, why);
	if (!err) {
		m->vaddr = u->vaddr;
		m->unlimited = u->unlimited;
		m->vaddr_invalid = false;
		c->nr_invalid--;
		m->owner = u->owner;
		mf_tell(c, VADDR_UPDATED, .span = m->range.span, .vaddr = m->vaddr);
	}
	mf_mutex_unlock(&c->lock);
	return err;
}

/*
 * Move the bill to the new owner, if that is another, and then the mapping. The
 * pages it is for stay where they are all the while: c->domains_lock is held.
 */
static int move(struct mf_container *c, struct mf_mapping *m, const struct update *u,
		struct mf_refusal *why)
{
	const struct mf_host_ops *ops = mf_ops(c->host);
	struct mf_owner *old;
	int err;

	/* Another request for the same mapping may be ahead, or it has ended. */
	mf_mutex_lock(&c->lock);
	err = check_update(c, m->gone ? NULL : m, u, why);
	old = m->owner;
	mf_mutex_unlock(&c->lock);
	if (!err && old != u->owner)
		err = mf_bill_filled(c, m, u->owner, u->unlimited, why);
	if (err)
		return err;

	ops->owner_get(c->host, u->owner);
	err = set_vaddr(c, m, u, why);
	if (old != u->owner)
		mf_unbill_filled(c, m, err ? u->owner : old);
	ops->owner_put(c->host, err ? u->owner : old);
	return err;
}

/**
 * mf_update_vaddr() - give a mapping whose vaddr was invalidated a new one
 * @c: the container
 * @owner: whose memory it is from now on
 * @iova: the mapping's first IOVA
 * @vaddr: where its memory begins now, a multiple of the granule
 * @size: the mapping's size in bytes
 * @flags: MF_MAP_UNLIMITED
 * @why: where to put the reason of a refusal, or NULL
 *
 * That the same memory is there is the caller's word: the pages that devices
 * reach are those that were pinned before.
 *
 * Return: 0; or a negative errno, with the vaddr still invalid: -ENOENT if
 * nothing is mapped there, -EINVAL if it is not just this mapping or its vaddr
 * is valid, -ENOMEM at the new owner's limit.
 */
int mf_update_vaddr(struct mf_container *c, struct mf_owner *owner, u64 iova, u64 vaddr,
		    u64 size, u32 flags, struct mf_refusal *why)
{
	struct update u = {
		.owner = owner, .span = { iova, iova + (size - 1) }, .vaddr = vaddr,
		.unlimited = flags & MF_MAP_UNLIMITED,
	};
	struct mf_mapping *m;
	int err;

	err = mf_check_range(c, iova, vaddr, size, why);
	if (!err)
		err = check_alignment(c, iova, vaddr, size, why);
	if (!err)
		err = hold_invalid(c, &u, &m, why);
	if (err)
		return err;

	mf_rwlock_read_lock(&c->domains_lock);
	err = move(c, m, &u, why);
	mf_rwlock_read_unlock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	mf_mapping_drop(c, m);
	mf_mutex_unlock(&c->lock);
	mf_turnstile_advance(&c->at_rest);
	return err;
}
