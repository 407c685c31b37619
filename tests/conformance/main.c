// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* conformance: asks a type1 backend every question of the reference and compares the answers. */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "row.h"

static const struct row *const lists[] = {
	container_rows, attach_rows, info_rows, map_rows, memory_rows, unmap_rows, dirty_rows,
	tracking_rows, vaddr_rows, nesting_rows, emulated_rows, kernel_rows, units_rows,
};

#define LISTS		(sizeof(lists) / sizeof(lists[0]))
#define MAX_ROWS	400
#define LAST_NUMBER	154	/* rows of the reference have the numbers from 1 to this */
#define MAX_ALLOWED	64

/* All of them, in the reference's order, wherever they come from; ended by NULL. */
static const struct row *rows[MAX_ROWS + 1];

struct allowed {
	char number[32], reason[256];
	unsigned int series;		/* one bit each */
};

static struct {
	struct settings settings;
	const char *backend, *rows, *results;
	struct allowed allowed[MAX_ALLOWED];
	int nallowed;
} options;

static const char *const series_names[ALL_SERIES] = { "6.1", "6.12", "7.3" };

static const struct {
	const char *name;
	enum feature feature;
} features[] = {
	{ "dirty", FEATURE_DIRTY },
	{ "vaddr", FEATURE_VADDR },
	{ "emulated", FEATURE_EMULATED },
	{ "nesting", FEATURE_NESTING },
};

#define FEATURES (sizeof(features) / sizeof(features[0]))

#define FOR_EACH_ROW(row) \
	for (const struct row *row, **at_ = rows; (row = *at_); at_++)

static void __attribute__((noreturn)) fail(const char *what, const char *which)
{
	fprintf(stderr, "conformance: %s '%s'\n", what, which);
	exit(2);
}

/* Lettered rows follow the one of their number. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *first = *(const struct row *const *)a;
	const struct row *second = *(const struct row *const *)b;
	int one = atoi(first->number), two = atoi(second->number);

	return one != two ? one - two : strcmp(first->number, second->number);
}

static void gather_rows(void)
{
	size_t n = 0;

	for (size_t i = 0; i < LISTS; i++) {
		for (const struct row *row = lists[i]; row->number; row++) {
			if (n == MAX_ROWS)
				fail("too many rows at", row->number);
			rows[n++] = row;
		}
	}
	qsort(rows, n, sizeof(rows[0]), compare_rows);
}

/* Each of the reference's rows is there, and none twice; or a sentence that says which is not. */
static const char *table_fault(void)
{
	static char fault[64];
	int last = 0;

	FOR_EACH_ROW(row) {
		int number = atoi(row->number);

		if (at_ != rows && !strcmp(row->number, at_[-1]->number)) {
			snprintf(fault, sizeof(fault), "row %s is there twice", row->number);
			return fault;
		}
		if (number > last + 1)
			break;
		last = number;
	}
	if (last == LAST_NUMBER)
		return NULL;
	snprintf(fault, sizeof(fault), "row %d is missing", last + 1);
	return fault;
}

/* "55" chooses row 55 and its lettered ones, "51m" that one, "60-70" a range. */
static bool chosen_by(const char *item, const struct row *row)
{
	char *end;
	long first = strtol(item, &end, 10), last = first, number = atol(row->number);

	if (end == item)
		fail("not a row", item);
	if (isalpha((unsigned char)*end))
		return !strcmp(item, row->number);
	if (*end == '-')
		last = strtol(end + 1, &end, 10);
	if (*end)
		fail("not a row", item);
	return number >= first && number <= last;
}

static bool is_chosen(const struct row *row)
{
	char list[1024], *rest = list, *item;
	bool chosen = false;

	if (!options.rows)
		return true;
	snprintf(list, sizeof(list), "%s", options.rows);
	while ((item = strsep(&rest, ",")))
		chosen |= chosen_by(item, row);
	return chosen;
}

static const struct row *find_row(const char *number)
{
	FOR_EACH_ROW(row) {
		if (!strcmp(row->number, number))
			return row;
	}
	return NULL;
}

static enum series find_series(const char *name)
{
	for (int i = 0; i < ALL_SERIES; i++) {
		if (!strcmp(name, series_names[i]))
			return i;
	}
	fail("series are 6.1, 6.12, 7.3, not", name);
}

/* "70" is about every series, "70@6.1,6.12" about those. Leaves the row in @text. */
static unsigned int split_series(char *text)
{
	char *list = strchr(text, '@'), *name;
	unsigned int series = 0;

	if (!list)
		return ~0u;
	*list++ = 0;
	while ((name = strsep(&list, ",")))
		series |= 1u << find_series(name);
	return series;
}

/* Lines "row reason"; a # starts a comment. A row without a reason is not explained. */
static void read_allowed(const char *path)
{
	FILE *stream = fopen(path, "re");
	char line[512];

	if (!stream)
		fail("cannot read", path);
	while (fgets(line, sizeof(line), stream)) {
		struct allowed *allowed = &options.allowed[options.nallowed];
		int fields = sscanf(line, "%31s %255[^\n]", allowed->number, allowed->reason);

		if (fields < 1 || allowed->number[0] == '#')
			continue;
		if (fields < 2)
			fail("no reason given for row", allowed->number);
		allowed->series = split_series(allowed->number);
		if (!find_row(allowed->number))
			fail("there is no row", allowed->number);
		if (++options.nallowed == MAX_ALLOWED)
			fail("too many rows in", path);
	}
	fclose(stream);
}

static const char *reason_to_differ(const struct row *row)
{
	for (int i = 0; i < options.nallowed; i++) {
		const struct allowed *allowed = &options.allowed[i];

		if (!strcmp(allowed->number, row->number) &&
		    allowed->series >> options.settings.series & 1)
			return allowed->reason;
	}
	return NULL;
}

static enum series running_series(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		fail("cannot tell the kernel's series", "uname");
	if (major >= 7)
		return SERIES_7_3;
	return major == 6 && minor < 12 ? SERIES_6_1 : SERIES_6_12;
}

const char *feature_name(enum feature feature)
{
	for (size_t i = 0; i < FEATURES; i++) {
		if (features[i].feature == feature)
			return features[i].name;
	}
	return "?";
}

static void set_without(char *list)
{
	char *item;

	while ((item = strsep(&list, ","))) {
		unsigned int before = options.settings.without;

		for (size_t i = 0; i < FEATURES; i++) {
			if (!strcmp(item, features[i].name))
				options.settings.without |= features[i].feature;
		}
		if (options.settings.without == before)
			fail("features are dirty, vaddr, emulated, nesting, each once; not", item);
	}
}

/* A line a row: what it is about, and what must come of it, or where that is tested instead. */
static int list_rows(void)
{
	static const char *const types[] = { "", " v1", " v2", " v1+v2" };
	const char *fault = table_fault(), *file;
	char text[32], sound[32];

	FOR_EACH_ROW(row) {
		if (!is_chosen(row))
			continue;
		if (row->elsewhere) {
			printf("row %4s  elsewhere  %s (%s)\n", row->number, row->what,
			       row->elsewhere);
			continue;
		}
		file = strrchr(row->file, '/');
		value_name(row->expect[options.settings.series], text, sizeof(text));
		printf("row %4s  %-12s  %s -> %s", row->number, file ? file + 1 : row->file,
		       row->what, text);
		if (row->defect)
			printf(" (a defect; sound: %s)",
			       value_name(row->sound, sound, sizeof(sound)));
		printf("%s\n", types[row->types]);
	}
	if (!fault)
		return 0;
	fprintf(stderr, "conformance: %s\n", fault);
	return 1;
}

struct tally {
	int passed, failed, skipped, allowed;
};

static void judge(const struct row *row, const struct outcome *outcome, struct tally *tally)
{
	const char *reason = reason_to_differ(row);
	char text[32];

	if (outcome->differs && reason) {
		printf("row %4s  allowed  %s: %s (%s)\n", row->number, row->what, outcome->why,
		       reason);
		tally->allowed++;
	} else if (outcome->differs) {
		printf("row %4s  DIFFERS  %s: %s\n", row->number, row->what, outcome->why);
		tally->failed++;
	} else if (outcome->skipped) {
		printf("row %4s  skip  %s (%s)\n", row->number, row->what, outcome->why);
		tally->skipped++;
	} else if (reason) {
		printf("row %4s  STALE  %s: listed as a difference, but does not differ\n",
		       row->number, row->what);
		tally->failed++;
	} else {
		printf("row %4s  ok    %s -> %s\n", row->number, row->what,
		       value_name(expected(&options.settings, row), text, sizeof(text)));
		tally->passed++;
	}
}

static int run_rows(void)
{
	struct tally tally = { 0 };
	struct outcome outcome;
	FILE *results = NULL;

	if (options.results) {
		results = fopen(options.results, "we");
		if (!results)
			fail("cannot write", options.results);
	}
	printf("# backend %s, reference of %s\n", options.backend,
	       series_names[options.settings.series]);
	FOR_EACH_ROW(row) {
		if (!is_chosen(row))
			continue;
		if (row->elsewhere) {
			if (results)
				fprintf(results, "%s\telsewhere\n", row->number);
			continue;
		}
		memset(&outcome, 0, sizeof(outcome));
		run_row(&options.settings, row, &outcome);
		judge(row, &outcome, &tally);
		fflush(stdout);
		if (results)
			fprintf(results, "%s\t%s\n", row->number,
				outcome.skipped ? "skipped" : outcome.observed);
	}
	if (results && fclose(results))
		fail("cannot write", options.results);
	if (options.nallowed)
		printf("# %d rows differ as allowed, and passed\n", tally.allowed);
	printf("%d passed, %d failed, %d skipped\n", tally.passed + tally.allowed, tally.failed,
	       tally.skipped);
	return tally.failed || !(tally.passed + tally.allowed + tally.skipped);
}

static int usage(FILE *stream, int status)
{
	fputs("usage: conformance [options]\n"
	      "\n"
	      "  --list                    the rows, and where some are tested instead; fails when\n"
	      "                            one of the reference is missing\n"
	      "  --rows 55,60-70,51m       only these\n"
	      "  --backend NAME            a label for the output\n"
	      "  --module NAME             the backend's module (default vfio_iommu_type1)\n"
	      "  --series 6.1|6.12|7.3     of the reference (default: the running kernel's)\n"
	      "  --without FEATURE,...     of dirty, vaddr, emulated, nesting: what the backend does\n"
	      "                            not serve, and must not claim to\n"
	      "  --sound                   it has none of the defects that are known of in-tree\n"
	      "  --allow-differences FILE  lines \"row reason\": rows known to differ, \"row@6.1,6.12\"\n"
	      "                            on those series; one that does not differ any more fails\n"
	      "  --results FILE            write lines \"row<TAB>observed\"\n"
	      "  --devices FILE            lines \"NAME PCI-ADDRESS GROUP\" (default\n"
	      "                            /tmp/vfio-devices)\n"
	      "  --file-system DIR         for row 74: on a file system that tracks dirty pages\n"
	      "  --dax DIR                 for row 75: on a file system mounted with dax\n"
	      "\n"
	      "Needs root. Exit status: 0 all as the table says or allowed, 1 not, 2 usage.\n",
	      stream);
	return status;
}

/* Returns whether the rows shall only be listed. */
static bool read_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "rows", required_argument, NULL, 'r' },
		{ "backend", required_argument, NULL, 'b' },
		{ "module", required_argument, NULL, 'm' },
		{ "series", required_argument, NULL, 's' },
		{ "without", required_argument, NULL, 'w' },
		{ "sound", no_argument, NULL, 'S' },
		{ "allow-differences", required_argument, NULL, 'a' },
		{ "results", required_argument, NULL, 'o' },
		{ "devices", required_argument, NULL, 'd' },
		{ "file-system", required_argument, NULL, 'f' },
		{ "dax", required_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool list = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'l':
			list = true;
			break;
		case 'r':
			options.rows = optarg;
			break;
		case 'b':
			options.backend = optarg;
			break;
		case 'm':
			options.settings.module = optarg;
			break;
		case 's':
			options.settings.series = find_series(optarg);
			break;
		case 'w':
			set_without(optarg);
			break;
		case 'S':
			options.settings.sound = true;
			break;
		case 'a':
			read_allowed(optarg);
			break;
		case 'o':
			options.results = optarg;
			break;
		case 'd':
			options.settings.list = optarg;
			break;
		case 'f':
			options.settings.file_system = optarg;
			break;
		case 'x':
			options.settings.dax = optarg;
			break;
		case 'h':
			exit(usage(stdout, 0));
		default:
			exit(usage(stderr, 2));
		}
	}
	if (optind != argc)
		exit(usage(stderr, 2));
	return list;
}

int main(int argc, char **argv)
{
	options.backend = "vfio_iommu_type1";
	options.settings.module = "vfio_iommu_type1";
	options.settings.list = "/tmp/vfio-devices";
	options.settings.series = running_series();
	gather_rows();
	if (read_options(argc, argv))
		return list_rows();
	if (geteuid())
		fail("needs root", "conformance");
	return run_rows();
}
