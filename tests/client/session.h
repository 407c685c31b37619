/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What commands of vfio-client and others start from: a container, its groups, a tally of facts. */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include <stdbool.h>

#include "edu.h"
#include "vfio.h"

#define MAX_DEVICES 32

struct options {
	unsigned long type;
	const char *list;		/* file that lists the devices */
	const char *module;		/* whose users are counted */
};

struct session {
	const struct options *options;
	int container;
	struct vfio_listed devices[MAX_DEVICES];
	int ndevices;
	struct {
		int number, fd;
	} groups[MAX_DEVICES];
	int ngroups;
};

/*
 * Prints one fact as a line, "ok ..." or "FAIL ..."; a FAIL makes the program's exit status 1.
 * Returns @ok.
 */
bool fact(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
int facts_failed(void);

/*
 * A container of the type asked for, with the groups of all devices whose name starts with @prefix;
 * @skip leaves out that many groups first, @limit takes at most that many (0: all).
 */
int session_open(struct session *session, const struct options *options, const char *prefix,
		 int skip, int limit);
void session_close(struct session *session);

/* The file descriptor of a group of this session, or -1. */
int session_group(const struct session *session, int number);
/* The @n-th device of the session's groups whose name starts with @prefix, or NULL. */
const struct vfio_listed *session_device(const struct session *session, const char *prefix, int n);
/* How many devices are in a device's group. */
int session_group_size(const struct session *session, int number);
int session_edu(const struct session *session, int n, struct edu *edu);

/* commands; each returns 0, or a negative errno when it could not do its work at all */
int command_edu(const struct options *options);
int command_memory(const struct options *options);
int command_p2p(const struct options *options);
int command_nvme(const struct options *options);
int command_hold(const struct options *options);
int command_killed(const struct options *options);

#endif
