// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pages for emulated groups: software devices that reach the user's memory by
 * asking for it, page by page, instead of through an I/O page table.
 *
 * A page that is asked for is pinned for the asker, whether or not it is pinned
 * for a domain already: so it stays when the domains go. Pages asked for again
 * are counted, not pinned again. What they cost is decided under the domains
 * lock, by the rule for that (bill.c).
 *
 * Invariant: a page is in m->externals as long as a device holds it.
 */
#include "internal.h"

/*
 * Find the mapping at @iova, at rest and with valid vaddrs all over, and hold
 * it. Behind a request that waits to have it alone, so that devices which use it
 * all the time can't keep that waiting for ever.
 */
static int hold(struct mf_container *c, u64 iova, struct mf_mapping **out,
		struct mf_refusal *why)
{
	struct mf_mapping *m;
	u32 invalid;
	u64 turn;

	for (;;) {
		mf_mutex_lock(&c->lock);
		invalid = c->nr_invalid;
		m = mf_mapping_from(c, iova);
		if (m && m->range.span.first > iova)
			m = NULL;
		if (invalid || !m || (m->state == MF_MAPPING_LIVE && !m->wanted))
			break;
		turn = mf_turnstile_read(&c->at_rest);
		mf_mutex_unlock(&c->lock);
		if (mf_turnstile_wait(&c->at_rest, turn))
			return mf_refuse(c, why, INTERRUPTED, 0);
	}
	if (m && !invalid)
		mf_mapping_hold(m);
	mf_mutex_unlock(&c->lock);

	if (invalid)
		return mf_refuse(c, why, INVALID_VADDR, 0, invalid);
	if (!m)
		return mf_refuse(c, why, NOT_MAPPED, 0, iova);
	*out = m;
	return 0;
}

static void drop(struct mf_container *c, struct mf_mapping *m)
{
	mf_mutex_lock(&c->lock);
	mf_mapping_drop(c, m);
	mf_mutex_unlock(&c->lock);
	mf_turnstile_advance(&c->at_rest);
}

static struct mf_span page_of(u64 iova)
{
	return (struct mf_span){ iova & MF_PAGE_MASK, iova | ~MF_PAGE_MASK };
}

static struct mf_external *find(const struct mf_mapping *m, u64 iova)
{
	struct mf_range *r = mf_ranges_from(&m->externals, iova);

	if (!r || r->span.first > iova)
		return NULL;
	return mf_entry(r, struct mf_external, range);
}

/* One more of a page that is pinned already. Context: c->lock is held. */
static bool count_again(struct mf_mapping *m, u64 iova, u64 *pfn)
{
	struct mf_external *x = find(m, iova);

	if (!x)
		return false;
	x->count++;
	*pfn = mf_run_pfn(x->run);
	return true;
}

/* Context: c->lock is held. */
static void insert(struct mf_container *c, struct mf_mapping *m, struct mf_external *x,
		   bool billed)
{
	struct mf_range_slot slot;
	u64 memory = !mf_run_foreign(x->run);

	mf_ranges_slot(&m->externals, x->range.span, &slot);
	mf_ranges_link(&m->externals, &x->range, slot);
	m->nr_externals += memory;
	c->pages_external += memory;
	mf_bill_entered(c, m, billed);
}

/*
 * Bill @x, which is pinned, and enter it, unless somebody was faster. @pfn is
 * that of the page that was entered, by whomever; false if it was not @x.
 */
static int enter(struct mf_container *c, struct mf_mapping *m, struct mf_external *x, u64 *pfn,
		 bool *entered, struct mf_refusal *why)
{
	bool billed, again = false, gone;
	int err;

	mf_rwlock_read_lock(&c->domains_lock);
	err = mf_bill_external(c, m, &x->run, &billed, why);
	if (err) {
		mf_rwlock_read_unlock(&c->domains_lock);
		return err;
	}

	mf_mutex_lock(&c->lock);
	gone = m->gone;
	if (!gone)
		again = count_again(m, x->range.span.first, pfn);
	*entered = !gone && !again;
	if (*entered) {
		insert(c, m, x, billed);
		*pfn = mf_run_pfn(x->run);
	}
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);

	if (!*entered && billed)
		mf_unbill_external(c, m->owner, &x->run);
	return gone ? mf_refuse(c, why, NOT_MAPPED, 0, x->range.span.first) : 0;
}

/* Pin the page at @iova of a mapping that is held. */
static int pin_new(struct mf_container *c, struct mf_mapping *m, u64 iova, u64 *pfn,
		   struct mf_refusal *why)
{
	u64 vaddr = m->vaddr + (iova - m->range.span.first);
	struct mf_batch batch = { .max = 1, .memory_only = true };
	const struct mf_host_ops *ops = mf_ops(c->host);
	struct mf_external *x = mf_zalloc(c->host, sizeof(*x));
	bool entered = false;
	s64 got;
	int err;

	if (!x)
		return mf_refuse(c, why, NO_MEMORY, 0);

	x->range.span = page_of(iova);
	x->count = 1;
	batch.runs = &x->run;
	got = ops->pin(c->host, m->owner, vaddr, 1, m->prot, &batch);
	if (got <= 0) {
		ops->free(c->host, x);
		return mf_refuse(c, why, PIN, got ? (int)got : -EFAULT, vaddr);
	}

	err = enter(c, m, x, pfn, &entered, why);
	if (!entered) {
		ops->unpin(c->host, m->owner, &x->run, 1, m->prot);
		ops->free(c->host, x);
	}
	return err;
}

static int pin_one(struct mf_container *c, u64 iova, u32 prot, u64 *pfn, struct mf_refusal *why)
{
	struct mf_mapping *m;
	bool again;
	int err;

	err = hold(c, iova, &m, why);
	if (err)
		return err;

	if (prot & ~m->prot) {
		err = mf_refuse(c, why, NO_RIGHT, 0, m->range.span.first, m->range.span.last);
	} else {
		mf_mutex_lock(&c->lock);
		again = !m->gone && count_again(m, iova, pfn);
		mf_mutex_unlock(&c->lock);
		if (!again)
			err = pin_new(c, m, iova, pfn, why);
	}
	drop(c, m);
	return err;
}

/*
 * A group behind a unit that has begun to pin what it uses dirties nothing else
 * from now on. What it did before that is not known.
 */
static void note_pinning(struct mf_container *c, struct mf_host_group *group)
{
	struct mf_member *member;

	mf_rwlock_read_lock(&c->domains_lock);
	member = mf_member_find(c, group);
	mf_mutex_lock(&c->lock);
	if (member && !member->pins_only) {
		member->pins_only = true;
		c->writers--;
		if (c->tracking)
			mf_dirty_mark_all(c);
	}
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
}

/**
 * mf_pin_pages() - pin pages for a device that is software
 * @c: the container, with MF_TYPE1V2 rules
 * @group: the group of the device, or NULL if that is not known
 * @iova: IOVA of the first page
 * @pages: how many host pages
 * @prot: MF_READ, MF_WRITE or both; the mapping must allow it
 * @pfns: where to put their page frames
 * @why: where to put the reason of a refusal, or NULL
 *
 * Pages may be pinned again and again; each time is to be undone by
 * mf_unpin_pages(). While a request is busy with the same IOVAs, this one waits
 * for it.
 *
 * Return: 0; or a negative errno, with nothing pinned: -EACCES for MF_TYPE1
 * rules, -EINVAL for what is not mapped, -EPERM beyond the mapping's rights,
 * -EBUSY while any vaddr of the container is invalid, -ENOMEM at the limit.
 */
int mf_pin_pages(struct mf_container *c, struct mf_host_group *group, u64 iova, u32 pages,
		 u32 prot, u64 *pfns, struct mf_refusal *why)
{
	u64 size = (u64)pages << MF_PAGE_SHIFT;
	u32 i;
	int err;

	if (c->config.rules != MF_TYPE1V2)
		return mf_refuse(c, why, V2_ONLY, 0);
	if (!pages)
		return mf_refuse(c, why, NO_PAGES, 0);
	if (iova + (size - 1) < iova)
		return mf_refuse(c, why, IOVA_WRAPS, c->config.wrap_errno, iova, size);

	for (i = 0; i < pages; i++) {
		err = pin_one(c, iova + ((u64)i << MF_PAGE_SHIFT), prot, &pfns[i], why);
		if (err) {
			mf_unpin_pages(c, iova, i);
			return err;
		}
	}
	if (group)
		note_pinning(c, group);
	return 0;
}

/*
 * Take one count off the page at @iova. When it was the last the page leaves
 * the mapping: it is returned, with a reference on its owner.
 */
static struct mf_external *release(struct mf_container *c, u64 iova, struct mf_owner **owner,
				   u32 *prot, bool *billed)
{
	struct mf_mapping *m = mf_mapping_from(c, iova);
	struct mf_external *x = NULL;
	u64 memory;

	if (m && m->range.span.first <= iova)
		x = find(m, iova);
	if (!x || --x->count)
		return NULL;

	memory = !mf_run_foreign(x->run);
	*billed = mf_bill_left(c, m, x->run);
	*owner = m->owner;
	*prot = m->prot;
	mf_ops(c->host)->owner_get(c->host, m->owner);
	mf_ranges_remove(&m->externals, &x->range);
	m->nr_externals -= memory;
	c->pages_external -= memory;
	if (c->tracking)
		mf_dirty_mark(c, m, (iova - m->range.span.first) >> MF_PAGE_SHIFT, 1);
	return x;
}

static void unpin_one(struct mf_container *c, u64 iova)
{
	const struct mf_host_ops *ops = mf_ops(c->host);
	struct mf_owner *owner = NULL;
	struct mf_external *x;
	bool billed = false;
	u32 prot = 0;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	x = release(c, iova, &owner, &prot, &billed);
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
	if (!x)
		return;

	ops->unpin(c->host, owner, &x->run, 1, prot);
	if (billed)
		mf_unbill_external(c, owner, &x->run);
	ops->free(c->host, x);
	ops->owner_put(c->host, owner);
}

/**
 * mf_unpin_pages() - undo mf_pin_pages(), for all of its pages or some
 * @c: the container
 * @iova: IOVA of the first page
 * @pages: how many; those that are not pinned are ignored
 *
 * It never waits for another request, and may be called from the host's
 * @unmapping.
 */
void mf_unpin_pages(struct mf_container *c, u64 iova, u32 pages)
{
	u64 page = iova;
	u32 i;

	/* Behind 2^64 there is none. */
	for (i = 0; i < pages && page >= iova; i++, page += MF_PAGE_SIZE)
		unpin_one(c, page);
}

/* Even a copy that failed may have written some of it. */
static void note_written(struct mf_container *c, struct mf_mapping *m, u64 offset, u64 bytes)
{
	u64 first = offset >> MF_PAGE_SHIFT, last = (offset + (bytes - 1)) >> MF_PAGE_SHIFT;

	mf_mutex_lock(&c->lock);
	if (c->tracking && !m->gone)
		mf_dirty_mark(c, m, first, last - first + 1);
	mf_mutex_unlock(&c->lock);
}

/* Copy as much as one mapping has. */
static int access_one(struct mf_container *c, u64 iova, void *data, u64 *bytes, bool write,
		      struct mf_refusal *why)
{
	struct mf_mapping *m;
	u64 offset, vaddr;
	int err;

	err = hold(c, iova, &m, why);
	if (err)
		return err;

	offset = iova - m->range.span.first;
	vaddr = m->vaddr + offset;
	*bytes = mf_min(*bytes, mf_mapping_size(m) - offset);
	if (!(m->prot & MF_READ) || (write && !(m->prot & MF_WRITE))) {
		err = mf_refuse(c, why, NO_RIGHT, 0, m->range.span.first, m->range.span.last);
	} else {
		err = mf_ops(c->host)->copy(c->host, m->owner, vaddr, data, *bytes, write);
		if (err)
			err = mf_refuse(c, why, COPY, err, vaddr);
		if (write)
			note_written(c, m, offset, *bytes);
	}
	drop(c, m);
	return err;
}

/**
 * mf_access() - read or write memory as a device would
 * @c: the container
 * @iova: where to begin
 * @data: what to write, or where to put what is read
 * @bytes: how many; they may lie in several mappings
 * @write: write
 * @why: where to put the reason of a refusal, or NULL
 *
 * A mapping that devices can't read is not written to either (in-tree type1 has
 * it so, 6.1 to 7.3).
 *
 * Return: 0; or a negative errno, and what lies before the byte that it is about
 * may have been copied.
 */
int mf_access(struct mf_container *c, u64 iova, void *data, u64 bytes, bool write,
	      struct mf_refusal *why)
{
	u64 done;
	int err;

	if (bytes && iova + (bytes - 1) < iova)
		return mf_refuse(c, why, IOVA_WRAPS, c->config.wrap_errno, iova, bytes);

	while (bytes) {
		done = bytes;
		err = access_one(c, iova, data, &done, write, why);
		if (err)
			return err;
		iova += done;
		data = (char *)data + done;
		bytes -= done;
	}
	return 0;
}
