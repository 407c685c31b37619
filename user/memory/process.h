/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The calling process's own memory, as a memory and its owner at once.
 */
#ifndef MF_USER_PROCESS_H
#define MF_USER_PROCESS_H

#include "user/memory/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mf_process;

int mf_process_new(struct mf_user_host *host, struct mf_process **out);
void mf_process_free(struct mf_process *process);
struct mf_owner *mf_process_owner(struct mf_process *process);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_PROCESS_H */
