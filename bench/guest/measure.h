/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a work has taken: the clock, and the lines that come out. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <linux/types.h>
#include <stdbool.h>

struct measure {
	const char *kernel, *unit;	/* labels, as they were given */
	const char *backend, *work;	/* whose turn it is, */
	int round;			/* and which */
	bool counts_instructions;	/* the machine's clock ticks once for each */
	bool silent;			/* this time is not the one that counts */
	const char *marked;		/* the phase that a profiler looks at; or NULL */
	double marked_count;		/* for how many pages or operations it was, by now */
};

extern struct measure measure;

/* Finds out how fast the time stamp counter is. */
void measure_init(void);

/*
 * What lies between the two is measured: nanoseconds, which are instructions when the machine
 * counts those. Nothing nests.
 */
void measure_begin(const char *phase);
double measure_end(void);
/* The clock alone, for threads. */
__u64 measure_clock(void);
double measure_between(__u64 begin, __u64 end);

/* A line of results: @phase took @value in all, for @count pages or operations. */
void result(const char *phase, const char *per, double value, double count);
/* The same for a value that is neither time nor instructions. */
void result_of(const char *what, const char *phase, const char *per, double value);
/* A line for whoever looks on. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* BENCH_MEASURE_H */
