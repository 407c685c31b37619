/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Running a scenario: what its parts share.
 */
#ifndef MF_TOOLS_SIM_RUN_H
#define MF_TOOLS_SIM_RUN_H

#include "tools/sim/machine.h"

#define PROBLEM_MOST 200

/**
 * struct result - what became of a step
 * @err: 0 or a negative errno
 * @why: of a refusal of the engine; @why.reason is 0 otherwise
 * @fault: of DMA or a translation; @fault.why is 0 for none
 * @lost: an interrupt did not arrive
 * @unmapped: bytes
 * @page: bytes of the page that a translation found
 * @faults: how many bursts in the background faulted
 * @note: what else is to be said
 * @problem: what makes it fail whatever was expected
 */
struct result {
	int err;
	struct mf_refusal why;
	struct mf_fault fault;
	bool lost;
	u64 unmapped;
	u64 page;
	u64 faults;
	char note[PROBLEM_MOST];
	char problem[PROBLEM_MOST];
};

/**
 * struct run_options - how to run
 * @out: where everything goes
 * @quiet: only what fails
 * @progress: where progress goes, or NULL
 * @svg: where the drawing goes, or NULL
 */
struct run_options {
	FILE *out;
	bool quiet;
	FILE *progress;
	FILE *svg;
};

/**
 * struct run - a scenario that is run
 * @variables: of the loops that are under way
 * @depth: how many; what is done in loops is not told
 * @steps: how many were run
 * @expected: how many expectations were met or not
 * @failed: how many steps failed
 * @broken: something was seen that must never be, whatever the scenario
 * @drawn: the drawing was made
 */
struct run {
	struct run_options options;
	struct source *source;
	const struct scenario *s;
	struct machine *m;
	u64 variables[MOST_LOOPS];
	u32 depth;
	u64 steps;
	u64 total;
	u64 expected;
	u64 failed;
	bool broken;
	bool drawn;
};

/* RUN_BROKEN: not only an expectation failed, but something that always holds. */
enum run_status { RUN_MET, RUN_FAILED, RUN_BROKEN, RUN_NO_MEMORY };

enum run_status run_scenario(const struct scenario *s, const struct run_options *options);
void problem(struct result *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool run_value(struct run *run, const struct expression *e, struct result *r, u64 *value);
bool run_range(struct run *run, const struct range *range, struct result *r, u64 *first,
	       u64 *bytes);
void do_step(struct run *run, const struct step *step, struct result *r);	/* act.c */
void do_device_step(struct run *run, const struct step *step, struct result *r);	/* dma.c */
void do_expect(struct run *run, const struct step *step, struct result *r);	/* expect.c */
void judge(const struct run *run, const struct step *step, struct result *r);	/* expect.c */

/* show.c: in words */
void show_step(const struct run *run, const struct step *step);
void show_result(const struct run *run, const struct step *step, const struct result *r);
void show_failure(const struct run *run, const struct step *step, const struct result *r);
void describe_refusal(const struct result *r, char *text, size_t size);
void describe_fault(const struct mf_fault *fault, char *text, size_t size);
const char *show_size(u64 bytes, char *text);

#define SIZE_TEXT 32

/* picture.c, svg.c */
void draw_text(struct machine *m, FILE *out);
void draw_svg(struct machine *m, const char *title, FILE *out);

#endif /* MF_TOOLS_SIM_RUN_H */
