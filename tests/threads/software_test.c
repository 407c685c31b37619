// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Software devices, dirty pages and new vaddrs, all at once, for a fixed number
 * of steps.
 *
 * In the first storm an emulated group is nearly always there, and domains come
 * and go, the first and the last one too, while mappings are made, used and
 * removed, pages are pinned, and dirty pages read. In the second one vaddrs are
 * invalidated and updated by two threads at once, for two owners, while other
 * mappings and other groups come and go. Every answer is known where it can be,
 * and in the end nothing may be left.
 */
#include "tests/support/world.h"

#include <pthread.h>

#define RW		(MF_READ | MF_WRITE)
#define WORKERS		3
#define STEPS		3000
#define ROUNDS		1500

#define SLOT_PAGES	40
#define SLOT(worker)	((1ull + (worker)) * 16 * MIB)
#define ANCHOR		(256 * MIB)
#define ANCHOR_PAGES	8
#define ANCHOR_PAGE	(WORKERS * SLOT_PAGES)

static struct storm {
	struct world w;
	struct mf_host_group *software, *hardware, *second;
	pthread_barrier_t begin;
} storm;

struct worker {
	pthread_t thread;
	struct mf_device device;
	u32 index;
	u64 random;
	u64 wrong;	/* answers that should not have been */
	bool dirty;	/* the page it wrote to was said to be dirty */
	bool refuse;	/* its sink takes nothing */
	u64 done;	/* updates that it made */
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
	return world_map(&storm.w, iova, VADDR + page * PAGE, pages * PAGE, RW, NULL);
}

/* Whichever thread unmaps: it speaks for the device, and lets go of everything. */
static void let_go(void *context, void *cookie, struct mf_span span)
{
	(void)context;
	(void)cookie;
	mf_unpin_pages(storm.w.c, span.first, (u32)mf_span_pages(span));
}

static int take_nothing(void *context, u64 first, const u64 *bits, u64 nr)
{
	(void)context;
	(void)first;
	(void)bits;
	return nr ? 0 : -EIO;
}

/* With dirty pages if they happen to be tracked. */
static void unmap(struct worker *k, u64 iova, u64 bytes)
{
	u64 unmapped = 0;
	int err = -EINVAL;

	if (draw(k, 2))
		err = mf_unmap_dirty(storm.w.c, iova, bytes, PAGE, take_nothing, NULL, &unmapped,
				     NULL);
	if (err == -EINVAL)
		err = mf_unmap(storm.w.c, iova, bytes, &unmapped, NULL);
	expect(k, err == 0 && unmapped == bytes);
}

/* What software pins and writes is what the owner has there. */
static void use_slot(struct worker *k)
{
	u64 iova = SLOT(k->index) + draw(k, 8) * PAGE, pages = 1 + draw(k, SLOT_PAGES);
	u64 page = draw(k, (u32)pages), at = iova + page * PAGE, pfn = 0, got = 0, sent;
	u64 first = k->index * SLOT_PAGES;

	expect(k, map(iova, first, pages) == 0);
	expect(k, mf_pin_pages(storm.w.c, storm.software, at, 1, RW, &pfn, NULL) == 0);
	expect(k, pfn == mf_ram_owner_pfn(storm.w.owner[0], VADDR + (first + page) * PAGE));
	sent = k->random;
	expect(k, mf_access(storm.w.c, at, &sent, sizeof(sent), true, NULL) == 0);
	mf_ram_read(storm.w.ram, pfn, 0, &got, sizeof(got));
	expect(k, got == sent);
	if (draw(k, 2))
		mf_unpin_pages(storm.w.c, at, 1);
	unmap(k, iova, pages * PAGE);
	expect(k, mf_access(storm.w.c, at, &got, sizeof(got), false, NULL) == -EINVAL);
	expect(k, mf_pin_pages(storm.w.c, NULL, at, 1, MF_READ, &pfn, NULL) == -EINVAL);
}

/* And what everybody uses, and nobody unmaps. */
static void use_anchor(struct worker *k)
{
	u64 page = draw(k, ANCHOR_PAGES), at = ANCHOR + page * PAGE, pfn = 0, data = 0;

	expect(k, mf_pin_pages(storm.w.c, storm.software, at, 1, RW, &pfn, NULL) == 0);
	expect(k, pfn == mf_ram_owner_pfn(storm.w.owner[0], VADDR + (ANCHOR_PAGE + page) * PAGE));
	expect(k, mf_access(storm.w.c, at, &data, sizeof(data), draw(k, 2), NULL) == 0);
	mf_unpin_pages(storm.w.c, at, 1);
}

static void *work(void *context)
{
	struct worker *k = context;
	u32 i;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < STEPS; i++) {
		use_slot(k);
		use_anchor(k);
	}
	return NULL;
}

static int attach(struct mf_host_group *group)
{
	return mf_attach(storm.w.c, group, 0, NULL);
}

static int emulate(struct mf_host_group *group)
{
	return mf_attach(storm.w.c, group, MF_ATTACH_EMULATED, NULL);
}

/* The first domain comes, the last one leaves; once in a while software does, too. */
static void *domains_come_and_go(void *context)
{
	struct worker *k = context;
	u64 got;
	u32 i;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < ROUNDS; i++) {
		k->device.group = storm.hardware;
		expect(k, attach(storm.hardware) == 0);
		expect(k, mf_device_read(&k->device, ANCHOR, &got, sizeof(got)) == 0);
		if (i % 3 == 0)
			expect(k, attach(storm.second) == 0);
		if (i % 5 == 0) {
			mf_detach(storm.w.c, storm.software);
			expect(k, emulate(storm.software) == 0);
		}
		mf_detach(storm.w.c, storm.hardware);
		expect(k, mf_device_read(&k->device, ANCHOR, &got, sizeof(got)) == -EFAULT);
		mf_detach(storm.w.c, storm.second);
	}
	expect(k, k->device.unpinned == 0);
	return NULL;
}

static int take_dirty(void *context, u64 first, const u64 *bits, u64 nr)
{
	struct worker *k = context;
	u64 page = ANCHOR / PAGE + 3;

	if (k->refuse)
		return -EFAULT;
	if (first > page || page - first >= nr)
		return 0;
	page -= first;
	k->dirty = k->dirty || bits[page / 64] >> page % 64 & 1;
	return 0;
}

static int read_all(struct worker *k, bool refuse)
{
	k->refuse = refuse;
	k->dirty = false;
	return mf_dirty_read(storm.w.c, 0, 1ull << 40, PAGE, take_dirty, k, NULL);
}

/* What was written before is dirty, whatever others do and whoever failed to take it. */
static void *read_dirty(void *context)
{
	struct worker *k = context;
	u64 data = 1;
	u32 i;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < ROUNDS; i++) {
		if (i % 8 == 0)
			expect(k, mf_dirty_start(storm.w.c, NULL) == 0);
		expect(k, mf_access(storm.w.c, ANCHOR + 3 * PAGE, &data, 8, true, NULL) == 0);
		if (i & 1)
			expect(k, read_all(k, true) == -EFAULT);
		expect(k, read_all(k, false) == 0);
		expect(k, k->dirty);
		if (i % 8 == 7)
			expect(k, mf_dirty_stop(storm.w.c, NULL) == 0);
	}
	return NULL;
}

static void count_owner(void *context, struct mf_owner *owner, u64 pages)
{
	struct worker *k = context;

	expect(k, owner == &storm.w.owner[0]->owner || owner == &storm.w.owner[1]->owner);
	expect(k, pages <= ANCHOR_PAGE + 64);
}

static void *look(void *context)
{
	struct worker *k = context;
	struct mf_mapping_info m;
	struct mf_status status;
	u64 iova;
	u32 i;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < 4 * ROUNDS; i++) {
		mf_get_status(storm.w.c, &status);
		expect(k, status.nr_groups >= 1 && status.nr_groups <= 3);
		expect(k, status.pages_billed <= status.pages_pinned + status.pages_external);
		mf_for_each_owner(storm.w.c, count_owner, k);
		for (iova = 0; mf_next_mapping(storm.w.c, iova, &m); iova = m.span.last + 1)
			expect(k, m.pages == 0 || m.pages == mf_span_pages(m.span));
	}
	return NULL;
}

static void storm_init(void)
{
	struct mf_model_config other = world_plain;
	struct world *w = &storm.w;
	u64 i, pages = ANCHOR_PAGE + 64;

	other.kind = 2;
	other.caching = true;
	world_init(w, pages, MF_RAM_SCATTERED);
	/* The world's own hooks keep counters that are for one thread. */
	w->host.hook = NULL;
	w->host.event = NULL;
	w->host.unmapping = let_go;
	/* Both owners have the same memory, as processes before and after live update. */
	for (i = 0; i < pages; i++)
		mf_ram_owner_place(w->owner[1], VADDR + i * PAGE,
				   mf_ram_owner_pfn(w->owner[0], VADDR + i * PAGE));
	storm.hardware = world_group(w, world_unit(w, &world_plain));
	storm.second = world_group(w, world_unit(w, &other));
	storm.software = world_group(w, &w->units[0]);
	world_open(w, MF_TYPE1V2, 100);
}

static void run_threads(void *(*const *threads)(void *), u32 nr)
{
	struct worker k[WORKERS + 4];
	u32 i;

	pthread_barrier_init(&storm.begin, NULL, nr);
	for (i = 0; i < nr; i++) {
		k[i] = (struct worker){ .index = i, .random = i + 1 };
		assert_int_equal(pthread_create(&k[i].thread, NULL, threads[i], &k[i]), 0);
	}
	for (i = 0; i < nr; i++)
		pthread_join(k[i].thread, NULL);
	for (i = 0; i < nr; i++) {
		if (k[i].wrong)
			fail_msg("thread %u: %llu wrong answers", i, k[i].wrong);
	}
	pthread_barrier_destroy(&storm.begin);
}

static void check_end(void)
{
	struct mf_user_live live;

	check(world_check(&storm.w));
	check(world_check_domains(&storm.w, storm.w.c));
	assert_int_equal(mf_unmap_all(storm.w.c, NULL, NULL), 0);
	live = mf_user_host_live(&storm.w.host);
	assert_true(live.pins == 0 && live.billed == 0 && live.owners == 0);
	check(world_end(&storm.w));
}

static void test_storm_of_software_and_domains(void **state)
{
	static void *(*const threads[])(void *) = {
		work, work, work, domains_come_and_go, read_dirty, look,
	};
	struct mf_status status;

	(void)state;
	storm_init();
	assert_int_equal(emulate(storm.software), 0);
	assert_int_equal(map(ANCHOR, ANCHOR_PAGE, ANCHOR_PAGES), 0);
	run_threads(threads, WORKERS + 3);

	mf_get_status(storm.w.c, &status);
	assert_true(status.nr_mappings == 1 && status.nr_domains == 0 && status.nr_emulated == 1);
	assert_true(status.pages_pinned == 0 && status.pages_external == 0);
	check_end();
}

/* Of two who update one vaddr, one does; and somebody invalidates it again. */
static void *update(void *context)
{
	struct worker *k = context;
	u32 i;
	int err;

	pthread_barrier_wait(&storm.begin);
	/* At least one: others may keep the vaddrs as they are for a while. */
	for (i = 0; i < STEPS || !k->done; i++) {
		u64 page = draw(k, ANCHOR_PAGES);

		err = draw(k, 2) ? mf_invalidate_all_vaddr(storm.w.c, NULL, NULL) :
				   mf_invalidate_vaddr(storm.w.c, ANCHOR, ANCHOR_PAGES * PAGE, NULL,
						       NULL);
		expect(k, err == 0 || err == -EINVAL || err == -EBUSY);
		err = mf_update_vaddr(storm.w.c, &storm.w.owner[draw(k, 2)]->owner,
				      ANCHOR + page * PAGE,
				      VADDR + (ANCHOR_PAGE + page) * PAGE, PAGE, 0, NULL);
		expect(k, err == 0 || err == -EINVAL);
		k->done += !err;
	}
	return NULL;
}

/* Other mappings: invalidated by others as well, and never in the way. */
static void *map_and_unmap(void *context)
{
	struct worker *k = context;
	u64 pages, unmapped, pfn;
	u32 i;
	int err;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < STEPS; i++) {
		pages = 1 + draw(k, SLOT_PAGES);
		expect(k, map(SLOT(k->index), k->index * SLOT_PAGES, pages) == 0);
		err = mf_pin_pages(storm.w.c, NULL, SLOT(k->index), 1, MF_READ, &pfn, NULL);
		expect(k, err == 0 || err == -EBUSY);
		expect(k, mf_unmap(storm.w.c, SLOT(k->index), pages * PAGE, &unmapped, NULL) == 0);
		expect(k, unmapped == pages * PAGE);
	}
	return NULL;
}

/* Groups come if no vaddr is invalid, and while they are software none can be. */
static void *groups_come_and_go(void *context)
{
	struct worker *k = context;
	u32 i;
	int err;

	pthread_barrier_wait(&storm.begin);
	for (i = 0; i < 2 * ROUNDS; i++) {
		err = attach(storm.second);
		expect(k, err == 0 || err == -EBUSY);
		mf_detach(storm.w.c, storm.second);
		err = emulate(storm.software);
		expect(k, err == 0 || err == -EBUSY);
		mf_detach(storm.w.c, storm.software);
	}
	return NULL;
}

static void test_storm_of_vaddrs(void **state)
{
	static void *(*const threads[])(void *) = {
		map_and_unmap, map_and_unmap, update, update, groups_come_and_go, look,
	};
	struct world *w = &storm.w;
	u64 i;

	(void)state;
	storm_init();
	assert_int_equal(attach(storm.hardware), 0);
	for (i = 0; i < ANCHOR_PAGES; i++)
		assert_int_equal(map(ANCHOR + i * PAGE, ANCHOR_PAGE + i, 1), 0);
	run_threads(threads, 6);

	/* The bill is where the last update said, and whole. */
	assert_true(w->owner[0]->owner.billed + w->owner[1]->owner.billed == ANCHOR_PAGES);
	assert_true(w->owner[0]->owner.references + w->owner[1]->owner.references == ANCHOR_PAGES);
	check_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm_of_software_and_domains),
		cmocka_unit_test(test_storm_of_vaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
