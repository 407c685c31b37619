// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Scenarios by a fuzzer: any bytes are read, or refused with a message, and
 * what can be read and is small is run. An expectation that isn't met is no
 * finding. What must never be, is.
 *
 * Some scenarios are read but not run: those with DMA in the background, which
 * are not the same each time, those in which a unit keeps what it was told to
 * forget, and those that map by hand; both of these may well reach memory that
 * nobody has pinned.
 */
#include <stdlib.h>

#include "tools/sim/run.h"

#define SMALL_MEMORY	(4ull << 20)
#define SMALL_STEPS	100

static bool is_tame(const struct step *step)
{
	switch (step->verb) {
	case DO_TRAFFIC_START:
		return false;
	case DO_BREAK:
		return step->on_host || step->defect != BREAK_CARELESS;
	default:
		return step->verb < DO_HAND_DOMAIN;
	}
}

/* How many steps will run; SMALL_STEPS + 1 for too many, or one that is not tame. */
static u64 count(const struct step *step)
{
	u64 n = 0;

	for (; step && n <= SMALL_STEPS; step = step->next) {
		if (!is_tame(step))
			return SMALL_STEPS + 1;
		n += step->verb == DO_REPEAT ? step->repeat * count(step->body) : 1;
	}
	return mf_min(n, SMALL_STEPS + 1);
}

static bool is_small(const struct scenario *s)
{
	u64 memory = 0;
	u32 i;

	for (i = 0; i < s->nr_owners; i++)
		memory += s->owners[i].bytes;
	return memory <= SMALL_MEMORY && count(s->steps) <= SMALL_STEPS;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct scenario *s = malloc(sizeof(*s));
	struct source source = { .name = "scenario", .size = (u32)size };
	struct run_options options = { 0 };
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	source.text = malloc(size + 1);
	if (!s || !nowhere || !source.text)
		abort();
	memcpy(source.text, data, size);
	source.errors = nowhere;
	options.out = nowhere;
	options.svg = nowhere;

	if (scenario_parse(s, &source) && is_small(s) && run_scenario(s, &options) == RUN_BROKEN)
		abort();
	scenario_free(s);
	source_free(&source);
	free(s);
	return 0;
}
