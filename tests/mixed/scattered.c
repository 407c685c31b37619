// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory of which hardly two pages follow one another, with a large page in
 * between: more runs than go together, short ones and a long one. Where the
 * backend may write into page tables by itself (direct_tables) it does so here.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scene.h"

#define SIDE		(2 * MIB)
#define SIDE_PAGES	(SIDE / PAGE)
#define ALL		(3 * SIDE)

static void must_mmap(char *at, __u64 size, int flags, int fd, __u64 offset)
{
	void *got = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | flags, fd,
			 offset);

	expect(got == at, "no memory at %p: %s", at, strerror(errno));
}

/* Pages of @fd from @first on, so that neighbours are far from one another in the file. */
static void scatter(char *at, int fd, unsigned int first)
{
	unsigned int i;

	for (i = 0; i < SIDE_PAGES; i++)
		must_mmap(at + i * PAGE, PAGE, 0, fd, (first + i * 237 % SIDE_PAGES) * PAGE);
}

/* Scattered, a large page, scattered: 2 MiB each. */
static void use_scattered(struct scene *s)
{
	char *room = mmap(NULL, ALL + SIDE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("scattered", MFD_CLOEXEC);

	expect(room != MAP_FAILED && fd >= 0 && !ftruncate(fd, 2 * SIDE), "no memory: %s",
	       strerror(errno));
	room = (char *)(((unsigned long)room + SIDE - 1) & ~(SIDE - 1));
	munmap(s->memory, SCENE_MEMORY);
	/* In the order of the file: so pages that are neighbours there may well be in memory. */
	must_mmap(room, 2 * SIDE, MAP_POPULATE, fd, 0);
	scatter(room, fd, 0);
	must_mmap(room + SIDE, SIDE, MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	scatter(room + 2 * SIDE, fd, SIDE_PAGES);
	s->memory = room;
}

static void must_reach_all(struct scene *s, int device)
{
	__u64 at;

	for (at = 0; at < ALL; at += 8 * PAGE)
		must_reach(s, device, IOVA + at, at, 8 * PAGE);
}

static struct rig_unit_spec caching(struct rig_unit_spec spec)
{
	spec.flags |= RIG_CACHES_ABSENT;
	return spec;
}

/* Every page goes where it should, in a map and in a replay, and all of it away again. */
static void scattered(struct scene *s)
{
	int devices[2];

	use_scattered(s);
	devices[0] = add_device(s, add_unit(s, unit_plain()));
	devices[1] = add_device(s, add_unit(s, unit_other()));
	must_attach(s, devices[0]);
	must_map(s, IOVA, 0, ALL);
	must_reach_all(s, devices[0]);
	must_attach(s, devices[1]);
	must_agree(s, devices, 2, IOVA, ALL);
	must_reach_all(s, devices[1]);
	expect_equal(unmap(s, IOVA, ALL), ALL, "unmapped");
	must_not_reach(s, devices[0], IOVA, ALL);
	must_not_reach(s, devices[1], IOVA, ALL);
}

/* Units that have seen that nothing is there are told, about every part of the mapping. */
static void scattered_synced(struct scene *s)
{
	static const __u64 places[] = {
		0, SIDE / 2, SIDE - 8 * PAGE, SIDE, 2 * SIDE - 8 * PAGE, 2 * SIDE, ALL - 8 * PAGE,
	};
	int device = add_device(s, add_unit(s, caching(unit_plain())));
	unsigned int i;

	use_scattered(s);
	must_attach(s, device);
	/* One after another: the IOTLB remembers 64. */
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		must_not_reach(s, device, IOVA + places[i], 8 * PAGE);
		must_map(s, IOVA, 0, ALL);
		must_reach(s, device, IOVA + places[i], places[i], 8 * PAGE);
		expect_equal(unmap(s, IOVA, ALL), ALL, "unmapped");
	}
}

static bool parameter(const char *name)
{
	char path[128], is = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/vfio_iommu_type1/parameters/%s", name);
	file = fopen(path, "r");
	expect(file && fread(&is, 1, 1, file) == 1, "no parameter %s", name);
	fclose(file);
	return is == 'Y';
}

/* How often a unit is told, counted: once for so many runs, not for each. */
static void expect_syncs(struct scene *s, int device, const char *when)
{
	struct rig_counters c = counters_of(s, s->devices[device].unit, true);
	/* By lists, of 128 runs each at most, and one may be left over. */
	unsigned int most = parameter("direct_tables") ? 1 : SIDE_PAGES / 128 + 1;

	expect(c.maps > SIDE_PAGES / 2, "only %llu maps in %s: the memory is not scattered",
	       c.maps, when);
	expect(c.map_syncs && c.map_syncs <= most, "%llu syncs in %s of %llu runs", c.map_syncs,
	       when, c.maps);
}

static void scattered_synced_once(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_other()));
	/* What is pinned at once: the last of 512 runs would wait for more pages. */
	__u64 size = SIDE - 64 * PAGE;

	use_scattered(s);
	must_attach(s, a);
	counters_of(s, s->devices[a].unit, true);
	must_map(s, IOVA, 0, size);
	expect_syncs(s, a, "a map");
	counters_of(s, s->devices[b].unit, true);
	must_attach(s, b);
	expect_syncs(s, b, "a replay");
}

static void must_have_no_leaf(struct scene *s, int device)
{
	struct rig_leaf leaf;

	expect(!leaf_at(s, device, IOVA, &leaf) && !leaf.bytes, "device %d has a leaf at %#llx",
	       device, leaf.iova);
}

/* Wherever a unit fails, in a map or in a replay, nothing of it stays. */
static void scattered_fails(struct scene *s)
{
	static const unsigned int nths[] = { 2, 3, 100, 300, 512, 513, 514, 700, 1000 };
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_other()));
	long billed = proc_billed(0), pinned = proc_pinned();
	unsigned int i;

	use_scattered(s);
	for (i = 0; i < sizeof(nths) / sizeof(nths[0]); i++) {
		struct rig_faults faults = {
			.unit = s->devices[b].unit, .map_in = nths[i], .map_error = ENOSPC,
		};

		must_attach(s, a);
		must_attach(s, b);
		set_faults(s, faults);
		expect_equal(map(s, IOVA, 0, ALL), -ENOSPC, "map that fails");
		must_have_no_leaf(s, a);
		must_have_no_leaf(s, b);
		expect_equal(proc_billed(0), billed, "pages billed");
		expect_equal(proc_pinned(), pinned, "pages pinned");

		detach(s, b);
		must_map(s, IOVA, 0, ALL);
		set_faults(s, faults);
		expect_equal(attach(s, b), -ENOSPC, "replay that fails");
		must_reach_all(s, a);
		must_attach(s, b);
		must_reach_all(s, b);
		detach(s, a);
		detach(s, b);
		expect_equal(proc_pinned(), pinned, "pages pinned in the end");
	}
}

/* Without large pages (disable_hugepages) a run is a page, and what touches stays apart. */
static void small_pages(struct scene *s)
{
	static const char path[] = "/sys/module/vfio_iommu_type1/parameters/disable_hugepages";
	int device = add_device(s, add_unit(s, unit_plain()));
	struct rig_counters c;
	struct rig_leaf leaf;

	must_attach(s, device);
	must_map(s, IOVA, 0, HUGE_PAGE);
	expect(leaf_at(s, device, IOVA, &leaf), "no leaf");
	expect_equal(leaf.bytes, HUGE_PAGE, "bytes of the leaf");
	expect_equal(unmap(s, IOVA, HUGE_PAGE), HUGE_PAGE, "unmapped");

	counters_of(s, s->devices[device].unit, true);
	expect(!proc_set(path, 1), "no %s", path);
	must_map(s, IOVA, 0, HUGE_PAGE);
	proc_set(path, 0);
	expect(leaf_at(s, device, IOVA + PAGE, &leaf), "no leaf");
	expect_equal(leaf.bytes, PAGE, "bytes of the leaf");
	c = counters_of(s, s->devices[device].unit, false);
	expect_equal(c.leaves, HUGE_PAGE / PAGE, "leaves");
	expect_equal(c.maps, HUGE_PAGE / PAGE, "maps");
	must_reach(s, device, IOVA, 0, HUGE_PAGE);
}

const struct mixed_case scattered_cases[] = {
	{ "scattered", scattered, ON_BOTH, NULL },
	{ "scattered-synced", scattered_synced, ON_BOTH, NULL },
	{ "scattered-synced-once", scattered_synced_once, ON_MANIFOLD,
	  "in-tree syncs every run" },
	{ "scattered-fails", scattered_fails, ON_BOTH, NULL },
	{ "small-pages", small_pages, ON_BOTH, NULL },
	END_OF_CASES
};
