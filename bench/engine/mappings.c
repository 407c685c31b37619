// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What one request costs while there are ten mappings, and ten million.
 *
 * Mappings are of one page, in random order over the IOVAs and with a gap
 * between any two, so that each is a stretch of its own. A turn takes some of
 * them away, looks others up, and makes them anew, each time others.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

/* How many requests of a kind are timed in a row, at most; and how many in a round. */
#define TURN	10000
#define ENOUGH	200000

struct many {
	struct null_host host;
	struct mf_container *c;
	u32 *slots;
	u64 n;
	u64 state;
};

static u64 iova_of(u32 slot)
{
	return PAGE + 2 * PAGE * slot;
}

static void map_one(struct many *m, u32 slot)
{
	if (mf_map(m->c, null_owner(), iova_of(slot), iova_of(slot), PAGE, RW, 0, NULL))
		die("a map failed");
}

static void unmap_one(struct many *m, u32 slot)
{
	u64 unmapped;

	if (mf_unmap(m->c, iova_of(slot), PAGE, &unmapped, NULL) || unmapped != PAGE)
		die("an unmap failed");
}

static void look_up(struct many *m, u32 slot)
{
	struct mf_mapping_info info;

	if (!mf_next_mapping(m->c, iova_of(slot), &info) || info.span.first != iova_of(slot))
		die("a mapping was not found");
}

/* Have the first @some slots be others, by chance. */
static void shuffle(struct many *m, u64 some)
{
	u64 i;

	for (i = 0; i < some; i++) {
		u64 j = i + chance(&m->state) % (m->n - i);
		u32 slot = m->slots[i];

		m->slots[i] = m->slots[j];
		m->slots[j] = slot;
	}
}

static void time_each(struct many *m, void (*request)(struct many *, u32), u64 some,
		      struct watch *w)
{
	u64 i;

	watch_start(w);
	for (i = 0; i < some; i++)
		request(m, m->slots[i]);
	watch_stop(w);
}

static void one_round(struct many *m, struct label *label)
{
	struct watch map = { 0 }, unmap = { 0 }, lookup = { 0 };
	u64 some = mf_min(m->n / 2, TURN), done;

	for (done = 0; done < ENOUGH; done += some) {
		shuffle(m, some);
		time_each(m, look_up, some, &lookup);
		time_each(m, unmap_one, some, &unmap);
		time_each(m, map_one, some, &map);
	}
	result_watch(label, &map, "map", "call", (double)done);
	result_watch(label, &unmap, "unmap", "call", (double)done);
	result_watch(label, &lookup, "lookup", "call", (double)done);
}

static void with_mappings(u64 n, u32 rounds)
{
	struct many m = { .n = n, .state = 1 };
	struct label label = { .unit = "engine-mappings", .backend = "manifold" };
	char work[40];
	u64 i, empty;

	snprintf(work, sizeof(work), "%llu mappings", n);
	label.work = work;
	null_host_init(&m.host);
	m.host.run_pages = 1;
	m.c = container(&m.host);
	m.slots = calloc(n, sizeof(*m.slots));
	if (!m.slots)
		die("no memory");
	for (i = 0; i < n; i++)
		m.slots[i] = (u32)i;
	shuffle(&m, n);

	empty = m.host.held;
	for (i = 0; i < n; i++)
		map_one(&m, m.slots[i]);
	label.round = 1;
	result(&label, "bytes", "held", "mapping", (double)(m.host.held - empty) / (double)n);
	for (label.round = 1; label.round <= (int)rounds; label.round++)
		one_round(&m, &label);

	mf_release(m.c);
	free(m.slots);
	if (m.host.held)
		die("the engine kept memory");
}

void bench_mappings(u32 rounds, u64 most)
{
	u64 n;

	for (n = 10; n <= most; n *= 10)
		with_mappings(n, rounds);
}
