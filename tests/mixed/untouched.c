// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory that nobody has touched before it is mapped. A backend may have others
 * fault it in: Manifold has a parameter for how many. Whatever the number is,
 * a device reaches the pages that the process sees, what must not be mapped is
 * not, and what holds for the process's page faults holds for theirs.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define SIZE		(48 * MIB)
#define PARAMETER	"/sys/module/vfio_iommu_type1/parameters/workers"
#define MANY		4

static char buffer[RIG_MAX_TRANSFER];

/* In-tree type1 has none. */
static void use_workers(struct scene *s, long workers)
{
	int err;

	if (!s->manifold)
		return;
	err = proc_set(PARAMETER, workers);
	expect(!err, "%ld workers: %s", workers, strerror(-err));
	expect_equal(proc_value(PARAMETER), workers, PARAMETER);
}

static int add_plain_device(struct scene *s)
{
	int device = add_device(s, add_unit(s, unit_plain()));

	must_attach(s, device);
	return device;
}

/* Nothing is there yet; at a multiple of a huge page. */
static char *get_room(size_t size, int prot)
{
	char *room = mmap(NULL, size + HUGE_PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before = -(uintptr_t)room & (HUGE_PAGE - 1);

	expect(room != MAP_FAILED, "no room: %s", strerror(errno));
	if (before)
		munmap(room, before);
	munmap(room + before + size, HUGE_PAGE - before);
	room += before;
	expect(!madvise(room, size, MADV_NOHUGEPAGE), "madvise: %s", strerror(errno));
	return room;
}

/* Page faults that this thread has taken. */
static long faults(void)
{
	struct rusage usage;

	expect(!getrusage(RUSAGE_THREAD, &usage), "getrusage");
	return usage.ru_minflt + usage.ru_majflt;
}

static void transfer(struct scene *s, int device, bool write, __u64 iova, __u64 size)
{
	struct rig_dma dma = {
		.device = s->devices[device].device,
		.write = write,
		.buffer = (uintptr_t)buffer,
		.iova = iova,
		.bytes = size,
	};

	expect(!ioctl(s->rig, RIG_DMA, &dma), "RIG_DMA: %s", strerror(errno));
	expect(!dma.fault, "DMA at %#llx: fault %u", iova + dma.done, dma.fault);
}

static __u64 stamp(__u64 at, unsigned int seed)
{
	return (at + seed) * 0x9e3779b97f4a7c15ULL;
}

/* All that the device reads is what the process sees. */
static void must_read(struct scene *s, int device, __u64 size)
{
	__u64 at, some;

	for (at = 0; at < size; at += some) {
		some = size - at < sizeof(buffer) ? size - at : sizeof(buffer);
		transfer(s, device, false, IOVA + at, some);
		expect(!memcmp(buffer, s->memory + at, some),
		       "the device reads other pages at %#llx", at);
	}
}

/* What it writes, at both ends of each page, the process sees. */
static void must_write(struct scene *s, int device, __u64 size)
{
	const __u64 words = PAGE / sizeof(__u64);
	static unsigned int seed;
	__u64 at, some, i;

	seed++;
	for (at = 0; at < size; at += some) {
		__u64 *sent = (__u64 *)buffer, *there = (__u64 *)(s->memory + at);

		some = size - at < sizeof(buffer) ? size - at : sizeof(buffer);
		for (i = 0; i < some / sizeof(__u64); i += words) {
			sent[i] = stamp(at + i, seed);
			sent[i + words - 1] = ~sent[i];
		}
		transfer(s, device, true, IOVA + at, some);
		for (i = 0; i < some / sizeof(__u64); i += words)
			expect(there[i] == sent[i] && there[i + words - 1] == ~sent[i],
			       "the device writes other pages at %#llx", at + i * sizeof(__u64));
	}
}

static void must_work(struct scene *s, int device, __u64 size)
{
	must_read(s, device, size);
	must_write(s, device, size);
	must_read(s, device, size);
}

/* How many page faults the thread takes that maps it. */
static long faults_of_map(struct scene *s)
{
	long before = faults();

	must_map(s, IOVA, 0, SIZE);
	return faults() - before;
}

/* Until others took some of the @all faults: they may come late, but not every time. */
static void map_with_help(struct scene *s, int advice, long all)
{
	long taken = faults_of_map(s);
	int tries = 30;

	while (s->manifold && taken >= all && --tries) {
		expect_equal(unmap(s, IOVA, SIZE), SIZE, "unmapped");
		expect(!madvise(s->memory, SIZE, advice), "madvise: %s", strerror(errno));
		taken = faults_of_map(s);
	}
	expect(tries, "all %ld faults were taken by the thread, each time", all);
}

/*
 * Memory of a kind, none of which is there. Without workers all page faults are the thread's, with
 * some not all, if they may help. Huge pages of hugetlbfs they may not: those are charged to who
 * takes the fault.
 */
static void of_kind(struct scene *s, int device, enum memory_kind kind, long workers)
{
	bool hugetlb = kind == MEMORY_HUGETLB || kind == MEMORY_HUGETLB_PRIVATE;
	bool transparent = kind == MEMORY_THP || kind == MEMORY_SHMEM_THP;
	long all = SIZE / (transparent ? HUGE_PAGE : PAGE);
	struct memory memory;
	int advice;

	expect(!memory_get(&memory, kind, SIZE), "no memory: %s", memory_name(kind));
	s->memory = memory.address;
	advice = kind == MEMORY_ANONYMOUS || kind == MEMORY_THP ||
		 kind == MEMORY_HUGETLB_PRIVATE ? MADV_DONTNEED : MADV_REMOVE;
	expect(!madvise(s->memory, SIZE, advice), "madvise: %s", strerror(errno));
	if (!transparent)
		madvise(s->memory, SIZE, MADV_NOHUGEPAGE);

	use_workers(s, workers);
	if (hugetlb)
		must_map(s, IOVA, 0, SIZE);
	else if (workers)
		map_with_help(s, advice, all);
	else
		expect(faults_of_map(s) >= all, "%s: somebody helped", memory_name(kind));
	must_work(s, device, SIZE);
	expect_equal(unmap(s, IOVA, SIZE), SIZE, "unmapped");
	memory_put(&memory);
}

static void of_each_kind(struct scene *s)
{
	int device = add_plain_device(s), kind;

	for (kind = 0; kind < MEMORY_KINDS; kind++) {
		of_kind(s, device, kind, 0);
		of_kind(s, device, kind, MANY);
	}
	of_kind(s, device, MEMORY_ANONYMOUS, 1);
	of_kind(s, device, MEMORY_ANONYMOUS, 16);
}

/* A file with something in it. */
static int get_file(size_t size)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	size_t at;

	expect(fd >= 0, "no file: %s", strerror(errno));
	for (at = 0; at < size; at += sizeof(buffer)) {
		memory_fill(buffer, sizeof(buffer), at / sizeof(buffer));
		expect(pwrite(fd, buffer, sizeof(buffer), at) == sizeof(buffer), "write: %s",
		       strerror(errno));
	}
	return fd;
}

static void put_there(char *at, size_t size, int prot, int flags, int fd)
{
	expect(mmap(at, size, prot, flags | MAP_FIXED, fd, 0) == at, "mmap: %s", strerror(errno));
}

/* Several kinds side by side in one mapping, that begins and ends in the middle of a slice. */
static void of_several_kinds(struct scene *s)
{
	const int rw = PROT_READ | PROT_WRITE;
	int device = add_plain_device(s), fd, i;
	char *room;

	for (i = 0; i < 3; i++) {
		use_workers(s, MANY);
		fd = get_file(8 * MIB);
		room = get_room(SIZE, rw);
		madvise(room + 10 * MIB, 6 * MIB, MADV_HUGEPAGE);
		put_there(room + 16 * MIB, 8 * MIB, rw, MAP_SHARED, fd);
		put_there(room + 24 * MIB, 8 * MIB, rw, MAP_PRIVATE, fd);
		put_there(room + 32 * MIB, 2 * MIB, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
			  -1);
		memory_fill(room + 40 * MIB, 2 * MIB, i);
		s->memory = room + 5 * PAGE;
		must_map(s, IOVA, 0, SIZE - 12 * PAGE);
		must_read(s, device, SIZE - 12 * PAGE);
		expect(memory_filled(room + 40 * MIB, 2 * MIB, i), "what was there is there");
		memory_fill(buffer, sizeof(buffer), 3);
		expect(!memcmp(buffer, room + 27 * MIB, sizeof(buffer)), "the file's pages");
		must_work(s, device, SIZE - 12 * PAGE);
		expect(pread(fd, buffer, sizeof(buffer), MIB) == sizeof(buffer) &&
		       !memcmp(buffer, room + 17 * MIB, sizeof(buffer)), "the shared half");
		expect_equal(unmap(s, IOVA, SIZE - 12 * PAGE), SIZE - 12 * PAGE, "unmapped");
		munmap(room, SIZE);
		close(fd);
	}
}

static void must_map_to_read(struct scene *s, int device, const char *what)
{
	int err = vfio_map(s->container, IOVA, s->memory, SIZE, VFIO_DMA_MAP_FLAG_READ);

	expect(!err, "%s: %s", what, strerror(-err));
	must_read(s, device, SIZE);
	expect_equal(dma_write(s, device, IOVA + 9 * MIB, 1), RIG_FAULT_WRITE, what);
	expect_equal(unmap(s, IOVA, SIZE), SIZE, "unmapped");
}

/* For devices that only read, from memory that can be written, and from such that can't. */
static void only_to_read(struct scene *s)
{
	int device = add_plain_device(s), fd = get_file(SIZE);

	use_workers(s, MANY);
	s->memory = get_room(SIZE, PROT_READ);
	must_map_to_read(s, device, "private, to be read");
	expect_equal(map(s, IOVA, 0, SIZE), -EFAULT, "a map to write what can't be written");
	munmap(s->memory, SIZE);

	s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
	must_map_to_read(s, device, "private");
	put_there(s->memory, SIZE, PROT_READ, MAP_SHARED, fd);
	must_map_to_read(s, device, "a file");
	expect_equal(map(s, IOVA, 0, SIZE), -EFAULT, "a map to write a file that can't be written");
	put_there(s->memory, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	must_map_to_read(s, device, "shared");
	expect(pread(fd, buffer, sizeof(buffer), 0) == sizeof(buffer), "read");
	expect(memory_filled(buffer, sizeof(buffer), 0), "the file is what it was");
}

/* Where it ends, and where it has a hole, the map fails; nothing of it stays. */
static void not_all_there(struct scene *s)
{
	static const __u64 holes[] = { 0, 7 * MIB + PAGE, 20 * MIB, 40 * MIB, SIZE - PAGE };
	int device = add_plain_device(s);
	struct rig_leaf leaf;
	unsigned int i;

	use_workers(s, MANY);
	for (i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
		munmap(s->memory + holes[i], PAGE);
		expect_equal(map(s, IOVA, 0, SIZE), -EFAULT, "a map with a hole");
		expect(!leaf_at(s, device, IOVA, &leaf) && !leaf.bytes, "a leaf stays");
		expect_equal(proc_billed(0), 0, "pages billed");
		munmap(s->memory, SIZE);
	}
}

/* The parent's pages are its own again before a device writes to them. */
static void after_a_fork(struct scene *s)
{
	int device = add_plain_device(s), pipes[2], status;
	pid_t child;

	use_workers(s, MANY);
	s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
	memory_fill(s->memory, SIZE, 1);
	expect(!pipe(pipes), "pipe");
	child = fork();
	expect(child >= 0, "fork: %s", strerror(errno));
	if (!child) {
		char word;

		close(pipes[1]);
		expect(!read(pipes[0], &word, 1), "a word");
		_exit(memory_filled(s->memory, SIZE, 1) ? 0 : 1);
	}
	must_map(s, IOVA, 0, SIZE);
	expect(memory_filled(s->memory, SIZE, 1), "what was there is there");
	must_work(s, device, SIZE);
	close(pipes[1]);
	expect(waitpid(child, &status, 0) == child && !status, "the child's memory changed");
}

/* --- what must not be escaped ------------------------------------------------------------- */

/* A process with less to lock than it maps; some of the rest was touched, but not much. */
static void beyond_the_limit(struct scene *s)
{
	const struct rlimit limit = { 20 * MIB, 20 * MIB };
	const __u64 size = 256 * MIB;
	int device = add_plain_device(s);
	struct rig_leaf leaf;
	long resident;

	use_workers(s, MANY);
	s->memory = get_room(size, PROT_READ | PROT_WRITE);
	expect(!setrlimit(RLIMIT_MEMLOCK, &limit) && !setgroups(0, NULL) &&
	       !setresgid(1000, 1000, 1000) && !setresuid(1000, 1000, 1000), "not another user");
	expect_equal(map(s, IOVA, 0, size), -ENOMEM, "a map beyond the limit");
	expect_equal(proc_billed(0), 0, "pages billed");
	expect_equal(proc_status_pages(0, "VmPin"), 0, "pages pinned, says the process");
	expect(!leaf_at(s, device, IOVA, &leaf) && !leaf.bytes, "a leaf stays");
	/* What fits, 64 MiB that were pinned before the bill, and 64 MiB ahead of that. */
	resident = proc_status_pages(0, "RssAnon");
	expect(resident > 0 && resident < (long)((20 + 64 + 64 + 16) * MIB / PAGE),
	       "%ld pages were touched for nothing", resident);
	must_map(s, IOVA, 0, 16 * MIB);
	must_work(s, device, 16 * MIB);
	expect_equal(proc_billed(0), 16 * MIB / PAGE, "pages billed");
	expect_equal(unmap(s, IOVA, 16 * MIB), 16 * MIB, "unmapped");
	expect_equal(proc_billed(0), 0, "pages billed in the end");
	/* That no page stays pinned is seen in main.c: this user's view of it lags. */
}

static void under_a_policy(struct scene *s)
{
	unsigned long node0 = 1;

	add_plain_device(s);
	use_workers(s, MANY);
	if (syscall(SYS_set_mempolicy, MPOL_BIND, &node0, 8))
		cannot("this kernel has no memory policies");
	s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
	expect(faults_of_map(s) >= (long)(SIZE / PAGE), "others placed the thread's pages");
	expect(!syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0), "set_mempolicy");
}

/* A field of the group's memory.stat. */
static long charged(const char *group, const char *field)
{
	char path[64], line[128];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.stat", group);
	file = fopen(path, "r");
	expect(file, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, field, strlen(field)) && line[strlen(field)] == ' ')
			value = strtol(line + strlen(field), NULL, 10);
	}
	fclose(file);
	expect(value >= 0, "no %s in %s", field, path);
	return value;
}

/* Pages and their tables are charged to the process's group. */
static void charged_to_the_group(struct scene *s)
{
	const char *root = "/tmp/cgroup", *group = "/tmp/cgroup/untouched";
	char path[64];
	long pages, tables;

	mkdir(root, 0700);
	expect(!mount("none", root, "cgroup2", 0, NULL) || errno == EBUSY, "no cgroup2: %s",
	       strerror(errno));
	if (proc_set_text("/tmp/cgroup/cgroup.subtree_control", "+memory"))
		cannot("this kernel has no control groups of memory");
	mkdir(group, 0700);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	expect(!proc_set(path, 0), "%s: %s", path, strerror(errno));

	add_plain_device(s);
	use_workers(s, MANY);
	s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
	pages = charged(group, "anon");
	tables = charged(group, "pagetables");
	map_with_help(s, MADV_DONTNEED, SIZE / PAGE);
	expect(charged(group, "anon") - pages >= (long)SIZE, "pages were charged elsewhere");
	expect(charged(group, "pagetables") - tables >= (long)(SIZE / HUGE_PAGE * PAGE),
	       "tables were charged elsewhere");
}

/* --- userfaultfd ---------------------------------------------------------------------------- */

struct answers {
	int fd, end;
	long wait_for;		/* before the first answer, so many pages are there; 0: don't */
	long resident;		/* how many there were a while after that */
	long given;
	long strange;		/* faults of another thread than the one that maps */
	pid_t mapper;
};

/* Until others have come as far as that, and had time to go further; not for ever. */
static void let_them_go_on(struct answers *a)
{
	int i;

	for (i = 0; i < 600 && proc_status_pages(0, "RssAnon") < a->wait_for; i++)
		sleep_ms(50);
	sleep_ms(500);
	a->resident = proc_status_pages(0, "RssAnon");
}

static void *answer(void *argument)
{
	struct answers *a = argument;
	struct pollfd polled[2] = { { .fd = a->fd, .events = POLLIN },
				    { .fd = a->end, .events = POLLIN } };
	struct uffd_msg message;

	while (poll(polled, 2, -1) > 0 && !polled[1].revents) {
		struct uffdio_zeropage zero = { .range.len = PAGE };

		if (read(a->fd, &message, sizeof(message)) != sizeof(message))
			continue;
		if (a->wait_for && !a->given)
			let_them_go_on(a);
		zero.range.start = message.arg.pagefault.address & ~(PAGE - 1);
		a->given++;
		a->strange += message.arg.pagefault.feat.ptid != (__u32)a->mapper;
		ioctl(a->fd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

/* Faults in @size bytes at @at wait for whoever reads what is returned. */
static int arm(char *at, __u64 size)
{
	struct uffdio_register range = {
		.range = { (uintptr_t)at, size }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_THREAD_ID };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		cannot("this kernel has no userfaultfd");
	expect(!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &range),
	       "userfaultfd: %s", strerror(errno));
	return fd;
}

/* What the process wants to answer for itself, only the thread that asked asks it. */
static void watched_by_the_process(struct scene *s)
{
	struct answers answers = { .mapper = gettid() };
	int device = add_plain_device(s), pipes[2], err;
	pthread_t thread;

	use_workers(s, MANY);
	s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
	answers.fd = arm(s->memory + 20 * MIB, MIB);
	expect(!pipe(pipes), "pipe");
	answers.end = pipes[0];
	expect(!pthread_create(&thread, NULL, answer, &answers), "no thread");
	err = map(s, IOVA, 0, SIZE);
	close(pipes[1]);
	pthread_join(thread, NULL);
	expect_equal(answers.strange, 0, "faults of other threads");
	/* Some kernels can't wait for the process where they pin for long. */
	if (err == -EFAULT && !answers.given)
		cannot("this kernel pins nothing that a userfaultfd watches");
	expect(!err, "map: %s", strerror(-err));
	expect_equal(answers.given, MIB / PAGE, "pages asked for");
	must_work(s, device, SIZE);
}

/* While the request waits at 8 MiB, others go on: 64 MiB, and what they are at then. */
static void how_far_ahead(struct scene *s)
{
	struct answers answers = { .mapper = gettid(), .wait_for = (8 + 60) * MIB / PAGE };
	const __u64 size = 160 * MIB;
	int device = add_plain_device(s), pipes[2], err;
	pthread_t thread;

	use_workers(s, MANY);
	s->memory = get_room(size, PROT_READ | PROT_WRITE);
	answers.fd = arm(s->memory + 8 * MIB, PAGE);
	expect(!pipe(pipes), "pipe");
	answers.end = pipes[0];
	expect(!pthread_create(&thread, NULL, answer, &answers), "no thread");
	err = map(s, IOVA, 0, size);
	close(pipes[1]);
	pthread_join(thread, NULL);
	if (err == -EFAULT && !answers.given)
		cannot("this kernel pins nothing that a userfaultfd watches");
	expect(!err, "map: %s", strerror(-err));
	expect(answers.resident >= answers.wait_for, "nobody went on: %ld pages", answers.resident);
	expect(answers.resident <= (long)((8 + 64 + 4) * MIB / PAGE), "%ld pages were touched",
	       answers.resident);
	must_write(s, device, size);
}

/* --- while the process does something else -------------------------------------------------- */

static void *map_for_ever(void *argument)
{
	struct scene *s = argument;

	for (;;) {
		madvise(s->memory, SIZE, MADV_DONTNEED);
		map(s, IOVA, 0, SIZE);
		unmap(s, IOVA, SIZE);
	}
	return NULL;
}

/* Killed, or ended by another thread; the last time while a page fault waits for ever. */
static void end_in_a_map(struct scene *s, int device, int round)
{
	pthread_t thread;

	/* Its own container: the other is shared with whoever forked. */
	s->container = vfio_container_open();
	must_attach(s, device);
	s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
	if (round == 11)
		arm(s->memory + 40 * MIB, MIB);
	expect(!pthread_create(&thread, NULL, map_for_ever, s), "no thread");
	if (round % 2 && round != 11) {
		sleep_ms(5 + round * 9);
		_exit(0);
	}
	pause();
}

static void ended_in_a_map(struct scene *s)
{
	int device = add_device(s, add_unit(s, unit_plain())), round, status;
	long pinned = proc_pinned();

	use_workers(s, MANY);
	for (round = 0; round < 12; round++) {
		pid_t child = fork();

		expect(child >= 0, "no process");
		if (!child)
			end_in_a_map(s, device, round);
		if (round % 2 == 0 || round == 11) {
			sleep_ms(round == 11 ? 700 : 20 + round * 9);
			kill(child, SIGKILL);
		}
		expect(waitpid(child, &status, 0) == child, "no child");
		expect_equal(state_of(s, device).domain, 0, "domain of the dead");
		expect_equal(proc_pinned(), pinned, "pages pinned by the dead");
	}
}

/* What another thread does to the memory, from the @round on, until it is told to end. */
struct turmoil {
	char *memory;
	unsigned int round;
	volatile bool over;
};

static void *stir(void *argument)
{
	const int rw = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct turmoil *t = argument;

	while (!t->over) {
		__u64 place = t->round * 7919 * PAGE % (SIZE - 4 * MIB);
		char *at = t->memory + (place & ~(PAGE - 1));

		switch (t->round++ % 5) {
		case 0:
			mmap(at, 3 * MIB, rw, flags, -1, 0);
			break;
		case 1:
			madvise(at, 3 * MIB, MADV_DONTNEED);
			break;
		case 2:
			mprotect(at, MIB, PROT_READ);
			mprotect(at, MIB, rw);
			break;
		case 3:
			munmap(at, MIB);
			mmap(at, MIB, rw, flags, -1, 0);
			break;
		case 4:
			madvise(at, 4 * MIB, t->round % 2 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
			break;
		}
	}
	return NULL;
}

/*
 * A map may fail then, with nothing left of it; or it succeeds, and the device reaches pages that
 * are pinned, which the runner looks at, though not those that the process has given back.
 */
static void in_turmoil(struct scene *s)
{
	int device = add_plain_device(s), round, err, mapped = 0;
	struct turmoil turmoil = { 0 };
	struct rig_leaf leaf;
	pthread_t thread;
	__u64 at;

	use_workers(s, MANY);
	for (round = 0; round < 16; round++) {
		s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
		turmoil.memory = s->memory;
		turmoil.over = false;
		expect(!pthread_create(&thread, NULL, stir, &turmoil), "no thread");
		err = map(s, IOVA, 0, SIZE);
		turmoil.over = true;
		pthread_join(thread, NULL);
		if (err) {
			expect_equal(err, -EFAULT, "a map in turmoil");
			expect(!leaf_at(s, device, IOVA, &leaf) && !leaf.bytes, "a leaf stays");
			expect_equal(proc_billed(0), 0, "pages billed");
		} else {
			mapped++;
			for (at = 0; at < SIZE; at += sizeof(buffer))
				transfer(s, device, true, IOVA + at, sizeof(buffer));
			expect_equal(unmap(s, IOVA, SIZE), SIZE, "unmapped");
		}
		munmap(s->memory, SIZE);
	}
	printf("    %d of %d maps went through\n", mapped, round);
}

struct half {
	struct scene *s;
	__u64 offset;
	int err;
};

static void *map_half(void *argument)
{
	struct half *h = argument;

	h->err = map(h->s, IOVA + h->offset, h->offset, SIZE / 2);
	return NULL;
}

/* Two maps of one process at the same time, each with workers, and with bills. */
static void two_at_a_time(struct scene *s)
{
	int device = add_plain_device(s), i, round;

	for (round = 0; round < 6; round++) {
		struct half halves[2] = { { s, 0, 0 }, { s, SIZE / 2, 0 } };
		pthread_t threads[2];

		use_workers(s, round % 3 + 1);
		s->memory = get_room(SIZE, PROT_READ | PROT_WRITE);
		for (i = 0; i < 2; i++)
			expect(!pthread_create(&threads[i], NULL, map_half, &halves[i]), "thread");
		for (i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		expect(!halves[0].err && !halves[1].err, "maps: %d %d", halves[0].err,
		       halves[1].err);
		expect_equal(proc_billed(0), SIZE / PAGE, "pages billed");
		must_work(s, device, SIZE);
		for (i = 0; i < 2; i++)
			expect_equal(unmap(s, IOVA + halves[i].offset, SIZE / 2), SIZE / 2,
				     "unmapped");
		expect_equal(proc_billed(0), 0, "pages billed in the end");
		munmap(s->memory, SIZE);
	}
}

const struct mixed_case untouched_cases[] = {
	{ "untouched", of_each_kind, ON_BOTH, NULL },
	{ "untouched-kinds-side-by-side", of_several_kinds, ON_BOTH, NULL },
	{ "untouched-to-read", only_to_read, ON_BOTH, NULL },
	{ "untouched-with-a-hole", not_all_there, ON_BOTH, NULL },
	{ "untouched-since-a-fork", after_a_fork, ON_BOTH, NULL },
	{ "untouched-beyond-the-limit", beyond_the_limit, ON_BOTH, NULL },
	{ "untouched-under-a-policy", under_a_policy, ON_BOTH, NULL },
	{ "untouched-in-a-group", charged_to_the_group, ON_BOTH, NULL },
	{ "untouched-watched", watched_by_the_process, ON_BOTH, NULL },
	{ "untouched-how-far", how_far_ahead, ON_MANIFOLD, "in-tree has nobody go ahead" },
	{ "untouched-ended", ended_in_a_map, ON_BOTH, NULL },
	{ "untouched-in-turmoil", in_turmoil, ON_BOTH, NULL },
	{ "untouched-two-at-a-time", two_at_a_time, ON_BOTH, NULL },
	END_OF_CASES
};
