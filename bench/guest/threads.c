// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Two threads in one space, each with a half of the memory: as quick as two, or as one? */
#include <errno.h>

#include "aside.h"
#include "work.h"

struct half {
	const struct turn *turn;
	struct space *space;
	size_t at, size;
	bool unmaps;
	int err;
};

static void do_half(void *with)
{
	struct half *half = with;
	const struct backend *backend = half->turn->backend;

	half->err = half->unmaps ?
		backend->unmap(half->space, IOVA + half->at, half->size) :
		backend->map(half->space, IOVA + half->at, half->turn->block->address + half->at,
			     half->size);
}

/* Both halves by one thread or by two; what it took, or a negative errno. */
static double do_both(struct half halves[2], struct aside *aside, bool unmaps)
{
	double spent;

	halves[0].unmaps = unmaps;
	halves[1].unmaps = unmaps;
	measure_begin("both");
	if (aside)
		aside_go(aside);
	do_half(&halves[0]);
	if (aside)
		aside_wait(aside);
	else
		do_half(&halves[1]);
	spent = measure_end();
	if (halves[0].err || halves[1].err)
		return halves[0].err ? halves[0].err : halves[1].err;
	return spent;
}

/* Maps and unmaps; @spent is for each. */
static int map_and_unmap(struct half halves[2], struct aside *aside, double spent[2])
{
	int unmaps;

	for (unmaps = 0; unmaps < 2; unmaps++) {
		spent[unmaps] = do_both(halves, aside, unmaps);
		if (spent[unmaps] < 0)
			return (int)spent[unmaps];
	}
	return 0;
}

static int by_one_then_two(const struct turn *turn, struct half halves[2])
{
	double one[2], two[2], pages = (double)(turn->block->size / PAGE);
	struct aside aside;
	int err = map_and_unmap(halves, NULL, one);

	if (!err)
		err = aside_prepare(&aside, do_half, &halves[1]);
	if (err)
		return err;
	err = map_and_unmap(halves, &aside, two);
	aside_end(&aside);
	if (err)
		return err;
	result("map-one", "page", one[0], pages);
	result("map-two", "page", two[0], pages);
	result("unmap-one", "page", one[1], pages);
	result("unmap-two", "page", two[1], pages);
	result_of("times", "map", "threads", one[0] / two[0]);
	result_of("times", "unmap", "threads", one[1] / two[1]);
	return 0;
}

int map_by_threads(const struct turn *turn)
{
	size_t first = turn->block->size / 2 / HUGE_PAGE * HUGE_PAGE;
	struct space space;
	struct half halves[2] = {
		{ .turn = turn, .space = &space, .at = 0, .size = first },
		{ .turn = turn, .space = &space, .at = first, .size = turn->block->size - first },
	};
	int err;

	if (!first)
		return -ENOTSUP;
	err = turn_open(turn, &space);
	if (err)
		return err;
	err = by_one_then_two(turn, halves);
	turn->backend->close(&space);
	return err;
}
