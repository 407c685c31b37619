// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What the rest of the process notices of a large map: how long a page fault takes while it runs,
 * and how long an mmap(), which wants the address space for itself.
 */
#include <errno.h>
#include <sys/mman.h>

#include "aside.h"
#include "work.h"

#define ROOM		(16 * MIB)	/* that faults happen in, over and over */
#define ALONE		2000		/* so many of them when nothing else runs */

struct latency {
	double sum, longest;
	long number;
};

struct faults {
	char *room;
	size_t at;
	long most;			/* 0: until told to stop */
	atomic_bool begun, stop;
	struct latency fault, mmap;
	int err;
};

static void add(struct latency *latency, __u64 begin)
{
	double spent = measure_between(begin, measure_clock());

	latency->sum += spent;
	latency->number++;
	if (spent > latency->longest)
		latency->longest = spent;
}

static int one_of_each(struct faults *faults)
{
	__u64 begin;
	void *other;

	if (faults->at == ROOM) {
		faults->at = 0;
		if (madvise(faults->room, ROOM, MADV_DONTNEED))
			return -errno;
	}
	begin = measure_clock();
	*(volatile char *)(faults->room + faults->at) = 1;
	add(&faults->fault, begin);
	faults->at += PAGE;

	begin = measure_clock();
	other = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	add(&faults->mmap, begin);
	return other == MAP_FAILED || munmap(other, PAGE) ? -errno : 0;
}

static void go_on(void *with)
{
	struct faults *faults = with;

	while (!faults->err && !atomic_load(&faults->stop) &&
	       (!faults->most || faults->fault.number < faults->most))
		faults->err = one_of_each(faults);
}

/* While it is mapped: the map begins when this has. */
static void go_on_aside(void *with)
{
	struct faults *faults = with;

	faults->err = one_of_each(faults);
	atomic_store(&faults->begun, true);
	go_on(faults);
}

static void report(const char *const phases[2], const struct latency *latency)
{
	result(phases[0], "call", latency->sum, (double)latency->number);
	result(phases[1], "call", latency->longest, 1);
}

static int while_it_maps(const struct turn *turn, struct faults *faults)
{
	struct space space;
	struct aside aside;
	int err = turn_open(turn, &space);

	if (err)
		return err;
	err = aside_prepare(&aside, go_on_aside, faults);
	if (!err) {
		aside_go(&aside);
		while (!atomic_load(&faults->begun))
			;
		err = turn->backend->map(&space, IOVA, turn->block->address, turn->block->size);
		atomic_store(&faults->stop, true);
		aside_wait(&aside);
		aside_end(&aside);
	}
	turn->backend->close(&space);
	return err ? err : faults->err;
}

int fault_while_mapping(const struct turn *turn)
{
	static const char *const alone[] = { "fault-alone", "longest-alone" };
	static const char *const fault[] = { "fault", "fault-longest" };
	static const char *const other[] = { "mmap", "mmap-longest" };
	struct faults faults = { .most = ALONE };
	int err;

	faults.room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (faults.room == MAP_FAILED)
		return -errno;
	err = madvise(faults.room, ROOM, MADV_NOHUGEPAGE) ? -errno : 0;
	if (!err) {
		go_on(&faults);
		report(alone, &faults.fault);
		faults = (struct faults){ .room = faults.room, .at = faults.at };
		err = while_it_maps(turn, &faults);
	}
	munmap(faults.room, ROOM);
	if (!err) {
		report(fault, &faults.fault);
		report(other, &faults.mmap);
	}
	return err;
}
