// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* More domains for memory that is mapped already; they go one by one, or with the space. */
#include "work.h"

/* One more domain, or one less. */
static int change(const struct turn *turn, struct space *space, const char *phase,
		  const struct device *device)
{
	double spent, pages = (double)(turn->block->size / PAGE);
	int err;

	measure_begin(phase);
	err = device ? turn->backend->attach(space, device) : turn->backend->detach(space);
	spent = measure_end();
	if (!err)
		result(phase, "page", spent, pages);
	return err;
}

int replay(const struct turn *turn)
{
	const struct backend *backend = turn->backend;
	const struct device *devices = turn->setup->devices;
	struct space space;
	double spent;
	int err;

	err = turn_open(turn, &space);
	if (err)
		return err;
	err = backend->map(&space, IOVA, turn->block->address, turn->block->size);
	if (!err)
		err = change(turn, &space, "replay2", &devices[1]);
	if (!err)
		err = change(turn, &space, "replay3", &devices[2]);
	if (!err)
		err = change(turn, &space, "detach3", NULL);
	measure_begin("close2");
	backend->close(&space);
	spent = measure_end();
	if (!err)
		result("close2", "page", spent, (double)(turn->block->size / PAGE));
	return err;
}
