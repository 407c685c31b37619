// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Running a scenario, step by step.
 */
#include <stdlib.h>

#include "tools/sim/run.h"

/* After so many failures nobody reads on. */
#define MOST_FAILURES		10
/* Steps between two signs of progress. */
#define PROGRESS_STEPS		1024

static bool run_steps(struct run *run, const struct step *step);

/* Only while nothing else is printed: in a loop, or where only failures are told. */
static void show_progress(const struct run *run)
{
	if (!run->options.progress || run->total <= PROGRESS_STEPS ||
	    run->steps % PROGRESS_STEPS)
		return;
	if (run->depth || run->options.quiet)
		fprintf(run->options.progress, "\r%s: %llu of %llu steps", run->source->name,
			run->steps, run->total);
}

static void clear_progress(const struct run *run)
{
	if (run->options.progress && run->total > PROGRESS_STEPS)
		fprintf(run->options.progress, "\r\033[K");
}

static bool run_repeat(struct run *run, const struct step *step)
{
	u64 before = run->steps;
	bool good = true;
	u64 i;

	if (run->depth < step->loop + 1)
		run->depth = step->loop + 1;
	for (i = 0; i < step->repeat && good; i++) {
		run->variables[step->loop] = i;
		good = run_steps(run, step->body);
	}
	run->depth = step->loop;
	if (!run->depth)
		clear_progress(run);
	if (!run->options.quiet && !run->depth && good)
		fprintf(run->options.out, "          %llu rounds, %llu steps\n", step->repeat,
			run->steps - before);
	return good;
}

static void draw(struct run *run)
{
	if (!run->options.quiet) {
		fputc('\n', run->options.out);
		draw_text(run->m, run->options.out);
		fputc('\n', run->options.out);
	}
	if (run->options.svg && !run->drawn)
		draw_svg(run->m, run->source->name, run->options.svg);
	run->drawn = true;
}

static bool fail(struct run *run, const struct step *step, const struct result *r)
{
	clear_progress(run);
	show_failure(run, step, r);
	return ++run->failed < MOST_FAILURES && !run->depth;
}

static bool expects(const struct step *step)
{
	return step->verb == DO_EXPECT || step->expected_at.line;
}

static bool run_step(struct run *run, const struct step *step)
{
	struct result r = { 0 };
	const char *wrong;

	memset(&run->m->work, 0, sizeof(run->m->work));
	show_step(run, step);
	if (step->verb == DO_REPEAT)
		return run_repeat(run, step);
	run->steps++;
	run->expected += expects(step);
	show_progress(run);
	if (step->verb == DO_PICTURE) {
		if (!run->depth)
			draw(run);
		return true;
	}
	do_step(run, step, &r);
	judge(run, step, &r);
	wrong = machine_check(run->m);
	if (wrong) {
		problem(&r, "what must never be: %s", wrong);
		run->broken = true;
	}
	show_result(run, step, &r);
	return r.problem[0] ? fail(run, step, &r) : true;
}

static bool run_steps(struct run *run, const struct step *step)
{
	for (; step; step = step->next) {
		if (!run_step(run, step))
			return false;
	}
	return true;
}

static u64 count_steps(const struct step *step)
{
	u64 n = 0;

	for (; step; step = step->next)
		n += step->verb == DO_REPEAT ? step->repeat * count_steps(step->body) : 1;
	return n;
}

static void check_end(struct run *run, const char *wrong)
{
	if (!wrong)
		return;
	run->failed++;
	run->broken = true;
	fprintf(run->options.out, "%s: at the end: %s\n", run->source->name, wrong);
}

static void say_result(const struct run *run)
{
	if (run->failed)
		fprintf(run->options.out, "%s: %llu failure%s in %llu steps\n", run->source->name,
			run->failed, run->failed == 1 ? "" : "s", run->steps);
	else if (!run->options.quiet)
		fprintf(run->options.out, "%s: %llu steps, %llu expectation%s, all met; nothing is "
			"left\n", run->source->name, run->steps, run->expected,
			run->expected == 1 ? "" : "s");
}

/**
 * run_scenario() - run a scenario on a machine of its own
 * @s: the scenario
 * @options: how
 *
 * Return: were all expectations met? See enum run_status.
 */
enum run_status run_scenario(const struct scenario *s, const struct run_options *options)
{
	struct run run = { .options = *options, .source = s->source, .s = s };

	run.m = machine_new(s);
	if (!run.m)
		return RUN_NO_MEMORY;
	run.total = count_steps(s->steps);
	run_steps(&run, s->steps);
	clear_progress(&run);
	if (!run.drawn)
		draw(&run);
	check_end(&run, machine_check_all(run.m));
	machine_close_all(run.m);
	check_end(&run, machine_check(run.m));
	check_end(&run, machine_left_over(run.m));
	say_result(&run);
	machine_free(run.m);
	if (run.broken)
		return RUN_BROKEN;
	return run.failed ? RUN_FAILED : RUN_MET;
}
