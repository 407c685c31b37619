// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Units that differ in everything that a backend asks about, and one backend at
 * a time. With both loaded the VFIO core would ask the other one when the first
 * refuses, and its answer would be taken for the first one's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../client/memory.h"
#include "../client/proc.h"
#include "stage.h"

#define GIB	(1ULL << 30)
#define BITS(n)	((1ULL << (n)) - 1)
#define ALL_SIZES (PAGE | 2 * MIB | GIB)

const char *const backend_modules[BACKENDS] = { "vfio_iommu_type1", "vfio_manifold" };
const char *const backend_names[BACKENDS] = { "in-tree", "manifold" };

/* All have 4 KiB pages: without them in-tree warns of every map (see docs/testing.md). */
static const struct rig_unit_spec units[STAGE_UNITS] = {
	{ .pgsizes = ALL_SIZES, .aperture_last = BITS(48), .kind = 0,
	  .flags = RIG_ENFORCES | RIG_ISOLATES },
	{ .pgsizes = ALL_SIZES, .aperture_last = BITS(48), .kind = 0, .flags = RIG_ISOLATES },
	{ .pgsizes = ALL_SIZES, .aperture_last = BITS(48), .kind = 1,
	  .flags = RIG_ENFORCES | RIG_ISOLATES | RIG_CACHES_ABSENT },
	{ .pgsizes = PAGE | 2 * MIB, .aperture_last = BITS(39), .kind = 2,
	  .flags = RIG_ENFORCES | RIG_ISOLATES },
	{ .pgsizes = ALL_SIZES, .aperture_last = BITS(48), .kind = 0, .flags = RIG_ENFORCES },
	{ .pgsizes = PAGE, .aperture_first = MIB, .aperture_last = BITS(32), .kind = 3,
	  .flags = RIG_ISOLATES | RIG_CACHES_ABSENT },
	{ .pgsizes = PAGE | 64 * 1024, .aperture_last = BITS(40), .kind = 3,
	  .flags = RIG_ISOLATES },
};

static const struct group_plan {
	unsigned int unit;
	int companion;		/* unit of a second device, or -1 */
	struct rig_region region;
	const char *what;
} plans[] = {
	{ 0, -1, { 1, 0, 0, 0 }, "48 bits, coherent" },
	{ 0, -1, { 1, 0, 0, 0 }, "the same" },
	{ 1, -1, { 1, 0, 0, 0 }, "48 bits, not coherent" },
	{ 2, -1, { 0xfee00000, 0xfeefffff, RIG_REGION_MSI, 0 },
	  "48 bits, coherent, another kind, MSI at 0xfee00000" },
	{ 3, -1, { 1, 0, 0, 0 }, "39 bits, another kind" },
	{ 4, -1, { 1, 0, 0, 0 }, "48 bits, coherent, interrupts not isolated" },
	{ 5, -1, { 0x10000000, 0x100fffff, RIG_REGION_RESERVED, 0 },
	  "1 MiB to 32 bits, 4 KiB pages, not coherent, 1 MiB at 0x10000000 reserved" },
	{ 0, 0, { 0x200000, 0x203fff, RIG_REGION_DIRECT_RELAXABLE, 0 },
	  "48 bits, coherent, two devices, 16 KiB at 0x200000 relaxable" },
	{ 6, -1, { 0x8000000, 0x80fffff, RIG_REGION_SW_MSI, 0 },
	  "40 bits, not coherent, another kind, doorbell at 0x8000000" },
	{ 1, 0, { 0x100000, 0x100fff, RIG_REGION_DIRECT, 0 },
	  "two devices, one coherent, one not, a page at 0x100000 direct" },
};

static bool add_group(struct stage *stage, const struct group_plan *plan)
{
	struct stage_group *g = &stage->groups[stage->ngroups];
	struct rig_device_spec spec = {
		.unit = plan->unit, .beside = RIG_NONE, .regions = { plan->region },
		.nr_regions = plan->region.first <= plan->region.last,
	};

	if (ioctl(stage->rig, RIG_ADD_DEVICE, &spec))
		return false;
	g->unit = plan->unit;
	g->device = spec.device;
	g->group = spec.group;
	g->region = plan->region;
	g->what = plan->what;
	snprintf(g->name, sizeof(g->name), "%s", spec.name);
	if (plan->companion >= 0) {
		spec = (struct rig_device_spec){ .unit = (unsigned int)plan->companion,
						 .beside = g->device };
		if (ioctl(stage->rig, RIG_ADD_DEVICE, &spec))
			return false;
	}
	stage->ngroups++;
	return true;
}

bool stage_set(struct stage *stage)
{
	unsigned int i;

	memset(stage, 0, sizeof(*stage));
	stage->rig = open("/dev/manifold-rig", O_RDWR | O_CLOEXEC);
	if (stage->rig < 0) {
		perror("differential: /dev/manifold-rig");
		return false;
	}
	if (ioctl(stage->rig, RIG_CLEAR)) {
		perror("differential: the rig is in use");
		return false;
	}
	for (i = 0; i < STAGE_UNITS; i++) {
		struct rig_unit_spec spec = units[i];

		if (ioctl(stage->rig, RIG_ADD_UNIT, &spec) || spec.unit != i) {
			perror("differential: a unit");
			return false;
		}
	}
	for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		if (!add_group(stage, &plans[i])) {
			perror("differential: a device");
			return false;
		}
	}
	return true;
}

void stage_clear(struct stage *stage)
{
	if (ioctl(stage->rig, RIG_CLEAR))
		perror("differential: the rig can't be cleared");
	close(stage->rig);
}

/* --- backends ------------------------------------------------------------------------------ */

static int loaded = -1;

static bool run(const char *program, const char *argument)
{
	int status = -1;
	pid_t child = vfork();

	if (!child) {
		execlp(program, program, argument, NULL);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

enum backend backend_loaded(void)
{
	return (enum backend)loaded;
}

bool backend_unload(void)
{
	int i;

	if (loaded < 0)
		return true;
	/* The last reference on a container may go a moment after who held it. */
	for (i = 0; i < 500 && proc_module_users(backend_modules[loaded]) > 0; i++)
		sleep_ms(10);
	if (!run("rmmod", backend_modules[loaded])) {
		fprintf(stderr, "differential: %s can't be unloaded\n", backend_modules[loaded]);
		return false;
	}
	loaded = -1;
	return true;
}

bool backend_load(enum backend backend)
{
	if (loaded == (int)backend)
		return true;
	if (!backend_unload())
		return false;
	if (!run("modprobe", backend_modules[backend])) {
		fprintf(stderr, "differential: %s can't be loaded\n", backend_modules[backend]);
		return false;
	}
	loaded = backend;
	return true;
}
