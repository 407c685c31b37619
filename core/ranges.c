// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * An ordered map of IOVA ranges: a height-balanced (AVL) tree whose nodes live
 * in the objects they index, so that inserting and removing need no memory and
 * can't fail.
 *
 * Ranges are (first, last) and never overlap, so ordering by first is ordering
 * by last too, and the search for a free place finds any overlap on its way:
 * a range that is neither below nor above the one at hand overlaps it. Ends
 * are inclusive, so a range may end at 2^64-1 and no comparison can wrap.
 *
 * Invariant: in every node the heights of the two children differ by at most
 * one. The caller serialises.
 */
#include "ranges.h"

enum { BELOW, ABOVE };

static u32 height(const struct mf_range *r)
{
	return r ? r->height : 0;
}

static void update_height(struct mf_range *r)
{
	r->height = 1 + (u32)mf_max(height(r->child[BELOW]), height(r->child[ABOVE]));
}

/* Put @new where @old hung below its parent. */
static void replace(struct mf_ranges *t, struct mf_range *old, struct mf_range *new)
{
	struct mf_range *parent = old->parent;

	if (!parent)
		t->root = new;
	else
		parent->child[parent->child[ABOVE] == old] = new;
	if (new)
		new->parent = parent;
}

/* Let the child of @r on @side take its place, with @r below it. */
static struct mf_range *rotate(struct mf_ranges *t, struct mf_range *r, u32 side)
{
	struct mf_range *top = r->child[side];
	struct mf_range *middle = top->child[!side];

	replace(t, r, top);
	r->child[side] = middle;
	if (middle)
		middle->parent = r;
	top->child[!side] = r;
	r->parent = top;
	update_height(r);
	update_height(top);
	return top;
}

/* Restore the invariant from @r up to the root. */
static void rebalance(struct mf_ranges *t, struct mf_range *r)
{
	while (r) {
		u32 below = height(r->child[BELOW]), above = height(r->child[ABOVE]);
		u32 old = r->height;

		if (below > above + 1 || above > below + 1) {
			u32 side = above > below;
			struct mf_range *c = r->child[side];

			if (height(c->child[!side]) > height(c->child[side]))
				rotate(t, c, !side);
			r = rotate(t, r, side);
		} else {
			update_height(r);
		}
		if (r->height == old)
			return;
		r = r->parent;
	}
}

/**
 * mf_ranges_slot() - find the place for a range
 * @t: the map
 * @span: the range
 * @slot: where to say the place; only set when there is one
 *
 * Return: NULL, or some range that overlaps @span.
 */
struct mf_range *mf_ranges_slot(const struct mf_ranges *t, struct mf_span span,
				struct mf_range_slot *slot)
{
	struct mf_range *r = t->root, *parent = NULL;
	u32 side = BELOW;

	while (r) {
		if (span.last < r->span.first)
			side = BELOW;
		else if (span.first > r->span.last)
			side = ABOVE;
		else
			return r;
		parent = r;
		r = r->child[side];
	}
	slot->parent = parent;
	slot->side = side;
	return NULL;
}

/**
 * mf_ranges_link() - put a range where mf_ranges_slot() found room for it
 * @t: the map
 * @r: the range
 * @slot: the room
 *
 * The map must not have changed in between.
 */
void mf_ranges_link(struct mf_ranges *t, struct mf_range *r, struct mf_range_slot slot)
{
	r->parent = slot.parent;
	r->child[BELOW] = NULL;
	r->child[ABOVE] = NULL;
	r->height = 1;
	if (slot.parent)
		slot.parent->child[slot.side] = r;
	else
		t->root = r;
	rebalance(t, slot.parent);
}

/* Take a range out of its map. */
void mf_ranges_remove(struct mf_ranges *t, struct mf_range *r)
{
	struct mf_range *next, *from;

	if (!r->child[BELOW] || !r->child[ABOVE]) {
		from = r->parent;
		replace(t, r, r->child[BELOW] ? r->child[BELOW] : r->child[ABOVE]);
		rebalance(t, from);
		return;
	}

	/* Two children: the next range, which has none below it, moves here. */
	next = r->child[ABOVE];
	while (next->child[BELOW])
		next = next->child[BELOW];
	from = next->parent == r ? next : next->parent;

	replace(t, next, next->child[ABOVE]);
	replace(t, r, next);
	next->child[BELOW] = r->child[BELOW];
	next->child[ABOVE] = r->child[ABOVE];
	next->height = r->height;
	next->child[BELOW]->parent = next;
	if (next->child[ABOVE])
		next->child[ABOVE]->parent = next;
	rebalance(t, from);
}

/**
 * mf_ranges_from() - the lowest range that reaches @iova or lies above it
 * @t: the map
 * @iova: where to begin
 *
 * Return: the range, or NULL.
 */
struct mf_range *mf_ranges_from(const struct mf_ranges *t, u64 iova)
{
	struct mf_range *r = t->root, *best = NULL;

	while (r) {
		if (r->span.last >= iova) {
			best = r;
			r = r->child[BELOW];
		} else {
			r = r->child[ABOVE];
		}
	}
	return best;
}

/* The range above @r, or NULL. */
struct mf_range *mf_ranges_next(const struct mf_range *r)
{
	struct mf_range *n = r->child[ABOVE];

	if (n) {
		while (n->child[BELOW])
			n = n->child[BELOW];
		return n;
	}
	while (r->parent && r->parent->child[ABOVE] == r)
		r = r->parent;
	return r->parent;
}
