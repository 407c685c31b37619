// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Looking in: what a container can do, what it holds.
 *
 * Everything is copied out under the locks, a bounded amount per call, so that
 * a slow reader keeps nobody waiting.
 */
#include "internal.h"

/**
 * mf_get_info() - what the container can do
 * @c: the container
 * @info: where to put it
 * @window: where to put the ranges of valid IOVAs, in order
 * @max: how many fit there
 *
 * Return: how many ranges were written; info->nr_window says how many there
 * are.
 */
u32 mf_get_info(struct mf_container *c, struct mf_info *info, struct mf_span *window, u32 max)
{
	struct mf_domain *d;
	u32 n;

	mf_rwlock_read_lock(&c->domains_lock);
	info->pgsizes = c->pgsizes;
	info->granule = mf_granule(c);
	info->nr_window = c->window.nr;
	for (n = 0; n < max && n < c->window.nr; n++)
		window[n] = c->window.spans[n];
	info->vaddr_updatable = !c->emulated;
	info->coherent = true;
	mf_for_each(d, c->domains) {
		if (!d->features.coherent)
			info->coherent = false;
	}
	mf_mutex_lock(&c->lock);
	info->mappings_available = c->available;
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
	return n;
}

static u32 nr_members(const struct mf_member *members)
{
	const struct mf_member *member;
	u32 n = 0;

	mf_for_each(member, members)
		n++;
	return n;
}

/**
 * mf_get_status() - the container's counters
 * @c: the container
 * @status: where to put them
 */
void mf_get_status(struct mf_container *c, struct mf_status *status)
{
	struct mf_mapping *m;
	struct mf_domain *d;

	*status = (struct mf_status){
		.rules = c->config.rules,
		.mapping_limit = c->config.mapping_limit,
		.bill_once = c->config.bill_once,
	};

	mf_rwlock_read_lock(&c->domains_lock);
	mf_for_each(d, c->domains) {
		status->nr_domains++;
		status->nr_groups += nr_members(d->members);
	}
	status->nr_emulated = nr_members(c->emulated);
	status->nr_groups += status->nr_emulated;
	mf_mutex_lock(&c->lock);
	status->nr_invalid = c->nr_invalid;
	status->dirty_tracking = c->tracking;
	status->pages_external = c->pages_external;
	status->pages_billed = c->config.bill_once ? c->pages_external : c->externals_billed;
	status->nr_mappings = c->config.mapping_limit - c->available;
	status->pages_pinned = c->pages_pinned;
	status->pages_foreign = c->pages_foreign;
	mf_for_each(m, c->stuck) {
		status->nr_stuck++;
		status->pages_pinned += m->filled - m->foreign;
	}
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
	status->pages_billed += status->pages_pinned;

	mf_mutex_lock(&c->refusals_lock);
	status->refusals = c->nr_refusals;
	mf_mutex_unlock(&c->refusals_lock);
}

/**
 * mf_next_mapping() - the lowest mapping that reaches @iova or lies above it
 * @c: the container
 * @iova: where to begin; to go on, one more than the last mapping's end
 * @info: where to put what it is
 *
 * Return: false when there is none.
 */
bool mf_next_mapping(struct mf_container *c, u64 iova, struct mf_mapping_info *info)
{
	struct mf_mapping *m;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	m = mf_mapping_from(c, iova);
	if (m) {
		/* What is not at rest has runs that its maker may be changing. */
		bool rest = m->state == MF_MAPPING_LIVE;

		*info = (struct mf_mapping_info){
			.span = m->range.span,
			.vaddr = m->vaddr,
			.prot = m->prot,
			.state = m->state,
			.pages = rest ? m->filled : 0,
			.runs = rest ? mf_mapping_runs(m) : 0,
			.foreign = rest ? m->foreign : 0,
			.external = m->nr_externals,
			.vaddr_invalid = m->vaddr_invalid,
			.owner = m->owner,
		};
	}
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
	return m;
}

static struct mf_domain *nth_domain(struct mf_container *c, u32 index)
{
	struct mf_domain *d = c->domains;

	while (d && index--)
		d = d->next;
	return d;
}

/**
 * mf_get_domain() - one domain
 * @c: the container
 * @index: which, from 0 on; domains that come or go shift it
 * @info: where to put what it is
 *
 * Return: false when there are no more.
 */
bool mf_get_domain(struct mf_container *c, u32 index, struct mf_domain_info *info)
{
	struct mf_domain *d;

	mf_rwlock_read_lock(&c->domains_lock);
	d = nth_domain(c, index);
	if (d)
		*info = (struct mf_domain_info){
			.id = d->id, .features = d->features, .nr_groups = nr_members(d->members),
		};
	mf_rwlock_read_unlock(&c->domains_lock);
	return d;
}

/**
 * mf_group_domain() - the domain that a group is in
 * @c: the container
 * @group: the group
 *
 * Return: the host's domain, which stays as long as the group does; or NULL for
 * a group that is not behind one of the container's.
 */
struct mf_host_domain *mf_group_domain(struct mf_container *c, struct mf_host_group *group)
{
	struct mf_host_domain *found = NULL;
	struct mf_member *member;
	struct mf_domain *d;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_for_each(d, c->domains) {
		mf_for_each(member, d->members) {
			if (member->group == group)
				found = d->host_domain;
		}
	}
	mf_rwlock_read_unlock(&c->domains_lock);
	return found;
}

/**
 * mf_for_each_group() - visit the groups of one domain, or the emulated ones
 * @c: the container
 * @domain: number of the domain, from struct mf_domain_info; 0: those without one
 * @fn: called for each group while it can't leave; must not call the engine
 * @context: passed to @fn
 */
void mf_for_each_group(struct mf_container *c, u32 domain, mf_group_fn fn, void *context)
{
	struct mf_member *member;
	struct mf_domain *d;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_for_each(d, c->domains) {
		if (d->id != domain)
			continue;
		mf_for_each(member, d->members)
			fn(context, member->group, member->id);
	}
	if (!domain) {
		mf_for_each(member, c->emulated)
			fn(context, member->group, member->id);
	}
	mf_rwlock_read_unlock(&c->domains_lock);
}

/* Visit the owner of @m with all of its bill, unless a mapping before had it. */
static void visit_owner(struct mf_container *c, const struct mf_mapping *m, mf_owner_fn fn,
			void *context)
{
	const struct mf_mapping *o;
	u64 pages = 0;

	for (o = mf_mapping_from(c, 0); o; o = mf_mapping_after(o)) {
		if (o->owner != m->owner)
			continue;
		if (o->range.span.first < m->range.span.first)
			return;
		if (o->state == MF_MAPPING_LIVE)
			pages += mf_billed(c, o);
	}
	fn(context, m->owner, pages);
}

/**
 * mf_for_each_owner() - visit everyone whose memory the container maps
 * @c: the container
 * @fn: called once per owner; must not call the engine
 * @context: passed to @fn
 */
void mf_for_each_owner(struct mf_container *c, mf_owner_fn fn, void *context)
{
	const struct mf_owner *last = NULL;
	struct mf_mapping *m;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	for (m = mf_mapping_from(c, 0); m; m = mf_mapping_after(m)) {
		if (m->owner != last)
			visit_owner(c, m, fn, context);
		last = m->owner;
	}
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
}
