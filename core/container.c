// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A container: opened empty, it gets its domains from the groups attached to
 * it and loses them with those.
 *
 * Attach happens in one order for a reason. What needs no domain is checked
 * first (the group is new, its interrupts are isolated, its reserved regions
 * hit no mapping). Then a trial domain is made and its group attached, since
 * only then are its features known; an existing domain that is compatible is
 * joined instead, if the host takes the group there. Page sizes and window are
 * computed for what there would be, and every mapping held against them; a new
 * domain is filled by replay. Only then, by steps that can't fail, does the
 * container change. Until then a failure detaches the group and frees the
 * trial domain, and nothing else had been touched.
 *
 * Invariant: pgsizes and window always follow from the domains and groups on
 * the lists, by compute(), and from nothing else.
 */
#include "internal.h"

/* What the container would be: the result of compute(). */
struct shape {
	u64 pgsizes;
	struct mf_span aperture;
	struct mf_window window;
};

static void shape_add_domain(struct shape *s, const struct mf_domain *d)
{
	s->pgsizes &= d->features.pgsizes;
	s->aperture.first = mf_max(s->aperture.first, d->features.aperture.first);
	s->aperture.last = mf_min(s->aperture.last, d->features.aperture.last);
}

/*
 * Page sizes, aperture and window for the container's domains and groups and,
 * where given, one domain and one group more. s->window has room enough.
 */
static void compute(struct mf_container *c, const struct mf_domain *extra,
		    const struct mf_member *newcomer, struct shape *s)
{
	struct mf_member *member;
	struct mf_domain *d;

	s->pgsizes = MF_PAGE_MASK;
	s->aperture = (struct mf_span){ 0, ~0ull };
	mf_window_reset(&s->window);

	mf_for_each(d, c->domains)
		shape_add_domain(s, d);
	if (extra)
		shape_add_domain(s, extra);
	if ((!c->domains && !extra) || s->aperture.first > s->aperture.last)
		return;

	mf_window_start(&s->window, s->aperture);
	mf_for_each(d, c->domains) {
		mf_for_each(member, d->members)
			mf_window_subtract(&s->window, &member->regions);
	}
	if (newcomer)
		mf_window_subtract(&s->window, &newcomer->regions);
}

static struct mf_member *find_member(struct mf_container *c, struct mf_host_group *group,
				     struct mf_domain **domain)
{
	struct mf_member *member;
	struct mf_domain *d;

	mf_for_each(d, c->domains) {
		mf_for_each(member, d->members) {
			if (member->group == group) {
				*domain = d;
				return member;
			}
		}
	}
	return NULL;
}

/* The record of a group behind a unit, or NULL. Context: c->domains_lock is held. */
struct mf_member *mf_member_find(struct mf_container *c, struct mf_host_group *group)
{
	struct mf_domain *d;

	return find_member(c, group, &d);
}

static struct mf_member *find_emulated(struct mf_container *c, struct mf_host_group *group)
{
	struct mf_member *member = c->emulated;

	while (member && member->group != group)
		member = member->next;
	return member;
}

/**
 * mf_open() - make a container: no domains, no mappings
 * @host: what it works with; must outlive it
 * @config: how it is to behave
 * @out: where to put it
 *
 * Return: 0, -EINVAL for rules that do not exist, or -ENOMEM.
 */
int mf_open(struct mf_host *host, const struct mf_config *config, struct mf_container **out)
{
	struct mf_container *c;

	if (config->rules != MF_TYPE1 && config->rules != MF_TYPE1V2)
		return -EINVAL;

	c = mf_zalloc(host, sizeof(*c));
	if (!c)
		return -ENOMEM;

	c->host = host;
	c->config = *config;
	c->available = config->mapping_limit;
	c->pgsizes = MF_PAGE_MASK;
	mf_rwlock_init(&c->domains_lock);
	mf_mutex_init(&c->lock);
	mf_mutex_init(&c->refusals_lock);
	mf_turnstile_init(&c->at_rest);
	*out = c;
	mf_tell(c, OPENED);
	return 0;
}

/**
 * mf_release() - end a container with all that it has
 * @c: the container; no other call on it is under way or will be made
 */
void mf_release(struct mf_container *c)
{
	while (c->domains)
		mf_detach(c, c->domains->members->group);
	while (c->emulated)
		mf_detach(c, c->emulated->group);

	mf_tell(c, RELEASED);
	mf_window_fini(c->host, &c->window);
	mf_turnstile_fini(&c->at_rest);
	mf_mutex_fini(&c->refusals_lock);
	mf_mutex_fini(&c->lock);
	mf_rwlock_fini(&c->domains_lock);
	mf_ops(c->host)->free(c->host, c);
}

static void member_free(struct mf_container *c, struct mf_member *member)
{
	mf_regions_fini(c->host, &member->regions);
	mf_ops(c->host)->free(c->host, member);
}

/* The record of a group that may be attached. */
static int member_new(struct mf_container *c, struct mf_host_group *group, u32 id, u32 flags,
		      struct mf_member **out, struct mf_refusal *why)
{
	const struct mf_host_ops *ops = mf_ops(c->host);
	struct mf_member *member;
	int err;

	if (!(flags & MF_ATTACH_UNSAFE_INTERRUPTS) && !ops->group_isolated(c->host, group))
		return mf_refuse(c, why, INTERRUPTS, 0, id);

	member = mf_zalloc(c->host, sizeof(*member));
	if (!member)
		return mf_refuse(c, why, NO_MEMORY, 0);

	member->group = group;
	member->id = id;
	err = mf_regions_load(c->host, group, &member->regions);
	if (err) {
		ops->free(c->host, member);
		return mf_refuse(c, why, GROUP_REGIONS, err, id);
	}
	*out = member;
	return 0;
}

/* Room for the window of all groups there are and @newcomer. */
static int shape_init(struct mf_container *c, const struct mf_member *newcomer, struct shape *s)
{
	u32 regions = newcomer->regions.nr;
	struct mf_member *member;
	struct mf_domain *d;

	mf_for_each(d, c->domains) {
		mf_for_each(member, d->members)
			regions += member->regions.nr;
	}
	return mf_window_init(c->host, &s->window, regions);
}

static int check_mapping(struct mf_container *c, const struct mf_mapping *m,
			 const struct shape *s, const struct mf_member *newcomer,
			 struct mf_refusal *why)
{
	u64 granule = s->pgsizes & -s->pgsizes;
	struct mf_span span = m->range.span;
	const struct mf_region *region;

	if (span.first < s->aperture.first || span.last > s->aperture.last)
		return mf_refuse(c, why, OUT_OF_APERTURE, 0, span.first, span.last,
				 s->aperture.first, s->aperture.last, newcomer->id);

	region = mf_regions_conflict(&newcomer->regions, span);
	if (region)
		return mf_refuse(c, why, IN_REGION, 0, span.first, span.last,
				 region->span.first, region->span.last, newcomer->id);

	if ((span.first | (span.last + 1)) & (granule - 1))
		return mf_refuse(c, why, TOO_FINE, 0, span.first, span.last, granule,
				 newcomer->id);
	return 0;
}

/* Could the container have this shape, with the mappings it has? */
static int check_shape(struct mf_container *c, const struct shape *s,
		       const struct mf_domain *extra, const struct mf_member *newcomer,
		       struct mf_refusal *why)
{
	struct mf_mapping *m;
	int err = 0;

	if (!s->pgsizes)
		return mf_refuse(c, why, NO_GRANULE, 0, newcomer->id,
				 extra ? extra->features.pgsizes : 0, c->pgsizes);
	if (!s->window.nr)
		return mf_refuse(c, why, NO_WINDOW, 0, newcomer->id);

	mf_mutex_lock(&c->lock);
	for (m = mf_mapping_from(c, 0); m && !err; m = mf_mapping_after(m)) {
		if (!m->doomed)
			err = check_mapping(c, m, s, newcomer, why);
	}
	mf_mutex_unlock(&c->lock);
	return err;
}

/*
 * With @member attached to @trial: decide between the two, and make sure that
 * the container can go on with the result. On success @d is the domain the
 * group is in; on failure it is the one to detach it from, or NULL.
 */
static int settle_member(struct mf_container *c, struct mf_domain *trial, struct mf_member *member,
			 struct mf_domain **d, struct shape *s, struct mf_refusal *why)
{
	struct mf_domain *joined;
	u64 mappings;
	int err;

	*d = trial;

	/* A group whose regions rule it out anyway must not join anything. */
	if (c->domains) {
		compute(c, NULL, member, s);
		err = check_shape(c, s, NULL, member, why);
		if (err)
			return err;
	}

	err = mf_domain_join(c, trial, member, &joined, why);
	if (err) {
		*d = NULL;
		return err;
	}
	if (joined) {
		*d = joined;
		return mf_domain_msi(c, joined, member, why);
	}

	compute(c, trial, member, s);
	err = check_shape(c, s, trial, member, why);
	if (!err)
		err = mf_domain_msi(c, trial, member, why);
	if (!err)
		err = c->domains ? mf_domain_fill(c, trial, member->id, &mappings, why) :
				   mf_domains_fill_first(c, trial, &mappings, why);
	if (!err)
		mf_tell(c, REPLAYED, .domain = trial->id, .count = mappings);
	return err;
}

static void commit(struct mf_container *c, struct mf_domain *trial, struct mf_domain *d,
		   struct mf_member *member, struct shape *s)
{
	struct mf_event event = { .type = MF_EVENT_JOINED, .group = member->id };

	if (d == trial) {
		d->next = c->domains;
		c->domains = d;
		event.type = MF_EVENT_ATTACHED;
	} else {
		mf_domain_end(c, trial);
	}
	event.domain = d->id;
	member->next = d->members;
	d->members = member;

	mf_window_fini(c->host, &c->window);
	c->window = s->window;
	c->pgsizes = s->pgsizes;
	mf_mutex_lock(&c->lock);
	c->writers++;
	mf_mutex_unlock(&c->lock);
	mf_tell_event(c, &event);
}

/* Nothing of any mapping is for a domain now; see mf_mapping_empty(). */
static void empty_all_mappings(struct mf_container *c)
{
	struct mf_mapping *m, *stuck;

	for (m = mf_mapping_from(c, 0); m; m = mf_mapping_after(m))
		mf_mapping_empty(c, m);

	mf_mutex_lock(&c->lock);
	stuck = c->stuck;
	c->stuck = NULL;
	mf_mutex_unlock(&c->lock);
	mf_mappings_free(c, stuck);
}

static int attach_member(struct mf_container *c, struct mf_member *member, struct mf_refusal *why)
{
	struct mf_domain *trial, *d;
	struct shape s;
	int err;

	if (shape_init(c, member, &s))
		return mf_refuse(c, why, NO_MEMORY, 0);

	err = mf_domain_new(c, member, &trial, why);
	if (err)
		goto free_window;
	trial->id = ++c->next_domain_id;

	err = settle_member(c, trial, member, &d, &s, why);
	if (err)
		goto end_trial;

	commit(c, trial, d, member, &s);
	return 0;

end_trial:
	if (d)
		mf_ops(c->host)->domain_detach(c->host, d->host_domain, member->group);
	mf_domain_end(c, trial);
	if (!c->domains)
		empty_all_mappings(c);
free_window:
	mf_window_fini(c->host, &s.window);
	return err;
}

/* A group of software devices is known to the container, and that is all. */
static int attach_emulated(struct mf_container *c, struct mf_host_group *group, u32 id,
			   struct mf_refusal *why)
{
	struct mf_member *member = mf_zalloc(c->host, sizeof(*member));

	if (!member)
		return mf_refuse(c, why, NO_MEMORY, 0);

	member->group = group;
	member->id = id;
	member->pins_only = true;
	member->next = c->emulated;
	c->emulated = member;
	mf_tell(c, ATTACHED, .group = id);
	return 0;
}

static int attach_behind_unit(struct mf_container *c, struct mf_host_group *group, u32 id,
			      u32 flags, struct mf_refusal *why)
{
	struct mf_member *member = NULL;
	int err;

	err = member_new(c, group, id, flags, &member, why);
	if (!member)
		return err;
	err = attach_member(c, member, why);
	if (err)
		member_free(c, member);
	return err;
}

/* What rules a group out whatever it is. */
static int check_group(struct mf_container *c, struct mf_host_group *group, u32 id,
		       struct mf_refusal *why)
{
	struct mf_domain *d;
	u32 invalid;

	mf_mutex_lock(&c->lock);
	invalid = c->nr_invalid;
	mf_mutex_unlock(&c->lock);
	if (invalid)
		return mf_refuse(c, why, INVALID_VADDR, 0, invalid);
	if (find_member(c, group, &d) || find_emulated(c, group))
		return mf_refuse(c, why, GROUP_TWICE, 0, id);
	return 0;
}

/**
 * mf_attach() - put a group's devices in front of the container's mappings
 * @c: the container
 * @group: the group
 * @flags: MF_ATTACH_UNSAFE_INTERRUPTS: take a group whose devices can forge
 *	interrupts; MF_ATTACH_EMULATED: its devices are software
 * @why: where to put the reason of a refusal, or NULL
 *
 * A compatible domain is shared; else a new one is made and every mapping is
 * replayed into it. When mappings are there but no domain, because all groups
 * so far are emulated, their owners' pages are pinned and billed now.
 *
 * Return: 0; or a negative errno, with container and group as they were.
 */
int mf_attach(struct mf_container *c, struct mf_host_group *group, u32 flags,
	      struct mf_refusal *why)
{
	u32 id = mf_ops(c->host)->group_id(c->host, group);
	int err;

	mf_rwlock_write_lock(&c->domains_lock);
	err = check_group(c, group, id, why);
	if (!err)
		err = flags & MF_ATTACH_EMULATED ?
			attach_emulated(c, group, id, why) :
			attach_behind_unit(c, group, id, flags, why);
	mf_rwlock_write_unlock(&c->domains_lock);
	return err;
}

static void remove_member(struct mf_member **link, const struct mf_member *member)
{
	while (*link != member)
		link = &(*link)->next;
	*link = member->next;
}

static void remove_domain(struct mf_container *c, struct mf_domain *d)
{
	struct mf_domain **link = &c->domains;

	while (*link != d)
		link = &(*link)->next;
	*link = d->next;
}

/* What is attached has shrunk: give back what it no longer rules out. */
static void reshape(struct mf_container *c)
{
	struct shape s = { .window = c->window };

	compute(c, NULL, NULL, &s);
	c->window = s.window;
	c->pgsizes = s.pgsizes;
}

/*
 * What a group behind a unit may have written to is not known once it has gone:
 * it may be anything.
 */
static void end_writer(struct mf_container *c, const struct mf_member *member)
{
	if (member->pins_only)
		return;
	mf_mutex_lock(&c->lock);
	c->writers--;
	if (c->tracking)
		mf_dirty_mark_all(c);
	mf_mutex_unlock(&c->lock);
}

static void detach_behind_unit(struct mf_container *c, struct mf_domain *d,
			       struct mf_member *member)
{
	mf_ops(c->host)->domain_detach(c->host, d->host_domain, member->group);
	mf_tell(c, DETACHED, .group = member->id, .domain = d->id);
	end_writer(c, member);
	remove_member(&d->members, member);
	member_free(c, member);

	if (!d->members) {
		remove_domain(c, d);
		mf_tell(c, DOMAIN_ENDED, .domain = d->id);
		mf_domain_end(c, d);
	}
	if (!c->domains && c->emulated)
		empty_all_mappings(c);
	reshape(c);
}

static void detach_emulated(struct mf_container *c, struct mf_member *member)
{
	mf_tell(c, DETACHED, .group = member->id);
	remove_member(&c->emulated, member);
	member_free(c, member);
}

/**
 * mf_detach() - take a group's devices away from the container
 * @c: the container
 * @group: the group; one that is not attached is ignored
 *
 * A domain ends with its last group, and with the last group of any kind all
 * mappings end: whoever may attach devices has the right to memory, and nobody
 * else. When only emulated groups remain, mappings stay, but nothing is pinned
 * for them any more.
 */
void mf_detach(struct mf_container *c, struct mf_host_group *group)
{
	struct mf_member *member, *emulated;
	struct mf_domain *d;

	mf_rwlock_write_lock(&c->domains_lock);
	member = find_member(c, group, &d);
	emulated = find_emulated(c, group);
	if (member)
		detach_behind_unit(c, d, member);
	else if (emulated)
		detach_emulated(c, emulated);
	if ((member || emulated) && !c->domains && !c->emulated)
		mf_end_all_mappings(c);
	mf_rwlock_write_unlock(&c->domains_lock);
}
