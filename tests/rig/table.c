// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A domain's table: its leaves, in order of IOVA.
 *
 * No two overlap, and none is ever split. What the IOMMU layer's callers would
 * see of a real table's levels is nothing, so there are none.
 */
#include <linux/slab.h>

#include "rig.h"

static struct rig_entry *entry_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct rig_entry, node);
}

/* Memory for a leaf, before the lock is taken. */
struct rig_entry *rig_table_entry(gfp_t gfp)
{
	return kzalloc(sizeof(struct rig_entry), gfp);
}

/* Returns false when something is mapped there. */
bool rig_table_add(struct rig_table *table, struct rig_entry *entry)
{
	struct rb_node **link = &table->leaves.rb_node, *parent = NULL;
	u64 last = entry->iova + (entry->bytes - 1);

	while (*link) {
		struct rig_entry *e = entry_of(*link);

		parent = *link;
		if (last < e->iova)
			link = &parent->rb_left;
		else if (entry->iova > e->iova + (e->bytes - 1))
			link = &parent->rb_right;
		else
			return false;
	}
	rb_link_node(&entry->node, parent, link);
	rb_insert_color(&entry->node, &table->leaves);
	return true;
}

/* The leaf that translates @iova, or the one after it, or NULL. */
struct rig_entry *rig_table_next(const struct rig_table *table, u64 iova)
{
	struct rb_node *node = table->leaves.rb_node;
	struct rig_entry *best = NULL;

	while (node) {
		struct rig_entry *e = entry_of(node);

		if (iova <= e->iova + (e->bytes - 1)) {
			best = e;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

/* The leaf that translates @iova, or NULL. */
struct rig_entry *rig_table_find(const struct rig_table *table, u64 iova)
{
	struct rig_entry *e = rig_table_next(table, iova);

	return e && e->iova <= iova ? e : NULL;
}

void rig_table_remove(struct rig_table *table, struct rig_entry *entry)
{
	rb_erase(&entry->node, &table->leaves);
	kfree(entry);
}

void rig_table_clear(struct rig_table *table)
{
	struct rb_node *node;

	while ((node = rb_first(&table->leaves)))
		rig_table_remove(table, entry_of(node));
}
