// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * manifold sim: run scenarios.
 */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/sim/run.h"

static const char help[] =
	"usage: manifold sim [OPTION...] FILE...\n"
	"\n"
	"Run scenarios: machines with modelled IOMMU units, and what is done on them.\n"
	"Each FILE is one (- is standard input); manifold-scenario(5) says how to write it.\n"
	"\n"
	"  -c, --check       read the files, run nothing\n"
	"  -q, --quiet       say only what fails\n"
	"  -s, --svg FILE    draw the machine and its IOVA space into FILE; takes one scenario\n"
	"  -h, --help        this\n"
	"  -V, --version     the version\n"
	"\n"
	"Exit status: 0 all expectations were met; 1 one was not; 2 bad use, or a scenario\n"
	"that can't be read; 3 no memory, or a file that can't be written.\n";

struct sim_options {
	struct run_options run;
	const char *svg;
	bool check;
};

static int open_svg(struct sim_options *o)
{
	if (!o->svg)
		return 0;
	o->run.svg = fopen(o->svg, "w");
	if (o->run.svg)
		return 0;
	fprintf(stderr, "manifold: %s: %s\n", o->svg, strerror(errno));
	return EXIT_SYSTEM;
}

static int close_svg(struct sim_options *o)
{
	bool failed;

	if (!o->run.svg)
		return 0;
	failed = ferror(o->run.svg);
	failed |= fclose(o->run.svg) != 0;
	o->run.svg = NULL;
	if (failed)
		fprintf(stderr, "manifold: %s: can't be written\n", o->svg);
	return failed ? EXIT_SYSTEM : 0;
}

static int run_read(const struct scenario *scenario, struct sim_options *o)
{
	int status = open_svg(o), closed;

	if (status)
		return status;
	switch (run_scenario(scenario, &o->run)) {
	case RUN_MET:
		status = EXIT_MET;
		break;
	case RUN_FAILED:
	case RUN_BROKEN:
		status = EXIT_FAILED;
		break;
	default:
		fprintf(stderr, "manifold: %s: no memory\n", scenario->source->name);
		status = EXIT_SYSTEM;
		break;
	}
	closed = close_svg(o);
	return closed ? closed : status;
}

static int run_file(const char *path, struct sim_options *o)
{
	struct scenario *scenario = malloc(sizeof(*scenario));
	struct source source;
	int status = EXIT_USAGE, err;

	if (!scenario) {
		fprintf(stderr, "manifold: no memory\n");
		return EXIT_SYSTEM;
	}
	err = source_load(&source, path, stderr);
	if (!err) {
		if (scenario_parse(scenario, &source))
			status = o->check ? EXIT_MET : run_read(scenario, o);
		scenario_free(scenario);
		source_free(&source);
	} else if (err == -ENOMEM) {
		status = EXIT_SYSTEM;
	}
	free(scenario);
	return status;
}

static const struct option options[] = {
	{ "check", no_argument, NULL, 'c' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "svg", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Returns the exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct sim_options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "cqs:hV", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			o->check = true;
			break;
		case 'q':
			o->run.quiet = true;
			break;
		case 's':
			o->svg = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_MET;
		case 'V':
			print_version();
			return EXIT_MET;
		default:
			fputs("manifold: see manifold sim --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc || (o->svg && argc - optind != 1)) {
		fprintf(stderr, "manifold sim: expected %s\nmanifold: see manifold sim --help\n",
			optind == argc ? "a scenario" : "one scenario with --svg");
		return EXIT_USAGE;
	}
	return -1;
}

/**
 * command_sim() - manifold sim
 */
int command_sim(int argc, char **argv)
{
	struct sim_options o = { .run = { .out = stdout } };
	int status = read_options(argc, argv, &o), i, one;

	if (status >= 0)
		return status;
	status = EXIT_MET;
	if (isatty(STDERR_FILENO))
		o.run.progress = stderr;
	for (i = optind; i < argc; i++) {
		if (i > optind && !o.run.quiet && !o.check)
			fputs("\n", stdout);
		one = run_file(argv[i], &o);
		if (one > status)
			status = one;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "manifold: standard output can't be written\n");
		status = EXIT_SYSTEM;
	}
	return status;
}
