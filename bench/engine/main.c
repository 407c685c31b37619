// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench-engine: what the engine and the modelled units cost, natively.
 *
 * The lines it prints are those that bench/report reads.
 */
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

void die(const char *what)
{
	fprintf(stderr, "bench-engine: %s\n", what);
	exit(1);
}

struct mf_container *container(struct null_host *host)
{
	struct mf_config config = { .rules = MF_TYPE1V2, .mapping_limit = ~0u };
	struct mf_container *c;

	if (mf_open(&host->host, &config, &c) || mf_attach(c, null_group(1, 1), 0, NULL))
		die("no memory");
	return c;
}

static void usage(FILE *out)
{
	fputs("usage: bench-engine [--rounds N] [--mappings N] [--runs N] [--no-models]\n"
	      "Times the engine on a host that does nothing, its ledger, and the modelled units' walks.\n\n"
	      "  --rounds N     how often each is measured (5)\n"
	      "  --mappings N   go up to N mappings (10000000, which take 5 GB); 0: none\n"
	      "  --runs N       go up to N runs (100000000, which take 2 GB); 0: none\n"
	      "  --no-models    leave the modelled units out\n", out);
}

static u64 number(const char *text, u64 most)
{
	char *end;
	u64 value = strtoull(text, &end, 10);

	if (end == text || *end || *text == '-' || value > most) {
		fprintf(stderr, "bench-engine: '%s' is no number up to %llu\n", text, most);
		exit(2);
	}
	return value;
}

static const struct option options[] = {
	{ "rounds", required_argument, NULL, 'r' },
	{ "mappings", required_argument, NULL, 'm' },
	{ "runs", required_argument, NULL, 'u' },
	{ "no-models", no_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

int main(int argc, char **argv)
{
	u64 rounds = 5, mappings = 10000000, runs = 100000000;
	bool models = true;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (option) {
		case 'r':
			rounds = number(optarg, 1000);
			break;
		case 'm':
			mappings = number(optarg, 1000000000);
			break;
		case 'u':
			runs = number(optarg, 1000000000);
			break;
		case 'n':
			models = false;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 2;
	}

	/* What the engine frees and takes again is not to go by way of the system. */
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	watch_init();
	if (!watch_has_instructions())
		fprintf(stderr, "bench-engine: no counter of instructions here: time alone\n");
	bench_mappings((u32)rounds, mappings);
	bench_runs((u32)rounds, runs);
	bench_ledger((u32)rounds);
	if (models)
		bench_translate((u32)rounds);
	return 0;
}
