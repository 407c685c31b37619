/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a case works with: containers, actors that map memory in them, and the book. After every
 * step balance() holds VmLck of every actor, and what is pinned in all, against the book.
 */
#ifndef ACCOUNTING_SCENE_H
#define ACCOUNTING_SCENE_H

#include <errno.h>

#include "../client/proc.h"
#include "../client/session.h"
#include "actor.h"
#include "book.h"

#define MAX_CONTAINERS	16
#define IOVA		0x10000000ULL

/* Address spaces with a device each. */
enum way {
	WAY_CONTAINERS,			/* VFIO containers */
	WAY_IOMMUFD,			/* IOAS of one iommufd */
	WAY_COPY,			/* the same, and memory is copied from one that has all */
};

struct settings {
	enum rule rule;
	bool manifold;			/* its debugfs folder is looked into, too */
	const char *module;		/* the backend */
	const char *list;		/* file that lists the devices */
	const char *only;		/* a case; NULL: all */
	size_t mib;			/* of memory that is mapped again and again */
	enum way way;			/* of the table */
};

/* Manifold's containers that are opened from now on count by this rule. */
bool set_rule(const struct settings *settings, enum rule rule);

struct scene {
	const struct settings *settings;
	const char *name;
	struct options options;
	int ncontainers;		/* the rest is closed */
	struct session containers[MAX_CONTAINERS];
	struct actor actors[MAX_ACTORS];
	int mms;			/* address spaces so far */
	struct book book;
	long pinned;			/* before */
	long checks, failures;
	char skipped[80];		/* why, if it was */
};

#define PRINTF(at) __attribute__((format(printf, at, at + 1)))

/* --- what is seen ---------------------------------------------------------------------------- */

/* Something that has to be so; returns @ok. */
bool want(struct scene *s, bool ok, const char *what, ...) PRINTF(3);
bool want_value(struct scene *s, long expect, long got, const char *what, ...) PRINTF(4);
/* VmLck and what is pinned are what the book says. */
bool balance(struct scene *s, const char *when, ...) PRINTF(2);
/* The case can't be run here. */
void skip(struct scene *s, const char *why, ...) PRINTF(2);
/* Whether a file of one of Manifold's containers has a line with this in it. */
bool find_in_debugfs(const struct scene *s, const char *file, const char *text);
/* What VmLck has to be, in pages. */
long billed(const struct scene *s, int actor);

/* --- what is done ---------------------------------------------------------------------------- */

/* Opens so many containers, each with a group of its own. */
bool open_containers(struct scene *s, int count);
void close_container(struct scene *s, int container);

bool start_actor(struct scene *s, int actor);
/* The child has the parent's memory and files. */
bool fork_actor(struct scene *s, int parent, int child);
bool exec_actor(struct scene *s, int actor);
void kill_actor(struct scene *s, int actor);
void end_actor(struct scene *s, int actor);

/* The address, or 0; @kind is an enum memory_kind or MEMORY_SCATTERED. */
__u64 get_memory(struct scene *s, int actor, int kind, size_t size);
/* A shared mapping of a file; of no file (-1): untouched private memory. At @address, unless 0. */
__u64 get_mapping(struct scene *s, int actor, int fd, __u64 address, size_t size);
/* Of a file's pages, which are the actor's own from when it writes to them. */
__u64 get_private_mapping(struct scene *s, int actor, int fd, size_t size);
/* Orders that are about a range of the actor's memory. */
long tell(struct scene *s, int actor, enum order_kind kind, __u64 address, size_t size);

/* A negative errno or 0. What succeeds goes into the book. */
int try_map(struct scene *s, int actor, int container, __u64 iova, __u64 vaddr, size_t size,
	    __u32 flags);
/* Of what nothing is to be pinned: no entry in the book. */
int map_unpinned(struct scene *s, int actor, int container, __u64 iova, __u64 vaddr, size_t size);
/* It has to succeed. */
bool map(struct scene *s, int actor, int container, __u64 iova, __u64 vaddr, size_t size);
/* All mappings in a range, which makes @expect bytes. */
bool unmap(struct scene *s, int actor, int container, __u64 iova, size_t size, size_t expect);

/* --- cases ----------------------------------------------------------------------------------- */

struct scene_case {
	const char *name, *what;
	void (*run)(struct scene *s);
};

extern const struct scene_case same_cases[];	/* the same memory, in 2 and 16 containers */
extern const struct scene_case part_cases[];	/* memory that is shared in part */
extern const struct scene_case life_cases[];	/* fork, exec, exit, another owner */
extern const struct scene_case limit_cases[];	/* what fits, what is refused */
extern const struct scene_case software_cases[];	/* emulated devices */

/* Runs those that are chosen; returns how many failed. */
int run_cases(const struct settings *settings);

/* stress.c: many processes at random; table.c: the figures of docs/accounting.md. 0 or 1. */
int run_stress(const struct settings *settings, int rounds, unsigned int seed);
/* The rest of one of its processes, after exec: with containers, of which it knows the files. */
int run_left(const char *list);
int run_table(const struct settings *settings, const char *label);

#endif
