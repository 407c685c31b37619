/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A modelled device: it does DMA through its group's unit.
 */
#ifndef MF_USER_DEVICE_H
#define MF_USER_DEVICE_H

#include "user/models/unit.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct mf_device - a device; zero it and say its group
 * @group: the group it is in
 * @fault: the last fault
 * @faults: how many there were
 * @unpinned: how many of them were MF_FAULT_UNPINNED
 *
 * One thread uses a device at a time.
 */
struct mf_device {
	struct mf_host_group *group;
	struct mf_fault fault;
	u64 faults;
	u64 unpinned;
};

int mf_device_read(struct mf_device *device, u64 iova, void *buffer, u64 bytes);
int mf_device_write(struct mf_device *device, u64 iova, const void *buffer, u64 bytes);
bool mf_device_interrupt(struct mf_device *device);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_DEVICE_H */
