// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The time stamp counter is the clock, since in a machine without KVM nothing else can be read
 * without asking the kernel. QEMU that counts instructions makes it tick once an instruction.
 */
#include "measure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

struct measure measure = { .kernel = "unknown", .unit = "unknown" };

static double ns_per_tick = 1;
static __u64 begun;
static bool marking;

/* Where the two are is what a profiler is told: bench/plugin.c counts from one to the other. */
__attribute__((noinline)) void bench_mark_begin(void);
__attribute__((noinline)) void bench_mark_end(void);

void bench_mark_begin(void)
{
	__asm__ volatile("nop" : : : "memory");
}

void bench_mark_end(void)
{
	__asm__ volatile("nop; nop" : : : "memory");
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

void measure_init(void)
{
	const __u64 long_enough = 200 * 1000 * 1000;
	__u64 ns, ticks;

	if (measure.counts_instructions)
		return;
	ns = now_ns();
	ticks = __rdtsc();
	while (now_ns() - ns < long_enough)
		;
	ns = now_ns() - ns;
	ticks = __rdtsc() - ticks;
	ns_per_tick = (double)ns / (double)ticks;
}

__u64 measure_clock(void)
{
	return __rdtsc();
}

double measure_between(__u64 begin, __u64 end)
{
	return (double)(end - begin) * ns_per_tick;
}

void measure_begin(const char *phase)
{
	marking = !measure.silent && measure.marked && !strcmp(measure.marked, phase);
	if (marking)
		bench_mark_begin();
	begun = __rdtsc();
}

double measure_end(void)
{
	__u64 end = __rdtsc();

	if (marking)
		bench_mark_end();
	return measure_between(begun, end);
}

void result_of(const char *what, const char *phase, const char *per, double value)
{
	if (measure.silent)
		return;
	printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%.10g\n", measure.kernel, measure.unit, what,
	       measure.backend, measure.work, phase, per, measure.round, value);
	fflush(stdout);
}

void result(const char *phase, const char *per, double value, double count)
{
	if (!measure.silent && measure.marked && !strcmp(measure.marked, phase))
		measure.marked_count += count;
	result_of(measure.counts_instructions ? "instructions" : "time", phase, per, value / count);
}

void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("# ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	va_end(arguments);
}
