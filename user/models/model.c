// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What all modelled units have in common, whatever format their tables have.
 *
 * A domain serves groups of other units too, if those could have made it: the
 * same format and kind, page sizes that include the domain's, an aperture and
 * physical addresses no smaller, and coherency if the domain enforces it. Its
 * table is as the unit that made it would have it; each unit walks it with
 * what it can do itself.
 *
 * The unit refuses what hardware could not hold: a run that does not fall into
 * leaves (-EINVAL), an IOVA beyond the aperture (-EINVAL), and what is mapped
 * already (-EADDRINUSE). It never splits a leaf: an unmap that begins inside
 * one stops there.
 *
 * What is mapped is always read through the walker, never from what the writer
 * meant to write.
 */
#include <stdlib.h>

#include "user/models/model.h"

struct model_domain {
	struct mf_host_domain domain;
	struct mf_io_table table;
};

static struct mf_model *model_of(struct mf_unit *unit)
{
	return mf_entry(unit, struct mf_model, unit);
}

static struct model_domain *domain_of(struct mf_host_domain *domain)
{
	return mf_entry(domain, struct model_domain, domain);
}

static const struct mf_model_config *config_of(struct mf_host_domain *domain)
{
	return &model_of(domain->unit)->config;
}

static u32 output_bits(const struct mf_model_config *config)
{
	return config->output_bits ? config->output_bits : 52;
}

static int model_domain_alloc(struct mf_unit *unit, struct mf_host_domain **out)
{
	struct model_domain *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->domain.unit = unit;
	d->table.config = &model_of(unit)->config;
	d->table.pool = model_of(unit)->pool;
	err = d->table.config->format->create(&d->table);
	if (err) {
		free(d);
		return err;
	}
	*out = &d->domain;
	return 0;
}

static void model_domain_free(struct mf_host_domain *domain)
{
	struct model_domain *d = domain_of(domain);

	d->table.config->format->destroy(&d->table);
	free(d);
}

static bool accepts_unit(struct mf_host_domain *domain, const struct mf_model *guest)
{
	const struct mf_model *maker = model_of(domain->unit);
	const struct mf_model_config *own = &maker->config, *other = &guest->config;

	if (own->format != other->format || guest->faults.refuse || maker->faults.refuse)
		return false;
	if (maker->faults.careless)
		return true;
	return own->kind == other->kind &&
	       !(own->pgsizes & ~other->pgsizes) &&
	       own->aperture.first >= other->aperture.first &&
	       own->aperture.last <= other->aperture.last &&
	       output_bits(own) <= output_bits(other) &&
	       (other->enforces || !domain_of(domain)->table.coherent);
}

static int model_domain_accepts(struct mf_host_domain *domain, struct mf_host_group *group)
{
	/* What is not a model can't be asked what it is. */
	if (group->unit->ops != domain->unit->ops)
		return -EINVAL;
	if (group->unit != domain->unit && !accepts_unit(domain, model_of(group->unit)))
		return -EINVAL;
	return 0;
}

static u64 name_kind(const struct mf_model_config *config)
{
	return config->format->kind + config->kind;
}

static void model_domain_settle(struct mf_host_domain *domain, struct mf_features *features)
{
	const struct mf_model_config *config = config_of(domain);
	struct model_domain *d = domain_of(domain);

	/* What is mapped already was mapped without: too late to enforce it. */
	d->table.coherent = config->enforces && !d->table.mapped;
	*features = (struct mf_features){
		.kind = name_kind(config),
		.pgsizes = config->pgsizes,
		.aperture = config->aperture,
		.coherent = d->table.coherent,
	};
}

/* The largest leaf that can begin at @iova and @pfn, within @pages; 0: none. */
static u32 largest_leaf(u64 pgsizes, u64 iova, u64 pfn, u64 pages)
{
	u64 bytes = pages << MF_PAGE_SHIFT, address = iova | pfn << MF_PAGE_SHIFT;
	u64 largest = 1ull << (63 - __builtin_clzll(bytes));
	u64 aligned = address ? address & -address : 1ull << 63;
	u64 fit = pgsizes & MF_PAGE_MASK & ((mf_min(largest, aligned) << 1) - 1);

	if (fit)
		return 63 - (u32)__builtin_clzll(fit);
	/* Sizes below a page fill one together. */
	return pgsizes & (MF_PAGE_SIZE - 1) ? MF_PAGE_SHIFT : 0;
}

/* Map one run; @done counts the bytes of the call that are mapped. */
static int map_run(struct model_domain *d, u64 iova, mf_run run, u32 prot, u64 *done)
{
	const struct mf_model_config *config = d->table.config;
	u64 pages = mf_run_pages(run), pfn = mf_run_pfn(run);

	while (pages) {
		u32 shift = largest_leaf(config->pgsizes, iova + *done, pfn, pages);
		int err;

		if (!shift)
			return -EINVAL;
		err = config->format->map(&d->table, iova + *done, pfn, shift, prot);
		if (err)
			return err;
		pfn += 1ull << (shift - MF_PAGE_SHIFT);
		pages -= 1ull << (shift - MF_PAGE_SHIFT);
		*done += 1ull << shift;
		d->table.mapped += 1ull << shift;
	}
	return 0;
}

/* Take out whole leaves from @iova on. */
static u64 unmap_leaves(struct model_domain *d, u64 iova, u64 bytes)
{
	u64 done = 0;

	while (done < bytes) {
		u64 leaf = d->table.config->format->unmap(&d->table, iova + done, bytes - done);

		if (!leaf)
			break;
		done += leaf;
		d->table.mapped -= leaf;
	}
	return done;
}

static int model_domain_map(struct mf_host_domain *domain, u64 iova, const mf_run *runs, u64 nr,
			    u32 prot)
{
	struct mf_model_faults *faults = &model_of(domain->unit)->faults;
	struct mf_span aperture = config_of(domain)->aperture;
	u64 bytes = mf_runs_pages(runs, nr, NULL) << MF_PAGE_SHIFT, done = 0, i;
	int err = 0;

	if (faults->map_in && !--faults->map_in)
		return faults->map_error;
	if (iova < aperture.first || iova + (bytes - 1) > aperture.last)
		return -EINVAL;

	for (i = 0; i < nr && !err; i++)
		err = map_run(domain_of(domain), iova, runs[i], prot, &done);
	if (err)
		unmap_leaves(domain_of(domain), iova, done);
	return err;
}

static u64 model_domain_unmap(struct mf_host_domain *domain, u64 iova, u64 bytes)
{
	struct mf_model_faults *faults = &model_of(domain->unit)->faults;

	if (faults->short_unmaps) {
		faults->short_unmaps--;
		bytes = mf_min(bytes, faults->short_bytes);
	}
	return unmap_leaves(domain_of(domain), iova, bytes);
}

static void model_forget(struct mf_unit *unit, struct mf_host_domain *domain)
{
	struct mf_model *m = model_of(unit);

	m->flushes++;
	mf_iotlb_drop(&m->iotlb, domain, (struct mf_span){ 0, ~0ull }, false);
}

static void model_invalidate(struct mf_unit *unit, struct mf_host_domain *domain,
			     struct mf_span span, bool absent)
{
	struct mf_model *m = model_of(unit);

	m->flushes++;
	mf_iotlb_drop(&m->iotlb, domain, span, absent);
}

static struct mf_walker walker(const struct mf_model *m, const struct mf_io_table *table)
{
	return (struct mf_walker){
		.config = &m->config,
		.pool = m->pool,
		.descriptor = table->descriptor,
		.own = table->own,
	};
}

/**
 * mf_model_walk() - what a unit would find, were nothing cached
 * @model: the unit that walks
 * @domain: a domain of a unit of the same format
 * @iova: where to begin
 * @t: what was found; see struct mf_format
 *
 * Context: the host's units lock is held.
 *
 * Return: MF_FAULT_NONE, or why there is no translation.
 */
enum mf_fault_why mf_model_walk(struct mf_model *model, struct mf_host_domain *domain, u64 iova,
				struct mf_translation *t)
{
	struct mf_walker w = walker(model, &domain_of(domain)->table);

	memset(t, 0, sizeof(*t));
	return model->config.format->walk(&w, iova, t);
}

/* Walk the table for what the IOTLB does not know, and remember the result. */
static enum mf_fault_why look_up(struct mf_model *m, struct mf_host_domain *domain, u64 iova,
				 struct mf_translation *t)
{
	struct mf_iotlb_entry entry = { .domain = domain };
	enum mf_fault_why why = mf_model_walk(m, domain, iova, t);

	m->walks++;
	entry.translation = *t;
	entry.absent = why == MF_FAULT_NOT_PRESENT;
	if (entry.absent) {
		entry.translation.span.first = iova & MF_PAGE_MASK;
		entry.translation.span.last = iova | (MF_PAGE_SIZE - 1);
	}
	if (!why || (entry.absent && m->config.caching))
		mf_iotlb_add(&m->iotlb, &entry);
	return why;
}

static enum mf_fault_why translate(struct mf_model *m, struct mf_host_group *group, u64 iova,
				   bool write, struct mf_translation *t)
{
	const struct mf_iotlb_entry *known;
	enum mf_fault_why why = MF_FAULT_NONE;

	memset(t, 0, sizeof(*t));
	if (!group->domain)
		return MF_FAULT_NO_DOMAIN;

	known = mf_iotlb_find(&m->iotlb, group->domain, iova);
	if (known) {
		*t = known->translation;
		why = known->absent ? MF_FAULT_NOT_PRESENT : MF_FAULT_NONE;
	} else {
		why = look_up(m, group->domain, iova, t);
	}
	if (!why && !(t->prot & (write ? MF_WRITE : MF_READ)))
		why = write ? MF_FAULT_WRITE : MF_FAULT_READ;
	return why;
}

static enum mf_fault_why model_translate(struct mf_unit *unit, struct mf_host_group *group,
					 u64 iova, bool write, struct mf_translation *t,
					 struct mf_fault *fault)
{
	struct mf_model *m = model_of(unit);
	enum mf_fault_why why = translate(m, group, iova, write, t);
	struct mf_walker w = { .config = &m->config, .pool = m->pool };

	if (!why)
		return why;
	*fault = (struct mf_fault){
		.why = why,
		.iova = iova,
		.write = write,
		.group = group->id,
		.level = t->level,
		.entry = t->entry,
	};
	if (group->domain)
		w = walker(m, &domain_of(group->domain)->table);
	m->config.format->describe(&w, group->id, fault);
	m->records[m->nr_records++ % MF_MODEL_RECORDS] = *fault;
	return why;
}

static void model_for_each_cached(struct mf_unit *unit, mf_translation_fn fn, void *context)
{
	const struct mf_iotlb *tlb = &model_of(unit)->iotlb;
	u32 i;

	for (i = 0; i < MF_IOTLB_ENTRIES; i++) {
		const struct mf_iotlb_entry *e = &tlb->entries[i];

		if (e->domain && !e->absent)
			fn(context, e->domain, &e->translation, true);
	}
}

static void model_for_each_mapped(struct mf_host_domain *domain, mf_translation_fn fn,
				  void *context)
{
	struct mf_model *m = model_of(domain->unit);
	struct mf_span rest = m->config.aperture;
	struct mf_translation t;

	for (;;) {
		if (!mf_model_walk(m, domain, rest.first, &t))
			fn(context, domain, &t, false);
		if (t.span.last >= rest.last)
			return;
		rest.first = t.span.last + 1;
	}
}

static const struct mf_unit_ops model_ops = {
	.domain_alloc = model_domain_alloc,
	.domain_free = model_domain_free,
	.domain_accepts = model_domain_accepts,
	.domain_settle = model_domain_settle,
	.domain_map = model_domain_map,
	.domain_unmap = model_domain_unmap,
	.forget = model_forget,
	.invalidate = model_invalidate,
	.translate = model_translate,
	.for_each_cached = model_for_each_cached,
	.for_each_mapped = model_for_each_mapped,
};

/**
 * mf_model_table() - a domain's table, for who wants to look at its words
 */
const struct mf_io_table *mf_model_table(const struct mf_host_domain *domain)
{
	return &mf_entry(domain, const struct model_domain, domain)->table;
}

/**
 * mf_model_init() - make a unit
 * @model: where; must outlive its groups' containers
 * @host: the host it belongs to
 * @pool: where its tables are to lie; shared with all units whose groups may
 *	share a domain. NULL for mf_format_simple
 * @config: what it is
 *
 * Return: NULL, or a sentence saying why there can be no such unit.
 */
const char *mf_model_init(struct mf_model *model, struct mf_user_host *host, struct mf_pool *pool,
			  const struct mf_model_config *config)
{
	memset(model, 0, sizeof(*model));
	model->unit.ops = &model_ops;
	model->unit.host = host;
	model->config = *config;
	model->pool = pool;
	return config->format->possible(config);
}
