// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A format's writer against its walker, without chance: two leaves of all sizes
 * in all positions to each other, three neighbours of all sizes, taken out in
 * all orders, and a second leaf for which there is no memory. After each step all
 * leaves and the holes at their sides are looked up, and the reference is the
 * list of leaves.
 */
#include "tests/models/crosscheck.h"

#define RW	(MF_READ | MF_WRITE)
#define MOST	3

struct leaf {
	u64 iova;
	u64 pfn;
	u32 shift;
	u32 prot;
};

struct cross {
	struct mf_user_host host;
	struct mf_pool *pool;
	struct mf_io_table table;
	struct mf_walker walker;
	u64 empty;
	struct leaf leaves[MOST];
	u32 nr;
};

static bool begin(struct cross *x, const struct mf_model_config *config, u64 pages)
{
	memset(x, 0, sizeof(*x));
	mf_user_host_init(&x->host);
	x->pool = mf_pool_new(&x->host, pages);
	assert_non_null(x->pool);
	x->table.config = config;
	x->table.pool = x->pool;
	if (config->format->create(&x->table))
		return false;
	x->table.coherent = config->enforces;
	x->empty = mf_pool_used(x->pool);
	x->walker = (struct mf_walker){
		.config = config,
		.pool = x->pool,
		.descriptor = x->table.descriptor,
		.own = x->table.own,
	};
	return true;
}

static void end(struct cross *x, bool made)
{
	if (made)
		x->table.config->format->destroy(&x->table);
	assert_true(mf_pool_used(x->pool) == 0);
	mf_pool_free(x->pool);
	mf_user_host_fini(&x->host);
}

static u64 last_of(const struct leaf *l)
{
	return l->iova + ((1ull << l->shift) - 1);
}

static const struct leaf *leaf_at(const struct cross *x, u64 first, u64 last)
{
	u32 i;

	for (i = 0; i < x->nr; i++) {
		if (x->leaves[i].iova <= last && last_of(&x->leaves[i]) >= first)
			return &x->leaves[i];
	}
	return NULL;
}

static void look(struct cross *x, u64 iova)
{
	const struct mf_model_config *config = x->table.config;
	const struct leaf *l = leaf_at(x, iova, iova);
	struct mf_translation t = { .level = 0 };
	enum mf_fault_why why = config->format->walk(&x->walker, iova, &t);

	if (l) {
		assert_int_equal(why, MF_FAULT_NONE);
		assert_true(t.span.first == l->iova && t.span.last == last_of(l));
		assert_true(t.pfn == l->pfn);
		assert_int_equal(t.prot, mf_format_rights(config->format, l->prot));
		return;
	}
	assert_int_equal(why, iova > config->aperture.last ? MF_FAULT_APERTURE :
			      MF_FAULT_NOT_PRESENT);
	assert_true(t.span.first <= iova && iova <= t.span.last);
	if (leaf_at(x, t.span.first, t.span.last))
		fail_msg("the hole %llx to %llx holds a leaf", t.span.first, t.span.last);
}

static void look_at_all(struct cross *x)
{
	u32 i;

	look(x, 0);
	look(x, x->table.config->aperture.last);
	for (i = 0; i < x->nr; i++) {
		const struct leaf *l = &x->leaves[i];

		look(x, l->iova);
		look(x, l->iova + (1ull << l->shift) / 2);
		look(x, last_of(l));
		if (l->iova)
			look(x, l->iova - 1);
		if (last_of(l) != TOP)
			look(x, last_of(l) + 1);
	}
}

/* Each leaf has a page and rights of its own. */
static int put(struct cross *x, u64 iova, u32 shift)
{
	static const u32 rights[] = { RW, MF_READ, MF_WRITE };
	struct leaf l = {
		.iova = iova,
		.pfn = (u64)x->nr << (shift - MF_PAGE_SHIFT),
		.shift = shift,
		.prot = rights[x->nr],
	};
	bool taken = leaf_at(x, iova, last_of(&l));
	u64 used = mf_pool_used(x->pool);
	int err = x->table.config->format->map(&x->table, iova, l.pfn, shift, l.prot);

	if (taken)
		assert_int_equal(err, -EADDRINUSE);
	if (err)
		assert_true(mf_pool_used(x->pool) == used);
	else
		x->leaves[x->nr++] = l;
	look_at_all(x);
	return err;
}

static void take(struct cross *x, u32 n)
{
	u64 bytes = 1ull << x->leaves[n].shift;

	assert_true(x->table.config->format->unmap(&x->table, x->leaves[n].iova, bytes) == bytes);
	x->leaves[n] = x->leaves[--x->nr];
	look_at_all(x);
}

static u64 align_up(u64 iova, u32 shift)
{
	return (iova + (1ull << shift) - 1) >> shift << shift;
}

/* Two leaves: apart, beside each other, on top of each other. */
static void pair(struct cross *x, u64 base, u32 a, u32 b)
{
	u64 ends[] = { base - (1ull << b), base, base + (1ull << a) / 2,
		       base + (1ull << a) - 1, base + (1ull << a), base - 1 };
	u32 i;

	for (i = 0; i < 6; i++) {
		assert_int_equal(put(x, base, a), 0);
		if (!put(x, ends[i] >> b << b, b))
			take(x, i & 1);
		take(x, 0);
		assert_true(mf_pool_used(x->pool) == x->empty);
	}
}

static void triple(struct cross *x, u64 base, u32 a, u32 b, u32 c)
{
	/* Which of those that are left goes first, and which then. */
	u32 order;
	u64 next;

	for (order = 0; order < 6; order++) {
		assert_int_equal(put(x, base, a), 0);
		next = align_up(base + (1ull << a), b);
		assert_int_equal(put(x, next, b), 0);
		next = align_up(next + (1ull << b), c);
		assert_int_equal(put(x, next, c), 0);
		take(x, order % 3);
		take(x, order / 3);
		take(x, 0);
		assert_true(mf_pool_used(x->pool) == x->empty);
	}
}

static bool has(const struct mf_model_config *config, u32 shift)
{
	/* Room for six of the largest. */
	return config->pgsizes >> shift & 1 && config->aperture.last >> shift >= 7;
}

static void all_sizes(struct cross *x, const struct mf_model_config *config)
{
	u32 a, b, c, most;
	u64 base;

	for (a = MF_PAGE_SHIFT; a < 60; a++) {
		for (b = MF_PAGE_SHIFT; b < 60 && has(config, a); b++) {
			if (!has(config, b))
				continue;
			most = a > b ? a : b;
			pair(x, 1ull << most, a, b);
			base = config->aperture.last - (3ull << most) + 1;
			pair(x, base, a, b);
			for (c = MF_PAGE_SHIFT; c < 60; c++) {
				if (!has(config, c))
					continue;
				triple(x, 0, a, b, c);
				most = c > most ? c : most;
				base = config->aperture.last - (6ull << most) + 1;
				triple(x, base >> a << a, a, b, c);
			}
		}
	}
}

/* The first page and the last, with any amount of memory that is too little for both. */
static void without_memory(const struct mf_model_config *config)
{
	u32 shift = (u32)__builtin_ctzll(config->pgsizes);
	u64 top = config->aperture.last >> shift << shift, pages;
	bool made, fits = false;
	struct cross x;
	int err;

	for (pages = 1; !fits; pages++) {
		made = begin(&x, config, pages);
		if (made && !put(&x, 0, shift)) {
			err = put(&x, top, shift);
			assert_true(!err || err == -ENOMEM);
			fits = !err;
			/* And what was refused leaves room for what needs none. */
			if (!fits)
				assert_int_equal(put(&x, 1ull << shift, shift), 0);
		}
		end(&x, made);
	}
}

/**
 * crosscheck() - check a format with one configuration; fails the test if it doesn't
 */
void crosscheck(const struct mf_model_config *config)
{
	struct cross x;

	assert_null(config->format->possible(config));
	assert_true(begin(&x, config, 1024));
	all_sizes(&x, config);
	end(&x, true);
	without_memory(config);
}
