// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "work.h"

#include <string.h>

static size_t one_page(const struct setup *setup)
{
	(void)setup;
	return PAGE;
}

const struct work works[] = {
	{ .name = "scattered", .what = "map and unmap 4K pages that are nowhere contiguous",
	  .kind = &scattered_kind, .run = map_whole },
	{ .name = "4k", .what = "the same with pages as the kernel gives them",
	  .kind = &plain_kind, .run = map_whole },
	{ .name = "thp", .what = "with transparent huge pages",
	  .kind = &thp_kind, .run = map_whole },
	{ .name = "hugetlb", .what = "with huge pages of 2M",
	  .kind = &hugetlb_kind, .run = map_whole },
	{ .name = "memfd-hugetlb", .what = "with a memfd of huge pages of 2M",
	  .kind = &memfd_hugetlb_kind, .run = map_whole },
	{ .name = "single", .what = "map and unmap one page, many times over",
	  .kind = &plain_kind, .size = one_page, .can = CAN_UNMAP_AT_ONCE, .run = map_single },
	{ .name = "entries", .what = "many mappings of a page each, at the same time",
	  .kind = &scattered_kind, .size = entries_size, .can = CAN_MAP_MANY,
	  .run = map_entries },
	{ }
};

int turn_open(const struct turn *turn, struct space *space)
{
	memset(space, 0, sizeof(*space));
	space->backend = turn->backend;
	return turn->backend->open(space, &turn->setup->devices[0]);
}
