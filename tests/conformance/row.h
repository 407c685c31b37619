/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The table of rows, and what a row's function works with.
 *
 * A row is one line of the type1 reference: a condition and what must come of it. Its function
 * runs in a process of its own, once for each IOMMU type it is about, and reports what it saw; the
 * runner compares that with the table and then checks that nothing stayed billed, pinned or in use.
 */
#ifndef CONFORMANCE_ROW_H
#define CONFORMANCE_ROW_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "../client/edu.h"
#include "../client/memory.h"
#include "../client/proc.h"
#include "../client/vfio.h"

enum series { SERIES_6_1, SERIES_6_12, SERIES_7_3, ALL_SERIES };

/* What a backend may not serve (yet): rows about it then expect that it says so. */
enum feature {
	FEATURE_MIGRATION = 1,		/* the migration capability of GET_INFO */
	FEATURE_VADDR = 2,		/* UPDATE_VADDR */
};

/* Which IOMMU types a row is about: NEITHER runs once, before any type is set. */
enum row_types { NEITHER, V1, V2, BOTH };

struct test;

struct row {
	const char *number;		/* the reference's, with a letter for what has none */
	const char *what;
	enum row_types types;
	long expect[ALL_SERIES];	/* a negative errno or a value */
	void (*run)(struct test *t);
	const char *skip;		/* why it is not run here, when it is not */
};

#define ALL(value) { (value), (value), (value) }
#define EACH(v6_1, v6_12, v7_3) { (v6_1), (v6_12), (v7_3) }
#define ROW(number, what, types, expect, run) { number, what, types, expect, run, NULL }
#define SKIP(number, what, reason) { number, what, NEITHER, ALL(0), NULL, reason }
#define END_OF_ROWS { NULL, NULL, NEITHER, ALL(0), NULL, NULL }

/* One list a section of the reference, ended by END_OF_ROWS. */
extern const struct row container_rows[];	/* 3.1 */
extern const struct row attach_rows[];		/* 3.2 */
extern const struct row info_rows[];		/* 3.3 */
extern const struct row map_rows[];		/* 3.4 */
extern const struct row memory_rows[];		/* 3.4: by the kind of memory, and its bill */
extern const struct row unmap_rows[];		/* 3.5 */

struct settings {
	enum series series;
	unsigned int without;		/* features */
	const char *list;		/* file that lists the devices */
	const char *module;		/* the backend: its parameters, its users */
	const char *file_system;	/* folder on a file system that tracks dirty pages */
	const char *dax;		/* folder on a file system mounted with dax */
};

/* An edu that is alone in its group. */
struct test_group {
	struct vfio_listed listed;
	int fd;				/* of the group; -1 when closed */
};

#define MAX_GROUPS 3

struct test {
	const struct settings *settings;
	const struct row *row;
	unsigned long type;		/* VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU; 0 for NEITHER */
	FILE *report;
	long checks;
	int container;			/* -1 when closed */
	int ngroups;
	struct test_group groups[MAX_GROUPS];
};

/* A good place for mappings: away from 0, from 4 GiB and from every reserved region. */
#define IOVA 0x10000000ULL

/* --- what a row says: see fixture.c -------------------------------------------------------- */

#define PRINTF(at) __attribute__((format(printf, at, at + 1)))

/* The row's own result in this variant of its condition. */
void want(struct test *t, long got, const char *variant, ...) PRINTF(3);
/* Something else that has to be so as well. */
void want_value(struct test *t, long expect, long got, const char *what, ...) PRINTF(4);
void want_true(struct test *t, bool ok, const char *what, ...) PRINTF(3);
/* Goes into the results without being compared with the table. */
void note(struct test *t, const char *what, ...) PRINTF(2);
/* The row cannot be run on this machine. Does not return. */
void cannot(struct test *t, const char *why, ...) PRINTF(2) __attribute__((noreturn));
/* What the row needs failed. Does not return. */
void give_up(struct test *t, const char *what, ...) PRINTF(2) __attribute__((noreturn));

bool has(const struct test *t, enum feature feature);

/* --- what a row works with ----------------------------------------------------------------- */

/* Opens a container and @groups groups (setup_bare: joined to it, without a type set). */
void setup(struct test *t, int groups);
void setup_bare(struct test *t, int groups);
void open_container(struct test *t);
void open_group(struct test *t, int n);
void join_group(struct test *t, int n);
void close_group(struct test *t, int n);
void close_container(struct test *t);
/* Closes whatever is open. */
void leave(struct test *t);

void get_edu(struct test *t, int n, struct edu *edu);
/* Whether the device moves bytes between two pages of mapped memory. */
bool dma_works(struct edu *edu, char *memory, __u64 iova);

char *get_pages(struct test *t, size_t pages);
void put_pages(void *memory, size_t pages);

/* A negative errno or 0; map() maps for reading and writing. */
int map(struct test *t, __u64 iova, const void *memory, __u64 size);
int map_args(struct test *t, __u32 argsz, __u32 flags, __u64 vaddr, __u64 iova, __u64 size);
void must_map(struct test *t, __u64 iova, const void *memory, __u64 size);
/* A negative errno, or how much the kernel says it unmapped. */
long unmap(struct test *t, __u64 iova, __u64 size);
long unmap_all(struct test *t);
long unmap_args(struct test *t, __u32 argsz, __u32 flags, __u64 iova, __u64 size);

void get_info(struct test *t, struct vfio_info *info);
/* How many more mappings the container takes. */
long available(struct test *t);
/* The smallest page that can be mapped. */
__u64 granule(struct test *t);

/* Module parameters; the runner puts them back after the row. */
extern const char *const parameter_names[];
void parameter_path(const struct settings *settings, const char *name, char *path, size_t size);
void set_parameter(struct test *t, const char *name, const char *value);

/* RLIMIT_MEMLOCK of so many pages; become_nobody() gives up every capability as well. */
void limit_locked(struct test *t, size_t pages);
void become_nobody(struct test *t, size_t pages);

/* Runs @work in another process that ends before this returns; its exit status. */
int in_other_process(struct test *t, int (*work)(struct test *t, void *data), void *data);
/* A process that dies with this one. */
pid_t start_process(struct test *t, int (*work)(struct test *t, void *data), void *data);

/* Whether the kernel was booted with this argument. */
bool booted_with(const char *argument);

/* --- the runner: see runner.c -------------------------------------------------------------- */

#define MAX_TEXT 2048

struct outcome {
	bool skipped, differs;
	char why[MAX_TEXT];		/* skipped, or what differs */
	char observed[MAX_TEXT];
};

void run_row(const struct settings *settings, const struct row *row, struct outcome *outcome);
const char *value_name(long value, char *text, size_t size);

#endif
