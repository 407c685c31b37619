// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Units that fail, and programs that die. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

/* Replay that fails at whatever map: the second unit has nothing, the first all it had. */
static void replay_fails(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_other()));
	unsigned int nth, failures = 0;
	struct rig_leaf leaf;
	int i, err;

	must_attach(s, a);
	for (i = 0; i < 8; i++)
		must_map(s, IOVA + i * 4 * MIB, i * MIB, MIB);
	start_traffic(s, a, IOVA, MIB);
	for (nth = 1;; nth++) {
		struct rig_faults faults = {
			.unit = s->devices[b].unit, .map_in = nth, .map_error = ENOMEM,
		};

		set_faults(s, faults);
		err = attach(s, b);
		/* In-tree's first map is a test of its own, for the size of the unit's leaves. */
		if (!err && nth == 1 && !s->manifold) {
			detach(s, b);
			continue;
		}
		if (!err)
			break;
		failures++;
		expect_equal(err, -ENOMEM, "attach whose replay fails");
		expect_equal(state_of(s, b).domain, 0, "its domain");
		expect_equal(counters_of(s, s->devices[b].unit, false).domains, 0, "domains left");
		for (i = 0; i < 8; i++)
			expect(!leaf_at(s, b, IOVA + i * 4 * MIB, &leaf), "a leaf stayed");
	}
	set_faults(s, (struct rig_faults){ .unit = s->devices[b].unit });
	expect(failures >= 8, "only %u maps in the replay of 8 mappings", failures);
	for (i = 0; i < 8; i++) {
		must_reach(s, b, IOVA + i * 4 * MIB, i * MIB, MIB);
		must_reach(s, a, IOVA + i * 4 * MIB, i * MIB, MIB);
	}
	must_have_reached(s, a);
}

/* A map that one of the domains refuses is in none of them, and nothing stays pinned. */
static void map_fails_in(struct scene *s, int failing)
{
	int devices[3], i;
	long billed, pinned;
	unsigned int nth;
	struct rig_leaf leaf;

	devices[0] = add_device(s, add_unit(s, unit_plain()));
	devices[1] = add_device(s, add_unit(s, unit_loose()));
	devices[2] = add_device(s, add_unit(s, unit_other()));
	for (i = 0; i < 3; i++)
		must_attach(s, devices[i]);
	must_map(s, IOVA, 0, MIB);
	billed = proc_billed(0);
	pinned = proc_pinned();
	for (nth = 1; nth < 200; nth++) {
		struct rig_faults faults = {
			.unit = s->devices[devices[failing]].unit,
			.map_in = nth,
			.map_error = ENOMEM,
		};

		set_faults(s, faults);
		if (!map(s, IOVA + 4 * MIB, MIB, 2 * MIB))
			break;
		expect_equal(proc_billed(0), billed, "pages billed");
		expect_equal(proc_pinned(), pinned, "pages pinned");
		for (i = 0; i < 3; i++)
			expect(!leaf_at(s, devices[i], IOVA + 4 * MIB, &leaf) &&
			       (!leaf.bytes || leaf.iova >= IOVA + 6 * MIB),
			       "unit %d maps what was refused", i);
	}
	expect(nth > 1, "the fault never came");
	for (i = 0; i < 3; i++)
		must_reach(s, devices[i], IOVA + 4 * MIB, MIB, 2 * MIB);
}

static void map_fails_in_first(struct scene *s)
{
	map_fails_in(s, 0);
}

static void map_fails_in_second(struct scene *s)
{
	map_fails_in(s, 1);
}

static void map_fails_in_last(struct scene *s)
{
	map_fails_in(s, 2);
}

/* A unit that does not let go of a page keeps it pinned, until its domain is gone. */
static void unmap_stops_short(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_other()));
	struct rig_faults faults = { .short_unmaps = 1000, .short_bytes = 64 * KIB };
	long pinned = proc_pinned();
	__u64 word;

	must_attach(s, a);
	must_attach(s, b);
	must_map(s, IOVA, 0, MIB);
	must_reach(s, b, IOVA, 0, MIB);
	faults.unit = s->devices[b].unit;
	set_faults(s, faults);
	unmap(s, IOVA, MIB);
	must_not_reach(s, a, IOVA, MIB);
	/* Whatever it still reaches is pinned: the rig tells when it is not. */
	for (word = 0; word < MIB; word += PAGE) {
		__u64 ignored;
		unsigned int fault = dma_read(s, b, IOVA + word, &ignored);

		expect(!fault || fault == RIG_FAULT_NOT_PRESENT, "fault %u at %#llx", fault, word);
	}
	set_faults(s, (struct rig_faults){ .unit = s->devices[b].unit });
	detach(s, b);
	expect_equal(proc_pinned(), pinned, "pages pinned when its domain is gone");
	must_map(s, IOVA, 0, MIB);
	must_reach(s, a, IOVA, 0, MIB);
}

/* The program dies in the middle of everything, with all its devices at work. */
static void killed(struct scene *s)
{
	long pinned = proc_pinned();
	int devices[3], i, round;

	devices[0] = add_device(s, add_unit(s, unit_plain()));
	devices[1] = add_device(s, add_unit(s, unit_loose()));
	devices[2] = add_device(s, add_unit(s, unit_other()));
	for (i = 0; i < 3; i++)
		start_traffic(s, devices[i], IOVA, SCENE_MEMORY);
	for (round = 0; round < 20; round++) {
		pid_t child = fork();
		int status;

		expect(child >= 0, "no process");
		if (!child) {
			/* Its own container: the other is shared with whoever forked. */
			s->container = vfio_container_open();
			for (i = 0; i < 3; i++)
				must_attach(s, devices[i]);
			for (;;) {
				must_map(s, IOVA, 0, SCENE_MEMORY);
				unmap(s, IOVA, SCENE_MEMORY);
			}
		}
		sleep_ms(20 + round * 7);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		expect(WIFSIGNALED(status), "it ended by itself");
		for (i = 0; i < 3; i++)
			expect_equal(state_of(s, devices[i]).domain, 0, "domain of the dead");
		expect_equal(proc_pinned(), pinned, "pages pinned by the dead");
	}
	for (i = 0; i < 3; i++) {
		struct rig_traffic traffic = stop_traffic(s, devices[i]);

		expect(!traffic.faults[RIG_FAULT_UNPINNED], "DMA to a page that is not pinned");
	}
}

const struct mixed_case failure_cases[] = {
	{ "replay-fails", replay_fails, ON_BOTH, NULL },
	{ "map-fails-in-first", map_fails_in_first, ON_BOTH, NULL },
	{ "map-fails-in-second", map_fails_in_second, ON_BOTH, NULL },
	{ "map-fails-in-last", map_fails_in_last, ON_BOTH, NULL },
	{ "unmap-stops-short", unmap_stops_short, ON_MANIFOLD,
	  "in-tree warns and unpins what the unit still translates" },
	{ "killed", killed, ON_BOTH, NULL },
	END_OF_CASES
};
