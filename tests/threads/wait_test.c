// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Who waits for whom, and who does not.
 *
 * One request is stopped inside a call to its host, others are made meanwhile,
 * and then it goes on, or fails. A request that should not wait is made by the
 * thread that would have to let the stopped one go: it could never return.
 */
#include "tests/support/world.h"
#include "tests/threads/gate.h"

#define IOVA	(16 * MIB)
#define PAGES	700
#define SIZE	(PAGES * PAGE)

/* Where the first request stops: late enough that some pages are filled. */
static struct scene {
	struct world w;
	struct mf_host_group *groups[3];
	struct gate gate;
	enum mf_call_type type;
	u64 from;
	int err;
	pthread_mutex_t lock;
	bool armed;
	struct request first;
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

static void scene_init(struct scene *s)
{
	struct mf_model_config other = world_plain;

	other.kind = 2;
	other.pgsizes = PAGE | 2 * MIB;
	world_init(&s->w, 2 * PAGES, MF_RAM_SCATTERED);
	s->w.host.hook = stop;
	s->w.host.hook_context = s;
	s->w.host.event = NULL;
	s->groups[0] = world_group(&s->w, world_unit(&s->w, &world_plain));
	s->groups[1] = world_group(&s->w, world_unit(&s->w, &other));
	s->groups[2] = world_group(&s->w, world_unit(&s->w, &world_plain));
	s->armed = false;
	pthread_mutex_init(&s->lock, NULL);
	gate_init(&s->gate);
	world_open(&s->w, MF_TYPE1V2, 100);
	assert_int_equal(mf_attach(s->w.c, s->groups[0], 0, NULL), 0);
}

static struct request request(struct scene *s, int (*make)(struct request *r))
{
	return (struct request){
		.make = make, .c = s->w.c, .owner = &s->w.owner[0]->owner,
		.iova = IOVA, .vaddr = VADDR, .size = SIZE,
	};
}

/* Begin a request, and return when it stands in the call @type. */
static void stop_first(struct scene *s, int (*make)(struct request *r), enum mf_call_type type,
		       u64 from, int err)
{
	s->type = type;
	s->from = from;
	s->err = err;
	s->armed = true;
	s->first = request(s, make);
	request_start(&s->first);
	gate_await(&s->gate);
}

/* Stop a map of which some pages are filled and others not yet pinned. */
static void stop_map(struct scene *s, int err)
{
	scene_init(s);
	s->w.owner[0]->pin_most = 100;
	stop_first(s, make_map, MF_CALL_PIN, VADDR + 600 * PAGE, err);
}

static void go_on(struct scene *s)
{
	gate_open(&s->gate);
	request_join(&s->first);
}

static void check_all(struct scene *s)
{
	check(world_check(&s->w));
	check(world_check_domains(&s->w, s->w.c));
}

static void scene_end(struct scene *s)
{
	check_all(s);
	check(world_end(&s->w));
	gate_fini(&s->gate);
	pthread_mutex_destroy(&s->lock);
}

/* A second request waits for the first, which then ends with @err. */
static struct request second_after(struct scene *s, int (*make)(struct request *r), int err)
{
	struct request second;

	stop_map(s, err);
	second = request(s, make);
	second.iova += make == make_map ? 3 * PAGE : 0;
	request_start(&second);
	request_await_wait(&second);
	go_on(s);
	assert_int_equal(s->first.err, err);
	request_join(&second);
	return second;
}

static void test_map_waits_and_then_exists(void **state)
{
	struct request second = second_after(&scene, make_map, 0);

	(void)state;
	assert_int_equal(second.err, -EEXIST);
	assert_int_equal(second.why.reason, MF_REASON_OVERLAP);
	assert_int_equal(mf_user_host_live(&scene.w.host).pins, PAGES);
	scene_end(&scene);
}

static void test_map_waits_and_takes_the_place_of_one_that_failed(void **state)
{
	struct request second = second_after(&scene, make_map, -EFAULT);

	(void)state;
	assert_int_equal(scene.first.why.reason, MF_REASON_PIN);
	assert_int_equal(second.err, 0);
	assert_int_equal(mf_user_host_live(&scene.w.host).pins, PAGES);
	scene_end(&scene);
}

static void test_unmap_waits_and_removes(void **state)
{
	struct request second = second_after(&scene, make_unmap, 0);

	(void)state;
	assert_int_equal(second.err, 0);
	assert_int_equal(second.unmapped, SIZE);
	assert_int_equal(mf_user_host_live(&scene.w.host).pins, 0);
	scene_end(&scene);
}

static void test_unmap_waits_and_finds_nothing_of_one_that_failed(void **state)
{
	struct request second = second_after(&scene, make_unmap, -EFAULT);

	(void)state;
	assert_int_equal(second.err, 0);
	assert_int_equal(second.unmapped, 0);
	assert_int_equal(mf_user_host_live(&scene.w.host).pins, 0);
	scene_end(&scene);
}

static void test_unmap_all_waits_and_removes(void **state)
{
	struct request second = second_after(&scene, make_unmap_all, 0);

	(void)state;
	assert_int_equal(second.err, 0);
	assert_int_equal(second.unmapped, SIZE);
	scene_end(&scene);
}

static void test_map_waits_for_an_unmap(void **state)
{
	struct scene *s = &scene;
	struct request second;

	(void)state;
	scene_init(s);
	assert_int_equal(world_map(&s->w, IOVA, VADDR, SIZE, MF_READ, NULL), 0);
	stop_first(s, make_unmap, MF_CALL_DOMAIN_UNMAP, 0, 0);
	second = request(s, make_map);
	request_start(&second);
	request_await_wait(&second);
	go_on(s);
	request_join(&second);
	assert_int_equal(s->first.unmapped, SIZE);
	assert_int_equal(second.err, 0);
	scene_end(s);
}

static void test_requests_elsewhere_do_not_wait(void **state)
{
	struct scene *s = &scene;
	struct mf_mapping_info m;
	u64 unmapped;

	(void)state;
	stop_map(s, 0);
	assert_int_equal(world_map(&s->w, IOVA + SIZE, VADDR, PAGE, MF_READ, NULL), 0);
	assert_int_equal(world_map(&s->w, IOVA - PAGE, VADDR, PAGE, MF_READ, NULL), 0);
	assert_int_equal(mf_unmap(s->w.c, IOVA + SIZE, PAGE, &unmapped, NULL), 0);
	assert_int_equal(unmapped, PAGE);

	/* Nor do those who look: the mapping is there, and on its way. */
	assert_true(mf_next_mapping(s->w.c, IOVA, &m));
	assert_int_equal(m.span.first, IOVA);
	assert_int_equal(m.state, MF_MAPPING_ADDING);

	go_on(s);
	assert_int_equal(s->first.err, 0);
	assert_true(mf_next_mapping(s->w.c, IOVA, &m));
	assert_int_equal(m.state, MF_MAPPING_LIVE);
	assert_int_equal(m.pages, PAGES);
	scene_end(s);
}

static void test_attach_does_not_wait_and_its_domain_gets_every_page(void **state)
{
	struct scene *s = &scene;
	struct mf_status status;
	u8 a[PAGE], b[PAGE];
	u32 i;

	(void)state;
	stop_map(s, 0);
	assert_int_equal(mf_attach(s->w.c, s->groups[1], 0, NULL), 0);
	assert_int_equal(mf_attach(s->w.c, s->groups[2], 0, NULL), 0);
	mf_get_status(s->w.c, &status);
	assert_int_equal(status.nr_domains, 2);

	/* What was filled before is in the new domain now, the rest in none. */
	assert_int_equal(mf_device_read(world_device(&s->w, s->groups[1]), IOVA, a, PAGE), 0);
	assert_int_not_equal(mf_device_read(world_device(&s->w, s->groups[1]),
					    IOVA + SIZE - PAGE, a, PAGE), 0);

	go_on(s);
	assert_int_equal(s->first.err, 0);
	for (i = 0; i < PAGES; i++) {
		memset(a, (int)i, sizeof(a));
		assert_int_equal(mf_device_write(world_device(&s->w, s->groups[0]),
						 IOVA + i * PAGE, a, PAGE), 0);
		assert_int_equal(mf_device_read(world_device(&s->w, s->groups[1]),
						IOVA + i * PAGE, b, PAGE), 0);
		assert_memory_equal(a, b, PAGE);
	}
	scene_end(s);
}

static void test_detach_of_one_domain_does_not_wait(void **state)
{
	struct scene *s = &scene;

	(void)state;
	stop_map(s, 0);
	assert_int_equal(mf_attach(s->w.c, s->groups[1], 0, NULL), 0);
	mf_detach(s->w.c, s->groups[0]);
	go_on(s);
	assert_int_equal(s->first.err, 0);
	assert_int_equal(mf_user_host_live(&s->w.host).pins, PAGES);
	scene_end(s);
}

static void check_detached(struct scene *s)
{
	struct mf_status status;

	go_on(s);
	assert_int_equal(s->first.err, -EINVAL);
	assert_int_equal(s->first.why.reason, MF_REASON_DETACHED);
	mf_get_status(s->w.c, &status);
	assert_int_equal(status.nr_mappings, 0);
	assert_int_equal(status.pages_pinned, 0);
	assert_int_equal(mf_user_host_live(&s->w.host).pins, 0);
	assert_int_equal(mf_user_host_live(&s->w.host).owners, 0);
	scene_end(s);
}

static void test_last_detach_dooms_a_map(void **state)
{
	struct scene *s = &scene;

	(void)state;
	stop_map(s, 0);
	mf_detach(s->w.c, s->groups[0]);
	check_detached(s);
}

/* Whoever comes next starts with nothing, though the map is not over yet. */
static void test_doomed_map_is_not_replayed(void **state)
{
	struct scene *s = &scene;
	u8 byte;

	(void)state;
	stop_map(s, 0);
	mf_detach(s->w.c, s->groups[0]);
	assert_int_equal(mf_attach(s->w.c, s->groups[1], 0, NULL), 0);
	assert_int_equal(mf_device_read(world_device(&s->w, s->groups[1]), IOVA, &byte, 1),
			 -EFAULT);
	check_detached(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_waits_and_then_exists),
		cmocka_unit_test(test_map_waits_and_takes_the_place_of_one_that_failed),
		cmocka_unit_test(test_unmap_waits_and_removes),
		cmocka_unit_test(test_unmap_waits_and_finds_nothing_of_one_that_failed),
		cmocka_unit_test(test_unmap_all_waits_and_removes),
		cmocka_unit_test(test_map_waits_for_an_unmap),
		cmocka_unit_test(test_requests_elsewhere_do_not_wait),
		cmocka_unit_test(test_attach_does_not_wait_and_its_domain_gets_every_page),
		cmocka_unit_test(test_detach_of_one_domain_does_not_wait),
		cmocka_unit_test(test_last_detach_dooms_a_map),
		cmocka_unit_test(test_doomed_map_is_not_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
