// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What something took, and how that is said. */
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define CALIBRATE 10000

/* A counter of this thread's instructions in user space, or -1. */
static int counter = -1;

/* What a watch that is started and stopped at once would show. */
static u64 own_ns, own_instructions;

/* splitmix64 */
u64 chance(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

void watch_init(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS, .exclude_kernel = 1, .exclude_hv = 1,
	};
	struct watch w = { 0 };
	u32 i;

	counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	for (i = 0; i < CALIBRATE; i++) {
		watch_start(&w);
		watch_stop(&w);
	}
	own_ns = w.ns / CALIBRATE;
	own_instructions = w.instructions / CALIBRATE;
}

bool watch_has_instructions(void)
{
	return counter >= 0;
}

/* The processor's time for this thread: what others do to the machine does not count. */
static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static u64 instructions(void)
{
	u64 value = 0;

	if (counter >= 0 && read(counter, &value, sizeof(value)) != sizeof(value))
		return 0;
	return value;
}

void watch_start(struct watch *w)
{
	w->from_instructions = instructions();
	w->from_ns = now();
}

void watch_stop(struct watch *w)
{
	u64 ns = now() - w->from_ns, some = instructions() - w->from_instructions;

	w->ns += ns > own_ns ? ns - own_ns : 0;
	w->instructions += some > own_instructions ? some - own_instructions : 0;
}

void result(const struct label *label, const char *measure, const char *phase, const char *per,
	    double value)
{
	printf("user\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%.10g\n", label->unit, measure, label->backend,
	       label->work, phase, per, label->round, value);
	fflush(stdout);
}

void result_watch(const struct label *label, const struct watch *w, const char *phase,
		  const char *per, double n)
{
	result(label, "time", phase, per, (double)w->ns / n);
	if (counter >= 0)
		result(label, "instructions", phase, per, (double)w->instructions / n);
}
