// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How fast the modelled units translate: what their IOTLB knows, and what they
 * have to walk a table for.
 *
 * That is how fast a simulated device can be, not how fast hardware is.
 */
#include <stdlib.h>

#include "bench.h"
#include "user/memory/ram.h"
#include "user/models/amdvi/amdvi.h"
#include "user/models/model.h"
#include "user/models/riscv/riscv.h"
#include "user/models/smmuv3/smmuv3.h"
#include "user/models/vtd/vtd.h"

#define PAGES	16384ull
#define IOVA	(1ull << 30)
#define VADDR	(1ull << 32)
#define ENOUGH	1000000

static const struct mf_model_config units[] = {
	{ .format = &mf_format_simple, .enforces = true },
	{ .format = &mf_format_vtd, .enforces = true },
	{ .format = &mf_format_amdvi, .output_bits = 48, .enforces = true },
	{ .format = &mf_format_smmuv3, .output_bits = 48, .enforces = true },
	{ .format = &mf_format_riscv, .output_bits = 56 },
};

struct machine {
	struct mf_user_host host;
	struct mf_ram *ram;
	struct mf_ram_owner *owner;
	struct mf_pool *pool;
	struct mf_model model;
	struct mf_host_group group;
	struct mf_container *c;
};

/* A group behind one unit, and memory of 4 KiB leaves mapped for it. */
static void set_up(struct machine *m, const struct mf_model_config *unit)
{
	struct mf_config config = { .rules = MF_TYPE1V2, .mapping_limit = 1 };
	struct mf_model_config full = *unit;

	full.kind = 1;
	full.pgsizes = PAGE | 2ull << 20 | 1ull << 30;
	full.aperture = (struct mf_span){ 0, (1ull << (unit->output_bits == 56 ? 50 : 48)) - 1 };
	mf_user_host_init(&m->host);
	m->ram = mf_ram_new(&m->host, PAGES);
	m->pool = mf_pool_new(&m->host, PAGES);
	if (!m->ram || !m->pool)
		die("no memory");
	m->owner = mf_ram_owner_new(m->ram, VADDR, PAGES, MF_RAM_SCATTERED, 1);
	if (!m->owner || mf_model_init(&m->model, &m->host, m->pool, &full))
		die("no such unit");
	m->group = (struct mf_host_group){ .unit = &m->model.unit, .id = 1, .isolated = true };
	if (mf_open(&m->host.host, &config, &m->c) || mf_attach(m->c, &m->group, 0, NULL) ||
	    mf_map(m->c, &m->owner->owner, IOVA, VADDR, PAGES * PAGE, RW, 0, NULL))
		die("a map failed");
}

static void tear_down(struct machine *m)
{
	mf_release(m->c);
	mf_ram_owner_free(m->owner);
	mf_ram_free(m->ram);
	mf_pool_free(m->pool);
	mf_user_host_fini(&m->host);
}

/* As a device does it: page after page of @pages, and then from the first again. */
static void translate(struct machine *m, const struct label *label, const char *phase, u64 pages)
{
	struct mf_unit *unit = &m->model.unit;
	struct mf_translation t;
	struct watch w = { 0 };
	struct mf_fault fault;
	u64 i, page = 0;

	mf_mutex_lock(&m->host.units_lock);
	watch_start(&w);
	for (i = 0; i < ENOUGH; i++) {
		if (unit->ops->translate(unit, &m->group, IOVA + page * PAGE, true, &t, &fault))
			die("a translation failed");
		page = page + 1 < pages ? page + 1 : 0;
	}
	watch_stop(&w);
	mf_mutex_unlock(&m->host.units_lock);
	result_watch(label, &w, phase, "access", ENOUGH);
}

void bench_translate(u32 rounds)
{
	struct label label = { .backend = "none" };
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		struct machine *m = calloc(1, sizeof(*m));

		if (!m)
			die("no memory");
		set_up(m, &units[i]);
		label.unit = "models";
		label.work = units[i].format->name;
		for (label.round = 1; label.round <= (int)rounds; label.round++) {
			translate(m, &label, "IOTLB hit", MF_IOTLB_ENTRIES / 2);
			translate(m, &label, "IOTLB miss", PAGES);
		}
		tear_down(m);
		free(m);
	}
}
