// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Everything at once, for a fixed number of steps.
 *
 * Each worker has IOVAs of its own, where every answer is known; one range is
 * everybody's, where a map either succeeds or meets another's mapping. Beside
 * them one thread attaches and detaches the groups of two more units, one that
 * joins and one that brings a domain, and looks at a mapping that never
 * changes; and one thread looks at whatever there is to see. No page may be
 * reached by DMA that is not pinned, nothing may be reached after its unmap,
 * and in the end nothing may be left.
 */
#include "tests/support/world.h"

#include <pthread.h>

#define WORKERS		4
#define STEPS		1000
#define ATTACHES	300
#define LOOKS		1500

#define SLOT_PAGES	64
#define SLOT(worker)	((1ull + (worker)) * 16 * MIB)
#define SHARED		(256 * MIB)
#define ANCHOR		(512 * MIB)
#define ANCHOR_PAGE	(WORKERS * SLOT_PAGES)

static struct storm {
	struct world w;
	struct mf_host_group *steady, *joins, *brings;
	u64 shared_maps;	/* that succeeded; one lock for all counters */
	u64 shared_exists;
	u64 shared_unmapped;
	pthread_mutex_t lock;
	pthread_barrier_t begin;
} storm;

struct worker {
	pthread_t thread;
	struct mf_device device;
	u32 index;
	u64 random;
	u64 wrong;		/* answers that should not have been */
	u64 maps, exists, unmapped;
};

/* Threads count what is wrong; only the test's own thread asserts. */
#define expect(worker, condition) ((worker)->wrong += !(condition))

static u32 draw(struct worker *k, u32 below)
{
	k->random = k->random * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(k->random >> 33) % below;
}

static int map(u64 iova, u64 page, u64 pages)
{
	return world_map(&storm.w, iova, VADDR + page * PAGE, pages * PAGE, MF_READ | MF_WRITE,
			 NULL);
}

/* DMA through a slot goes where it should, and nowhere once it is unmapped. */
static void use_slot(struct worker *k)
{
	u64 iova = SLOT(k->index) + draw(k, 8) * PAGE, pages = 1 + draw(k, SLOT_PAGES);
	u64 page = draw(k, (u32)pages), unmapped = 0;
	u64 sent = k->random, got = 0;
	u64 pfn = mf_ram_owner_pfn(storm.w.owner[0],
				   VADDR + (k->index * SLOT_PAGES + page) * PAGE);

	expect(k, map(iova, k->index * SLOT_PAGES, pages) == 0);
	expect(k, mf_device_write(&k->device, iova + page * PAGE, &sent, sizeof(sent)) == 0);
	mf_ram_read(storm.w.ram, pfn, 0, &got, sizeof(got));
	expect(k, got == sent);
	expect(k, map(iova + page * PAGE, 0, 1) == -EEXIST);
	if (pages > 1)
		expect(k, mf_unmap(storm.w.c, iova, PAGE, &unmapped, NULL) == -EINVAL);
	expect(k, mf_unmap(storm.w.c, iova, pages * PAGE, &unmapped, NULL) == 0);
	expect(k, unmapped == pages * PAGE);
	expect(k, mf_device_read(&k->device, iova + page * PAGE, &got, sizeof(got)) == -EFAULT);
	expect(k, k->device.fault.why == MF_FAULT_NOT_PRESENT);
}

/* Of four places, all of which overlap, at most one is mapped at a time. */
static void use_shared(struct worker *k)
{
	u64 unmapped = 0, got;
	int err = map(SHARED + draw(k, 4) * PAGE, k->index * SLOT_PAGES, 4);

	expect(k, err == 0 || err == -EEXIST);
	k->maps += !err;
	k->exists += err == -EEXIST;
	mf_device_read(&k->device, SHARED + 3 * PAGE, &got, sizeof(got));
	mf_device_write(&k->device, SHARED + 3 * PAGE, &got, sizeof(got));

	expect(k, mf_unmap(storm.w.c, SHARED, 8 * PAGE, &unmapped, NULL) == 0);
	expect(k, unmapped == 0 || unmapped == 4 * PAGE);
	k->unmapped += unmapped / (4 * PAGE);
}

static void *work(void *context)
{
	struct worker *k = context;
	u32 i;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < STEPS; i++) {
		use_slot(k);
		use_shared(k);
	}
	expect(k, k->device.unpinned == 0);

	pthread_mutex_lock(&storm.lock);
	storm.shared_maps += k->maps;
	storm.shared_exists += k->exists;
	storm.shared_unmapped += k->unmapped;
	pthread_mutex_unlock(&storm.lock);
	return NULL;
}

/* A group sees what never changes from its attach to its detach, and then nothing. */
static void visit(struct worker *k, struct mf_host_group *group)
{
	u64 got = 0;

	k->device.group = group;
	expect(k, mf_attach(storm.w.c, group, 0, NULL) == 0);
	expect(k, mf_attach(storm.w.c, group, 0, NULL) == -EINVAL);
	expect(k, mf_device_read(&k->device, ANCHOR, &got, sizeof(got)) == 0);
	expect(k, got == 0x616e63686f72);
	mf_device_read(&k->device, SHARED + 3 * PAGE, &got, sizeof(got));
	mf_device_read(&k->device, SLOT(draw(k, WORKERS)), &got, sizeof(got));
	mf_detach(storm.w.c, group);
	expect(k, mf_device_read(&k->device, ANCHOR, &got, sizeof(got)) == -EFAULT);
	expect(k, k->device.fault.why == MF_FAULT_NO_DOMAIN);
}

static void *attach_and_detach(void *context)
{
	struct worker *k = context;
	u32 i;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < ATTACHES; i++) {
		visit(k, storm.joins);
		visit(k, storm.brings);
	}
	expect(k, k->device.unpinned == 0);
	return NULL;
}

static void count_group(void *context, struct mf_host_group *group, u32 id)
{
	expect((struct worker *)context, group->id == id);
}

static void count_owner(void *context, struct mf_owner *owner, u64 pages)
{
	expect((struct worker *)context, owner == &storm.w.owner[0]->owner);
	expect((struct worker *)context, pages <= 1 + WORKERS * SLOT_PAGES + 4);
}

static void look_at_mappings(struct worker *k)
{
	struct mf_mapping_info m;
	u64 iova = 0;
	bool anchor = false;

	while (mf_next_mapping(storm.w.c, iova, &m)) {
		/* It may reach below, if it came after the one before had gone. */
		expect(k, m.span.last >= iova && m.span.last > m.span.first);
		expect(k, m.state != MF_MAPPING_LIVE || m.pages == mf_span_pages(m.span));
		anchor = anchor || m.span.first == ANCHOR;
		iova = m.span.last + 1;
	}
	expect(k, anchor);
}

static void *look(void *context)
{
	struct worker *k = context;
	struct mf_refusal last[4];
	struct mf_status status;
	struct mf_domain_info d;
	struct mf_span window[4];
	struct mf_info info;
	u32 i, j;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < LOOKS; i++) {
		expect(k, mf_get_info(storm.w.c, &info, window, 4) == 1);
		expect(k, info.granule == PAGE);
		mf_get_status(storm.w.c, &status);
		expect(k, status.nr_domains >= 1 && status.nr_domains <= 2);
		expect(k, status.nr_groups >= status.nr_domains && status.nr_groups <= 2);
		expect(k, status.nr_mappings >= 1 && status.nr_mappings <= 1 + 3 * WORKERS);
		expect(k, status.nr_stuck == 0);
		look_at_mappings(k);
		for (j = 0; mf_get_domain(storm.w.c, j, &d); j++)
			mf_for_each_group(storm.w.c, d.id, count_group, k);
		mf_for_each_owner(storm.w.c, count_owner, k);
		expect(k, mf_get_refusals(storm.w.c, last, 4) <= 4);
	}
	return NULL;
}

static void storm_init(void)
{
	struct mf_model_config other = world_plain;
	struct world *w = &storm.w;
	u64 anchor = 0x616e63686f72;

	other.kind = 2;
	other.pgsizes = PAGE | 2 * MIB;
	other.caching = true;
	world_init(w, ANCHOR_PAGE + 1, MF_RAM_SCATTERED);
	/* The world's own hooks keep counters that are for one thread. */
	w->host.hook = NULL;
	w->host.event = NULL;
	storm.steady = world_group(w, world_unit(w, &world_plain));
	storm.joins = world_group(w, world_unit(w, &world_plain));
	storm.brings = world_group(w, world_unit(w, &other));
	world_open(w, MF_TYPE1V2, 100);
	assert_int_equal(mf_attach(w->c, storm.steady, 0, NULL), 0);
	assert_int_equal(map(ANCHOR, ANCHOR_PAGE, 1), 0);
	assert_int_equal(mf_device_write(world_device(w, storm.steady), ANCHOR, &anchor,
					 sizeof(anchor)), 0);
	pthread_mutex_init(&storm.lock, NULL);
	pthread_barrier_init(&storm.begin, NULL, WORKERS + 2);
}

static void run_threads(struct worker *k)
{
	u32 i;

	for (i = 0; i < WORKERS + 2; i++) {
		k[i] = (struct worker){ .index = i, .random = i + 1 };
		k[i].device.group = storm.steady;
		assert_int_equal(pthread_create(&k[i].thread, NULL,
						i < WORKERS ? work :
						i == WORKERS ? attach_and_detach : look, &k[i]), 0);
	}
	for (i = 0; i < WORKERS + 2; i++)
		pthread_join(k[i].thread, NULL);
	for (i = 0; i < WORKERS + 2; i++) {
		if (k[i].wrong)
			fail_msg("thread %u: %llu wrong answers", i, k[i].wrong);
	}
}

static void test_storm(void **state)
{
	struct worker workers[WORKERS + 2];
	struct mf_status status;
	u64 unmapped = 0;

	(void)state;
	storm_init();
	run_threads(workers);

	assert_int_equal(storm.shared_maps + storm.shared_exists, WORKERS * STEPS);
	assert_true(storm.shared_maps);
	assert_int_equal(mf_unmap(storm.w.c, SHARED, 8 * PAGE, &unmapped, NULL), 0);
	assert_int_equal(storm.shared_maps, storm.shared_unmapped + unmapped / (4 * PAGE));

	/* Only what never changed is left, and then not even that. */
	mf_get_status(storm.w.c, &status);
	assert_int_equal(status.nr_mappings, 1);
	assert_int_equal(status.nr_domains, 1);
	assert_int_equal(status.pages_pinned, 1);
	check(world_check(&storm.w));
	check(world_check_domains(&storm.w, storm.w.c));
	assert_int_equal(mf_unmap_all(storm.w.c, &unmapped, NULL), 0);
	assert_int_equal(unmapped, PAGE);
	assert_int_equal(mf_user_host_live(&storm.w.host).pins, 0);
	check(world_end(&storm.w));
	pthread_barrier_destroy(&storm.begin);
	pthread_mutex_destroy(&storm.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
