// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "kind.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../tests/client/proc.h"

unsigned int *shuffled(size_t n)
{
	unsigned int *order = malloc(n * sizeof(*order));
	__u64 state = 0x9e3779b97f4a7c15ULL;
	size_t i;

	if (!order)
		return NULL;
	for (i = 0; i < n; i++)
		order[i] = (unsigned int)i;
	for (i = n; i > 1; i--) {
		unsigned int *other, kept = order[i - 1];

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		other = &order[state % i];
		order[i - 1] = *other;
		*other = kept;
	}
	return order;
}

/* Private memory, not yet touched, at a multiple of a huge page. */
static int get_room(struct block *block, int advice)
{
	size_t room = block->size + HUGE_PAGE;

	block->room = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block->room == MAP_FAILED)
		return -errno;
	block->address = (char *)(((uintptr_t)block->room + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	/* A kernel without THP does not know the advice, and has no huge pages to be kept from. */
	if (madvise(block->address, block->size, advice) && advice == MADV_HUGEPAGE) {
		munmap(block->room, room);
		return -ENOTSUP;
	}
	return 0;
}

static void put_room(struct block *block)
{
	munmap(block->room, block->size + HUGE_PAGE);
}

static void touch(struct block *block, size_t step)
{
	size_t at;

	for (at = 0; at < block->size; at += step)
		*(volatile char *)(block->address + at) = 1;
}

/* Touched in random order, neighbours in the address space are none in memory. */
static int get_scattered(struct block *block)
{
	size_t i, pages = block->size / PAGE;
	unsigned int *order = shuffled(pages);
	int err;

	if (!order)
		return -ENOMEM;
	err = get_room(block, MADV_NOHUGEPAGE);
	for (i = 0; !err && i < pages; i++)
		*(volatile char *)(block->address + order[i] * PAGE) = 1;
	free(order);
	return err;
}

static int get_plain(struct block *block)
{
	int err = get_room(block, MADV_NOHUGEPAGE);

	if (!err)
		touch(block, PAGE);
	return err;
}

static int get_thp(struct block *block)
{
	int err = get_room(block, MADV_HUGEPAGE);

	if (err)
		return err;
	touch(block, PAGE);
	/* On small pages it would be another work. */
	if (proc_smaps_kb(block->address, "AnonHugePages") < (long)(block->size / 1024)) {
		put_room(block);
		return -ENOTSUP;
	}
	return 0;
}

static int get_untouched(struct block *block)
{
	return get_room(block, MADV_NOHUGEPAGE);
}

static int get_untouched_thp(struct block *block)
{
	return get_room(block, MADV_HUGEPAGE);
}

static int get_pool(struct block *block, int flags, int fd)
{
	block->address = mmap(NULL, block->size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (block->address == MAP_FAILED)
		return errno == ENOMEM ? -ENOTSUP : -errno;
	touch(block, HUGE_PAGE);
	return 0;
}

static int get_hugetlb(struct block *block)
{
	return get_pool(block, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

static int get_memfd_hugetlb(struct block *block)
{
	int err = 0;

	block->fd = memfd_create("bench", MFD_CLOEXEC | MFD_HUGETLB);
	if (block->fd < 0)
		return -ENOTSUP;
	if (ftruncate(block->fd, (off_t)block->size))
		err = -errno;
	if (!err)
		err = get_pool(block, MAP_SHARED, block->fd);
	if (err)
		close(block->fd);
	return err;
}

static void put_memfd(struct block *block)
{
	munmap(block->address, block->size);
	close(block->fd);
}

const struct kind scattered_kind = { "scattered", PAGE, true, get_scattered, put_room };
const struct kind plain_kind = { "4k", PAGE, true, get_plain, put_room };
const struct kind thp_kind = { "thp", HUGE_PAGE, true, get_thp, put_room };
const struct kind hugetlb_kind = { "hugetlb", HUGE_PAGE, true, get_hugetlb, NULL };
const struct kind memfd_hugetlb_kind = {
	"memfd-hugetlb", HUGE_PAGE, true, get_memfd_hugetlb, put_memfd
};

const struct kind untouched_kind = { "untouched", PAGE, false, get_untouched, put_room };
const struct kind untouched_thp_kind = {
	"untouched-thp", HUGE_PAGE, false, get_untouched_thp, put_room
};

/*
 * Who pins pages by the fault handler's way tells the memory manager that they are used, which
 * costs much for the second time and little ever after. After this, no turn is the second.
 */
static void settle(struct block *block)
{
	int i;

	for (i = 0; i < 3; i++)
		madvise(block->address, block->size, MADV_POPULATE_WRITE);
}

int block_get(struct block *block, const struct kind *kind, size_t size)
{
	int err;

	memset(block, 0, sizeof(*block));
	block->kind = kind;
	block->size = (size + kind->page - 1) / kind->page * kind->page;
	err = kind->get(block);
	if (!err && kind->touched)
		settle(block);
	return err;
}

void block_put(struct block *block)
{
	if (block->kind->put)
		block->kind->put(block);
	else
		munmap(block->address, block->size);
}

long block_runs(const struct block *block)
{
	/* Documentation/admin-guide/mm/pagemap.rst */
	const __u64 frame_of = (1ULL << 55) - 1;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	__u64 entries[512], last = 0;
	long runs = 0;
	size_t at;

	if (fd < 0)
		return -1;
	for (at = 0; at < block->size; at += sizeof(entries) / sizeof(entries[0]) * PAGE) {
		uintptr_t page = ((uintptr_t)block->address + at) / PAGE;
		ssize_t i, n = pread(fd, entries, sizeof(entries),
				     (off_t)(page * sizeof(entries[0])));

		if (n <= 0)
			break;
		for (i = 0; i < n / 8 && at + (size_t)i * PAGE < block->size; i++) {
			__u64 frame = entries[i] & frame_of;

			runs += !last || frame != last + 1;
			last = frame;
		}
	}
	close(fd);
	return at < block->size ? -1 : runs;
}
