/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A small world to test in: RAM with two owners, units with groups and a
 * device each, a host that can be told which call to fail, and the checks of
 * what must always hold. The checks return NULL or say what is wrong, so that
 * a test which shrinks failures can use them as well as one that asserts.
 */
#ifndef MF_TEST_WORLD_H
#define MF_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/manifold.h"
#include "user/host.h"
#include "user/memory/ram.h"
#include "user/models/device.h"
#include "user/models/model.h"

#define KIB		(1ull << 10)
#define MIB		(1ull << 20)
#define GIB		(1ull << 30)
#define PAGE		MF_PAGE_SIZE
#define TOP		(~0ull)

#define WORLD_UNITS	6
#define WORLD_GROUPS	12
#define WORLD_OWNERS	2

/* Where the owners' memory begins. */
#define VADDR		0x40000000ull

struct world {
	struct mf_user_host host;
	struct mf_ram *ram;
	struct mf_pool *pool;
	u64 ram_pages;
	struct mf_ram_owner *owner[WORLD_OWNERS];
	struct mf_owner *one_more;	/* that the world did not make, or NULL */
	struct mf_model units[WORLD_UNITS];
	u32 nr_units;
	struct mf_host_group groups[WORLD_GROUPS];
	struct mf_device devices[WORLD_GROUPS];
	u32 nr_groups;
	struct mf_container *c;
	struct mf_container **more;	/* containers the world did not open; may be NULL */
	u32 nr_more;
	bool by_mapping;		/* the container that is opened bills as in-tree type1 */

	/* The last event of each type, and how many there were. */
	struct mf_event last[MF_NR_EVENTS];
	u32 events[MF_NR_EVENTS];

	/*
	 * The fail_at-th fallible call from now on fails with fail_err, and, if
	 * fail_on, so do all that follow. 0: none.
	 */
	u64 fail_at;
	bool fail_on;
	int fail_err;
	u64 fallible;		/* fallible calls seen */
	u64 failed;		/* calls made to fail */
	enum mf_call_type failed_type;	/* the last of them */
	bool no_alloc;		/* an alloc now is a bug: teardown needs no memory */
	u64 bad_allocs;

	mf_call_fn watch;	/* sees every call after the above */
	void *watch_context;
};

/* A unit as most are: 4 KiB, 2 MiB and 1 GiB pages, 48 bits, coherent. */
extern const struct mf_model_config world_plain;

void world_init(struct world *w, u64 pages, enum mf_ram_layout layout);
const char *world_end(struct world *w);
void world_open(struct world *w, enum mf_rules rules, u32 limit);
struct mf_model *world_unit(struct world *w, const struct mf_model_config *config);
struct mf_host_group *world_group(struct world *w, struct mf_model *unit);
void world_fail(struct world *w, u64 nth, bool on, int err);
struct mf_device *world_device(struct world *w, const struct mf_host_group *group);

const char *world_check_pins(struct world *w);
const char *world_check_domains(struct world *w, struct mf_container *c);
const char *world_check_counts(struct world *w);
const char *world_check(struct world *w);
struct mf_ledger_info world_ledgers(struct world *w);
u64 world_fingerprint(struct world *w, struct mf_container **containers, u32 nr);

/* Tests that assert. */
#define check(expression) \
	do { \
		const char *wrong_ = (expression); \
		if (wrong_) \
			fail_msg("%s", wrong_); \
	} while (0)

/* A world with one plain unit, one group of it attached, and a v2 container. */
struct mf_host_group *world_ready(struct world *w);

static inline int world_map(struct world *w, u64 iova, u64 vaddr, u64 size, u32 prot,
			    struct mf_refusal *why)
{
	return mf_map(w->c, &w->owner[0]->owner, iova, vaddr, size, prot, 0, why);
}

#endif /* MF_TEST_WORLD_H */
