/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the parts of the native bench share: a clock, and lines of results. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include "core/manifold.h"
#include "tests/support/null_host.h"

#define PAGE	MF_PAGE_SIZE
#define RW	(MF_READ | MF_WRITE)

/* Chance that is the same each time. */
u64 chance(u64 *state);

/* What is measured now, and in which round; a line of results has both. */
struct label {
	const char *unit;
	const char *backend;
	const char *work;
	int round;
};

void result(const struct label *label, const char *measure, const char *phase, const char *per,
	    double value);

/*
 * A watch that adds up what lies between its starts and stops, but for what they
 * take themselves: nanoseconds of the processor, and instructions where the
 * machine has a counter that may be used.
 */
struct watch {
	u64 ns;
	u64 instructions;
	u64 from_ns;
	u64 from_instructions;
};

void watch_init(void);
bool watch_has_instructions(void);
void watch_start(struct watch *w);
void watch_stop(struct watch *w);

/* Lines for time and, where it is counted, instructions; for one of @n. */
void result_watch(const struct label *label, const struct watch *w, const char *phase,
		  const char *per, double n);

/* Ends the program. */
void die(const char *what) __attribute__((noreturn));

/* A container with a group behind a unit of kind 1. */
struct mf_container *container(struct null_host *host);

/* The parts. */
void bench_mappings(u32 rounds, u64 most);
void bench_runs(u32 rounds, u64 most);
void bench_ledger(u32 rounds);
void bench_translate(u32 rounds);

#endif /* BENCH_ENGINE_H */
