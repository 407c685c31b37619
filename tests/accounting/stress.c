// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Many processes at once, each with two threads that map and unmap ranges of the same memory in
 * several containers; some are killed, some exec or fork with their containers, some just exit.
 * Whenever a process's threads rest, its VmLck is held against its book; after each round nothing
 * may be left.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define WORKERS		5
#define CONTAINERS	3		/* of each */
#define THREADS		2
#define SLOTS		40		/* mappings of each thread */
#define SLOT_IOVAS	(1ULL << 24)
#define MEMORY		(4 * MIB)	/* of each of three kinds */
#define KINDS		3
#define PHASES		6
#define STEPS		50		/* of a thread in a phase */

struct slot {
	bool mapped;
	int container;
	__u64 iova;
	size_t size;
};

struct worker;

struct thread {
	struct worker *worker;
	pthread_t thread;
	unsigned int seed;
	__u64 base;
	struct slot slots[SLOTS];
};

struct worker {
	const struct settings *settings;
	struct options options;
	int number, memfd;
	unsigned int seed;
	struct session containers[CONTAINERS];
	char *memory[KINDS];
	struct thread threads[THREADS];
	pthread_barrier_t barrier;
	pthread_mutex_t lock;		/* of the book */
	struct book book;
	int failures;
};

static void failure(struct worker *w, const char *what, long got, long expect)
{
	if (w->failures++ < 5)
		printf("    process %d: %s: %ld, not %ld\n", w->number, what, got, expect);
	fflush(stdout);
}

static unsigned int below(unsigned int *seed, unsigned int n)
{
	return (unsigned int)rand_r(seed) / 7 % n;
}

/* --- a thread -------------------------------------------------------------------------------- */

static void map_slot(struct thread *t, struct slot *slot, unsigned int number)
{
	struct worker *w = t->worker;
	size_t pages = MEMORY / PAGE, first = below(&t->seed, (unsigned int)pages), count;
	char *at = w->memory[below(&t->seed, KINDS)] + first * PAGE;
	int err;

	/* Mostly little, now and then much: more than is billed at once. */
	count = below(&t->seed, below(&t->seed, 8) ? 48 : (unsigned int)pages) + 1;
	if (count > pages - first)
		count = pages - first;
	slot->container = (int)below(&t->seed, CONTAINERS);
	slot->iova = t->base + number * SLOT_IOVAS;
	slot->size = count * PAGE;
	err = vfio_map(w->containers[slot->container].container, slot->iova, at, slot->size,
		       below(&t->seed, 4) ? VFIO_MAP_RW : VFIO_DMA_MAP_FLAG_READ);
	if (err) {
		failure(w, "MAP_DMA", err, 0);
		return;
	}
	slot->mapped = true;
	pthread_mutex_lock(&w->lock);
	if (!book_add(&w->book, ENTRY_MAPPED, 0, 0, slot->container, (__u64)at, slot->iova, count))
		failure(w, "pages to be looked up", 0, (long)count);
	pthread_mutex_unlock(&w->lock);
}

static void unmap_slot(struct thread *t, struct slot *slot)
{
	struct worker *w = t->worker;
	__u64 size = slot->size;
	int err;

	pthread_mutex_lock(&w->lock);
	book_remove(&w->book, slot->container, slot->iova, slot->size);
	pthread_mutex_unlock(&w->lock);
	err = vfio_unmap(w->containers[slot->container].container, slot->iova, &size, 0);
	if (err || size != slot->size)
		failure(w, "UNMAP_DMA", err ?: (long)size, (long)slot->size);
	slot->mapped = false;
}

/* A request that fails half way: its memory ends before it does. */
static void map_in_vain(struct thread *t)
{
	struct worker *w = t->worker;
	char *at = w->memory[0] + MEMORY - (1 + below(&t->seed, 600)) * PAGE;
	int err = vfio_map(w->containers[below(&t->seed, CONTAINERS)].container,
			   t->base + SLOTS * SLOT_IOVAS, at, MEMORY, VFIO_MAP_RW);

	if (err != -EFAULT)
		failure(w, "MAP_DMA beyond the memory", err, -EFAULT);
}

static void *work(void *arg)
{
	struct thread *t = arg;

	for (int phase = 0; phase < PHASES; phase++) {
		for (int i = 0; i < STEPS; i++) {
			unsigned int number = below(&t->seed, SLOTS);
			struct slot *slot = &t->slots[number];

			if (!below(&t->seed, 20))
				map_in_vain(t);
			else if (slot->mapped)
				unmap_slot(t, slot);
			else
				map_slot(t, slot, number);
		}
		/* The first one to be there looks, while the others wait. */
		pthread_barrier_wait(&t->worker->barrier);
		pthread_barrier_wait(&t->worker->barrier);
	}
	return NULL;
}

/* --- a process ------------------------------------------------------------------------------- */

static void look(struct worker *w, const char *when)
{
	long expect = book_billed(&w->book, 0, w->settings->rule), got = proc_billed(0);

	if (got != expect)
		failure(w, when, got, expect);
}

static bool open_one(struct worker *w, int n)
{
	int error = session_open(&w->containers[n], &w->options, "edu", w->number * CONTAINERS + n,
				 1);

	if (error)
		failure(w, "a container", error, 0);
	return !error;
}

/* All that is mapped in it goes with it. */
static void reopen(struct worker *w, int n)
{
	session_close(&w->containers[n]);
	book_close(&w->book, n);
	for (int i = 0; i < THREADS; i++) {
		for (int slot = 0; slot < SLOTS; slot++) {
			if (w->threads[i].slots[slot].container == n)
				w->threads[i].slots[slot].mapped = false;
		}
	}
	look(w, "pages billed with a container less");
	open_one(w, n);
}

static bool get_all(struct worker *w)
{
	static const enum memory_kind kinds[] = { MEMORY_ANONYMOUS, MEMORY_THP };
	struct memory memory;

	for (int i = 0; i < 2; i++) {
		if (memory_get(&memory, kinds[i], MEMORY) &&
		    memory_get(&memory, MEMORY_ANONYMOUS, MEMORY))
			return false;
		w->memory[i] = memory.address;
	}
	/* Nothing behind the first one, for requests that go beyond it. */
	w->memory[0] = mmap(NULL, 2 * MEMORY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->memory[0] == MAP_FAILED || mprotect(w->memory[0], MEMORY, PROT_READ | PROT_WRITE))
		return false;
	memset(w->memory[0], 1, MEMORY);
	w->memory[2] = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, w->memfd, 0);
	return w->memory[2] != MAP_FAILED;
}

static void run_threads(struct worker *w)
{
	pthread_barrier_init(&w->barrier, NULL, THREADS + 1);
	pthread_mutex_init(&w->lock, NULL);
	for (int i = 0; i < THREADS; i++) {
		struct thread *t = &w->threads[i];

		*t = (struct thread){
			.worker = w, .seed = w->seed + (unsigned int)i * 977,
			.base = (__u64)(i + 1) << 36,
		};
		pthread_create(&t->thread, NULL, work, t);
	}
	for (int phase = 0; phase < PHASES; phase++) {
		pthread_barrier_wait(&w->barrier);
		look(w, "pages billed");
		if (!below(&w->seed, 3))
			reopen(w, (int)below(&w->seed, CONTAINERS));
		pthread_barrier_wait(&w->barrier);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(w->threads[i].thread, NULL);
}

/* --- its end --------------------------------------------------------------------------------- */

static void unmap_all(struct worker *w)
{
	__u64 size;

	for (int i = 0; i < CONTAINERS; i++) {
		if (vfio_unmap_all(w->containers[i].container, &size))
			failure(w, "UNMAP_DMA of all", -1, 0);
		book_close(&w->book, i);
		look(w, "pages billed with one emptied");
	}
}

/* Owes nothing of what its parent mapped, maps some of its own, and lives longer. */
static void leave_to_child(struct worker *w)
{
	int ends[2];
	char byte;

	if (pipe(ends) || fork())
		return;
	close(ends[1]);
	book_clear(&w->book);
	look(w, "pages billed to a child");
	for (int i = 0; i < CONTAINERS; i++) {
		for (__u64 n = 0; n < 4; n++) {
			char *at = w->memory[n % KINDS] + n * 17 * PAGE;
			__u64 iova = ((__u64)THREADS + 1 + n) << 36;

			memset(at, 2, 60 * PAGE);
			if (vfio_map(w->containers[i].container, iova, at, 60 * PAGE,
				     VFIO_MAP_RW) ||
			    !book_add(&w->book, ENTRY_MAPPED, 0, 0, i, (__u64)at, iova, 60))
				failure(w, "MAP_DMA of a child", -1, 0);
		}
	}
	look(w, "pages billed to a child that maps");
	/* Until the parent has ended. */
	while (read(ends[0], &byte, 1) > 0)
		;
	unmap_all(w);
	_exit(!!w->failures);
}

static void go_on_as_another(struct worker *w)
{
	char list[64];

	for (int i = 0; i < CONTAINERS; i++) {
		fcntl(w->containers[i].container, F_SETFD, 0);
		for (int g = 0; g < w->containers[i].ngroups; g++)
			fcntl(w->containers[i].groups[g].fd, F_SETFD, 0);
	}
	snprintf(list, sizeof(list), "%d,%d,%d", w->containers[0].container,
		 w->containers[1].container, w->containers[2].container);
	execl("/proc/self/exe", "vfio-accounting", "--left", list, NULL);
	failure(w, "exec", -errno, 0);
}

int run_left(const char *list)
{
	struct worker w = { .number = -1 };
	int fds[CONTAINERS];
	__u64 size;

	if (sscanf(list, "%d,%d,%d", &fds[0], &fds[1], &fds[2]) != CONTAINERS)
		return 2;
	for (int i = 0; i < CONTAINERS; i++) {
		if (vfio_unmap_all(fds[i], &size))
			failure(&w, "UNMAP_DMA after exec", -1, 0);
		if (proc_billed(0))
			failure(&w, "pages billed after exec", proc_billed(0), 0);
	}
	return !!w.failures;
}

static int live(const struct settings *settings, int number, unsigned int seed, int memfd)
{
	static struct worker w;

	w = (struct worker){
		.settings = settings, .number = number, .memfd = memfd, .seed = seed,
		.options = { .type = VFIO_TYPE1v2_IOMMU, .list = settings->list },
	};
	if (!get_all(&w)) {
		failure(&w, "memory", 0, 1);
		return 1;
	}
	for (int i = 0; i < CONTAINERS; i++) {
		if (!open_one(&w, i))
			return 1;
	}
	run_threads(&w);
	switch (below(&w.seed, 4)) {
	case 0:
		unmap_all(&w);
		break;
	case 1:
		leave_to_child(&w);
		break;
	case 2:
		if (!w.failures)
			go_on_as_another(&w);
		break;
	}
	return !!w.failures;
}

/* --- all of them ----------------------------------------------------------------------------- */

/* Some are killed in the middle of something. */
static void kill_some(const pid_t *pids, unsigned int *seed)
{
	for (int i = 0; i < WORKERS; i++) {
		if (below(seed, 2))
			continue;
		sleep_ms(below(seed, 300));
		kill(pids[i], SIGKILL);
	}
}

static int reap_all(void)
{
	int status, failures = 0;

	while (wait(&status) > 0)
		failures += WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : !!status;
	return failures;
}

static int run_round(const struct settings *settings, unsigned int seed, int memfd)
{
	pid_t pids[WORKERS];

	for (int i = 0; i < WORKERS; i++) {
		fflush(stdout);
		pids[i] = fork();
		if (!pids[i])
			_exit(live(settings, i, seed * WORKERS + (unsigned int)i, memfd));
	}
	kill_some(pids, &seed);
	return reap_all();
}

int run_stress(const struct settings *settings, int rounds, unsigned int seed)
{
	int memfd = memfd_create("stress", 0), failures = 0;
	long pinned = proc_pinned(), left = 0;

	if (memfd < 0 || ftruncate(memfd, MEMORY) || prctl(PR_SET_CHILD_SUBREAPER, 1))
		return 1;
	for (int i = 0; i < rounds; i++) {
		failures += run_round(settings, seed + (unsigned int)i, memfd);
		for (int n = 0; n < 250 && (left = proc_pinned() - pinned); n++)
			sleep_ms(20);
		if (left || proc_module_users(settings->module)) {
			printf("    round %d: %ld pages pinned, %ld users of the module\n", i, left,
			       proc_module_users(settings->module));
			failures++;
			break;
		}
	}
	close(memfd);
	printf("%s: %d rounds of %d processes, seed %u, pages billed %s: %d failures\n",
	       failures ? "FAIL" : "ok", rounds, WORKERS, seed, rule_name(settings->rule),
	       failures);
	return !!failures;
}
