/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the kernel says about itself and about processes. Values that cannot be read are -1. */
#ifndef CLIENT_PROC_H
#define CLIENT_PROC_H

#include <stddef.h>
#include <sys/types.h>

/* The first number in a file, in any base that strtol() knows. */
long proc_value(const char *path);
/* Writes a number; 0, or a negative errno. A kernel that takes less than asked is no error. */
int proc_set(const char *path, long value);
int proc_set_text(const char *path, const char *text);
/* The first line of a file, without its newline; 0 or a negative errno. */
int proc_text(const char *path, char *text, size_t size);

long proc_meminfo(const char *field);
long proc_smaps_kb(const void *address, const char *field);

/* A field of /proc/PID/status (0: of this process) that is a size, in pages. */
long proc_status_pages(pid_t pid, const char *field);
/* Pages billed to a process (0: this one) against RLIMIT_MEMLOCK. */
long proc_billed(pid_t pid);
/* Pages pinned for DMA by anyone; for root alone, or who has root as saved user: counters lag. */
long proc_pinned(void);
/* Who uses a module; -1 when there is none of that name. */
long proc_module_users(const char *module);

void sleep_ms(long ms);

#endif
