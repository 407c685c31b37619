// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What one mapping costs that consists of one run, and of a hundred million: to
 * make, to replay into a second domain, and to unmap.
 *
 * A run is one page here. The first gigabyte's chunk begins with the mapping, so
 * chunks are full but for the last.
 */
#include <stdio.h>

#include "bench.h"

/* How many runs are made in a round, at least. */
#define ENOUGH	1000000

/* How often a mapping is replayed in a round, at most. */
#define REPLAYS	1000

#define IOVA	(1ull << 40)

static void one_round(struct null_host *host, struct label *label, u64 n)
{
	struct watch map = { 0 }, unmap = { 0 }, replay = { 0 };
	struct mf_container *c = container(host);
	u64 times = n < ENOUGH ? ENOUGH / n : 1, empty = host->held, held = 0, unmapped, i;

	for (i = 0; i < times; i++) {
		watch_start(&map);
		if (mf_map(c, null_owner(), IOVA, 0, n * PAGE, RW, 0, NULL))
			die("a map failed");
		watch_stop(&map);
		held = host->held - empty;

		if (i < REPLAYS) {
			watch_start(&replay);
			if (mf_attach(c, null_group(2, 2), 0, NULL))
				die("an attach failed");
			watch_stop(&replay);
			mf_detach(c, null_group(2, 2));
		}

		watch_start(&unmap);
		if (mf_unmap(c, IOVA, n * PAGE, &unmapped, NULL) || unmapped != n * PAGE)
			die("an unmap failed");
		watch_stop(&unmap);
	}
	mf_release(c);
	if (host->held)
		die("the engine kept memory");

	result_watch(label, &map, "map", "run", (double)(times * n));
	result_watch(label, &unmap, "unmap", "run", (double)(times * n));
	result_watch(label, &replay, "attach with replay", "call", (double)mf_min(times, REPLAYS));
	if (label->round == 1)
		result(label, "bytes", "held", "run", (double)held / (double)n);
}

void bench_runs(u32 rounds, u64 most)
{
	struct label label = { .unit = "engine-runs", .backend = "manifold" };
	struct null_host host;
	char work[40];
	u64 n;

	null_host_init(&host);
	host.run_pages = 1;
	for (n = 1; n <= most; n *= 10) {
		snprintf(work, sizeof(work), "%llu run%s", n, n > 1 ? "s" : "");
		label.work = work;
		for (label.round = 1; label.round <= (int)rounds; label.round++)
			one_round(&host, &label, n);
	}
}
