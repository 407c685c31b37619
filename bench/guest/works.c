// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "work.h"

#include <string.h>

static size_t one_page(const struct setup *setup)
{
	(void)setup;
	return PAGE;
}

static size_t huge_size(const struct setup *setup)
{
	return setup->huge_bytes;
}

#define WHOLE(memory, sentence, more) \
	.kind = &(memory), .what = (sentence), .can = (more), .run = map_whole
#define REPLAY(memory, more) \
	.kind = &(memory), .what = "a second and a third domain for such memory", \
	.can = CAN_SHARE | (more), .needs = NEEDS_UNITS, .run = replay
#define EXIT(memory) \
	.own = &(memory), .what = "kill a process that has such memory mapped", \
	.can = CAN_UNMAP_AT_ONCE, .run = end_by_exit
#define THREADS(memory) \
	.kind = &(memory), .what = "map and unmap such memory by one thread and by two", \
	.can = CAN_MAP_MANY, .needs = NEEDS_TIME, .run = map_by_threads
#define UNTOUCHED(memory, sentence) \
	.own = &(memory), .what = (sentence), .run = map_untouched
#define FAULT(memory) \
	.kind = &(memory), .what = "a page fault and an mmap() while such memory is mapped", \
	.needs = NEEDS_TIME, .run = fault_while_mapping

const struct work works[] = {
	{ .name = "scattered",
	  WHOLE(scattered_kind, "map and unmap 4K pages that are nowhere contiguous", 0) },
	{ .name = "4k", WHOLE(plain_kind, "the same with pages as the kernel gives them", 0) },
	{ .name = "thp", .size = huge_size, WHOLE(thp_kind, "with transparent huge pages", 0) },
	{ .name = "hugetlb", .size = huge_size, WHOLE(hugetlb_kind, "with huge pages of 2M", 0) },
	{ .name = "memfd-hugetlb", .size = huge_size,
	  WHOLE(memfd_hugetlb_kind, "with a memfd of huge pages of 2M", 0) },
	{ .name = "pfnmap", .size = huge_size,
	  WHOLE(pfnmap_kind, "with the memory of a device", CAN_MAP_DEVICES) },
	{ .name = "single", .what = "map and unmap one page, many times over",
	  .kind = &plain_kind, .size = one_page, .can = CAN_UNMAP_AT_ONCE, .run = map_single },
	{ .name = "entries", .what = "many mappings of a page each, at the same time",
	  .kind = &scattered_kind, .size = entries_size, .can = CAN_MAP_MANY,
	  .run = map_entries },
	{ .name = "replay-scattered", REPLAY(scattered_kind, 0) },
	{ .name = "replay-thp", .size = huge_size, REPLAY(thp_kind, 0) },
	{ .name = "replay-hugetlb", .size = huge_size, REPLAY(hugetlb_kind, 0) },
	{ .name = "replay-pfnmap", .size = huge_size, REPLAY(pfnmap_kind, CAN_MAP_DEVICES) },
	{ .name = "exit-scattered", EXIT(scattered_kind) },
	{ .name = "exit-thp", EXIT(thp_kind) },
	{ .name = "exit-hugetlb", EXIT(hugetlb_kind) },
	{ .name = "untouched", UNTOUCHED(untouched_kind, "map memory that has no pages yet") },
	{ .name = "untouched-thp",
	  UNTOUCHED(untouched_thp_kind, "the same, where they will be huge pages") },
	{ .name = "threads-scattered", THREADS(scattered_kind) },
	{ .name = "threads-thp", .size = huge_size, THREADS(thp_kind) },
	{ .name = "fault-scattered", FAULT(scattered_kind) },
	{ .name = "fault-thp", .size = huge_size, FAULT(thp_kind) },
	{ }
};

int turn_open(const struct turn *turn, struct space *space)
{
	memset(space, 0, sizeof(*space));
	space->backend = turn->backend;
	return turn->backend->open(space, &turn->setup->devices[0]);
}
