// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vfio-accounting: who is billed how much for pinned memory. Containers over the same memory, in
 * part or in whole, of one process or several, and after each step VmLck held against the rule.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"

static int usage(FILE *stream, int status)
{
	fputs("usage: vfio-accounting [OPTION]... RULE\n"
	      "\n"
	      "RULE says what a page costs that is pinned more than once for its owner:\n"
	      "  each-time        as often (in-tree type1; Manifold with bill_once=0)\n"
	      "  once             once (Manifold)\n"
	      "\n"
	      "  --manifold       the backend is Manifold: bill_once is set by the rule, and its\n"
	      "                   debugfs folder is looked into\n"
	      "  --only CASE      one case\n"
	      "  --mib N          memory that is mapped again and again (default 4)\n"
	      "  --stress N       instead of the cases: N rounds of many processes at random\n"
	      "  --seed N         of --stress\n"
	      "  --table LABEL    instead: figures, a line each, with tabs between label, memory,\n"
	      "                   address spaces, MiB mapped in each (--mib, or a part of that), VmLck\n"
	      "                   and VmPin in MiB, KiB of Manifold's ledger\n"
	      "  --way WAY        of --table: containers, iommufd (spaces of one iommufd), or copy\n"
	      "                   (the same, copied from one that has all of it)\n"
	      "  --devices FILE   lines \"NAME PCI-ADDRESS GROUP\" (default /tmp/vfio-devices)\n"
	      "  --module NAME    the backend's module (default vfio_iommu_type1)\n"
	      "\nNeeds root, 16 devices named edu with a group each, and nobody else who pins.\n"
	      "Exit status: 0 all is as the rule says, 1 something is not, 2 usage.\n", stream);
	return status;
}

struct arguments {
	struct settings settings;
	unsigned long stress, seed;
	const char *table;
};

static bool parse_way(struct settings *settings, const char *text)
{
	static const char *const names[] = {
		[WAY_CONTAINERS] = "containers", [WAY_IOMMUFD] = "iommufd", [WAY_COPY] = "copy",
	};

	for (int way = WAY_CONTAINERS; way <= WAY_COPY; way++) {
		if (strcmp(text, names[way]))
			continue;
		settings->way = (enum way)way;
		return true;
	}
	return false;
}

static bool parse_option(struct arguments *arguments, int option, const char *text)
{
	struct settings *settings = &arguments->settings;

	switch (option) {
	case 'M':
		settings->manifold = true;
		return true;
	case 'o':
		settings->only = text;
		return true;
	case 'n':
		settings->mib = strtoul(text, NULL, 10);
		return settings->mib;
	case 's':
		arguments->stress = strtoul(text, NULL, 10);
		return arguments->stress;
	case 'S':
		arguments->seed = strtoul(text, NULL, 10);
		return true;
	case 'w':
		return parse_way(settings, text);
	case 't':
		arguments->table = text;
		return true;
	case 'd':
		settings->list = text;
		return true;
	case 'm':
		settings->module = text;
		return true;
	}
	return false;
}

static bool parse_rule(struct settings *settings, const char *text)
{
	settings->rule = strcmp(text, "once") ? RULE_EACH_TIME : RULE_ONCE;
	return !strcmp(text, "once") || !strcmp(text, "each-time");
}

static int run(const struct arguments *arguments)
{
	const struct settings *settings = &arguments->settings;

	vfio_quiet = true;
	if (!book_prepare()) {
		fprintf(stderr, "vfio-accounting: page frames can't be looked up\n");
		return 2;
	}
	if (settings->manifold && !set_rule(settings, settings->rule)) {
		fprintf(stderr, "vfio-accounting: %s has no parameter bill_once\n",
			settings->module);
		return 2;
	}
	if (arguments->stress)
		return run_stress(settings, (int)arguments->stress, (unsigned int)arguments->seed);
	if (arguments->table)
		return run_table(settings, arguments->table);
	return run_cases(settings);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "manifold", no_argument, NULL, 'M' },
		{ "only", required_argument, NULL, 'o' },
		{ "mib", required_argument, NULL, 'n' },
		{ "stress", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "table", required_argument, NULL, 't' },
		{ "way", required_argument, NULL, 'w' },
		{ "devices", required_argument, NULL, 'd' },
		{ "module", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct arguments arguments = {
		.settings = {
			.module = "vfio_iommu_type1", .list = "/tmp/vfio-devices", .mib = 4,
		},
		.seed = 1,
	};
	int option;

	if (argc == 3 && !strcmp(argv[1], "--actor"))
		actor_live_again(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "--left"))
		return run_left(argv[2]);
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, 0);
		if (!parse_option(&arguments, option, optarg))
			return usage(stderr, 2);
	}
	if (optind != argc - 1 || !parse_rule(&arguments.settings, argv[optind]))
		return usage(stderr, 2);
	return run(&arguments);
}
