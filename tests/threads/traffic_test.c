// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Devices at work while the container changes beneath them: mappings come and
 * go, a second and a third unit join, and leave in every order. Where a mapping
 * stays, no burst may fault; where it goes, the only answers are that nothing is
 * mapped or that there is no domain. Run on each format there is, and on two of
 * them at once.
 */
#include "tests/support/world.h"
#include "user/models/amdvi/amdvi.h"
#include "user/models/riscv/riscv.h"
#include "user/models/smmuv3/smmuv3.h"
#include "user/models/traffic.h"
#include "user/models/vtd/vtd.h"

#define RW		(MF_READ | MF_WRITE)
#define KEPT		(16 * MIB)
#define KEPT_PAGES	512
#define CHANGING	(64 * MIB)
#define CHANGING_PAGES	64
#define ROUNDS		60

struct machine {
	struct world w;
	struct mf_host_group *groups[3];
	struct mf_traffic kept[3];
	struct mf_traffic changing[3];
};

/* Two units that share a domain and one, of another kind, that has its own. */
static void set_up(struct machine *m, const struct mf_model_config *config,
		   const struct mf_model_config *third)
{
	struct mf_model_config other = *third;
	u32 i;

	world_init(&m->w, 1024, MF_RAM_CONTIGUOUS);
	world_open(&m->w, MF_TYPE1V2, 1000);
	other.kind++;
	for (i = 0; i < 3; i++)
		m->groups[i] = world_group(&m->w, world_unit(&m->w, i == 2 ? &other : config));
	assert_int_equal(mf_attach(m->w.c, m->groups[0], 0, NULL), 0);
	assert_int_equal(world_map(&m->w, KEPT, VADDR, KEPT_PAGES * PAGE, RW, NULL), 0);
}

static void start(struct mf_traffic *t, struct mf_host_group *group, u64 iova, u64 pages, u64 seed)
{
	struct mf_traffic_config config = {
		.group = group,
		.span = { iova, iova + pages * PAGE - 1 },
		.prot = RW,
		.burst = 3 * PAGE,
		.fill = 0x5a,
		.seed = seed,
	};

	assert_int_equal(mf_traffic_start(t, &config), 0);
}

static void attach(struct machine *m, u32 i)
{
	if (i)
		assert_int_equal(mf_attach(m->w.c, m->groups[i], 0, NULL), 0);
	start(&m->kept[i], m->groups[i], KEPT, KEPT_PAGES, 1 + i);
	start(&m->changing[i], m->groups[i], CHANGING, CHANGING_PAGES, 10 + i);
}

/* Stops the devices of a group; none of them may have seen what it should not. */
static void stop(struct machine *m, u32 i)
{
	struct mf_traffic_counts counts;

	mf_traffic_wait(&m->kept[i], 3);
	counts = mf_traffic_stop(&m->kept[i]);
	assert_true(counts.bytes > 0);
	assert_true(mf_traffic_faults(&counts) == 0);

	mf_traffic_wait(&m->changing[i], 3);
	counts = mf_traffic_stop(&m->changing[i]);
	assert_true(mf_traffic_faults(&counts) == counts.faults[MF_FAULT_NOT_PRESENT]);
}

static void change(struct machine *m, u32 round)
{
	u64 pages = 1 + round % CHANGING_PAGES, unmapped, part;

	assert_int_equal(world_map(&m->w, CHANGING, VADDR + KEPT_PAGES * PAGE, pages * PAGE, RW,
				   NULL), 0);
	part = CHANGING + pages * PAGE;
	if (pages < CHANGING_PAGES)
		assert_int_equal(world_map(&m->w, part, VADDR, PAGE, RW, NULL), 0);
	mf_traffic_wait(&m->changing[0], 2);
	assert_int_equal(mf_unmap(m->w.c, CHANGING, CHANGING_PAGES * PAGE, &unmapped, NULL), 0);
	check(world_check_pins(&m->w));
}

static void run(const struct mf_model_config *config, const struct mf_model_config *third,
		const u32 *order)
{
	static struct machine m;
	u32 i, round;

	set_up(&m, config, third);
	attach(&m, 0);
	for (round = 0; round < ROUNDS; round++) {
		if (round == ROUNDS / 4)
			attach(&m, 1);
		if (round == ROUNDS / 2)
			attach(&m, 2);
		change(&m, round);
	}
	/* The last to leave works until then. */
	for (i = 0; i < 3; i++) {
		stop(&m, order[i]);
		mf_detach(m.w.c, m.groups[order[i]]);
		if (i < 2)
			mf_traffic_wait(&m.kept[order[2]], 3);
	}
	check(world_end(&m.w));
}

static const u32 orders[][3] = {
	{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
};

/* One unit of each format; all can enforce coherency but those of which none can. */
static const struct mf_model_config units[] = {
	{
		.format = &mf_format_simple,
		.pgsizes = PAGE | 2 * MIB | GIB,
		.aperture = { 0, (1ull << 48) - 1 },
		.enforces = true,
	}, {
		.format = &mf_format_vtd,
		.pgsizes = PAGE | 2 * MIB | GIB,
		.aperture = { 0, (1ull << 39) - 1 },
		.enforces = true,
		.caching = true,
	}, {
		.format = &mf_format_amdvi,
		.pgsizes = (1ull << 40) - PAGE,
		.aperture = { 0, TOP },
		.enforces = true,
	}, {
		.format = &mf_format_smmuv3,
		.pgsizes = PAGE | 64 * 1024 | 2 * MIB | GIB,
		.aperture = { 0, (1ull << 44) - 1 },
		.output_bits = 48,
		.enforces = true,
	}, {
		.format = &mf_format_riscv,
		.pgsizes = PAGE | 2 * MIB,
		.aperture = { 0, (1ull << 50) - 1 },
	},
};

#define NR_UNITS (sizeof(units) / sizeof(units[0]))

static void run_orders(const struct mf_model_config *config, const struct mf_model_config *third)
{
	u32 i;

	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		run(config, third, orders[i]);
}

static void test_one_format(void **state)
{
	const struct mf_model_config *config = *state;

	run_orders(config, config);
}

static void test_two_formats(void **state)
{
	const struct mf_model_config *config = *state;

	run_orders(config, &units[(config - units + 1) % NR_UNITS]);
}

/* A device whose group has no domain faults, and goes on. */
static void test_faults_without_a_domain(void **state)
{
	struct mf_traffic_counts counts;
	struct mf_traffic t;
	struct world w;

	(void)state;
	world_init(&w, 16, MF_RAM_CONTIGUOUS);
	start(&t, world_group(&w, world_unit(&w, &world_plain)), 0, 16, 1);
	mf_traffic_wait(&t, 10);
	assert_true(mf_traffic_counts(&t).bursts >= 9);
	counts = mf_traffic_stop(&t);
	assert_true(counts.bursts == counts.faults[MF_FAULT_NO_DOMAIN] && !counts.bytes);
	assert_int_equal(counts.last.why, MF_FAULT_NO_DOMAIN);
	check(world_end(&w));
}

static void test_refuses_what_is_no_traffic(void **state)
{
	struct mf_traffic_config config = { .prot = MF_READ };
	struct mf_traffic t;

	(void)state;
	assert_int_equal(mf_traffic_start(&t, &config), -EINVAL);
	config.burst = 1;
	config.prot = 0;
	assert_int_equal(mf_traffic_start(&t, &config), -EINVAL);
}

#define ON(test, n) { \
	.name = "test_" #test "_" #n, \
	.test_func = test_##test, \
	.initial_state = (void *)&units[n], \
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(one_format, 0), ON(one_format, 1), ON(one_format, 2), ON(one_format, 3),
		ON(one_format, 4), ON(two_formats, 0), ON(two_formats, 1), ON(two_formats, 2),
		ON(two_formats, 3), ON(two_formats, 4),
		cmocka_unit_test(test_faults_without_a_domain),
		cmocka_unit_test(test_refuses_what_is_no_traffic),
	};

	return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
