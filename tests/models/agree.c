// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Do a format's writer and walker agree, for a unit of any configuration?
 *
 * Each page size is mapped at every power of two of IOVA and of physical
 * address, then leaves of all sizes are mapped and unmapped at random, on top of
 * each other too, and each time all IOVAs are looked up, holes in one step each.
 * That a table came out of memory that is nearly used up is tried as well, with
 * every amount of it.
 */
#include <stdlib.h>

#include "tests/models/agree.h"

#define RW		(MF_READ | MF_WRITE)
#define POOL_PAGES	0x4000
#define MAX_LEAVES	48
#define STEPS		600

struct leaf {
	u64 iova;
	u64 pfn;
	u32 shift;
	u32 prot;
};

struct pair {
	struct mf_user_host host;
	struct mf_pool *pool;
	const struct mf_model_config *config;
	struct mf_io_table table;
	struct mf_walker walker;
	u64 empty;		/* pages of an empty table */
	struct leaf leaves[MAX_LEAVES];
	u32 nr;
	u64 chance;
};

/* @pages of memory for tables. Is that enough for an empty one? */
static bool begin(struct pair *p, const struct mf_model_config *config, u64 pages)
{
	memset(p, 0, sizeof(*p));
	mf_user_host_init(&p->host);
	p->pool = mf_pool_new(&p->host, pages);
	assert_non_null(p->pool);
	p->config = config;
	p->table.config = config;
	p->table.pool = p->pool;
	p->chance = 0x9e3779b97f4a7c15ull;
	if (config->format->create(&p->table)) {
		assert_true(mf_pool_used(p->pool) == 0);
		return false;
	}
	p->table.coherent = config->enforces;
	p->empty = mf_pool_used(p->pool);
	p->walker = (struct mf_walker){
		.config = config,
		.pool = p->pool,
		.descriptor = p->table.descriptor,
		.own = p->table.own,
	};
	return true;
}

static void end(struct pair *p, bool made)
{
	if (made)
		p->config->format->destroy(&p->table);
	assert_true(mf_pool_used(p->pool) == 0);
	mf_pool_free(p->pool);
	mf_user_host_fini(&p->host);
}

static u64 draw(struct pair *p)
{
	p->chance ^= p->chance << 13;
	p->chance ^= p->chance >> 7;
	p->chance ^= p->chance << 17;
	return p->chance;
}

static u64 last_of(const struct leaf *l)
{
	return l->iova + ((1ull << l->shift) - 1);
}

/* The leaf that holds @iova, or else the first one beyond; NULL: none. */
static const struct leaf *next_leaf(const struct pair *p, u64 iova)
{
	const struct leaf *best = NULL;
	u32 i;

	for (i = 0; i < p->nr; i++) {
		const struct leaf *l = &p->leaves[i];

		if (last_of(l) >= iova && (!best || l->iova < best->iova))
			best = l;
	}
	return best;
}

/* Look up one IOVA, and return the last for which the answer holds. */
static u64 look(struct pair *p, u64 iova)
{
	const struct leaf *l = next_leaf(p, iova);
	struct mf_translation t;
	enum mf_fault_why why;
	u64 bytes;

	memset(&t, 0x5a, sizeof(t));
	why = p->config->format->walk(&p->walker, iova, &t);
	assert_true(t.span.first <= iova && iova <= t.span.last);
	bytes = t.span.last - t.span.first + 1;
	if (l && l->iova <= iova) {
		if (why)
			fail_msg("%llx is mapped, and faults: %d", iova, why);
		assert_true(t.span.first == l->iova && bytes == 1ull << l->shift);
		assert_true(t.pfn == l->pfn);
		assert_int_equal(t.prot, mf_format_rights(p->config->format, l->prot));
		assert_true(t.entry && t.level);
		return t.span.last;
	}
	assert_int_equal(why, MF_FAULT_NOT_PRESENT);
	assert_int_equal(t.prot, 0);
	/* A hole ends before the next leaf, and is what an entry covers. */
	assert_true(!l || t.span.last < l->iova);
	assert_true(!(bytes & (bytes - 1)) && !(t.span.first & (bytes - 1)));
	return t.span.last;
}

static void look_at_all(struct pair *p)
{
	u64 iova = 0, last;
	u32 i;

	for (;; iova = last + 1) {
		last = look(p, iova);
		if (last >= p->config->aperture.last)
			break;
	}
	assert_true(last == p->config->aperture.last);
	/* And not only where a step of this walk began. */
	for (i = 0; i < p->nr; i++) {
		look(p, p->leaves[i].iova + (1ull << p->leaves[i].shift) / 2);
		look(p, last_of(&p->leaves[i]));
	}
}

static int put(struct pair *p, u64 iova, u64 pfn, u32 shift, u32 prot)
{
	int err = p->config->format->map(&p->table, iova, pfn, shift, prot);

	if (!err)
		p->leaves[p->nr++] = (struct leaf){ iova, pfn, shift, prot };
	return err;
}

static void take(struct pair *p, u32 n)
{
	const struct leaf l = p->leaves[n];
	u64 bytes = 1ull << l.shift;

	assert_true(p->config->format->unmap(&p->table, l.iova, bytes - 1) == 0);
	assert_true(p->config->format->unmap(&p->table, l.iova + bytes / 2, TOP) == 0);
	assert_true(p->config->format->unmap(&p->table, l.iova, bytes) == bytes);
	assert_true(p->config->format->unmap(&p->table, l.iova, bytes) == 0);
	p->leaves[n] = p->leaves[--p->nr];
}

/* One leaf, seen and gone again, and nothing of it left. */
static void alone(struct pair *p, u64 iova, u64 pfn, u32 shift, u32 prot)
{
	assert_int_equal(put(p, iova, pfn, shift, prot), 0);
	look(p, iova);
	look(p, iova + (1ull << shift) - 1);
	if (iova)
		look(p, iova - 1);
	if (last_of(&p->leaves[0]) < p->config->aperture.last)
		look(p, last_of(&p->leaves[0]) + 1);
	take(p, 0);
	assert_true(mf_pool_used(p->pool) == p->empty);
}

static u32 output_bits(struct pair *p)
{
	u32 bits = p->config->output_bits ? p->config->output_bits : 52;

	/* Whatever the unit has: what its entries can say, it will say of itself. */
	while (p->config->format->map(&p->table, 0, 1ull << (bits - 1 - MF_PAGE_SHIFT),
				      (u32)__builtin_ctzll(p->config->pgsizes), MF_READ))
		bits--;
	p->config->format->unmap(&p->table, 0, TOP);
	return bits;
}

static void one_size(struct pair *p, u32 shift, u32 bits)
{
	u64 top = p->config->aperture.last & ~0ull << shift, iova, pfn;
	u32 i;

	for (i = shift; p->config->aperture.last >> i; i++) {
		iova = 1ull << i;
		alone(p, iova, 0, shift, RW);
		alone(p, top ^ iova, 1ull << (shift - MF_PAGE_SHIFT), shift, RW);
	}
	for (i = shift; i < bits; i++) {
		pfn = 1ull << (i - MF_PAGE_SHIFT);
		alone(p, 0, pfn, shift, MF_READ);
		alone(p, top, ((1ull << bits) - 1) >> shift << (shift - MF_PAGE_SHIFT) ^ pfn, shift,
		      RW);
	}
	/* The first address that is too wide. */
	assert_int_equal(put(p, 0, 1ull << (bits - MF_PAGE_SHIFT), shift, RW), -EINVAL);
	assert_true(mf_pool_used(p->pool) == p->empty);
}

/* Is something mapped where this is to go? */
static bool is_taken(const struct pair *p, u64 iova, u32 shift)
{
	const struct leaf *l = next_leaf(p, iova);

	return l && l->iova <= iova + ((1ull << shift) - 1);
}

static u32 draw_size(struct pair *p)
{
	u64 n = draw(p) % (u32)__builtin_popcountll(p->config->pgsizes);
	u64 sizes = p->config->pgsizes;

	while (n--)
		sizes &= sizes - 1;
	return (u32)__builtin_ctzll(sizes);
}

static void at_random(struct pair *p, u32 bits)
{
	static const u32 prots[] = { MF_READ, MF_WRITE, RW };
	/* Around a few places, so that leaves meet. */
	u64 places[4], iova, pfn, misses = 0;
	u32 step, shift, prot;
	bool taken;

	for (step = 0; step < 4; step++)
		places[step] = step ? draw(p) : 0;
	for (step = 0; step < STEPS; step++) {
		if (p->nr == MAX_LEAVES || (p->nr && draw(p) % 5 < 2)) {
			take(p, (u32)(draw(p) % p->nr));
		} else {
			shift = draw_size(p);
			iova = places[draw(p) & 3] + (draw(p) % 40 << shift);
			iova = (iova & p->config->aperture.last) >> shift << shift;
			pfn = (draw(p) & ((1ull << bits) - 1)) >> shift << (shift - MF_PAGE_SHIFT);
			prot = prots[draw(p) % 3];
			taken = is_taken(p, iova, shift);
			misses += taken;
			assert_int_equal(put(p, iova, pfn, shift, prot), taken ? -EADDRINUSE : 0);
		}
		if (step % 50 == 0)
			look_at_all(p);
	}
	assert_true(misses);
	look_at_all(p);
	while (p->nr)
		take(p, p->nr - 1);
	assert_true(mf_pool_used(p->pool) == p->empty);
	look_at_all(p);
}

/* Without memory nothing changes; how much is needed for one page shows by itself. */
static void without_memory(const struct mf_model_config *config)
{
	u32 shift = (u32)__builtin_ctzll(config->pgsizes);
	bool made, fits = false;
	struct pair p;
	u64 pages;

	for (pages = 1; !fits; pages++) {
		made = begin(&p, config, pages);
		if (made) {
			fits = !put(&p, config->aperture.last >> shift << shift, 0, shift, RW);
			assert_true(fits || mf_pool_used(p.pool) == p.empty);
			look_at_all(&p);
		}
		/* With a leaf in it: what destroys a table need not unmap it. */
		end(&p, made);
	}
}

/**
 * agree() - check a format with one configuration; fails the test if it doesn't
 */
void agree(const struct mf_model_config *config)
{
	const char *why = config->format->possible(config);
	struct mf_translation t;
	struct pair p;
	u32 shift, bits;

	if (why)
		fail_msg("%s, %llx, %llx: %s", config->format->name, config->pgsizes,
			 config->aperture.last, why);
	assert_true(begin(&p, config, POOL_PAGES));
	look_at_all(&p);
	assert_int_equal(config->format->walk(&p.walker, config->aperture.last + 1, &t),
			 MF_FAULT_APERTURE);
	assert_true(t.span.first == config->aperture.last + 1 && t.span.last == TOP);
	bits = output_bits(&p);
	for (shift = MF_PAGE_SHIFT; shift < 64; shift++) {
		if (config->pgsizes >> shift & 1)
			one_size(&p, shift, bits);
	}
	at_random(&p, bits);
	end(&p, true);
	without_memory(config);
}
