// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* RLIMIT_MEMLOCK: what fits, what is refused, and that what is refused changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "scene.h"

#define SIZE	(8 * MIB)
#define PAGES	((long)(SIZE / PAGE))

/* A user without CAP_IPC_LOCK and with a limit; it has memory of @size bytes. */
static __u64 poor(struct scene *s, int containers, size_t limit, size_t size)
{
	__u64 memory;

	if (!open_containers(s, containers) || !start_actor(s, 0))
		return 0;
	memory = get_memory(s, 0, MEMORY_ANONYMOUS, size);
	tell(s, 0, ORDER_LIMIT, 0, limit);
	return memory && want_value(s, 0, tell(s, 0, ORDER_NOBODY, 0, 0), "without privileges") ?
		memory : 0;
}

/* Sixteen times would not fit, distinct pages do. */
static void fits(struct scene *s)
{
	__u64 memory = poor(s, MAX_CONTAINERS, SIZE + 16 * PAGE, SIZE);
	const bool once = s->settings->rule == RULE_ONCE;

	for (int i = 0; memory && i < MAX_CONTAINERS; i++) {
		want_value(s, once || !i ? 0 : -ENOMEM,
			   try_map(s, 0, i, IOVA, memory, SIZE, VFIO_MAP_RW),
			   "MAP_DMA in container %d", i);
		balance(s, "at the limit, container %d", i);
	}
}

/* How many more mappings a container takes. */
static long available(struct scene *s, int container)
{
	struct vfio_info info;

	return vfio_get_info(s->containers[container].container, &info) ? -1 : (long)info.available;
}

/* The refusal as Manifold's debugfs folder of the container tells it. */
static void tells(struct scene *s, long asked, long fresh, long owed, long limit)
{
	char expect[120];
	bool told;

	if (!s->settings->manifold)
		return;
	snprintf(expect, sizeof(expect),
		 "BILL (-12): of %ld pages %ld are new to the bill, which has %ld of at most %ld",
		 asked, fresh, owed, limit);
	told = find_in_debugfs(s, "status", expect);
	want(s, told, "\"%s\" is told", expect);
}

static void refused(struct scene *s)
{
	__u64 memory = poor(s, 3, SIZE + SIZE / 4, 2 * SIZE);
	const bool once = s->settings->rule == RULE_ONCE;
	long before;

	if (!memory || !map(s, 0, 0, IOVA, memory, SIZE))
		return;
	balance(s, "the first");
	before = available(s, 1);
	/* Half of it is new, and that is more than a quarter. */
	want_value(s, -ENOMEM, try_map(s, 0, 1, IOVA, memory + SIZE / 2, SIZE, VFIO_MAP_RW),
		   "half new");
	balance(s, "refused");
	want_value(s, before, available(s, 1), "mappings available after it");
	tells(s, PAGES, once ? PAGES / 2 : PAGES, PAGES, PAGES + PAGES / 4);
	unmap(s, 0, 1, 0, 1ULL << 40, 0);
	/* A quarter of it is new. */
	want_value(s, once ? 0 : -ENOMEM,
		   try_map(s, 0, 1, IOVA, memory + SIZE / 2, SIZE / 4 * 3, VFIO_MAP_RW),
		   "a quarter new");
	balance(s, "to the page");
	if (!once)
		return;
	want_value(s, -ENOMEM, try_map(s, 0, 2, IOVA, memory + SIZE / 4 * 5, PAGE, VFIO_MAP_RW),
		   "one new page");
	tells(s, 1, 1, PAGES / 4 * 5, PAGES / 4 * 5);
	balance(s, "one page refused");
	map(s, 0, 2, IOVA, memory + PAGE, SIZE / 4 * 5 - PAGE);
	balance(s, "none new");
	/* What one container lets go of fits into another, if no third one has it. */
	unmap(s, 0, 2, IOVA, SIZE / 4 * 5 - PAGE, SIZE / 4 * 5 - PAGE);
	unmap(s, 0, 1, IOVA, SIZE / 4 * 3, SIZE / 4 * 3);
	map(s, 0, 2, IOVA, memory + SIZE / 4 * 5, SIZE / 4);
	balance(s, "others in their place");
}

#define RANDOM_STEPS	400
#define RANDOM_SLOTS	24

/* Requests of all sizes near the limit: each fits just when what it adds fits. */
static void random_step(struct scene *s, __u64 memory, size_t *sizes, unsigned int *seed,
			long limit)
{
	int slot = rand_r(seed) / 7 % RANDOM_SLOTS, container = slot % 3;
	size_t pages = SIZE / PAGE, first = (size_t)(rand_r(seed) / 7) % pages, count;
	__u64 iova = IOVA + (__u64)slot * 2 * SIZE, vaddr = memory + first * PAGE;
	struct actor *who = &s->actors[0];
	long owed = billed(s, 0), more;
	int result;

	if (sizes[slot]) {
		unmap(s, 0, container, iova, sizes[slot], sizes[slot]);
		sizes[slot] = 0;
		return;
	}
	count = 1 + (size_t)(rand_r(seed) / 7) % (pages - first);
	more = s->settings->rule == RULE_ONCE ?
		book_new(&s->book, who->mm, who->pid, vaddr, count) : (long)count;
	result = try_map(s, 0, container, iova, vaddr, count * PAGE, VFIO_MAP_RW);
	want_value(s, owed + more <= limit ? 0 : -ENOMEM, result,
		   "%zu pages, %ld more, %ld billed, limit %ld", count, more, owed, limit);
	if (!result)
		sizes[slot] = count * PAGE;
}

static void at_random(struct scene *s)
{
	const long limit = PAGES / 4 * 3;
	__u64 memory = poor(s, 3, (size_t)limit * PAGE, SIZE);
	size_t sizes[RANDOM_SLOTS] = { 0 };
	long failures = s->failures;
	unsigned int seed = 4711;

	for (int i = 0; memory && i < RANDOM_STEPS && s->failures == failures; i++) {
		random_step(s, memory, sizes, &seed, limit);
		want_value(s, billed(s, 0), proc_billed(s->actors[0].pid),
			   "step %d: pages billed", i);
	}
	balance(s, "after %d steps", RANDOM_STEPS);
}

/* The limit is for those who need it; the count goes on all the same. */
static void capable(struct scene *s)
{
	__u64 memory;

	if (!open_containers(s, 2) || !start_actor(s, 0))
		return;
	memory = get_memory(s, 0, MEMORY_ANONYMOUS, SIZE);
	tell(s, 0, ORDER_LIMIT, 0, PAGE);
	for (int i = 0; memory && i < 2; i++) {
		map(s, 0, i, IOVA, memory, SIZE);
		balance(s, "beyond the limit in %d", i + 1);
	}
}

/* The limit falls below what is owed: nothing new, but what is there may be mapped again. */
static void lowered(struct scene *s)
{
	__u64 memory = poor(s, 2, 2 * SIZE, 2 * SIZE);

	if (!memory)
		return;
	map(s, 0, 0, IOVA, memory, SIZE);
	tell(s, 0, ORDER_LIMIT, 0, SIZE / 2);
	want_value(s, -ENOMEM, try_map(s, 0, 1, IOVA, memory + SIZE, PAGE, VFIO_MAP_RW),
		   "a page beyond the lowered limit");
	balance(s, "refused");
	want_value(s, s->settings->rule == RULE_ONCE ? 0 : -ENOMEM,
		   try_map(s, 0, 1, IOVA, memory, SIZE, VFIO_MAP_RW), "what is there already");
	balance(s, "mapped again");
}

/* A hole in the middle, beside what is billed already: all of it is undone, and nothing else. */
static void with_a_hole(struct scene *s, bool unreadable)
{
	__u64 memory, hole;

	if (!open_containers(s, 3) || !start_actor(s, 0))
		return;
	memory = get_memory(s, 0, MEMORY_ANONYMOUS, SIZE);
	hole = memory + SIZE / 4 * 3 + 5 * PAGE;
	map(s, 0, 0, IOVA, memory, SIZE / 2);
	map(s, 0, 1, IOVA, memory + SIZE / 4, SIZE / 4);
	if (unreadable)
		tell(s, 0, ORDER_PROTECT, hole, PAGE);
	else
		tell(s, 0, ORDER_MUNMAP, hole, PAGE);
	for (int i = 0; i < 3; i++) {
		want_value(s, -EFAULT,
			   try_map(s, 0, i, IOVA << 4, memory, SIZE, VFIO_MAP_RW), "with a hole");
		balance(s, "undone in container %d", i);
	}
	unmap(s, 0, 0, IOVA, SIZE / 2, SIZE / 2);
	balance(s, "one less");
	map(s, 0, 2, IOVA, memory, SIZE / 4 * 3);
	balance(s, "up to the hole");
}

static void hole(struct scene *s)
{
	with_a_hole(s, false);
}

static void no_access(struct scene *s)
{
	with_a_hole(s, true);
}

const struct scene_case limit_cases[] = {
	{ "limit-fits", "16 containers over memory that fits the limit once", fits },
	{ "limit-refused", "new pages beyond the limit: refused, nothing changes", refused },
	{ "limit-random", "requests near the limit: each fits just when what it adds does",
	  at_random },
	{ "limit-capable", "CAP_IPC_LOCK lifts the limit, not the count", capable },
	{ "limit-lowered", "a limit below what is owed", lowered },
	{ "hole", "a hole in the memory: all is undone", hole },
	{ "no-access", "a page without access in the memory: all is undone", no_access },
	{ 0 }
};
