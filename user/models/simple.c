// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The simple format: no hardware's. It stands for what all IOMMUs have in
 * common, with every feature the engine asks about free to choose: leaves of
 * any power of two, any aperture. Its table (table.c) lies in no modelled memory.
 */
#include <stdlib.h>

#include "user/models/format.h"
#include "user/models/table.h"

static const char *simple_possible(const struct mf_model_config *config)
{
	(void)config;
	return NULL;
}

static int simple_create(struct mf_io_table *table)
{
	table->own = calloc(1, sizeof(struct mf_table));
	return table->own ? 0 : -ENOMEM;
}

static void simple_destroy(struct mf_io_table *table)
{
	mf_table_free(table->own);
	free(table->own);
}

static int simple_map(struct mf_io_table *table, u64 iova, u64 pfn, u32 shift, u32 prot)
{
	struct mf_leaf leaf = { .iova = iova, .pfn = pfn, .shift = shift, .prot = prot };

	return mf_table_map(table->own, &leaf);
}

static u64 simple_unmap(struct mf_io_table *table, u64 iova, u64 most)
{
	struct mf_leaf leaf;

	if (!mf_table_find(table->own, iova, &leaf))
		return 0;
	if (leaf.iova != iova || 1ull << leaf.shift > most)
		return 0;
	mf_table_unmap(table->own, &leaf);
	return 1ull << leaf.shift;
}

static enum mf_fault_why simple_walk(const struct mf_walker *w, u64 iova,
				     struct mf_translation *t)
{
	struct mf_span aperture = w->config->aperture;
	struct mf_leaf leaf;
	bool found;

	t->span = aperture;
	if (iova < aperture.first) {
		t->span = (struct mf_span){ 0, aperture.first - 1 };
		return MF_FAULT_APERTURE;
	}
	if (iova > aperture.last) {
		t->span = (struct mf_span){ aperture.last + 1, ~0ull };
		return MF_FAULT_APERTURE;
	}

	found = mf_table_find(w->own, iova, &leaf);
	t->span.first = leaf.iova;
	t->span.last = leaf.iova + ((1ull << leaf.shift) - 1);
	if (!found)
		return MF_FAULT_NOT_PRESENT;
	t->pfn = leaf.pfn;
	t->prot = leaf.prot;
	return MF_FAULT_NONE;
}

/* It has no words of its own for what went wrong. */
static void simple_describe(const struct mf_walker *w, u32 source, struct mf_fault *fault)
{
	(void)w;
	(void)source;
	(void)fault;
}

const struct mf_format mf_format_simple = {
	.name = "simple",
	.title = "no hardware's format, with any page size and aperture",
	.possible = simple_possible,
	.create = simple_create,
	.destroy = simple_destroy,
	.map = simple_map,
	.unmap = simple_unmap,
	.walk = simple_walk,
	.describe = simple_describe,
};
