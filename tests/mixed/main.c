// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vfio-mixed: a container over IOMMU units that differ, in a real kernel.
 *
 * Each case runs in a process of its own, once for each type. When it has
 * ended, whatever it did, its devices are in no domain, no page is pinned that
 * was not before, and no unit has seen a translation used that its table no
 * longer had, or DMA to a page that is not pinned.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const struct mixed_case *const lists[] = {
	attach_cases, change_cases, region_cases, failure_cases, huge_cases, scattered_cases,
	untouched_cases, vtd_cases,
};

struct settings {
	bool manifold;
	const char *only;
	const struct mixed_case *list;	/* all but the untouched, when NULL */
	int passed, failed, skipped;
};

/* What a unit saw that it never should; NULL: nothing. */
static const char *violated(const struct rig_counters *c)
{
	if (c->stale)
		return "a unit used a translation that its table no longer had";
	if (c->unpinned)
		return "DMA reached a page that is not pinned";
	if (c->misuse)
		return "a unit was told to map what it can't";
	if (c->domains)
		return "a domain is left";
	return NULL;
}

/* Pages go back when the last reference on the container goes, a moment after its owner. */
static bool unpinned(long before)
{
	int i;

	for (i = 0; i < 200 && proc_pinned() > before; i++)
		sleep_ms(10);
	return proc_pinned() == before;
}

static const char *left_behind(int rig, long pinned)
{
	struct rig_counters counters = { 0 };
	const char *bad;

	for (counters.unit = 0; counters.unit < RIG_MAX_UNITS; counters.unit++) {
		if (ioctl(rig, RIG_GET_COUNTERS, &counters))
			continue;
		bad = violated(&counters);
		if (bad)
			return bad;
	}
	if (!unpinned(pinned))
		return "pages are left pinned";
	if (ioctl(rig, RIG_CLEAR))
		return "the rig can't be cleared";
	return NULL;
}

enum verdict { PASSED, FAILED, SKIPPED };

static enum verdict run_case(const struct mixed_case *c, unsigned long type, int rig, bool manifold)
{
	long pinned = proc_pinned();
	const char *bad;
	struct scene s;
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		alarm(120);
		scene_open(&s, type, manifold);
		c->run(&s);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("vfio-mixed");
		return FAILED;
	}
	bad = left_behind(rig, pinned);
	if (bad)
		printf("    %s\n", bad);
	if (WIFSIGNALED(status))
		printf("    killed by signal %d\n", WTERMSIG(status));
	if (!bad && WIFEXITED(status) && WEXITSTATUS(status) == CASE_SKIPPED)
		return SKIPPED;
	return bad || status ? FAILED : PASSED;
}

static void run(struct settings *settings, const struct mixed_case *c, int rig)
{
	static const struct {
		unsigned long type;
		const char *name;
	} types[] = { { VFIO_TYPE1v2_IOMMU, "type1v2" }, { VFIO_TYPE1_IOMMU, "type1" } };
	static const char *const words[] = { "ok", "FAIL", "skip" };
	int *const counts[] = { &settings->passed, &settings->failed, &settings->skipped };
	enum verdict verdict;
	int i;

	for (i = 0; i < 2; i++) {
		if (c->where == ON_MANIFOLD && !settings->manifold) {
			printf("    %s\n", c->why_not);
			verdict = SKIPPED;
		} else {
			verdict = run_case(c, types[i].type, rig, settings->manifold);
		}
		printf("%s %s on %s\n", words[verdict], c->name, types[i].name);
		++*counts[verdict];
	}
}

static void usage(FILE *to)
{
	fputs("usage: vfio-mixed --backend in-tree|manifold [--case NAME | --untouched | --vtd]\n"
	      "                  [--list]\n"
	      "A VFIO container over IOMMU units that differ; needs the rig (manifold_rig.ko).\n"
	      "  --untouched  only the cases of memory that nobody touched, otherwise left out\n"
	      "  --vtd        only the cases with the machine's own VT-d unit\n"
	      "Exit status: 0 all passed, 1 one failed, 2 bad use or no rig.\n", to);
}

static bool is_wanted(const struct settings *settings, const struct mixed_case *list)
{
	if (settings->list)
		return settings->list == list;
	return settings->only || list != untouched_cases;
}

static int run_all(struct settings *settings)
{
	int rig = open("/dev/manifold-rig", O_RDWR | O_CLOEXEC);
	const struct mixed_case *c;
	size_t i;

	if (rig < 0) {
		perror("vfio-mixed: /dev/manifold-rig");
		return 2;
	}
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (!is_wanted(settings, lists[i]))
			continue;
		for (c = lists[i]; c->name; c++) {
			if (!settings->only || !strcmp(settings->only, c->name))
				run(settings, c, rig);
		}
	}
	printf("%d passed, %d failed", settings->passed, settings->failed);
	printf(settings->skipped ? ", %d skipped\n" : "\n", settings->skipped);
	return settings->failed || !settings->passed;
}

static int list_all(void)
{
	const struct mixed_case *c;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (c = lists[i]; c->name; c++)
			puts(c->name);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "case", required_argument, NULL, 'c' },
		{ "list", no_argument, NULL, 'l' },
		{ "vtd", no_argument, NULL, 'v' },
		{ "untouched", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct settings settings = { 0 };
	const char *backend = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			backend = optarg;
			break;
		case 'c':
			settings.only = optarg;
			break;
		case 'l':
			return list_all();
		case 'v':
			settings.list = vtd_cases;
			break;
		case 'u':
			settings.list = untouched_cases;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (!backend || optind < argc ||
	    (strcmp(backend, "in-tree") && strcmp(backend, "manifold"))) {
		usage(stderr);
		return 2;
	}
	settings.manifold = !strcmp(backend, "manifold");
	return run_all(&settings);
}
