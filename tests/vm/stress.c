// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Threads map and unmap in one container, sometimes the same IOVAs, while a
 * second group comes and goes.
 *
 * Each thread has IOVAs of its own, where it must find exactly what it left,
 * and all share a range that they fight over, where EEXIST is a fair answer
 * and anything else is not. At the end every mapping that should be there is
 * counted by UNMAP_ALL, and then nothing is pinned or billed.
 *
 * usage: stress MODULE STEPS
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../client/memory.h"
#include "../client/proc.h"
#include "../client/vfio.h"

#define THREADS		3
#define SLOTS		16
#define SLOT_SIZE	(64 * PAGE)
#define MAX_DEVICES	16

struct worker {
	pthread_t thread;
	unsigned int seed;
	__u64 base;
	char *memory;
	bool mapped[SLOTS];
};

static int container, steps;
static atomic_int failures;

static void failure(const char *what, int got)
{
	if (failures++ < 10)
		printf("FAIL %s: %d\n", what, got);
}

/* Map or unmap one of the worker's own slots: every answer is known. */
static void own_step(struct worker *w)
{
	unsigned int slot = rand_r(&w->seed) % SLOTS;
	__u64 iova = w->base + slot * SLOT_SIZE, size = SLOT_SIZE;
	int err;

	if (!w->mapped[slot]) {
		err = vfio_map(container, iova, w->memory + slot * SLOT_SIZE, SLOT_SIZE,
			       VFIO_MAP_RW);
		if (err)
			failure("map of a free slot", err);
		w->mapped[slot] = !err;
		err = vfio_map(container, iova + PAGE, w->memory, PAGE, VFIO_MAP_RW);
		if (err != -EEXIST)
			failure("map over a slot", err);
		return;
	}
	err = vfio_unmap(container, iova, &size, 0);
	if (err || size != SLOT_SIZE)
		failure("unmap of a slot", err);
	w->mapped[slot] = false;
}

/* All workers want these IOVAs. */
static void shared_step(struct worker *w)
{
	__u64 iova = 0x1000000 + rand_r(&w->seed) % 4 * PAGE, size = 8 * PAGE;
	int err = vfio_map(container, iova, w->memory, 4 * PAGE, VFIO_DMA_MAP_FLAG_READ);

	if (err && err != -EEXIST)
		failure("map of the shared range", err);
	err = vfio_unmap(container, 0x1000000, &size, 0);
	if (err || size > 4 * PAGE)
		failure("unmap of the shared range", err);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < steps; i++) {
		own_step(w);
		if (i % 4 == 0)
			shared_step(w);
	}
	return NULL;
}

static bool start(struct worker *w, int index)
{
	memset(w, 0, sizeof(*w));
	w->seed = (unsigned int)index + 1;
	w->base = 0x100000000ULL + (__u64)index * 0x10000000;
	w->memory = mmap(NULL, SLOTS * SLOT_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->memory == MAP_FAILED)
		return false;
	return !pthread_create(&w->thread, NULL, work, w);
}

static __u64 mapped_bytes(const struct worker *workers)
{
	__u64 bytes = 0;

	for (int i = 0; i < THREADS; i++)
		for (int slot = 0; slot < SLOTS; slot++)
			bytes += workers[i].mapped[slot] ? SLOT_SIZE : 0;
	return bytes;
}

/* The second group joins and leaves until the workers are done. */
static void come_and_go(int group, struct worker *workers)
{
	for (int i = 0; i < THREADS; i++) {
		while (pthread_tryjoin_np(workers[i].thread, NULL) == EBUSY) {
			int err = vfio_group_join(group, container);

			if (err)
				failure("join of the second group", err);
			err = vfio_group_leave(group);
			if (err)
				failure("leave of the second group", err);
		}
	}
}

static void check_end(const char *module, const struct worker *workers, int group, long billed,
		      long pinned)
{
	__u64 bytes, left = mapped_bytes(workers);
	struct vfio_info info;

	if (vfio_get_info(container, &info) || info.available != 65535 - left / SLOT_SIZE)
		failure("mappings available before the end", (int)info.available);
	if (proc_billed(0) - billed != (long)(left / PAGE))
		failure("pages billed before the end", (int)(proc_billed(0) - billed));
	if (vfio_unmap_all(container, &bytes) || bytes != left)
		failure("bytes unmapped by UNMAP_ALL", (int)bytes);
	close(group);
	close(container);
	if (proc_billed(0) != billed)
		failure("pages billed at the end", (int)(proc_billed(0) - billed));
	if (proc_pinned() != pinned)
		failure("pages pinned at the end", (int)(proc_pinned() - pinned));
	if (proc_module_users(module) != 0)
		failure("users of the module", (int)proc_module_users(module));
}

int main(int argc, char **argv)
{
	struct vfio_listed devices[MAX_DEVICES];
	struct worker workers[THREADS];
	long billed, pinned;
	int first, second, n;

	steps = argc == 3 ? atoi(argv[2]) : 0;
	if (steps < 1) {
		fprintf(stderr, "usage: stress MODULE STEPS\n");
		return 2;
	}
	vfio_quiet = true;
	n = vfio_list("/tmp/vfio-devices", devices, MAX_DEVICES);
	if (n < 2)
		return 2;
	container = vfio_container_open();
	first = vfio_group_open(devices[0].group);
	second = vfio_group_open(devices[1].group);
	if (container < 0 || first < 0 || second < 0)
		return 2;
	billed = proc_billed(0);
	pinned = proc_pinned();
	if (vfio_group_join(first, container) || vfio_set_type(container, VFIO_TYPE1v2_IOMMU))
		return 2;

	for (int i = 0; i < THREADS; i++) {
		if (!start(&workers[i], i))
			return 2;
	}
	come_and_go(second, workers);
	close(second);
	check_end(argv[1], workers, first, billed, pinned);
	printf("%d threads, %d steps each, %d failures\n", THREADS, steps, failures);
	return failures != 0;
}
