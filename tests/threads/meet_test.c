// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Requests of software devices, on vaddrs and on dirty pages, that meet others.
 *
 * As in wait_test.c one request is stopped inside a call to its host, or while
 * it hands over dirty pages; others are made meanwhile, groups come and go, and
 * then it goes on.
 */
#include "tests/support/bitmap.h"
#include "tests/support/world.h"
#include "tests/threads/gate.h"

#define IOVA	(16 * MIB)
#define PAGES	700
#define SIZE	(PAGES * PAGE)
#define RW	(MF_READ | MF_WRITE)

static struct scene {
	struct world w;
	struct mf_host_group *hardware, *second, *software;
	struct gate gate;
	enum mf_call_type type;
	u64 from;
	int err;
	pthread_mutex_t lock;
	bool armed;
	struct request first;
	struct bitmap bitmap;
} scene;

static bool disarm(struct scene *s)
{
	bool armed;

	pthread_mutex_lock(&s->lock);
	armed = s->armed;
	s->armed = false;
	pthread_mutex_unlock(&s->lock);
	return armed;
}

/* Stops the first that gets to the place, once. */
static int stop(void *context, const struct mf_call *call)
{
	struct scene *s = context;

	if (call->type != s->type || call->address < s->from || !disarm(s))
		return 0;
	gate_pass(&s->gate);
	return s->err;
}

static int take_and_stop(void *context, u64 first, const u64 *bits, u64 nr)
{
	struct scene *s = context;
	int err = bitmap_take(&s->bitmap, first, bits, nr);

	if (!disarm(s))
		return err;
	gate_pass(&s->gate);
	return s->err;
}

static void let_go(void *context, void *cookie, struct mf_span span)
{
	(void)context;
	(void)cookie;
	mf_unpin_pages(scene.w.c, span.first, (u32)mf_span_pages(span));
}

static void scene_init(struct scene *s)
{
	u64 i;

	world_init(&s->w, 2 * PAGES, MF_RAM_SCATTERED);
	for (i = 0; i < 2 * PAGES; i++)
		mf_ram_owner_place(s->w.owner[1], VADDR + i * PAGE,
				   mf_ram_owner_pfn(s->w.owner[0], VADDR + i * PAGE));
	s->w.owner[0]->pin_most = 100;
	s->w.host.hook = stop;
	s->w.host.hook_context = s;
	s->w.host.event = NULL;
	s->w.host.unmapping = let_go;
	s->type = MF_NR_CALLS;
	s->armed = false;
	s->bitmap = (struct bitmap){ 0 };
	pthread_mutex_init(&s->lock, NULL);
	gate_init(&s->gate);
	s->hardware = world_group(&s->w, world_unit(&s->w, &world_plain));
	s->second = world_group(&s->w, world_unit(&s->w, &world_plain));
	s->software = world_group(&s->w, &s->w.units[0]);
	world_open(&s->w, MF_TYPE1V2, 100);
}

static void attach(struct scene *s, struct mf_host_group *group, u32 flags)
{
	assert_int_equal(mf_attach(s->w.c, group, flags, NULL), 0);
}

static void map(struct scene *s)
{
	assert_int_equal(world_map(&s->w, IOVA, VADDR, SIZE, RW, NULL), 0);
}

static int make_pin(struct request *r)
{
	u64 pfn;

	return mf_pin_pages(r->c, NULL, r->iova, 1, MF_READ, &pfn, &r->why);
}

static int make_write(struct request *r)
{
	u8 byte = 1;

	return mf_access(r->c, r->iova, &byte, 1, true, &r->why);
}

static int make_update(struct request *r)
{
	return mf_update_vaddr(r->c, r->owner, r->iova, r->vaddr, r->size, 0, &r->why);
}

static int make_invalidate(struct request *r)
{
	return mf_invalidate_vaddr(r->c, r->iova, r->size, &r->unmapped, &r->why);
}

static int make_dirty_read(struct request *r)
{
	return mf_dirty_read(r->c, r->iova, r->size, PAGE, take_and_stop, &scene, &r->why);
}

static int make_unmap_dirty(struct request *r)
{
	return mf_unmap_dirty(r->c, r->iova, r->size, PAGE, take_and_stop, &scene, &r->unmapped,
			      &r->why);
}

static int make_detach(struct request *r)
{
	mf_detach(r->c, scene.hardware);
	return 0;
}

static int make_dirty_stop(struct request *r)
{
	return mf_dirty_stop(r->c, &r->why);
}

static struct request request(struct scene *s, int (*make)(struct request *r), u32 owner)
{
	return (struct request){
		.make = make, .c = s->w.c, .owner = &s->w.owner[owner]->owner,
		.iova = IOVA, .vaddr = VADDR, .size = SIZE,
	};
}

/* Begin a request, and return when it stands in the call @type (or in its sink). */
static void stop_first(struct scene *s, struct request first, enum mf_call_type type, u64 from,
		       int err)
{
	s->type = type;
	s->from = from;
	s->err = err;
	s->armed = true;
	s->first = first;
	request_start(&s->first);
	gate_await(&s->gate);
}

static void start_waiting(struct scene *s, struct request *second, int (*make)(struct request *r))
{
	*second = request(s, make, 0);
	request_start(second);
	request_await_wait(second);
}

static void go_on(struct scene *s)
{
	gate_open(&s->gate);
	request_join(&s->first);
}

static void expect(struct scene *s, u64 mappings, u64 pins, u64 billed)
{
	struct mf_user_live live = mf_user_host_live(&s->w.host);
	struct mf_status status;

	mf_get_status(s->w.c, &status);
	assert_true(status.nr_mappings == mappings);
	assert_true(live.pins == pins && live.billed == billed);
	assert_true(status.pages_billed == (status.bill_once ? pins : billed));
	assert_true(status.pages_pinned + status.pages_external == pins);
	assert_true(live.owners == mappings);
	check(world_check(&s->w));
	check(world_check_domains(&s->w, s->w.c));
}

static void scene_end(struct scene *s)
{
	check(world_end(&s->w));
	gate_fini(&s->gate);
	pthread_mutex_destroy(&s->lock);
}

/* A map of which some pages are filled, and others not yet pinned. */
static void stop_map(struct scene *s, int err)
{
	scene_init(s);
	attach(s, s->hardware, 0);
	stop_first(s, request(s, make_map, 0), MF_CALL_PIN, VADDR + 600 * PAGE, err);
	attach(s, s->software, MF_ATTACH_EMULATED);
	mf_detach(s->w.c, s->hardware);
}

static void test_last_domain_leaves_a_map_and_software_stays(void **state)
{
	struct scene *s = &scene;
	struct mf_mapping_info m;

	(void)state;
	stop_map(s, 0);
	go_on(s);
	assert_int_equal(s->first.err, 0);
	assert_true(mf_next_mapping(s->w.c, 0, &m));
	assert_true(m.state == MF_MAPPING_LIVE && m.pages == 0 && m.runs == 0);
	expect(s, 1, 0, 0);
	attach(s, s->hardware, 0);
	expect(s, 1, PAGES, PAGES);
	scene_end(s);
}

static void test_another_domain_comes_to_a_map_that_was_emptied(void **state)
{
	struct scene *s = &scene;
	u8 byte;

	(void)state;
	stop_map(s, 0);
	attach(s, s->second, 0);
	go_on(s);
	assert_int_equal(s->first.err, 0);
	expect(s, 1, PAGES, PAGES);
	assert_int_equal(mf_device_read(world_device(&s->w, s->second), IOVA, &byte, 1), 0);
	assert_int_equal(mf_device_read(world_device(&s->w, s->second), IOVA + SIZE - 1, &byte, 1),
			 0);
	scene_end(s);
}

/* It comes and leaves again, too. */
static void test_domains_come_and_go_under_a_map(void **state)
{
	struct scene *s = &scene;

	(void)state;
	stop_map(s, 0);
	attach(s, s->second, 0);
	mf_detach(s->w.c, s->second);
	attach(s, s->hardware, 0);
	go_on(s);
	assert_int_equal(s->first.err, 0);
	expect(s, 1, PAGES, PAGES);
	scene_end(s);
}

static void test_map_that_was_emptied_fails(void **state)
{
	struct scene *s = &scene;

	(void)state;
	stop_map(s, -EFAULT);
	go_on(s);
	assert_int_equal(s->first.err, -EFAULT);
	expect(s, 0, 0, 0);
	scene_end(s);

	stop_map(s, -EFAULT);
	attach(s, s->second, 0);
	go_on(s);
	assert_int_equal(s->first.err, -EFAULT);
	expect(s, 0, 0, 0);
	scene_end(s);
}

/* Software leaves as well: then nobody has a right to the memory. */
static void test_all_leave_a_map_one_after_another(void **state)
{
	struct scene *s = &scene;

	(void)state;
	stop_map(s, 0);
	mf_detach(s->w.c, s->software);
	attach(s, s->second, 0);
	go_on(s);
	assert_int_equal(s->first.err, -EINVAL);
	assert_int_equal(s->first.why.reason, MF_REASON_DETACHED);
	expect(s, 0, 0, 0);
	scene_end(s);
}

/* One that waits for users to let go is not overtaken by new ones. */
static void test_unmap_waits_for_a_copy_and_new_copies_for_the_unmap(void **state)
{
	struct scene *s = &scene;
	struct request unmap, write;

	(void)state;
	scene_init(s);
	attach(s, s->software, MF_ATTACH_EMULATED);
	map(s);
	stop_first(s, request(s, make_write, 0), MF_CALL_COPY, 0, 0);
	start_waiting(s, &unmap, make_unmap);
	start_waiting(s, &write, make_write);
	go_on(s);
	request_join(&unmap);
	request_join(&write);
	assert_int_equal(s->first.err, 0);
	assert_true(unmap.err == 0 && unmap.unmapped == SIZE);
	assert_true(write.err == 0 || write.err == -EINVAL);
	expect(s, 0, 0, 0);
	scene_end(s);
}

static void test_invalidation_waits_for_a_pin(void **state)
{
	struct scene *s = &scene;
	struct request second;

	(void)state;
	scene_init(s);
	attach(s, s->hardware, 0);
	map(s);
	stop_first(s, request(s, make_pin, 0), MF_CALL_PIN, 0, 0);
	start_waiting(s, &second, make_invalidate);
	go_on(s);
	request_join(&second);
	assert_int_equal(s->first.err, 0);
	assert_true(second.err == 0 && second.unmapped == SIZE);
	expect(s, 1, PAGES + 1, PAGES);
	scene_end(s);
}

static void test_last_group_leaves_while_a_page_is_pinned(void **state)
{
	struct scene *s = &scene;

	(void)state;
	scene_init(s);
	attach(s, s->software, MF_ATTACH_EMULATED);
	map(s);
	stop_first(s, request(s, make_pin, 0), MF_CALL_PIN, 0, 0);
	mf_detach(s->w.c, s->software);
	go_on(s);
	assert_int_equal(s->first.err, -EINVAL);
	assert_int_equal(s->first.why.reason, MF_REASON_NOT_MAPPED);
	expect(s, 0, 0, 0);
	scene_end(s);
}

static void test_last_group_leaves_while_software_writes(void **state)
{
	struct scene *s = &scene;

	(void)state;
	scene_init(s);
	attach(s, s->software, MF_ATTACH_EMULATED);
	map(s);
	assert_int_equal(mf_dirty_start(s->w.c, NULL), 0);
	stop_first(s, request(s, make_write, 0), MF_CALL_COPY, 0, 0);
	mf_detach(s->w.c, s->software);
	attach(s, s->software, MF_ATTACH_EMULATED);
	map(s);
	go_on(s);
	assert_int_equal(s->first.err, 0);
	expect(s, 1, 0, 0);
	scene_end(s);
}

/* Whether a page costs something is decided when it is entered. */
static void test_domain_comes_or_goes_while_a_page_is_pinned(void **state)
{
	struct scene *s = &scene;

	(void)state;
	scene_init(s);
	attach(s, s->software, MF_ATTACH_EMULATED);
	map(s);
	stop_first(s, request(s, make_pin, 0), MF_CALL_PIN, 0, 0);
	attach(s, s->hardware, 0);
	go_on(s);
	expect(s, 1, PAGES + 1, PAGES);
	scene_end(s);

	scene_init(s);
	attach(s, s->software, MF_ATTACH_EMULATED);
	attach(s, s->hardware, 0);
	map(s);
	stop_first(s, request(s, make_pin, 0), MF_CALL_PIN, 0, 0);
	mf_detach(s->w.c, s->hardware);
	go_on(s);
	expect(s, 1, 1, 1);
	scene_end(s);
}

/* The slower one of two finds that there is nothing left to update. */
static void test_two_updates_of_one_vaddr(void **state)
{
	struct scene *s = &scene;
	struct request second;

	(void)state;
	scene_init(s);
	attach(s, s->hardware, 0);
	map(s);
	assert_int_equal(mf_invalidate_all_vaddr(s->w.c, NULL, NULL), 0);
	stop_first(s, request(s, make_update, 1), MF_CALL_BILL, 0, 0);
	second = request(s, make_update, 0);
	assert_int_equal(make_update(&second), 0);
	go_on(s);
	assert_int_equal(s->first.err, -EINVAL);
	assert_int_equal(s->first.why.reason, MF_REASON_VADDR_VALID);
	assert_true(s->w.owner[0]->owner.billed == PAGES && s->w.owner[1]->owner.billed == 0);
	expect(s, 1, PAGES, PAGES);
	scene_end(s);
}

/* And nobody invalidates it again before the slower one has found that. */
static void test_invalidation_waits_for_an_update(void **state)
{
	struct scene *s = &scene;
	struct request second;

	(void)state;
	scene_init(s);
	attach(s, s->hardware, 0);
	map(s);
	assert_int_equal(mf_invalidate_all_vaddr(s->w.c, NULL, NULL), 0);
	stop_first(s, request(s, make_update, 1), MF_CALL_BILL, 0, 0);
	start_waiting(s, &second, make_invalidate);
	go_on(s);
	request_join(&second);
	assert_true(s->first.err == 0 && second.err == 0);
	assert_true(s->w.owner[0]->owner.billed == 0 && s->w.owner[1]->owner.billed == PAGES);
	expect(s, 1, PAGES, PAGES);
	scene_end(s);
}

/* It does not leave before that: the pages that the bill is for would go with it. */
static void test_last_group_leaves_while_a_bill_moves(void **state)
{
	struct scene *s = &scene;
	struct request second;

	(void)state;
	scene_init(s);
	attach(s, s->hardware, 0);
	map(s);
	assert_int_equal(mf_invalidate_all_vaddr(s->w.c, NULL, NULL), 0);
	stop_first(s, request(s, make_update, 1), MF_CALL_BILL, 0, 0);
	second = request(s, make_detach, 0);
	request_start(&second);
	go_on(s);
	request_join(&second);
	assert_int_equal(s->first.err, 0);
	assert_true(s->w.owner[0]->owner.billed == 0 && s->w.owner[1]->owner.billed == 0);
	expect(s, 0, 0, 0);
	scene_end(s);
}

/* Software has pinned one page, written to another, and its user reads that. */
static void stop_dirty(struct scene *s, int (*make)(struct request *r), int err)
{
	struct request r;
	u8 byte = 1;

	scene_init(s);
	attach(s, s->software, MF_ATTACH_EMULATED);
	map(s);
	assert_int_equal(mf_dirty_start(s->w.c, NULL), 0);
	assert_int_equal(mf_access(s->w.c, IOVA + PAGE, &byte, 1, true, NULL), 0);
	r = request(s, make_pin, 0);
	assert_int_equal(make_pin(&r), 0);
	stop_first(s, request(s, make, 0), MF_NR_CALLS, 0, err);
}

static void test_last_group_leaves_while_dirty_pages_are_read(void **state)
{
	struct scene *s = &scene;
	u32 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		stop_dirty(s, i & 1 ? make_unmap_dirty : make_dirty_read, i & 2 ? -EFAULT : 0);
		mf_detach(s->w.c, s->software);
		go_on(s);
		assert_int_equal(s->first.err, i & 2 ? -EFAULT : 0);
		assert_true(bitmap_set(&s->bitmap) == 2 && bitmap_given(&s->bitmap) == PAGES);
		expect(s, 0, 0, 0);
		scene_end(s);
	}
}

static void test_unmap_waits_for_a_read_of_dirty_pages(void **state)
{
	struct scene *s = &scene;
	struct request unmap;

	(void)state;
	stop_dirty(s, make_dirty_read, 0);
	start_waiting(s, &unmap, make_unmap);
	go_on(s);
	request_join(&unmap);
	assert_true(s->first.err == 0 && unmap.err == 0 && unmap.unmapped == SIZE);
	expect(s, 0, 0, 0);
	scene_end(s);
}

static void test_one_reads_dirty_pages_at_a_time(void **state)
{
	struct scene *s = &scene;
	struct request second;

	(void)state;
	stop_dirty(s, make_dirty_read, -EFAULT);
	start_waiting(s, &second, make_dirty_read);
	s->bitmap = (struct bitmap){ 0 };
	go_on(s);
	request_join(&second);
	/* What the first could not hand over, the second did. */
	assert_true(s->first.err == -EFAULT && second.err == 0);
	assert_true(bitmap_set(&s->bitmap) == 2);
	scene_end(s);

	stop_dirty(s, make_dirty_read, -EFAULT);
	start_waiting(s, &second, make_dirty_stop);
	go_on(s);
	request_join(&second);
	assert_int_equal(second.err, 0);
	assert_int_equal(mf_dirty_start(s->w.c, NULL), 0);
	s->bitmap = (struct bitmap){ 0 };
	assert_int_equal(mf_dirty_read(s->w.c, IOVA, SIZE, PAGE, bitmap_take, &s->bitmap, NULL), 0);
	assert_true(bitmap_set(&s->bitmap) == 1);
	scene_end(s);
}

/* Software goes on meanwhile, in a mapping that is read; not in one that leaves. */
static void test_software_meets_those_who_read_dirty_pages(void **state)
{
	struct scene *s = &scene;
	struct request write;

	(void)state;
	stop_dirty(s, make_dirty_read, 0);
	write = request(s, make_write, 0);
	write.iova += 5 * PAGE;
	assert_int_equal(make_write(&write), 0);
	go_on(s);
	s->bitmap = (struct bitmap){ 0 };
	assert_int_equal(mf_dirty_read(s->w.c, IOVA, SIZE, PAGE, bitmap_take, &s->bitmap, NULL), 0);
	assert_true(bitmap_set(&s->bitmap) == 2 && bitmap_has(&s->bitmap, 5));
	scene_end(s);

	stop_dirty(s, make_unmap_dirty, 0);
	start_waiting(s, &write, make_write);
	go_on(s);
	request_join(&write);
	assert_true(s->first.err == 0 && write.err == -EINVAL);
	expect(s, 0, 0, 0);
	scene_end(s);

	/* The unmap fails, and the mapping is as it was. */
	stop_dirty(s, make_unmap_dirty, -EFAULT);
	start_waiting(s, &write, make_write);
	go_on(s);
	request_join(&write);
	assert_true(s->first.err == -EFAULT && write.err == 0);
	expect(s, 1, 0, 0);
	scene_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_domain_leaves_a_map_and_software_stays),
		cmocka_unit_test(test_another_domain_comes_to_a_map_that_was_emptied),
		cmocka_unit_test(test_domains_come_and_go_under_a_map),
		cmocka_unit_test(test_map_that_was_emptied_fails),
		cmocka_unit_test(test_all_leave_a_map_one_after_another),
		cmocka_unit_test(test_unmap_waits_for_a_copy_and_new_copies_for_the_unmap),
		cmocka_unit_test(test_invalidation_waits_for_a_pin),
		cmocka_unit_test(test_last_group_leaves_while_a_page_is_pinned),
		cmocka_unit_test(test_last_group_leaves_while_software_writes),
		cmocka_unit_test(test_domain_comes_or_goes_while_a_page_is_pinned),
		cmocka_unit_test(test_two_updates_of_one_vaddr),
		cmocka_unit_test(test_invalidation_waits_for_an_update),
		cmocka_unit_test(test_last_group_leaves_while_a_bill_moves),
		cmocka_unit_test(test_last_group_leaves_while_dirty_pages_are_read),
		cmocka_unit_test(test_unmap_waits_for_a_read_of_dirty_pages),
		cmocka_unit_test(test_one_reads_dirty_pages_at_a_time),
		cmocka_unit_test(test_software_meets_those_who_read_dirty_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
