// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A large map of memory that nobody has touched, as a VM's is when it starts: most of it is to make
 * pages and clear them. With one processor and with two, so that it shows who uses the second.
 */
#include <errno.h>

#include "../../tests/client/proc.h"
#include "work.h"

#define SECOND "/sys/devices/system/cpu/cpu1/online"

static int map_new(const struct turn *turn, const char *phase, double *spent)
{
	struct block block;
	struct space space;
	int err = block_get(&block, turn->work->own, turn->size);

	if (err)
		return err;
	err = turn_open(turn, &space);
	if (err)
		goto put;
	measure_begin(phase);
	err = turn->backend->map(&space, IOVA, block.address, block.size);
	*spent = measure_end();
	if (!err)
		result(phase, "page", *spent, (double)(block.size / PAGE));
	turn->backend->close(&space);
put:
	block_put(&block);
	return err;
}

int map_untouched(const struct turn *turn)
{
	double one, two;
	int err;

	if (measure.counts_instructions)
		return map_new(turn, "one", &one);
	err = map_new(turn, "two", &two);
	if (err || proc_set_text(SECOND, "0"))
		return err;
	err = map_new(turn, "one", &one);
	if (proc_set_text(SECOND, "1"))
		return -EIO;
	if (!err)
		result_of("times", "map", "processors", one / two);
	return err;
}
