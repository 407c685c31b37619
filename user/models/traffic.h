/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A device that does DMA all the time, from a thread of its own. See traffic.c.
 */
#ifndef MF_USER_TRAFFIC_H
#define MF_USER_TRAFFIC_H

#include <pthread.h>

#include "user/models/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct mf_traffic_config - what a device is to do
 * @group: the group it is in
 * @span: the IOVAs it uses
 * @prot: MF_READ, MF_WRITE or both, by turns
 * @burst: how many bytes of the span it transfers in a row, at most
 * @fill: the byte it writes
 * @seed: decides where its bursts are
 */
struct mf_traffic_config {
	struct mf_host_group *group;
	struct mf_span span;
	u32 prot;
	u32 burst;
	u8 fill;
	u64 seed;
};

/**
 * struct mf_traffic_counts - what a device did
 * @bursts: how many bursts it began
 * @bytes: how many bytes it transferred in bursts that went through
 * @faults: how many bursts ended at a fault, by enum mf_fault_why
 * @last: the last fault
 */
struct mf_traffic_counts {
	u64 bursts;
	u64 bytes;
	u64 faults[MF_NR_FAULTS];
	struct mf_fault last;
};

/**
 * struct mf_traffic - a device at work; see mf_traffic_start()
 * @config: what it does
 * @device: the device
 * @thread: its thread
 * @lock: guards what follows
 * @stop: it is to end
 * @counts: what it did so far
 * @turn: goes on after each burst
 * @buffer: what it transfers
 */
struct mf_traffic {
	struct mf_traffic_config config;
	struct mf_device device;
	pthread_t thread;
	struct mf_mutex lock;
	bool stop;
	struct mf_traffic_counts counts;
	struct mf_turnstile turn;
	u8 *buffer;
};

int mf_traffic_start(struct mf_traffic *t, const struct mf_traffic_config *config);
void mf_traffic_wait(struct mf_traffic *t, u64 bursts);
struct mf_traffic_counts mf_traffic_counts(struct mf_traffic *t);
struct mf_traffic_counts mf_traffic_stop(struct mf_traffic *t);
u64 mf_traffic_faults(const struct mf_traffic_counts *counts);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_TRAFFIC_H */
