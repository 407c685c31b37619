// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Runs a row: a process for each type, so that neither a crash nor a leak reaches the next row.
 * The process reports through a pipe; what it cannot see of itself, pages left pinned and users
 * left on the module, is compared here before and after.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

/* A row that takes longer hangs. */
#define ROW_SECONDS 90

static void append(char *text, const char *separator, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	if (used && used < MAX_TEXT - 1)
		used += snprintf(text + used, MAX_TEXT - used, "%s", separator);
	if (used >= MAX_TEXT)
		return;
	va_start(args, format);
	vsnprintf(text + used, MAX_TEXT - used, format, args);
	va_end(args);
}

static void __attribute__((noreturn)) run_here(const struct settings *settings,
					       const struct row *row, unsigned long type, int pipe)
{
	struct test t = {
		.settings = settings, .row = row, .type = type, .container = -1, .rig = -1,
		.report = fdopen(pipe, "w"),
	};
	long billed = proc_billed(0);

	if (!t.report)
		_exit(1);
	for (int i = 0; i < MAX_GROUPS; i++)
		t.groups[i] = (struct test_group){ .fd = -1, .device = -1 };
	setvbuf(t.report, NULL, _IOLBF, 0);
	alarm(ROW_SECONDS);
	vfio_quiet = true;
	row->run(&t);
	leave(&t);
	if (proc_billed(0) != billed + t.leak)
		fprintf(t.report, "D %ld pages billed at the end, %ld before\n", proc_billed(0),
			billed);
	fprintf(t.report, "E %ld\n", t.checks);
	fflush(t.report);
	_exit(0);
}

struct collected {
	char values[MAX_TEXT], notes[MAX_TEXT], differences[MAX_TEXT], skip[MAX_TEXT];
	long checks;			/* -1: it did not reach its end */
	long leak;			/* pages that are expected to stay pinned */
};

static bool contains_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += length) {
		if ((at == list || at[-1] == ',') && (!at[length] || at[length] == ','))
			return true;
	}
	return false;
}

static void collect(int pipe, struct collected *all)
{
	FILE *stream = fdopen(pipe, "r");
	char line[MAX_TEXT];

	memset(all, 0, sizeof(*all));
	all->checks = -1;
	while (stream && fgets(line, sizeof(line), stream)) {
		char *text = line + 2;

		line[strcspn(line, "\n")] = 0;
		if (line[0] == 'V' && !contains_word(all->values, text))
			append(all->values, ",", "%s", text);
		else if (line[0] == 'N')
			append(all->notes, ", ", "%s", text);
		else if (line[0] == 'D')
			append(all->differences, "; ", "%s", text);
		else if (line[0] == 'S')
			append(all->skip, "; ", "%s", text);
		else if (line[0] == 'L')
			all->leak = atol(text);
		else if (line[0] == 'E')
			all->checks = atol(text);
	}
	if (stream)
		fclose(stream);
}

static void check_end(struct collected *all, int status)
{
	if (WIFSIGNALED(status))
		append(all->differences, "; ", "died of signal %d (%s)", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (all->checks < 0)
		append(all->differences, "; ", "ended early, status %d", WEXITSTATUS(status));
	else if (!all->checks)
		append(all->differences, "; ", "the row checked nothing");
}

/* Pages go back when the last reference on a container goes, a moment after its owner. */
static long left_pinned(long before, long leak)
{
	for (int i = 0; i < 100 && proc_pinned() > before + leak; i++)
		sleep_ms(10);
	return proc_pinned() - before;
}

/* What a unit of the rig saw that it never should; NULL: nothing. */
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

static void clear_rig(struct collected *all)
{
	struct rig_counters counters = { 0 };
	int rig = open(RIG_FILE, O_RDWR | O_CLOEXEC);

	if (rig < 0)
		return;
	for (; counters.unit < RIG_MAX_UNITS; counters.unit++) {
		if (!ioctl(rig, RIG_GET_COUNTERS, &counters) && violated(&counters))
			append(all->differences, "; ", "unit %u: %s", counters.unit,
			       violated(&counters));
	}
	if (ioctl(rig, RIG_CLEAR))
		append(all->differences, "; ", "the rig can't be cleared: %s", strerror(errno));
	close(rig);
}

static void run_type(const struct settings *settings, const struct row *row, unsigned long type,
		     struct collected *all)
{
	long pinned = proc_pinned(), users = proc_module_users(settings->module), left;
	int fds[2], status;
	pid_t pid;

	fflush(NULL);
	pid = pipe(fds) ? -1 : fork();
	if (pid < 0) {
		perror("conformance: cannot start a process");
		exit(2);
	}
	if (!pid) {
		close(fds[0]);
		run_here(settings, row, type, fds[1]);
	}
	close(fds[1]);
	collect(fds[0], all);
	waitpid(pid, &status, 0);
	check_end(all, status);
	left = left_pinned(pinned, all->leak);
	if (left != all->leak)
		append(all->differences, "; ", "%ld pages left pinned, %ld expected", left,
		       all->leak);
	clear_rig(all);
	if (proc_module_users(settings->module) != users)
		append(all->differences, "; ", "module has %ld users, %ld before",
		       proc_module_users(settings->module), users);
}

/* --- parameters of the module: a row may change them, and may die before it puts them back -- */

struct saved {
	char values[8][32];
};

static void save_parameters(const struct settings *settings, struct saved *saved)
{
	char path[128];

	for (int i = 0; parameter_names[i]; i++) {
		parameter_path(settings, parameter_names[i], path, sizeof(path));
		if (proc_text(path, saved->values[i], sizeof(saved->values[i])))
			saved->values[i][0] = 0;
	}
}

static void restore_parameters(const struct settings *settings, const struct saved *saved)
{
	char path[128];

	for (int i = 0; parameter_names[i]; i++) {
		parameter_path(settings, parameter_names[i], path, sizeof(path));
		if (saved->values[i][0] && proc_set_text(path, saved->values[i]))
			fprintf(stderr, "conformance: cannot restore %s\n", path);
	}
}

static void merge(struct outcome *outcome, const char *label, const struct collected *all)
{
	char seen[MAX_TEXT] = "";

	if (all->skip[0] && !all->differences[0]) {
		outcome->skipped = true;
		snprintf(outcome->why, sizeof(outcome->why), "%s", all->skip);
		return;
	}
	if (all->values[0])
		append(seen, " ", "%s", all->values);
	if (all->notes[0])
		append(seen, " ", "[%s]", all->notes);
	if (all->differences[0]) {
		outcome->differs = true;
		append(outcome->why, "; ", "%s%s", label, all->differences);
		append(seen, " ", "{%s}", all->differences);
	}
	append(outcome->observed, "; ", "%s%s", label, seen[0] ? seen : "as expected");
}

void run_row(const struct settings *settings, const struct row *row, struct outcome *outcome)
{
	static const struct {
		const char *label;
		unsigned long type;
		bool wanted[4];		/* by enum row_types */
	} runs[] = {
		{ "", 0, { [NEITHER] = true } },
		{ "v1: ", VFIO_TYPE1_IOMMU, { [V1] = true, [BOTH] = true } },
		{ "v2: ", VFIO_TYPE1v2_IOMMU, { [V2] = true, [BOTH] = true } },
	};
	struct collected all;
	struct saved saved;

	memset(outcome, 0, sizeof(*outcome));
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		if (!runs[i].wanted[row->types])
			continue;
		save_parameters(settings, &saved);
		run_type(settings, row, runs[i].type, &all);
		restore_parameters(settings, &saved);
		merge(outcome, row->types == BOTH ? runs[i].label : "", &all);
	}
}
