// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Runs of pages, block by block, for a ledger; and what can be done for many at
 * once. Whatever is out of the ordinary is for block.c, which can do all of it.
 */
#include "blocks.h"

#define LEAF_PAGES_SHIFT	(MF_LEAF_SHIFT + MF_BLOCK_SHIFT)

/* Be at the leaf of a block, if that is near. */
static inline bool step_to(struct mf_stay *s, u64 block)
{
	u64 index = (block >> MF_LEAF_SHIFT) - s->first;

	if (index >= s->nr || !s->slots[index].node)
		return false;
	s->slot = &s->slots[index];
	return true;
}

static inline u64 *entry_here(const struct mf_stay *s, u64 block)
{
	return (u64 *)s->slot->node + (block & (MF_LEAF_BLOCKS - 1));
}

/*
 * How many pages behind the page that @first is the page of a run is, if that is all the run has
 * and it counts; if not, more than any leaves have.
 */
static inline u64 single_page(mf_run run, mf_run first)
{
	u64 ahead = run - first;

	return ahead >> MF_RUN_PFN_SHIFT | ahead << (64 - MF_RUN_PFN_SHIFT);
}

static inline mf_run first_page(const struct mf_stay *s)
{
	return mf_run_make(s->first << LEAF_PAGES_SHIFT, 1, 0);
}

/*
 * Charge runs of one page, for as long as it takes no more than a bit each in the leaves that are
 * near; return the first that is not done. The rest is for add_run(), which does the same. Nowhere
 * else is the time spent when memory is scattered.
 */
static const mf_run *add_single_pages(struct mf_stay *s, const mf_run *run, const mf_run *end)
{
	u64 limit = s->nr << LEAF_PAGES_SHIFT, **plain = s->plain, at, *bits, word;
	const mf_run *begin = run;
	mf_run first = first_page(s);

	for (; run != end; run++) {
		at = single_page(*run, first);
		if (at >= limit)
			break;
		bits = plain[at >> LEAF_PAGES_SHIFT];
		if (!bits)
			break;
		word = bits[at % MF_LEAF_PAGES / 64];
		if (word >> at % 64 & 1)
			break;
		bits[at % MF_LEAF_PAGES / 64] = word | 1ull << at % 64;
	}
	s->fresh += run - begin;
	return run;
}

/* The same for a refund. */
static const mf_run *sub_single_pages(struct mf_stay *s, const mf_run *run, const mf_run *end)
{
	u64 limit = s->nr << LEAF_PAGES_SHIFT, **plain = s->plain, at, *bits;
	const mf_run *begin = run;
	mf_run first = first_page(s);

	for (; run != end; run++) {
		at = single_page(*run, first);
		if (at >= limit)
			break;
		bits = plain[at >> LEAF_PAGES_SHIFT];
		if (!bits)
			break;
		bits[at % MF_LEAF_PAGES / 64] &= ~(1ull << at % 64);
	}
	s->gone += run - begin;
	return run;
}

/* Charge a part of a block by its bits alone, if that will do. */
static bool add_plain(struct mf_stay *s, u64 block, u32 page, u32 pages)
{
	u64 *word = mf_words_in(s->plain[s->slot - s->slots], block), mask;
	u32 nr;

	if (!word)
		return false;
	word += page / 64;
	mask = mf_mask_of(page, pages, &nr);
	if (nr < pages || *word & mask)
		return false;
	*word |= mask;
	s->fresh += pages;
	return true;
}

/* The same for a refund. */
static bool sub_plain(struct mf_stay *s, u64 block, u32 page, u32 pages)
{
	u64 *word = mf_words_in(s->plain[s->slot - s->slots], block), mask;
	u32 nr;

	if (!word)
		return false;
	word += page / 64;
	mask = mf_mask_of(page, pages, &nr);
	if (nr < pages)
		return false;
	*word &= ~mask;
	s->gone += pages;
	return true;
}

/* How many whole blocks from @block on are in the leaf looked at last and in a run of @pages. */
static u64 blocks_here(u64 block, u64 pages)
{
	return mf_min(pages >> MF_BLOCK_SHIFT, MF_LEAF_BLOCKS - (block & (MF_LEAF_BLOCKS - 1)));
}

/*
 * Charge whole blocks of the leaf looked at last, from @block on, for as long as they were charged
 * by nothing but whole ones; say how many.
 */
static u64 add_whole_blocks(struct mf_stay *s, u64 block, u64 blocks)
{
	u64 *e = entry_here(s, block), i, fresh = 0;

	for (i = 0; i < blocks; i++, e++) {
		if (mf_is_whole(*e)) {
			*e += MF_WHOLE_ONE;
		} else if (!*e && !mf_any_bit(mf_words_in(s->slot->bits, block + i))) {
			*e = MF_WHOLE_ONE | MF_TAG_WHOLE;
			fresh++;
		} else {
			break;
		}
	}
	s->slot->used += fresh;
	s->fresh += fresh << MF_BLOCK_SHIFT;
	mf_leaf_changed(s);
	return i;
}

/* The same for a refund. */
static u64 sub_whole_blocks(struct mf_stay *s, u64 block, u64 blocks)
{
	u64 *e = entry_here(s, block), i, gone = 0;

	for (i = 0; i < blocks && mf_is_whole(*e); i++, e++) {
		*e -= MF_WHOLE_ONE;
		if (*e < MF_WHOLE_ONE) {
			*e = 0;
			gone++;
		}
	}
	s->slot->used -= gone;
	s->gone += gone << MF_BLOCK_SHIFT;
	mf_leaf_changed(s);
	return i;
}

/*
 * Charge pages from @pfn on, of one block or whole ones of one leaf; say how many, or 0 without
 * memory.
 */
static u64 add_some(struct mf_stay *s, u64 pfn, u64 pages)
{
	u64 block = pfn >> MF_BLOCK_SHIFT, some, *e;
	u32 page = pfn & (MF_BLOCK_PAGES - 1);

	if (step_to(s, block)) {
		if (!page && pages >= MF_BLOCK_PAGES) {
			some = add_whole_blocks(s, block, blocks_here(block, pages));
			if (some)
				return some << MF_BLOCK_SHIFT;
		}
		e = entry_here(s, block);
	} else {
		e = mf_block_make(s, block);
		if (!e)
			return 0;
	}
	some = mf_min(pages, MF_BLOCK_PAGES - page);
	if (add_plain(s, block, page, (u32)some))
		return some;
	return mf_block_add(s, e, block, page, (u32)some) ? 0 : some;
}

/* The same for a refund: of pages that were charged, see the invariant in block.c. */
static u64 sub_some(struct mf_stay *s, u64 pfn, u64 pages)
{
	u64 block = pfn >> MF_BLOCK_SHIFT, some, *e;
	u32 page = pfn & (MF_BLOCK_PAGES - 1);

	if (step_to(s, block)) {
		if (!page && pages >= MF_BLOCK_PAGES) {
			some = sub_whole_blocks(s, block, blocks_here(block, pages));
			if (some)
				return some << MF_BLOCK_SHIFT;
		}
		e = entry_here(s, block);
	} else {
		e = mf_block_find(s, block);
	}
	some = mf_min(pages, MF_BLOCK_PAGES - page);
	if (e && !sub_plain(s, block, page, (u32)some))
		mf_block_sub(s, e, block, page, (u32)some);
	return some;
}

/* Charge pages from @pfn on until there is no memory for more; say how many. There may be none. */
static u64 add_run(struct mf_stay *s, u64 pfn, u64 pages)
{
	u64 done = 0, some;

	while (done < pages) {
		some = add_some(s, pfn + done, pages - done);
		if (!some)
			break;
		done += some;
	}
	return done;
}

static void sub_run(struct mf_stay *s, u64 pfn, u64 pages)
{
	u64 done = 0;

	while (done < pages)
		done += sub_some(s, pfn + done, pages - done);
}

/**
 * mf_blocks_sub() - take pages off their counts
 * @s: the stay
 * @runs: the pages; foreign ones do not count
 * @nr: how many runs
 *
 * Return: how many pages of them count.
 */
u64 mf_blocks_sub(struct mf_stay *s, const mf_run *runs, u64 nr)
{
	const mf_run *run, *rest, *end = runs + nr;
	u64 pages = 0;

	for (run = runs; run != end; run = rest) {
		rest = sub_single_pages(s, run, end);
		pages += rest - run;
		if (rest == end)
			break;
		run = rest++;
		if (mf_run_foreign(*run))
			continue;
		sub_run(s, mf_run_pfn(*run), mf_run_pages(*run));
		pages += mf_run_pages(*run);
	}
	return pages;
}

/**
 * mf_blocks_add() - count pages once more
 * @s: the stay
 * @runs: the pages; foreign ones do not count
 * @nr: how many runs
 * @pages: where to say how many pages of them count
 *
 * Return: 0; or -ENOMEM with the counts as they were.
 */
int mf_blocks_add(struct mf_stay *s, const mf_run *runs, u64 nr, u64 *pages)
{
	const mf_run *run, *rest, *end = runs + nr;
	u64 all, done;

	*pages = 0;
	for (run = runs; run != end; run = rest) {
		rest = add_single_pages(s, run, end);
		*pages += rest - run;
		if (rest == end)
			break;
		run = rest++;
		if (mf_run_foreign(*run))
			continue;
		all = mf_run_pages(*run);
		done = add_run(s, mf_run_pfn(*run), all);
		if (done < all) {
			sub_run(s, mf_run_pfn(*run), done);
			mf_blocks_sub(s, runs, run - runs);
			return -ENOMEM;
		}
		*pages += all;
	}
	return 0;
}
