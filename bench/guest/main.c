// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vfio-bench: gives backends the same work, one after the other, for so many rounds.
 *
 * A line of results is KERNEL, UNIT, MEASURE, BACKEND, WORK, PHASE, PER, ROUND and VALUE, with tabs
 * between them. bench/run makes machines for it and gathers the lines.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tests/client/vfio.h"
#include "units.h"
#include "work.h"

#define LIST		"/tmp/vfio-devices"	/* by vfio-bind */
#define MAX_LISTED	16

struct options {
	const char *works, *backends;	/* names with commas; NULL: all */
	long rounds, mib, huge_mib, operations, entries;
	bool list;
};

static int usage(FILE *stream, int status)
{
	fputs("usage: vfio-bench [options]\n"
	      "\n"
	      "  --kernel NAME    the first column of results (default: unknown)\n"
	      "  --unit NAME      the second one (default: unknown)\n"
	      "  --instructions   this machine's clock counts instructions\n"
	      "  --manifold FILE  Manifold's module vfio_manifold.ko\n"
	      "  --work NAMES     only these works, with commas between them\n"
	      "  --backend NAMES  only these backends\n"
	      "  --rounds N       (default 3)\n"
	      "  --mib N          how much memory is mapped (default 256)\n"
	      "  --huge-mib N     and how much in huge pages, or of a device (default: as much)\n"
	      "  --operations N   how many single operations (default 10000)\n"
	      "  --entries N      how many mappings at the same time (default 60000)\n"
	      "  --mark PHASE     show a profiler where this phase begins and ends\n"
	      "  --list           the works and backends\n"
	      "\n"
	      "Exit status: 0 all went well, 1 a work failed, 2 bad use.\n", stream);
	return status;
}

/* Whether a name is among those asked for. */
static bool wanted(const char *names, const char *name)
{
	size_t length = strlen(name);

	if (!names)
		return true;
	while (*names) {
		size_t n = strcspn(names, ",");

		if (n == length && !strncmp(names, name, n))
			return true;
		names += n;
		names += *names == ',';
	}
	return false;
}

static bool known_work(const char *name)
{
	const struct work *work;

	for (work = works; work->name; work++) {
		if (!strcmp(work->name, name))
			return true;
	}
	return false;
}

static bool known_backend(const char *name)
{
	int i;

	for (i = 0; backends[i]; i++) {
		if (!strcmp(backends[i]->name, name))
			return true;
	}
	return false;
}

/* Says which of the names nobody has. */
static bool all_known(const char *names, bool (*known)(const char *name), const char *what)
{
	char *copy = names ? strdup(names) : NULL, *rest = copy, *name;
	bool good = true;

	while (rest && (name = strsep(&rest, ","))) {
		if (known(name))
			continue;
		fprintf(stderr, "vfio-bench: no %s '%s'; --list names them\n", what, name);
		good = false;
	}
	free(copy);
	return good;
}

static void list(void)
{
	const struct work *work;
	int i;

	printf("works:\n");
	for (work = works; work->name; work++)
		printf("  %-17s %s%s\n", work->name, work->what,
		       work->needs & NEEDS_TIME ? " (time only)" : "");
	printf("backends:\n");
	for (i = 0; backends[i]; i++)
		printf("  %-17s %s\n", backends[i]->name, backends[i]->what);
}

static int take_turn(struct turn *turn, const struct work *work)
{
	int err = turn->backend->ready();

	/*
	 * QEMU translates what runs for the first time, as a module does that was just loaded. And
	 * whoever unmaps memory first marks its pages dirty, which those who follow need not.
	 */
	if (!err && (!measure.counts_instructions || turn->block_is_fresh)) {
		measure.silent = true;
		err = work->run(turn);
		measure.silent = false;
	}
	turn->block_is_fresh = false;
	if (!err)
		err = work->run(turn);
	if (err && err != -ENOTSUP)
		note("FAIL %s of %s in round %d: %s", work->name, turn->backend->name,
		     measure.round, strerror(-err));
	return err == -ENOTSUP ? 0 : err;
}

/* All rounds of a work; in each, the backends take turns. */
static int take_rounds(const struct work *work, struct turn *turn, const struct options *options)
{
	int i, failures = 0;

	for (measure.round = 1; measure.round <= options->rounds; measure.round++) {
		for (i = 0; backends[i]; i++) {
			turn->backend = backends[i];
			measure.backend = backends[i]->name;
			if (backends[i]->when_named && !options->backends)
				continue;
			if (wanted(options->backends, backends[i]->name) &&
			    !(work->can & ~backends[i]->can))
				failures += !!take_turn(turn, work);
		}
	}
	return failures;
}

static int do_work(const struct work *work, const struct setup *setup,
		   const struct options *options)
{
	struct turn turn = { .setup = setup, .work = work };
	struct block block;
	int err, failures;

	turn.size = work->size ? work->size(setup) : setup->bytes;
	measure.work = work->name;
	if (!work->kind)
		return take_rounds(work, &turn, options);
	err = block_get(&block, work->kind, turn.size);
	if (err == -ENOTSUP) {
		note("%s: this machine has no such memory", work->name);
		return 0;
	}
	if (err) {
		note("FAIL %s: no memory: %s", work->name, strerror(-err));
		return 1;
	}
	turn.block = &block;
	turn.block_is_fresh = true;
	if (work->kind->touched)
		note("%s: %zu pages in %ld runs", work->name, block.size / PAGE,
		     block_runs(&block));
	failures = take_rounds(work, &turn, options);
	block_put(&block);
	return failures;
}

/* Whether this machine, and who asked, want it. */
static bool is_for_us(const struct work *work, const struct setup *setup,
		      const struct options *options)
{
	if (!wanted(options->works, work->name) ||
	    (work->needs & NEEDS_TIME && measure.counts_instructions))
		return false;
	if (work->needs & NEEDS_UNITS && setup->ndevices < 3) {
		note("%s: this machine has one unit", work->name);
		return false;
	}
	return true;
}

/* The first device of the machine that has a group of its own. */
static int find_device(struct device *device)
{
	struct vfio_listed listed[MAX_LISTED];
	int n = vfio_list(LIST, listed, MAX_LISTED);

	if (n < 1)
		return n < 0 ? n : vfio_failed(-ENODEV, "a device in %s", LIST);
	snprintf(device->name, sizeof(device->name), "%s", listed[0].address);
	device->group = listed[0].group;
	return 0;
}

static long number(const char *text, long max)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (!*text || *end || value < 1 || value > max) {
		fprintf(stderr, "vfio-bench: '%s' is no number from 1 to %ld\n", text, max);
		exit(2);
	}
	return value;
}

/* Where the value of an option goes; one that has none of them is only said. */
struct place {
	const char *name;
	const char **text;
	long *number, max;
	bool *said;
};

static void parse(int argc, char **argv, const struct place *places)
{
	const struct place *place;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help"))
			exit(usage(stdout, 0));
		for (place = places; place->name; place++) {
			if (!strncmp(argv[i], "--", 2) && !strcmp(argv[i] + 2, place->name))
				break;
		}
		if (!place->name || (!place->said && i + 1 == argc))
			exit(usage(stderr, 2));
		if (place->said)
			*place->said = true;
		else if (place->text)
			*place->text = argv[++i];
		else
			*place->number = number(argv[++i], place->max);
	}
}

static void get_options(int argc, char **argv, struct options *options)
{
	const struct place places[] = {
		{ .name = "kernel", .text = &measure.kernel },
		{ .name = "unit", .text = &measure.unit },
		{ .name = "instructions", .said = &measure.counts_instructions },
		{ .name = "manifold", .text = &manifold_module },
		{ .name = "work", .text = &options->works },
		{ .name = "backend", .text = &options->backends },
		{ .name = "rounds", .number = &options->rounds, .max = 1000 },
		{ .name = "mib", .number = &options->mib, .max = 1 << 20 },
		{ .name = "huge-mib", .number = &options->huge_mib, .max = 1 << 20 },
		{ .name = "operations", .number = &options->operations, .max = 1 << 24 },
		{ .name = "entries", .number = &options->entries, .max = 65535 },
		{ .name = "mark", .text = &measure.marked },
		{ .name = "list", .said = &options->list },
		{ }
	};

	parse(argc, argv, places);
	if (!all_known(options->works, known_work, "work") ||
	    !all_known(options->backends, known_backend, "backend"))
		exit(2);
}

int main(int argc, char **argv)
{
	struct options options = { .rounds = 3, .mib = 256, .operations = 10000, .entries = 60000 };
	struct device devices[3] = { };
	struct setup setup = { .devices = devices };
	const struct work *work;
	int failures = 0;

	get_options(argc, argv, &options);
	if (options.list) {
		list();
		return 0;
	}
	if (find_device(&devices[0]))
		return 1;
	setup.ndevices = 1 + units_make(&devices[1], 2);
	setup.bytes = (size_t)options.mib * MIB;
	setup.huge_bytes = (size_t)(options.huge_mib ? options.huge_mib : options.mib) * MIB;
	setup.operations = (unsigned int)options.operations;
	setup.entries = (unsigned int)options.entries;
	measure_init();
	for (work = works; work->name; work++) {
		if (is_for_us(work, &setup, &options))
			failures += do_work(work, &setup, &options);
	}
	if (measure.marked)
		note("marked: %.0f pages or operations", measure.marked_count);
	return failures ? 1 : 0;
}
