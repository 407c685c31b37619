// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What requests may cost, in calls of the host, locks and events: exactly. N
 * pages in R runs over D domains; a request that costs more than the table says
 * is a bug, and one that costs less is to be written down here.
 *
 * Only what grows is to grow, and only with what it may grow with: map calls with
 * batches and domains, flushes with domains, unpin calls with chunks, a lookup with
 * nothing. The host takes no lock, so all that is taken is the engine's; it is
 * counted where it meets the C library.
 */
#include <pthread.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/null_host.h"

#define RW		(MF_READ | MF_WRITE)
#define PAGE		MF_PAGE_SIZE
#define IOVA		(1ull << 40)
#define CHUNK_PAGES	262144ull

static u64 reads, writes, locks, wakes;

int __real_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __real_pthread_rwlock_wrlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *lock);
int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int __real_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);

int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	reads++;
	return __real_pthread_rwlock_rdlock(lock);
}

int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	writes++;
	return __real_pthread_rwlock_wrlock(lock);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	locks++;
	return __real_pthread_mutex_lock(lock);
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
	wakes++;
	return __real_pthread_cond_broadcast(cond);
}

/*
 * What is counted. A turn of the turnstile takes a mutex of its own in user space,
 * which is no lock of the engine's: it counts as a turn alone.
 */
#define COUNTED(x) \
	x(alloc) x(free) x(owner_get) x(owner_put) x(pin) x(unpin) x(bill) x(unbill) \
	x(group_id) x(group_isolated) x(group_regions) x(domain_alloc) x(domain_free) \
	x(domain_attach) x(domain_detach) x(domain_settle) x(domain_msi) x(domain_map) \
	x(domain_sync) x(domain_unmap) x(domain_flush) x(runs_mapped) x(runs_unpinned) \
	x(read_locks) x(write_locks) x(locks) x(turns) x(events)

struct cost {
#define FIELD(name) name,
	u64 COUNTED(FIELD) end;
#undef FIELD
};

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
#define NAME(name) { #name, offsetof(struct cost, name) },
	COUNTED(NAME)
#undef NAME
};

static u64 *field(struct cost *c, u32 i)
{
	return (u64 *)((char *)c + fields[i].offset);
}

static struct cost so_far(const struct null_host *h)
{
	struct cost c = {
		.alloc = h->calls[MF_CALL_ALLOC], .free = h->calls[MF_CALL_FREE],
		.owner_get = h->calls[MF_CALL_OWNER_GET],
		.owner_put = h->calls[MF_CALL_OWNER_PUT],
		.pin = h->calls[MF_CALL_PIN], .unpin = h->calls[MF_CALL_UNPIN],
		.bill = h->calls[MF_CALL_BILL], .unbill = h->calls[MF_CALL_UNBILL],
		.group_id = h->calls[MF_CALL_GROUP_ID],
		.group_isolated = h->calls[MF_CALL_GROUP_ISOLATED],
		.group_regions = h->calls[MF_CALL_GROUP_REGIONS],
		.domain_alloc = h->calls[MF_CALL_DOMAIN_ALLOC],
		.domain_free = h->calls[MF_CALL_DOMAIN_FREE],
		.domain_attach = h->calls[MF_CALL_DOMAIN_ATTACH],
		.domain_detach = h->calls[MF_CALL_DOMAIN_DETACH],
		.domain_settle = h->calls[MF_CALL_DOMAIN_SETTLE],
		.domain_msi = h->calls[MF_CALL_DOMAIN_MSI],
		.domain_map = h->calls[MF_CALL_DOMAIN_MAP],
		.domain_sync = h->calls[MF_CALL_DOMAIN_SYNC],
		.domain_unmap = h->calls[MF_CALL_DOMAIN_UNMAP],
		.domain_flush = h->calls[MF_CALL_DOMAIN_FLUSH],
		.runs_mapped = h->runs_mapped, .runs_unpinned = h->runs_unpinned,
		.read_locks = reads, .write_locks = writes, .locks = locks - wakes,
		.turns = wakes,
	};
	u32 i;

	for (i = 0; i < MF_NR_EVENTS; i++)
		c.events += h->events[i];
	return c;
}

static struct cost since(const struct null_host *h, struct cost before)
{
	struct cost now = so_far(h);
	u32 i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		*field(&now, i) -= *field(&before, i);
	return now;
}

static void costs(const char *what, struct cost is, struct cost budget)
{
	u32 wrong = 0, i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (*field(&is, i) == *field(&budget, i))
			continue;
		print_error("%s: %s is %llu, its budget %llu\n", what, fields[i].name,
			    *field(&is, i), *field(&budget, i));
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* A container with @domains domains, of kinds 1, 2, ..., a group in each. */
static struct mf_container *ready_to_bill(struct null_host *h, u64 run_pages, u32 domains,
					  bool once)
{
	struct mf_config config = {
		.rules = MF_TYPE1V2, .mapping_limit = 100000, .bill_once = once,
	};
	struct mf_container *c;
	u32 i;

	null_host_init(h);
	h->run_pages = run_pages;
	assert_int_equal(mf_open(&h->host, &config, &c), 0);
	for (i = 1; i <= domains; i++)
		assert_int_equal(mf_attach(c, null_group((u16)i, (u16)i), 0, NULL), 0);
	return c;
}

static struct mf_container *ready(struct null_host *h, u64 run_pages, u32 domains)
{
	return ready_to_bill(h, run_pages, domains, false);
}

static void finish(struct null_host *h, struct mf_container *c)
{
	mf_release(c);
	assert_true(h->held == 0);
	assert_true(h->calls[MF_CALL_OWNER_GET] == h->calls[MF_CALL_OWNER_PUT]);
}

static void map(struct mf_container *c, u64 iova, u64 pages)
{
	assert_int_equal(mf_map(c, null_owner(), iova, 0, pages * PAGE, RW, 0, NULL), 0);
}

static void unmap(struct mf_container *c, u64 iova, u64 pages)
{
	u64 unmapped;

	assert_int_equal(mf_unmap(c, iova, pages * PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == pages * PAGE);
}

/*
 * One mapping. What a batch is, is fill.c's: the runs of 512 pages or more, as many
 * as fit, the last one of which is kept for the next batch. A bill is for a batch, or
 * for 4096 pages of it, or for 16384 if they are in large runs.
 */
static const struct {
	const char *what;
	u64 pages;
	u64 run_pages;
	u32 domains;
	struct cost map;
	struct cost unmap;
} table[] = {
	{ "a page", 1, 1, 1,
	  .map = { .alloc = 1, .owner_get = 1, .pin = 1, .bill = 1,
		   .domain_map = 1, .domain_sync = 1, .runs_mapped = 1,
		   .read_locks = 2, .locks = 2, .turns = 1, .events = 1 },
	  .unmap = { .free = 1, .owner_put = 1, .unpin = 1, .unbill = 1,
		     .domain_unmap = 1, .domain_flush = 1, .runs_unpinned = 1,
		     .read_locks = 1, .locks = 2, .turns = 1, .events = 1 } },
	/* Domains cost calls of domains, and nothing else. */
	{ "a page, three domains", 1, 1, 3,
	  .map = { .alloc = 1, .owner_get = 1, .pin = 1, .bill = 1,
		   .domain_map = 3, .domain_sync = 3, .runs_mapped = 3,
		   .read_locks = 2, .locks = 2, .turns = 1, .events = 1 },
	  .unmap = { .free = 1, .owner_put = 1, .unpin = 1, .unbill = 1,
		     .domain_unmap = 3, .domain_flush = 3, .runs_unpinned = 1,
		     .read_locks = 1, .locks = 2, .turns = 1, .events = 1 } },
	/* A few runs: room for them, and still no batch of its own. */
	{ "32 pages in 32 runs", 32, 1, 1,
	  .map = { .alloc = 2, .owner_get = 1, .pin = 1, .bill = 1,
		   .domain_map = 1, .domain_sync = 1, .runs_mapped = 32,
		   .read_locks = 2, .locks = 2, .turns = 1, .events = 1 },
	  .unmap = { .free = 2, .owner_put = 1, .unpin = 1, .unbill = 1,
		     .domain_unmap = 1, .domain_flush = 1, .runs_unpinned = 32,
		     .read_locks = 1, .locks = 2, .turns = 1, .events = 1 } },
	/* The longest that one pin brings: a batch, freed at the end. */
	{ "512 pages in 512 runs, two domains", 512, 1, 2,
	  .map = { .alloc = 3, .free = 1, .owner_get = 1, .pin = 1, .bill = 1,
		   .domain_map = 2, .domain_sync = 2, .runs_mapped = 1024,
		   .read_locks = 2, .locks = 2, .turns = 1, .events = 1 },
	  .unmap = { .free = 2, .owner_put = 1, .unpin = 1, .unbill = 1,
		     .domain_unmap = 2, .domain_flush = 2, .runs_unpinned = 512,
		     .read_locks = 1, .locks = 2, .turns = 1, .events = 1 } },
	/* 512 pages and 15 times 511: 16 batches. The first tells how long the list will be. */
	{ "8177 pages in as many runs", 8177, 1, 1,
	  .map = { .alloc = 3, .free = 1, .owner_get = 1, .pin = 16, .bill = 16,
		   .domain_map = 16, .domain_sync = 1, .runs_mapped = 8177,
		   .read_locks = 17, .locks = 2, .turns = 1, .events = 1 },
	  .unmap = { .free = 2, .owner_put = 1, .unpin = 1, .unbill = 1,
		     .domain_unmap = 1, .domain_flush = 1, .runs_unpinned = 8177,
		     .read_locks = 1, .locks = 2, .turns = 1, .events = 1 } },
	/* One run: pins by what one brings, one map, no list of runs. */
	{ "8192 pages in a run", 8192, 0, 1,
	  .map = { .alloc = 2, .free = 1, .owner_get = 1, .pin = 16, .bill = 1,
		   .domain_map = 1, .domain_sync = 1, .runs_mapped = 1,
		   .read_locks = 2, .locks = 2, .turns = 1, .events = 1 },
	  .unmap = { .free = 1, .owner_put = 1, .unpin = 1, .unbill = 1,
		     .domain_unmap = 1, .domain_flush = 1, .runs_unpinned = 1,
		     .read_locks = 1, .locks = 2, .turns = 1, .events = 1 } },
	/* Runs that are not large: what has no room in one bill is billed sooner. */
	{ "8192 pages in 32 runs", 8192, 256, 1,
	  .map = { .alloc = 3, .free = 1, .owner_get = 1, .pin = 16, .bill = 2,
		   .domain_map = 1, .domain_sync = 1, .runs_mapped = 32,
		   .read_locks = 2, .locks = 2, .turns = 1, .events = 1 },
	  .unmap = { .free = 2, .owner_put = 1, .unpin = 1, .unbill = 1,
		     .domain_unmap = 1, .domain_flush = 1, .runs_unpinned = 32,
		     .read_locks = 1, .locks = 2, .turns = 1, .events = 1 } },
	/* Four chunks: a map and an unpin for each, one unmap for all. */
	{ "four chunks in a run each, two domains", 4 * CHUNK_PAGES, 0, 2,
	  .map = { .alloc = 3, .free = 1, .owner_get = 1, .pin = 2048, .bill = 64,
		   .domain_map = 8, .domain_sync = 2, .runs_mapped = 8,
		   .read_locks = 5, .locks = 2, .turns = 1, .events = 1 },
	  .unmap = { .free = 2, .owner_put = 1, .unpin = 4, .unbill = 1,
		     .domain_unmap = 2, .domain_flush = 2, .runs_unpinned = 4,
		     .read_locks = 1, .locks = 2, .turns = 1, .events = 1 } },
};

#define NR_TABLE (sizeof(table) / sizeof(*table))

static void test_map(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < NR_TABLE; i++) {
		struct null_host h;
		struct mf_container *c = ready(&h, table[i].run_pages, table[i].domains);
		struct cost before = so_far(&h);

		map(c, IOVA, table[i].pages);
		costs(table[i].what, since(&h, before), table[i].map);
		finish(&h, c);
	}
}

static void test_unmap(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < NR_TABLE; i++) {
		struct null_host h;
		struct mf_container *c = ready(&h, table[i].run_pages, table[i].domains);
		struct cost before;

		map(c, IOVA, table[i].pages);
		before = so_far(&h);
		unmap(c, IOVA, table[i].pages);
		costs(table[i].what, since(&h, before), table[i].unmap);
		finish(&h, c);
	}
}

/*
 * Billed once: the ledger's lock for each bill and each refund, and what the ledger
 * takes for the pages, which are in the ledger's own count.
 */
static void test_billed_once(void **state)
{
	struct mf_ledger_info ledger;
	u32 i;

	(void)state;
	for (i = 0; i < NR_TABLE; i++) {
		struct null_host h;
		struct mf_container *c = ready_to_bill(&h, table[i].run_pages, table[i].domains,
						       true);
		struct cost before = so_far(&h), is, budget = table[i].map;

		map(c, IOVA, table[i].pages);
		is = since(&h, before);
		mf_get_ledger(&h.host, null_owner(), &ledger);
		assert_true(ledger.pages == table[i].pages && ledger.pins == ledger.pages);
		budget.locks += budget.bill;
		budget.alloc += ledger.pieces;
		costs(table[i].what, is, budget);

		before = so_far(&h);
		unmap(c, IOVA, table[i].pages);
		budget = table[i].unmap;
		budget.locks += budget.unbill;
		budget.free += ledger.pieces;
		costs(table[i].what, since(&h, before), budget);
		finish(&h, c);
	}
}

/* What another container has pinned for the owner is not billed again, and takes no memory. */
static void test_billed_before(void **state)
{
	struct cost before, budget = table[NR_TABLE - 1].map;
	struct null_host h;
	struct mf_container *c = ready_to_bill(&h, 0, 2, true);

	(void)state;
	map(c, 0, 4 * CHUNK_PAGES);
	before = so_far(&h);
	map(c, IOVA, 4 * CHUNK_PAGES);
	budget.locks += budget.bill;
	budget.bill = 0;
	costs("four chunks again", since(&h, before), budget);
	finish(&h, c);
}

/* What an unmap costs is not multiplied by the mappings but where each has something of its own. */
static void test_unmap_of_a_hundred(void **state)
{
	static const struct cost budget = {
		.free = 100, .owner_put = 100, .unpin = 100, .unbill = 1,
		.domain_unmap = 2, .domain_flush = 2, .runs_unpinned = 100,
		.read_locks = 1, .locks = 2, .turns = 1, .events = 100,
	};
	struct null_host h;
	struct mf_container *c = ready(&h, 1, 2);
	struct cost before;
	u64 i;

	(void)state;
	for (i = 0; i < 100; i++)
		map(c, IOVA + i * PAGE, 1);
	before = so_far(&h);
	unmap(c, IOVA, 100);
	costs("a hundred neighbours", since(&h, before), budget);
	finish(&h, c);
}

/* A request costs the same with ten thousand mappings beside it. */
static void test_beside_others(void **state)
{
	struct null_host h;
	struct mf_container *c = ready(&h, 1, 1);
	struct mf_mapping_info info;
	struct cost before;
	u64 i;

	(void)state;
	for (i = 0; i < 10000; i++)
		map(c, IOVA + i * 2 * PAGE, 1);
	before = so_far(&h);
	map(c, IOVA + 10001 * PAGE, 1);
	costs("map", since(&h, before), table[0].map);

	before = so_far(&h);
	assert_true(mf_next_mapping(c, IOVA + 10001 * PAGE, &info));
	assert_true(info.span.first == IOVA + 10001 * PAGE);
	costs("lookup", since(&h, before), (struct cost){ .read_locks = 1, .locks = 1 });

	before = so_far(&h);
	unmap(c, IOVA + 10001 * PAGE, 1);
	costs("unmap", since(&h, before), table[0].unmap);
	finish(&h, c);
}

/* A refused request: its reason, and nothing else. */
static void test_refused(void **state)
{
	static const struct cost budget = {
		.alloc = 1, .free = 1, .owner_get = 1, .owner_put = 1,
		.read_locks = 1, .locks = 2, .events = 1,
	};
	struct null_host h;
	struct mf_container *c = ready(&h, 1, 1);
	struct cost before;

	(void)state;
	map(c, IOVA, 1);
	before = so_far(&h);
	assert_int_equal(mf_map(c, null_owner(), IOVA, 0, PAGE, RW, 0, NULL), -EEXIST);
	costs("map where something is", since(&h, before), budget);

	before = so_far(&h);
	assert_int_equal(mf_unmap(c, IOVA + 1, PAGE, NULL, NULL), -EINVAL);
	costs("unmap of what does not align", since(&h, before),
	      (struct cost){ .read_locks = 1, .locks = 2, .events = 1 });
	finish(&h, c);
}

/* Mappings of one run, of a thousand, and of four chunks. */
static void fill(struct mf_container *c)
{
	map(c, IOVA, 1);
	map(c, IOVA + 10 * PAGE, 1000);
	map(c, 2 * IOVA, 4 * CHUNK_PAGES);
}

#define FILL_CHUNKS 6

/* The group moves from its trial domain to the one that fits: no mapping is touched. */
static void test_attach_compatible(void **state)
{
	static const struct cost budget = {
		.alloc = 3, .free = 2, .group_id = 1, .group_isolated = 1, .group_regions = 1,
		.domain_alloc = 1, .domain_attach = 2, .domain_settle = 1, .domain_detach = 1,
		.domain_free = 1,
		.write_locks = 1, .locks = 3, .events = 1,
	};
	struct null_host h;
	struct mf_container *c = ready(&h, 1, 1);
	struct cost before;

	(void)state;
	fill(c);
	before = so_far(&h);
	assert_int_equal(mf_attach(c, null_group(1, 7), 0, NULL), 0);
	costs("attach, compatible", since(&h, before), budget);
	finish(&h, c);
}

/* Replay: each chunk by one call, one sync a mapping, and nothing is pinned or billed. */
static void test_attach_new_domain(void **state)
{
	static const struct cost budget = {
		.alloc = 3, .free = 1, .group_id = 1, .group_isolated = 1, .group_regions = 1,
		.domain_alloc = 1, .domain_attach = 1, .domain_settle = 1,
		.domain_map = FILL_CHUNKS, .domain_sync = 3,
		.runs_mapped = 1 + 1000 + 4 * CHUNK_PAGES,
		.write_locks = 1, .locks = 5, .events = 2,
	};
	struct null_host h;
	struct mf_container *c = ready(&h, 1, 1);
	struct cost before;

	(void)state;
	fill(c);
	before = so_far(&h);
	assert_int_equal(mf_attach(c, null_group(2, 2), 0, NULL), 0);
	costs("attach, new domain", since(&h, before), budget);
	finish(&h, c);
}

/* A domain goes whole: nothing is unmapped from it. */
static void test_detach(void **state)
{
	static const struct cost budget = {
		.free = 2, .domain_detach = 1, .domain_free = 1,
		.write_locks = 1, .locks = 1, .events = 2,
	};
	struct null_host h;
	struct mf_container *c = ready(&h, 1, 2);
	struct cost before;

	(void)state;
	fill(c);
	before = so_far(&h);
	mf_detach(c, null_group(2, 2));
	costs("detach", since(&h, before), budget);
	finish(&h, c);
}

/* With the last domain all mappings go: unpinned by chunks, billed once, unmapped nowhere. */
static void test_detach_last(void **state)
{
	static const struct cost budget = {
		.free = 2 + 3 + 1 + 5, .owner_put = 3, .unpin = FILL_CHUNKS, .unbill = 1,
		.domain_detach = 1, .domain_free = 1,
		.runs_unpinned = 1 + 1000 + 4 * CHUNK_PAGES,
		.write_locks = 1, .locks = 2 + 3, .turns = 1, .events = 2 + 3,
	};
	struct null_host h;
	struct mf_container *c = ready(&h, 1, 1);
	struct cost before;

	(void)state;
	fill(c);
	before = so_far(&h);
	mf_detach(c, null_group(1, 1));
	costs("detach, last domain", since(&h, before), budget);
	finish(&h, c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_unmap),
		cmocka_unit_test(test_billed_once),
		cmocka_unit_test(test_billed_before),
		cmocka_unit_test(test_unmap_of_a_hundred),
		cmocka_unit_test(test_beside_others),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_attach_compatible),
		cmocka_unit_test(test_attach_new_domain),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_detach_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
