// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The ordered map of ranges, held against a plain array that does the same
 * slowly.
 */
#include <stdlib.h>

#include "core/ranges.h"
#include "tests/support/world.h"

#define SLOTS 64

struct plain {
	struct mf_range range;
	bool in;
};

/* Heights, order, parents; returns the height of the subtree. */
static u32 check_node(const struct mf_range *r, const struct mf_range *parent, u64 *next, bool *any)
{
	u32 below, above, height;

	if (!r)
		return 0;
	assert_ptr_equal(r->parent, parent);
	below = check_node(r->child[0], r, next, any);
	if (*any)
		assert_true(r->span.first >= *next);
	*any = true;
	*next = r->span.last + 1;
	above = check_node(r->child[1], r, next, any);

	assert_true(below <= above + 1 && above <= below + 1);
	height = 1 + (below > above ? below : above);
	assert_int_equal(r->height, height);
	return height;
}

static void check_tree(const struct mf_ranges *t)
{
	bool any = false;
	u64 next = 0;

	check_node(t->root, NULL, &next, &any);
}

static struct mf_range *plain_from(struct plain *all, u64 iova)
{
	struct mf_range *best = NULL;
	u32 i;

	for (i = 0; i < SLOTS; i++) {
		if (all[i].in && all[i].range.span.last >= iova &&
		    (!best || all[i].range.span.first < best->span.first))
			best = &all[i].range;
	}
	return best;
}

static bool plain_overlaps(struct plain *all, struct mf_span span)
{
	u32 i;

	for (i = 0; i < SLOTS; i++) {
		if (all[i].in && mf_spans_overlap(all[i].range.span, span))
			return true;
	}
	return false;
}

static void check_queries(const struct mf_ranges *t, struct plain *all)
{
	struct mf_range *r = mf_ranges_from(t, 0);
	u64 iova;

	assert_ptr_equal(r, plain_from(all, 0));
	while (r) {
		struct mf_range *expected =
			r->span.last == TOP ? NULL : plain_from(all, r->span.last + 1);

		assert_ptr_equal(mf_ranges_next(r), expected);
		r = mf_ranges_next(r);
	}
	for (iova = 0; iova < 200; iova++)
		assert_ptr_equal(mf_ranges_from(t, iova), plain_from(all, iova));
	assert_ptr_equal(mf_ranges_from(t, TOP), plain_from(all, TOP));
}

/* One step: put a range in if it has room, or take one out. */
static void step(struct mf_ranges *t, struct plain *all)
{
	struct plain *p = &all[rand() % SLOTS];
	struct mf_range_slot slot;
	struct mf_range *hit;

	if (p->in) {
		mf_ranges_remove(t, &p->range);
		p->in = false;
		return;
	}
	p->range.span.first = (u64)(rand() % 200);
	p->range.span.last = p->range.span.first + (u64)(rand() % 4);
	if (rand() % 16 == 0)
		p->range.span = (struct mf_span){ TOP - (u64)(rand() % 3), TOP };

	hit = mf_ranges_slot(t, p->range.span, &slot);
	assert_int_equal(hit != NULL, plain_overlaps(all, p->range.span));
	if (hit) {
		assert_true(mf_spans_overlap(hit->span, p->range.span));
		return;
	}
	mf_ranges_link(t, &p->range, slot);
	p->in = true;
}

static void test_random_steps_match_an_array(void **state)
{
	struct plain all[SLOTS] = { 0 };
	struct mf_ranges t = { 0 };
	int i;

	(void)state;
	srand(1);
	for (i = 0; i < 4000; i++) {
		step(&t, all);
		check_tree(&t);
		if (i % 16 == 0)
			check_queries(&t, all);
	}
}

static void insert(struct mf_ranges *t, struct mf_range *r, u64 first)
{
	struct mf_range_slot slot;

	r->span = (struct mf_span){ first, first };
	assert_null(mf_ranges_slot(t, r->span, &slot));
	mf_ranges_link(t, r, slot);
	check_tree(t);
}

/* Put 1..n in by each order of counting, take them out by each: all rotations. */
static void test_each_order_of_five_in_and_out(void **state)
{
	u32 in, out, i, rest;

	(void)state;
	for (in = 0; in < 120; in++) {
		for (out = 0; out < 120; out++) {
			struct mf_range r[5];
			struct mf_ranges t = { 0 };
			u64 left[5] = { 0, 1, 2, 3, 4 };

			for (i = 5, rest = in; i; rest /= i, i--) {
				u32 k = rest % i;
				u64 v = left[k];

				left[k] = left[i - 1];
				insert(&t, &r[v], v);
			}
			for (i = 0; i < 5; i++)
				left[i] = i;
			for (i = 5, rest = out; i; rest /= i, i--) {
				u32 k = rest % i;
				u64 v = left[k];

				left[k] = left[i - 1];
				mf_ranges_remove(&t, &r[v]);
				check_tree(&t);
			}
			assert_null(t.root);
		}
	}
}

static void test_height_grows_with_the_logarithm(void **state)
{
	static struct mf_range r[1024];
	struct mf_ranges t = { 0 };
	u64 i;

	(void)state;
	for (i = 0; i < 1024; i++)
		insert(&t, &r[i], i);
	assert_true(t.root->height <= 14);	/* 1.44 log2(1026) */
}

static void test_whole_space_is_one_range(void **state)
{
	struct mf_range all = { .span = { 0, TOP } };
	struct mf_ranges t = { 0 };
	struct mf_range_slot slot;

	(void)state;
	assert_null(mf_ranges_slot(&t, all.span, &slot));
	mf_ranges_link(&t, &all, slot);
	assert_ptr_equal(mf_ranges_from(&t, TOP), &all);
	assert_ptr_equal(mf_ranges_slot(&t, (struct mf_span){ 5, 5 }, &slot), &all);
	assert_ptr_equal(mf_ranges_slot(&t, (struct mf_span){ TOP, TOP }, &slot), &all);
	assert_null(mf_ranges_next(&all));
}

static void test_last_byte_of_the_space(void **state)
{
	struct mf_range low = { .span = { 0, TOP - 1 } }, high = { .span = { TOP, TOP } };
	struct mf_ranges t = { 0 };
	struct mf_range_slot slot;

	(void)state;
	assert_null(mf_ranges_slot(&t, high.span, &slot));
	mf_ranges_link(&t, &high, slot);
	assert_null(mf_ranges_slot(&t, low.span, &slot));
	mf_ranges_link(&t, &low, slot);
	assert_ptr_equal(mf_ranges_from(&t, TOP), &high);
	assert_ptr_equal(mf_ranges_next(&low), &high);
	mf_ranges_remove(&t, &high);
	assert_null(mf_ranges_from(&t, TOP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_steps_match_an_array),
		cmocka_unit_test(test_each_order_of_five_in_and_out),
		cmocka_unit_test(test_height_grows_with_the_logarithm),
		cmocka_unit_test(test_whole_space_is_one_range),
		cmocka_unit_test(test_last_byte_of_the_space),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
