// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The ledger: charges and refunds at random, against a plain count for each page.
 */
#include "tests/support/books.h"

/* splitmix64 */
static u64 chance(u64 *seed)
{
	u64 z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#define WORLD_PAGES	(8 * BLOCK)
#define HELD		24

/* Part of the pages are close together, part in two far regions. */
static u64 pfn_of(u32 page)
{
	if (page < 4 * BLOCK)
		return page;
	if (page < 6 * BLOCK)
		return (1ull << 30) + page;
	return (1ull << 43) + page * 512ull;
}

struct reference {
	u32 count[WORLD_PAGES];
	u64 pages;
	u64 pins;
};

static struct reference ref;

/* Add (or take) a run in the reference; how many pages have left (are back at) 0. */
static u64 reflect(u32 page, u32 pages, int by)
{
	u64 changed = 0;
	u32 i;

	for (i = page; i < page + pages; i++) {
		changed += by > 0 ? !ref.count[i] : ref.count[i] == 1;
		ref.count[i] += (u32)by;
	}
	ref.pages += by > 0 ? changed : -changed;
	ref.pins += by > 0 ? pages : -(u64)pages;
	return changed;
}

/* What a mapping has, as it will be refunded. */
struct held {
	u32 page;
	u32 pages;
};

/* Charge a stretch by pieces; when one is refused, take back those before it. */
static bool charge_pieces(struct held h, u64 *seed)
{
	u32 done, some;

	for (done = 0; done < h.pages; done += some) {
		struct mf_charge what;
		mf_run run;
		int err;

		some = chance(seed) & 1 ? h.pages : 1 + (u32)chance(seed) % h.pages;
		some = (u32)mf_min(some, h.pages - done);
		run = mf_run_make(pfn_of(h.page + done), some, 0);
		books.allocs = 0;
		books.fail_alloc = chance(seed) % 8 ? 0 : 1 + chance(seed) % 2;
		err = books_charge(&run, 1, &what);
		books.fail_alloc = 0;
		if (err && done) {
			run = mf_run_make(pfn_of(h.page), done, 0);
			books_refund(&run, 1);
			reflect(h.page, done, -1);
		}
		if (err)
			return false;
		assert_true(what.asked == some);
		assert_true(what.fresh == reflect(h.page + done, some, 1));
	}
	return true;
}

static struct held any_stretch(u64 *seed)
{
	struct held h;
	u32 end;

	/* Far pages are alone; the others are in stretches, often of whole blocks. */
	h.page = (u32)chance(seed) % WORLD_PAGES;
	if (h.page >= 6 * BLOCK)
		return (struct held){ h.page, 1 };
	end = h.page < 4 * BLOCK ? 4 * BLOCK : 6 * BLOCK;
	if (chance(seed) & 1)
		h.page = h.page / BLOCK * BLOCK;
	switch (chance(seed) % 4) {
	case 0:
		h.pages = 1;
		break;
	case 1:
		h.pages = BLOCK;
		break;
	case 2:
		h.pages = 2 * BLOCK;
		break;
	default:
		h.pages = 1 + (u32)chance(seed) % 700;
		break;
	}
	h.pages = (u32)mf_min(h.pages, end - h.page);
	return h;
}

static void give_back(struct held *h)
{
	mf_run run = mf_run_make(pfn_of(h->page), h->pages, 0);

	books_refund(&run, 1);
	reflect(h->page, h->pages, -1);
	h->pages = 0;
}

static void test_against_plain_counts(void **state)
{
	struct held held[HELD] = { { 0, 0 } };
	u64 seed = 6;
	u32 i, step;

	(void)state;
	for (step = 0; step < 60000; step++) {
		struct held *h = &held[chance(&seed) % HELD];

		if (h->pages) {
			give_back(h);
		} else {
			*h = any_stretch(&seed);
			if (!charge_pieces(*h, &seed))
				h->pages = 0;
		}
		books_expect(ref.pages, ref.pins);
		/* Now and then all goes, and with it all memory. */
		for (i = 0; step % 997 == 0 && i < HELD; i++) {
			if (held[i].pages)
				give_back(&held[i]);
		}
		assert_true(ref.pages || !books_info().pieces);
	}
	for (i = 0; i < HELD; i++) {
		if (held[i].pages)
			give_back(&held[i]);
	}
}

#define BATCH	40

/* A mapping that was charged at once: many runs, as often as not of one kind. */
struct batch {
	struct held part[BATCH];
	mf_run runs[BATCH];
	u32 nr;
};

static struct held any_part(u64 *seed, u32 kind)
{
	u32 page = (u32)(chance(seed) % (6 * BLOCK)), pages, end;

	switch (kind) {
	case 0:
		return (struct held){ page, 1 };
	case 1:
		pages = 1 + (u32)(chance(seed) % (64 - page % 64));
		return (struct held){ page, pages };
	case 2:
		return (struct held){ page / BLOCK * BLOCK, BLOCK };
	case 3:
		end = page < 4 * BLOCK ? 4 * BLOCK : 6 * BLOCK;
		page = page / BLOCK * BLOCK;
		return (struct held){ page, (u32)mf_min(2 * BLOCK, end - page) };
	default:
		return any_stretch(seed);
	}
}

/* Charge a batch, now and then with little memory, and keep it if that was enough. */
static void charge_batch(struct batch *h, u64 *seed, u32 first, u32 kinds)
{
	u32 kind = first + (u32)(chance(seed) % kinds), i;
	struct mf_charge what;
	u64 fresh = 0, asked = 0;
	int err;

	h->nr = 1 + (u32)(chance(seed) % BATCH);
	for (i = 0; i < h->nr; i++) {
		struct held *p = &h->part[i];

		*p = any_part(seed, chance(seed) % 16 ?
			      kind : first + (u32)(chance(seed) % kinds));
		h->runs[i] = mf_run_make(pfn_of(p->page), p->pages,
					 chance(seed) & 1 ? MF_RUN_WHOLE : 0);
	}
	books.allocs = 0;
	books.fail_alloc = chance(seed) % 8 ? 0 : 1 + chance(seed) % 4;
	err = books_charge(h->runs, h->nr, &what);
	books.fail_alloc = 0;
	if (err) {
		h->nr = 0;
		return;
	}
	for (i = 0; i < h->nr; i++) {
		fresh += reflect(h->part[i].page, h->part[i].pages, 1);
		asked += h->part[i].pages;
	}
	assert_true(what.asked == asked && what.fresh == fresh);
}

static void refund_batch(struct batch *h)
{
	u32 i;

	books_refund(h->runs, h->nr);
	for (i = 0; i < h->nr; i++)
		reflect(h->part[i].page, h->part[i].pages, -1);
	h->nr = 0;
}

/* By turns of all kinds, of whole blocks alone, which stay packed, and of pages and words. */
static void test_batches_against_plain_counts(void **state)
{
	static const u32 from[] = { 0, 2, 0 }, kinds[] = { 5, 2, 2 };
	static struct batch held[8];
	u32 i, step, turn = 0;
	u64 seed = 11;

	(void)state;
	for (step = 0; step < 40000; step++) {
		struct batch *h = &held[chance(&seed) % 8];

		if (h->nr)
			refund_batch(h);
		else
			charge_batch(h, &seed, from[turn], kinds[turn]);
		books_expect(ref.pages, ref.pins);
		if (step % 499 == 0) {
			for (i = 0; i < 8; i++)
				refund_batch(&held[i]);
			assert_true(!books_info().pieces);
			turn = (turn + 1) % 3;
		}
	}
	for (i = 0; i < 8; i++)
		refund_batch(&held[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOOKS_TEST(test_against_plain_counts),
		BOOKS_TEST(test_batches_against_plain_counts),
	};

	return cmocka_run_group_tests_name("ledger-counts", tests, NULL, NULL);
}
