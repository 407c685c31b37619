// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Domains: making, sharing, filling and emptying them.
 *
 * What a domain can do is known only once a device is attached: so it is made
 * for a group, the group attached, and what must be set while it is empty
 * (coherency) settled before anything is mapped. Groups share a domain when
 * the units behind them speak the same format and enforce the same coherency,
 * when the newcomer's unit can do all that the domain was made for, and when
 * the host accepts the group there. No bus is ever asked for.
 *
 * Invariant: outside the write side of the domains lock, every domain of the
 * container maps exactly the filled pages of every mapping; no domain is
 * special, and none is ever asked what it maps.
 */
#include "internal.h"

/* Sizes below the host's page can be had by mapping several: one page then. */
static u64 fold_pgsizes(u64 pgsizes)
{
	u64 whole = pgsizes & MF_PAGE_MASK;

	return whole == pgsizes ? whole : whole | MF_PAGE_SIZE;
}

/**
 * mf_domain_new() - make a domain for a group and attach it
 * @c: the container
 * @member: the group
 * @out: where to put the domain, which is not on the container's list yet
 * @why: where to put the reason of a refusal
 *
 * Return: 0, or a negative errno with the group where it was.
 */
int mf_domain_new(struct mf_container *c, struct mf_member *member, struct mf_domain **out,
		  struct mf_refusal *why)
{
	const struct mf_host_ops *ops = mf_ops(c->host);
	struct mf_domain *d = mf_zalloc(c->host, sizeof(*d));
	int err;

	if (!d)
		return mf_refuse(c, why, NO_MEMORY, 0);

	err = ops->domain_alloc(c->host, member->group, c->config.nesting, &d->host_domain);
	if (err) {
		ops->free(c->host, d);
		return mf_refuse(c, why, DOMAIN_ALLOC, err, member->id);
	}

	err = ops->domain_attach(c->host, d->host_domain, member->group);
	if (err) {
		mf_domain_end(c, d);
		return mf_refuse(c, why, GROUP_ATTACH, err, member->id);
	}

	ops->domain_settle(c->host, d->host_domain, &d->features);
	d->features.pgsizes = fold_pgsizes(d->features.pgsizes);
	*out = d;
	return 0;
}

/* End a domain that no group is attached to, with all that it maps. */
void mf_domain_end(struct mf_container *c, struct mf_domain *d)
{
	mf_ops(c->host)->domain_free(c->host, d->host_domain);
	mf_ops(c->host)->free(c->host, d);
}

/*
 * Can a group whose unit has the features @trial share a domain with @own? Its
 * unit must translate all that the domain maps or may come to map. A host need
 * not see to that: VT-d refuses a unit that is too narrow only for what is
 * mapped at that moment, and narrows the domain otherwise.
 */
static bool compatible(const struct mf_features *own, const struct mf_features *trial)
{
	return own->kind == trial->kind && own->coherent == trial->coherent &&
	       !(own->pgsizes & ~trial->pgsizes) &&
	       own->aperture.first >= trial->aperture.first &&
	       own->aperture.last <= trial->aperture.last;
}

/**
 * mf_domain_join() - move a group from its trial domain to one that fits
 * @c: the container
 * @trial: the domain that the group is attached to
 * @member: the group
 * @joined: the domain it has moved to; NULL if none took it
 * @why: where to put the reason of a refusal
 *
 * Return: 0; or a negative errno when the group could neither join nor return
 * to the trial domain, and is attached nowhere.
 */
int mf_domain_join(struct mf_container *c, struct mf_domain *trial, struct mf_member *member,
		   struct mf_domain **joined, struct mf_refusal *why)
{
	const struct mf_host_ops *ops = mf_ops(c->host);
	struct mf_domain *d;
	int err;

	*joined = NULL;
	mf_for_each(d, c->domains) {
		if (!compatible(&d->features, &trial->features))
			continue;

		ops->domain_detach(c->host, trial->host_domain, member->group);
		if (!ops->domain_attach(c->host, d->host_domain, member->group)) {
			*joined = d;
			return 0;
		}
		err = ops->domain_attach(c->host, trial->host_domain, member->group);
		if (err)
			return mf_refuse(c, why, GROUP_RETURN, err, member->id);
	}
	return 0;
}

/**
 * mf_domain_msi() - set up the doorbell window that a group needs
 * @c: the container
 * @d: the domain
 * @member: the group
 * @why: where to put the reason of a refusal, or NULL
 *
 * Only once per domain; a group that joins may be the first to need one.
 *
 * Return: 0 or a negative errno.
 */
int mf_domain_msi(struct mf_container *c, struct mf_domain *d, struct mf_member *member,
		  struct mf_refusal *why)
{
	u64 base;
	int err;

	if (d->msi || !mf_regions_msi(&member->regions, &base))
		return 0;

	err = mf_ops(c->host)->domain_msi(c->host, d->host_domain, base);
	if (err)
		return mf_refuse(c, why, MSI, err, base, member->id);
	d->msi = true;
	return 0;
}

/* Map all filled pages of one mapping in @d, chunk by chunk. */
static int fill_mapping(struct mf_container *c, struct mf_domain *d, const struct mf_mapping *m)
{
	const struct mf_host_ops *ops = mf_ops(c->host);
	struct mf_chunk_walk walk = mf_chunk_walk(m);
	struct mf_span span = m->range.span;
	int err;

	if (!m->filled)
		return 0;

	while (mf_chunk_next(&walk)) {
		err = ops->domain_map(c->host, d->host_domain,
				      span.first + (walk.page << MF_PAGE_SHIFT),
				      walk.runs, walk.nr, m->prot);
		if (err)
			return err;
	}
	return ops->domain_sync(c->host, d->host_domain,
				(struct mf_span){ span.first,
						  span.first + mf_mapping_bytes(m) - 1 });
}

/**
 * mf_domain_fill() - replay: map in a new domain what the container maps
 * @c: the container
 * @d: a domain that is not on its list yet
 * @group: number of the group that brought it
 * @mappings: how many mappings were replayed
 * @why: where to put the reason of a refusal
 *
 * Mappings being made are replayed as far as they are filled. On failure the
 * domain is left as it is: the caller ends it.
 *
 * Context: c->domains_lock is held for writing.
 * Return: 0 or a negative errno.
 */
int mf_domain_fill(struct mf_container *c, struct mf_domain *d, u32 group, u64 *mappings,
		   struct mf_refusal *why)
{
	struct mf_mapping *m;
	int err = 0;

	*mappings = 0;
	mf_mutex_lock(&c->lock);
	for (m = mf_mapping_from(c, 0); m && !err; m = mf_mapping_after(m)) {
		if (m->doomed)
			continue;
		err = fill_mapping(c, d, m);
		if (err)
			err = mf_refuse(c, why, REPLAY, err, m->range.span.first,
					m->range.span.last, group);
		else
			++*mappings;
	}
	mf_mutex_unlock(&c->lock);
	return err;
}

/**
 * mf_domains_fill_first() - fill a container's first domain
 * @c: the container, whose mappings nothing has been pinned for
 * @d: the domain
 * @mappings: how many mappings were filled
 * @why: where to put the reason of a refusal
 *
 * On failure mappings may be filled: once the domain has ended, the caller
 * empties them.
 *
 * Context: c->domains_lock is held for writing, so the index does not change.
 * Return: 0 or a negative errno.
 */
int mf_domains_fill_first(struct mf_container *c, struct mf_domain *d, u64 *mappings,
			  struct mf_refusal *why)
{
	struct mf_mapping *m;
	int err = 0;

	*mappings = 0;
	d->next = NULL;
	c->domains = d;
	for (m = mf_mapping_from(c, 0); m && !err; m = mf_mapping_after(m)) {
		/* What is being made is filled by its maker, here too. */
		if (m->state == MF_MAPPING_ADDING)
			continue;
		err = mf_fill_held(c, m, why);
		if (!err)
			++*mappings;
	}
	c->domains = NULL;
	return err;
}

/* A unit did not unmap all of a mapping: a device may still reach its pages. */
static void mark_stuck(struct mf_container *c, const struct mf_domain *d, struct mf_mapping *m)
{
	m->stuck = true;
	mf_tell(c, STUCK, .domain = d->id, .span = m->range.span);
}

/* Unmap @bytes behind the filled pages of @m from every domain before @end. */
static void unmap_before(struct mf_container *c, const struct mf_domain *end,
			 struct mf_mapping *m, u64 bytes)
{
	const struct mf_host_ops *ops = mf_ops(c->host);
	u64 iova = m->range.span.first + mf_mapping_bytes(m);
	struct mf_gather gather;
	struct mf_domain *d;

	for (d = c->domains; d != end; d = d->next) {
		mf_gather_init(&gather);
		if (ops->domain_unmap(c->host, d->host_domain, iova, bytes, &gather) < bytes)
			mark_stuck(c, d, m);
		ops->domain_flush(c->host, d->host_domain, &gather);
	}
}

/**
 * mf_domains_map() - map the next runs of a mapping in every domain, or in none
 * @c: the container
 * @m: the mapping; they come behind its filled pages
 * @runs: the runs, one after another
 * @nr: how many
 * @why: where to put the reason of a refusal, or NULL
 *
 * Context: c->domains_lock is held.
 * Return: 0; or a negative errno, with @m stuck if a unit that had mapped the
 * runs did not unmap them again.
 */
int mf_domains_map(struct mf_container *c, struct mf_mapping *m, const mf_run *runs, u32 nr,
		   struct mf_refusal *why)
{
	u64 iova = m->range.span.first + mf_mapping_bytes(m);
	struct mf_domain *d;
	int err;

	mf_for_each(d, c->domains) {
		u64 bytes;

		err = mf_ops(c->host)->domain_map(c->host, d->host_domain, iova, runs, nr, m->prot);
		if (!err)
			continue;

		bytes = mf_runs_pages(runs, nr, NULL) << MF_PAGE_SHIFT;
		unmap_before(c, d, m, bytes);
		return mf_refuse(c, why, UNIT_MAP, err, d->id, iova, iova + bytes - 1);
	}
	return 0;
}

/**
 * mf_domains_sync() - make every domain's unit look at what was mapped
 * @c: the container
 * @span: what was mapped
 * @why: where to put the reason of a refusal, or NULL
 *
 * Context: c->domains_lock is held.
 * Return: 0 or a negative errno.
 */
int mf_domains_sync(struct mf_container *c, struct mf_span span, struct mf_refusal *why)
{
	struct mf_domain *d;
	int err;

	mf_for_each(d, c->domains) {
		err = mf_ops(c->host)->domain_sync(c->host, d->host_domain, span);
		if (err)
			return mf_refuse(c, why, UNIT_MAP, err, d->id, span.first, span.last);
	}
	return 0;
}

static void unmap_alone(struct mf_container *c, struct mf_domain *d, struct mf_mapping *m,
			u64 from, struct mf_gather *gather)
{
	u64 first = mf_max(from, m->range.span.first);
	u64 bytes = m->range.span.first + (mf_mapping_bytes(m) - 1) - first + 1;

	if (mf_ops(c->host)->domain_unmap(c->host, d->host_domain, first, bytes, gather) < bytes)
		mark_stuck(c, d, m);
}

/*
 * Unmap @m and the whole neighbours that follow it on the list without a gap,
 * by one call if the unit obeys. Return the mapping behind them.
 */
static struct mf_mapping *unmap_stretch(struct mf_container *c, struct mf_domain *d,
					struct mf_mapping *m, struct mf_gather *gather)
{
	u64 first = m->range.span.first, bytes = mf_mapping_bytes(m), done;
	struct mf_mapping *end = m->next;

	if (!bytes)
		return end;

	/* Neighbours that end at 2^64-1 or add up to more than a call can say stay apart. */
	while (end && first + bytes == end->range.span.first &&
	       bytes + mf_mapping_bytes(end) > bytes) {
		bytes += mf_mapping_bytes(end);
		end = end->next;
	}

	done = mf_ops(c->host)->domain_unmap(c->host, d->host_domain, first, bytes, gather);
	if (done >= bytes)
		return end;

	for (; m != end; m = m->next) {
		if (m->range.span.first + (mf_mapping_bytes(m) - 1) >= first + done)
			unmap_alone(c, d, m, first + done, gather);
	}
	return end;
}

/**
 * mf_domains_unmap() - take mappings out of every domain
 * @c: the container
 * @list: the mappings, in order of IOVA
 *
 * When this returns no unit translates to their pages any more, except for
 * mappings now marked as stuck.
 *
 * Context: c->domains_lock is held.
 */
void mf_domains_unmap(struct mf_container *c, struct mf_mapping *list)
{
	struct mf_gather gather mf_uninitialized;
	struct mf_mapping *m;
	struct mf_domain *d;

	mf_for_each(d, c->domains) {
		mf_gather_init(&gather);
		for (m = list; m; )
			m = unmap_stretch(c, d, m, &gather);
		mf_ops(c->host)->domain_flush(c->host, d->host_domain, &gather);
	}
}
