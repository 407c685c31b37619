// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The packed list of runs.
 *
 * A mapping remembers where its pages are, so that nobody ever has to ask an
 * I/O page table: unmap, replay and inspection read this list. It is made for
 * two extremes. A mapping of one page, or of one contiguous stretch, has its
 * only run inside the chunk and allocates nothing. Scattered 4 KiB pages cost
 * eight bytes each, 0.2 % of what is mapped.
 *
 * Invariant: the runs of a chunk, laid end to end from the chunk's first page
 * on, are the pages that are pinned and in every domain; no run is empty.
 */
#include "host.h"
#include "runs.h"

void mf_chunk_init(struct mf_chunk *k)
{
	k->nr = 0;
	k->max = 1;
	k->one = 0;
}

void mf_chunk_fini(struct mf_host *host, struct mf_chunk *k)
{
	if (k->max > 1)
		mf_ops(host)->free(host, k->many);
	mf_chunk_init(k);
}

static int chunk_resize(struct mf_host *host, struct mf_chunk *k, u32 max)
{
	mf_run *many = mf_alloc(host, max * (u64)sizeof(*many));

	if (!many)
		return -ENOMEM;

	memcpy(many, mf_chunk_runs(k), k->nr * sizeof(*many));
	if (k->max > 1)
		mf_ops(host)->free(host, k->many);
	k->many = many;
	k->max = max;
	return 0;
}

/**
 * mf_chunk_reserve() - make sure that more runs can be appended
 * @host: gives the memory
 * @k: the chunk
 * @more: how many runs
 * @later: how many are expected behind those; a guess, that saves copies
 *
 * Return: 0, or -ENOMEM with the chunk as it was.
 */
int mf_chunk_reserve(struct mf_host *host, struct mf_chunk *k, u32 more, u32 later)
{
	u32 need = k->nr + more;

	if (need <= k->max)
		return 0;
	if (later && !chunk_resize(host, k, need + later))
		return 0;

	return chunk_resize(host, k, mf_max(need, 2 * k->max));
}

/* Append runs for which mf_chunk_reserve() has made room. */
void mf_chunk_append(struct mf_chunk *k, const mf_run *runs, u32 nr)
{
	mf_run *all = k->max > 1 ? k->many : &k->one;

	memcpy(all + k->nr, runs, nr * sizeof(*runs));
	k->nr += nr;
}

/**
 * mf_chunk_fit() - give back room that a full chunk will not need
 * @host: where its memory is from
 * @k: the chunk
 *
 * Without memory for the smaller copy the chunk stays as it is.
 */
void mf_chunk_fit(struct mf_host *host, struct mf_chunk *k)
{
	if (k->nr > 64 && k->max > k->nr + k->nr / 4)
		chunk_resize(host, k, k->nr);
}

/**
 * mf_runs_pages() - count pages
 * @runs: the runs
 * @nr: how many
 * @foreign: where to say how many pages are foreign, or NULL
 *
 * Return: the number of pages in all of them.
 */
u64 mf_runs_pages(const mf_run *runs, u64 nr, u64 *foreign)
{
	u64 pages = 0, outside = 0, i;

	for (i = 0; i < nr; i++) {
		pages += mf_run_pages(runs[i]);
		if (mf_run_foreign(runs[i]))
			outside += mf_run_pages(runs[i]);
	}
	if (foreign)
		*foreign = outside;
	return pages;
}
