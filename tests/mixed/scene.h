/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a case starts from: an empty rig, an empty container of one type, and
 * some memory; and what it does with them.
 *
 * A case runs in a process of its own. It says what must be so with expect(),
 * which ends it when it is not; the runner then looks at what is left behind.
 */
#ifndef MIXED_SCENE_H
#define MIXED_SCENE_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "../client/memory.h"
#include "../client/proc.h"
#include "../client/vfio.h"
#include "../rig/rig_uapi.h"

#define KIB		1024ULL
#define GIB		(1ULL << 30)

/* A good place for mappings: within 32 bits, away from every reserved region. */
#define IOVA		0x10000000ULL
#define SCENE_MEMORY	(8 * MIB)
#define MAX_DEVICES	16

struct scene {
	unsigned long type;
	bool manifold;			/* else in-tree */
	int rig;
	int container;
	bool has_type;
	int ndevices;
	struct rig_device_spec devices[MAX_DEVICES];
	int groups[MAX_DEVICES];	/* fd, or -1; one of the devices of a group has it */
	bool attached[MAX_DEVICES];	/* the group was attached through this device */
	char *memory;
};

/* Ends the case: says what was not as it should be. */
void expect_failed(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));

/* Ends the case: this machine can't run it. */
#define CASE_SKIPPED 77
void cannot(const char *why) __attribute__((noreturn));

#define expect(condition, ...) \
	do { \
		if (!(condition)) \
			expect_failed(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

#define expect_equal(got, wanted, what) \
	do { \
		long long got_ = (got), wanted_ = (wanted); \
		expect(got_ == wanted_, "%s: %lld, not %lld", what, got_, wanted_); \
	} while (0)

/* Units that tests are about. */
struct rig_unit_spec unit_plain(void);		/* 4K 2M 1G, 48 bits, coherent */
struct rig_unit_spec unit_loose(void);		/* the same without coherency */
struct rig_unit_spec unit_other(void);		/* the same of another kind */
struct rig_unit_spec unit_narrow(void);		/* 39 bits, another kind */
struct rig_unit_spec unit_coarse(void);		/* 64K 2M, another kind */

void scene_open(struct scene *s, unsigned long type, bool manifold);
unsigned int add_unit(struct scene *s, struct rig_unit_spec spec);
/* A device on bus 0 in a group of its own; returns its index. */
int add_device(struct scene *s, unsigned int unit);
int add_device_like(struct scene *s, const struct rig_device_spec *spec);
struct rig_device_spec device_of(unsigned int unit);

/* The group of a device; 0 or a negative errno. The first one sets the type as well. */
int attach(struct scene *s, int device);
void must_attach(struct scene *s, int device);
void detach(struct scene *s, int device);

/* Offsets are into the scene's memory. */
int map(struct scene *s, __u64 iova, __u64 offset, __u64 size);
void must_map(struct scene *s, __u64 iova, __u64 offset, __u64 size);
/* A negative errno, or how many bytes went. */
long long unmap(struct scene *s, __u64 iova, __u64 size);

struct rig_device_state state_of(struct scene *s, int device);
struct rig_counters counters_of(struct scene *s, unsigned int unit, bool reset);
void set_faults(struct scene *s, struct rig_faults faults);
int coherent(struct scene *s);		/* CHECK_EXTENSION(DMA_CC) */
struct vfio_info info_of(struct scene *s);
bool window_has(const struct vfio_info *info, __u64 first, __u64 last);

/* DMA of a word: an enum rig_fault. */
unsigned int dma_read(struct scene *s, int device, __u64 iova, __u64 *word);
unsigned int dma_write(struct scene *s, int device, __u64 iova, __u64 word);
/* DMA both ways at the ends and in the middle of a mapping goes where it should. */
void must_reach(struct scene *s, int device, __u64 iova, __u64 offset, __u64 size);
/* There is no translation for any page of this. */
void must_not_reach(struct scene *s, int device, __u64 iova, __u64 size);
/* All devices' domains translate each page of this to the same place. */
void must_agree(struct scene *s, const int *devices, int n, __u64 iova, __u64 size);
/* The leaf at an IOVA; false when there is none. */
bool leaf_at(struct scene *s, int device, __u64 iova, struct rig_leaf *leaf);

void start_traffic(struct scene *s, int device, __u64 iova, __u64 size);
struct rig_traffic stop_traffic(struct scene *s, int device);
/* Waits until it made so many accesses more. */
void wait_traffic(struct scene *s, int device, __u64 accesses);
/* Stops it; none of its accesses may have faulted. */
void must_have_reached(struct scene *s, int device);

/* A case, and where it can be run. */
struct mixed_case {
	const char *name;
	void (*run)(struct scene *s);
	enum { ON_BOTH, ON_MANIFOLD } where;
	const char *why_not;	/* for ON_MANIFOLD: what in-tree does */
};

extern const struct mixed_case attach_cases[];
extern const struct mixed_case change_cases[];
extern const struct mixed_case failure_cases[];
extern const struct mixed_case huge_cases[];
extern const struct mixed_case region_cases[];
extern const struct mixed_case scattered_cases[];
extern const struct mixed_case untouched_cases[];
extern const struct mixed_case vtd_cases[];

#define END_OF_CASES { NULL, NULL, ON_BOTH, NULL }

#endif /* MIXED_SCENE_H */
