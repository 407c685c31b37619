// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Memory that mappings share in part, or that is nobody's. */
#include <sys/mman.h>
#include <unistd.h>

#include "scene.h"

/* One process, so many containers. */
static bool alone(struct scene *s, int containers)
{
	return open_containers(s, containers) && start_actor(s, 0);
}

static void overlapping(struct scene *s)
{
	const size_t size = 4 * MIB;
	__u64 memory;

	if (!alone(s, 3))
		return;
	memory = get_memory(s, 0, MEMORY_ANONYMOUS, 3 * size);
	if (!memory)
		return;
	/* [0, 2), [1, 3), and the middle third of the middle. */
	map(s, 0, 0, IOVA, memory, 2 * size);
	map(s, 0, 1, IOVA, memory + size, 2 * size);
	balance(s, "two that overlap");
	map(s, 0, 2, IOVA, memory + size + size / 4, size / 2);
	balance(s, "a third inside both");
	map(s, 0, 2, IOVA << 4, memory + 2 * size - PAGE, 2 * PAGE);
	balance(s, "a fourth over an end");
	want_value(s, (long)(3 * size / PAGE), book_billed(&s->book, s->actors[0].mm, RULE_ONCE),
		   "distinct pages");
	unmap(s, 0, 0, IOVA, 2 * size, 2 * size);
	balance(s, "without the first");
	unmap(s, 0, 1, IOVA, 2 * size, 2 * size);
	balance(s, "without the second");
	unmap(s, 0, 2, 0, 1ULL << 40, size / 2 + 2 * PAGE);
	balance(s, "with none");
}

static void twice_in_one(struct scene *s)
{
	const size_t size = 2 * MIB;
	__u64 memory;

	if (!alone(s, 1))
		return;
	memory = get_memory(s, 0, MEMORY_ANONYMOUS, size);
	if (!memory)
		return;
	map(s, 0, 0, IOVA, memory, size);
	map(s, 0, 0, IOVA << 4, memory, size);
	balance(s, "at two IOVAs");
	/* And one page of it four hundred times more. */
	for (__u64 i = 0; i < 400; i++)
		map(s, 0, 0, (IOVA << 5) + i * PAGE, memory + 7 * PAGE, PAGE);
	balance(s, "one page 402 times");
	unmap(s, 0, 0, IOVA, size, size);
	unmap(s, 0, 0, IOVA << 4, size, size);
	balance(s, "one page 400 times");
	unmap(s, 0, 0, IOVA << 5, 399 * PAGE, 399 * PAGE);
	balance(s, "one page once");
	unmap(s, 0, 0, IOVA << 5, 400 * PAGE, PAGE);
	balance(s, "with none");
}

/* A file that is in memory at two addresses: what counts is the page, not where it is seen. */
static void two_addresses(struct scene *s)
{
	const size_t size = 4 * MIB;
	int fd = memfd_create("twice", 0);
	__u64 here, there;

	if (!want(s, fd >= 0 && !ftruncate(fd, (off_t)size), "a memfd"))
		return;
	if (alone(s, 2)) {
		/* Of what is seen twice in a row one request pins each page twice. */
		here = get_mapping(s, 0, -1, 0, 2 * size);
		get_mapping(s, 0, fd, here, size);
		get_mapping(s, 0, fd, here + size, size);
		there = get_mapping(s, 0, fd, 0, size / 2);
		map(s, 0, 0, IOVA, here, 2 * size);
		balance(s, "twice in one request");
		map(s, 0, 1, IOVA, there, size / 2);
		balance(s, "at another address");
		want_value(s, (long)(size / PAGE),
			   book_billed(&s->book, s->actors[0].mm, RULE_ONCE), "distinct pages");
		unmap(s, 0, 0, IOVA, 2 * size, 2 * size);
		balance(s, "its first half by the other address");
	}
	close(fd);
}

/* Each owner pays for what is pinned for it, whoever else does. */
static void two_processes(struct scene *s)
{
	const size_t size = 4 * MIB;
	int fd = memfd_create("shared", 0);
	__u64 memory[2];

	if (!want(s, fd >= 0 && !ftruncate(fd, (off_t)size), "a memfd"))
		return;
	if (alone(s, 4) && start_actor(s, 1)) {
		memory[0] = get_mapping(s, 0, fd, 0, size);
		memory[1] = get_mapping(s, 1, fd, 0, size);
		for (int i = 0; i < 4; i++)
			map(s, i % 2, i, IOVA, memory[i % 2], size);
		balance(s, "each process twice");
		/* Both in one container, too. */
		map(s, 1, 0, IOVA << 4, memory[1], size / 2);
		balance(s, "one container, two owners");
		unmap(s, 0, 0, 0, 1ULL << 40, size + size / 2);
		balance(s, "without it");
		kill_actor(s, 0);
		balance(s, "one process killed");
		unmap(s, 1, 1, IOVA, size, size);
		balance(s, "the other one has a mapping left");
		unmap(s, 1, 2, IOVA, size, size);
		balance(s, "the mapping of the killed one unmapped by the other");
	}
	close(fd);
}

/* Huge pages whole, and small parts of them elsewhere. */
static void parts_of_huge(struct scene *s, int kind)
{
	const size_t size = 4 * HUGE_PAGE;
	__u64 memory, iova = IOVA << 4;

	if (!alone(s, 2))
		return;
	memory = get_memory(s, 0, kind, size);
	if (!memory)
		return;
	/* Parts first: then the whole has pages of which some are billed already. */
	map(s, 0, 1, iova, memory + 3 * PAGE, PAGE);
	map(s, 0, 1, iova + MIB, memory + HUGE_PAGE - 2 * PAGE, 4 * PAGE);
	map(s, 0, 1, iova + 2 * MIB, memory + 3 * HUGE_PAGE, HUGE_PAGE / 2);
	balance(s, "parts");
	map(s, 0, 0, IOVA, memory, size);
	balance(s, "parts and the whole");
	unmap(s, 0, 1, iova + MIB, MIB, 4 * PAGE);
	balance(s, "fewer parts and the whole");
	unmap(s, 0, 0, IOVA, size, size);
	balance(s, "what is left of the parts");
	map(s, 0, 0, IOVA, memory, size);
	unmap(s, 0, 1, 0, 1ULL << 40, HUGE_PAGE / 2 + PAGE);
	balance(s, "the whole alone");
}

static void parts_of_hugetlb(struct scene *s)
{
	parts_of_huge(s, MEMORY_HUGETLB);
}

static void parts_of_thp(struct scene *s)
{
	parts_of_huge(s, MEMORY_THP);
}

/* Read and never written: on 6.1 all of it is one page that is nobody's. */
static void zero_page(struct scene *s)
{
	const size_t size = MIB;
	__u64 memory;

	if (!alone(s, 2))
		return;
	memory = get_mapping(s, 0, -1, 0, size);
	tell(s, 0, ORDER_READ, memory, size);
	for (int i = 0; i < 2; i++) {
		want_value(s, 0, try_map(s, 0, i, IOVA, memory, size, VFIO_DMA_MAP_FLAG_READ),
			   "MAP_DMA for reading");
		balance(s, "untouched memory in %d", i + 1);
	}
	/* The owner writes to half of it, which may make other pages of that. */
	tell(s, 0, ORDER_WRITE, memory, size / 2);
	balance(s, "written to");
	map(s, 0, 1, IOVA << 4, memory, size);
	balance(s, "mapped for writing");
	unmap(s, 0, 0, IOVA, size, size);
	balance(s, "one less");
	unmap(s, 0, 1, 0, 1ULL << 40, 2 * size);
	balance(s, "with none");
}

/* What is billed for memory that @own containers of this rule have, and @other of the other. */
static void owed(struct scene *s, long pages, long own, long other, const char *when)
{
	const bool once = s->settings->rule == RULE_ONCE;
	long first = once ? own > 0 : own, second = once ? other : other > 0;

	want_value(s, pages * (first + second), proc_billed(s->actors[0].pid), "billed, %s", when);
}

/* A container keeps the rule it was opened with, and its pages are no concern of the others. */
static void both_rules(struct scene *s)
{
	static const int order[] = { 0, 2, 1, 3 };
	const bool once = s->settings->rule == RULE_ONCE;
	const size_t size = 4 * MIB;
	const long pages = (long)(size / PAGE);
	__u64 memory;

	if (!s->settings->manifold) {
		skip(s, "in-tree has one rule");
		return;
	}
	if (!open_containers(s, 2))
		return;
	want(s, set_rule(s->settings, once ? RULE_EACH_TIME : RULE_ONCE), "the other rule");
	if (alone(s, 4)) {
		memory = get_memory(s, 0, MEMORY_ANONYMOUS, size);
		for (int i = 0; i < 4; i++) {
			map(s, 0, order[i], IOVA, memory, size);
			owed(s, pages, 1 + i / 2, (1 + i) / 2, "one more");
		}
		unmap(s, 0, 0, IOVA, size, size);
		owed(s, pages, 1, 2, "one of the first two less");
		unmap(s, 0, 1, IOVA, size, size);
		owed(s, pages, 0, 2, "the other two alone");
		close_container(s, 2);
		owed(s, pages, 0, 1, "the last one alone");
		unmap(s, 0, 3, IOVA, size, size);
		owed(s, pages, 0, 0, "none");
	}
	want(s, set_rule(s->settings, s->settings->rule), "the rule again");
}

static void device_memory(struct scene *s)
{
	struct edu edu;
	__u64 bar, memory;

	if (!open_containers(s, 2))
		return;
	if (!want(s, !session_edu(&s->containers[0], 0, &edu), "an edu"))
		return;
	/* It inherits the device's BAR as it is mapped here. */
	if (start_actor(s, 0)) {
		bar = (__u64)(unsigned long)edu.device.bar;
		memory = get_memory(s, 0, MEMORY_ANONYMOUS, PAGE);
		for (int i = 0; i < 2; i++) {
			want_value(s, 0, map_unpinned(s, 0, i, IOVA << 4, bar, edu.device.bar_size),
				   "MAP_DMA of a BAR");
			map(s, 0, i, IOVA, memory, PAGE);
			balance(s, "a BAR and a page in %d", i + 1);
		}
		unmap(s, 0, 0, 0, 1ULL << 40, edu.device.bar_size + PAGE);
		balance(s, "in the second one alone");
		kill_actor(s, 0);
	}
	edu_close(&edu);
}

const struct scene_case part_cases[] = {
	{ "overlapping", "ranges that overlap, in three containers", overlapping },
	{ "twice", "the same page at many IOVAs of one container", twice_in_one },
	{ "two-addresses", "the same page at two addresses of one process", two_addresses },
	{ "two-processes", "memory of two processes: each is billed", two_processes },
	{ "hugetlb-parts", "huge pages whole, and parts of them elsewhere", parts_of_hugetlb },
	{ "thp-parts", "the same of transparent huge pages", parts_of_thp },
	{ "zero-page", "memory that was never written to", zero_page },
	{ "both-rules", "containers of either rule beside each other", both_rules },
	{ "device-memory", "a BAR is nobody's memory", device_memory },
	{ 0 }
};
