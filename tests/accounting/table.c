// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The figures of docs/accounting.md: a process without CAP_IPC_LOCK maps the same memory in 2 and
 * in 16 address spaces, each with a device behind it; what is it billed, and what does it take to know that?
 */
#include <glob.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../client/iommufd.h"
#include "scene.h"

/* Address spaces of one way to have them; the first one's number of a session or an IOAS. */
struct spaces {
	int count;
	struct session containers[MAX_CONTAINERS];
	int iommufd;
	__u32 ioas[MAX_CONTAINERS];
};

static int open_spaces(struct spaces *spaces, const struct settings *settings)
{
	static struct options options = { .type = VFIO_TYPE1v2_IOMMU };
	struct vfio_listed list[MAX_DEVICES];
	int error = 0;

	options.list = settings->list;
	if (settings->way == WAY_CONTAINERS) {
		for (int i = 0; i < spaces->count && !error; i++)
			error = session_open(&spaces->containers[i], &options, "edu", i, 1);
		return error;
	}
	if (vfio_list(settings->list, list, MAX_DEVICES) < spaces->count)
		return -ENODEV;
	spaces->iommufd = iommufd_open();
	error = spaces->iommufd < 0 ? spaces->iommufd : iommufd_bill_process(spaces->iommufd, true);
	for (int i = 0, n = 0; i < spaces->count && !error; i++, n++) {
		int device;

		while (strncmp(list[n].name, "edu", 3))
			n++;
		device = iommufd_device_open(list[n].address, spaces->iommufd);
		error = device < 0 ? device : iommufd_ioas_alloc(spaces->iommufd, &spaces->ioas[i]);
		error = error ? error : iommufd_device_attach(device, spaces->ioas[i]);
	}
	return error;
}

static int map_in(struct spaces *spaces, int i, enum way way, char *memory, size_t size)
{
	if (way == WAY_CONTAINERS)
		return vfio_map(spaces->containers[i].container, IOVA, memory, size, VFIO_MAP_RW);
	if (way == WAY_IOMMUFD || !i)
		return iommufd_map(spaces->iommufd, spaces->ioas[i], IOVA, memory, size);
	return iommufd_copy(spaces->iommufd, spaces->ioas[i], IOVA, spaces->ioas[0], IOVA, size);
}

static int become_poor(void)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	return setrlimit(RLIMIT_MEMLOCK, &limit) || setgroups(0, NULL) ||
		setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534) ? -errno : 0;
}

/* Tells what it is billed, and lives on until it is looked at. */
static void user(const struct settings *settings, int kind, int count, int tell)
{
	static struct spaces spaces;
	size_t size = settings->mib * MIB;
	long error, figures[2];
	char *memory;

	vfio_quiet = false;
	spaces.count = count;
	memory = actor_memory(kind, size, &error);
	error = memory ? open_spaces(&spaces, settings) : error;
	error = error ? error : become_poor();
	for (int i = 0; i < count && !error; i++)
		error = map_in(&spaces, i, settings->way, memory, size);
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

static int figures_of(const struct settings *settings, int kind, const char *name, int count,
		      const char *label)
{
	long before = proc_pinned(), figures[2] = { -EIO };
	struct actor actor = { 0 };
	int ends[2];

	if (pipe(ends))
		return 1;
	fflush(stdout);
	actor.pid = fork();
	if (!actor.pid)
		user(settings, kind, count, ends[1]);
	close(ends[1]);
	if (read(ends[0], figures, sizeof(figures)) != sizeof(figures) || figures[0] < 0)
		printf("FAIL %s, %s in %d: %s\n", label, name, count, error_name((int)figures[0]));
	else
		printf("%s\t%s\t%d\t%lu\t%ld\t%ld\t%lu\n", label, name, count, settings->mib,
		       figures[0] * (long)PAGE / (long)MIB, figures[1] * (long)PAGE / (long)MIB,
		       ledger_kib(settings));
	fflush(stdout);
	close(ends[0]);
	actor_kill(&actor);
	/* All of it has to be gone before the next one looks at what is pinned. */
	for (int n = 0; n < 500 && proc_pinned() != before; n++)
		sleep_ms(20);
	return figures[0] < 0 || proc_pinned() != before;
}

int run_table(const struct settings *settings, const char *label)
{
	static const struct {
		int kind;
		const char *name;
	} kinds[] = {
		{ MEMORY_SCATTERED, "4 KiB pages" }, { MEMORY_THP, "transparent huge pages" },
		{ MEMORY_HUGETLB, "hugetlbfs" },
	};
	int failed = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		failed |= figures_of(settings, kinds[i].kind, kinds[i].name, 2, label);
		failed |= figures_of(settings, kinds[i].kind, kinds[i].name, MAX_CONTAINERS, label);
	}
	return failed;
}
