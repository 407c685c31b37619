// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Runs of pages, block by block, for a ledger; and what can be done for many at
 * once. Whatever is out of the ordinary is for block.c, which can do all of it.
 *
 * Charging and refunding go the same ways. An argument, @add, says which it is;
 * where that is a constant in the end, the loops are made for one of them.
 */
#include "blocks.h"

#define LEAF_PAGES_SHIFT	(MF_LEAF_SHIFT + MF_BLOCK_SHIFT)
#define RUN_BLOCK_SHIFT		(MF_RUN_PFN_SHIFT + MF_BLOCK_SHIFT)
#define RUN_BLOCKS_SHIFT	(MF_RUN_COUNT_SHIFT + MF_BLOCK_SHIFT)
#define RUN_BLOCKS_MASK		(MF_RUN_COUNT_MASK >> RUN_BLOCKS_SHIFT)

/* A run that has none of these is of whole blocks, and counts. */
#define RUN_NOT_BLOCKS		(MF_RUN_FOREIGN | \
				 (MF_BLOCK_PAGES - 1ull) << MF_RUN_COUNT_SHIFT | \
				 (MF_BLOCK_PAGES - 1ull) << MF_RUN_PFN_SHIFT)

static __always_inline void note_pages(struct mf_stay *s, u64 pages, bool add)
{
	if (add)
		s->fresh += pages;
	else
		s->gone += pages;
}

/* Where short runs are counted: the bits that are near, in locals. */
struct reach {
	u64 **plain;
	mf_run first;		/* no page, at the first of the first leaf */
	mf_run single;		/* that page */
	u64 pages;
};

static __always_inline struct reach reach_of(const struct mf_stay *s)
{
	const struct mf_ledger_near *near = &s->ledger->near;

	return (struct reach){
		.plain = near->plain,
		.first = mf_run_make(near->first << LEAF_PAGES_SHIFT, 0, 0),
		.single = mf_run_make(near->first << LEAF_PAGES_SHIFT, 1, 0),
		.pages = near->nr << LEAF_PAGES_SHIFT,
	};
}

/* Count a run of one page, if that takes no more than its bit. */
static __always_inline bool count_page(const struct reach *r, mf_run run, bool add)
{
	/* Which page it is; if it is several, or does not count, more than any leaves have. */
	u64 ahead = run - r->single, *bits;
	u64 at = ahead >> MF_RUN_PFN_SHIFT | ahead << (64 - MF_RUN_PFN_SHIFT);

	if (at >= r->pages)
		return false;
	bits = r->plain[at >> LEAF_PAGES_SHIFT];
	if (!bits)
		return false;
	if (add)
		return !mf_set_bit(bits, at % MF_LEAF_PAGES);
	mf_clear_bit(bits, at % MF_LEAF_PAGES);
	return true;
}

/* The same, and go on to the next run. */
static __always_inline bool count_next(const struct reach *r, const mf_run **run, bool add)
{
	if (!count_page(r, **run, add))
		return false;
	++*run;
	return true;
}

/* The same for a run that is bits of one word; say how many pages it has, or 0. */
static __always_inline u64 count_word(const struct reach *r, mf_run run, bool add)
{
	u64 ahead = run - r->first, at = ahead >> MF_RUN_PFN_SHIFT, mask, *word;
	u64 more = mf_run_pages(ahead) - 1;

	if (at >= r->pages || more > 63 - at % 64 || mf_run_foreign(run))
		return 0;
	word = r->plain[at >> LEAF_PAGES_SHIFT];
	if (!word)
		return 0;
	word += at % MF_LEAF_PAGES / 64;
	mask = ~0ull >> (63 - more) << at % 64;
	if (add && *word & mask)
		return 0;
	*word = add ? *word | mask : *word & ~mask;
	return more + 1;
}

/*
 * Count short runs, for as long as it takes no more than bits in the leaves that are near; return
 * the first that is not done. The rest is for count_run(), which does the same. Nowhere else is
 * the time spent when memory is scattered.
 */
static __always_inline const mf_run *short_runs(struct mf_stay *s, const mf_run *run,
						const mf_run *end, u64 *pages, bool add)
{
	const struct reach r = reach_of(s);
	const mf_run *begin = run;
	u64 all = 0, some;

	for (; run != end; run++) {
		/* Four in a turn: what the loop takes is felt. */
		while (end - run >= 4 && count_next(&r, &run, add) &&
		       count_next(&r, &run, add) && count_next(&r, &run, add) &&
		       count_next(&r, &run, add))
			;
		if (run == end)
			break;
		some = count_word(&r, *run, add);
		if (!some)
			break;
		all += some - 1;
	}
	all += (u64)(run - begin);
	note_pages(s, all, add);
	*pages += all;
	return run;
}

/*
 * Count whole packed blocks for as long as they can stay packed; say how many. Those that were
 * counted before, or still are, are added to @again.
 */
static __always_inline u64 count_packed(u8 *packed, u64 blocks, u64 *again, bool add)
{
	const u64 once = 0x0101010101010101;
	u8 *p = packed, *end = packed + blocks;
	u64 eight;

	/* Eight at a time, as long as they are all new, or were counted only once. */
	for (; end - p >= 8; p += 8) {
		memcpy(&eight, p, sizeof(eight));
		if (eight != (add ? 0 : once))
			break;
		eight ^= once;
		memcpy(p, &eight, sizeof(eight));
	}
	for (; p != end; p++) {
		if (*p == !add) {
			*p = add;
			continue;
		}
		if (*p == (add ? MF_PACKED_MOST : 0))
			break;
		*p += add ? 1 : -1;
		++*again;
	}
	return (u64)(p - packed);
}

/*
 * Count runs of whole blocks in a packed leaf, whose first block @base is of, without a page;
 * return the first that is not done, of which @part pages are.
 */
static __always_inline const mf_run *packed_runs(struct mf_stay *s, u8 *packed, mf_run base,
						 const mf_run *run, const mf_run *end,
						 u64 *pages, u64 *part, bool add)
{
	u64 ahead, at, blocks, done, all = 0, again = 0;
	const mf_run *begin = run;
	mf_run block;

	for (; run != end; run++) {
		/* Nearly all are one block. This fits none else: see count_page(). */
		block = base + mf_run_make(0, MF_BLOCK_PAGES, *run & MF_RUN_WHOLE);
		for (; run != end; run++) {
			ahead = *run - block;
			at = ahead >> RUN_BLOCK_SHIFT | ahead << (64 - RUN_BLOCK_SHIFT);
			if (at >= MF_LEAF_BLOCKS || packed[at] != !add)
				break;
			packed[at] = add;
		}
		if (run == end || *run & RUN_NOT_BLOCKS)
			break;
		at = (*run - base) >> RUN_BLOCK_SHIFT;
		blocks = *run >> RUN_BLOCKS_SHIFT & RUN_BLOCKS_MASK;
		if (at + blocks > MF_LEAF_BLOCKS)
			break;
		done = count_packed(packed + at, blocks, &again, add);
		all += done;
		if (done < blocks) {
			*part = done << MF_BLOCK_SHIFT;
			break;
		}
		all--;
	}
	all += (u64)(run - begin);
	note_pages(s, (all - again) << MF_BLOCK_SHIFT, add);
	*pages += all << MF_BLOCK_SHIFT;
	return run;
}

/* The same, in all packed leaves that are near. */
static __always_inline const mf_run *whole_runs(struct mf_stay *s, const mf_run *run,
						const mf_run *end, u64 *pages, u64 *part, bool add)
{
	const struct mf_ledger_near *near = &s->ledger->near;
	const mf_run *rest;
	u64 leaf, index;
	u8 *packed;

	for (*part = 0; run != end && !*part; run = rest) {
		leaf = mf_run_pfn(*run) >> LEAF_PAGES_SHIFT;
		index = leaf - near->first;
		packed = index < near->nr ? mf_packed_in(near->nodes[index]) : NULL;
		if (!packed)
			break;
		rest = packed_runs(s, packed, mf_run_make(leaf << LEAF_PAGES_SHIFT, 0, 0), run,
				   end, pages, part, add);
		if (rest == run)
			break;
	}
	return run;
}

/* Be at the leaf of a block, if that is near. */
static bool step_to(struct mf_stay *s, u64 block)
{
	const struct mf_ledger_near *near = &s->ledger->near;
	u64 index = (block >> MF_LEAF_SHIFT) - near->first;

	if (index >= near->nr || !near->nodes[index])
		return false;
	mf_leaf_look(s, index);
	return true;
}

static bool go_to(struct mf_stay *s, u64 block, bool add)
{
	return step_to(s, block) || (add ? mf_leaf_make(s, block) : mf_leaf_find(s, block));
}

/* How many whole blocks from @block on are in its leaf and in a run of @pages. */
static u64 blocks_here(u64 block, u64 pages)
{
	return mf_min(pages >> MF_BLOCK_SHIFT, MF_LEAF_BLOCKS - (block & (MF_LEAF_BLOCKS - 1)));
}

/*
 * Count whole blocks of the leaf looked at last, from @block on, for as long as they were charged
 * by nothing but whole ones; say how many.
 */
static u64 count_whole(struct mf_stay *s, u64 block, u64 blocks, bool add)
{
	u64 *e = mf_entry_of(s, block), i, changed = 0, again = 0;

	if (!s->ledger->level)
		return 0;
	if (!e) {
		i = count_packed(s->packed + (block & (MF_LEAF_BLOCKS - 1)), blocks, &again, add);
		note_pages(s, (i - again) << MF_BLOCK_SHIFT, add);
		return i;
	}
	for (i = 0; i < blocks; i++, e++) {
		if (add && !*e && !mf_any_bit(mf_words_in(s->leaf->bits, block + i))) {
			*e = MF_WHOLE_ONE | MF_TAG_WHOLE;
			changed++;
		} else if (!mf_is_whole(*e)) {
			break;
		} else if (add) {
			*e += MF_WHOLE_ONE;
		} else if (*e < 2 * MF_WHOLE_ONE) {
			*e = 0;
			changed++;
		} else {
			*e -= MF_WHOLE_ONE;
		}
	}
	s->leaf->used += add ? changed : -changed;
	note_pages(s, changed << MF_BLOCK_SHIFT, add);
	mf_leaf_changed(s);
	return i;
}

/* Count a part of a block that is all in bits, for as long as they will do; say how many pages. */
static u64 count_words(struct mf_stay *s, u64 block, u32 page, u32 pages, bool add)
{
	u64 mask, *word = mf_words_of(s, block) + page / 64;
	u32 done, nr;

	for (done = 0; done < pages; done += nr, word++) {
		mask = mf_mask_of(page + done, pages - done, &nr);
		if (add && *word & mask)
			break;
		*word = add ? *word | mask : *word & ~mask;
	}
	note_pages(s, done, add);
	return done;
}

/*
 * Count pages from @pfn on, of one block or whole ones of one leaf; say how many, or 0 without
 * memory. A refund is of pages that were charged, see the invariant in block.c, and needs none.
 */
static u64 count_some(struct mf_stay *s, u64 pfn, u64 pages, bool add)
{
	u64 block = pfn >> MF_BLOCK_SHIFT, done, *e;
	u32 page = pfn & (MF_BLOCK_PAGES - 1);
	u32 some = (u32)mf_min(pages, MF_BLOCK_PAGES - page);

	if (!go_to(s, block, add))
		return add ? 0 : some;
	if (some == MF_BLOCK_PAGES) {
		done = count_whole(s, block, blocks_here(block, pages), add);
		if (done)
			return done << MF_BLOCK_SHIFT;
	}
	if (add && !mf_leaf_unpack(s))
		return 0;
	e = mf_entry_of(s, block);
	if (!e)
		return some;
	if (!*e && s->leaf->bits && some < MF_BLOCK_PAGES) {
		done = count_words(s, block, page, some, add);
		if (done)
			return done;
	}
	if (add)
		return mf_block_add(s, e, block, page, some) ? 0 : some;
	mf_block_sub(s, e, block, page, some);
	return some;
}

/* Count pages from @pfn on until there is no memory for more; say how many. There may be none. */
static u64 count_run(struct mf_stay *s, u64 pfn, u64 pages, bool add)
{
	u64 done = 0, some;

	while (done < pages) {
		some = count_some(s, pfn + done, pages - done, add);
		if (!some)
			break;
		done += some;
	}
	return done;
}

/* Count runs until there is no memory for more; return the first that is not done. */
static __always_inline const mf_run *count_runs(struct mf_stay *s, const mf_run *run,
						const mf_run *end, u64 *pages, bool add)
{
	u64 pfn, all, done;

	for (*pages = 0; run != end; run++) {
		run = short_runs(s, run, end, pages, add);
		run = whole_runs(s, run, end, pages, &done, add);
		if (run == end)
			break;
		if (mf_run_foreign(*run))
			continue;
		pfn = mf_run_pfn(*run);
		all = mf_run_pages(*run);
		*pages += all - done;
		done += count_run(s, pfn + done, all - done, add);
		if (done < all) {
			count_run(s, pfn, done, false);
			break;
		}
	}
	return run;
}

/**
 * mf_blocks_sub() - take pages off their counts
 * @host: takes memory
 * @l: the ledger, locked
 * @runs: the pages; foreign ones do not count
 * @nr: how many runs
 * @gone: how many pages' counts are back at 0 is added to it
 *
 * Return: how many pages of them count.
 */
u64 mf_blocks_sub(struct mf_host *host, struct mf_ledger *l, const mf_run *runs, u64 nr, u64 *gone)
{
	struct mf_stay s = { .host = host, .ledger = l };
	u64 pages;

	count_runs(&s, runs, runs + nr, &pages, false);
	*gone += s.gone;
	return pages;
}

/**
 * mf_blocks_add() - count pages once more
 * @host: gives memory
 * @l: the ledger, locked
 * @runs: the pages; foreign ones do not count
 * @nr: how many runs
 * @what: where to say how many pages of them count, and how many counts have left 0
 *
 * Return: 0; or -ENOMEM with the counts as they were.
 */
int mf_blocks_add(struct mf_host *host, struct mf_ledger *l, const mf_run *runs, u64 nr,
		  struct mf_charge *what)
{
	struct mf_stay s = { .host = host, .ledger = l };
	const mf_run *stopped = count_runs(&s, runs, runs + nr, &what->asked, true);

	what->fresh = s.fresh;
	if (stopped == runs + nr)
		return 0;
	mf_blocks_sub(host, l, runs, (u64)(stopped - runs), &s.gone);
	return -ENOMEM;
}
