// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Unmap: the way out of mappings.
 *
 * Selected (select.c) and marked as being removed, so that whoever wants the
 * IOVAs waits; unmapped from every domain, flushed once per domain, taken out
 * of the index, and only then, with no lock held, unpinned and unbilled.
 */
#include "internal.h"

/* Mark the selected mappings as leaving, and list them in order. */
static struct mf_mapping *mark(const struct mf_selection *s, u64 *bytes)
{
	struct mf_mapping *m, *list = NULL, **tail = &list;

	*bytes = 0;
	mf_for_each_selected(m, s) {
		m->state = MF_MAPPING_REMOVING;
		m->next = NULL;
		*tail = m;
		tail = &m->next;
		*bytes += mf_mapping_size(m);
	}
	return list;
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
		mf_tell(c, UNMAPPED, .span = m->range.span, .pages = m->filled);
		if (mf_mapping_keep_stuck(c, m))
			continue;
		*tail = m;
		tail = &m->next;
	}
	return leaving;
}

/**
 * mf_unmap_selected() - take marked mappings out of the domains and the index
 * @c: the container
 * @list: the mappings, in order of IOVA
 *
 * Drops the lock for what needs none.
 *
 * Context: c->domains_lock is held for reading; this gives it back.
 */
void mf_unmap_selected(struct mf_container *c, struct mf_mapping *list)
{
	mf_domains_unmap(c, list);
	mf_mutex_lock(&c->lock);
	list = unlink_locked(c, list);
	mf_mutex_unlock(&c->lock);
	mf_turnstile_advance(&c->at_rest);
	mf_rwlock_read_unlock(&c->domains_lock);

	mf_mappings_free(c, list);
}

static int unmap_once(struct mf_container *c, struct mf_selection *s, u64 *bytes,
		      struct mf_refusal *why)
{
	struct mf_mapping *list = NULL;
	int selected;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	selected = mf_select(c, s, why);
	if (selected == MF_SELECTED)
		list = mark(s, bytes);
	mf_mutex_unlock(&c->lock);

	if (list)
		mf_unmap_selected(c, list);
	else
		mf_rwlock_read_unlock(&c->domains_lock);
	return selected;
}

static int unmap_selection(struct mf_container *c, struct mf_selection *s, u64 *unmapped,
			   struct mf_refusal *why)
{
	u64 bytes = 0;
	int selected, err;

	while ((selected = unmap_once(c, s, &bytes, why)) != MF_SELECTED) {
		err = mf_select_again(c, s, selected, why);
		if (err)
			return err;
	}
	if (unmapped)
		*unmapped = bytes;
	return 0;
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
 * Devices of emulated groups are asked to unpin what they have pinned of them.
 *
 * Return: 0; or a negative errno, with every mapping as it was.
 */
int mf_unmap(struct mf_container *c, u64 iova, u64 size, u64 *unmapped, struct mf_refusal *why)
{
	struct mf_selection s mf_uninitialized;
	int err = mf_select_span(c, iova, size, &s, why);

	return err ? err : unmap_selection(c, &s, unmapped, why);
}

/**
 * mf_unmap_all() - unmap everything
 * @c: the container
 * @unmapped: on success, how many bytes that were; or NULL
 * @why: where to put the reason of a refusal, or NULL
 *
 * Return: 0; -EINTR when killed while waiting for another request; or -EBUSY
 * when a device does not let go of what it has pinned.
 */
int mf_unmap_all(struct mf_container *c, u64 *unmapped, struct mf_refusal *why)
{
	struct mf_selection s = { .span = { 0, ~0ull }, .all = true };

	return unmap_selection(c, &s, unmapped, why);
}

/**
 * mf_end_all_mappings() - the last group has gone, and so go the mappings
 * @c: the container, without groups
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
		m->gone = true;
		mf_mapping_hold(m);
		m->next = NULL;
		*tail = m;
		tail = &m->next;
	}
	list = unlink_locked(c, list);
	c->tracking = false;
	mf_mutex_unlock(&c->lock);
	mf_turnstile_advance(&c->at_rest);

	mf_mappings_free(c, list);
	mf_mappings_free(c, stuck);
}
