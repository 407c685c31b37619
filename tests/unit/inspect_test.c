// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Looking in: info, status, mappings, domains, owners, refusals, events. */
#include "tests/support/world.h"

#define RW (MF_READ | MF_WRITE)

static void test_row_52_info_without_domain(void **state)
{
	struct mf_info info;
	struct world w;

	(void)state;
	world_init(&w, 4, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1, 65535);
	assert_int_equal(mf_get_info(w.c, &info, NULL, 0), 0);
	assert_true(info.pgsizes == ~(PAGE - 1) && info.granule == PAGE);
	assert_true(info.nr_window == 0 && info.coherent);
	assert_int_equal(info.mappings_available, 65535);
	check(world_end(&w));
}

static void test_row_53_available_counts_down_and_up(void **state)
{
	struct mf_info info;
	struct world w;

	(void)state;
	world_ready(&w);
	assert_int_equal(world_map(&w, 0, VADDR, PAGE, RW, NULL), 0);
	assert_int_equal(world_map(&w, PAGE, VADDR, PAGE, RW, NULL), 0);
	mf_get_info(w.c, &info, NULL, 0);
	assert_int_equal(info.mappings_available, 98);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	mf_get_info(w.c, &info, NULL, 0);
	assert_int_equal(info.mappings_available, 100);
	check(world_end(&w));
}

static void test_window_is_cut_to_what_fits(void **state)
{
	static const struct mf_region regions[] = {
		{ MF_REGION_MSI, { 0xfee00000, 0xfeefffff } },
	};
	struct mf_span window[2] = { { 5, 5 }, { 6, 6 } };
	struct mf_host_group *group;
	struct mf_info info;
	struct world w;

	(void)state;
	world_init(&w, 4, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1, 1);
	group = world_group(&w, world_unit(&w, &world_plain));
	group->regions = regions;
	group->nr_regions = 1;
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	assert_int_equal(mf_get_info(w.c, &info, window, 1), 1);
	assert_int_equal(info.nr_window, 2);
	assert_true(window[0].first == 0 && window[0].last == 0xfedfffff);
	assert_true(window[1].first == 6);
	assert_int_equal(mf_get_info(w.c, &info, window, 2), 2);
	assert_true(window[1].first == 0xfef00000 && window[1].last == (1ull << 48) - 1);
	check(world_end(&w));
}

static void test_mappings_in_order(void **state)
{
	struct mf_mapping_info m;
	struct world w;

	(void)state;
	world_ready(&w);
	assert_int_equal(world_map(&w, 8 * PAGE, VADDR + PAGE, 2 * PAGE, MF_READ, NULL), 0);
	assert_int_equal(world_map(&w, 4 * PAGE, VADDR, PAGE, RW, NULL), 0);
	assert_true(mf_next_mapping(w.c, 0, &m));
	assert_true(m.span.first == 4 * PAGE && m.span.last == 5 * PAGE - 1 && m.pages == 1);
	assert_true(mf_next_mapping(w.c, m.span.last + 1, &m));
	assert_true(m.span.first == 8 * PAGE && m.pages == 2 && m.runs == 1 && m.foreign == 0);
	assert_true(m.vaddr == VADDR + PAGE && m.prot == MF_READ);
	assert_int_equal(m.state, MF_MAPPING_LIVE);
	assert_ptr_equal(m.owner, &w.owner[0]->owner);
	assert_true(mf_next_mapping(w.c, 9 * PAGE, &m));	/* from inside */
	assert_false(mf_next_mapping(w.c, 10 * PAGE, &m));
	check(world_end(&w));
}

struct seen {
	u32 groups;
	u32 ids;
	u32 owners;
	u64 pages[2];
	struct world *w;
};

static void see_group(void *context, struct mf_host_group *group, u32 id)
{
	struct seen *s = context;

	assert_int_equal(group->id, id);
	s->groups++;
	s->ids += id;
}

static void see_owner(void *context, struct mf_owner *owner, u64 pages)
{
	struct seen *s = context;

	s->owners++;
	s->pages[owner == &s->w->owner[1]->owner] += pages;
}

static void test_domains_and_their_groups(void **state)
{
	struct mf_model_config other = world_plain;
	struct seen seen = { 0 };
	struct mf_domain_info d;
	struct world w;

	(void)state;
	world_ready(&w);
	assert_int_equal(mf_attach(w.c, world_group(&w, &w.units[0]), 0, NULL), 0);
	other.kind = 9;
	other.enforces = false;
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &other)), 0, NULL), 0);
	assert_true(mf_get_domain(w.c, 0, &d));
	assert_true(d.features.kind == 9 && !d.features.coherent && d.nr_groups == 1);
	assert_true(mf_get_domain(w.c, 1, &d));
	assert_true(d.features.kind == 1 && d.features.coherent && d.nr_groups == 2);
	mf_for_each_group(w.c, d.id, see_group, &seen);
	assert_int_equal(seen.groups, 2);
	assert_int_equal(seen.ids, 10 + 11);
	assert_false(mf_get_domain(w.c, 2, &d));
	mf_for_each_group(w.c, 12345, see_group, &seen);
	assert_int_equal(seen.groups, 2);
	check(world_end(&w));
}

static void test_each_owner_once_with_all_of_its_bill(void **state)
{
	struct mf_ledger_info ledger;
	struct seen seen = { 0 };
	struct world w;
	u32 i;

	(void)state;
	world_ready(&w);
	seen.w = &w;
	for (i = 0; i < 9; i++)
		assert_int_equal(mf_map(w.c, &w.owner[i % 3 == 1]->owner, i * 8 * PAGE, VADDR,
					(i + 1) * PAGE < 8 * PAGE ? (i + 1) * PAGE : PAGE, RW, 0,
					NULL), 0);
	mf_for_each_owner(w.c, see_owner, &seen);
	assert_int_equal(seen.owners, 2);
	/* All mappings begin with the same pages: seven are billed; all pins are told. */
	assert_true(seen.pages[0] == 1 + 3 + 4 + 6 + 7 + 1 && seen.pages[1] == 2 + 5 + 1);
	assert_true(w.owner[0]->owner.billed == 7 && w.owner[1]->owner.billed == 5);
	mf_get_ledger(&w.host.host, &w.owner[0]->owner, &ledger);
	assert_true(ledger.pages == 7 && ledger.pins == seen.pages[0]);
	mf_get_ledger(&w.host.host, &w.owner[1]->owner, &ledger);
	assert_true(ledger.pages == 5 && ledger.pins == seen.pages[1]);
	assert_true(ledger.pieces && ledger.bytes);
	check(world_end(&w));
}

static void test_refusals_newest_first_and_not_more_than_kept(void **state)
{
	struct mf_refusal last[64];
	struct mf_status status;
	struct world w;
	u64 i;

	(void)state;
	world_ready(&w);
	assert_int_equal(mf_get_refusals(w.c, last, 64), 0);
	for (i = 1; i <= 40; i++)
		assert_int_equal(mf_unmap(w.c, i, PAGE, NULL, NULL), -EINVAL);
	mf_get_status(w.c, &status);
	assert_true(status.refusals == 40);
	assert_int_equal(mf_get_refusals(w.c, last, 64), 16);
	for (i = 0; i < 16; i++)
		assert_true(last[i].args[0] == 40 - i);
	assert_int_equal(mf_get_refusals(w.c, last, 3), 3);
	assert_true(last[2].args[0] == 38);
	check(world_end(&w));
}

static void test_status_counts(void **state)
{
	struct mf_status s;
	struct world w;

	(void)state;
	world_ready(&w);
	mf_ram_reserve(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR), 2);
	assert_int_equal(world_map(&w, 0, VADDR, 10 * PAGE, RW, NULL), 0);
	mf_get_status(w.c, &s);
	assert_int_equal(s.rules, MF_TYPE1V2);
	assert_true(s.mapping_limit == 100 && s.nr_domains == 1 && s.nr_groups == 1);
	assert_true(s.nr_mappings == 1 && s.nr_stuck == 0 && s.refusals == 0);
	assert_true(s.pages_pinned == 8 && s.pages_billed == 8 && s.pages_foreign == 2);
	check(world_end(&w));
}

static void test_events_tell_what_happened(void **state)
{
	struct mf_host_group *group;
	struct world w;
	u32 refused;

	(void)state;
	group = world_ready(&w);
	assert_int_equal(w.events[MF_EVENT_OPENED], 1);
	assert_int_equal(w.last[MF_EVENT_ATTACHED].group, group->id);
	assert_int_equal(w.last[MF_EVENT_ATTACHED].domain, 1);
	assert_int_equal(world_map(&w, 4 * PAGE, VADDR, 3 * PAGE, MF_READ, NULL), 0);
	assert_true(w.last[MF_EVENT_MAPPED].span.first == 4 * PAGE);
	assert_true(w.last[MF_EVENT_MAPPED].span.last == 7 * PAGE - 1);
	assert_true(w.last[MF_EVENT_MAPPED].vaddr == VADDR && w.last[MF_EVENT_MAPPED].pages == 3);
	assert_true(w.last[MF_EVENT_MAPPED].count == 1 && w.last[MF_EVENT_MAPPED].prot == MF_READ);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_true(w.last[MF_EVENT_UNMAPPED].span.first == 4 * PAGE);
	assert_true(w.last[MF_EVENT_UNMAPPED].pages == 3);
	refused = w.events[MF_EVENT_REFUSED];
	assert_int_equal(mf_attach(w.c, group, 0, NULL), -EINVAL);
	assert_int_equal(w.events[MF_EVENT_REFUSED], refused + 1);
	mf_detach(w.c, group);
	assert_int_equal(w.last[MF_EVENT_DETACHED].group, group->id);
	assert_int_equal(w.events[MF_EVENT_DOMAIN_ENDED], 1);
	assert_int_equal(w.events[MF_EVENT_RELEASED], 0);
	check(world_end(&w));
	assert_int_equal(w.events[MF_EVENT_RELEASED], 1);
}

/* Twenty requests, half of them refused: one event each, and the counters agree. */
static void test_events_add_up(void **state)
{
	struct mf_status status;
	struct world w;
	u32 i;

	(void)state;
	world_ready(&w);
	for (i = 0; i < 20; i++)
		assert_int_equal(world_map(&w, i / 2 * PAGE, VADDR, PAGE, RW, NULL),
				 i % 2 ? -EEXIST : 0);
	mf_get_status(w.c, &status);
	assert_true(status.nr_mappings == 10 && status.refusals == 10);
	assert_int_equal(w.events[MF_EVENT_MAPPED], 10);
	assert_int_equal(w.events[MF_EVENT_REFUSED], 10);
	check(world_end(&w));
	assert_int_equal(w.events[MF_EVENT_UNMAPPED], 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_52_info_without_domain),
		cmocka_unit_test(test_row_53_available_counts_down_and_up),
		cmocka_unit_test(test_window_is_cut_to_what_fits),
		cmocka_unit_test(test_mappings_in_order),
		cmocka_unit_test(test_domains_and_their_groups),
		cmocka_unit_test(test_each_owner_once_with_all_of_its_bill),
		cmocka_unit_test(test_refusals_newest_first_and_not_more_than_kept),
		cmocka_unit_test(test_status_counts),
		cmocka_unit_test(test_events_tell_what_happened),
		cmocka_unit_test(test_events_add_up),
	};

	return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
