/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A work: what backends are given to do. Another one is a function, and a line in works.c.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "backend.h"
#include "kind.h"
#include "measure.h"

/* Where mappings begin: a multiple of the largest page, away from all reserved regions. */
#define IOVA 0x100000000ULL

/* What is the same for all works of a run. */
struct setup {
	size_t bytes;			/* of memory that is mapped, in small pages */
	size_t huge_bytes;		/* and in huge ones */
	unsigned int operations;	/* single ones */
	unsigned int entries;		/* mappings at the same time */
	const struct device *devices;	/* the first is behind the machine's own unit, */
	int ndevices;			/* each of the others behind one more */
};

/* One turn: a backend that is ready, and the memory that all backends get. */
struct turn {
	const struct setup *setup;
	const struct backend *backend;
	const struct work *work;
	struct block *block;		/* NULL when each turn makes its own */
	bool block_is_fresh;		/* no turn has mapped it yet */
	size_t size;			/* of that */
};

enum work_needs {
	NEEDS_TIME = 1 << 0,		/* says nothing where instructions are counted */
	NEEDS_UNITS = 1 << 1,		/* three units */
};

/**
 * struct work - one work
 * @name: as in results
 * @what: a sentence for the list
 * @kind: of the memory it is about; in all its rounds it is the same memory
 * @own: instead of @kind: each turn makes memory of this kind for itself
 * @size: how much; NULL: as much as the setup says
 * @can: what backends have to be able to do, bits of enum backend_can
 * @needs: bits of enum work_needs
 * @run: does it once, and prints results; 0 or a negative errno
 */
struct work {
	const char *name;
	const char *what;
	const struct kind *kind, *own;
	size_t (*size)(const struct setup *setup);
	unsigned int can;
	unsigned int needs;
	int (*run)(const struct turn *turn);
};

/* All of them; ends with one without a name. */
extern const struct work works[];

int map_whole(const struct turn *turn);		/* map.c */
int map_single(const struct turn *turn);
size_t entries_size(const struct setup *setup);	/* entries.c */
int map_entries(const struct turn *turn);
int replay(const struct turn *turn);		/* replay.c */
int end_by_exit(const struct turn *turn);	/* exit.c */
int map_by_threads(const struct turn *turn);	/* threads.c */
int map_untouched(const struct turn *turn);	/* untouched.c */
int fault_while_mapping(const struct turn *turn); /* fault.c */

/* A space of the turn's backend with the first device. */
int turn_open(const struct turn *turn, struct space *space);

#endif /* BENCH_WORK_H */
