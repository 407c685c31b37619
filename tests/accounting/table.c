// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The figures of docs/accounting.md: a process without CAP_IPC_LOCK maps memory in several address
 * spaces, each with a device behind it. What is it billed, and what does it take to know that?
 */
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../client/iommufd.h"
#include "scene.h"

/* What the spaces have of the memory, and what becomes of it once the first space has its part. */
enum shape {
	SHAPE_SAME,		/* all of it */
	SHAPE_SHIFTED,		/* a window each, half a window after the one before */
	SHAPE_PARTLY,		/* half of what each has is its own */
	SHAPE_FORKED,		/* as SAME; the process forks and writes to half of it */
	SHAPE_REPLACED,		/* as SAME; half of it is discarded and comes anew */
};

/* A row of the table, for each number of address spaces. */
struct row {
	enum shape shape;
	int kind;
	const char *name;
	size_t divisor;		/* of --mib, for what each space maps */
	int counts[4];
};

#define ALONE_TOO	{ 1, 2, MAX_CONTAINERS }
#define SHARED		{ 2, MAX_CONTAINERS }

static const struct row rows[] = {
	{ SHAPE_SAME, MEMORY_SCATTERED, "4 KiB pages, scattered", 1, ALONE_TOO },
	{ SHAPE_SAME, MEMORY_THP, "transparent huge pages", 1, ALONE_TOO },
	{ SHAPE_SAME, MEMORY_HUGETLB, "hugetlbfs", 1, ALONE_TOO },
	{ SHAPE_SHIFTED, MEMORY_SCATTERED, "each shifted by a half", 4, SHARED },
	{ SHAPE_PARTLY, MEMORY_SCATTERED, "half in common", 4, SHARED },
	{ SHAPE_PARTLY, MEMORY_HUGETLB, "half in common, hugetlbfs", 8, SHARED },
	{ SHAPE_FORKED, MEMORY_SCATTERED, "forked, half written to", 1, SHARED },
	{ SHAPE_REPLACED, MEMORY_SCATTERED, "half replaced", 1, SHARED },
};

/* Who maps: one row, in so many spaces. */
struct task {
	const struct settings *settings;
	const struct row *row;
	int count;
	size_t size;		/* in each space */
};

/* Address spaces of one way to have them: sessions, or IOAS. */
struct spaces {
	struct session containers[MAX_CONTAINERS];
	int iommufd;
	__u32 ioas[MAX_CONTAINERS];
	__u32 source;		/* of WAY_COPY: without a device, has all the memory */
};

/* --- the spaces ------------------------------------------------------------------------------ */

static int open_containers_of(struct spaces *spaces, const struct task *task)
{
	static struct options options = { .type = VFIO_TYPE1v2_IOMMU };
	int error = 0;

	options.list = task->settings->list;
	for (int i = 0; i < task->count && !error; i++)
		error = session_open(&spaces->containers[i], &options, "edu", i, 1);
	return error;
}

static int open_ioas(struct spaces *spaces, int i, const char *address)
{
	int device = iommufd_device_open(address, spaces->iommufd);
	int error = device < 0 ? device : iommufd_ioas_alloc(spaces->iommufd, &spaces->ioas[i]);

	return error ? error : iommufd_device_attach(device, spaces->ioas[i]);
}

static int open_spaces(struct spaces *spaces, const struct task *task)
{
	struct vfio_listed list[MAX_DEVICES];
	int devices, error, found = 0;

	if (task->settings->way == WAY_CONTAINERS)
		return open_containers_of(spaces, task);
	spaces->iommufd = iommufd_open();
	error = spaces->iommufd < 0 ? spaces->iommufd : iommufd_bill_process(spaces->iommufd, true);
	error = error ? error : iommufd_ioas_alloc(spaces->iommufd, &spaces->source);
	devices = vfio_list(task->settings->list, list, MAX_DEVICES);
	for (int n = 0; n < devices && found < task->count && !error; n++) {
		if (!strncmp(list[n].name, "edu", 3))
			error = open_ioas(spaces, found++, list[n].address);
	}
	return error ? error : found == task->count ? 0 : -ENODEV;
}

/* All the memory at IOVA of the space that the others copy from, where that is the way. */
static int map_source(struct spaces *spaces, const struct task *task, char *memory, size_t total)
{
	return task->settings->way == WAY_COPY ?
		iommufd_map(spaces->iommufd, spaces->source, IOVA, memory, total) : 0;
}

/* A part of the memory in space @i, at an IOVA that has the same place in its order. */
static int map_part(struct spaces *spaces, const struct task *task, int i, char *memory, size_t at,
		    size_t size)
{
	switch (task->settings->way) {
	case WAY_CONTAINERS:
		return vfio_map(spaces->containers[i].container, IOVA + at, memory + at, size,
				VFIO_MAP_RW);
	case WAY_IOMMUFD:
		return iommufd_map(spaces->iommufd, spaces->ioas[i], IOVA + at, memory + at, size);
	case WAY_COPY:
		return iommufd_copy(spaces->iommufd, spaces->ioas[i], IOVA + at, spaces->source,
				    IOVA + at, size);
	}
	return -EINVAL;
}

/* --- the memory ------------------------------------------------------------------------------ */

static size_t size_of_all(const struct task *task)
{
	switch (task->row->shape) {
	case SHAPE_SHIFTED:
	case SHAPE_PARTLY:
		return task->size / 2 * (size_t)(task->count + 1);
	default:
		return task->size;
	}
}

static int map_in(struct spaces *spaces, const struct task *task, int i, char *memory)
{
	size_t half = task->size / 2, place = (size_t)i;
	int error;

	switch (task->row->shape) {
	case SHAPE_SHIFTED:
		return map_part(spaces, task, i, memory, place * half, task->size);
	case SHAPE_PARTLY:
		error = map_part(spaces, task, i, memory, 0, half);
		return error ? error :
			map_part(spaces, task, i, memory, (1 + place) * half, half);
	default:
		return map_part(spaces, task, i, memory, 0, task->size);
	}
}

static void write_to(char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE)
		((volatile char *)memory)[at]++;
}

/* A child shares the memory while half of it is written to. */
static int fork_and_write(char *memory, size_t size)
{
	struct actor child = { .pid = fork() };

	if (child.pid < 0)
		return -errno;
	if (!child.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	write_to(memory, size);
	actor_kill(&child);
	return 0;
}

/* What happens between the first space and the others. */
static int disturb(const struct task *task, char *memory)
{
	size_t half = task->size / 2;

	if (task->row->shape == SHAPE_FORKED)
		return fork_and_write(memory, half);
	if (task->row->shape == SHAPE_REPLACED) {
		if (madvise(memory, half, MADV_DONTNEED))
			return -errno;
		write_to(memory, half);
	}
	return 0;
}

/* --- a line ---------------------------------------------------------------------------------- */

static int become_poor(void)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	return setrlimit(RLIMIT_MEMLOCK, &limit) || setgroups(0, NULL) ||
		setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534) ? -errno : 0;
}

static int map_all(struct spaces *spaces, const struct task *task, char *memory)
{
	int error = map_source(spaces, task, memory, size_of_all(task));

	for (int i = 0; i < task->count && !error; i++) {
		error = map_in(spaces, task, i, memory);
		if (!i && !error)
			error = disturb(task, memory);
	}
	return error;
}

/* Tells what it is billed, and lives on until it is looked at. */
static void user(const struct task *task, int tell)
{
	static struct spaces spaces;
	long error, figures[2];
	char *memory;

	vfio_quiet = false;
	memory = actor_memory(task->row->kind, size_of_all(task), &error);
	error = memory ? open_spaces(&spaces, task) : error;
	error = error ? error : become_poor();
	error = error ? error : map_all(&spaces, task, memory);
	figures[0] = error ? error : proc_status_pages(0, "VmLck");
	figures[1] = proc_status_pages(0, "VmPin");
	if (write(tell, figures, sizeof(figures)) != sizeof(figures))
		_exit(1);
	for (;;)
		pause();
}

/* What Manifold's ledger of the only process takes, in KiB; 0 where there is none. */
static unsigned long ledger_kib(const struct settings *settings)
{
	unsigned long long bytes = 0;
	char pattern[80], line[256];
	glob_t paths;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/%s/*/bill", settings->module);
	if (!settings->manifold || glob(pattern, 0, NULL, &paths))
		return 0;
	for (size_t i = 0; i < paths.gl_pathc && !bytes; i++) {
		FILE *stream = fopen(paths.gl_pathv[i], "re");

		while (stream && fgets(line, sizeof(line), stream)) {
			const char *at = strstr(line, "times; ");

			if (at)
				sscanf(at, "times; %llu bytes", &bytes);
		}
		if (stream)
			fclose(stream);
	}
	globfree(&paths);
	return (unsigned long)((bytes + 1023) / 1024);
}

static long to_mib(long pages)
{
	return pages / (long)(MIB / PAGE);
}

static int print_line(const struct task *task, const char *label)
{
	long before = proc_pinned(), figures[2] = { -EIO };
	struct actor actor = { 0 };
	int ends[2];

	if (pipe(ends))
		return 1;
	fflush(stdout);
	actor.pid = fork();
	if (!actor.pid)
		user(task, ends[1]);
	close(ends[1]);
	if (read(ends[0], figures, sizeof(figures)) != sizeof(figures) || figures[0] < 0)
		printf("FAIL %s, %s in %d: %s\n", label, task->row->name, task->count,
		       error_name((int)figures[0]));
	else
		printf("%s\t%s\t%d\t%zu\t%ld\t%ld\t%lu\n", label, task->row->name, task->count,
		       task->size / MIB, to_mib(figures[0]), to_mib(figures[1]),
		       ledger_kib(task->settings));
	fflush(stdout);
	close(ends[0]);
	actor_kill(&actor);
	/* All of it has to be gone before the next one looks at what is pinned. */
	for (int n = 0; n < 500 && proc_pinned() != before; n++)
		sleep_ms(20);
	if (proc_pinned() == before)
		return figures[0] < 0;
	printf("FAIL %s, %s in %d: pages stay pinned\n", label, task->row->name, task->count);
	return 1;
}

int run_table(const struct settings *settings, const char *label)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct task task = {
			.settings = settings, .row = &rows[i],
			.size = settings->mib * MIB / rows[i].divisor,
		};

		for (int n = 0; rows[i].counts[n]; n++) {
			task.count = rows[i].counts[n];
			failed |= print_line(&task, label);
		}
	}
	return failed;
}
