// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * One operation: ask the reference what it should do, do it, compare, and let
 * the reference follow.
 *
 * When a host call was made to fail, or a unit kept something, the prediction
 * is widened, never dropped: a request that fails must have changed nothing,
 * and what is then there is held against the invariants.
 */
#include <stdio.h>

#include "tests/model/model.h"

const char *model_wrong(struct model *m, const char *what, int got)
{
	snprintf(m->message, sizeof(m->message), "%s (got %d)", what, got);
	return m->message;
}

static bool kept_something(const struct model *m)
{
	return m->w.events[MF_EVENT_STUCK] != m->stuck_before;
}

static void leave(struct ref_container *r, struct mf_span span)
{
	r->loose = true;
	if (r->nr_left < MODEL_MAPPINGS)
		r->left[r->nr_left++] = span;
	else
		r->left[0] = (struct mf_span){ 0, TOP };
}

/* Compare a result with what it may be. A call that was made to fail excuses any error. */
const char *model_compare(struct model *m, const struct outcome *o, int err, const char *what)
{
	u32 i;

	if (!err)
		return o->success ? NULL : model_wrong(m, what, err);
	for (i = 0; i < o->nr_errors; i++) {
		if (o->errors[i] == err)
			return NULL;
	}
	if (m->w.failed && err == m->w.fail_err)
		return NULL;
	/* Memory refused is -ENOMEM, whatever was injected; so is what a unit has left. */
	if (m->w.failed && err == -ENOMEM)
		return NULL;
	return model_wrong(m, what, err);
}

static void drop_mapping(struct ref_container *r, u32 i)
{
	struct mf_span span = r->maps[i].span;
	u32 k;

	ref_clean(r, span);
	for (k = r->nr_externals; k--;) {
		if (span.first <= r->externals[k].iova && r->externals[k].iova <= span.last)
			r->externals[k] = r->externals[--r->nr_externals];
	}
	r->maps[i] = r->maps[--r->nr_maps];
}

static void leave_domain(struct ref_container *r, u32 group)
{
	struct ref_domain *d = ref_domain_of(r, group);
	u32 g;

	if (!r->pins_only[group])
		ref_mark_all(r);
	d->groups[group] = false;
	for (g = 0; g < MODEL_GROUPS; g++) {
		if (d->groups[g])
			return;
	}
	*d = r->domains[--r->nr_domains];
}

/* Without a domain nothing can be left in one; without a group all is over. */
static void ref_detach(struct ref_container *r, u32 group)
{
	if (!ref_has_group(r, group) && !r->emulated[group])
		return;
	if (ref_has_group(r, group))
		leave_domain(r, group);
	r->emulated[group] = false;
	if (r->nr_domains)
		return;
	r->loose = false;
	r->nr_left = 0;
	if (ref_any_emulated(r))
		return;
	while (r->nr_maps)
		drop_mapping(r, r->nr_maps - 1);
	r->tracking = false;
}

/* The group is attached: find out to what, and note it. */
static const char *follow_attach(struct model *m, u32 c, u32 group, bool joins)
{
	struct ref_container *r = &m->refs[c];
	struct mf_host_domain *domain = m->w.groups[group].domain;
	struct ref_domain *found = NULL;
	u32 i, g;

	for (i = 0; i < r->nr_domains; i++) {
		for (g = 0; g < m->w.nr_groups; g++) {
			if (r->domains[i].groups[g] && m->w.groups[g].domain == domain)
				found = &r->domains[i];
		}
	}
	if (found && !ref_could_join(m, found, group))
		return "a group joined a domain it is not compatible with";
	if (!found && joins && !m->w.failed)
		return "a group did not join a domain it is compatible with";
	/* The first domain: pages are where their owners have them now. */
	for (i = 0; !r->nr_domains && i < r->nr_maps; i++) {
		r->maps[i].from = r->maps[i].vaddr;
		r->maps[i].of = r->maps[i].owner;
	}
	if (!found) {
		found = &r->domains[r->nr_domains++];
		memset(found, 0, sizeof(*found));
		found->unit = m->unit_of[group];
	}
	found->groups[group] = true;
	r->pins_only[group] = false;
	return NULL;
}

/* Mostly one that is not attached yet, if there is one. */
static u32 pick_group(const struct model *m, const struct op *op, u32 c)
{
	u32 group = op->a % m->w.nr_groups, i;

	for (i = 0; op->b >> 3 && i < m->w.nr_groups && ref_has_group(&m->refs[c], group); i++)
		group = (group + 1) % m->w.nr_groups;
	return group;
}

static const char *step_attach(struct model *m, const struct op *op, u32 c)
{
	u32 group = pick_group(m, op, c);
	bool unsafe = op->b & 7, joins;
	struct outcome o = ref_attach(m, c, group, unsafe, &joins);
	int err;

	/* What it is attached for: to reach what is mapped, as early as it can. */
	m->busy_group = group;
	if (m->refs[c].nr_maps)
		m->busy_iova = m->refs[c].maps[op->d % m->refs[c].nr_maps].span.first;
	err = mf_attach(m->containers[c], &m->w.groups[group],
			unsafe ? MF_ATTACH_UNSAFE_INTERRUPTS : 0, NULL);
	if (err || !o.success)
		return model_compare(m, &o, err, "attach");
	return follow_attach(m, c, group, joins);
}

static const char *step_detach(struct model *m, const struct op *op, u32 c)
{
	u32 group = op->a % m->w.nr_groups;

	m->w.no_alloc = true;
	mf_detach(m->containers[c], &m->w.groups[group]);
	m->w.no_alloc = false;
	ref_detach(&m->refs[c], group);
	return NULL;
}

static void leave_group(struct model *m, u32 c, u32 group)
{
	mf_detach(m->containers[c], &m->w.groups[group]);
	ref_detach(&m->refs[c], group);
}

/* Some group comes as software, and all that are behind units leave. */
static void software_takes_over(struct model *m, u32 c)
{
	struct ref_container *r = &m->refs[c];
	u32 g;

	for (g = 0; g < m->w.nr_groups && !ref_any_emulated(r); g++) {
		if (!ref_has_group(r, g))
			r->emulated[g] = !mf_attach(m->containers[c], &m->w.groups[g],
						    MF_ATTACH_EMULATED, NULL);
	}
	for (g = 0; g < m->w.nr_groups; g++) {
		if (ref_has_group(r, g))
			leave_group(m, c, g);
	}
}

/* Where no lock is held something may be attached or detached. */
void model_intrude(struct model *m)
{
	u32 c = m->current, g;

	if (!m->intrude_in || --m->intrude_in)
		return;
	m->intruded = true;
	for (g = 0; m->intrusion == LEAVE_ALL && g < m->w.nr_groups; g++)
		leave_group(m, c, g);
	if (m->intrusion == SOFTWARE_STAYS)
		software_takes_over(m, c);
	if (m->intrusion == SOFTWARE_STAYS && m->intruder & 1)
		return;
	if (m->intrusion == LEAVE_ONE)
		leave_group(m, c, m->intruder);
	else if (!mf_attach(m->containers[c], &m->w.groups[m->intruder],
			    MF_ATTACH_UNSAFE_INTERRUPTS, NULL))
		follow_attach(m, c, m->intruder, false);
}

static void touch(struct model *m, u32 group, u64 iova, u32 pages)
{
	u8 byte;

	for (; pages--; iova += PAGE)
		mf_device_read(&m->w.devices[group], iova, &byte, 1);
}

/* Devices do not wait for requests: let one do DMA before each call that matters. */
static int meanwhile(void *context, const struct mf_call *call)
{
	struct model *m = context;

	switch (call->type) {
	case MF_CALL_ALLOC:
		/* The first of this size in a map, before its first pin, is its large batch. */
		if (!m->small_batches || m->batch_passed || m->type != OP_MAP ||
		    call->amount != 512 * sizeof(mf_run))
			return 0;
		m->batch_passed = true;
		return -ENOMEM;
	case MF_CALL_PIN:
		m->batch_passed = true;
		/* Pins for a first domain are made with a lock held. */
		if (m->type == OP_MAP || m->type == OP_PIN)
			model_intrude(m);
		return 0;
	case MF_CALL_DOMAIN_MAP:
	case MF_CALL_DOMAIN_SYNC:
	case MF_CALL_DOMAIN_UNMAP:
	case MF_CALL_DOMAIN_FLUSH:
	case MF_CALL_UNPIN:
		touch(m, m->busy_group, m->busy_iova, 4);
		return 0;
	default:
		return 0;
	}
}

static const char *follow_map(struct model *m, u32 c, const struct ref_mapping *wanted, int err)
{
	struct ref_container *r = &m->refs[c];

	if (kept_something(m) && r->nr_domains)
		leave(r, wanted->span);
	if (err)
		return NULL;
	if (!r->nr_domains && !ref_any_emulated(r))
		return "a mapping was made without a group";
	r->maps[r->nr_maps++] = *wanted;
	return NULL;
}

static const char *step_map(struct model *m, const struct op *op, u32 c)
{
	u64 iova = model_iova(op), size = model_size(op);
	struct ref_mapping wanted = {
		.span = { iova, iova + (size - 1) },
		.vaddr = model_vaddr(op),
		.owner = op->a & 1,
		.from = model_vaddr(op),
		.of = op->a & 1,
		.prot = (op->a >> 1) ? 1 + (op->a >> 1) % 3 : 0,
		.single = op->b >> 5 == 1,
		.unlimited = op->b >> 5 == 2,
	};
	u32 flags = (wanted.single ? MF_MAP_SMALL_PAGES : 0) |
		    (wanted.unlimited ? MF_MAP_UNLIMITED : 0);
	struct outcome o = ref_map(m, c, &wanted, size);
	const char *bad;
	int err;

	/* Even if it fails: a unit may keep some of it. */
	m->unlimited[wanted.owner] |= wanted.unlimited;
	err = mf_map(m->containers[c], &m->w.owner[wanted.owner]->owner, iova, wanted.vaddr, size,
		     wanted.prot, flags, NULL);
	m->intrude_in = 0;
	/* Who left meanwhile may have written to what was there by then. */
	wanted.maybe = m->intruded;
	bad = follow_map(m, c, &wanted, err);
	if (bad || m->intruded)
		return bad;
	return model_compare(m, &o, err, "map");
}

/* All mappings in @span have gone. */
void model_follow_unmap(struct model *m, u32 c, struct mf_span span)
{
	struct ref_container *r = &m->refs[c];
	u32 i;

	for (i = r->nr_maps; i--;) {
		if (r->maps[i].span.last < span.first || span.last < r->maps[i].span.first)
			continue;
		if (kept_something(m))
			leave(r, r->maps[i].span);
		drop_mapping(r, i);
	}
}

/* @o: of a request for which devices have to unpin what they have in @span. */
void model_expect_pinned(const struct model *m, u32 c, struct mf_span span, struct outcome *o)
{
	const struct ref_container *r = &m->refs[c];
	u32 i;

	for (i = 0; i < r->nr_maps; i++) {
		if (r->maps[i].span.last < span.first || span.last < r->maps[i].span.first ||
		    !ref_externals(r, r->maps[i].span) || m->keep < 10 || !o->success)
			continue;
		*o = (struct outcome){ .errors = { -EBUSY }, .nr_errors = 1 };
	}
}

static const char *step_unmap(struct model *m, const struct op *op, u32 c)
{
	u64 iova = model_iova(op), size = model_size(op), bytes, unmapped = 12345;
	bool takes[MODEL_MAPPINGS];
	struct mf_span span;
	struct outcome o;
	int err;

	if (op->a & 1)
		model_aim(m, op, &iova, &size);
	span = (struct mf_span){ iova, iova + (size - 1) };
	o = ref_unmap(m, c, iova, size, takes, &bytes);
	model_expect_pinned(m, c, span, &o);
	/* Pages that are unpinned for this are marked as dirty. */
	m->w.no_alloc = !m->refs[c].tracking;
	err = mf_unmap(m->containers[c], iova, size, &unmapped, NULL);
	m->w.no_alloc = false;
	if (!err && unmapped != bytes)
		return "unmap says another size than it should";
	if (err && unmapped != 12345)
		return "unmap failed and says a size";
	if (!err && bytes)
		model_follow_unmap(m, c, span);
	return model_compare(m, &o, err, "unmap");
}

static const char *step_unmap_all(struct model *m, u32 c)
{
	struct ref_container *r = &m->refs[c];
	struct mf_span all = { 0, TOP };
	struct outcome o = { .success = true };
	u64 bytes = 0, unmapped = 0;
	u32 i;
	int err;

	for (i = 0; i < r->nr_maps; i++)
		bytes += r->maps[i].span.last - r->maps[i].span.first + 1;
	model_expect_pinned(m, c, all, &o);
	m->w.no_alloc = !r->tracking;
	err = mf_unmap_all(m->containers[c], &unmapped, NULL);
	m->w.no_alloc = false;
	if (!err && unmapped != bytes)
		return "unmap all says another size than it should";
	if (!err)
		model_follow_unmap(m, c, all);
	return model_compare(m, &o, err, "unmap all");
}

/* Which container a group is in, or NULL. */
static const struct ref_container *home_of(const struct model *m, u32 group)
{
	u32 c;

	for (c = 0; c < MODEL_CONTAINERS; c++) {
		if (ref_has_group(&m->refs[c], group))
			return &m->refs[c];
	}
	return NULL;
}

static const char *check_bytes(struct model *m, const struct ref_mapping *map, u64 iova,
			       const u8 *bytes)
{
	u8 there[8];

	mf_ram_read(m->w.ram, ref_pfn(m, map, iova), (u32)(iova % PAGE), there, sizeof(there));
	return memcmp(there, bytes, sizeof(there)) ? "DMA moved the wrong bytes" : NULL;
}

static const char *step_dma(struct model *m, const struct op *op)
{
	u32 group = op->a % m->w.nr_groups;
	u64 iova = (model_iova(op) & MF_PAGE_MASK) + (op->e % PAGE & ~7ull);
	const struct ref_container *r = home_of(m, group);
	const struct ref_mapping *map = r ? ref_find(r, iova) : NULL;
	const struct mf_model *unit = &m->w.units[m->unit_of[group]];
	bool write = op->a & 128;
	u8 bytes[8] = { (u8)op->d, (u8)op->e, 3, 4, 5, 6, (u8)op->b, 8 };
	u32 prot = map ? mf_format_rights(unit->config.format, map->prot) : 0;
	bool expected = prot & (write ? MF_WRITE : MF_READ);
	int err;

	if (write)
		err = mf_device_write(&m->w.devices[group], iova, bytes, sizeof(bytes));
	else
		err = mf_device_read(&m->w.devices[group], iova, bytes, sizeof(bytes));
	if (r && ref_left(r, (struct mf_span){ iova, iova }))
		return NULL;
	if (!err != expected)
		return expected ? "DMA to a mapping failed" : "DMA went where nothing is mapped";
	return expected ? check_bytes(m, map, iova, bytes) : NULL;
}

/* Make the unit remember what is, and is not, in a stretch of pages. */
static void step_touch(struct model *m, const struct op *op)
{
	m->busy_group = op->a % m->w.nr_groups;
	m->busy_iova = model_iova(op) & MF_PAGE_MASK;
	touch(m, m->busy_group, m->busy_iova, 24);
}

static void step_open(struct model *m, const struct op *op, u32 c)
{
	struct mf_config config = {
		.rules = (op->a & 5) == 1 ? MF_TYPE1 : MF_TYPE1V2,
		.mapping_limit = 2 + op->b % (MODEL_MAPPINGS - 2),
		.wrap_errno = op->a & 2 ? -EOVERFLOW : 0,
		.bill_once = op->a & 24,
		.cookie = &m->refs[c],
	};

	if (mf_open(&m->w.host.host, &config, &m->containers[c]))
		return;
	memset(&m->refs[c], 0, sizeof(m->refs[c]));
	m->refs[c].open = true;
	m->refs[c].once = config.bill_once;
	m->refs[c].rules = config.rules;
	m->refs[c].limit = config.mapping_limit;
	m->refs[c].wrap_errno = config.wrap_errno ? config.wrap_errno : -EINVAL;
}

static void step_release(struct model *m, u32 c)
{
	m->w.no_alloc = true;
	mf_release(m->containers[c]);
	m->w.no_alloc = false;
	m->containers[c] = NULL;
	memset(&m->refs[c], 0, sizeof(m->refs[c]));
}

/* What fails next, and what comes in between. */
static bool prepare(struct model *m, const struct op *op)
{
	switch (op->type % OP_TYPES) {
	case OP_FAIL:
		/* Early calls more often: attach makes few, and each matters. */
		m->fail_nth = 1 + (op->d % 48 >> (op->d >> 14));
		m->fail_on = op->a & 1;
		return true;
	case OP_SHORT:
		m->w.units[op->a % m->w.nr_units].faults.short_unmaps = op->b % 4;
		m->w.units[op->a % m->w.nr_units].faults.short_bytes = op->d % 24 * PAGE;
		return true;
	case OP_INTRUDE:
		m->intrude_in = op->b & 1 ? 1 : 1 + (op->b >> 2 & 3);
		m->intruder = op->a % m->w.nr_groups;
		m->intrusion = op->a >> 6;
		return true;
	case OP_KEEP:
		m->keep = op->a & 1 ? 255 : op->b % 12;
		return true;
	default:
		return false;
	}
}

static const char *request(struct model *m, const struct op *op, u32 c)
{
	switch (op->type % OP_TYPES) {
	case OP_ATTACH:
		return step_attach(m, op, c);
	case OP_DETACH:
		return step_detach(m, op, c);
	case OP_MAP:
		return step_map(m, op, c);
	case OP_UNMAP:
		return step_unmap(m, op, c);
	case OP_UNMAP_ALL:
		return step_unmap_all(m, c);
	case OP_RELEASE:
		step_release(m, c);
		return NULL;
	case OP_EMULATE:
		return model_emulate(m, op);
	case OP_PIN:
		return model_pin(m, op);
	case OP_UNPIN:
		return model_unpin(m, op);
	case OP_ACCESS:
		return model_access(m, op);
	case OP_INVALIDATE:
		return model_invalidate(m, op);
	case OP_UPDATE:
		return model_update(m, op);
	case OP_DIRTY_START:
		return model_dirty_start(m);
	case OP_DIRTY_STOP:
		return model_dirty_stop(m);
	case OP_DIRTY_READ:
		return model_dirty_read(m, op);
	case OP_UNMAP_DIRTY:
		return model_unmap_dirty(m, op);
	default:
		return NULL;
	}
}

/*
 * A request may be refused after devices have done what it asked them for, and a
 * write or a pin that fails may leave pages marked as dirty.
 */
static bool may_leave_traces(const struct model *m, u32 c)
{
	return m->intruded || kept_something(m) || m->asked ||
	       (m->refs[c].tracking && (m->type == OP_ACCESS || m->type == OP_PIN));
}

/* A request that was refused and met no unit that kept something changed nothing. */
static const char *do_request(struct model *m, const struct op *op, u32 c)
{
	u32 refused = m->w.events[MF_EVENT_REFUSED];
	u64 before = world_fingerprint(&m->w, m->containers, MODEL_CONTAINERS);
	const char *bad;

	bad = request(m, op, c);
	if (bad || may_leave_traces(m, c) || m->w.events[MF_EVENT_REFUSED] == refused)
		return bad;
	if (world_fingerprint(&m->w, m->containers, MODEL_CONTAINERS) != before)
		return "a refused request has changed something";
	return NULL;
}

/**
 * model_step() - do one operation and check everything
 *
 * Return: NULL, or what is wrong.
 */
const char *model_step(struct model *m, const struct op *op)
{
	enum op_type type = op->type % OP_TYPES;
	u32 c = op->c % MODEL_CONTAINERS;
	const char *bad = NULL;

	if (prepare(m, op))
		return NULL;
	m->stuck_before = m->w.events[MF_EVENT_STUCK];
	m->intruded = false;
	m->batch_passed = false;
	m->type = type;
	m->current = c;
	m->asked = 0;
	m->w.host.unmapping = model_unmapping;
	m->w.host.unmapping_context = m;
	m->w.watch = meanwhile;
	m->w.watch_context = m;
	world_fail(&m->w, m->fail_nth, m->fail_on, m->fail_on ? -ENOMEM : -EIO);

	if (type == OP_DMA)
		bad = step_dma(m, op);
	else if (type == OP_TOUCH)
		step_touch(m, op);
	else if (type == OP_OPEN && !m->containers[c])
		step_open(m, op, c);
	else if (m->containers[c])
		bad = do_request(m, op, c);

	m->fail_nth = 0;
	m->intrude_in = 0;
	m->keep = m->asked ? 0 : m->keep;
	m->w.watch = NULL;
	world_fail(&m->w, 0, false, 0);
	return bad ? bad : model_check(m);
}

/**
 * model_run() - do a whole sequence on a new machine, and end it
 * @at: where to say how many operations were done
 */
const char *model_run(u64 topology, const struct op *ops, u32 nr, u32 *at)
{
	static char message[200];
	struct model m;
	const char *bad = NULL, *end;
	u32 i;

	model_init(&m, topology);
	for (i = 0; i < nr && !bad; i++)
		bad = model_step(&m, &ops[i]);
	if (bad) {
		snprintf(message, sizeof(message), "%s", bad);
		bad = message;
	}
	end = model_end(&m);
	if (at)
		*at = i;
	return bad ? bad : end;
}
