// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What devices do: DMA whose data is compared with the memory of the mapping,
 * DMA in the background, interrupts; and a look at what a unit would find.
 */
#include "tools/sim/run.h"

/* Bursts in the background: how long, and how many before the next step. */
#define BURST_BYTES	256
#define BURSTS_BEFORE	16

/* Where in memory the mapping at an IOVA leads, by what was asked for. */
static struct mf_ram_owner *locate(struct machine *m, u32 device, u64 iova, u64 *vaddr)
{
	u32 group = m->s->devices[device].group, container = m->attached[group];
	struct mf_mapping_info info;
	struct hand_map *map;

	if (container != NO_CONTAINER) {
		if (!mf_next_mapping(m->containers[container], iova, &info) ||
		    info.span.first > iova)
			return NULL;
		*vaddr = info.vaddr + (iova - info.span.first);
		return mf_entry(info.owner, struct mf_ram_owner, owner);
	}
	for (map = m->hand_maps; map; map = map->next) {
		if (m->groups[group].domain == m->domains[map->domain] && iova >= map->iova &&
		    iova - map->iova < map->bytes) {
			*vaddr = map->vaddr + (iova - map->iova);
			return m->owners[map->owner];
		}
	}
	return NULL;
}

/* Does any device write at this time? Then nobody knows what memory holds. */
static bool others_write(const struct machine *m)
{
	u32 i;

	for (i = 0; i < m->s->nr_devices; i++) {
		if (m->busy[i] && m->traffic[i].config.prot & MF_WRITE)
			return true;
	}
	return false;
}

static void fill_pattern(u8 *buffer, u32 bytes, u64 seed)
{
	u32 i;

	for (i = 0; i < bytes; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		buffer[i] = (u8)(seed >> 56) | 1;
	}
}

static bool all_zero(const u8 *buffer, u32 bytes)
{
	while (bytes--) {
		if (*buffer++)
			return false;
	}
	return true;
}

/* One page of a transfer. */
struct transfer {
	struct machine *m;
	u32 device;
	bool write;
	const char *text;	/* what is there, or NULL */
	u64 seed;
	u64 iova;
	u32 bytes;
};

static void transfer_write(struct transfer *t, struct mf_ram_owner *owner, u64 vaddr, u8 *data,
			   u8 *memory, struct result *r)
{
	u32 offset = (u32)(vaddr & (MF_PAGE_SIZE - 1));

	if (t->text)
		memcpy(data, t->text, t->bytes);
	else
		fill_pattern(data, t->bytes, t->seed ^ t->iova);
	if (mf_device_write(&t->m->devices[t->device], t->iova, data, t->bytes)) {
		r->fault = t->m->devices[t->device].fault;
	} else if (!owner) {
		problem(r, "DMA at 0x%llx reached memory that no mapping leads to", t->iova);
	} else if (!others_write(t->m)) {
		mf_ram_read(t->m->ram, mf_ram_owner_pfn(owner, vaddr), offset, memory, t->bytes);
		if (memcmp(data, memory, t->bytes))
			problem(r, "expected what DMA wrote at 0x%llx in the memory of the "
				"mapping, but it is not there", t->iova);
	}
}

static void transfer_read(struct transfer *t, struct mf_ram_owner *owner, u64 vaddr, u8 *data,
			  u8 *memory, struct result *r)
{
	u32 offset = (u32)(vaddr & (MF_PAGE_SIZE - 1));
	bool quiet = !others_write(t->m);

	if (owner) {
		u64 pfn = mf_ram_owner_pfn(owner, vaddr);

		mf_ram_read(t->m->ram, pfn, offset, memory, t->bytes);
		if (!t->text && quiet && all_zero(memory, t->bytes)) {
			fill_pattern(memory, t->bytes, t->seed ^ t->iova);
			mf_ram_write(t->m->ram, pfn, offset, memory, t->bytes);
		}
	}
	if (mf_device_read(&t->m->devices[t->device], t->iova, data, t->bytes))
		r->fault = t->m->devices[t->device].fault;
	else if (!owner)
		problem(r, "DMA at 0x%llx reached memory that no mapping leads to", t->iova);
	else if (quiet && memcmp(data, memory, t->bytes))
		problem(r, "expected to read the memory of the mapping at 0x%llx, but it was "
			"something else", t->iova);
	else if (quiet && t->text && memcmp(data, t->text, t->bytes))
		problem(r, "expected \"%.*s\" at 0x%llx, but found something else",
			(int)t->bytes, t->text, t->iova);
}

static void transfer_page(struct transfer *t, struct result *r)
{
	u8 data[MF_PAGE_SIZE], memory[MF_PAGE_SIZE];
	struct mf_ram_owner *owner;
	u64 vaddr = 0;

	memset(data, 0, t->bytes);
	memset(memory, 0, t->bytes);
	owner = locate(t->m, t->device, t->iova, &vaddr);
	if (t->write)
		transfer_write(t, owner, vaddr, data, memory, r);
	else
		transfer_read(t, owner, vaddr, data, memory, r);
}

static void do_dma(struct run *run, const struct step *step, struct result *r)
{
	struct transfer t = { .m = run->m, .device = step->device, .write = step->write,
			      .seed = run->steps };
	u64 first, bytes, done;

	if (!run_range(run, &step->range, r, &first, &bytes))
		return;
	if (step->text[0]) {
		t.text = step->text;
		bytes = strlen(step->text);
	}
	if (!bytes || bytes > MOST_DMA || first + (bytes - 1) < first) {
		problem(r, "expected DMA of 1 byte to 64M below 2^64, but it is %llu bytes from "
			"0x%llx on", bytes, first);
		return;
	}
	for (done = 0; done < bytes && !r->fault.why && !r->problem[0]; done += t.bytes) {
		t.iova = first + done;
		t.bytes = (u32)mf_min(bytes - done,
				      MF_PAGE_SIZE - (t.iova & (MF_PAGE_SIZE - 1)));
		transfer_page(&t, r);
		if (t.text)
			t.text += t.bytes;
	}
}

static void start_traffic(struct run *run, const struct step *step, struct result *r)
{
	struct machine *m = run->m;
	struct mf_traffic_config config = {
		.group = m->devices[step->device].group,
		.prot = step->prot,
		.burst = BURST_BYTES,
		.fill = (u8)(step->device + 1),
		.seed = step->place.line,
	};
	u64 bytes;

	if (m->busy[step->device]) {
		problem(r, "expected an idle device, but '%s' does DMA already",
			run->s->devices[step->device].name);
		return;
	}
	if (!run_range(run, &step->range, r, &config.span.first, &bytes))
		return;
	config.span.last = config.span.first + (bytes - 1);
	if (!bytes || config.span.last < config.span.first) {
		problem(r, "expected a range that is neither empty nor wraps");
		return;
	}
	r->err = mf_traffic_start(&m->traffic[step->device], &config);
	if (r->err)
		return;
	m->busy[step->device] = true;
	mf_traffic_wait(&m->traffic[step->device], BURSTS_BEFORE);
}

static void stop_traffic(struct run *run, const struct step *step, struct result *r)
{
	struct machine *m = run->m;
	struct mf_traffic_counts counts;

	mf_traffic_wait(&m->traffic[step->device], BURSTS_BEFORE);
	counts = mf_traffic_stop(&m->traffic[step->device]);
	m->busy[step->device] = false;
	m->unpinned += counts.faults[MF_FAULT_UNPINNED];
	r->faults = mf_traffic_faults(&counts);
	if (r->faults)
		r->fault = counts.last;
}

#define BURSTS_MOST 1000000

static void do_traffic(struct run *run, const struct step *step, struct result *r)
{
	u64 bursts;

	if (step->verb == DO_TRAFFIC_START) {
		start_traffic(run, step, r);
	} else if (!run->m->busy[step->device]) {
		problem(r, "expected a device that does DMA, but '%s' does none",
			run->s->devices[step->device].name);
	} else if (step->verb == DO_TRAFFIC_STOP) {
		stop_traffic(run, step, r);
	} else if (run_value(run, step->value, r, &bursts)) {
		mf_traffic_wait(&run->m->traffic[step->device], mf_min(bursts, BURSTS_MOST));
	}
}

static void note_entry(struct result *r, const struct mf_format *format, u64 iova,
		       const struct mf_translation *t)
{
	char size[SIZE_TEXT];

	r->page = t->span.last - t->span.first + 1;
	snprintf(r->note, sizeof(r->note), "%s: level %u, entry 0x%016llx: 0x%llx is at 0x%llx, "
		 "in a page of %s, %s%s", format->name, t->level, t->entry, iova,
		 (t->pfn << MF_PAGE_SHIFT) + (iova - t->span.first), show_size(r->page, size),
		 t->prot & MF_READ ? "read " : "", t->prot & MF_WRITE ? "write" : "");
	if (r->note[strlen(r->note) - 1] == ' ')
		r->note[strlen(r->note) - 1] = 0;
}

static void do_translate(struct run *run, const struct step *step, struct result *r)
{
	struct machine *m = run->m;
	struct mf_host_group *group = m->devices[step->device].group;
	struct mf_model *model = mf_entry(group->unit, struct mf_model, unit);
	struct mf_translation t;
	u64 iova;

	if (!run_value(run, step->value, r, &iova))
		return;
	mf_mutex_lock(&m->host.units_lock);
	if (group->domain && !mf_model_walk(model, group->domain, iova, &t))
		note_entry(r, model->config.format, iova, &t);
	else if (!group->unit->ops->translate(group->unit, group, iova, false, &t, &r->fault))
		problem(r, "an IOTLB knows a translation for 0x%llx that the table has not", iova);
	mf_mutex_unlock(&m->host.units_lock);
}

/**
 * do_device_step() - do a step that is about a device
 */
void do_device_step(struct run *run, const struct step *step, struct result *r)
{
	switch (step->verb) {
	case DO_DMA:
		do_dma(run, step, r);
		break;
	case DO_INTERRUPT:
		r->lost = !mf_device_interrupt(&run->m->devices[step->device]);
		break;
	case DO_TRANSLATE:
		do_translate(run, step, r);
		break;
	default:
		do_traffic(run, step, r);
		break;
	}
}
