// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int proc_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return 0;
}

long proc_value(const char *path)
{
	char text[64], *end;
	long value;

	if (proc_text(path, text, sizeof(text)))
		return -1;
	value = strtol(text, &end, 0);
	return end != text ? value : -1;
}

int proc_set_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

int proc_set(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return proc_set_text(path, text);
}

/* The number after "field:" or "field " in a file of such lines. */
static long field_of(const char *path, const char *field)
{
	FILE *stream = fopen(path, "re");
	size_t length = strlen(field);
	char line[256];
	long value = -1;

	if (!stream)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), stream)) {
		if (!strncmp(line, field, length) && (line[length] == ':' || line[length] == ' '))
			value = strtol(line + length + 1, NULL, 10);
	}
	fclose(stream);
	return value;
}

long proc_meminfo(const char *field)
{
	return field_of("/proc/meminfo", field);
}

long proc_smaps_kb(const void *address, const char *field)
{
	FILE *stream = fopen("/proc/self/smaps", "re");
	unsigned long first, end;
	size_t length = strlen(field);
	int inside = 0;
	char line[256];
	long value = -1;

	if (!stream)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), stream)) {
		if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
			inside = (uintptr_t)address >= first && (uintptr_t)address < end;
		else if (inside && !strncmp(line, field, length) && line[length] == ':')
			value = strtol(line + length + 1, NULL, 10);
	}
	fclose(stream);
	return value;
}

long proc_status_pages(pid_t pid, const char *field)
{
	char path[64] = "/proc/self/status";
	long kb;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
	kb = field_of(path, field);
	return kb < 0 ? -1 : kb / 4;
}

long proc_billed(pid_t pid)
{
	return proc_status_pages(pid, "VmLck");
}

/*
 * Reading the file folds what each processor has counted for itself into the totals. Only root may;
 * who has put root aside for a while takes it up for that. Who can't would compare figures that lag
 * behind, a failure now and then and for no reason: so it ends here, where the reason is said.
 */
static void refresh_counters(void)
{
	const char *path = "/proc/sys/vm/stat_refresh";
	uid_t user = geteuid();
	char text[16];
	int error;

	if (user && seteuid(0)) {
		fprintf(stderr, "pages pinned: only root can bring the count up to date\n");
		abort();
	}
	error = proc_text(path, text, sizeof(text));
	if (user && seteuid(user)) {
		perror("pages pinned: give root up again");
		abort();
	}
	if (error && error != -ENOENT) {
		fprintf(stderr, "%s: %s\n", path, strerror(-error));
		abort();
	}
}

long proc_pinned(void)
{
	long acquired, released;

	refresh_counters();
	acquired = field_of("/proc/vmstat", "nr_foll_pin_acquired");
	released = field_of("/proc/vmstat", "nr_foll_pin_released");
	return acquired < 0 || released < 0 ? -1 : acquired - released;
}

long proc_module_users(const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	return proc_value(path);
}

void sleep_ms(long ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}
