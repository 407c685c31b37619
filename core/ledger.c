// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The ledger: bill a page once.
 *
 * Each owner has one, for all containers. It counts, by page frame, how often
 * a page is pinned for the owner: by mappings, whatever domains they are in, and
 * by software devices. A page is billed when its count leaves 0 and refunded
 * when it is back there, under the ledger's lock, so that nobody can rely on a
 * page that is then not billed.
 *
 * Page frames are dealt with in blocks of 512 (2 MiB), and there is an entry for
 * each block that has anything:
 *
 *   0         nothing
 *   ...01     the whole block was charged at once, so many times
 *   ...10     one page of it was charged, so many times
 *   else      a detail, in memory of its own
 *
 * A detail has the count of charges of the whole block, and apart from it, for
 * what was charged by parts, a bit a page; and only when a page has been charged
 * again, an array of how often, of one byte a page for as long as that will do.
 * So huge pages cost a few instructions and no memory a block, scattered pages a
 * bit each, and pages that containers share a byte.
 *
 * Entries are in a tree, by leaves of 512 (1 GiB) under branches of 256, which
 * begins at the deepest node that holds all, and is as high as that needs: an
 * owner with one page, or one block, has no tree at all.
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
 *
 * An emptied detail is kept as a spare while there are pages at all, and nodes
 * stay until they are empty; when the last page has gone, so has all memory.
 */
#include "host.h"
#include "ledger.h"

#define BLOCK_SHIFT	9
#define BLOCK_PAGES	(1u << BLOCK_SHIFT)
#define BLOCK_WORDS	(BLOCK_PAGES / 64)
#define LEAF_SHIFT	9
#define LEAF_ENTRIES	(1u << LEAF_SHIFT)
#define BRANCH_SHIFT	8
#define BRANCH_SLOTS	(1u << BRANCH_SHIFT)

/* Enough for every number of a block that a run can name. */
#define LEVELS		5

/* How many runs are refunded before others may have the ledger. */
#define REFUND_RUNS	(1u << 16)

/* The two kinds of entries that are no pointers. */
#define TAG		3ull
#define TAG_WHOLE	1ull
#define TAG_PAGE	2ull
#define WHOLE_ONE	4ull
#define PAGE_SHIFT_IN	2
#define PAGE_ONE	(1ull << (PAGE_SHIFT_IN + BLOCK_SHIFT))

/**
 * struct detail - a block that was charged by parts
 * @bits: pages that were
 * @more: for each, how often besides that; or NULL: not at all
 * @whole: how often the whole block was charged
 * @used: how many bits are set
 * @width: bytes of each number of @more
 */
struct detail {
	u64 bits[BLOCK_WORDS];
	void *more;
	u64 whole;
	u16 used;
	u8 width;
};

/*
 * One stay in a ledger, which is locked. @entries and @used are of the leaf that
 * was looked at last, which is the number @leaf; @used is for the only entry
 * while there is no tree, but @entries is NULL then.
 */
struct stay {
	struct mf_host *host;
	struct mf_ledger *l;
	u64 fresh;		/* pages whose count has left 0 */
	u64 gone;		/* pages whose count is back there */
	u64 *entries;
	u64 leaf;
	u64 *used;
};

static void *take(struct stay *s, u64 bytes)
{
	void *memory = s->host->ops->alloc(s->host, bytes);

	if (memory) {
		s->l->bytes += bytes;
		s->l->pieces++;
	}
	return memory;
}

static void give(struct stay *s, void *memory, u64 bytes)
{
	if (!memory)
		return;
	s->l->bytes -= bytes;
	s->l->pieces--;
	s->host->ops->free(s->host, memory);
}

/* The tree. */

/* How many bits of a block's number are told apart below a node of @level. */
static u32 shift_of(u32 level)
{
	return level ? LEAF_SHIFT + (level - 1) * BRANCH_SHIFT : 0;
}

static u64 bytes_of(u32 level)
{
	return level > 1 ? BRANCH_SLOTS * sizeof(struct mf_ledger_slot) :
			   LEAF_ENTRIES * sizeof(u64);
}

static struct mf_ledger_slot *child_of(const struct mf_ledger_slot *slot, u32 level, u64 block)
{
	struct mf_ledger_slot *children = slot->node;

	return &children[(block >> shift_of(level - 1)) & (BRANCH_SLOTS - 1)];
}

/* One level more: what was the tree, or the only entry, is under a new root. */
static int grow(struct stay *s)
{
	struct mf_ledger *l = s->l;
	void *node = take(s, bytes_of(l->level + 1));

	if (!node)
		return -ENOMEM;

	if (!l->level) {
		((u64 *)node)[l->prefix & (LEAF_ENTRIES - 1)] = l->entry;
		l->entry = 0;
		l->prefix >>= LEAF_SHIFT;
	} else {
		((struct mf_ledger_slot *)node)[l->prefix & (BRANCH_SLOTS - 1)] = l->root;
		l->root.used = 1;
		l->prefix >>= BRANCH_SHIFT;
	}
	l->root.node = node;
	l->level++;
	s->entries = NULL;
	return 0;
}

/* Go down to the entry of @block, which is within the tree; with @make, make the way. */
static u64 *descend(struct stay *s, u64 block, bool make)
{
	struct mf_ledger_slot *slot = &s->l->root, *child;
	u32 level;

	for (level = s->l->level; level > 1; level--) {
		child = child_of(slot, level, block);
		if (!child->node) {
			child->node = make ? take(s, bytes_of(level - 1)) : NULL;
			if (!child->node)
				return NULL;
			slot->used++;
		}
		slot = child;
	}
	s->used = &slot->used;
	if (!level)
		return &s->l->entry;
	s->entries = slot->node;
	s->leaf = block >> LEAF_SHIFT;
	return &s->entries[block & (LEAF_ENTRIES - 1)];
}

static bool covers(const struct mf_ledger *l, u64 block)
{
	return block >> shift_of(l->level) == l->prefix;
}

/* The entry of a block that was not in the leaf looked at last, or NULL. */
static u64 *look_up(struct stay *s, u64 block)
{
	return covers(s->l, block) ? descend(s, block, false) : NULL;
}

static u64 *make_way(struct stay *s, u64 block)
{
	struct mf_ledger *l = s->l;

	if (!l->root.used)
		l->prefix = block;
	while (!covers(l, block)) {
		if (grow(s))
			return NULL;
	}
	return descend(s, block, true);
}

static inline u64 *entry_of(struct stay *s, u64 block, bool make)
{
	if (s->entries && s->leaf == block >> LEAF_SHIFT)
		return &s->entries[block & (LEAF_ENTRIES - 1)];
	return make ? make_way(s, block) : look_up(s, block);
}

/* Free the nodes on the way to @block that have nothing any more. */
static void prune(struct stay *s, u64 block)
{
	struct mf_ledger_slot *way[LEVELS + 1];
	u32 level, lowest = s->l->level;

	way[lowest] = &s->l->root;
	while (lowest > 1 && way[lowest]->node) {
		way[lowest - 1] = child_of(way[lowest], lowest, block);
		lowest--;
	}
	s->entries = NULL;
	for (level = lowest; !way[level]->used; level++) {
		bool there = way[level]->node;

		give(s, way[level]->node, bytes_of(level));
		way[level]->node = NULL;
		if (level == s->l->level) {
			s->l->level = 0;
			s->l->prefix = 0;
			break;
		}
		way[level + 1]->used -= there;
	}
}

/* Details. */

static void *entry_pointer(u64 e)
{
	return (void *)(uintptr_t)e;
}

static struct detail *detail_of(u64 e)
{
	return e & TAG ? NULL : entry_pointer(e);
}

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

static void free_detail(struct stay *s, struct detail *d)
{
	give(s, d->more, (u64)BLOCK_PAGES * d->width);
	give(s, d, sizeof(*d));
}

static struct detail *take_detail(struct stay *s)
{
	struct detail *d = s->l->spare;

	s->l->spare = NULL;
	return d ? d : take(s, sizeof(*d));
}

/* Every bit of it is 0, and so is what is in @more. */
static void keep_detail(struct stay *s, struct detail *d)
{
	d->whole = 0;
	if (s->l->spare)
		free_detail(s, d);
	else
		s->l->spare = d;
}

/* See to it that each page of a block can be counted @more times besides its bit. */
static int widen(struct stay *s, struct detail *d, u64 more)
{
	u32 page, width = more >> 16 ? 4 : more >> 8 ? 2 : 1;
	struct detail wide = { .width = (u8)width };

	if (d->more && width <= d->width)
		return 0;
	/* More than anybody can pin a page. */
	if (more >> 32)
		return -ENOMEM;
	wide.more = take(s, (u64)BLOCK_PAGES * width);
	if (!wide.more)
		return -ENOMEM;
	for (page = 0; d->more && page < BLOCK_PAGES; page++)
		set_more(&wide, page, more_of(d, page));
	give(s, d->more, (u64)BLOCK_PAGES * d->width);
	d->more = wide.more;
	d->width = wide.width;
	return 0;
}

/* Of the word that @page is in: the bits of @page and those that follow, @pages in all. */
static u64 mask_of(u32 page, u32 pages, u32 *nr)
{
	u32 first = page % 64;

	*nr = pages < 64 - first ? pages : 64 - first;
	return (~0ull >> (64 - *nr)) << first;
}

#define for_each_bit(page, bits) \
	for (; (bits) && ((page) = (u32)__builtin_ctzll(bits), true); (bits) &= (bits) - 1)

/* Have room to count again those of some pages that were charged before. */
static int make_room(struct stay *s, struct detail *d, u32 page, u32 pages)
{
	u64 most = 0, bits;
	u32 nr, i;

	for (; pages; page += nr, pages -= nr) {
		bits = mask_of(page, pages, &nr) & d->bits[page / 64];
		for_each_bit(i, bits)
			most = mf_max(most, 1 + (d->more ? more_of(d, page / 64 * 64 + i) : 0));
	}
	return most ? widen(s, d, most) : 0;
}

/* Charge some pages. All of them, or none. */
static int detail_add(struct stay *s, struct detail *d, u32 page, u32 pages)
{
	u32 nr, i, fresh = 0;
	u64 mask, again;

	if (make_room(s, d, page, pages))
		return -ENOMEM;
	for (; pages; page += nr, pages -= nr) {
		u64 *word = &d->bits[page / 64];

		mask = mask_of(page, pages, &nr);
		again = *word & mask;
		*word |= mask;
		fresh += nr;
		for_each_bit(i, again) {
			u32 which = page / 64 * 64 + i;

			set_more(d, which, more_of(d, which) + 1);
			fresh--;
		}
	}
	d->used += fresh;
	if (!d->whole)
		s->fresh += fresh;
	return 0;
}

static void detail_sub(struct stay *s, struct detail *d, u32 page, u32 pages)
{
	u32 nr, i, gone = 0;
	u64 mask, bits, more;

	for (; pages; page += nr, pages -= nr) {
		mask = mask_of(page, pages, &nr);
		bits = d->more ? mask : 0;
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
		d->bits[page / 64] &= ~mask;
	}
	d->used -= gone;
	if (!d->whole)
		s->gone += gone;
}

/* Entries. */

static void set_entry(struct stay *s, u64 *e, u64 value)
{
	*s->used += !*e;
	*e = value;
}

static void clear_entry(struct stay *s, u64 *e, u64 block)
{
	*e = 0;
	if (!--*s->used)
		prune(s, block);
}

/* After something was taken out of a detail, or not put in. */
static void settle_detail(struct stay *s, u64 *e, u64 block)
{
	struct detail *d = detail_of(*e);
	u64 whole = d->whole;

	if (d->used)
		return;
	keep_detail(s, d);
	if (whole)
		*e = whole * WHOLE_ONE | TAG_WHOLE;
	else
		clear_entry(s, e, block);
}

/* Have a detail say what the entry says. */
static struct detail *expand(struct stay *s, u64 *e)
{
	u32 page = (*e >> PAGE_SHIFT_IN) & (BLOCK_PAGES - 1);
	u64 count = *e / PAGE_ONE;
	struct detail *d = *e ? detail_of(*e) : NULL;

	if (d)
		return d;
	d = take_detail(s);
	if (!d)
		return NULL;
	if ((*e & TAG) == TAG_WHOLE) {
		d->whole = *e / WHOLE_ONE;
	} else if (*e) {
		if (count > 1 && widen(s, d, count - 1)) {
			keep_detail(s, d);
			return NULL;
		}
		d->bits[page / 64] = 1ull << page % 64;
		d->used = 1;
		if (count > 1)
			set_more(d, page, count - 1);
	}
	set_entry(s, e, (u64)(uintptr_t)d);
	return d;
}

static int add_whole(struct stay *s, u64 *e)
{
	struct detail *d;

	if (!*e) {
		set_entry(s, e, WHOLE_ONE | TAG_WHOLE);
		s->fresh += BLOCK_PAGES;
		return 0;
	}
	if ((*e & TAG) == TAG_WHOLE) {
		*e += WHOLE_ONE;
		return 0;
	}
	d = expand(s, e);
	if (!d)
		return -ENOMEM;
	if (!d->whole++)
		s->fresh += BLOCK_PAGES - d->used;
	return 0;
}

static void sub_whole(struct stay *s, u64 *e, u64 block)
{
	struct detail *d = detail_of(*e);

	if (*e == (WHOLE_ONE | TAG_WHOLE)) {
		s->gone += BLOCK_PAGES;
		clear_entry(s, e, block);
	} else if (!d) {
		*e -= WHOLE_ONE;
	} else if (d->whole) {
		if (!--d->whole)
			s->gone += BLOCK_PAGES - d->used;
	} else {
		detail_sub(s, d, 0, BLOCK_PAGES);
		settle_detail(s, e, block);
	}
}

/* The same page as before, or the first of its block: no memory is needed. */
static bool add_alone(struct stay *s, u64 *e, u32 page)
{
	u64 alone = (u64)page << PAGE_SHIFT_IN | TAG_PAGE;

	if (!*e)
		s->fresh++;
	else if (*e % PAGE_ONE != alone)
		return false;
	set_entry(s, e, (*e ? *e : alone) + PAGE_ONE);
	return true;
}

static int add_part(struct stay *s, u64 *e, u32 page, u32 pages, u64 block)
{
	struct detail *d = *e ? detail_of(*e) : NULL;
	u64 bit = 1ull << page % 64;

	if (d && pages == 1 && !(d->bits[page / 64] & bit)) {
		d->bits[page / 64] |= bit;
		d->used++;
		s->fresh += !d->whole;
		return 0;
	}
	if (!d && pages == 1 && add_alone(s, e, page))
		return 0;
	d = expand(s, e);
	if (!d)
		return -ENOMEM;
	if (!detail_add(s, d, page, pages))
		return 0;
	settle_detail(s, e, block);
	return -ENOMEM;
}

static void sub_part(struct stay *s, u64 *e, u32 page, u32 pages, u64 block)
{
	struct detail *d = detail_of(*e);

	if (!d) {
		/* It can only be the one page. */
		*e -= PAGE_ONE;
		if (*e >= PAGE_ONE)
			return;
		s->gone++;
		clear_entry(s, e, block);
		return;
	}
	if (pages == 1 && !d->more) {
		d->bits[page / 64] &= ~(1ull << page % 64);
		d->used--;
		s->gone += !d->whole;
	} else {
		detail_sub(s, d, page, pages);
	}
	if (!d->used)
		settle_detail(s, e, block);
}

/* Runs. */

/* A run of one page that counts: scattered memory is made of nothing else. */
static inline bool is_single_page(mf_run run)
{
	return (run & (MF_RUN_FOREIGN | MF_RUN_COUNT_MASK)) == 1ull << MF_RUN_COUNT_SHIFT;
}

/* The detail that a page is in, if that is in the leaf that begins with block @first. */
static inline struct detail *near_detail(const u64 *entries, u64 first, u64 pfn)
{
	u64 index = (pfn >> BLOCK_SHIFT) - first, e;

	if (index >= LEAF_ENTRIES)
		return NULL;
	e = entries[index];
	return e & TAG ? NULL : entry_pointer(e);
}

/*
 * Charge runs of one page, as long as it takes no more than a bit of a detail
 * that is near; say how many. The rest is for add_run(), which does the same.
 */
static u64 add_single_pages(struct stay *s, const mf_run *runs, u64 nr)
{
	u64 first = s->leaf << LEAF_SHIFT, i, pfn, word, fresh = 0;
	const u64 *entries = s->entries;
	struct detail *d;

	if (!entries)
		return 0;
	for (i = 0; i < nr && is_single_page(runs[i]); i++) {
		pfn = mf_run_pfn(runs[i]);
		d = near_detail(entries, first, pfn);
		if (!d)
			break;
		word = d->bits[pfn / 64 % BLOCK_WORDS];
		if (word >> pfn % 64 & 1)
			break;
		d->bits[pfn / 64 % BLOCK_WORDS] = word | 1ull << pfn % 64;
		d->used++;
		fresh += !d->whole;
	}
	s->fresh += fresh;
	return i;
}

/* The same for a refund: none of them the last of its detail. */
static u64 sub_single_pages(struct stay *s, const mf_run *runs, u64 nr)
{
	u64 first = s->leaf << LEAF_SHIFT, i, pfn, gone = 0;
	const u64 *entries = s->entries;
	struct detail *d;

	if (!entries)
		return 0;
	for (i = 0; i < nr && is_single_page(runs[i]); i++) {
		pfn = mf_run_pfn(runs[i]);
		d = near_detail(entries, first, pfn);
		if (!d || d->more || d->used == 1)
			break;
		d->bits[pfn / 64 % BLOCK_WORDS] &= ~(1ull << pfn % 64);
		d->used--;
		gone += !d->whole;
	}
	s->gone += gone;
	return i;
}

/*
 * Charge whole blocks from @block on, as long as they are in the leaf that was
 * looked at last and were charged by nothing but whole ones; say how many.
 */
static u64 add_whole_blocks(struct stay *s, u64 block, u64 blocks)
{
	u64 index = block - (s->leaf << LEAF_SHIFT), i, fresh = 0, *e;

	if (!s->entries || index >= LEAF_ENTRIES)
		return 0;
	blocks = mf_min(blocks, LEAF_ENTRIES - index);
	for (i = 0, e = s->entries + index; i < blocks; i++, e++) {
		if (!*e) {
			*e = WHOLE_ONE | TAG_WHOLE;
			fresh++;
		} else if ((*e & TAG) == TAG_WHOLE) {
			*e += WHOLE_ONE;
		} else {
			break;
		}
	}
	*s->used += fresh;
	s->fresh += fresh << BLOCK_SHIFT;
	return i;
}

/* The same for a refund: none of them the last of the leaf. */
static u64 sub_whole_blocks(struct stay *s, u64 block, u64 blocks)
{
	u64 index = block - (s->leaf << LEAF_SHIFT), i, gone = 0, *e;

	if (!s->entries || index >= LEAF_ENTRIES)
		return 0;
	blocks = mf_min(blocks, LEAF_ENTRIES - index);
	for (i = 0, e = s->entries + index; i < blocks; i++, e++) {
		if (*e == (WHOLE_ONE | TAG_WHOLE)) {
			if (*s->used - gone == 1)
				break;
			*e = 0;
			gone++;
		} else if ((*e & TAG) == TAG_WHOLE) {
			*e -= WHOLE_ONE;
		} else {
			break;
		}
	}
	*s->used -= gone;
	s->gone += gone << BLOCK_SHIFT;
	return i;
}

/* Charge pages from @pfn on until there is no memory for more; say how many. */
static u64 add_run(struct stay *s, u64 pfn, u64 pages)
{
	u64 done = 0, some, block, *e;
	u32 page;

	for (; done < pages; done += some) {
		block = (pfn + done) >> BLOCK_SHIFT;
		page = (pfn + done) & (BLOCK_PAGES - 1);
		some = page ? 0 : add_whole_blocks(s, block, (pages - done) >> BLOCK_SHIFT) <<
				  BLOCK_SHIFT;
		if (some)
			continue;
		some = mf_min(pages - done, BLOCK_PAGES - page);
		e = entry_of(s, block, true);
		if (!e || (some < BLOCK_PAGES ? add_part(s, e, page, (u32)some, block) :
						add_whole(s, e))) {
			prune(s, block);
			break;
		}
	}
	return done;
}

static void sub_run(struct stay *s, u64 pfn, u64 pages)
{
	u64 done = 0, some, block, *e;
	u32 page;

	for (; done < pages; done += some) {
		block = (pfn + done) >> BLOCK_SHIFT;
		page = (pfn + done) & (BLOCK_PAGES - 1);
		some = page ? 0 : sub_whole_blocks(s, block, (pages - done) >> BLOCK_SHIFT) <<
				  BLOCK_SHIFT;
		if (some)
			continue;
		some = mf_min(pages - done, BLOCK_PAGES - page);
		e = entry_of(s, block, false);
		/* What was not charged is nobody's to refund. */
		if (!e || !*e)
			continue;
		if (some < BLOCK_PAGES)
			sub_part(s, e, page, (u32)some, block);
		else
			sub_whole(s, e, block);
	}
}

/* How many pages of @runs count. */
static u64 sub_runs(struct stay *s, const mf_run *runs, u64 nr)
{
	u64 pages = 0, i, easy;

	for (i = 0; i < nr; i++) {
		easy = sub_single_pages(s, runs + i, nr - i);
		pages += easy;
		i += easy;
		if (i == nr)
			break;
		if (mf_run_foreign(runs[i]))
			continue;
		sub_run(s, mf_run_pfn(runs[i]), mf_run_pages(runs[i]));
		pages += mf_run_pages(runs[i]);
	}
	return pages;
}

/* Charge all, or nothing; @asked is how many pages of them count. */
static int add_runs(struct stay *s, const mf_run *runs, u64 nr, u64 *asked)
{
	u64 i, pages, done, easy;

	*asked = 0;
	for (i = 0; i < nr; i++) {
		easy = add_single_pages(s, runs + i, nr - i);
		*asked += easy;
		i += easy;
		if (i == nr)
			break;
		if (mf_run_foreign(runs[i]))
			continue;
		pages = mf_run_pages(runs[i]);
		done = add_run(s, mf_run_pfn(runs[i]), pages);
		if (done < pages) {
			sub_run(s, mf_run_pfn(runs[i]), done);
			sub_runs(s, runs, i);
			return -ENOMEM;
		}
		*asked += pages;
	}
	return 0;
}

static struct stay enter(struct mf_host *host, struct mf_ledger *l)
{
	mf_mutex_lock(&l->lock);
	return (struct stay){ .host = host, .l = l };
}

/* Without pages nothing is kept. */
static void leave(struct stay *s)
{
	if (!s->l->pages && s->l->spare) {
		free_detail(s, s->l->spare);
		s->l->spare = NULL;
	}
	mf_mutex_unlock(&s->l->lock);
}

/**
 * mf_ledger_charge() - count pages that were pinned, and bill those that are new
 * @host: gives memory, and bills
 * @owner: for whom they were pinned
 * @runs: the pages; foreign ones do not count
 * @nr: how many runs
 * @unlimited: bill them whatever the owner's limit is
 * @what: where to say what became of it
 *
 * Return: 0; or a negative errno with nothing charged: -ENOMEM without memory to
 * note it, or, where @what->refused, what the bill said.
 */
int mf_ledger_charge(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr,
		     bool unlimited, struct mf_charge *what)
{
	struct stay s = enter(host, host->ops->owner_ledger(host, owner));
	int err;

	*what = (struct mf_charge){ 0 };
	err = add_runs(&s, runs, nr, &what->asked);
	what->fresh = s.fresh;
	if (!err && s.fresh) {
		err = host->ops->bill(host, owner, s.fresh, unlimited);
		if (err) {
			what->refused = true;
			sub_runs(&s, runs, nr);
		}
	}
	if (!err) {
		s.l->pages += s.fresh;
		s.l->pins += what->asked;
	}
	leave(&s);
	return err;
}

/**
 * mf_refund_begin() - be ready to take pages out of a ledger
 * @r: what mf_refund_runs() and mf_refund_end() are to be given
 * @host: takes memory, and refunds
 * @owner: for whom they were charged
 *
 * Many runs, of many mappings, are refunded at once. Nothing is locked before
 * there are any, and others are let in between every so many.
 */
void mf_refund_begin(struct mf_refund *r, struct mf_host *host, struct mf_owner *owner)
{
	*r = (struct mf_refund){ .host = host, .owner = owner };
}

/**
 * mf_refund_runs() - take pages out of a ledger
 * @r: begun by mf_refund_begin()
 * @runs: runs that were charged, as they were or put together
 * @nr: how many
 *
 * It needs no memory and can't fail. The owner is refunded by mf_refund_end().
 */
void mf_refund_runs(struct mf_refund *r, const mf_run *runs, u64 nr)
{
	struct stay s = { .host = r->host };
	u64 some;

	for (; nr; runs += some, nr -= some) {
		if (!r->ledger) {
			r->ledger = r->host->ops->owner_ledger(r->host, r->owner);
			mf_mutex_lock(&r->ledger->lock);
		}
		s.l = r->ledger;
		some = mf_min(nr, REFUND_RUNS - r->runs);
		r->pins += sub_runs(&s, runs, some);
		r->gone += s.gone;
		s.gone = 0;
		r->runs += some;
		if (r->runs == REFUND_RUNS) {
			mf_refund_end(r);
			s.entries = NULL;
		}
	}
}

/**
 * mf_refund_end() - refund what has left the ledger
 * @r: begun by mf_refund_begin(); may go on to be used
 */
void mf_refund_end(struct mf_refund *r)
{
	struct stay s = { .host = r->host, .l = r->ledger };

	if (!r->ledger)
		return;
	s.l->pages -= r->gone;
	s.l->pins -= r->pins;
	if (r->gone)
		r->host->ops->unbill(r->host, r->owner, r->gone);
	leave(&s);
	mf_refund_begin(r, r->host, r->owner);
}

/* Take the pages of some runs out of a ledger; see mf_refund_runs(). */
void mf_ledger_refund(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr)
{
	struct mf_refund r;

	mf_refund_begin(&r, host, owner);
	mf_refund_runs(&r, runs, nr);
	mf_refund_end(&r);
}

/**
 * mf_get_ledger() - what an owner's ledger has
 * @host: the host
 * @owner: the owner
 * @info: where to put it
 *
 * May be called from a mf_owner_fn.
 */
void mf_get_ledger(struct mf_host *host, struct mf_owner *owner, struct mf_ledger_info *info)
{
	struct mf_ledger *l = host->ops->owner_ledger(host, owner);

	mf_mutex_lock(&l->lock);
	*info = (struct mf_ledger_info){
		.pages = l->pages, .pins = l->pins, .bytes = l->bytes, .pieces = l->pieces,
	};
	mf_mutex_unlock(&l->lock);
}

/* End a ledger that has nothing. */
void mf_ledger_fini(struct mf_ledger *l)
{
	mf_mutex_fini(&l->lock);
}
