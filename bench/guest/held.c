// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "held.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tests/client/proc.h"

/*
 * Of /proc/zoneinfo: "nr_free_pages" of each zone, and "count:" of each processor's list of each
 * zone. Read into memory that is there already, so that reading takes none.
 */
static long count_free(void)
{
	static char text[1 << 16];
	int fd = open("/proc/zoneinfo", O_RDONLY | O_CLOEXEC);
	char *at = text, *end = text, *line;
	long pages = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	memset(text, 0, sizeof(text));
	while (end < text + sizeof(text) - 1 &&
	       (n = read(fd, end, (size_t)(text + sizeof(text) - 1 - end))) > 0)
		end += n;
	close(fd);
	if (n)
		return -1;
	while ((line = strsep(&at, "\n"))) {
		line += strspn(line, " ");
		if (!strncmp(line, "nr_free_pages ", 14) || !strncmp(line, "count: ", 7))
			pages += strtol(strchr(line, ' '), NULL, 10);
	}
	return pages;
}

/* What the turn before has left is given back when nobody can be reading it any more. */
long free_pages(void)
{
	long before, now = count_free();
	int tries = 0, still = 0;

	while (still < 3 && tries++ < 100 && now >= 0) {
		sleep_ms(10);
		before = now;
		now = count_free();
		still = now == before ? still + 1 : 0;
	}
	return now;
}
