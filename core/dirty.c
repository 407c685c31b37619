// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Dirty pages: which ones devices may have written to since they were last
 * asked for.
 *
 * A group behind a unit may write to all that is mapped, and nothing tells to
 * which pages: while there is such a group ("writer") every page of a mapping
 * that is in a domain is dirty, each time. Emulated groups, and groups that
 * have begun to pin what they use, dirty what they have pinned, for as long as
 * they have it pinned and once more after that, and what they write by
 * mf_access().
 *
 * So only two things have to be remembered page by page, and neither is known
 * beforehand. Bits are therefore kept in blocks that come with their first bit;
 * a mapping that nobody marks has none. Where there is no memory for a block,
 * all of the mapping counts as dirty, which is never wrong. A bit is for a host
 * page, whatever the granule: so the granule may change while pages are tracked.
 *
 * Bits are handed over with no lock held, because that writes to user memory
 * and may fault. Meanwhile they wait in a set of their own ("taken"), and when
 * handing over fails they come back, and none is lost.
 *
 * Invariant: "taken" is empty unless a request has claimed the dirty pages, and
 * at most one has.
 */
#include "internal.h"

#define BLOCK_SHIFT	15
#define BLOCK_PAGES	(1ull << BLOCK_SHIFT)
#define WORD_BITS	64
#define BLOCK_WORDS	(BLOCK_PAGES / WORD_BITS)

/*
 * How many pages of granule size a mapping may have while they are tracked:
 * users' bitmaps are for no more (in-tree type1, 6.1 to 7.3).
 */
#define PAGES_MOST	0x7fffffffull

static u64 nr_blocks(const struct mf_mapping *m)
{
	return ((mf_span_pages(m->range.span) - 1) >> BLOCK_SHIFT) + 1;
}

/* Words in a block of @m: mappings smaller than a block have a smaller one. */
static u64 block_words(const struct mf_mapping *m)
{
	u64 pages = mf_span_pages(m->range.span);

	return pages >= BLOCK_PAGES ? BLOCK_WORDS : (pages - 1) / WORD_BITS + 1;
}

/* Forget all of a set. Context: c->lock is held, or nobody else has @m. */
void mf_dirty_free(struct mf_container *c, struct mf_mapping *m, struct mf_dirty_set *set)
{
	u64 i;

	if (set->blocks) {
		for (i = 0; i < nr_blocks(m); i++)
			mf_ops(c->host)->free(c->host, set->blocks[i]);
		mf_ops(c->host)->free(c->host, set->blocks);
	}
	*set = (struct mf_dirty_set){ };
}

/* The block that @page is in; NULL if there is no memory for it. */
static u64 *block_of(struct mf_container *c, struct mf_mapping *m, u64 page)
{
	struct mf_dirty_set *set = &m->dirty;
	u64 **block;

	if (!set->blocks)
		set->blocks = mf_zalloc(c->host, nr_blocks(m) * sizeof(*set->blocks));
	if (!set->blocks)
		return NULL;

	block = &set->blocks[page >> BLOCK_SHIFT];
	if (!*block)
		*block = mf_zalloc(c->host, block_words(m) * sizeof(**block));
	return *block;
}

/**
 * mf_dirty_mark() - pages of a mapping were written to
 * @c: the container
 * @m: the mapping
 * @page: number of the first page in the mapping
 * @pages: how many
 *
 * Context: c->lock is held.
 */
void mf_dirty_mark(struct mf_container *c, struct mf_mapping *m, u64 page, u64 pages)
{
	u64 *block;

	for (; pages && !m->dirty.all; page++, pages--) {
		block = block_of(c, m, page);
		if (!block) {
			m->dirty.all = true;
			return;
		}
		block[(page & (BLOCK_PAGES - 1)) / WORD_BITS] |= 1ull << page % WORD_BITS;
	}
}

/* All pages of all mappings may have been. Context: c->lock is held. */
void mf_dirty_mark_all(struct mf_container *c)
{
	struct mf_mapping *m;

	for (m = mf_mapping_from(c, 0); m; m = mf_mapping_after(m))
		m->dirty.all = true;
}

/**
 * mf_dirty_check() - could the dirty pages of a mapping be tracked?
 * @c: the container
 * @span: its IOVAs
 * @why: where to put the reason of a refusal, or NULL
 *
 * Context: c->domains_lock is held.
 * Return: 0 or -EINVAL.
 */
int mf_dirty_check(struct mf_container *c, struct mf_span span, struct mf_refusal *why)
{
	u64 granule = mf_granule(c);

	if ((span.last - span.first) / granule + 1 > PAGES_MOST)
		return mf_refuse(c, why, TOO_MANY_PAGES, 0, span.first, span.last, granule);
	return 0;
}

/* Become the one who reads dirty pages, or starts or ends their tracking. */
static int claim(struct mf_container *c, struct mf_refusal *why)
{
	u64 turn;

	if (c->config.rules != MF_TYPE1V2)
		return mf_refuse(c, why, V2_ONLY, 0);

	mf_mutex_lock(&c->lock);
	while (c->dirty_claimed) {
		turn = mf_turnstile_read(&c->at_rest);
		mf_mutex_unlock(&c->lock);
		if (mf_turnstile_wait(&c->at_rest, turn))
			return mf_refuse(c, why, INTERRUPTED, 0);
		mf_mutex_lock(&c->lock);
	}
	c->dirty_claimed = true;
	mf_mutex_unlock(&c->lock);
	return 0;
}

static void unclaim(struct mf_container *c)
{
	mf_mutex_lock(&c->lock);
	c->dirty_claimed = false;
	mf_mutex_unlock(&c->lock);
	mf_turnstile_advance(&c->at_rest);
}

static int tracking_start_locked(struct mf_container *c, struct mf_refusal *why)
{
	struct mf_mapping *m;
	int err;

	for (m = mf_mapping_from(c, 0); m; m = mf_mapping_after(m)) {
		err = mf_dirty_check(c, m->range.span, why);
		if (err)
			return err;
	}
	c->tracking = true;
	return 0;
}

/**
 * mf_dirty_start() - begin to track dirty pages, if that is not so already
 * @c: the container, with MF_TYPE1V2 rules
 * @why: where to put the reason of a refusal, or NULL
 *
 * Return: 0; -EACCES for other rules; -EINVAL if a mapping is too large; or
 * -EINTR when killed while waiting for another request.
 */
int mf_dirty_start(struct mf_container *c, struct mf_refusal *why)
{
	int err = claim(c, why);

	if (err)
		return err;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	err = c->tracking ? 0 : tracking_start_locked(c, why);
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
	unclaim(c);
	return err;
}

/**
 * mf_dirty_stop() - end the tracking of dirty pages, and forget them
 * @c: the container, with MF_TYPE1V2 rules
 * @why: where to put the reason of a refusal, or NULL
 *
 * Return: 0, also when they are not being tracked; -EACCES or -EINTR.
 */
int mf_dirty_stop(struct mf_container *c, struct mf_refusal *why)
{
	struct mf_mapping *m;
	int err = claim(c, why);

	if (err)
		return err;

	mf_mutex_lock(&c->lock);
	c->tracking = false;
	for (m = mf_mapping_from(c, 0); m; m = mf_mapping_after(m))
		mf_dirty_free(c, m, &m->dirty);
	mf_mutex_unlock(&c->lock);
	unclaim(c);
	return 0;
}

/*
 * Dirty pages on their way to whoever asked for them.
 * @first: the first mapping; the others by next_read
 * @iova: where the range begins that was asked for
 * @shift: of the granule, in host pages
 * @writers: a group may have written to all that is in a domain
 * @bits: room for the bits of one block
 */
struct reading {
	struct mf_container *c;
	mf_dirty_fn fn;
	void *context;
	struct mf_mapping *first;
	struct mf_mapping **tail;
	u64 iova;
	u32 shift;
	bool writers;
	u64 *bits;
};

static int reading_init(struct reading *r, struct mf_container *c, mf_dirty_fn fn, void *context,
			struct mf_refusal *why)
{
	*r = (struct reading){ .c = c, .fn = fn, .context = context, .tail = &r->first };
	r->bits = mf_zalloc(c->host, BLOCK_WORDS * sizeof(*r->bits));
	if (!r->bits)
		return mf_refuse(c, why, NO_MEMORY, 0);
	return 0;
}

/* Hold a mapping and take what is dirty of it. Context: c->lock is held. */
static void take(struct reading *r, struct mf_mapping *m)
{
	mf_mapping_hold(m);
	m->taken = m->dirty;
	m->dirty = (struct mf_dirty_set){ };
	if (r->writers && m->filled)
		m->taken.all = true;
	m->next_read = NULL;
	*r->tail = m;
	r->tail = &m->next_read;
}

/* Add @from to @to, which is where marks have gone meanwhile; @from is empty then. */
static void merge(struct mf_container *c, struct mf_mapping *m, struct mf_dirty_set *to,
		  struct mf_dirty_set *from)
{
	struct mf_dirty_set other;
	u64 i, word;

	if (!to->blocks) {
		other = *to;
		*to = *from;
		*from = other;
	}
	to->all |= from->all;
	for (i = 0; from->blocks && i < nr_blocks(m); i++) {
		if (!to->blocks[i]) {
			to->blocks[i] = from->blocks[i];
			from->blocks[i] = NULL;
		}
		for (word = 0; from->blocks[i] && word < block_words(m); word++)
			to->blocks[i][word] |= from->blocks[i][word];
	}
	mf_dirty_free(c, m, from);
}

/*
 * Let go of all mappings: what was taken is done with, or comes back if
 * @err. Context: c->lock is held.
 */
static void let_go(struct reading *r, int err)
{
	struct mf_mapping *m, *next;

	for (m = r->first; m; m = next) {
		next = m->next_read;
		if (err)
			merge(r->c, m, &m->dirty, &m->taken);
		else
			mf_dirty_free(r->c, m, &m->taken);
		mf_mapping_drop(r->c, m);
	}
}

static void put_bits(u64 *bits, u64 first, u64 nr)
{
	for (; nr && first % WORD_BITS; nr--, first++)
		bits[first / WORD_BITS] |= 1ull << first % WORD_BITS;
	for (; nr >= WORD_BITS; nr -= WORD_BITS, first += WORD_BITS)
		bits[first / WORD_BITS] = ~0ull;
	for (; nr; nr--, first++)
		bits[first / WORD_BITS] |= 1ull << first % WORD_BITS;
}

/* The bits of one block of host pages, made into bits of granules at @out on. */
static void add_block(const struct reading *r, const struct mf_mapping *m, u64 block, u64 out)
{
	const u64 *words = m->taken.blocks ? m->taken.blocks[block] : NULL;
	u64 word, bit, n = words ? block_words(m) : 0;

	for (word = 0; word < n; word++) {
		if (!r->shift) {
			r->bits[word] |= words[word];
			continue;
		}
		for (bit = 0; words[word] && bit < WORD_BITS; bit++) {
			if (words[word] >> bit & 1)
				put_bits(r->bits, out + ((word * WORD_BITS + bit) >> r->shift), 1);
		}
	}
}

/* What devices have pinned is dirty for as long as they have. */
static void add_externals(const struct reading *r, const struct mf_mapping *m, u64 first, u64 nr)
{
	u64 start = m->range.span.first + (first << (r->shift + MF_PAGE_SHIFT));
	struct mf_range *e;

	for (e = mf_ranges_from(&m->externals, start); e; e = mf_ranges_next(e)) {
		u64 granule = (e->span.first - m->range.span.first) >> (r->shift + MF_PAGE_SHIFT);

		if (granule >= first + nr)
			break;
		put_bits(r->bits, granule - first, 1);
	}
}

/* Hand over granules [@first, @first + @nr) of @m: what one buffer holds. */
static int hand_over_some(const struct reading *r, const struct mf_mapping *m, u64 first, u64 nr)
{
	u64 base = (m->range.span.first - r->iova) >> (r->shift + MF_PAGE_SHIFT);
	u64 block = first << r->shift >> BLOCK_SHIFT;
	u64 end = ((((first + nr) << r->shift) - 1) >> BLOCK_SHIFT) + 1;

	memset(r->bits, 0, BLOCK_WORDS * sizeof(*r->bits));
	if (m->taken.all) {
		put_bits(r->bits, 0, nr);
	} else {
		for (; block < end && block < nr_blocks(m); block++)
			add_block(r, m, block, ((block << BLOCK_SHIFT) >> r->shift) - first);
		mf_mutex_lock(&r->c->lock);
		if (!m->gone)
			add_externals(r, m, first, nr);
		mf_mutex_unlock(&r->c->lock);
	}
	return r->fn(r->context, base + first, r->bits, nr);
}

/* Context: no lock is held; the mappings are. */
static int hand_over(const struct reading *r, struct mf_refusal *why)
{
	const struct mf_mapping *m;
	u64 first, nr, all;
	int err;

	for (m = r->first; m; m = m->next_read) {
		all = mf_span_pages(m->range.span) >> r->shift;
		for (first = 0; first < all; first += nr) {
			nr = mf_min(all - first, BLOCK_PAGES);
			err = hand_over_some(r, m, first, nr);
			if (err)
				return mf_refuse(r->c, why, DIRTY_SINK, err);
		}
	}
	return 0;
}

/* Select for @r what @s names. Context: both locks are held. */
static int select_dirty(struct reading *r, struct mf_selection *s, u64 pgsize,
			struct mf_refusal *why)
{
	struct mf_container *c = r->c;
	u64 granule = mf_granule(c);
	int err;

	/* That a range wraps is said first; before it, of an unmap, that it does not align. */
	if (s->sharing && s->span.last < s->span.first)
		return mf_refuse(c, why, IOVA_WRAPS, c->config.wrap_errno, s->span.first,
				 s->span.last - s->span.first + 1);
	err = s->sharing ? 0 : mf_select_check(c, s->span, why);
	if (err)
		return err;
	if (!c->tracking)
		return mf_refuse(c, why, NOT_TRACKING, 0);
	if (pgsize != granule)
		return mf_refuse(c, why, DIRTY_GRANULE, 0, pgsize, granule);

	r->iova = s->span.first;
	r->shift = 0;
	while (MF_PAGE_SIZE << r->shift < granule)
		r->shift++;
	r->writers = c->writers;
	return mf_select(c, s, why);
}

static int read_once(struct reading *r, struct mf_selection *s, u64 pgsize,
		     struct mf_refusal *why)
{
	struct mf_container *c = r->c;
	struct mf_mapping *m;
	int selected;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	selected = select_dirty(r, s, pgsize, why);
	if (selected == MF_SELECTED) {
		mf_for_each_selected(m, s)
			take(r, m);
	}
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
	return selected;
}

static int read_selection(struct reading *r, struct mf_selection *s, u64 pgsize,
			  struct mf_refusal *why)
{
	int selected, err;

	while ((selected = read_once(r, s, pgsize, why)) != MF_SELECTED) {
		err = mf_select_again(r->c, s, selected, why);
		if (err)
			return err;
	}
	err = hand_over(r, why);
	mf_mutex_lock(&r->c->lock);
	let_go(r, err);
	mf_mutex_unlock(&r->c->lock);
	return err;
}

/**
 * mf_dirty_read() - which pages are dirty
 * @c: the container, with MF_TYPE1V2 rules
 * @iova: first IOVA of the range, a multiple of the granule
 * @size: bytes, a multiple of the granule, not 0; no mapping may be cut
 * @pgsize: bytes a bit is to stand for; must be the granule
 * @fn: takes the bits of each mapping, in order; holes are left out
 * @context: passed to it
 * @why: where to put the reason of a refusal, or NULL
 *
 * Pages that were handed over are clean afterwards, if nothing keeps them dirty.
 *
 * Return: 0; or a negative errno, also one from @fn, with all pages as dirty as
 * they were.
 */
int mf_dirty_read(struct mf_container *c, u64 iova, u64 size, u64 pgsize, mf_dirty_fn fn,
		  void *context, struct mf_refusal *why)
{
	struct mf_selection s;
	struct reading r;
	int err;

	err = claim(c, why);
	if (err)
		return err;
	err = mf_select_span(c, iova, size, &s, why);
	if (!err)
		err = reading_init(&r, c, fn, context, why);
	if (!err) {
		s.sharing = true;
		s.keeps_pins = true;
		err = read_selection(&r, &s, pgsize, why);
		mf_ops(c->host)->free(c->host, r.bits);
	}
	unclaim(c);
	return err;
}

/* Mark as leaving what is selected, and take its dirty pages. */
static int unmap_begin(struct reading *r, struct mf_selection *s, u64 pgsize, u64 *bytes,
		       struct mf_refusal *why)
{
	struct mf_container *c = r->c;
	struct mf_mapping *m;
	int selected;

	*bytes = 0;
	mf_rwlock_read_lock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	selected = select_dirty(r, s, pgsize, why);
	if (selected == MF_SELECTED) {
		mf_for_each_selected(m, s) {
			m->state = MF_MAPPING_REMOVING;
			take(r, m);
			*bytes += mf_mapping_size(m);
		}
	}
	mf_mutex_unlock(&c->lock);
	mf_rwlock_read_unlock(&c->domains_lock);
	return selected;
}

/*
 * The dirty pages have been handed over, or that failed: the mappings go, or
 * are as before. Those that went with the last group meanwhile are gone anyway.
 */
static void unmap_end(struct reading *r, int err)
{
	struct mf_mapping *m, *next, *list = NULL, **tail = &list;
	struct mf_container *c = r->c;

	mf_rwlock_read_lock(&c->domains_lock);
	mf_mutex_lock(&c->lock);
	for (m = r->first; m; m = next) {
		next = m->next_read;
		if (!m->gone && err) {
			m->state = MF_MAPPING_LIVE;
		} else if (!m->gone) {
			m->next = NULL;
			*tail = m;
			tail = &m->next;
		}
	}
	let_go(r, err);
	mf_mutex_unlock(&c->lock);

	if (list) {
		mf_unmap_selected(c, list);
	} else {
		mf_rwlock_read_unlock(&c->domains_lock);
		mf_turnstile_advance(&c->at_rest);
	}
}

static int unmap_read(struct reading *r, struct mf_selection *s, u64 pgsize, u64 *unmapped,
		      struct mf_refusal *why)
{
	int selected, err;
	u64 bytes;

	while ((selected = unmap_begin(r, s, pgsize, &bytes, why)) != MF_SELECTED) {
		err = mf_select_again(r->c, s, selected, why);
		if (err)
			return err;
	}
	err = hand_over(r, why);
	unmap_end(r, err);
	if (!err && unmapped)
		*unmapped = bytes;
	return err;
}

/**
 * mf_unmap_dirty() - unmap, and say which pages were dirty
 * @c: the container, which tracks dirty pages
 * @iova: as for mf_unmap()
 * @size: as for mf_unmap()
 * @pgsize: bytes a bit is to stand for; must be the granule
 * @fn: takes the bits of each mapping, in order; holes are left out
 * @context: passed to it
 * @unmapped: on success, how many bytes were unmapped; or NULL
 * @why: where to put the reason of a refusal, or NULL
 *
 * Return: 0; or a negative errno, also one from @fn, with every mapping and its
 * dirty pages as they were. -EINVAL for MF_TYPE1 rules, with which pages can't
 * be tracked.
 */
int mf_unmap_dirty(struct mf_container *c, u64 iova, u64 size, u64 pgsize, mf_dirty_fn fn,
		   void *context, u64 *unmapped, struct mf_refusal *why)
{
	struct mf_selection s;
	struct reading r;
	int err;

	if (c->config.rules != MF_TYPE1V2)
		return mf_refuse(c, why, NOT_TRACKING, 0);
	err = claim(c, why);
	if (err)
		return err;
	err = mf_select_span(c, iova, size, &s, why);
	if (!err)
		err = reading_init(&r, c, fn, context, why);
	if (!err) {
		err = unmap_read(&r, &s, pgsize, unmapped, why);
		mf_ops(c->host)->free(c->host, r.bits);
	}
	unclaim(c);
	return err;
}
