// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Section 3.4: MAP_DMA, what becomes of each kind of memory, and whom it is billed to. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

#define READ	VFIO_DMA_MAP_FLAG_READ
#define WRITE	VFIO_DMA_MAP_FLAG_WRITE
#define RW	VFIO_MAP_RW

static int map_flags(struct test *t, __u64 iova, const void *memory, __u64 size, __u32 flags)
{
	return vfio_map(t->container, iova, memory, size, flags);
}

static void bad_memory(struct test *t)
{
	char *memory = get_pages(t, 3);

	setup(t, 1);
	mprotect(memory, PAGE, PROT_READ);
	mprotect(memory + PAGE, PAGE, PROT_NONE);
	munmap(memory + 2 * PAGE, PAGE);
	want(t, map_flags(t, IOVA, memory, PAGE, RW), "read-only memory, READ and WRITE");
	want(t, map_flags(t, IOVA, memory, PAGE, WRITE), "read-only memory, WRITE");
	want(t, map_flags(t, IOVA, memory + PAGE, PAGE, READ), "PROT_NONE");
	want(t, map_flags(t, IOVA, memory + 2 * PAGE, PAGE, READ), "nothing there");
	want(t, map_flags(t, IOVA, NULL, PAGE, READ), "NULL");
	want(t, map_flags(t, IOVA, (void *)-PAGE, PAGE, READ), "the last page of all addresses");
	want_value(t, 0, map_flags(t, IOVA, memory, PAGE, READ), "read-only memory, READ");
	put_pages(memory, 2);
}

static void hole_at(struct test *t, size_t pages, size_t hole)
{
	char *memory = get_pages(t, pages);
	long free_before = available(t), billed = proc_billed(0), pinned = proc_pinned();

	munmap(memory + hole * PAGE, PAGE);
	want(t, map(t, IOVA, memory, pages * PAGE), "page %zu of %zu missing", hole, pages);
	want_value(t, free_before, available(t), "mappings available");
	want_value(t, billed, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");
	want_value(t, 0, unmap_all(t), "bytes left mapped");
	put_pages(memory, pages);
}

static void hole(struct test *t)
{
	setup(t, 1);
	hole_at(t, 3, 1);
	hole_at(t, 2, 1);
	hole_at(t, 2048, 1500);
	hole_at(t, 1025, 1024);
}

/* Maps a page of a file, shared and writable. */
static int map_file(struct test *t, const char *folder)
{
	char path[256];
	void *memory;
	int fd, result;

	snprintf(path, sizeof(path), "%s/conformance.XXXXXX", folder);
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, PAGE))
		give_up(t, "a file in %s", folder);
	unlink(path);
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		give_up(t, "mmap of a file in %s", folder);
	close(fd);
	result = map_flags(t, IOVA, memory, PAGE, RW);
	unmap_all(t);
	munmap(memory, PAGE);
	return result;
}

static void tracked_file(struct test *t)
{
	if (!t->settings->file_system)
		cannot(t, "needs a file system that tracks dirty pages (--file-system)");
	setup(t, 1);
	want(t, map_file(t, t->settings->file_system), "READ and WRITE");
}

static void dax_file(struct test *t)
{
	if (!t->settings->dax)
		cannot(t, "needs a file system mounted with dax (--dax)");
	setup(t, 1);
	want(t, map_file(t, t->settings->dax), "READ and WRITE");
}

static void secret(struct test *t)
{
	int fd = syscall(SYS_memfd_secret, O_CLOEXEC);
	char *memory;

	if (fd < 0)
		cannot(t, "needs a kernel booted with secretmem.enable=1");
	if (ftruncate(fd, PAGE))
		give_up(t, "memfd_secret");
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		give_up(t, "mmap of memfd_secret");
	memory[0] = 1;
	setup(t, 1);
	want(t, map_flags(t, IOVA, memory, PAGE, READ), "READ");
	want(t, map_flags(t, IOVA, memory, PAGE, RW), "READ and WRITE");
	munmap(memory, PAGE);
	close(fd);
}

/* 1 when the device sees what the processor writes after the map, 0 when it only sees zeros. */
static void never_touched(struct test *t)
{
	char *seen = get_pages(t, 1);
	char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	enum series series = t->settings->series;
	long billed = proc_billed(0);
	struct edu edu;

	setup(t, 1);
	want_value(t, 0, map_flags(t, IOVA, memory, PAGE, READ), "MAP_DMA");
	want_value(t, billed + t->row->expect[series], proc_billed(0), "pages billed");
	must_map(t, IOVA + PAGE, seen, PAGE);
	get_edu(t, 0, &edu);
	seen[0] = 1;
	want_value(t, 0, edu_copy(&edu, IOVA, IOVA + PAGE, 64), "copy before it is written");
	want_value(t, 0, seen[0], "first byte that the device saw");
	memory[0] = 2;
	want_value(t, 0, edu_copy(&edu, IOVA, IOVA + PAGE, 64), "copy after it was written");
	want(t, seen[0] == 2, "first byte that the device saw is %d", seen[0]);
	edu_close(&edu);
	put_pages(memory, 1);
}

/*
 * The VMA of the kernel's data page for clock_gettime(): on 6.1 and 6.12 VM_PFNMAP, of an ordinary
 * kernel page. On 7.3 it is VM_MIXEDMAP: memory like any other, that only a fault from outside the
 * process is refused.
 */
static void *vvar(struct test *t)
{
	FILE *stream = fopen("/proc/self/smaps", "re");
	unsigned long first = 0;
	char line[256] = "";

	while (stream && fgets(line, sizeof(line), stream)) {
		if (strstr(line, "[vvar]"))
			sscanf(line, "%lx-", &first);
		else if (first && !strncmp(line, "VmFlags:", 8))
			break;
	}
	if (stream)
		fclose(stream);
	if (!first || !strstr(line, " pf "))
		cannot(t, "needs a [vvar] mapping that is VM_PFNMAP");
	return (void *)first;
}

static void device_memory(struct test *t)
{
	long billed = proc_billed(0), pinned = proc_pinned();
	struct edu edu;

	setup(t, 1);
	get_edu(t, 0, &edu);
	want(t, map(t, IOVA, edu.device.bar, edu.device.bar_size), "whole BAR");
	want(t, map_flags(t, 1ULL << 33, (char *)edu.device.bar + 3 * PAGE, PAGE, READ),
	     "a page of it, READ");
	want_value(t, billed, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");
	want_value(t, edu.device.bar_size, unmap(t, IOVA, edu.device.bar_size), "bytes unmapped");
	want_value(t, PAGE, unmap_all(t), "bytes unmapped with ALL");
	edu_close(&edu);
}

static int map_vvar(struct test *t, void *data)
{
	*(int *)data = map_flags(t, IOVA, vvar(t), PAGE, READ);
	return 0;
}

/* In a time namespace that page is one that the kernel allocated like any other. */
static void pfnmap_of_page(struct test *t)
{
	int *result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	vvar(t);
	setup(t, 1);
	if (unshare(CLONE_NEWTIME))
		cannot(t, "needs time namespaces");
	in_other_process(t, map_vvar, result);
	want(t, *result, "the data page of a time namespace");
}

static void pfnmap_read_only(struct test *t)
{
	size_t size;
	struct edu edu;
	void *bar;

	setup(t, 1);
	get_edu(t, 0, &edu);
	bar = vfio_device_map_bar(&edu.device, 0, PROT_READ, &size);
	if (bar == MAP_FAILED)
		give_up(t, "mmap of a BAR for reading");
	want(t, map_flags(t, IOVA, bar, PAGE, WRITE), "WRITE, page not there yet");
	want_value(t, 0, map_flags(t, IOVA, bar, PAGE, READ), "READ");
	want(t, map_flags(t, IOVA + PAGE, bar, PAGE, RW), "READ and WRITE, page there");
	want_value(t, PAGE, unmap_all(t), "bytes unmapped");
	munmap(bar, size);
	edu_close(&edu);
}

static void over_memlock(struct test *t)
{
	const size_t limit = 1032;
	char *memory = get_pages(t, 2 * limit);
	long free_before;

	setup(t, 1);
	become_nobody(t, limit);
	free_before = available(t);
	want(t, map(t, IOVA, memory, (limit + 1) * PAGE), "one page more than the limit");
	want(t, map(t, IOVA, memory, 2 * limit * PAGE), "twice the limit");
	want_value(t, 0, proc_billed(0), "pages billed after that");
	want_value(t, free_before, available(t), "mappings available after that");
	want_value(t, 0, unmap_all(t), "bytes mapped after that");
	want_value(t, 0, map(t, IOVA, memory, limit * PAGE), "exactly the limit");
	want(t, map(t, 1ULL << 33, memory + limit * PAGE, PAGE), "one more page");
	want_value(t, limit, proc_billed(0), "pages billed at the limit");
	want_value(t, limit * PAGE, unmap_all(t), "bytes unmapped");
	want_value(t, 0, map(t, 1ULL << 33, memory + limit * PAGE, PAGE), "the page after that");
}

static void over_memlock_capable(struct test *t)
{
	char *memory = get_pages(t, 16);
	long billed = proc_billed(0);

	setup(t, 1);
	limit_locked(t, 1);
	want(t, map(t, IOVA, memory, 16 * PAGE), "16 pages, limit 1");
	want_value(t, billed + 16, proc_billed(0), "pages billed");
}

static void same_page_twice(struct test *t)
{
	char *memory = get_pages(t, 1);
	long billed = proc_billed(0);

	setup(t, 1);
	must_map(t, IOVA, memory, PAGE);
	must_map(t, IOVA + PAGE, memory, PAGE);
	want(t, proc_billed(0) - billed, "two mappings of one page");
	unmap(t, IOVA, PAGE);
	want_value(t, billed + 1, proc_billed(0), "pages billed with one mapping left");
}

static void same_page_two_containers(struct test *t)
{
	char *memory = get_pages(t, 1);
	long billed = proc_billed(0);
	int first;

	setup(t, 1);
	must_map(t, IOVA, memory, PAGE);
	first = t->container;
	open_container(t);
	open_group(t, 1);
	join_group(t, 1);
	if (vfio_set_type(t->container, t->type))
		give_up(t, "SET_IOMMU of another container");
	must_map(t, IOVA, memory, PAGE);
	want(t, proc_billed(0) - billed, "one page mapped in two containers");
	close_group(t, 0);
	close(first);
	want_value(t, billed + 1, proc_billed(0), "pages billed with one container left");
}

struct victim {
	char *memory;
	size_t size;
	volatile int *mapping;
};

static int map_forever(struct test *t, void *data)
{
	struct victim *victim = data;

	memset(victim->memory, 1, victim->size);
	for (;;) {
		*victim->mapping = 1;
		if (map(t, IOVA, victim->memory, victim->size))
			return 1;
		*victim->mapping = 2;
		if (unmap(t, IOVA, victim->size) != (long)victim->size)
			return 1;
	}
}

/*
 * The errno of a call that a fatal signal ends is for nobody to see; what the call leaves is: once
 * the victim is gone, what it had not finished mapping can be neither pinned nor in the container.
 */
static void killed_inside(struct test *t)
{
	struct victim victim = { .size = 32 * MIB };
	long pinned;
	int inside = 0;

	victim.mapping = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	victim.memory = mmap(NULL, victim.size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	setup(t, 1);
	pinned = proc_pinned();
	for (int i = 0; i < 40 && inside < 3; i++) {
		pid_t pid;
		int status;

		*victim.mapping = 0;
		pid = start_process(t, map_forever, &victim);
		while (!*victim.mapping && !waitpid(pid, &status, WNOHANG))
			sleep_ms(1);
		sleep_ms(20 + i * 7 % 40);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		want_true(t, WIFSIGNALED(status), "the victim was killed, not refused");
		inside += *victim.mapping == 1;
		/* What was mapped before the signal stays: the container is still open. */
		unmap_all(t);
		want(t, proc_pinned() - pinned, "pages pinned after kill %d", i);
	}
	want_true(t, inside > 0, "a victim was inside MAP_DMA");
	munmap(victim.memory, victim.size);
}

/* --- disable_hugepages: counted in the trace of the kernel's iommu_map() -------------------- */

#define TRACING "/sys/kernel/tracing"

/* Events for IOVAs of a range: "... map: IOMMU: iova=0x... - 0x... paddr=0x... size=4096". */
static long count_maps(__u64 iova, __u64 size, long *largest)
{
	FILE *stream = fopen(TRACING "/trace", "re");
	unsigned long long first, bytes;
	char line[512], *at;
	long count = 0;

	*largest = 0;
	while (stream && fgets(line, sizeof(line), stream)) {
		at = strstr(line, " map: IOMMU: iova=");
		if (!at || sscanf(at, " map: IOMMU: iova=%llx", &first) != 1 || first < iova ||
		    first >= iova + size)
			continue;
		at = strstr(at, " size=");
		bytes = at ? strtoull(at + 6, NULL, 0) : 0;
		if ((long)bytes > *largest)
			*largest = bytes;
		count++;
	}
	if (stream)
		fclose(stream);
	return count;
}

static long trace_map(struct test *t, const struct memory *memory, long *largest)
{
	long count;
	int error;

	if (proc_set(TRACING "/events/iommu/map/enable", 1))
		cannot(t, "needs the tracepoint iommu:map");
	proc_set(TRACING "/buffer_size_kb", 4096);
	/* Opened for writing and truncated: that is how a trace is cleared. */
	close(open(TRACING "/trace", O_WRONLY | O_TRUNC));
	error = map(t, IOVA, memory->address, memory->size);
	proc_set(TRACING "/events/iommu/map/enable", 0);
	want_value(t, 0, error, "MAP_DMA");
	count = count_maps(IOVA, memory->size, largest);
	want_value(t, memory->size, unmap_all(t), "bytes unmapped");
	return count;
}

/* A backend that also maps without iommu_map() must not now: in-tree has no such parameter. */
static void by_iommu_map(struct test *t)
{
	char path[128];

	parameter_path(t->settings, "direct_tables", path, sizeof(path));
	if (!access(path, F_OK))
		set_parameter(t, "direct_tables", "0");
}

static void small_pages(struct test *t)
{
	long largest, count;
	struct memory memory;

	if (memory_get(&memory, MEMORY_HUGETLB, HUGE_PAGE))
		cannot(t, "needs 2 MiB huge pages");
	by_iommu_map(t);
	set_parameter(t, "disable_hugepages", "0");
	setup(t, 1);
	count = trace_map(t, &memory, &largest);
	want_value(t, HUGE_PAGE, largest, "largest IOMMU map with huge pages");
	want_value(t, 1, count, "IOMMU maps with huge pages");
	set_parameter(t, "disable_hugepages", "1");
	count = trace_map(t, &memory, &largest);
	want(t, largest, "largest IOMMU map without");
	want_value(t, HUGE_PAGE / PAGE, count, "IOMMU maps without");
	memory_put(&memory);
}

const struct row memory_rows[] = {
	ROW("72", "memory not there, PROT_NONE, or read-only and WRITE", BOTH, ALL(-EFAULT),
	    bad_memory),
	ROW("73", "hole in the memory: nothing left mapped, billed or pinned", BOTH, ALL(-EFAULT),
	    hole),
	ROW("74", "WRITE on a shared file whose dirty pages are tracked", BOTH,
	    EACH(0, -EFAULT, -EFAULT), tracked_file),
	ROW("75", "file on fsdax", BOTH, ALL(-EOPNOTSUPP), dax_file),
	ROW("76", "secret memory", BOTH, ALL(-EFAULT), secret),
	ROW("77", "READ of untouched private memory: device sees later writes, page is billed",
	    BOTH, EACH(0, 1, 1), never_touched),
	ROW("78", "device memory (VM_PFNMAP): mapped, not billed", BOTH, ALL(0), device_memory),
	ROW("79", "VM_PFNMAP of an ordinary page", BOTH, ALL(-EFAULT), pfnmap_of_page),
	ROW("80", "VM_PFNMAP, read-only, with WRITE", BOTH, ALL(-EFAULT), pfnmap_read_only),
	ROW("83", "over memlock without CAP_IPC_LOCK: nothing left", BOTH, ALL(-ENOMEM),
	    over_memlock),
	ROW("84", "over memlock with CAP_IPC_LOCK: mapped and billed", BOTH, ALL(0),
	    over_memlock_capable),
	ROW("84b", "times that a page is billed that is mapped twice", BOTH, ALL(2),
	    same_page_twice),
	ROW("84c", "times that a page is billed that two containers map", BOTH, ALL(2),
	    same_page_two_containers),
	ROW("85", "fatal signal inside: pages left pinned", BOTH, ALL(0), killed_inside),
	ROW("95", "disable_hugepages=1: bytes of the largest IOMMU map", BOTH, ALL(PAGE),
	    small_pages),
	END_OF_ROWS
};
