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
#include "../rig/rig_uapi.h"

enum series { SERIES_6_1, SERIES_6_12, SERIES_7_3, ALL_SERIES };

/* What a backend may not serve: rows about it then expect that it says so, or are not run. */
enum feature {
	FEATURE_DIRTY = 1,		/* dirty tracking, and what GET_INFO says about it */
	FEATURE_VADDR = 2,		/* UPDATE_VADDR */
	FEATURE_EMULATED = 4,		/* emulated groups */
	FEATURE_NESTING = 8,		/* the type for nesting */
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
	const char *file;		/* where that is */
	const char *elsewhere;		/* tested there instead, "FILE: TEST"; or "no test: WHY" */
	/*
	 * A known defect of in-tree: @expect is what comes of that, @sound what is right, and to be
	 * had of a backend that is said to be sound.
	 */
	bool defect;
	long sound;
};

#define ALL(value) { (value), (value), (value) }
#define EACH(v6_1, v6_12, v7_3) { (v6_1), (v6_12), (v7_3) }
#define ROW(number, what, types, expect, run) \
	{ number, what, types, expect, run, __FILE__, NULL, false, 0 }
#define DEFECT(number, what, types, expect, sound, run) \
	{ number, what, types, expect, run, __FILE__, NULL, true, sound }
#define ELSEWHERE(number, what, where) \
	{ number, what, NEITHER, ALL(0), NULL, __FILE__, where, false, 0 }
#define END_OF_ROWS { NULL, NULL, NEITHER, ALL(0), NULL, NULL, NULL, false, 0 }

/* Lists, each ended by END_OF_ROWS: one a section of the reference, and one a subject. */
extern const struct row container_rows[];	/* 3.1 */
extern const struct row attach_rows[];		/* 3.2 */
extern const struct row info_rows[];		/* 3.3 */
extern const struct row map_rows[];		/* 3.4 */
extern const struct row memory_rows[];		/* 3.4: by the kind of memory, and its bill */
extern const struct row unmap_rows[];		/* 3.5 */
extern const struct row dirty_rows[];		/* 3.6, and dirty pages of 3.5: arguments */
extern const struct row tracking_rows[];	/* 3.6, and dirty pages of 3.5: what is dirty */
extern const struct row vaddr_rows[];		/* UPDATE_VADDR, in 3.1 to 3.5 */
extern const struct row nesting_rows[];		/* the type for nesting, in 3.1 */
extern const struct row emulated_rows[];	/* emulated groups, in 3.1 to 3.5 */
extern const struct row kernel_rows[];		/* 3.7: what emulated devices ask for */
extern const struct row units_rows[];		/* several units, and units that fail: 3.2 to 3.5 */

struct settings {
	enum series series;
	unsigned int without;		/* features */
	bool sound;			/* none of in-tree's known defects */
	const char *list;		/* file that lists the devices */
	const char *module;		/* the backend: its parameters, its users */
	const char *file_system;	/* folder on a file system that tracks dirty pages */
	const char *dax;		/* folder on a file system mounted with dax */
};

enum device_kind { EDU, RIG_DEVICE, EMULATED };

/* A device that is alone in its group; or else the group is opened by way of one of its devices. */
struct test_group {
	enum device_kind kind;
	struct vfio_listed listed;	/* edu has a PCI address, others a name */
	__u32 number;			/* of the rig's device, or of its emulated one */
	int fd;				/* of the group; -1 when closed */
	int device;			/* its fd, when open_device() opened it; else -1 */
};

#define EDUS		3		/* groups from 0 are edus, in the order of the list */
#define MAX_GROUPS	12		/* those after them the rig's */

struct test {
	const struct settings *settings;
	const struct row *row;
	unsigned long type;		/* VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU; 0 for NEITHER */
	FILE *report;
	long checks, leak;
	int container;			/* -1 when closed */
	int rig;			/* -1 when closed */
	int nedus, nothers;
	struct test_group groups[MAX_GROUPS];
};

#define RIG_FILE "/dev/manifold-rig"

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
/* The row is about this, and cannot be run if the backend does not serve it. */
void needs(struct test *t, enum feature feature);
/* What it asks would kill in-tree, or the whole kernel: only a sound backend is asked. */
void dangerous(struct test *t, const char *why);
/* So many pages stay pinned and billed when the row is over, on in-tree: that is the defect. */
void expect_leak(struct test *t, long pages);

/* --- what a row works with ----------------------------------------------------------------- */

/* Opens a container and @groups groups (setup_bare: joined to it, without a type set). */
void setup(struct test *t, int groups);
void setup_bare(struct test *t, int groups);
void open_container(struct test *t);
void open_group(struct test *t, int n);
void join_group(struct test *t, int n);
/* The device of a group that is in a container with a type; 0 or a negative errno. */
int open_device(struct test *t, int n);
void close_device(struct test *t, int n);
/* With its device. */
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

/* --- dirty tracking: see dirty.c; 0 or a negative errno -------------------------------------- */

int dirty_request(struct test *t, __u32 argsz, __u32 flags);
/* What is dirty: a bit a page from @bitmap's lowest on. */
int dirty_get(struct test *t, __u64 iova, __u64 size, __u64 page, void *bitmap, __u64 bytes);
/* UNMAP_DMA that tells as well; a negative errno, or the bytes unmapped. */
long unmap_dirty(struct test *t, __u64 iova, __u64 size, __u64 page, void *bitmap, __u64 bytes);
void must_track(struct test *t);

/* --- the rig: see rig.c ----------------------------------------------------------------------- */

/* Opens the rig, if it is not. */
void open_rig(struct test *t);
/* 0 or a negative errno, of a request that no function is for. */
int ioctl_rig(struct test *t, unsigned long request, void *argument);

struct rig_unit_spec unit_plain(void);		/* 4K 2M 1G, 48 bits, coherent */
struct rig_unit_spec unit_other(void);		/* the same of another kind */
struct rig_unit_spec unit_coarse(void);		/* 64K 2M, another kind */

__u32 add_unit(struct test *t, struct rig_unit_spec spec);
/* Each returns the number of a new group, which is opened: for join_group() and the like. */
int add_group(struct test *t, __u32 unit);
int add_group_like(struct test *t, struct rig_device_spec spec);
int add_emulated(struct test *t, __u32 flags);
/* A container of the row's type with one emulated device, open; returns its group. */
int setup_emulated(struct test *t);

void set_faults(struct test *t, struct rig_faults faults);
struct rig_counters counters(struct test *t, __u32 unit);
/* DMA of a word by a device of the rig, or of an emulated one to a page it pinned: rig_fault. */
unsigned int read_word(struct test *t, int n, __u64 iova, __u64 *word);
unsigned int write_word(struct test *t, int n, __u64 iova, __u64 word);
/* The device reads and writes a word at @iova, and it is the one in @memory. */
bool reaches(struct test *t, int n, __u64 iova, void *memory);

/* What vfio_pin_pages() and vfio_dma_rw() return to the emulated device of a group. */
int pin(struct test *t, int n, __u64 iova, int pages, __u32 prot);
void must_pin(struct test *t, int n, __u64 iova, int pages);
void unpin(struct test *t, int n, __u64 iova, int pages);
/* If all of it is still pinned. */
void try_unpin(struct test *t, int n, __u64 iova, int pages);
int copy_in(struct test *t, int n, __u64 iova, const void *data, __u32 bytes, __u32 flags);
int copy_out(struct test *t, int n, __u64 iova, void *data, __u32 bytes, __u32 flags);
void set_manners(struct test *t, int n, __u32 refusals, bool hold);
struct rig_emulated_state emulated_state(struct test *t, int n);

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

const char *feature_name(enum feature feature);
/* What the table says of this series, or of a backend without the defect. */
long expected(const struct settings *settings, const struct row *row);
void run_row(const struct settings *settings, const struct row *row, struct outcome *outcome);
const char *value_name(long value, char *text, size_t size);

#endif
