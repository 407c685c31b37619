// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What it costs to bill a GiB of pages once: to charge it, to charge it again as
 * a second container does, and to refund it, in batches as a map has them.
 */
#include <stdlib.h>

#include "bench.h"
#include "core/ledger.h"

#define GIB_PAGES	(1ull << 18)
#define BATCH		512

/* Where the memory begins; as much is left out as is used where it is scattered. */
#define FIRST		(1ull << 20)

struct memory {
	const char *name;
	u64 step;	/* from a run to the next, in pages */
	u64 pages;	/* of a run */
	bool shuffled;
};

static const struct memory memories[] = {
	{ "4K pages, no two next to each other", 2, 1, true },
	{ "runs of 8 pages", 16, 8, true },
	{ "huge pages of 2M", 512, 512, true },
	{ "one run", GIB_PAGES, GIB_PAGES, false },
};

static mf_run *runs_of(const struct memory *memory, u64 nr)
{
	mf_run *runs = malloc(nr * sizeof(*runs)), run;
	u64 i, at, seed = 1;

	if (!runs)
		die("no memory");
	for (i = 0; i < nr; i++)
		runs[i] = mf_run_make(FIRST + i * memory->step, memory->pages, 0);
	for (i = nr; memory->shuffled && i > 1; i--) {
		at = chance(&seed) % i;
		run = runs[at];
		runs[at] = runs[i - 1];
		runs[i - 1] = run;
	}
	return runs;
}

static void charge_all(struct null_host *host, const mf_run *runs, u64 nr, struct watch *w)
{
	struct mf_charge what;
	u64 i;

	watch_start(w);
	for (i = 0; i < nr; i += BATCH) {
		if (mf_ledger_charge(&host->host, null_owner(), runs + i, mf_min(nr - i, BATCH),
				     true, &what))
			die("a charge failed");
	}
	watch_stop(w);
}

static void refund_all(struct null_host *host, const mf_run *runs, u64 nr, struct watch *w)
{
	watch_start(w);
	mf_ledger_refund(&host->host, null_owner(), runs, nr);
	watch_stop(w);
}

static void one_round(struct null_host *host, struct label *label, const struct memory *memory)
{
	struct watch charge = { 0 }, again = { 0 }, less = { 0 }, refund = { 0 };
	u64 nr = GIB_PAGES / memory->pages, empty = host->held, once, twice;
	mf_run *runs = runs_of(memory, nr);

	charge_all(host, runs, nr, &charge);
	once = host->held - empty;
	charge_all(host, runs, nr, &again);
	twice = host->held - empty;
	refund_all(host, runs, nr, &less);
	refund_all(host, runs, nr, &refund);
	free(runs);
	if (host->held != empty)
		die("the ledger kept memory");

	result_watch(label, &charge, "charge", "GiB", 1);
	result_watch(label, &again, "charge again", "GiB", 1);
	result_watch(label, &less, "refund the second", "GiB", 1);
	result_watch(label, &refund, "refund", "GiB", 1);
	if (label->round == 1) {
		result(label, "bytes", "charged", "GiB", (double)once);
		result(label, "bytes", "charged twice", "GiB", (double)twice);
	}
}

void bench_ledger(u32 rounds)
{
	struct label label = { .unit = "engine-ledger", .backend = "manifold" };
	struct null_host host;
	u64 i;

	null_host_init(&host);
	for (i = 0; i < sizeof(memories) / sizeof(memories[0]); i++) {
		label.work = memories[i].name;
		for (label.round = 1; label.round <= (int)rounds; label.round++)
			one_round(&host, &label, &memories[i]);
	}
}
