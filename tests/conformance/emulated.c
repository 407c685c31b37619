// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Emulated groups, in sections 3.1 to 3.5: groups that no unit translates for. Alone in a container
 * they leave mappings unpinned and unbilled; the first unit that joins them changes that.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

static void coherency(struct test *t)
{
	setup_emulated(t);
	want(t, vfio_check_extension(t->container, VFIO_DMA_CC_IOMMU), "emulated group alone");
}

static void info_alone(struct test *t)
{
	struct vfio_info info;

	setup_emulated(t);
	get_info(t, &info);
	want(t, info.page_sizes == -PAGE, "page sizes %#llx", info.page_sizes);
	want_value(t, 0, info.nranges, "ranges of IOVA_RANGE");
	for (int i = 0; i < info.ncaps; i++)
		want_true(t, info.caps[i].id != VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
			  "there is no IOVA_RANGE");
	want_true(t, info.has_available, "DMA_AVAIL is there");
}

static void joins(struct test *t)
{
	char *memory = get_pages(t, 4);
	struct vfio_info before, after;
	int group;

	needs(t, FEATURE_EMULATED);
	setup(t, 1);
	must_map(t, IOVA, memory, 4 * PAGE);
	get_info(t, &before);
	group = add_emulated(t, RIG_HEARS_UNMAPS);
	want(t, vfio_group_join(t->groups[group].fd, t->container), "beside an IOMMU group");
	get_info(t, &after);
	want_value(t, before.page_sizes, after.page_sizes, "page sizes");
	want_value(t, before.nranges, after.nranges, "ranges");
	want_value(t, 4, proc_billed(0), "pages billed");
	want_value(t, 0, open_device(t, group), "its device is opened");
	if (t->type == VFIO_TYPE1v2_IOMMU) {
		must_pin(t, group, IOVA, 2);
		want_true(t, reaches(t, group, IOVA, memory), "it reaches what it pinned");
		want_value(t, 4, proc_billed(0), "pages billed with two pinned as well");
	}
	close_device(t, group);
	want_value(t, 0, vfio_group_leave(t->groups[group].fd), "it leaves");
	want_value(t, 4 * PAGE, unmap_all(t), "bytes mapped after that");
}

/* --- mappings without a domain ---------------------------------------------------------------- */

static void map_alone(struct test *t)
{
	char *memory = get_pages(t, 8);
	long limit, pinned;

	setup_emulated(t);
	pinned = proc_pinned();
	limit = available(t);
	want(t, map(t, IOVA, memory, 8 * PAGE), "memory");
	want(t, map(t, 0, memory, PAGE), "IOVA 0");
	want(t, map(t, 0xfee00000, memory, PAGE), "where others have a reserved region");
	want(t, map(t, 1ULL << 62, memory, PAGE), "beyond any unit's aperture");
	want(t, map(t, 1ULL << 33, NULL, PAGE), "memory that is not there");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");
	want_value(t, limit - 5, available(t), "mappings available");
	want_value(t, -EEXIST, map(t, IOVA + PAGE, memory, PAGE), "overlap");
	want_value(t, -EINVAL, map(t, IOVA + PAGE / 2, memory, PAGE), "misaligned");
	want_value(t, 12 * PAGE, unmap_all(t), "bytes unmapped");
}

static void map_huge(struct test *t)
{
	char *memory = get_pages(t, 1);

	setup_emulated(t);
	want(t, map(t, 1ULL << 46, memory, 32ULL << 40), "32 TiB");
	want_value(t, 32LL << 40, unmap_all(t), "bytes unmapped");
}

/* --- the first domain ---------------------------------------------------------------------- */

static void domain_joins(struct test *t)
{
	char *memory = get_pages(t, 12);
	struct edu edu;
	long pinned;

	setup_emulated(t);
	must_map(t, IOVA, memory, 8 * PAGE);
	must_map(t, 1ULL << 33, memory + 8 * PAGE, 4 * PAGE);
	open_group(t, 0);
	pinned = proc_pinned();
	want(t, vfio_group_join(t->groups[0].fd, t->container), "by the mapper");
	want_value(t, 12, proc_billed(0), "pages billed");
	want_value(t, pinned + 12, proc_pinned(), "pages pinned");
	get_edu(t, 0, &edu);
	want_true(t, dma_works(&edu, memory, IOVA), "DMA to the first mapping");
	want_true(t, dma_works(&edu, memory + 8 * PAGE, 1ULL << 33), "DMA to the second");
	edu_close(&edu);
	want_value(t, 12 * PAGE, unmap_all(t), "bytes unmapped");
	want_value(t, pinned, proc_pinned(), "pages pinned after that");
}

struct joining {
	char *memory;
	int group, result;
	long billed, billed_to_parent;
};

/* Private memory: what this process writes at the mapping's address, only it sees. */
static int join_with_own(struct test *t, void *data)
{
	struct joining *joining = data;

	memset(joining->memory, 'j', PAGE);
	joining->result = vfio_group_join(t->groups[joining->group].fd, t->container);
	joining->billed = proc_billed(0);
	joining->billed_to_parent = proc_billed(getppid());
	return 0;
}

/*
 * A process other than the mapper attaches the group. The mapping is of the mapper's memory, which
 * is to be pinned, and to be seen by the device: 1 if so, 0 if it sees the other process's.
 */
static void other_joins(struct test *t)
{
	struct joining *joining = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	union { __u64 word; char bytes[8]; } seen = { 0 };
	int unit;

	joining->memory = get_pages(t, 2);
	memset(joining->memory, 'm', 2 * PAGE);
	setup_emulated(t);
	must_map(t, IOVA, joining->memory, 2 * PAGE);
	unit = add_unit(t, unit_plain());
	joining->group = add_group(t, unit);
	in_other_process(t, join_with_own, joining);
	want_value(t, 0, joining->result, "join by another process");
	want_value(t, 0, joining->billed, "pages billed to it");
	want_value(t, 2, joining->billed_to_parent, "pages billed to the mapper");
	want_value(t, 0, read_word(t, joining->group, IOVA, &seen.word), "the device's DMA");
	want(t, seen.bytes[0] == 'm', "the device sees '%c'", seen.bytes[0]);
	want_value(t, 2 * PAGE, unmap_all(t), "bytes unmapped");
}

static void over_memlock(struct test *t)
{
	char *memory = get_pages(t, 64);
	long pinned;
	int group, unit;

	setup_emulated(t);
	unit = add_unit(t, unit_plain());
	group = add_group(t, unit);
	become_nobody(t, 48);
	must_map(t, IOVA, memory, 32 * PAGE);
	must_map(t, 1ULL << 33, memory + 32 * PAGE, 32 * PAGE);
	pinned = proc_pinned();
	want(t, vfio_group_join(t->groups[group].fd, t->container), "64 pages, limit of 48");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");
	want_value(t, 0, counters(t, unit).domains, "domains left");
	want_value(t, 32 * PAGE, unmap(t, 1ULL << 33, 32 * PAGE), "bytes of one unmapped");
	want_value(t, 0, vfio_group_join(t->groups[group].fd, t->container), "half of it");
	want_value(t, 32, proc_billed(0), "pages billed");
	want_true(t, reaches(t, group, IOVA, memory), "DMA");
}

/* Memory that is not there was no matter without a domain. */
static void memory_missing(struct test *t)
{
	char *memory = get_pages(t, 8);
	long pinned;
	int group;

	setup_emulated(t);
	group = add_group(t, add_unit(t, unit_plain()));
	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, 1ULL << 33, memory + 4 * PAGE, 4 * PAGE);
	munmap(memory + 6 * PAGE, PAGE);
	pinned = proc_pinned();
	want(t, vfio_group_join(t->groups[group].fd, t->container), "a page is not there");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");
	want_value(t, 8 * PAGE, unmap_all(t), "bytes still mapped");
	want_value(t, 0, vfio_group_join(t->groups[group].fd, t->container), "without mappings");
}

/* A page that an emulated device has pinned is billed once, whoever else pins it. */
static void last_domain_leaves(struct test *t)
{
	char *memory = get_pages(t, 12);
	int emulated, group;
	long pinned;

	emulated = setup_emulated(t);
	group = add_group(t, add_unit(t, unit_plain()));
	must_map(t, IOVA, memory, 8 * PAGE);
	must_map(t, 1ULL << 33, memory + 8 * PAGE, 4 * PAGE);
	pinned = proc_pinned();
	if (t->type == VFIO_TYPE1v2_IOMMU)
		must_pin(t, emulated, IOVA, 3);
	join_group(t, group);
	want_value(t, 12, proc_billed(0), "pages billed with the domain");
	want(t, vfio_group_leave(t->groups[group].fd), "it leaves");
	want_value(t, t->type == VFIO_TYPE1v2_IOMMU ? 3 : 0, proc_billed(0),
		   "pages billed without: what the emulated device has pinned");
	want_value(t, t->type == VFIO_TYPE1v2_IOMMU ? pinned + 3 : pinned, proc_pinned(),
		   "pages pinned without");
	if (t->type == VFIO_TYPE1v2_IOMMU)
		want_true(t, reaches(t, emulated, IOVA, memory), "it still reaches them");
	join_group(t, group);
	want_value(t, 12, proc_billed(0), "pages billed when it is back");
	want_true(t, reaches(t, group, 1ULL << 33, memory + 8 * PAGE), "DMA when it is back");
	want_value(t, 0, vfio_group_leave(t->groups[group].fd), "it leaves again");
	want_value(t, 12 * PAGE, unmap_all(t), "bytes still mapped");
}

static void emulated_leaves_last(struct test *t)
{
	char *memory = get_pages(t, 4);
	long pinned;
	int group;

	group = setup_emulated(t);
	must_map(t, IOVA, memory, 4 * PAGE);
	pinned = proc_pinned();
	if (t->type == VFIO_TYPE1v2_IOMMU)
		must_pin(t, group, IOVA, 2);
	close_device(t, group);
	want_value(t, 0, emulated_state(t, group).pinned, "pages that a closed device has");
	want_value(t, 0, proc_billed(0), "pages billed after it closed");
	want_value(t, pinned, proc_pinned(), "pages pinned after it closed");
	want(t, vfio_group_leave(t->groups[group].fd), "the last group");
	join_group(t, group);
	if (vfio_set_type(t->container, t->type))
		give_up(t, "SET_IOMMU again");
	want_value(t, 0, unmap_all(t), "bytes mapped in the container used again");
}

/* --- unmap of what is pinned ----------------------------------------------------------------- */

static void told_of_unmap(struct test *t)
{
	char *memory = get_pages(t, 8);
	struct rig_emulated_state state;
	int first = setup_emulated(t), second = add_emulated(t, RIG_HEARS_UNMAPS);
	long pinned = proc_pinned();

	join_group(t, second);
	if (open_device(t, second))
		give_up(t, "open the second device");
	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, 1ULL << 33, memory + 4 * PAGE, 4 * PAGE);
	must_pin(t, first, IOVA, 4);
	must_pin(t, first, 1ULL << 33, 1);
	must_pin(t, second, IOVA + PAGE, 2);
	want_value(t, 5, proc_billed(0), "pages billed: one pinned by both is billed once");
	want(t, unmap(t, IOVA, 4 * PAGE), "the mapping that both have pages of");
	state = emulated_state(t, first);
	want_value(t, 1, state.pinned, "pages that the first device still has");
	want_true(t, state.calls > 0 && state.told[0].iova == IOVA &&
		  state.told[0].bytes == 4 * PAGE, "it was told of the mapping");
	want_value(t, 0, emulated_state(t, second).pinned, "pages that the second still has");
	want_value(t, 1, proc_billed(0), "pages billed");
	want_value(t, pinned + 1, proc_pinned(), "pages pinned");
	want_true(t, reaches(t, first, 1ULL << 33, memory + 4 * PAGE), "the other page is there");
}

static void not_told_without_pins(struct test *t)
{
	char *memory = get_pages(t, 8);
	int group = setup_emulated(t);

	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, 1ULL << 33, memory + 4 * PAGE, 4 * PAGE);
	must_pin(t, group, 1ULL << 33, 1);
	want_value(t, 4 * PAGE, unmap(t, IOVA, 4 * PAGE), "bytes unmapped");
	want(t, emulated_state(t, group).calls, "times it was told");
}

#define MANY 24

static void many_pinned(struct test *t)
{
	char *memory = get_pages(t, MANY);
	int group = setup_emulated(t);

	for (int i = 0; i < MANY; i++) {
		must_map(t, IOVA + i * PAGE, memory + i * PAGE, PAGE);
		must_pin(t, group, IOVA + i * PAGE, 1);
	}
	want(t, unmap_all(t), "%d mappings with a page pinned in each", MANY);
	want_value(t, 0, emulated_state(t, group).pinned, "pages that the device has");
	want_value(t, 0, proc_billed(0), "pages billed");
}

/* Refuses for a while, as a device does that is busy. */
static void refuses(struct test *t, int times)
{
	char *memory = get_pages(t, 4);
	int group = setup_emulated(t);

	must_map(t, IOVA, memory, 4 * PAGE);
	must_pin(t, group, IOVA, 2);
	set_manners(t, group, times, false);
	want(t, unmap(t, IOVA, 4 * PAGE), "a device that refuses %d times", times);
	want_true(t, emulated_state(t, group).calls > 1, "it was asked again");
}

static void refuses_a_while(struct test *t)
{
	refuses(t, 5);
}

/*
 * A device that never gives its page back. Whatever the backend says to who unmaps, the page may
 * not be lost, nor the kernel stop: once the device has closed, all is as if it had never been.
 */
static void refuses_for_good(struct test *t)
{
	char *memory = get_pages(t, 4);
	int group = setup_emulated(t);
	long pinned = proc_pinned(), result;

	dangerous(t, "it stops the kernel when asked for the tenth time (BUG)");
	must_map(t, IOVA, memory, 4 * PAGE);
	must_pin(t, group, IOVA, 2);
	set_manners(t, group, ~0u, false);
	result = unmap(t, IOVA, 4 * PAGE);
	note(t, "UNMAP_DMA says %ld", result);
	want_value(t, 2, emulated_state(t, group).pinned, "pages that the device has");
	want_value(t, pinned + 2, proc_pinned(), "pages pinned");
	want_value(t, 2, proc_billed(0), "pages billed");
	want_true(t, reaches(t, group, IOVA, memory), "the device still reaches them");
	set_manners(t, group, 0, false);
	close_device(t, group);
	want_value(t, result < 0 ? 4 * PAGE : 0, unmap_all(t), "bytes still mapped");
	want_value(t, pinned, proc_pinned(), "pages pinned in the end");
	want(t, proc_billed(0), "pages billed in the end");
}

/* Others are not kept waiting by a device that takes its time. */
static int unmap_held(struct test *t, void *data)
{
	*(long *)data = unmap(t, IOVA, 4 * PAGE);
	return 0;
}

static void takes_its_time(struct test *t)
{
	long *result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *memory = get_pages(t, 8);
	int group = setup_emulated(t), status;
	pid_t pid;

	must_map(t, IOVA, memory, 4 * PAGE);
	must_pin(t, group, IOVA, 2);
	set_manners(t, group, 0, true);
	*result = -1;
	pid = start_process(t, unmap_held, result);
	while (!emulated_state(t, group).held)
		sleep_ms(1);
	want_value(t, 0, map(t, 1ULL << 33, memory + 4 * PAGE, 4 * PAGE), "another MAP_DMA");
	must_pin(t, group, 1ULL << 33, 1);
	want_true(t, reaches(t, group, IOVA, memory), "the device uses its pages meanwhile");
	unpin(t, group, 1ULL << 33, 1);
	want_value(t, 4 * PAGE, unmap(t, 1ULL << 33, 4 * PAGE), "another UNMAP_DMA");
	want_value(t, -1, *result, "the first has not ended");
	set_manners(t, group, 0, false);
	if (waitpid(pid, &status, 0) != pid)
		give_up(t, "wait");
	want(t, *result, "once it has given its pages back");
	want_value(t, 0, emulated_state(t, group).pinned, "pages that the device has");
}

/* --- all at once ---------------------------------------------------------------------------- */

#define STORM_ROUNDS	2000
#define STORM_MAPPINGS	4

struct storm {
	int group;
	volatile bool over;
	long pinned;			/* calls that pinned something */
};

/* Pins and unpins what may or may not be mapped at the moment. */
static int pin_at_random(struct test *t, void *data)
{
	struct storm *storm = data;
	unsigned int seed = getpid();

	while (!storm->over) {
		__u64 at = IOVA + rand_r(&seed) % (STORM_MAPPINGS * 4) * PAGE;
		int pages = 1 + rand_r(&seed) % 3;

		if (pin(t, storm->group, at, pages, RIG_READ) != pages)
			continue;
		storm->pinned++;
		if (rand_r(&seed) % 2)
			try_unpin(t, storm->group, at, pages);
	}
	return 0;
}

/* A device that pins again as often as it unpins makes a sound backend give up for now. */
static long unmap_at_last(struct test *t, __u64 iova)
{
	long result;

	do {
		result = unmap(t, iova, 4 * PAGE);
	} while (result == -EBUSY);
	return result;
}

/*
 * Mappings come and go while two processes have a device pin pages of them, each holding the
 * device's lock: nobody may wait for ever, and in the end nothing is left.
 */
static void storm(struct test *t)
{
	struct storm *storm = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				   -1, 0);
	char *memory = get_pages(t, STORM_MAPPINGS * 4);
	long pinned, failed = 0;
	pid_t pids[2];
	int status;

	dangerous(t, "a page pinned again ten times while it is unmapped stops the kernel (BUG)");
	storm->group = setup_emulated(t);
	pinned = proc_pinned();
	for (int i = 0; i < 2; i++)
		pids[i] = start_process(t, pin_at_random, storm);
	for (int i = 0; i < STORM_ROUNDS || !storm->pinned; i++) {
		__u64 at = i % STORM_MAPPINGS * 4 * PAGE;

		failed += map(t, IOVA + at, memory + at, 4 * PAGE) != 0;
		at = (i + STORM_MAPPINGS / 2) % STORM_MAPPINGS * 4 * PAGE;
		if (i >= STORM_MAPPINGS / 2)
			failed += unmap_at_last(t, IOVA + at) != 4 * PAGE;
	}
	storm->over = true;
	for (int i = 0; i < 2; i++) {
		if (waitpid(pids[i], &status, 0) != pids[i])
			give_up(t, "wait");
	}
	want(t, failed, "MAP_DMA and UNMAP_DMA that failed");
	unmap_all(t);
	want_value(t, 0, emulated_state(t, storm->group).pinned, "pages that the device has");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");
}

const struct row emulated_rows[] = {
	ROW("5", "DMA_CC with emulated groups only", BOTH, ALL(1), coherency),
	ELSEWHERE("18", "no-IOMMU and real groups mixed",
		  "no test: these kernels have no no-IOMMU groups, and no backend is asked"),
	ROW("26", "emulated group joins", BOTH, ALL(0), joins),
	ROW("40", "replay has to pin and exceeds memlock: all undone", BOTH, ALL(-ENOMEM),
	    over_memlock),
	ROW("40f", "replay has to pin what is not there: all undone", BOTH, ALL(-EFAULT),
	    memory_missing),
	ROW("43", "first domain joins an emulated group: all is pinned, billed and mapped", BOTH,
	    ALL(0), domain_joins),
	DEFECT("43o", "... attached by another process: the device sees the mapper's memory", BOTH,
	       ALL(0), 1, other_joins),
	ROW("44", "last domain leaves: what the emulated device has pinned stays", BOTH, ALL(0),
	    last_domain_leaves),
	ROW("45e", "last group is an emulated one: all mappings go", BOTH, ALL(0),
	    emulated_leaves_last),
	ROW("52", "no IOMMU group: page sizes of the processor, no IOVA_RANGE", BOTH, ALL(1),
	    info_alone),
	ROW("86", "mapping of more than 16 TiB", BOTH, ALL(0), map_huge),
	ROW("88", "no domain: nothing pinned or billed", BOTH, ALL(0), map_alone),
	DEFECT("121", "a pinned page's device refuses for good: pages billed when it has closed",
	       V2, ALL(0), 0, refuses_for_good),
	ROW("121a", "pinned pages: each device is told, and unpins", V2, ALL(4 * PAGE),
	    told_of_unmap),
	ROW("121b", "... when none is in the mapping: not told", V2, ALL(0),
	    not_told_without_pins),
	ROW("121c", "... refuses for a while", V2, ALL(4 * PAGE), refuses_a_while),
	ROW("121n", "... in many mappings", V2, ALL(MANY * PAGE), many_pinned),
	DEFECT("121s", "pages are pinned while mappings come and go: requests that fail", V2,
	       ALL(0), 0, storm),
	ROW("121t", "... takes its time: nobody else waits", V2, ALL(4 * PAGE), takes_its_time),
	END_OF_ROWS
};
