// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* One mapping: a large one, or a page again and again. */
#include "held.h"
#include "work.h"

#define GIB (1024.0 * MIB)

/* How much the kernel holds of its own for what is mapped: the same wherever it is measured. */
static void report_held(long before, long after, size_t mapped)
{
	if (measure.counts_instructions && before >= after && after >= 0)
		result_of("bytes", "held", "GiB",
			  (double)(before - after) * PAGE * GIB / (double)mapped);
}

int map_whole(const struct turn *turn)
{
	const struct backend *backend = turn->backend;
	struct block *block = turn->block;
	double mapped, unmapped, pages = (double)(block->size / PAGE);
	struct space space;
	long before, after;
	int err;

	err = turn_open(turn, &space);
	if (err)
		return err;
	before = measure.counts_instructions ? free_pages() : -1;
	measure_begin("map");
	err = backend->map(&space, IOVA, block->address, block->size);
	mapped = measure_end();
	after = measure.counts_instructions ? free_pages() : -1;
	if (err)
		goto close;
	measure_begin("unmap");
	err = backend->unmap(&space, IOVA, block->size);
	unmapped = measure_end();
	if (err)
		goto close;
	result("map", "page", mapped, pages);
	report_held(before, after, block->size);
	if (backend->can & CAN_UNMAP_AT_ONCE)
		result("unmap", "page", unmapped, pages);
close:
	backend->close(&space);
	return err;
}

int map_single(const struct turn *turn)
{
	const struct backend *backend = turn->backend;
	unsigned int i, n = turn->setup->operations;
	double mapped = 0, unmapped = 0;
	struct space space;
	int err;

	err = turn_open(turn, &space);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		measure_begin("map");
		err = backend->map(&space, IOVA, turn->block->address, PAGE);
		mapped += measure_end();
		if (err)
			break;
		measure_begin("unmap");
		err = backend->unmap(&space, IOVA, PAGE);
		unmapped += measure_end();
	}
	if (!err) {
		result("map", "op", mapped, n);
		result("unmap", "op", unmapped, n);
	}
	backend->close(&space);
	return err;
}
