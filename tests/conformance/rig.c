// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What rows work with that no machine has: units, devices behind them and emulated devices, all of
 * tests/rig. Whatever a row makes, the runner takes away after it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "row.h"

struct rig_unit_spec unit_plain(void)
{
	return (struct rig_unit_spec){
		.pgsizes = PAGE | 2 * MIB | 1024 * MIB,
		.aperture_last = (1ULL << 48) - 1,
		.flags = RIG_ENFORCES | RIG_ISOLATES,
	};
}

struct rig_unit_spec unit_other(void)
{
	struct rig_unit_spec spec = unit_plain();

	spec.kind = 1;
	return spec;
}

struct rig_unit_spec unit_coarse(void)
{
	struct rig_unit_spec spec = unit_plain();

	spec.kind = 3;
	spec.pgsizes = 16 * PAGE | 2 * MIB;
	return spec;
}

void open_rig(struct test *t)
{
	if (t->rig < 0)
		t->rig = open(RIG_FILE, O_RDWR | O_CLOEXEC);
	if (t->rig < 0)
		cannot(t, "needs the rig (manifold_rig.ko)");
}

int ioctl_rig(struct test *t, unsigned long request, void *argument)
{
	return ioctl(t->rig, request, argument) ? -errno : 0;
}

static void ask(struct test *t, unsigned long request, void *argument, const char *what)
{
	if (ioctl(t->rig, request, argument))
		give_up(t, "the rig: %s", what);
}

__u32 add_unit(struct test *t, struct rig_unit_spec spec)
{
	open_rig(t);
	ask(t, RIG_ADD_UNIT, &spec, "ADD_UNIT");
	return spec.unit;
}

/* The next group after the edus. */
static struct test_group *next_group(struct test *t, enum device_kind kind, __u32 number,
				     __u32 group, const char *name)
{
	struct test_group *next = &t->groups[EDUS + t->nothers];

	if (EDUS + t->nothers == MAX_GROUPS)
		give_up(t, "more than %d groups", MAX_GROUPS);
	next->kind = kind;
	next->number = number;
	next->listed.group = (int)group;
	snprintf(next->listed.address, sizeof(next->listed.address), "%s", name);
	t->nothers++;
	return next;
}

int add_group_like(struct test *t, struct rig_device_spec spec)
{
	struct test_group *group;

	ask(t, RIG_ADD_DEVICE, &spec, "ADD_DEVICE");
	group = next_group(t, RIG_DEVICE, spec.device, spec.group, spec.name);
	/* Devices of one group come by one fd, that of the first. */
	if (spec.beside == RIG_NONE)
		open_group(t, group - t->groups);
	return group - t->groups;
}

int add_group(struct test *t, __u32 unit)
{
	return add_group_like(t, (struct rig_device_spec){ .unit = unit, .beside = RIG_NONE });
}

int add_emulated(struct test *t, __u32 flags)
{
	struct rig_emulated_spec spec = { .flags = flags };
	struct test_group *group;

	open_rig(t);
	ask(t, RIG_ADD_EMULATED, &spec, "ADD_EMULATED");
	group = next_group(t, EMULATED, spec.device, spec.group, spec.name);
	open_group(t, group - t->groups);
	return group - t->groups;
}

int setup_emulated(struct test *t)
{
	int group, error;

	needs(t, FEATURE_EMULATED);
	group = add_emulated(t, RIG_HEARS_UNMAPS);
	open_container(t);
	join_group(t, group);
	error = vfio_set_type(t->container, t->type);
	error = error ? error : open_device(t, group);
	if (error) {
		errno = -error;
		give_up(t, "a container with an emulated group");
	}
	return group;
}

void set_faults(struct test *t, struct rig_faults faults)
{
	ask(t, RIG_SET_FAULTS, &faults, "SET_FAULTS");
}

struct rig_counters counters(struct test *t, __u32 unit)
{
	struct rig_counters counters = { .unit = unit };

	ask(t, RIG_GET_COUNTERS, &counters, "GET_COUNTERS");
	return counters;
}

static unsigned int move_word(struct test *t, int n, __u64 iova, __u64 *word, bool write)
{
	const struct test_group *group = &t->groups[n];
	struct rig_dma dma = {
		.device = group->number,
		.write = write,
		.iova = iova,
		.buffer = (uintptr_t)word,
		.bytes = sizeof(*word),
	};

	ask(t, group->kind == EMULATED ? RIG_DMA_PINNED : RIG_DMA, &dma, "DMA");
	return dma.fault;
}

unsigned int read_word(struct test *t, int n, __u64 iova, __u64 *word)
{
	return move_word(t, n, iova, word, false);
}

unsigned int write_word(struct test *t, int n, __u64 iova, __u64 word)
{
	return move_word(t, n, iova, &word, true);
}

bool reaches(struct test *t, int n, __u64 iova, void *memory)
{
	volatile __u64 *there = memory;
	__u64 sent = iova * 0x9e3779b97f4a7c15ULL + (unsigned int)n + 1, got = 0;

	*there = 0;
	if (write_word(t, n, iova, sent) || *there != sent)
		return false;
	*there = ~sent;
	return !read_word(t, n, iova, &got) && got == ~sent;
}

int pin(struct test *t, int n, __u64 iova, int pages, __u32 prot)
{
	struct rig_pin pin = {
		.device = t->groups[n].number, .prot = prot, .iova = iova, .pages = pages,
	};

	ask(t, RIG_PIN, &pin, "PIN");
	return pin.result;
}

void must_pin(struct test *t, int n, __u64 iova, int pages)
{
	int pinned = pin(t, n, iova, pages, RIG_READ | RIG_WRITE);

	if (pinned != pages) {
		errno = -pinned;
		give_up(t, "pin %d pages at %#llx (%d)", pages, iova, pinned);
	}
}

void unpin(struct test *t, int n, __u64 iova, int pages)
{
	struct rig_pin pin = { .device = t->groups[n].number, .iova = iova, .pages = pages };

	ask(t, RIG_UNPIN, &pin, "UNPIN");
}

void try_unpin(struct test *t, int n, __u64 iova, int pages)
{
	struct rig_pin pin = { .device = t->groups[n].number, .iova = iova, .pages = pages };

	if (ioctl_rig(t, RIG_UNPIN, &pin) && errno != ENOENT)
		give_up(t, "the rig: UNPIN");
}

static int copy(struct test *t, int n, __u64 iova, __u64 buffer, __u32 bytes, __u32 flags)
{
	struct rig_copy copy = {
		.device = t->groups[n].number, .flags = flags, .iova = iova, .buffer = buffer,
		.bytes = bytes,
	};

	ask(t, RIG_COPY, &copy, "COPY");
	return copy.result;
}

int copy_in(struct test *t, int n, __u64 iova, const void *data, __u32 bytes, __u32 flags)
{
	return copy(t, n, iova, (uintptr_t)data, bytes, flags | RIG_COPY_WRITE);
}

int copy_out(struct test *t, int n, __u64 iova, void *data, __u32 bytes, __u32 flags)
{
	return copy(t, n, iova, (uintptr_t)data, bytes, flags);
}

void set_manners(struct test *t, int n, __u32 refusals, bool hold)
{
	struct rig_manners manners = {
		.device = t->groups[n].number, .refusals = refusals, .hold = hold,
	};

	ask(t, RIG_SET_MANNERS, &manners, "SET_MANNERS");
}

struct rig_emulated_state emulated_state(struct test *t, int n)
{
	struct rig_emulated_state state = { .device = t->groups[n].number };

	ask(t, RIG_GET_EMULATED, &state, "GET_EMULATED");
	return state;
}
