// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The tree beneath every hardware format: tables of 8-byte entries, a leaf at
 * any level, several entries in a row for a leaf that is larger than one.
 *
 * Only writers come here. How wide a level is and what an entry looks like is
 * the format's; where tables are made, found empty and freed is the same for
 * all. An entry is 0 exactly when nothing is beneath it, whatever else the
 * hardware would take for not present.
 *
 * Invariant: no table but the root is empty.
 */
#include <stdlib.h>

#include "user/models/radix.h"

static struct mf_radix *radix_of(const struct mf_io_table *table)
{
	return table->own;
}

static u32 table_shift(const struct mf_radix *r, u32 level)
{
	return r->bits[level] + 3;
}

/* Where the entry for @iova is, in the table at @address. */
static u64 entry_at(const struct mf_radix *r, u32 level, u64 address, u64 iova)
{
	u64 index = iova >> r->shift[level] & ((1ull << r->bits[level]) - 1);

	return address + index * sizeof(u64);
}

static u64 read_entry(const struct mf_io_table *table, u64 address)
{
	u64 entry = 0;

	mf_pool_read(table->pool, address, &entry);
	return entry;
}

/**
 * mf_radix_create() - an empty tree, but for its root
 * @table: the domain's table
 * @ops: how entries are written
 * @granule: log2 of the bytes of the lowest entry, and of a table
 * @width: how many bits of an IOVA it translates
 *
 * To be followed by mf_radix_alloc_root().
 *
 * Return: 0 or -ENOMEM.
 */
int mf_radix_create(struct mf_io_table *table, const struct mf_radix_ops *ops, u32 granule,
		    u32 width)
{
	struct mf_radix *r = calloc(1, sizeof(*r));
	u32 shift = granule;

	if (!r)
		return -ENOMEM;
	r->ops = ops;
	while (shift < width) {
		r->levels++;
		r->shift[r->levels] = shift;
		r->bits[r->levels] = granule - 3;
		shift += granule - 3;
	}
	table->own = r;
	return 0;
}

/**
 * mf_radix_widen_root() - let the root have more entries and take a level away
 * @radix: a tree without its root
 * @bits: how many bits of an IOVA the level above the new root had
 */
void mf_radix_widen_root(struct mf_radix *radix, u32 bits)
{
	radix->levels--;
	radix->bits[radix->levels] += bits;
}

/**
 * mf_radix_alloc_root() - make the root
 *
 * Return: 0; or -ENOMEM, and the tree is no more.
 */
int mf_radix_alloc_root(struct mf_io_table *table)
{
	struct mf_radix *r = radix_of(table);

	r->root = mf_pool_get(table->pool, table_shift(r, r->levels));
	if (r->root)
		return 0;
	free(r);
	table->own = NULL;
	return -ENOMEM;
}

static void free_table(struct mf_io_table *table, u32 level, u64 address)
{
	const struct mf_radix *r = radix_of(table);
	u32 shift = table_shift(r, level);
	u64 entries = level > 1 ? (1ull << shift) / sizeof(u64) : 0, i, target;

	for (i = 0; i < entries; i++) {
		u64 entry = read_entry(table, address + i * sizeof(u64));

		target = entry ? r->ops->target(level, entry) : 0;
		if (target)
			free_table(table, level - 1, target);
	}
	mf_pool_put(table->pool, address, shift);
}

/**
 * mf_radix_destroy() - free the tree with all that it maps
 */
void mf_radix_destroy(struct mf_io_table *table)
{
	struct mf_radix *r = radix_of(table);

	free_table(table, r->levels, r->root);
	free(r);
	table->own = NULL;
}

/* Is a table empty? Looks at what follows @iova first: unmapping goes upwards. */
static bool is_empty(const struct mf_io_table *table, u32 level, u64 address, u64 iova)
{
	const struct mf_radix *r = radix_of(table);
	u64 n = 1ull << r->bits[level], first = iova >> r->shift[level], i;

	for (i = 0; i < n; i++) {
		if (read_entry(table, address + (first + i) % n * sizeof(u64)))
			return false;
	}
	return true;
}

/* Free the tables on the way to @iova that have become empty, lowest first. */
static void prune(struct mf_io_table *table, u64 iova)
{
	const struct mf_radix *r = radix_of(table);
	u64 path[MF_RADIX_LEVELS + 1] = { 0 };
	u32 level = r->levels;

	path[level] = r->root;
	while (level > 1 && path[level]) {
		u64 entry = read_entry(table, entry_at(r, level, path[level], iova));

		path[level - 1] = entry ? r->ops->target(level, entry) : 0;
		level--;
	}
	for (; level < r->levels; level++) {
		if (!path[level])
			continue;
		if (!is_empty(table, level, path[level], iova))
			return;
		mf_pool_write(table->pool, entry_at(r, level + 1, path[level + 1], iova), 0);
		mf_pool_put(table->pool, path[level], table_shift(r, level));
	}
}

/* The table at @level on the way to @iova, made if need be. */
static int make_table(struct mf_io_table *table, u64 iova, u32 level, u64 *out)
{
	const struct mf_radix *r = radix_of(table);
	u64 address = r->root, at, entry;
	u32 now;

	for (now = r->levels; now > level; now--) {
		at = entry_at(r, now, address, iova);
		entry = read_entry(table, at);
		if (entry) {
			address = r->ops->target(now, entry);
			if (!address)
				return -EADDRINUSE;
			continue;
		}
		address = mf_pool_get(table->pool, table_shift(r, now - 1));
		if (!address)
			return -ENOMEM;
		mf_pool_write(table->pool, at, r->ops->pointer(now, address));
	}
	*out = address;
	return 0;
}

/* The level whose entries are just not larger than a leaf. */
static u32 leaf_level(const struct mf_radix *r, u32 shift)
{
	u32 level = r->levels;

	while (level > 1 && r->shift[level] > shift)
		level--;
	return level;
}

/**
 * mf_radix_map() - see @map of struct mf_format
 */
int mf_radix_map(struct mf_io_table *table, u64 iova, u64 pfn, u32 shift, u32 prot)
{
	const struct mf_radix *r = radix_of(table);
	u32 level = leaf_level(r, shift);
	u64 n = 1ull << (shift - r->shift[level]), i, at, address;
	u64 entry = r->ops->leaf(table, level, pfn, shift, prot);
	int err;

	/* The second: larger than the root, where the aperture is that narrow. */
	if (!entry || n >> r->bits[level] > 1)
		return -EINVAL;
	err = make_table(table, iova, level, &address);
	at = err ? 0 : entry_at(r, level, address, iova);
	for (i = 0; i < n && !err; i++) {
		if (read_entry(table, at + i * sizeof(u64)))
			err = -EADDRINUSE;
	}
	if (err) {
		prune(table, iova);
		return err;
	}
	for (i = 0; i < n; i++)
		mf_pool_write(table->pool, at + i * sizeof(u64),
			      r->ops->leaf(table, level,
					   pfn + (i << (r->shift[level] - MF_PAGE_SHIFT)),
					   shift, prot));
	return 0;
}

/**
 * mf_radix_unmap() - see @unmap of struct mf_format
 */
u64 mf_radix_unmap(struct mf_io_table *table, u64 iova, u64 most)
{
	const struct mf_radix *r = radix_of(table);
	u64 address = r->root, at = 0, entry = 0, i;
	u32 level, shift;

	for (level = r->levels; level; level--) {
		at = entry_at(r, level, address, iova);
		entry = read_entry(table, at);
		if (!entry)
			return 0;
		address = r->ops->target(level, entry);
		if (!address)
			break;
	}
	shift = r->ops->leaf_shift(table, level, entry);
	if (iova & ((1ull << shift) - 1) || 1ull << shift > most)
		return 0;
	for (i = 0; i < 1ull << (shift - r->shift[level]); i++)
		mf_pool_write(table->pool, at + i * sizeof(u64), 0);
	prune(table, iova);
	return 1ull << shift;
}
