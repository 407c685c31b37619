// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Sequences that once failed, as model_print() prints them, and what each has
 * to come by to be worth its place: a machine made otherwise (topology.c)
 * would make another sequence of it.
 */
#include "tests/model/model.h"

struct wanted {
	enum mf_event_type event;
	enum mf_reason reason;	/* of the last refusal, for MF_EVENT_REFUSED */
};

static void replay(u64 topology, const struct op *ops, u32 nr, struct wanted wanted)
{
	struct mf_refusal last = { 0 };
	struct model m;
	u32 i;

	model_init(&m, topology);
	for (i = 0; i < nr; i++)
		check(model_step(&m, &ops[i]));
	assert_true(m.w.events[wanted.event] > 0);
	if (wanted.reason) {
		assert_int_equal(mf_get_refusals(m.containers[0], &last, 1), 1);
		assert_string_equal(mf_reason_name(last.reason), mf_reason_name(wanted.reason));
	}
	check(model_end(&m));
}

#define REPLAY(topology, ops, event, reason) \
	replay(topology, ops, sizeof(ops) / sizeof(ops[0]), (struct wanted){ event, reason })

/* One domain refuses a batch, and the domain before it does not let go of it. */
static void test_batch_stuck_in_the_domain_before(void **state)
{
	static const struct op ops[] = {
		{ OP_OPEN, 0, 240, 75, 21103, 59311 },
		{ OP_ATTACH, 0, 35, 143, 20015, 22694 },
		{ OP_MAP, 0, 12, 190, 24571, 29906 },
		{ OP_MAP, 0, 234, 254, 10386, 15590 },
		{ OP_ATTACH, 0, 65, 45, 20350, 453 },
		{ OP_FAIL, 0, 203, 229, 45512, 26957 },
		{ OP_UNMAP_ALL, 0, 109, 111, 52364, 56091 },
		{ OP_SHORT, 0, 6, 118, 3068, 59628 },
		{ OP_MAP, 0, 237, 242, 827, 13741 },
	};

	(void)state;
	REPLAY(0x28, ops, MF_EVENT_STUCK, MF_REASON_UNIT_MAP);
}

/* All groups leave between two pins, and one comes back. */
static void test_all_leave_while_a_mapping_is_made(void **state)
{
	static const struct op ops[] = {
		{ OP_OPEN, 0, 140, 223, 31123, 10584 },
		{ OP_ATTACH, 0, 252, 38, 59699, 48630 },
		{ OP_INTRUDE, 0, 79, 226, 54165, 58009 },
		{ OP_MAP, 0, 56, 6, 47467, 15875 },
	};

	(void)state;
	REPLAY(0x29, ops, MF_EVENT_DOMAIN_ENDED, MF_REASON_DETACHED);
}

/* A device does DMA before its domain is filled, and its unit remembers absence. */
static void test_unit_looked_before_the_replay(void **state)
{
	static const struct op ops[] = {
		{ OP_OPEN, 0, 139, 217, 37392, 16288 },
		{ OP_ATTACH, 0, 114, 84, 58790, 56293 },
		{ OP_MAP, 0, 42, 232, 16832, 58978 },
		{ OP_ATTACH, 0, 56, 219, 38241, 16046 },
	};

	(void)state;
	REPLAY(0x5, ops, MF_EVENT_REPLAYED, MF_NOT_REFUSED);
}

/* A batch ends in the middle of a run. */
static void test_batch_ends_inside_a_run(void **state)
{
	static const struct op ops[] = {
		{ OP_OPEN, 0, 24, 131, 4835, 50786 },
		{ OP_ATTACH, 0, 148, 168, 21274, 55387 },
		{ OP_MAP, 0, 251, 67, 58364, 12665 },
	};

	(void)state;
	REPLAY(0x24, ops, MF_EVENT_MAPPED, MF_NOT_REFUSED);
}

/* A map fails in the second domain: the first gives it back. */
static void test_map_fails_in_the_second_domain(void **state)
{
	static const struct op ops[] = {
		{ OP_OPEN, 0, 40, 25, 0, 0 },
		{ OP_ATTACH, 0, 20, 255, 0, 0 },
		{ OP_ATTACH, 0, 188, 94, 31506, 46330 },
		{ OP_ATTACH, 0, 147, 231, 44581, 34258 },
		{ OP_MAP, 0, 207, 41, 50860, 2137 },
	};

	(void)state;
	REPLAY(0x28, ops, MF_EVENT_REFUSED, MF_REASON_UNIT_MAP);
}

/* Each of several units remembers what is unmapped. */
static void test_unmap_with_three_units_that_remember(void **state)
{
	static const struct op ops[] = {
		{ OP_OPEN, 0, 139, 217, 37392, 16288 },
		{ OP_ATTACH, 0, 114, 84, 58790, 56293 },
		{ OP_MAP, 0, 55, 67, 27605, 25319 },
		{ OP_ATTACH, 0, 5, 91, 37038, 1300 },
		{ OP_MAP, 0, 31, 194, 11285, 36930 },
		{ OP_ATTACH, 0, 6, 39, 60438, 24422 },
		{ OP_UNMAP_ALL, 0, 126, 87, 55782, 50900 },
	};

	(void)state;
	REPLAY(0x5, ops, MF_EVENT_UNMAPPED, MF_NOT_REFUSED);
}

/* A mapping is emptied while it is made, and an attach that then fails leaves it so. */
static void test_attach_fails_after_all_but_software_left(void **state)
{
	static const struct op ops[] = {
		{ OP_OPEN, 0, 183, 25, 0, 0 },
		{ OP_ATTACH, 0, 91, 255, 0, 0 },
		{ OP_INTRUDE, 1, 129, 167, 12494, 14526 },
		{ OP_MAP, 0, 195, 35, 8677, 3321 },
		{ OP_FAIL, 0, 105, 14, 18171, 19792 },
		{ OP_ATTACH, 0, 35, 225, 55513, 18033 },
	};

	(void)state;
	REPLAY(0x2b7, ops, MF_EVENT_MAPPED, MF_NOT_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_stuck_in_the_domain_before),
		cmocka_unit_test(test_all_leave_while_a_mapping_is_made),
		cmocka_unit_test(test_unit_looked_before_the_replay),
		cmocka_unit_test(test_batch_ends_inside_a_run),
		cmocka_unit_test(test_map_fails_in_the_second_domain),
		cmocka_unit_test(test_unmap_with_three_units_that_remember),
		cmocka_unit_test(test_attach_fails_after_all_but_software_left),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
