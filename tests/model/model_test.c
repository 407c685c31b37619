// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Sequences by chance. MODEL_RUNS says how many, MODEL_SEED where to begin; the
 * seed of each is its topology and decides its operations, so that a run can
 * be had again by its number.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/model/model.h"

#define LENGTH 120

static u64 from_environment(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

/* How often each operation comes, in 128ths. */
static const u8 weights[OP_TYPES] = {
	[OP_OPEN] = 5, [OP_RELEASE] = 1, [OP_ATTACH] = 13, [OP_DETACH] = 6, [OP_MAP] = 26,
	[OP_UNMAP] = 8, [OP_UNMAP_ALL] = 1, [OP_DMA] = 6, [OP_TOUCH] = 6, [OP_FAIL] = 10,
	[OP_SHORT] = 2, [OP_INTRUDE] = 4,
	[OP_EMULATE] = 6, [OP_PIN] = 9, [OP_UNPIN] = 3, [OP_ACCESS] = 4, [OP_INVALIDATE] = 3,
	[OP_UPDATE] = 4, [OP_DIRTY_START] = 2, [OP_DIRTY_STOP] = 1, [OP_DIRTY_READ] = 4,
	[OP_UNMAP_DIRTY] = 2, [OP_KEEP] = 2,
};

static u8 pick_type(u64 chance, bool failures)
{
	u32 type = 0, rest = chance & 127;

	while (rest >= weights[type])
		rest -= weights[type++];
	if (!failures && (type == OP_FAIL || type == OP_SHORT || type == OP_INTRUDE))
		type = OP_MAP;
	return (u8)type;
}

/*
 * With a unit that may write anywhere every page is dirty. So here few groups
 * come that have one, and dirty pages are tracked from the beginning.
 */
static void mostly_software(struct op *ops, u32 nr)
{
	static const u8 instead[] = { OP_ATTACH, OP_PIN, OP_UNPIN, OP_DIRTY_READ };
	u32 i;

	ops[1].type = OP_EMULATE;
	ops[2].type = OP_DIRTY_START;
	for (i = 3; i < nr; i++) {
		if (ops[i].type == OP_ATTACH)
			ops[i].type = instead[ops[i].e >> 3 & 3];
	}
}

static void make_ops(u64 seed, struct op *ops, u32 nr, bool failures)
{
	u64 chance = ~seed;
	u32 i;

	for (i = 0; i < nr; i++) {
		u64 r = model_random(&chance), s = model_random(&chance);

		ops[i] = (struct op){
			.type = pick_type(r, failures),
			/* One container gets most of it. */
			.c = !(r >> 8 & 7),
			.a = (u8)(r >> 16), .b = (u8)(r >> 24), .d = (u16)s, .e = (u16)(s >> 16),
		};
	}
	ops[0] = (struct op){ .type = OP_OPEN, .a = (u8)seed, .b = 25 };
	ops[1] = (struct op){ .type = seed % 3 ? OP_ATTACH : OP_EMULATE, .a = (u8)(seed >> 1),
			      .b = 255 };
	if (!(seed % 4))
		mostly_software(ops, nr);
}

static void run_one(u64 seed, bool failures)
{
	struct op ops[LENGTH];
	const char *bad;
	u32 nr;

	make_ops(seed, ops, LENGTH, failures);
	bad = model_run(seed, ops, LENGTH, NULL);
	if (!bad)
		return;
	nr = model_shrink(seed, ops, LENGTH);
	model_print(seed, ops, nr);
	fail_msg("seed %llu: %s", seed, bad);
}

static void test_requests_by_chance(void **state)
{
	u64 seed = from_environment("MODEL_SEED", 1), runs = from_environment("MODEL_RUNS", 400), i;

	(void)state;
	for (i = 0; i < runs; i++)
		run_one(seed + i, false);
}

static void test_requests_with_failing_calls(void **state)
{
	u64 seed = from_environment("MODEL_SEED", 1), runs = from_environment("MODEL_RUNS", 400), i;

	(void)state;
	for (i = 0; i < runs; i++)
		run_one(seed + i, true);
}

/* The same on hardware's formats: one and the same for all units, or any mix. */
static void test_requests_on_hardware(void **state)
{
	u64 seed = from_environment("MODEL_SEED", 1), i;
	u64 runs = from_environment("MODEL_RUNS", 400) / 4;
	u64 format = *(const enum model_format *)*state;

	for (i = 0; i < runs; i++)
		run_one((seed + i) | format << MODEL_FORMAT_SHIFT, i & 1);
}

/*
 * The test itself: chance must reach what matters. Counted over some seeds:
 * requests of each kind that succeed, and those refused for each reason.
 */
static void count_reach(u64 seed, u32 *events, u32 *reasons)
{
	struct mf_refusal last[16];
	struct op ops[LENGTH];
	struct model m;
	u32 i, k, n;

	make_ops(seed, ops, LENGTH, true);
	model_init(&m, seed);
	for (i = 0; i < LENGTH; i++) {
		u32 before = m.w.events[MF_EVENT_REFUSED];

		assert_null(model_step(&m, &ops[i]));
		if (m.w.events[MF_EVENT_REFUSED] == before)
			continue;
		for (k = 0; k < MODEL_CONTAINERS; k++) {
			n = m.containers[k] ? mf_get_refusals(m.containers[k], last, 1) : 0;
			if (n)
				reasons[last[0].reason]++;
		}
	}
	for (i = 0; i < MF_NR_EVENTS; i++)
		events[i] += m.w.events[i];
	assert_null(model_end(&m));
}

static void test_chance_reaches_every_event_and_reason(void **state)
{
	u32 events[MF_NR_EVENTS] = { 0 }, reasons[MF_NR_REASONS] = { 0 }, i;
	u64 seed;

	(void)state;
	for (seed = 1; seed <= 400; seed++)
		count_reach(seed, events, reasons);
	for (i = 0; getenv("MODEL_REACH") && i < MF_NR_REASONS; i++)
		print_message("%s: %u\n", mf_reason_name(i), reasons[i]);
	for (i = 0; getenv("MODEL_REACH") && i < MF_NR_EVENTS; i++)
		print_message("event %u: %u\n", i, events[i]);
	for (i = 0; i < MF_NR_EVENTS; i++) {
		if (!events[i])
			fail_msg("no event %u in 400 runs", i);
	}
	for (i = 1; i < MF_NR_REASONS; i++) {
		/* No task is killed here, no vaddr is that high, and no mapping that large. */
		if (!reasons[i] && i != MF_REASON_INTERRUPTED && i != MF_REASON_VADDR_WRAPS &&
		    i != MF_REASON_TOO_MANY_PAGES)
			fail_msg("nothing refused as %s in 400 runs", mf_reason_name(i));
	}
}

static const enum model_format formats[] = {
	MODEL_VTD, MODEL_AMDVI, MODEL_SMMUV3, MODEL_RISCV, MODEL_ANY,
};

#define ON_HARDWARE(name_, index) { \
	.name = "test_requests_on_" name_, \
	.test_func = test_requests_on_hardware, \
	.initial_state = (void *)&formats[index], \
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_by_chance),
		cmocka_unit_test(test_requests_with_failing_calls),
		ON_HARDWARE("vtd", 0),
		ON_HARDWARE("amdvi", 1),
		ON_HARDWARE("smmuv3", 2),
		ON_HARDWARE("riscv", 3),
		ON_HARDWARE("any_mix", 4),
		cmocka_unit_test(test_chance_reaches_every_event_and_reason),
	};
	size_t n = sizeof(tests) / sizeof(tests[0]);

	/* A short run need not reach everything: without the last, then. */
	n -= from_environment("MODEL_RUNS", 400) < 400;
	return _cmocka_run_group_tests("model", tests, n, NULL, NULL);
}
