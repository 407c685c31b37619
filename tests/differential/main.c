// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vfio-differential: the same random sequence of requests to in-tree type1 and
 * to Manifold, and every answer compared. What differs is shrunk and printed.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../client/vfio.h"
#include "compare.h"
#include "generate.h"
#include "pretend.h"
#include "print.h"
#include "process.h"
#include "shrink.h"

#define BLOCK 200
#define ERRNOS 134

struct settings {
	__u64 seed;
	unsigned long count;		/* 0: until the time is over */
	long seconds;			/* 0: until all are done */
	unsigned int without;
	unsigned int most;		/* differences, then it ends */
	bool list, self_test, whole;
};

struct run {
	const struct settings *settings;
	struct stage stage;
	struct sequence *sequences;
	struct transcript *transcripts[BACKENDS];
	unsigned long sequences_done, steps_done;
	unsigned long results[STEP_KINDS][ERRNOS];	/* 0: succeeded */
	unsigned int differences;
	unsigned int shrunk_to;		/* steps of the last one */
	bool broken;
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Once more, to have both transcripts of just this one. */
static bool play_one(struct run *run, const struct sequence *sequence, struct difference *d)
{
	return play_block(&run->stage, sequence, 1, run->transcripts) &&
	       compare(sequence, run->transcripts, 0, d);
}

/* A difference: made short, and printed. */
static void report(struct run *run, const struct sequence *found)
{
	struct sequence sequence = *found;
	struct difference d;

	run->differences++;
	printf("\nDIFFERENCE in the sequence of seed %llu, of %u steps\n", found->seed, found->nr);
	fflush(stdout);
	if (run->settings->whole) {
		if (play_one(run, &sequence, &d))
			print_listing(stdout, &run->stage, &sequence, run->transcripts, &d);
		return;
	}
	if (!shrink(&run->stage, &sequence) || !play_one(run, &sequence, &d)) {
		printf("    played again, it shows none\n");
		run->shrunk_to = ~0u;
		return;
	}
	print_listing(stdout, &run->stage, &sequence, run->transcripts, &d);
	run->shrunk_to = sequence.nr;
	printf("\n");
	fflush(stdout);
}

/* Sequences that only fail test little: how much of it succeeded? */
static void count_steps(struct run *run, unsigned int number)
{
	const struct sequence *sequence = &run->sequences[number];
	const struct transcript *t = &run->transcripts[IN_TREE][number];
	unsigned int i;

	run->sequences_done++;
	run->steps_done += sequence->nr;
	for (i = 0; i < sequence->nr; i++) {
		const struct fact *facts = &t->facts[t->first[i]];
		unsigned int nr = t->first[i + 1] - t->first[i];
		__u64 error = fact_of(facts, nr, FACT_ERRNO, 0);

		if (fact_of(facts, nr, FACT_RESULT, 0) != ~0ULL)
			error = 0;
		run->results[sequence->steps[i].kind][error < ERRNOS ? error : 1]++;
	}
}

/* One block; its first difference is enough, since shrinking plays others. */
static void run_block(struct run *run, __u64 seed, unsigned int nr)
{
	struct sequence found[8];
	unsigned int i, nfound = 0;
	struct difference d;

	for (i = 0; i < nr; i++)
		generate(&run->sequences[i], seed + i, &run->stage, run->settings->without);
	if (!play_block(&run->stage, run->sequences, nr, run->transcripts)) {
		run->broken = true;
		return;
	}
	for (i = 0; i < nr; i++) {
		count_steps(run, i);
		if (nfound < 8 && compare(&run->sequences[i], run->transcripts, i, &d))
			found[nfound++] = run->sequences[i];
	}
	for (i = 0; i < nfound && run->differences < run->settings->most; i++)
		report(run, &found[i]);
}

static void run_all(struct run *run)
{
	const struct settings *s = run->settings;
	double end = seconds_now() + (double)s->seconds;
	unsigned long done = 0;

	while (!run->broken && run->differences < s->most) {
		unsigned int nr = BLOCK;

		if (s->count && s->count - done < nr)
			nr = (unsigned int)(s->count - done);
		if (!nr || (s->seconds && seconds_now() >= end))
			break;
		run_block(run, s->seed + done, nr);
		done += nr;
	}
}

static bool prepare(struct run *run)
{
	int i;

	/* First, while there is little that its children would have to copy. */
	if (!play_prepare())
		return false;
	run->sequences = calloc(BLOCK, sizeof(*run->sequences));
	for (i = 0; i < BACKENDS; i++)
		run->transcripts[i] = calloc(BLOCK, sizeof(*run->transcripts[i]));
	if (!run->sequences || !run->transcripts[0] || !run->transcripts[1])
		return false;
	if (!stage_set(&run->stage))
		return false;
	play_on(&run->stage);
	return true;
}

static void end(struct run *run)
{
	backend_unload();
	stage_clear(&run->stage);
}

/* --- commands -------------------------------------------------------------------------------- */

static void print_counts(const struct run *run)
{
	static const struct {
		enum step_kind kind;
		const char *name;
	} shown[] = {
		{ STEP_SET_CONTAINER, "SET_CONTAINER" }, { STEP_SET_IOMMU, "SET_IOMMU" },
		{ STEP_GET_INFO, "GET_INFO" }, { STEP_MAP, "MAP_DMA" },
		{ STEP_UNMAP, "UNMAP_DMA" }, { STEP_DIRTY, "DIRTY_PAGES" },
	};
	unsigned int i, error;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		const unsigned long *results = run->results[shown[i].kind];

		printf("%s: %lu succeeded", shown[i].name, results[0]);
		for (error = 1; error < ERRNOS; error++) {
			if (results[error])
				printf(", %lu %s", results[error], error_name(-(int)error));
		}
		printf("\n");
	}
}

static void count_intended(void)
{
	unsigned int i;

	for (i = 0; i < nr_intended; i++) {
		if (intended[i].seen)
			printf("intended: %s, %lu times (%s)\n", intended[i].name,
			       intended[i].seen, intended[i].why);
	}
}

/* Returns how many differences there were, or one when the run broke. */
static unsigned int fuzz(struct run *run)
{
	const struct settings *s = run->settings;
	double begin = seconds_now(), took;

	printf("seeds from %llu on\n", s->seed);
	fflush(stdout);
	run->sequences_done = 0;
	run->steps_done = 0;
	memset(run->results, 0, sizeof(run->results));
	run->differences = 0;
	run_all(run);
	took = seconds_now() - begin;
	printf("%lu sequences of %lu steps on both, in %.0f s, %.0f a minute; seeds %llu to %llu\n",
	       run->sequences_done, run->steps_done, took,
	       took > 0 ? (double)run->sequences_done * 60 / took : 0, s->seed,
	       s->seed + run->sequences_done - 1);
	print_counts(run);
	count_intended();
	return run->differences + run->broken;
}

/* A fault that is only pretended must be found, and made short. */
static bool finds(struct run *run, const struct pretence *pretence)
{
	const struct settings *before = run->settings;
	struct settings settings = { .seed = 1, .count = 4000, .without = before->without,
				     .most = 1 };

	printf("a fault to be found: %s\n", pretence->what);
	run->settings = &settings;
	run->differences = 0;
	run->shrunk_to = 0;
	pretend(pretence);
	run_all(run);
	pretend(NULL);
	run->settings = before;
	if (run->differences && run->shrunk_to <= pretence->steps) {
		printf("ok %s: found, and shrunk to %u steps\n", pretence->name, run->shrunk_to);
		return true;
	}
	printf("FAIL %s: %s\n", pretence->name,
	       run->differences ? "found, but not made short" : "not found");
	return false;
}

static unsigned int self_test(struct run *run)
{
	unsigned int i, failed = 0;

	for (i = 0; i < nr_pretences; i++)
		failed += !finds(run, &pretences[i]);
	return failed;
}

static int run_and_count(struct run *run)
{
	unsigned int tests = run->settings->self_test ? nr_pretences : 0, failed = 0, found;

	if (tests)
		failed = self_test(run);
	found = fuzz(run);
	end(run);
	printf("%u passed, %u failed\n", tests - failed + !found, failed + found);
	return failed || found;
}

static int list(struct run *run)
{
	struct sequence sequence;
	unsigned long i;

	for (i = 0; i < run->settings->count; i++) {
		generate(&sequence, run->settings->seed + i, &run->stage, run->settings->without);
		printf("/* seed %llu */\n", sequence.seed);
		print_listing(stdout, &run->stage, &sequence, NULL, NULL);
	}
	end(run);
	return 0;
}

static void usage(FILE *to)
{
	fputs("usage: vfio-differential [OPTION]...\n"
	      "The same sequences of requests to in-tree type1 and to Manifold, every answer compared.\n"
	      "Needs the rig (manifold_rig.ko), vfio, both backends in modprobe's reach and not loaded.\n"
	      "  --seed N       the first sequence's (default: from the clock)\n"
	      "  --count N      so many sequences, of consecutive seeds\n"
	      "  --seconds N    for so long (default 30, without --count)\n"
	      "  --most N       end after so many differences (default 3)\n"
	      "  --without L    requests not to make: vaddr, dirty; separated by commas\n"
	      "  --whole        print what differs as it is, not shrunk\n"
	      "  --list         print the sequences, play none\n"
	      "  --self-test    first pretend faults, and see that they are found and shrunk\n"
	      "Exit status: 0 no difference, 1 some, 2 bad use or no rig.\n", to);
}

static bool parse_without(struct settings *s, char *list)
{
	char *word;

	for (word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		if (!strcmp(word, "vaddr"))
			s->without |= WITHOUT_VADDR;
		else if (!strcmp(word, "dirty"))
			s->without |= WITHOUT_DIRTY;
		else
			return false;
	}
	return true;
}

static bool parse_number(const char *text, unsigned long long *number)
{
	char *rest;

	*number = strtoull(text, &rest, 0);
	return rest != text && !*rest && *text != '-';
}

static bool parse_option(struct settings *s, int option, char *argument)
{
	unsigned long long number = 0;

	if (strchr("scmt", option) && !parse_number(argument, &number))
		return false;
	switch (option) {
	case 's':
		s->seed = number;
		return true;
	case 'c':
		s->count = number;
		return number;
	case 't':
		s->seconds = (long)number;
		return number;
	case 'm':
		s->most = (unsigned int)number;
		return number;
	case 'w':
		return parse_without(s, argument);
	case 'f':
		s->whole = true;
		return true;
	case 'l':
		s->list = true;
		return true;
	case 'T':
		s->self_test = true;
		return true;
	}
	return false;
}

static bool parse(struct settings *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 't' },
		{ "most", required_argument, NULL, 'm' },
		{ "without", required_argument, NULL, 'w' },
		{ "whole", no_argument, NULL, 'f' },
		{ "list", no_argument, NULL, 'l' },
		{ "self-test", no_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			exit(0);
		}
		if (!parse_option(s, option, optarg))
			return false;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct settings settings = { .seed = (__u64)time(NULL) * 1000, .most = 3 };
	struct run run = { .settings = &settings };

	if (argc == 3 && !strcmp(argv[1], "--process"))
		process_live_again((unsigned int)atoi(argv[2]));
	if (!parse(&settings, argc, argv)) {
		usage(stderr);
		return 2;
	}
	if (settings.list)
		settings.count = settings.count ?: 1;
	if (!settings.count && !settings.seconds)
		settings.seconds = 30;
	vfio_quiet = true;
	if (!prepare(&run))
		return 2;
	return settings.list ? list(&run) : run_and_count(&run);
}
