// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proc.h"

const char *memory_name(enum memory_kind kind)
{
	static const char *const names[MEMORY_KINDS] = {
		[MEMORY_ANONYMOUS] = "anonymous",
		[MEMORY_SHARED_ANONYMOUS] = "shared-anonymous",
		[MEMORY_MEMFD] = "memfd",
		[MEMORY_HUGETLB] = "hugetlbfs-2M",
		[MEMORY_HUGETLB_PRIVATE] = "hugetlb-private",
		[MEMORY_THP] = "thp",
		[MEMORY_SHMEM_THP] = "thp-memfd",
	};

	return names[kind];
}

static int get_plain(struct memory *memory, int flags)
{
	memory->address = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, flags, memory->fd, 0);
	return memory->address != MAP_FAILED ? 0 : -errno;
}

static int get_memfd(struct memory *memory, unsigned int flags)
{
	int error;

	memory->fd = memfd_create("client", MFD_CLOEXEC | flags);
	if (memory->fd < 0)
		return errno == EINVAL || errno == ENOENT ? -ENOTSUP : -errno;
	error = ftruncate(memory->fd, memory->size) ? -errno : get_plain(memory, MAP_SHARED);
	if (error)
		close(memory->fd);
	return error;
}

static int reserve_hugetlb(struct memory *memory)
{
	long want = proc_value("/proc/sys/vm/nr_hugepages") + memory->size / HUGE_PAGE;

	if (proc_meminfo("Hugepagesize") != (long)(HUGE_PAGE / 1024))
		return -ENOTSUP;
	if (proc_meminfo("HugePages_Free") < (long)(memory->size / HUGE_PAGE) &&
	    proc_set("/proc/sys/vm/nr_hugepages", want))
		return -ENOTSUP;
	return 0;
}

/* Finds room where huge pages may lie. */
static int reserve_aligned(struct memory *memory)
{
	uintptr_t start;

	memory->reserved_size = memory->size + HUGE_PAGE;
	memory->reserved = mmap(NULL, memory->reserved_size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory->reserved == MAP_FAILED)
		return -errno;
	start = ((uintptr_t)memory->reserved + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	memory->address = (char *)start;
	return 0;
}

static int get_thp(struct memory *memory)
{
	int error = reserve_aligned(memory);

	if (!error && madvise(memory->address, memory->size, MADV_HUGEPAGE)) {
		munmap(memory->reserved, memory->reserved_size);
		return -ENOTSUP;
	}
	return error;
}

static int get_shmem_thp(struct memory *memory)
{
	int error = reserve_aligned(memory);

	if (error)
		return error;
	memory->fd = memfd_create("client", MFD_CLOEXEC);
	if (memory->fd < 0 ||
	    proc_set_text("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "advise") ||
	    ftruncate(memory->fd, memory->size) ||
	    mmap(memory->address, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 memory->fd, 0) == MAP_FAILED ||
	    madvise(memory->address, memory->size, MADV_HUGEPAGE)) {
		memory_put(memory);
		return -ENOTSUP;
	}
	return 0;
}

/* A test of huge pages on small ones would prove nothing. */
static bool is_huge(const struct memory *memory)
{
	const char *field = memory->kind == MEMORY_THP ? "AnonHugePages" : "ShmemPmdMapped";

	return proc_smaps_kb(memory->address, field) >= (long)(memory->size / 1024);
}

int memory_get(struct memory *memory, enum memory_kind kind, size_t size)
{
	bool transparent = kind == MEMORY_THP || kind == MEMORY_SHMEM_THP;
	bool hugetlb = kind == MEMORY_HUGETLB || kind == MEMORY_HUGETLB_PRIVATE;
	size_t unit = transparent || hugetlb ? HUGE_PAGE : PAGE;
	int error = -EINVAL;

	memset(memory, 0, sizeof(*memory));
	memory->kind = kind;
	memory->size = (size + unit - 1) & ~(unit - 1);
	memory->fd = -1;
	switch (kind) {
	case MEMORY_ANONYMOUS:
		error = get_plain(memory, MAP_PRIVATE | MAP_ANONYMOUS);
		break;
	case MEMORY_SHARED_ANONYMOUS:
		error = get_plain(memory, MAP_SHARED | MAP_ANONYMOUS);
		break;
	case MEMORY_MEMFD:
		error = get_memfd(memory, 0);
		break;
	case MEMORY_HUGETLB:
		error = reserve_hugetlb(memory);
		error = error ? error : get_memfd(memory, MFD_HUGETLB);
		break;
	case MEMORY_HUGETLB_PRIVATE:
		error = reserve_hugetlb(memory);
		error = error ? error : get_plain(memory, MAP_PRIVATE | MAP_ANONYMOUS |
							  MAP_HUGETLB);
		break;
	case MEMORY_THP:
		error = get_thp(memory);
		break;
	case MEMORY_SHMEM_THP:
		error = get_shmem_thp(memory);
		break;
	case MEMORY_KINDS:
		break;
	}
	if (error)
		return error;
	memset(memory->address, 0x5a, memory->size);
	if (transparent && !is_huge(memory)) {
		memory_put(memory);
		return -ENOTSUP;
	}
	return 0;
}

void memory_put(struct memory *memory)
{
	if (memory->reserved)
		munmap(memory->reserved, memory->reserved_size);
	else
		munmap(memory->address, memory->size);
	if (memory->fd >= 0)
		close(memory->fd);
}

static unsigned char pattern(size_t at, unsigned int seed)
{
	return (unsigned char)(at * 7 + (at >> 12) * 31 + seed * 101 + 13);
}

void memory_fill(void *address, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i++)
		((unsigned char *)address)[i] = pattern(i, seed);
}

bool memory_filled(const void *address, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i++) {
		if (((const volatile unsigned char *)address)[i] != pattern(i, seed))
			return false;
	}
	return true;
}
