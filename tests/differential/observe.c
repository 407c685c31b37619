// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What is looked at after a step, beside its own result: what each process is
 * billed, and what the devices can read of the ranges that have been mapped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../client/memory.h"
#include "../client/proc.h"
#include "play.h"

/* No device reads more of a range than this at once. */
#define READ_BYTES	(64 * 1024)

void fact_add(struct facts *facts, enum fact_name name, unsigned int index, __u64 at,
	      __u64 value)
{
	if (facts->nr < MAX_FACTS)
		facts->list[facts->nr++] = (struct fact){ (__u16)name, (__u16)index, at, value };
}

__u64 fact_of(const struct fact *facts, unsigned int nr, enum fact_name name, __u64 otherwise)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (facts[i].name == name)
			return facts[i].value;
	}
	return otherwise;
}

__u64 hash_bytes(const void *bytes, size_t n, __u64 hash)
{
	const unsigned char *at = bytes;
	__u64 word;

	hash ^= 0xcbf29ce484222325ULL;
	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&word, at, 8);
		hash = (hash ^ word) * 0x100000001b3ULL;
		hash ^= hash >> 29;
	}
	while (n--)
		hash = (hash ^ *at++) * 0x100000001b3ULL;
	return hash;
}

/* --- processes ------------------------------------------------------------------------------- */

static void add_line(const char *text, const char *field, enum fact_name name,
		     unsigned int process, struct facts *facts)
{
	const char *line = strstr(text, field);

	if (line)
		fact_add(facts, name, process, 0, strtoul(line + strlen(field), NULL, 10));
}

static void observe_bills(struct player *player, struct facts *facts)
{
	char text[2048];
	unsigned int i;
	ssize_t n;

	for (i = 0; i < MAX_PROCESSES; i++) {
		if (!player->processes[i].pid)
			continue;
		n = pread(player->processes[i].status, text, sizeof(text) - 1, 0);
		if (n < 0)
			continue;
		text[n] = 0;
		add_line(text, "\nVmLck:", FACT_LCK, i, facts);
		add_line(text, "\nVmPin:", FACT_PIN, i, facts);
	}
}

/* --- devices --------------------------------------------------------------------------------- */

static __u64 buffer[RIG_MAX_TRANSFER / sizeof(__u64)];

static void dma(struct player *player, unsigned int group, __u64 iova, __u32 bytes, bool write,
		struct facts *facts)
{
	struct rig_dma d = {
		.device = player->stage->groups[group].device,
		.write = write,
		.iova = iova,
		.buffer = (__u64)(uintptr_t)buffer,
		.bytes = bytes,
	};

	if (ioctl(player->stage->rig, RIG_DMA, &d)) {
		fact_add(facts, FACT_DMA_FAULT, group, iova, 1000 + (__u64)errno);
		return;
	}
	fact_add(facts, FACT_DMA_FAULT, group, iova, d.fault);
	if (d.fault == RIG_FAULT_NO_DOMAIN)
		return;
	fact_add(facts, FACT_DMA_DONE, group, iova, d.done);
	if (!write && d.done)
		fact_add(facts, FACT_DMA_DATA, group, iova, hash_bytes(buffer, d.done, 0));
}

void observe_dma(struct player *player, const struct step *step, struct facts *facts)
{
	__u32 bytes = step->size && step->size <= READ_BYTES ? (__u32)step->size : 8;
	__u32 i;

	if (step->kind == STEP_DMA_WRITE) {
		for (i = 0; i < (bytes + 7) / 8; i++)
			buffer[i] = step->value + i;
	}
	dma(player, step->group, step->iova, bytes, step->kind == STEP_DMA_WRITE, facts);
}

static void observe_prot(struct player *player, unsigned int group, __u64 iova,
			 struct facts *facts)
{
	struct rig_leaf leaf = { .device = player->stage->groups[group].device, .iova = iova };

	if (!ioctl(player->stage->rig, RIG_FIND_LEAF, &leaf) && leaf.iova <= iova)
		fact_add(facts, FACT_LEAF_PROT, group, iova, leaf.prot);
}

/* The range, a word before it and a word after it. */
static void observe_range(struct player *player, unsigned int group, __u64 iova, __u64 size,
			  struct facts *facts)
{
	iova &= ~7ULL;
	size = size < READ_BYTES ? size + 8 : READ_BYTES;
	if (iova >= 8)
		dma(player, group, iova - 8, 8, false, facts);
	if (size <= ~0ULL - iova)
		dma(player, group, iova, (__u32)size, false, facts);
	observe_prot(player, group, iova, facts);
}

static bool attached(struct player *player, unsigned int group, struct facts *facts)
{
	struct rig_device_state state = { .device = player->stage->groups[group].device };

	if (ioctl(player->stage->rig, RIG_GET_DEVICE, &state))
		return false;
	fact_add(facts, FACT_ATTACHED, group, 0, !!state.domain);
	if (state.domain)
		fact_add(facts, FACT_COHERENT, group, 0, state.coherent);
	return state.domain;
}

/* What each group sees of one range. */
static void look_at(struct player *player, __u64 iova, __u64 size, struct facts *facts)
{
	unsigned int i;

	for (i = 0; i < MAX_GROUPS; i++) {
		if (player->groups & 1u << i && attached(player, i, facts))
			observe_range(player, i, iova, size, facts);
	}
}

/* What each group sees of every range; of each its first and its last word. */
static void look_at_all(struct player *player, struct facts *facts)
{
	unsigned int i, r;

	for (i = 0; i < MAX_GROUPS; i++) {
		if (!(player->groups & 1u << i) || !attached(player, i, facts))
			continue;
		for (r = 0; r < player->nranges; r++) {
			__u64 iova = player->ranges[r].iova & ~7ULL, size = player->ranges[r].size;

			dma(player, i, iova, 8, false, facts);
			if (size >= 16 && size <= ~0ULL - iova)
				dma(player, i, (iova + size - 8) & ~7ULL, 8, false, facts);
		}
	}
}

static void remember(struct player *player, const struct step *step)
{
	const unsigned int max = sizeof(player->ranges) / sizeof(player->ranges[0]);

	if (player->nranges == max)
		memmove(&player->ranges[0], &player->ranges[1],
			--player->nranges * sizeof(player->ranges[0]));
	player->ranges[player->nranges].iova = step->iova;
	player->ranges[player->nranges].size = step->size;
	player->nranges++;
}

void observe_step(struct player *player, const struct step *step, struct facts *facts)
{
	switch (step->kind) {
	case STEP_MAP:
		remember(player, step);
		look_at(player, step->iova, step->size, facts);
		break;
	case STEP_UNMAP:
		if (step->size && step->size < 1ULL << 30)
			look_at(player, step->iova, step->size, facts);
		look_at_all(player, facts);
		break;
	case STEP_SET_IOMMU:
	case STEP_SET_CONTAINER:
	case STEP_UNSET_CONTAINER:
	case STEP_CLOSE_CONTAINER:
	case STEP_CLOSE_GROUP:
	case STEP_CLOSE_DEVICE:
	case STEP_EXIT:
	case STEP_KILL:
	case STEP_EXEC:
	case STEP_MUNMAP:
	case STEP_MREMAP:
	case STEP_DISCARD:
	case STEP_FILL:
		look_at_all(player, facts);
		break;
	default:
		break;
	}
	observe_bills(player, facts);
}

void observe_exit(struct player *player, struct facts *facts)
{
	observe_bills(player, facts);
	look_at_all(player, facts);
}

/* --- the whole sequence ---------------------------------------------------------------------- */

const char *observe_log(void)
{
	static const char *const bad[] = {
		"WARNING:", "BUG:", "Oops", "general protection", "refcount_t:", "Call Trace",
	};
	static char line[1024];
	static int log = -1;
	const char *found = NULL;
	size_t i;
	ssize_t n;

	if (log < 0) {
		log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		lseek(log, 0, SEEK_END);
		return NULL;
	}
	while (!found) {
		n = read(log, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return NULL;
		line[n] = 0;
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]) && !found; i++)
			found = strstr(line, bad[i]);
	}
	return found;
}

static struct rig_counters count(struct player *player, unsigned int unit, bool reset)
{
	struct rig_counters counters = { .unit = unit, .reset = reset };

	ioctl(player->stage->rig, RIG_GET_COUNTERS, &counters);
	return counters;
}

void observe_begin(struct player *player, bool pins)
{
	const struct sequence *sequence = player->sequence;
	unsigned int i;

	for (i = 0; i < STAGE_UNITS; i++)
		count(player, i, true);
	for (i = 0; i < sequence->nr; i++) {
		if (sequence->steps[i].kind == STEP_SET_CONTAINER)
			player->groups |= 1u << sequence->steps[i].group;
	}
	player->pinned = pins ? proc_pinned() : -1;
	observe_log();
}

/* Pages may go back a moment after who held them. */
long observe_pins(long before)
{
	long more = proc_pinned() - before;
	int i;

	for (i = 0; i < 30 && more; i++) {
		sleep_ms(10);
		more = proc_pinned() - before;
	}
	return more;
}

void observe_end(struct player *player, struct facts *facts)
{
	unsigned int i, warnings = 0;

	for (i = 0; i < STAGE_UNITS; i++) {
		struct rig_counters c = count(player, i, false);

		fact_add(facts, FACT_LEFT_DOMAINS, i, 0, c.domains);
		fact_add(facts, FACT_STALE, i, 0, c.stale);
		fact_add(facts, FACT_UNPINNED, i, 0, c.unpinned);
		fact_add(facts, FACT_MISUSE, i, 0, c.misuse);
	}
	if (player->pinned >= 0)
		fact_add(facts, FACT_LEFT_PINNED, 0, 0, (__u64)observe_pins(player->pinned));
	while (observe_log())
		warnings++;
	fact_add(facts, FACT_WARNINGS, 0, 0, warnings);
}
