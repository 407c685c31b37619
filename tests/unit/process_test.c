// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The process's own memory: DMA to real pages, really locked. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/world.h"
#include "user/memory/process.h"

#define RW (MF_READ | MF_WRITE)

struct own {
	struct world w;
	struct mf_process *process;
	u8 *memory;
	u64 pages;
};

static void setup(struct own *o, u64 pages)
{
	world_init(&o->w, 1, MF_RAM_CONTIGUOUS);
	world_open(&o->w, MF_TYPE1V2, 50);
	assert_int_equal(mf_process_new(&o->w.host, &o->process), 0);
	o->w.one_more = mf_process_owner(o->process);
	assert_int_equal(mf_attach(o->w.c, world_group(&o->w, world_unit(&o->w, &world_plain)), 0,
				   NULL), 0);
	o->pages = pages;
	o->memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	assert_ptr_not_equal(o->memory, MAP_FAILED);
}

/* This process's locked memory, in KiB. */
static u64 locked(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long long kib = 0;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmLck: %llu", &kib) == 1)
			break;
	}
	fclose(f);
	return kib;
}

static void end(struct own *o)
{
	if (o->w.c)
		mf_release(o->w.c);
	o->w.c = NULL;
	o->w.one_more = NULL;
	mf_process_free(o->process);
	munmap(o->memory, o->pages * PAGE);
	check(world_end(&o->w));
}

static int map(struct own *o, u64 iova, u64 page, u64 pages, u32 prot)
{
	return mf_map(o->w.c, mf_process_owner(o->process), iova,
		      (uintptr_t)o->memory + page * PAGE, pages * PAGE, prot, 0, NULL);
}

static void test_dma_reaches_the_memory_itself(void **state)
{
	struct mf_mapping_info m;
	struct own o;
	u8 bytes[300];

	(void)state;
	setup(&o, 16);
	assert_int_equal(map(&o, GIB, 0, 16, RW), 0);
	assert_true(mf_next_mapping(o.w.c, 0, &m));
	assert_true(m.pages == 16 && m.runs == 1);
	memset(bytes, 0x5a, sizeof(bytes));
	assert_int_equal(mf_device_write(&o.w.devices[0], GIB + 4000, bytes, 300), 0);
	assert_int_equal(o.memory[3999], 0);
	assert_int_equal(o.memory[4000], 0x5a);
	assert_int_equal(o.memory[4299], 0x5a);
	assert_int_equal(o.memory[4300], 0);
	o.memory[9 * PAGE] = 0xa5;
	assert_int_equal(mf_device_read(&o.w.devices[0], GIB + 9 * PAGE, bytes, 1), 0);
	assert_int_equal(bytes[0], 0xa5);
	check(world_check(&o.w));
	end(&o);
}

static void test_pages_are_locked_and_unlocked(void **state)
{
	struct own o;
	u64 before;

	(void)state;
	setup(&o, 8);
	before = locked();
	assert_int_equal(map(&o, 0, 0, 8, RW), 0);
	assert_true(locked() == before + 32);
	assert_int_equal(mf_unmap_all(o.w.c, NULL, NULL), 0);
	assert_true(locked() == before);
	end(&o);
}

static void test_overlapping_pins_keep_the_lock(void **state)
{
	struct own o;
	u64 before;

	(void)state;
	setup(&o, 8);
	before = locked();
	assert_int_equal(map(&o, 0, 0, 6, RW), 0);
	assert_int_equal(map(&o, MIB, 2, 6, RW), 0);
	assert_true(locked() == before + 32);
	assert_int_equal(mf_unmap(o.w.c, 0, 6 * PAGE, NULL, NULL), 0);
	assert_true(locked() == before + 24);
	assert_int_equal(mf_unmap(o.w.c, MIB, 6 * PAGE, NULL, NULL), 0);
	assert_true(locked() == before);
	end(&o);
}

static void test_unmapped_memory_is_a_fault(void **state)
{
	struct own o;
	u64 before;

	(void)state;
	setup(&o, 64);
	munmap(o.memory + 33 * PAGE, PAGE);
	before = locked();
	assert_int_equal(map(&o, 0, 33, 1, MF_READ), -EFAULT);
	assert_int_equal(map(&o, 0, 0, 64, RW), -EFAULT);
	assert_true(locked() == before);
	assert_int_equal(map(&o, 0, 0, 33, RW), 0);
	check(world_check(&o.w));
	end(&o);
}

static void test_write_to_readonly_memory_is_a_fault(void **state)
{
	struct own o;

	(void)state;
	setup(&o, 4);
	assert_int_equal(mprotect(o.memory, 4 * PAGE, PROT_READ), 0);
	assert_int_equal(map(&o, 0, 0, 4, RW), -EFAULT);
	assert_int_equal(map(&o, 0, 0, 4, MF_READ), 0);
	assert_int_equal(mf_unmap_all(o.w.c, NULL, NULL), 0);
	assert_int_equal(mprotect(o.memory, 4 * PAGE, PROT_NONE), 0);
	assert_int_equal(map(&o, 0, 0, 4, MF_READ), -EFAULT);
	end(&o);
}

static void test_unpinned_memory_is_not_touched(void **state)
{
	struct own o;
	u8 byte = 9;
	u64 pfn;

	(void)state;
	setup(&o, 2);
	pfn = (uintptr_t)o.memory / PAGE;
	assert_int_equal(mf_memory_access(&o.w.host, pfn, 0, &byte, 1, true), MF_ACCESS_UNPINNED);
	assert_int_equal(o.memory[0], 0);
	assert_int_equal(map(&o, 0, 0, 1, RW), 0);
	assert_int_equal(mf_memory_access(&o.w.host, pfn, 0, &byte, 1, true), MF_ACCESS_OK);
	assert_int_equal(mf_memory_access(&o.w.host, pfn + 1, 0, &byte, 1, true),
			 MF_ACCESS_UNPINNED);
	assert_int_equal(o.memory[0], 9);
	end(&o);
}

/* Many pins of chance pages against plain counts: the table loses none. */
#define MANY 4096

static void test_counts_of_many_overlapping_pins(void **state)
{
	static u32 counts[MANY];
	u32 i, page;
	struct { u64 page, pages; bool in; } maps[40] = { 0 };
	struct own o;

	(void)state;
	setup(&o, MANY);
	srand(7);
	for (i = 0; i < 3000; i++) {
		u32 k = (u32)rand() % 40, step;

		if (!maps[k].in) {
			maps[k].page = (u64)rand() % (MANY - 16);
			maps[k].pages = 1 + (u64)rand() % 16;
			assert_int_equal(map(&o, k * MIB, maps[k].page, maps[k].pages, RW), 0);
		} else {
			assert_int_equal(mf_unmap(o.w.c, k * MIB, MIB, NULL, NULL), 0);
		}
		step = maps[k].in ? -1u : 1;
		for (page = 0; page < maps[k].pages; page++)
			counts[maps[k].page + page] += step;
		maps[k].in = !maps[k].in;
		for (page = 0; i % 128 == 0 && page < MANY; page++)
			assert_int_equal(mf_memory_pinned(&o.w.host,
							  (uintptr_t)o.memory / PAGE + page),
					 counts[page]);
	}
	check(world_check(&o.w));
	end(&o);
}

/* In a child that may lock nothing: what it asks for is refused, and undone. */
static int map_without_right(struct own *o)
{
	struct rlimit none = { 0, 0 };
	struct mf_refusal why = { 0 };
	int err;

	/* Who is root locks what he likes. */
	if (setrlimit(RLIMIT_MEMLOCK, &none) || (!geteuid() && setresuid(65534, 65534, 65534)))
		return 1;
	err = mf_map(o->w.c, mf_process_owner(o->process), 0, (uintptr_t)o->memory, 8 * PAGE, RW, 0,
		     &why);
	if (err != -ENOMEM || why.reason != MF_REASON_PIN)
		return 2;
	return mf_user_host_live(&o->w.host).pins ? 3 : 0;
}

static void test_limit_of_the_process_is_felt(void **state)
{
	struct own o;
	int status;
	pid_t child;

	(void)state;
	setup(&o, 8);
	child = fork();
	if (!child)
		_exit(map_without_right(&o));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	end(&o);
}

static bool supported(void)
{
	struct mf_user_host host;
	struct mf_process *process;
	int err;

	mf_user_host_init(&host);
	err = mf_process_new(&host, &process);
	if (!err)
		mf_process_free(process);
	mf_user_host_fini(&host);
	return err != -EOPNOTSUPP;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dma_reaches_the_memory_itself),
		cmocka_unit_test(test_pages_are_locked_and_unlocked),
		cmocka_unit_test(test_overlapping_pins_keep_the_lock),
		cmocka_unit_test(test_unmapped_memory_is_a_fault),
		cmocka_unit_test(test_write_to_readonly_memory_is_a_fault),
		cmocka_unit_test(test_unpinned_memory_is_not_touched),
		cmocka_unit_test(test_counts_of_many_overlapping_pins),
		cmocka_unit_test(test_limit_of_the_process_is_felt),
	};

	if (!supported()) {
		puts("1..0 # SKIP this kernel does not fault pages in when asked to");
		return 0;
	}
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
