// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A block: how often each of its page frames is pinned, for a ledger.
 *
 * A block is 512 page frames (2 MiB), and has an entry in a leaf of the tree:
 *
 *   0         the bits say it all
 *   ...01     the whole block was charged at once, so many times
 *   ...10     one run of pages, a part of the block, was charged, so many times
 *   else      a detail, in memory of its own
 *
 * and, as soon as anything in the leaf needs it, a bit for each page, that was
 * charged by a part of its block. A detail says besides the bits how often the
 * whole block was charged; and, when a page has been charged again, has an array
 * of how often, of one byte a page for as long as that will do.
 *
 * So huge pages cost a few instructions and an entry a block, scattered pages a
 * bit each, and pages that containers share a byte; and whoever has no more than
 * a run in a block, no bits.
 *
 * What was charged by a part of a block is refunded from its bits, so that a
 * refund never needs memory. That takes this of the callers:
 *
 *   Invariant: a refund is by runs that were charged, or by such put together,
 *   never by parts of them.
 *
 * Then pages refunded as a whole block may have been charged by parts: they are
 * taken off the count of whole ones if there are any, and off all bits of the
 * block if not, and the sum is right both ways. In either case each page's bits
 * hold what is still to be refunded by parts: the whole count is never more than
 * what is still to be refunded by whole blocks.
 */
#include "blocks.h"

/* What an entry of one run has: its first page, how many, and a count. */
#define ALONE_PAGE	2			/* where in it: the run's first page, */
#define ALONE_PAGES	(ALONE_PAGE + MF_BLOCK_SHIFT)	/* and how many */
#define ALONE_ONE	(1ull << (ALONE_PAGES + MF_BLOCK_SHIFT))

/**
 * struct detail - a block whose bits are not all
 * @more: for each page, how often it was charged besides its bit; or NULL: not at all
 * @whole: how often the whole block was charged
 * @width: bytes of each number of @more
 */
struct detail {
	void *more;
	u64 whole;
	u32 width;
};

static void set_entry(struct mf_stay *s, u64 *e, u64 value)
{
	s->leaf->used += !!value;
	s->leaf->used -= !!*e;
	*e = value;
	mf_leaf_changed(s);
}

static bool is_alone(u64 e)
{
	return (e & MF_TAG) == MF_TAG_ALONE;
}

/* The entry of one run, without a count. */
static u64 alone(u32 page, u32 pages)
{
	return (u64)pages << ALONE_PAGES | page << ALONE_PAGE | MF_TAG_ALONE;
}

static struct detail *detail_of(u64 e)
{
	return e & MF_TAG ? NULL : (void *)(uintptr_t)e;
}

/* Bits. */

#define for_each_bit(page, bits) \
	for (; (bits) && ((page) = (u32)__builtin_ctzll(bits), true); (bits) &= (bits) - 1)

static u32 count_bits(const u64 *words)
{
	u32 i, nr = 0;
	u64 word;

	for (i = 0; i < MF_BLOCK_WORDS; i++) {
		for (word = words[i]; word; word &= word - 1)
			nr++;
	}
	return nr;
}

/* Details. */

static u64 more_of(const struct detail *d, u32 page)
{
	switch (d->width) {
	case 1:
		return ((const u8 *)d->more)[page];
	case 2:
		return ((const u16 *)d->more)[page];
	default:
		return ((const u32 *)d->more)[page];
	}
}

static void set_more(struct detail *d, u32 page, u64 more)
{
	switch (d->width) {
	case 1:
		((u8 *)d->more)[page] = (u8)more;
		break;
	case 2:
		((u16 *)d->more)[page] = (u16)more;
		break;
	default:
		((u32 *)d->more)[page] = (u32)more;
		break;
	}
}

static void free_detail(struct mf_stay *s, struct detail *d)
{
	mf_ledger_give(s, d->more, (u64)MF_BLOCK_PAGES * d->width);
	mf_ledger_give(s, d, sizeof(*d));
}

/* See to it that each page of a block can be counted @more times besides its bit. */
static int widen(struct mf_stay *s, struct detail *d, u64 more)
{
	u32 page, width = more >> 16 ? 4 : more >> 8 ? 2 : 1;
	struct detail wide = { .width = width };

	if (d->more && width <= d->width)
		return 0;
	/* More than anybody can pin a page. */
	if (more >> 32)
		return -ENOMEM;
	wide.more = mf_ledger_take(s, (u64)MF_BLOCK_PAGES * width);
	if (!wide.more)
		return -ENOMEM;
	for (page = 0; d->more && page < MF_BLOCK_PAGES; page++)
		set_more(&wide, page, more_of(d, page));
	mf_ledger_give(s, d->more, (u64)MF_BLOCK_PAGES * d->width);
	d->more = wide.more;
	d->width = wide.width;
	return 0;
}

/* Have a detail for a block that is in bits or was charged whole. NULL without memory. */
static struct detail *expand(struct mf_stay *s, u64 *e)
{
	struct detail *d = detail_of(*e);

	if (d)
		return d;
	d = mf_ledger_take(s, sizeof(*d));
	if (!d)
		return NULL;
	d->whole = *e / MF_WHOLE_ONE;
	set_entry(s, e, (u64)(uintptr_t)d);
	return d;
}

/* After something was taken out, or not put in: a detail stays only if it says something. */
static void settle(struct mf_stay *s, u64 *e, u64 block)
{
	struct detail *d = detail_of(*e);
	bool bits = d && mf_any_bit(mf_words_of(s, block));

	if (d && (!bits || (!d->whole && !d->more))) {
		set_entry(s, e, d->whole ? d->whole * MF_WHOLE_ONE | MF_TAG_WHOLE : 0);
		free_detail(s, d);
	}
}

/* Parts of blocks. */

/* Put a run that is alone in its block into the bits, and how often besides into a detail. */
static int spread_run(struct mf_stay *s, u64 *e, u64 block)
{
	u32 page = (*e >> ALONE_PAGE) & (MF_BLOCK_PAGES - 1);
	u32 pages = (*e >> ALONE_PAGES) & (MF_BLOCK_PAGES - 1);
	u64 count = *e / ALONE_ONE, *words = mf_words_of(s, block);
	struct detail *d = NULL;

	if (count > 1) {
		d = mf_ledger_take(s, sizeof(*d));
		if (d && widen(s, d, count - 1)) {
			free_detail(s, d);
			d = NULL;
		}
		if (!d)
			return -ENOMEM;
	}
	set_entry(s, e, (u64)(uintptr_t)d);
	for (; pages; page++, pages--) {
		words[page / 64] |= 1ull << page % 64;
		if (d)
			set_more(d, page, count - 1);
	}
	return 0;
}

/* A leaf has bits now: what was charged once goes there, so that most blocks are in bits alone. */
static void spread_leaf(struct mf_stay *s)
{
	u64 *entries = s->leaf->entries;
	u32 i;

	for (i = 0; i < MF_LEAF_BLOCKS; i++) {
		if (is_alone(entries[i]) && entries[i] < 2 * ALONE_ONE)
			spread_run(s, &entries[i], i);
	}
}

/* Have bits for the block of @e, and all that was charged by parts in them. NULL without memory. */
static u64 *spread(struct mf_stay *s, u64 *e, u64 block)
{
	if (!s->leaf->bits) {
		e = mf_block_make_bits(s, block);
		if (e)
			spread_leaf(s);
	}
	if (e && is_alone(*e) && spread_run(s, e, block))
		return NULL;
	return e;
}

/* How often pages must be counted besides their bits to be charged once more; at most. */
static u64 most_again(const struct detail *d, const u64 *words, u32 page, u32 pages)
{
	bool more = d && d->more;
	u64 most = 0, bits;
	u32 nr, i;

	for (; pages; page += nr, pages -= nr) {
		bits = mf_mask_of(page, pages, &nr) & words[page / 64];
		for_each_bit(i, bits)
			most = mf_max(most, more ? 1 + more_of(d, page / 64 * 64 + i) : 1);
	}
	return most;
}

static void set_bits(struct mf_stay *s, struct detail *d, u64 *words, u32 page, u32 pages)
{
	u32 nr, i, fresh = 0;
	u64 mask, again;

	for (; pages; page += nr, pages -= nr) {
		u64 *word = &words[page / 64];

		mask = mf_mask_of(page, pages, &nr);
		again = *word & mask;
		*word |= mask;
		fresh += nr;
		for_each_bit(i, again) {
			u32 which = page / 64 * 64 + i;

			set_more(d, which, more_of(d, which) + 1);
			fresh--;
		}
	}
	if (!d || !d->whole)
		s->fresh += fresh;
}

/* Charge a part of a block that has bits. All of it, or nothing. */
static int add_bits(struct mf_stay *s, u64 *e, u32 page, u32 pages, u64 block)
{
	u64 *words = mf_words_of(s, block);
	struct detail *d = detail_of(*e);
	u64 most = most_again(d, words, page, pages);

	if (most || mf_is_whole(*e)) {
		d = expand(s, e);
		if (!d || (most && widen(s, d, most))) {
			settle(s, e, block);
			return -ENOMEM;
		}
	}
	set_bits(s, d, words, page, pages);
	return 0;
}

static void sub_bits(struct mf_stay *s, u64 *e, u32 page, u32 pages, u64 block)
{
	u64 mask, bits, more, *words = mf_words_of(s, block);
	struct detail *d = detail_of(*e);
	u32 nr, i, gone = 0;

	for (; pages; page += nr, pages -= nr) {
		mask = mf_mask_of(page, pages, &nr);
		bits = d && d->more ? mask : 0;
		gone += nr;
		for_each_bit(i, bits) {
			u32 which = page / 64 * 64 + i;

			more = more_of(d, which);
			if (!more)
				continue;
			set_more(d, which, more - 1);
			mask &= ~(1ull << i);
			gone--;
		}
		words[page / 64] &= ~mask;
	}
	if (!d || !d->whole)
		s->gone += gone;
	settle(s, e, block);
}

static int add_part(struct mf_stay *s, u64 *e, u32 page, u32 pages, u64 block)
{
	if (!*e && !s->leaf->bits) {
		set_entry(s, e, alone(page, pages) + ALONE_ONE);
		s->fresh += pages;
		return 0;
	}
	if (is_alone(*e) && *e % ALONE_ONE == alone(page, pages)) {
		*e += ALONE_ONE;
		return 0;
	}
	e = spread(s, e, block);
	return e ? add_bits(s, e, page, pages, block) : -ENOMEM;
}

static void sub_part(struct mf_stay *s, u64 *e, u32 page, u32 pages, u64 block)
{
	if (!is_alone(*e)) {
		if (s->leaf->bits)
			sub_bits(s, e, page, pages, block);
		return;
	}
	/* It can only be this run. */
	*e -= ALONE_ONE;
	if (*e < ALONE_ONE) {
		set_entry(s, e, 0);
		s->gone += pages;
		settle(s, e, block);
	}
}

/* Whole blocks. */

static int add_whole(struct mf_stay *s, u64 *e, u64 block)
{
	struct detail *d;

	if (!*e && !mf_any_bit(mf_words_in(s->leaf->bits, block))) {
		set_entry(s, e, MF_WHOLE_ONE | MF_TAG_WHOLE);
		s->fresh += MF_BLOCK_PAGES;
		return 0;
	}
	if (mf_is_whole(*e)) {
		*e += MF_WHOLE_ONE;
		return 0;
	}
	e = spread(s, e, block);
	d = e ? expand(s, e) : NULL;
	if (!d)
		return -ENOMEM;
	if (!d->whole++)
		s->fresh += MF_BLOCK_PAGES - count_bits(mf_words_of(s, block));
	return 0;
}

static void sub_whole(struct mf_stay *s, u64 *e, u64 block)
{
	struct detail *d = detail_of(*e);

	if (mf_is_whole(*e)) {
		*e -= MF_WHOLE_ONE;
		if (*e >= MF_WHOLE_ONE)
			return;
		set_entry(s, e, 0);
		s->gone += MF_BLOCK_PAGES;
		settle(s, e, block);
	} else if (d && d->whole) {
		if (--d->whole)
			return;
		s->gone += MF_BLOCK_PAGES - count_bits(mf_words_of(s, block));
		settle(s, e, block);
	} else if (s->leaf->bits) {
		sub_bits(s, e, 0, MF_BLOCK_PAGES, block);
	}
}

/* The only page: whoever maps one at a time, and unmaps it again, never has more. */

static u64 page_alone(mf_run run)
{
	return alone(mf_run_pfn(run) & (MF_BLOCK_PAGES - 1), 1) + ALONE_ONE;
}

/**
 * mf_only_add() - count the first page of a ledger, if it is one alone
 * @l: the ledger, locked
 * @run: the page
 *
 * The same as mf_blocks_add() would do, at a fraction of what that takes.
 *
 * Return: whether it was done: @l has no page, and @run is a page, and counts.
 */
bool mf_only_add(struct mf_ledger *l, mf_run run)
{
	if (l->pages || !mf_run_is_page(run))
		return false;
	l->prefix = mf_run_pfn(run) >> MF_BLOCK_SHIFT;
	l->entry = page_alone(run);
	l->none.used = 1;
	return true;
}

/**
 * mf_only_sub() - take the only page of a ledger off its count; see mf_only_add()
 * @l: the ledger, locked
 * @run: the page
 *
 * Return: whether it was done: @l has no page but this, and that once.
 */
bool mf_only_sub(struct mf_ledger *l, mf_run run)
{
	/* While there is a tree the entry is 0; and of another block there is nothing to refund. */
	if (l->entry != page_alone(run) || !mf_run_is_page(run))
		return false;
	l->entry = 0;
	l->none.used = 0;
	return true;
}

/**
 * mf_block_add() - count pages of a block once more
 * @s: the stay
 * @e: the block's entry, found or made in it
 * @block: its number
 * @page: the first page, of the block's
 * @pages: how many
 *
 * Return: 0; or -ENOMEM with the counts as they were.
 */
int mf_block_add(struct mf_stay *s, u64 *e, u64 block, u32 page, u32 pages)
{
	return pages < MF_BLOCK_PAGES ? add_part(s, e, page, pages, block) : add_whole(s, e, block);
}

/* Take pages of a block off their counts; see mf_block_add(). It needs no memory. */
void mf_block_sub(struct mf_stay *s, u64 *e, u64 block, u32 page, u32 pages)
{
	if (pages < MF_BLOCK_PAGES)
		sub_part(s, e, page, pages, block);
	else
		sub_whole(s, e, block);
}
