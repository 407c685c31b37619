/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The machine of a scenario: its memory, units, groups, devices, and the host
 * that the engine works with.
 */
#ifndef MF_TOOLS_SIM_MACHINE_H
#define MF_TOOLS_SIM_MACHINE_H

#include "tools/sim/scenario.h"
#include "user/models/model.h"
#include "user/models/traffic.h"

#define NO_CONTAINER	(~0u)
#define MOST_EVENTS	32

/* What a unit was asked for. */
struct unit_work {
	u64 maps;
	u64 runs;
	u64 syncs;
	u64 unmaps;
	u64 flushes;
};

/**
 * struct work - what happened beneath a step
 * @units: what each unit was asked for
 * @pins: calls
 * @unpins: calls
 * @bills: calls
 * @events: the first of them
 * @nr_events: how many there were
 */
struct work {
	struct unit_work units[MOST_UNITS];
	u64 pins;
	u64 unpins;
	u64 bills;
	struct mf_event events[MOST_EVENTS];
	u64 nr_events;
};

/* What was mapped into a domain by hand. */
struct hand_map {
	u32 domain;
	u32 owner;
	u64 iova;
	u64 bytes;
	u64 vaddr;
	u32 prot;
	mf_run *runs;
	u32 nr;
	struct hand_map *next;
};

/**
 * struct machine - a scenario's machine; see machine_new()
 * @containers: those that are open
 * @attached: by group: which container it is attached to
 * @domains: those made by hand
 * @busy: by device: it does DMA in the background
 * @releasing: a container is being closed, which must not need memory
 * @bad_allocs: how often it did
 * @break_pin: the so-manieth pin from now on fails with @pin_error; 0: none
 * @break_alloc: the so-manieth alloc from now on fails; 0: none
 */
struct machine {
	const struct scenario *s;
	struct mf_user_host host;
	struct mf_ram *ram;
	struct mf_pool *pool;
	struct mf_ram_owner *owners[MOST_OWNERS];
	struct mf_model units[MOST_UNITS];
	struct mf_host_group groups[MOST_GROUPS];
	struct mf_device devices[MOST_DEVICES];
	struct mf_container *containers[MOST_CONTAINERS];
	u32 attached[MOST_GROUPS];
	struct mf_host_domain *domains[MOST_DOMAINS];
	struct hand_map *hand_maps;
	struct mf_traffic traffic[MOST_DEVICES];
	bool busy[MOST_DEVICES];
	bool releasing;
	u64 bad_allocs;
	u64 unpinned;
	u64 break_pin;
	int pin_error;
	u64 break_alloc;
	struct work work;
};

struct machine *machine_new(const struct scenario *s);
void machine_free(struct machine *m);
void machine_close(struct machine *m, u32 container);
void machine_close_all(struct machine *m);
const char *machine_check(struct machine *m);
const char *machine_check_all(struct machine *m);
const char *machine_left_over(struct machine *m);
const char *machine_owner_name(const struct machine *m, const struct mf_owner *owner);

/* hand.c */
int hand_domain(struct machine *m, u32 domain, u32 group);
int hand_attach(struct machine *m, u32 domain, u32 group);
int hand_settle(struct machine *m, u32 domain);
int hand_map(struct machine *m, const struct hand_map *plan);
int hand_unmap(struct machine *m, u32 domain, u64 iova, u64 bytes);
int hand_detach(struct machine *m, u32 domain, u32 group);
int hand_free(struct machine *m, u32 domain);

#endif /* MF_TOOLS_SIM_MACHINE_H */
