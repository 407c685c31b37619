/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Are two transcripts of one sequence the same; and if not, is that intended? */
#ifndef DIFFERENTIAL_COMPARE_H
#define DIFFERENTIAL_COMPARE_H

#include <stdbool.h>

#include "play.h"

/**
 * struct difference - the first one of a sequence
 * @step: at which step; the number of steps, if at the end
 * @kind: its kind
 * @facts: of that step, on each backend
 * @nr: how many
 * @fact: the first of them that differ
 */
struct difference {
	unsigned int step;
	unsigned int kind;
	const struct fact *facts[BACKENDS];
	unsigned int nr[BACKENDS];
	unsigned int fact;
};

/**
 * struct intended - a difference that is meant to be, see docs/differences.md
 * @name: what it is called in the count at the end
 * @why: the reason, in words
 * @goes_on: both are in the same state after it; else the rest is not compared
 * @is: whether this is it; narrow, so that nothing else hides behind it
 * @seen: how often
 */
struct intended {
	const char *name;
	const char *why;
	bool goes_on;
	bool (*is)(const struct sequence *sequence, const struct difference *difference);
	unsigned long seen;
};

extern struct intended intended[];
extern const unsigned int nr_intended;

/* The first difference that is not intended; false: there is none. */
bool compare(const struct sequence *sequence, struct transcript *const transcripts[BACKENDS],
	     unsigned int number, struct difference *difference);

/* Two differences that are probably of one cause. */
bool alike(const struct difference *a, const struct difference *b);

/* What it is in: the name of the first fact that differs. */
enum fact_name difference_in(const struct difference *difference);

/* A fact of that step on that backend, or @otherwise. */
__u64 said(const struct difference *d, enum backend which, enum fact_name name,
	   __u64 otherwise);
/* The two lists of facts are the same but for facts of these names, a bitmap. */
bool only_in(const struct difference *d, __u64 names);

#endif /* DIFFERENTIAL_COMPARE_H */
