// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

const char *const parameter_names[] = {
	"allow_unsafe_interrupts", "disable_hugepages", "dma_entry_limit", "direct_tables", NULL
};

long expected(const struct settings *settings, const struct row *row)
{
	if (row->defect && settings->sound)
		return row->sound;
	return row->expect[settings->series];
}

/* --- report: a line each, its first letter says what it is --------------------------------- */

const char *value_name(long value, char *text, size_t size)
{
	if (value < 0 && value > -4096)
		snprintf(text, size, "%s", error_name(value));
	else
		snprintf(text, size, "%ld", value);
	return text;
}

static void differs(struct test *t, long expect, long got, const char *format, va_list args)
{
	char text[MAX_TEXT / 4], a[32], b[32];

	vsnprintf(text, sizeof(text), format, args);
	fprintf(t->report, "D expected %s got %s (%s)\n", value_name(expect, a, sizeof(a)),
		value_name(got, b, sizeof(b)), text);
}

void want(struct test *t, long got, const char *variant, ...)
{
	long expect = expected(t->settings, t->row);
	char text[32];
	va_list args;

	t->checks++;
	fprintf(t->report, "V %s\n", value_name(got, text, sizeof(text)));
	if (got == expect)
		return;
	va_start(args, variant);
	differs(t, expect, got, variant, args);
	va_end(args);
}

void want_value(struct test *t, long expect, long got, const char *what, ...)
{
	va_list args;

	t->checks++;
	if (got == expect)
		return;
	va_start(args, what);
	differs(t, expect, got, what, args);
	va_end(args);
}

static void say(struct test *t, char kind, const char *format, va_list args)
{
	char text[MAX_TEXT / 2];

	vsnprintf(text, sizeof(text), format, args);
	fprintf(t->report, "%c %s\n", kind, text);
}

void want_true(struct test *t, bool ok, const char *what, ...)
{
	va_list args;

	t->checks++;
	if (ok)
		return;
	va_start(args, what);
	fputs("D not so: ", t->report);
	vfprintf(t->report, what, args);
	fputc('\n', t->report);
	va_end(args);
}

void note(struct test *t, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	say(t, 'N', what, args);
	va_end(args);
}

static void end_early(struct test *t)
{
	fprintf(t->report, "E %ld\n", ++t->checks);
	fflush(t->report);
	_exit(0);
}

void cannot(struct test *t, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	say(t, 'S', why, args);
	va_end(args);
	end_early(t);
	__builtin_unreachable();
}

void give_up(struct test *t, const char *what, ...)
{
	int error = errno;
	char text[MAX_TEXT / 4];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	fprintf(t->report, "D cannot set the row up: %s (errno %s)\n", text, error_name(error));
	end_early(t);
	__builtin_unreachable();
}

bool has(const struct test *t, enum feature feature)
{
	return !(t->settings->without & feature);
}

void needs(struct test *t, enum feature feature)
{
	if (!has(t, feature))
		cannot(t, "the backend does not serve %s", feature_name(feature));
}

void dangerous(struct test *t, const char *why)
{
	if (!t->settings->sound)
		cannot(t, "not asked of in-tree: %s", why);
}

void expect_leak(struct test *t, long pages)
{
	t->leak = pages;
	fprintf(t->report, "L %ld\n", pages);
}

/* --- containers and groups ----------------------------------------------------------------- */

void open_container(struct test *t)
{
	t->container = vfio_container_open();
	if (t->container < 0)
		give_up(t, "open a container");
}

/* Devices whose group has no other device: a group is then as good as its device. */
static bool is_alone(const struct vfio_listed *list, int count, int group)
{
	int members = 0;

	for (int i = 0; i < count; i++)
		members += list[i].group == group;
	return members == 1;
}

static void find_edu(struct test *t, int n)
{
	struct vfio_listed list[16];
	int count = vfio_list(t->settings->list, list, 16);

	if (count < 0)
		give_up(t, "read %s", t->settings->list);
	for (int i = 0; i < count; i++) {
		if (strncmp(list[i].name, "edu", 3) || !is_alone(list, count, list[i].group))
			continue;
		if (!n--) {
			t->groups[t->nedus].listed = list[i];
			return;
		}
	}
	cannot(t, "needs %d edu devices, each alone in its group", t->nedus + 1);
}

void open_group(struct test *t, int n)
{
	while (n < EDUS && t->nedus <= n) {
		find_edu(t, t->nedus);
		t->nedus++;
	}
	t->groups[n].fd = vfio_group_open(t->groups[n].listed.group);
	if (t->groups[n].fd < 0)
		give_up(t, "open group %d", t->groups[n].listed.group);
}

int open_device(struct test *t, int n)
{
	struct test_group *group = &t->groups[n];

	group->device = ioctl(group->fd, VFIO_GROUP_GET_DEVICE_FD, group->listed.address);
	return group->device < 0 ? -errno : 0;
}

void close_device(struct test *t, int n)
{
	if (t->groups[n].device >= 0)
		close(t->groups[n].device);
	t->groups[n].device = -1;
}

void join_group(struct test *t, int n)
{
	if (vfio_group_join(t->groups[n].fd, t->container))
		give_up(t, "GROUP_SET_CONTAINER of group %d", t->groups[n].listed.group);
}

void close_group(struct test *t, int n)
{
	close_device(t, n);
	if (t->groups[n].fd >= 0)
		close(t->groups[n].fd);
	t->groups[n].fd = -1;
}

void close_container(struct test *t)
{
	if (t->container >= 0)
		close(t->container);
	t->container = -1;
}

void leave(struct test *t)
{
	for (int i = 0; i < MAX_GROUPS; i++)
		close_group(t, i);
	close_container(t);
}

void setup_bare(struct test *t, int groups)
{
	open_container(t);
	for (int i = 0; i < groups; i++) {
		open_group(t, i);
		join_group(t, i);
	}
}

void setup(struct test *t, int groups)
{
	setup_bare(t, groups);
	if (vfio_set_type(t->container, t->type))
		give_up(t, "SET_IOMMU type %lu", t->type);
}

void get_edu(struct test *t, int n, struct edu *edu)
{
	if (edu_open(edu, t->groups[n].fd, t->groups[n].listed.address))
		give_up(t, "open edu %s", t->groups[n].listed.address);
}

bool dma_works(struct edu *edu, char *memory, __u64 iova)
{
	static unsigned int seed;

	memory_fill(memory, EDU_MAX_TRANSFER, ++seed);
	memset(memory + PAGE, 0, EDU_MAX_TRANSFER);
	return !edu_copy(edu, iova, iova + PAGE, EDU_MAX_TRANSFER) &&
		memory_filled(memory + PAGE, EDU_MAX_TRANSFER, seed);
}

/* --- mappings ------------------------------------------------------------------------------ */

char *get_pages(struct test *t, size_t pages)
{
	void *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		give_up(t, "%zu pages of memory", pages);
	return memory;
}

void put_pages(void *memory, size_t pages)
{
	munmap(memory, pages * PAGE);
}

int map(struct test *t, __u64 iova, const void *memory, __u64 size)
{
	return vfio_map(t->container, iova, memory, size, VFIO_MAP_RW);
}

int map_args(struct test *t, __u32 argsz, __u32 flags, __u64 vaddr, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_map args = {
		.argsz = argsz, .flags = flags, .vaddr = vaddr, .iova = iova, .size = size,
	};

	return ioctl(t->container, VFIO_IOMMU_MAP_DMA, &args) ? -errno : 0;
}

void must_map(struct test *t, __u64 iova, const void *memory, __u64 size)
{
	if (map(t, iova, memory, size))
		give_up(t, "MAP_DMA iova %#llx size %#llx", iova, size);
}

long unmap_args(struct test *t, __u32 argsz, __u32 flags, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_unmap args = {
		.argsz = argsz, .flags = flags, .iova = iova, .size = size,
	};

	return ioctl(t->container, VFIO_IOMMU_UNMAP_DMA, &args) ? -errno : (long)args.size;
}

long unmap(struct test *t, __u64 iova, __u64 size)
{
	return unmap_args(t, sizeof(struct vfio_iommu_type1_dma_unmap), 0, iova, size);
}

long unmap_all(struct test *t)
{
	return unmap_args(t, sizeof(struct vfio_iommu_type1_dma_unmap),
			  VFIO_DMA_UNMAP_FLAG_ALL, 0, 0);
}

void get_info(struct test *t, struct vfio_info *info)
{
	int error = vfio_get_info(t->container, info);

	if (error) {
		errno = -error;
		give_up(t, "GET_INFO");
	}
}

long available(struct test *t)
{
	struct vfio_info info;

	get_info(t, &info);
	return info.has_available ? (long)info.available : -1;
}

__u64 granule(struct test *t)
{
	struct vfio_info info;

	get_info(t, &info);
	return info.page_sizes & -info.page_sizes;
}

/* --- the machine --------------------------------------------------------------------------- */

void parameter_path(const struct settings *settings, const char *name, char *path, size_t size)
{
	snprintf(path, size, "/sys/module/%s/parameters/%s", settings->module, name);
}

void set_parameter(struct test *t, const char *name, const char *value)
{
	char path[128];
	int error;

	parameter_path(t->settings, name, path, sizeof(path));
	error = proc_set_text(path, value);
	if (error) {
		errno = -error;
		give_up(t, "write %s to %s", value, path);
	}
}

void limit_locked(struct test *t, size_t pages)
{
	struct rlimit limit = { .rlim_cur = pages * PAGE, .rlim_max = pages * PAGE };

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		give_up(t, "RLIMIT_MEMLOCK of %zu pages", pages);
}

/* Root stays the saved user, without its capabilities: proc_pinned() needs it back for a moment. */
void become_nobody(struct test *t, size_t pages)
{
	limit_locked(t, pages);
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 0))
		give_up(t, "become user 65534");
}

pid_t start_process(struct test *t, int (*work)(struct test *t, void *data), void *data)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up(t, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(work(t, data));
	}
	return pid;
}

int in_other_process(struct test *t, int (*work)(struct test *t, void *data), void *data)
{
	pid_t pid = start_process(t, work, data);
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		give_up(t, "the other process died");
	return WEXITSTATUS(status);
}

bool booted_with(const char *argument)
{
	char line[4096], *word, *rest = line;

	if (proc_text("/proc/cmdline", line, sizeof(line)))
		return false;
	while ((word = strsep(&rest, " "))) {
		if (!strcmp(word, argument))
			return true;
	}
	return false;
}
