// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Huge pages that are not what they were: a device reaches the pages that the
 * process sees, each of them, whatever became of some of them before or after
 * they were mapped. A backend that pins and maps a huge page as one has to
 * notice; and whatever it did, the runner looks whether a page stays pinned.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define SIZE		(3 * HUGE_PAGE)
#define MIDDLE		HUGE_PAGE	/* offset of the huge page that something becomes of */

struct huge {
	struct scene *scene;
	struct memory memory;
	const char *name;
	bool transparent;
	int device;
};

static const enum memory_kind kinds[] = {
	MEMORY_THP, MEMORY_SHMEM_THP, MEMORY_HUGETLB, MEMORY_HUGETLB_PRIVATE,
};

/* Runs @test on each kind of huge page, on both sides of which is something else. */
static void on_each_kind(struct scene *s, void (*test)(struct huge *h))
{
	struct huge h = { .scene = s };
	unsigned int i;

	h.device = add_device(s, add_unit(s, unit_plain()));
	must_attach(s, h.device);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		h.name = memory_name(kinds[i]);
		h.transparent = kinds[i] == MEMORY_THP || kinds[i] == MEMORY_SHMEM_THP;
		expect(!memory_get(&h.memory, kinds[i], SIZE), "no memory: %s", h.name);
		memory_fill(h.memory.address, SIZE, i);
		test(&h);
		memory_put(&h.memory);
	}
}

static void must_map_part(struct huge *h, __u64 offset, __u64 size, __u32 flags)
{
	int err = vfio_map(h->scene->container, IOVA + offset, h->memory.address + offset, size,
			   flags);

	expect(!err, "%s: map of %#llx from %#llx on: %s", h->name, size, offset, strerror(-err));
}

static void must_unmap_part(struct huge *h, __u64 offset, __u64 size)
{
	expect_equal(unmap(h->scene, IOVA + offset, size), size, "unmapped");
}

static void dma(struct huge *h, bool write, __u64 offset, void *buffer, __u64 size)
{
	struct rig_dma dma = {
		.device = h->scene->devices[h->device].device,
		.write = write,
		.buffer = (uintptr_t)buffer,
		.iova = IOVA + offset,
		.bytes = size,
	};

	expect(!ioctl(h->scene->rig, RIG_DMA, &dma), "RIG_DMA: %s", strerror(errno));
	expect(!dma.fault, "%s: DMA at %#llx: fault %u", h->name, offset + dma.done, dma.fault);
}

/* The first page that differs; @size when there is none. */
static __u64 difference(const char *a, const char *b, __u64 size)
{
	__u64 at;

	for (at = 0; at < size && !memcmp(a + at, b + at, PAGE); at += PAGE)
		;
	return at;
}

/* What the device reads is what the process sees, and what it writes, the process sees. */
static void must_see(struct huge *h, __u64 offset, __u64 size, bool writes)
{
	static char buffer[RIG_MAX_TRANSFER];
	static unsigned int seed = 100;
	__u64 at, some, same;

	for (at = offset; at < offset + size; at += some) {
		char *memory = h->memory.address + at;

		some = offset + size - at < sizeof(buffer) ? offset + size - at : sizeof(buffer);
		dma(h, false, at, buffer, some);
		same = difference(buffer, memory, some);
		expect(same == some, "%s: the device reads another page at %#llx", h->name,
		       at + same);
		if (!writes)
			continue;
		memory_fill(buffer, some, seed++);
		dma(h, true, at, buffer, some);
		same = difference(buffer, memory, some);
		expect(same == some, "%s: the device writes another page at %#llx", h->name,
		       at + same);
	}
}

static void must_work_for(struct huge *h, __u32 flags)
{
	bool writes = flags & VFIO_DMA_MAP_FLAG_WRITE;

	must_map_part(h, 0, SIZE, flags);
	must_see(h, 0, SIZE, writes);
	/* What is pinned is the process's own, to be read only as well, and stays it. */
	memory_fill(h->memory.address, SIZE, 77);
	must_see(h, 0, SIZE, writes);
	must_unmap_part(h, 0, SIZE);
}

static void must_work(struct huge *h)
{
	/* First, since what nobody ever wrote 6.1 pins for reading as the zero page for good. */
	must_work_for(h, VFIO_MAP_RW);
	must_work_for(h, VFIO_DMA_MAP_FLAG_READ);
}

static void one_as_it_is(struct huge *h)
{
	must_work(h);
}

/* Mappings that begin and end anywhere in a huge page, side by side. */
static void one_in_parts(struct huge *h)
{
	static const __u64 ends[] = { 0, 3, 511, 513, 1024, 1300, SIZE / PAGE };
	int i;

	for (i = 0; i < 6; i++)
		must_map_part(h, ends[i] * PAGE, (ends[i + 1] - ends[i]) * PAGE, VFIO_MAP_RW);
	must_see(h, 0, SIZE, true);
	for (i = 0; i < 6; i += 2)
		must_unmap_part(h, ends[i] * PAGE, (ends[i + 1] - ends[i]) * PAGE);
	for (i = 1; i < 6; i += 2) {
		must_see(h, ends[i] * PAGE, (ends[i + 1] - ends[i]) * PAGE, true);
		must_unmap_part(h, ends[i] * PAGE, (ends[i + 1] - ends[i]) * PAGE);
	}
}

/* Pages are given back, and some of them are there again, others come when they are pinned. */
static void one_given_back(struct huge *h)
{
	bool some = h->transparent;
	char *at = h->memory.address + MIDDLE + (some ? 300 * PAGE : 0);
	__u64 size = some ? 20 * PAGE : HUGE_PAGE;
	bool file = h->memory.fd >= 0;

	expect(!madvise(at, size, file ? MADV_REMOVE : MADV_DONTNEED), "%s: madvise: %s", h->name,
	       strerror(errno));
	memset(at + PAGE, 1, 5 * PAGE);
	must_work(h);
}

/* Other memory in its middle. */
static void one_replaced(struct huge *h)
{
	bool some = h->transparent;
	char *at = h->memory.address + MIDDLE + (some ? 100 * PAGE : 0);
	__u64 size = some ? 7 * PAGE : HUGE_PAGE;

	expect(mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		    0) == at, "%s: mmap: %s", h->name, strerror(errno));
	memset(at, 2, size / 2);
	must_work(h);
}

/* Two of its pages change places. */
static void swap_pages(struct huge *h, char *a, char *b)
{
	char *away = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	expect(away != MAP_FAILED && mremap(a, PAGE, PAGE, flags, away) == away &&
	       mremap(b, PAGE, PAGE, flags, a) == a && mremap(away, PAGE, PAGE, flags, b) == b,
	       "%s: mremap: %s", h->name, strerror(errno));
}

static void one_moved(struct huge *h)
{
	char *at = h->memory.address;

	if (!h->transparent)
		return;
	swap_pages(h, at + MIDDLE + 200 * PAGE, at + MIDDLE + 201 * PAGE);
	swap_pages(h, at + 5 * PAGE, at + 2 * HUGE_PAGE + 511 * PAGE);
	must_work(h);
}

/* All of it, to where no huge page can be mapped as one. */
static void one_moved_aside(struct huge *h)
{
	char *was = h->memory.address, *room;

	if (!h->transparent)
		return;
	room = mmap(NULL, SIZE + 2 * HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(room != MAP_FAILED, "no room");
	room = (char *)(((uintptr_t)room + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1)) + 9 * PAGE;
	expect(mremap(was, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room,
	       "%s: mremap: %s", h->name, strerror(errno));
	h->memory.address = room;
	must_work(h);
	munmap(room, SIZE);
	h->memory.address = was;
}

/* Private memory is as it was, whatever became of the other process's. */
static void other_process(struct huge *h, const char *copy, int go)
{
	char word;

	if (read(go, &word, 1) != 1)
		_exit(2);
	_exit(h->memory.fd >= 0 || !memcmp(copy, h->memory.address, SIZE) ? 0 : 1);
}

static void fork_and_work(struct huge *h, char *copy, __u32 flags)
{
	char *at = h->memory.address;
	int pipes[2], status;
	pid_t child;

	expect(!pipe(pipes), "pipe");
	memcpy(copy, at, SIZE);
	child = fork();
	expect(child >= 0, "fork: %s", strerror(errno));
	if (!child)
		other_process(h, copy, pipes[0]);
	memset(at + MIDDLE + 7 * PAGE, 3, PAGE);
	memset(at + MIDDLE + 511 * PAGE, 4, PAGE);
	must_work_for(h, flags);
	expect(write(pipes[1], "x", 1) == 1 && waitpid(child, &status, 0) == child, "child");
	expect(!status, "%s: the other process's memory changed", h->name);
	close(pipes[0]);
	close(pipes[1]);
}

/* Shared with another process since a fork, and some pages no longer. */
static void one_forked(struct huge *h)
{
	char *copy = malloc(SIZE);

	expect(copy, "no memory");
	fork_and_work(h, copy, VFIO_DMA_MAP_FLAG_READ);
	fork_and_work(h, copy, VFIO_MAP_RW);
	free(copy);
}

/* Forked after it was mapped: what is pinned stays with the parent. */
static void one_forked_later(struct huge *h)
{
	pid_t child;

	must_map_part(h, 0, SIZE, VFIO_MAP_RW);
	child = fork();
	expect(child >= 0, "fork: %s", strerror(errno));
	if (!child) {
		memory_fill(h->memory.address + MIDDLE, HUGE_PAGE, 5);
		pause();
	}
	memory_fill(h->memory.address, SIZE, 6);
	must_see(h, 0, SIZE, true);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	must_see(h, 0, SIZE, true);
	must_unmap_part(h, 0, SIZE);
}

/* Read-only pages are no good for writing, and are once they are writable again. */
static void one_protected(struct huge *h)
{
	char *at = h->memory.address + MIDDLE + (h->transparent ? 44 * PAGE : 0);
	__u64 size = h->transparent ? PAGE : HUGE_PAGE;

	expect(!mprotect(at, size, PROT_READ), "mprotect");
	expect_equal(vfio_map(h->scene->container, IOVA, h->memory.address, SIZE, VFIO_MAP_RW),
		     -EFAULT, "map of memory with a page that is read-only");
	must_map_part(h, 0, SIZE, VFIO_DMA_MAP_FLAG_READ);
	must_see(h, 0, SIZE, false);
	must_unmap_part(h, 0, SIZE);
	expect(!mprotect(h->memory.address, SIZE, PROT_READ), "mprotect");
	expect_equal(vfio_map(h->scene->container, IOVA, h->memory.address, SIZE, VFIO_MAP_RW),
		     -EFAULT, "map of memory that is read-only");
	expect(!mprotect(h->memory.address, SIZE, PROT_READ | PROT_WRITE), "mprotect");
	must_work(h);
}

/* The process gives up its memory, in part and then whole; the device keeps what it has. */
static void one_gone(struct huge *h)
{
	static char buffer[HUGE_PAGE], before[HUGE_PAGE];
	char *at = h->memory.address;
	__u64 done;

	must_map_part(h, 0, SIZE, VFIO_MAP_RW);
	memcpy(before, at + MIDDLE, HUGE_PAGE);
	if (h->transparent)
		expect(!munmap(at + MIDDLE + 9 * PAGE, 400 * PAGE), "munmap");
	expect(!munmap(at, SIZE), "munmap");
	for (done = 0; done < HUGE_PAGE; done += RIG_MAX_TRANSFER)
		dma(h, false, MIDDLE + done, buffer + done, RIG_MAX_TRANSFER);
	expect(difference(buffer, before, HUGE_PAGE) == HUGE_PAGE, "%s: the memory is another",
	       h->name);
	must_unmap_part(h, 0, SIZE);
}

#define EACH_KIND(name) static void name(struct scene *s) { on_each_kind(s, one_##name); }

EACH_KIND(as_it_is)
EACH_KIND(in_parts)
EACH_KIND(given_back)
EACH_KIND(replaced)
EACH_KIND(moved)
EACH_KIND(moved_aside)
EACH_KIND(forked)
EACH_KIND(forked_later)
EACH_KIND(protected)
EACH_KIND(gone)

const struct mixed_case huge_cases[] = {
	{ "huge-as-it-is", as_it_is, ON_BOTH, NULL },
	{ "huge-in-parts", in_parts, ON_BOTH, NULL },
	{ "huge-given-back", given_back, ON_BOTH, NULL },
	{ "huge-replaced", replaced, ON_BOTH, NULL },
	{ "huge-moved", moved, ON_BOTH, NULL },
	{ "huge-moved-aside", moved_aside, ON_BOTH, NULL },
	{ "huge-forked", forked, ON_BOTH, NULL },
	{ "huge-forked-later", forked_later, ON_BOTH, NULL },
	{ "huge-protected", protected, ON_BOTH, NULL },
	{ "huge-gone", gone, ON_BOTH, NULL },
	END_OF_CASES
};
