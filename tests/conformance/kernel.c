// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Section 3.7: what drivers in the kernel ask for, pin_pages and dma_rw, by an emulated device. */
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "row.h"

#define RW	(RIG_READ | RIG_WRITE)
#define TOP	(~0ULL - PAGE + 1)	/* the last page of 64 bits */
#define MOST	512			/* pages that one call pins */

/* A container with an emulated group alone and a mapping of so many pages at IOVA; the group. */
static int setup_mapping(struct test *t, int pages, char **memory)
{
	int group = setup_emulated(t);

	*memory = get_pages(t, pages);
	must_map(t, IOVA, *memory, pages * PAGE);
	return group;
}

/* --- pin_pages ------------------------------------------------------------------------------ */

static void too_many(struct test *t)
{
	char *memory;
	int group = setup_mapping(t, MOST + 1, &memory);

	want(t, pin(t, group, IOVA, MOST + 1, RW), "%d pages", MOST + 1);
	want(t, pin(t, group, IOVA, INT_MAX, RW), "INT_MAX pages");
	want_value(t, MOST, pin(t, group, IOVA, MOST, RW), "the most that is allowed");
	want_value(t, MOST, proc_billed(0), "pages billed");
	unpin(t, group, IOVA, MOST);
	want_value(t, 0, proc_billed(0), "pages billed after unpin");
}

static void on_v1(struct test *t)
{
	char *memory;
	int group = setup_mapping(t, 4, &memory);

	want(t, pin(t, group, IOVA, 1, RW), "v1");
}

static void no_pages(struct test *t)
{
	char *memory;
	int group = setup_mapping(t, 4, &memory);

	want_value(t, -EINVAL, pin(t, group, IOVA, 0, RW), "0 pages");
	want(t, pin(t, group, IOVA, -1, RW), "-1 pages");
	want(t, pin(t, group, IOVA, INT_MIN, RW), "INT_MIN pages");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, 1, pin(t, group, IOVA, 1, RW), "a page after that");
}

static void overflow(struct test *t)
{
	char *memory;
	int group = setup_mapping(t, 4, &memory);

	want(t, pin(t, group, TOP, 2, RW), "by a page");
	want(t, pin(t, group, TOP - 10 * PAGE, MOST, RW), "by many");
	want_value(t, -EINVAL, pin(t, group, TOP, 1, RW), "that ends with 2^64");
}

static void cannot_be_told(struct test *t)
{
	char *memory = get_pages(t, 4);
	int group;

	needs(t, FEATURE_EMULATED);
	group = add_emulated(t, 0);
	open_container(t);
	join_group(t, group);
	if (vfio_set_type(t->container, t->type) || open_device(t, group))
		give_up(t, "a container with a device without dma_unmap()");
	must_map(t, IOVA, memory, 4 * PAGE);
	want(t, pin(t, group, IOVA, 1, RW), "the device has no dma_unmap()");
	want_value(t, 0, proc_billed(0), "pages billed");
}

static void not_mapped(struct test *t)
{
	char *memory;
	int group = setup_mapping(t, 4, &memory);
	long pinned = proc_pinned();

	want(t, pin(t, group, IOVA + 4 * PAGE, 1, RW), "behind the mapping");
	want(t, pin(t, group, 1ULL << 33, 1, RW), "far away");
	want(t, pin(t, group, IOVA + 2 * PAGE, 3, RW), "two mapped pages and one more");
	want(t, pin(t, group, IOVA - PAGE, 2, RW), "from before it");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");
}

static void not_allowed(struct test *t)
{
	char *memory = get_pages(t, 12);
	int group = setup_emulated(t);
	long pinned;

	vfio_map(t->container, IOVA, memory, 4 * PAGE, VFIO_DMA_MAP_FLAG_READ);
	vfio_map(t->container, IOVA + 4 * PAGE, memory + 4 * PAGE, 4 * PAGE,
		 VFIO_DMA_MAP_FLAG_WRITE);
	must_map(t, IOVA - 4 * PAGE, memory + 8 * PAGE, 4 * PAGE);
	pinned = proc_pinned();
	want(t, pin(t, group, IOVA, 1, RIG_WRITE), "to write what may be read");
	want(t, pin(t, group, IOVA, 1, RW), "to read and write what may be read");
	want(t, pin(t, group, IOVA + 4 * PAGE, 1, RIG_READ), "to read what may be written");
	want(t, pin(t, group, IOVA - 2 * PAGE, 4, RW), "two that may, and two that may not");
	want_value(t, pinned, proc_pinned(), "pages pinned");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, 1, pin(t, group, IOVA, 1, RIG_READ), "to read what may be read");
	want_value(t, 1, pin(t, group, IOVA + 4 * PAGE, 1, RIG_WRITE), "to write what may be");
	want_value(t, 1, pin(t, group, IOVA - PAGE, 1, RIG_READ), "to read what may be both");
}

static void pin_over_two(struct test *t)
{
	char *memory;
	int group = setup_mapping(t, 4, &memory);

	must_map(t, IOVA + 4 * PAGE, memory, 4 * PAGE);
	want(t, pin(t, group, IOVA + 2 * PAGE, 4, RW), "two pages of each of two mappings");
	want_value(t, 4, proc_billed(0), "pages billed");
	want_true(t, reaches(t, group, IOVA + 2 * PAGE, memory + 2 * PAGE), "the first is right");
	want_true(t, reaches(t, group, IOVA + 5 * PAGE, memory + PAGE), "the last is right");
}

static void pin_over_memlock(struct test *t)
{
	char *memory;
	int group = setup_mapping(t, 8, &memory);
	long pinned;

	unmap_all(t);
	become_nobody(t, 3);
	must_map(t, IOVA, memory, 8 * PAGE);
	pinned = proc_pinned();
	want(t, pin(t, group, IOVA, 4, RW), "4 pages, limit of 3");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");
	want_value(t, 3, pin(t, group, IOVA, 3, RW), "3 pages");
	want_value(t, 3, pin(t, group, IOVA, 3, RW), "the same 3 again");
	want_value(t, -ENOMEM, pin(t, group, IOVA + 3 * PAGE, 1, RW), "one more");
}

static void same_page(struct test *t)
{
	char *memory;
	int group = setup_mapping(t, 4, &memory);
	long pinned = proc_pinned();

	must_pin(t, group, IOVA + PAGE, 1);
	must_pin(t, group, IOVA, 4);
	want_value(t, 4, proc_billed(0), "pages billed: the one pinned twice is billed once");
	unpin(t, group, IOVA, 4);
	want(t, proc_billed(0), "pages billed after one unpin");
	want_true(t, reaches(t, group, IOVA + PAGE, memory + PAGE), "it is still pinned");
	unpin(t, group, IOVA + PAGE, 1);
	want_value(t, 0, proc_billed(0), "pages billed after the second unpin");
	want_value(t, pinned, proc_pinned(), "pages pinned after the second unpin");
}

struct pinning {
	int group, result;
	long billed;
};

static int pin_from_other(struct test *t, void *data)
{
	struct pinning *pinning = data;

	pinning->result = pin(t, pinning->group, IOVA, 2, RW);
	pinning->billed = proc_billed(0);
	return 0;
}

/* Whoever makes a device pin: the pages are the mapper's, and so is the bill. */
static void pin_for_mapper(struct test *t)
{
	struct pinning *pinning = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *memory;

	pinning->group = setup_mapping(t, 4, &memory);
	in_other_process(t, pin_from_other, pinning);
	want(t, pinning->result, "pin_pages from another process");
	want_value(t, 0, pinning->billed, "pages billed to it");
	want_value(t, 2, proc_billed(0), "pages billed to the mapper");
	want_true(t, reaches(t, pinning->group, IOVA + PAGE, memory + PAGE),
		  "the page is the mapper's");
}

/* --- dma_rw --------------------------------------------------------------------------------- */

static void write_without_read(struct test *t)
{
	char *memory = get_pages(t, 4), data[16] = "data";
	int group = setup_emulated(t);

	vfio_map(t->container, IOVA, memory, PAGE, VFIO_DMA_MAP_FLAG_WRITE);
	vfio_map(t->container, IOVA + PAGE, memory + PAGE, PAGE, VFIO_DMA_MAP_FLAG_READ);
	want(t, copy_in(t, group, IOVA, data, 16, 0), "write to what may be written only");
	want(t, copy_out(t, group, IOVA, data, 16, 0), "read of what may be written only");
	want(t, copy_in(t, group, IOVA + PAGE, data, 16, 0), "write to what may be read only");
	want_value(t, 0, copy_out(t, group, IOVA + PAGE, data, 16, 0), "read of it");
	want_true(t, !memory[0] && !memory[PAGE], "nothing was written");
}

static void copy_over_two(struct test *t)
{
	char *memory, *data = get_pages(t, 4), *back = get_pages(t, 4);
	int group = setup_mapping(t, 4, &memory);

	must_map(t, IOVA + 4 * PAGE, memory + 2 * PAGE, 2 * PAGE);
	memory_fill(data, 3 * PAGE, 1);
	want(t, copy_in(t, group, IOVA + PAGE + 100, data, 3 * PAGE, 0), "write over two mappings");
	want_true(t, !memcmp(memory + PAGE + 100, data, PAGE - 100), "the first page");
	/* The second mapping's memory is the end of the first's, written last. */
	want_true(t, !memcmp(memory + 2 * PAGE, data + 3 * PAGE - 100, 100), "the last bytes");
	want(t, copy_out(t, group, IOVA + PAGE + 100, back, PAGE, 0), "read");
	want_true(t, !memcmp(back, data, PAGE - 100), "what was read");
	want_value(t, -EINVAL, copy_out(t, group, IOVA + 5 * PAGE, back, 2 * PAGE, 0),
		   "over the end of what is mapped");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, 0, emulated_state(t, group).pinned, "pages pinned");
}

static void copy_on_v1(struct test *t)
{
	char *memory, data[16] = "data";
	int group = setup_mapping(t, 4, &memory);

	want(t, copy_in(t, group, IOVA + 8, data, 16, 0), "write");
	want_true(t, !strcmp(memory + 8, "data"), "it is there");
	memset(data, 0, sizeof(data));
	want(t, copy_out(t, group, IOVA + 8, data, 16, 0), "read");
	want_true(t, !strcmp(data, "data"), "what was read");
}

struct copying {
	int group, written, read;
};

static int copy_from_other(struct test *t, void *data)
{
	struct copying *copying = data;
	char bytes[16] = "other";

	copying->written = copy_in(t, copying->group, IOVA, bytes, 16, 0);
	copying->read = copy_out(t, copying->group, IOVA, bytes, 16, 0);
	return 0;
}

static void copy_foreign(struct test *t)
{
	struct copying *copying = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *memory;

	copying->group = setup_mapping(t, 4, &memory);
	in_other_process(t, copy_from_other, copying);
	want(t, copying->written, "write by another process");
	want(t, copying->read, "read by another process");
	want_true(t, !memory[0], "nothing was written");
}

static void copy_by_kernel(struct test *t)
{
	char *memory, data[16] = "by a thread";
	int group = setup_mapping(t, 4, &memory);

	want(t, copy_in(t, group, IOVA + 2 * PAGE - 8, data, 16, RIG_COPY_KERNEL), "write");
	want_true(t, !strcmp(memory + 2 * PAGE - 8, "by a thread"), "it is there");
	memset(data, 0, sizeof(data));
	want(t, copy_out(t, group, IOVA + 2 * PAGE - 8, data, 16, RIG_COPY_KERNEL), "read");
	want_true(t, !strcmp(data, "by a thread"), "what was read");
}

static int map_and_leave(struct test *t, void *data)
{
	(void)data;
	return map(t, IOVA, get_pages(t, 4), 4 * PAGE) ? 1 : 0;
}

/* The mapper's memory is gone with it. */
static void mapper_gone(struct test *t)
{
	char data[16] = "data";
	int group = setup_emulated(t);

	want_value(t, 0, in_other_process(t, map_and_leave, NULL), "MAP_DMA in another process");
	want(t, copy_in(t, group, IOVA, data, 16, RIG_COPY_KERNEL), "write by a kernel thread");
	want(t, copy_out(t, group, IOVA, data, 16, 0), "read by who is left");
	want_true(t, pin(t, group, IOVA, 1, RW) < 0, "pin_pages is refused");
	want_value(t, 4 * PAGE, unmap_all(t), "bytes unmapped");
}

const struct row kernel_rows[] = {
	ROW("144", "pin_pages of more than 512", V2, ALL(-E2BIG), too_many),
	ROW("145", "pin_pages on v1", V1, ALL(-EACCES), on_v1),
	ROW("146", "pin_pages of less than 0 pages", V2, ALL(-E2BIG), no_pages),
	ROW("147", "pin_pages, range overflows", V2, EACH(-EINVAL, -EINVAL, -EOVERFLOW), overflow),
	ROW("148", "pin_pages, no device has dma_unmap()", V2, ALL(-EINVAL), cannot_be_told),
	ROW("149", "pin_pages of what is not mapped: none pinned", V2, ALL(-EINVAL), not_mapped),
	ROW("149o", "pin_pages over two mappings", V2, ALL(4), pin_over_two),
	ROW("149m", "pin_pages over memlock: none pinned", V2, ALL(-ENOMEM), pin_over_memlock),
	ROW("149p", "pin_pages, protection not a subset: none pinned", V2, ALL(-EPERM),
	    not_allowed),
	ELSEWHERE("150", "pin_pages or dma_rw while a mapping has no vaddr",
		  "tests/unit/external_test.c: test_row_150_invalid_vaddr_anywhere"),
	ROW("151", "pin_pages of a page twice: pages billed while one is left", V2, ALL(1),
	    same_page),
	ROW("151o", "pin_pages from another process: pages of the mapper", V2, ALL(2),
	    pin_for_mapper),
	ROW("152", "dma_rw against the protection, or without READ", V2, ALL(-EPERM),
	    write_without_read),
	ROW("153", "dma_rw over two mappings", V2, ALL(0), copy_over_two),
	ROW("153v", "dma_rw on v1", V1, ALL(0), copy_on_v1),
	ROW("154", "dma_rw from another process", V2, ALL(-EFAULT), copy_foreign),
	ROW("154g", "dma_rw, the mapper is gone", V2, ALL(-EPERM), mapper_gone),
	ROW("154k", "dma_rw by a kernel thread", V2, ALL(0), copy_by_kernel),
	END_OF_ROWS
};
