// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Many mappings of a page each: filled in order, then some taken out and put back in random order,
 * then all taken out at once.
 */
#include "work.h"

#include <errno.h>
#include <stdlib.h>

size_t entries_size(const struct setup *setup)
{
	return setup->entries * PAGE;
}

static int map_entry(const struct turn *turn, struct space *space, size_t i)
{
	return turn->backend->map(space, IOVA + i * PAGE, turn->block->address + i * PAGE, PAGE);
}

static int map_and_unmap(const struct turn *turn, struct space *space, const unsigned int *order)
{
	unsigned int i, all = turn->setup->entries, some = all / 6;
	double spent;
	int err = 0;

	measure_begin("populate");
	for (i = 0; i < all && !err; i++)
		err = map_entry(turn, space, i);
	spent = measure_end();
	if (err)
		return err;
	result("populate", "op", spent, all);

	measure_begin("random-unmap");
	for (i = 0; i < some && !err; i++)
		err = turn->backend->unmap(space, IOVA + order[i] * PAGE, PAGE);
	spent = measure_end();
	if (err)
		return err;
	result("random-unmap", "op", spent, some);

	measure_begin("random-map");
	for (i = 0; i < some && !err; i++)
		err = map_entry(turn, space, order[i]);
	spent = measure_end();
	if (err)
		return err;
	result("random-map", "op", spent, some);

	measure_begin("unmap-all");
	err = turn->backend->unmap_all(space);
	spent = measure_end();
	if (!err)
		result("unmap-all", "op", spent, all);
	return err;
}

int map_entries(const struct turn *turn)
{
	unsigned int *order = shuffled(turn->setup->entries);
	struct space space;
	int err;

	if (!order)
		return -ENOMEM;
	err = turn_open(turn, &space);
	if (!err) {
		err = map_and_unmap(turn, &space, order);
		turn->backend->close(&space);
	}
	free(order);
	return err;
}
