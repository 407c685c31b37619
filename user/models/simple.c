// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A simple unit: a table with leaves of the sizes it was given, an IOTLB that
 * goes stale, and faults on request. It stands for what all IOMMUs have in
 * common, with every feature the engine asks about free to choose.
 *
 * A domain serves groups of other units too, if those could have made it: the
 * same kind, page sizes that include the domain's, an aperture no smaller, and
 * coherency if the domain enforces it. All page sizes are as the unit that
 * made the domain has them.
 *
 * The table refuses what hardware could not hold: a run that does not fall
 * into leaves (-EINVAL), an IOVA beyond the aperture (-EINVAL), and what is
 * mapped already (-EADDRINUSE). It never splits a leaf: an unmap that begins
 * inside one stops there.
 */
#include <stdlib.h>

#include "user/models/simple.h"
#include "user/models/table.h"

struct simple_domain {
	struct mf_host_domain domain;
	struct mf_table table;
	bool coherent;
};

static struct mf_simple *simple_of(struct mf_unit *unit)
{
	return mf_entry(unit, struct mf_simple, unit);
}

static struct simple_domain *domain_of(struct mf_host_domain *domain)
{
	return mf_entry(domain, struct simple_domain, domain);
}

static const struct mf_simple_config *config_of(struct mf_host_domain *domain)
{
	return &simple_of(domain->unit)->config;
}

static int simple_domain_alloc(struct mf_unit *unit, struct mf_host_domain **out)
{
	struct simple_domain *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->domain.unit = unit;
	*out = &d->domain;
	return 0;
}

static void simple_domain_free(struct mf_host_domain *domain)
{
	struct simple_domain *d = domain_of(domain);

	mf_table_free(&d->table);
	free(d);
}

static bool accepts_unit(struct mf_host_domain *domain, const struct mf_simple *guest)
{
	const struct mf_simple_config *own = config_of(domain), *other = &guest->config;

	return own->kind == other->kind &&
	       !(own->pgsizes & ~other->pgsizes) &&
	       own->aperture.first >= other->aperture.first &&
	       own->aperture.last <= other->aperture.last &&
	       (other->enforces || !domain_of(domain)->coherent) &&
	       !guest->faults.refuse && !simple_of(domain->unit)->faults.refuse;
}

static int simple_domain_accepts(struct mf_host_domain *domain, struct mf_host_group *group)
{
	/* Another model's unit can't be asked what it is. */
	if (group->unit->ops != domain->unit->ops)
		return -EINVAL;
	if (group->unit != domain->unit && !accepts_unit(domain, simple_of(group->unit)))
		return -EINVAL;
	return 0;
}

static void simple_domain_settle(struct mf_host_domain *domain, struct mf_features *features)
{
	const struct mf_simple_config *config = config_of(domain);
	struct simple_domain *d = domain_of(domain);

	/* What is mapped already was mapped without: too late to enforce it. */
	d->coherent = config->enforces && !d->table.root;
	*features = (struct mf_features){
		.kind = config->kind,
		.pgsizes = config->pgsizes,
		.aperture = config->aperture,
		.coherent = d->coherent,
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
static int map_run(struct simple_domain *d, u64 iova, mf_run run, u32 prot, u64 *done)
{
	u64 pages = mf_run_pages(run), pfn = mf_run_pfn(run);
	struct mf_leaf leaf;
	int err;

	while (pages) {
		leaf = (struct mf_leaf){ .iova = iova + *done, .pfn = pfn, .prot = prot };
		leaf.shift = largest_leaf(config_of(&d->domain)->pgsizes, leaf.iova, pfn, pages);
		if (!leaf.shift)
			return -EINVAL;
		err = mf_table_map(&d->table, &leaf);
		if (err)
			return err;
		pfn += 1ull << (leaf.shift - MF_PAGE_SHIFT);
		pages -= 1ull << (leaf.shift - MF_PAGE_SHIFT);
		*done += 1ull << leaf.shift;
	}
	return 0;
}

/* Take out whole leaves from @iova on. */
static u64 unmap_leaves(struct simple_domain *d, u64 iova, u64 bytes)
{
	struct mf_leaf leaf;
	u64 done = 0;

	while (done < bytes && mf_table_find(&d->table, iova + done, &leaf)) {
		if (leaf.iova != iova + done || 1ull << leaf.shift > bytes - done)
			break;
		mf_table_unmap(&d->table, &leaf);
		done += 1ull << leaf.shift;
	}
	return done;
}

static int simple_domain_map(struct mf_host_domain *domain, u64 iova, const mf_run *runs, u64 nr,
			     u32 prot)
{
	struct mf_simple_faults *faults = &simple_of(domain->unit)->faults;
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

static u64 simple_domain_unmap(struct mf_host_domain *domain, u64 iova, u64 bytes)
{
	struct mf_simple_faults *faults = &simple_of(domain->unit)->faults;

	if (faults->short_unmaps) {
		faults->short_unmaps--;
		bytes = mf_min(bytes, faults->short_bytes);
	}
	return unmap_leaves(domain_of(domain), iova, bytes);
}

static void simple_forget(struct mf_unit *unit, struct mf_host_domain *domain)
{
	mf_iotlb_drop(&simple_of(unit)->iotlb, domain, (struct mf_span){ 0, ~0ull }, false);
}

static void simple_invalidate(struct mf_unit *unit, struct mf_host_domain *domain,
			      struct mf_span span, bool absent)
{
	mf_iotlb_drop(&simple_of(unit)->iotlb, domain, span, absent);
}

static void leaf_translation(const struct mf_leaf *leaf, struct mf_translation *t)
{
	t->span.first = leaf->iova;
	t->span.last = leaf->iova + ((1ull << leaf->shift) - 1);
	t->pfn = leaf->pfn;
	t->prot = leaf->prot;
}

/* Walk the table for what the IOTLB does not know, and remember the result. */
static struct mf_iotlb_entry look_up(struct mf_simple *s, struct mf_host_domain *domain, u64 iova)
{
	struct mf_iotlb_entry entry = { .domain = domain };
	struct mf_leaf leaf;

	if (mf_table_find(&domain_of(domain)->table, iova, &leaf)) {
		leaf_translation(&leaf, &entry.translation);
	} else {
		entry.absent = true;
		entry.translation.span.first = iova & MF_PAGE_MASK;
		entry.translation.span.last = iova | (MF_PAGE_SIZE - 1);
	}
	if (!entry.absent || s->config.caching)
		mf_iotlb_add(&s->iotlb, &entry);
	return entry;
}

static enum mf_fault_why simple_translate(struct mf_unit *unit, struct mf_host_group *group,
					  u64 iova, bool write, struct mf_translation *t)
{
	struct mf_simple *s = simple_of(unit);
	const struct mf_iotlb_entry *known;
	struct mf_iotlb_entry entry;

	if (!group->domain)
		return MF_FAULT_NO_DOMAIN;
	if (iova < s->config.aperture.first || iova > s->config.aperture.last)
		return MF_FAULT_APERTURE;

	known = mf_iotlb_find(&s->iotlb, group->domain, iova);
	entry = known ? *known : look_up(s, group->domain, iova);
	if (entry.absent)
		return MF_FAULT_NOT_PRESENT;
	if (!(entry.translation.prot & (write ? MF_WRITE : MF_READ)))
		return write ? MF_FAULT_WRITE : MF_FAULT_READ;
	*t = entry.translation;
	return MF_FAULT_NONE;
}

static void simple_for_each_cached(struct mf_unit *unit, mf_translation_fn fn, void *context)
{
	const struct mf_iotlb *tlb = &simple_of(unit)->iotlb;
	u32 i;

	for (i = 0; i < MF_IOTLB_ENTRIES; i++) {
		const struct mf_iotlb_entry *e = &tlb->entries[i];

		if (e->domain && !e->absent)
			fn(context, e->domain, &e->translation, true);
	}
}

struct visit {
	struct mf_host_domain *domain;
	mf_translation_fn fn;
	void *context;
};

static void visit_leaf(void *context, const struct mf_leaf *leaf)
{
	struct visit *v = context;
	struct mf_translation t;

	leaf_translation(leaf, &t);
	v->fn(v->context, v->domain, &t, false);
}

static void simple_for_each_mapped(struct mf_host_domain *domain, mf_translation_fn fn,
				   void *context)
{
	struct visit v = { .domain = domain, .fn = fn, .context = context };

	mf_table_for_each(&domain_of(domain)->table, visit_leaf, &v);
}

static const struct mf_unit_ops simple_ops = {
	.domain_alloc = simple_domain_alloc,
	.domain_free = simple_domain_free,
	.domain_accepts = simple_domain_accepts,
	.domain_settle = simple_domain_settle,
	.domain_map = simple_domain_map,
	.domain_unmap = simple_domain_unmap,
	.forget = simple_forget,
	.invalidate = simple_invalidate,
	.translate = simple_translate,
	.for_each_cached = simple_for_each_cached,
	.for_each_mapped = simple_for_each_mapped,
};

/**
 * mf_simple_init() - make a unit
 * @simple: where; must outlive its groups' containers
 * @host: the host it belongs to
 * @config: what it is
 */
void mf_simple_init(struct mf_simple *simple, struct mf_user_host *host,
		    const struct mf_simple_config *config)
{
	memset(simple, 0, sizeof(*simple));
	simple->unit.ops = &simple_ops;
	simple->unit.host = host;
	simple->config = *config;
}
