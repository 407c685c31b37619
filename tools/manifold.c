// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * manifold: one command, and a subcommand for each thing it does.
 */
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"

struct command {
	const char *name;
	const char *title;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "sim", "run scenarios on modelled IOMMU units", command_sim },
	{ NULL, NULL, NULL },
};

void print_version(void)
{
	printf("manifold %s\n", MANIFOLD_VERSION);
}

static void print_help(FILE *out)
{
	const struct command *c;

	fputs("usage: manifold COMMAND [ARGUMENT...]\n"
	      "       manifold --help | --version\n"
	      "\n"
	      "One DMA map in front of many IOMMU domains.\n"
	      "\n", out);
	for (c = commands; c->name; c++)
		fprintf(out, "  %-8s %s\n", c->name, c->title);
	fputs("\nmanifold COMMAND --help says more.\n", out);
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(stdout);
		return EXIT_MET;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		print_version();
		return EXIT_MET;
	}
	for (c = commands; c->name; c++) {
		if (!strcmp(argv[1], c->name))
			return c->run(argc - 1, argv + 1);
	}
	fprintf(stderr, "manifold: expected a command, found '%s'\n"
		"manifold: see manifold --help\n", argv[1]);
	return EXIT_USAGE;
}
