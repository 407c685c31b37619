// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The same memory of one process in two containers, and in sixteen. */
#include "scene.h"

/* Each container maps it; then each lets go of it, the first ones first. */
static void in_all(struct scene *s, int kind)
{
	size_t size = s->settings->mib * MIB;
	__u64 memory;

	if (!open_containers(s, MAX_CONTAINERS) || !start_actor(s, 0))
		return;
	memory = get_memory(s, 0, kind, size);
	if (!memory)
		return;
	for (int i = 0; i < MAX_CONTAINERS; i++) {
		/* At other IOVAs, too: a page is a page wherever a device finds it. */
		if (!map(s, 0, i, i % 2 ? IOVA : IOVA << 4, memory, size))
			return;
		if (i < 2 || i == MAX_CONTAINERS - 1)
			balance(s, "in %d containers", i + 1);
	}
	want_value(s, (long)(MAX_CONTAINERS * size / PAGE), book_pinned(&s->book),
		   "no page is missed");
	want_value(s, (long)(size / PAGE), book_billed(&s->book, s->actors[0].mm, RULE_ONCE),
		   "distinct pages");
	unmap(s, 0, 0, IOVA << 4, size, size);
	balance(s, "in 15 containers");
	close_container(s, 1);
	balance(s, "with the second one closed");
	for (int i = 2; i < MAX_CONTAINERS - 1; i++)
		unmap(s, 0, i, i % 2 ? IOVA : IOVA << 4, size, size);
	balance(s, "in the last one alone");
	unmap(s, 0, MAX_CONTAINERS - 1, IOVA, size, size);
	balance(s, "in none");
}

static void of_scattered(struct scene *s)
{
	in_all(s, MEMORY_SCATTERED);
}

static void of_anonymous(struct scene *s)
{
	in_all(s, MEMORY_ANONYMOUS);
}

static void of_thp(struct scene *s)
{
	in_all(s, MEMORY_THP);
}

static void of_hugetlb(struct scene *s)
{
	in_all(s, MEMORY_HUGETLB);
}

static void of_memfd(struct scene *s)
{
	in_all(s, MEMORY_MEMFD);
}

const struct scene_case same_cases[] = {
	{ "same-scattered", "4 KiB pages, none beside the next, in 16 containers", of_scattered },
	{ "same-anonymous", "anonymous memory as it comes, in 16 containers", of_anonymous },
	{ "same-thp", "transparent huge pages, in 16 containers", of_thp },
	{ "same-hugetlb", "huge pages of hugetlbfs, in 16 containers", of_hugetlb },
	{ "same-memfd", "a memfd, in 16 containers", of_memfd },
	{ 0 }
};
