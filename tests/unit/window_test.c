// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The window. On a space of a few IOVAs every aperture and every pair of
 * reserved regions is tried, and each IOVA asked for.
 */
#include "core/window.h"
#include "tests/support/world.h"

#define SPACE 7

/* Where the small space begins: at the bottom, in the middle, at the very top. */
static const u64 bases[] = { 0, 1000, TOP - (SPACE - 1) };

static struct mf_span span_of(u64 base, u32 first, u32 last)
{
	return (struct mf_span){ base + first, base + last };
}

static bool in(struct mf_span s, u64 iova)
{
	return s.first <= iova && iova <= s.last;
}

/* What remains is just what is in the aperture and in no region, in order, apart. */
static void check_window(const struct mf_window *w, u64 base, struct mf_span aperture,
			 const struct mf_region *regions, u32 nr)
{
	u32 i, r;

	for (i = 0; i < SPACE; i++) {
		bool expected = in(aperture, base + i);
		struct mf_span one = span_of(base, i, i);

		for (r = 0; r < nr; r++)
			expected = expected && !in(regions[r].span, base + i);
		assert_int_equal(mf_window_contains(w, one), expected);
	}
	for (i = 1; i < w->nr; i++)
		assert_true(w->spans[i - 1].last + 1 < w->spans[i].first);
	for (i = 0; i < w->nr; i++)
		assert_true(w->spans[i].first <= w->spans[i].last);
	assert_true(w->nr <= w->max);
}

static void try_pair(struct mf_host *host, u64 base, struct mf_span aperture, u32 a, u32 b, u32 c,
		     u32 d)
{
	struct mf_region list[2] = {
		{ MF_REGION_RESERVED, span_of(base, a, b) }, { MF_REGION_MSI, span_of(base, c, d) },
	};
	struct mf_regions regions = { .list = list, .nr = 2, .max = 2 };
	struct mf_window w;

	assert_int_equal(mf_window_init(host, &w, 2), 0);
	mf_window_start(&w, aperture);
	mf_window_subtract(&w, &regions);
	check_window(&w, base, aperture, list, 2);
	mf_window_fini(host, &w);
}

static void test_each_pair_of_regions_in_each_aperture(void **state)
{
	u32 k, f, l, a, b, c, d;
	struct world w;

	(void)state;
	world_init(&w, 1, MF_RAM_CONTIGUOUS);
	for (k = 0; k < 3; k++)
	for (f = 0; f < SPACE; f += 2)
	for (l = f; l < SPACE; l++)
	for (a = 0; a < SPACE; a++)
	for (b = a; b < SPACE; b++)
	for (c = 0; c < SPACE; c++)
	for (d = c; d < SPACE; d++)
		try_pair(&w.host.host, bases[k], span_of(bases[k], f, l), a, b, c, d);
	check(world_end(&w));
}

static void test_contains_wants_one_range(void **state)
{
	struct mf_span spans[] = { { 0, 9 }, { 10, 19 }, { 30, TOP } };
	struct mf_window w = { .spans = spans, .nr = 3, .max = 3 };

	(void)state;
	assert_true(mf_window_contains(&w, (struct mf_span){ 0, 9 }));
	assert_false(mf_window_contains(&w, (struct mf_span){ 9, 10 }));
	assert_false(mf_window_contains(&w, (struct mf_span){ 15, 35 }));
	assert_true(mf_window_contains(&w, (struct mf_span){ TOP, TOP }));
	assert_true(mf_window_contains(&w, (struct mf_span){ 30, TOP }));
}

static void test_relaxable_regions_block_nothing(void **state)
{
	struct mf_region list[] = {
		{ MF_REGION_DIRECT_RELAXABLE, { 0, 99 } }, { MF_REGION_DIRECT, { 200, 299 } },
		{ MF_REGION_SW_MSI, { 400, 499 } },
	};
	struct mf_regions regions = { .list = list, .nr = 3, .max = 3 };

	(void)state;
	assert_null(mf_regions_conflict(&regions, (struct mf_span){ 0, 199 }));
	assert_ptr_equal(mf_regions_conflict(&regions, (struct mf_span){ 199, 200 }), &list[1]);
	assert_ptr_equal(mf_regions_conflict(&regions, (struct mf_span){ 499, TOP }), &list[2]);
}

static void test_doorbell_only_where_hardware_knows_none(void **state)
{
	struct mf_region list[] = {
		{ MF_REGION_RESERVED, { 0, 99 } }, { MF_REGION_SW_MSI, { 0x8000000, 0x80fffff } },
		{ MF_REGION_MSI, { 0xfee00000, 0xfeefffff } },
	};
	struct mf_regions none = { .list = list, .nr = 1 }, software = { .list = list, .nr = 2 };
	struct mf_regions hardware = { .list = list, .nr = 3 };
	u64 base = 0;

	(void)state;
	assert_false(mf_regions_msi(&none, &base));
	assert_true(mf_regions_msi(&software, &base));
	assert_true(base == 0x8000000);
	assert_false(mf_regions_msi(&hardware, &base));
}

/* More regions than the list has room for at first; and none at all. */
static void test_regions_load_many(void **state)
{
	struct mf_region list[21];
	struct mf_host_group *group;
	struct mf_regions regions = { 0 };
	struct world w;
	u32 i;

	(void)state;
	world_init(&w, 1, MF_RAM_CONTIGUOUS);
	group = world_group(&w, world_unit(&w, &world_plain));
	for (i = 0; i < 21; i++)
		list[i] = (struct mf_region){ MF_REGION_RESERVED, { i, i } };
	group->regions = list;
	group->nr_regions = 21;
	assert_int_equal(mf_regions_load(&w.host.host, group, &regions), 0);
	assert_int_equal(regions.nr, 21);
	assert_memory_equal(regions.list, list, sizeof(list));
	mf_regions_fini(&w.host.host, &regions);

	world_fail(&w, 3, false, -ENOMEM);
	assert_int_equal(mf_regions_load(&w.host.host, group, &regions), -ENOMEM);
	assert_null(regions.list);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_pair_of_regions_in_each_aperture),
		cmocka_unit_test(test_contains_wants_one_range),
		cmocka_unit_test(test_relaxable_regions_block_nothing),
		cmocka_unit_test(test_doorbell_only_where_hardware_knows_none),
		cmocka_unit_test(test_regions_load_many),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
