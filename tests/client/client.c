// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vfio-client: uses devices through VFIO as real programs do, and checks every byte. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

static const struct {
	const char *name;
	int (*run)(const struct options *options);
	bool in_all;
	const char *what;
} commands[] = {
	{ "edu", command_edu, true, "DMA both ways, then DMA that the IOMMU must refuse" },
	{ "nvme", command_nvme, true, "identify the disk, read blocks and compare them" },
	{ "memory", command_memory, true, "DMA to and from every kind of memory" },
	{ "p2p", command_p2p, false, "DMA to another device's BAR (part of memory)" },
	{ "killed", command_killed, true, "clients killed with SIGKILL leave nothing behind" },
	{ "hold", command_hold, false, "map, do DMA, say ready, wait for a line, the end of stdin\n"
	  "           or SIGTERM" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *stream, int status)
{
	fputs("usage: vfio-client [--type N] [--devices FILE] [--module NAME] COMMAND\n"
	      "\n"
	      "  --type N        IOMMU type to set: 1 (v1), 3 (v2, default), or any number\n"
	      "  --devices FILE  lines \"NAME PCI-ADDRESS GROUP\" (default /tmp/vfio-devices)\n"
	      "  --module NAME   backend whose users are counted (default vfio_iommu_type1)\n"
	      "\n", stream);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].what);
	fputs("  all      edu, nvme, memory, killed\n"
	      "\nA line a fact. Exit status: 0 all facts hold, 1 one does not, 2 usage.\n", stream);
	return status;
}

static int run(const char *name, const struct options *options)
{
	bool all = !strcmp(name, "all"), found = false;

	for (size_t i = 0; i < COMMANDS; i++) {
		int error;

		if (all ? !commands[i].in_all : strcmp(name, commands[i].name))
			continue;
		found = true;
		printf("# %s, type %lu\n", commands[i].name, options->type);
		error = commands[i].run(options);
		if (error)
			fact(false, "%s: %s", commands[i].name, error_name(error));
	}
	if (!found)
		return usage(stderr, 2);
	printf("# %s\n", facts_failed() ? "FAILED" : "all facts hold");
	return facts_failed() ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "type", required_argument, NULL, 't' },
		{ "devices", required_argument, NULL, 'd' },
		{ "module", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options options = {
		.type = VFIO_TYPE1v2_IOMMU,
		.list = "/tmp/vfio-devices",
		.module = "vfio_iommu_type1",
	};
	char *end;
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 't':
			options.type = strtoul(optarg, &end, 0);
			if (!*optarg || *end)
				return usage(stderr, 2);
			break;
		case 'd':
			options.list = optarg;
			break;
		case 'm':
			options.module = optarg;
			break;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 2);
		}
	}
	return optind == argc - 1 ? run(argv[optind], &options) : usage(stderr, 2);
}
