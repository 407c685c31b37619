/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The stage: units, groups and devices of the rig, the same for every sequence,
 * and the backend that is loaded.
 */
#ifndef DIFFERENTIAL_STAGE_H
#define DIFFERENTIAL_STAGE_H

#include <stdbool.h>

#include "../rig/rig_uapi.h"
#include "steps.h"

#define STAGE_UNITS 7
/* The group whose interrupts are not isolated. */
#define STAGE_NOT_ISOLATED 5

/* One group of the stage. */
struct stage_group {
	unsigned int unit;
	unsigned int device;		/* its first device, the rig's number of it */
	unsigned int group;		/* /dev/vfio/N */
	char name[16];			/* of the device */
	struct rig_region region;	/* a reserved region, or first > last */
	const char *what;		/* in words, for the listing */
};

struct stage {
	int rig;
	int ngroups;
	struct stage_group groups[MAX_GROUPS];
};

/* Makes the units and devices; false: it says why not. */
bool stage_set(struct stage *stage);
void stage_clear(struct stage *stage);

enum backend { IN_TREE, MANIFOLD, BACKENDS };
extern const char *const backend_modules[BACKENDS];
extern const char *const backend_names[BACKENDS];

/* Exactly this backend is loaded from now on; false: it says why not. */
bool backend_load(enum backend which);
bool backend_unload(void);
enum backend backend_loaded(void);

#endif /* DIFFERENTIAL_STAGE_H */
