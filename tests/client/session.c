// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failed;

bool fact(bool ok, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs(ok ? "ok    " : "FAIL  ", stdout);
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
	va_end(args);
	if (!ok)
		failed++;
	return ok;
}

int facts_failed(void)
{
	return failed;
}

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

int session_group(const struct session *session, int number)
{
	for (int i = 0; i < session->ngroups; i++) {
		if (session->groups[i].number == number)
			return session->groups[i].fd;
	}
	return -1;
}

static int add_group(struct session *session, int number)
{
	int fd = vfio_group_open(number), error;

	if (fd < 0)
		return fd;
	error = vfio_group_join(fd, session->container);
	if (error) {
		close(fd);
		return error;
	}
	session->groups[session->ngroups].number = number;
	session->groups[session->ngroups++].fd = fd;
	return 0;
}

/* The distinct groups of devices with this prefix, in the list's order. */
static int list_groups(const struct session *session, const char *prefix, int *numbers)
{
	int count = 0;

	for (int i = 0; i < session->ndevices; i++) {
		int number = session->devices[i].group, seen = 0;

		if (!starts_with(session->devices[i].name, prefix))
			continue;
		while (seen < count && numbers[seen] != number)
			seen++;
		if (seen == count)
			numbers[count++] = number;
	}
	return count;
}

int session_open(struct session *session, const struct options *options, const char *prefix,
		 int skip, int limit)
{
	int numbers[MAX_DEVICES], count, error = 0;

	memset(session, 0, sizeof(*session));
	session->options = options;
	session->ndevices = vfio_list(options->list, session->devices, MAX_DEVICES);
	if (session->ndevices < 0)
		return session->ndevices;
	session->container = vfio_container_open();
	if (session->container < 0)
		return session->container;
	count = list_groups(session, prefix, numbers);
	for (int i = skip; i < count && (!limit || i < skip + limit) && !error; i++)
		error = add_group(session, numbers[i]);
	if (!error && !session->ngroups)
		error = vfio_failed(-ENODEV, "group of a device named %s...", prefix);
	if (!error)
		error = vfio_set_type(session->container, options->type);
	if (error)
		session_close(session);
	return error;
}

void session_close(struct session *session)
{
	for (int i = 0; i < session->ngroups; i++)
		close(session->groups[i].fd);
	session->ngroups = 0;
	close(session->container);
}

const struct vfio_listed *session_device(const struct session *session, const char *prefix, int n)
{
	for (int i = 0; i < session->ndevices; i++) {
		const struct vfio_listed *device = &session->devices[i];

		if (starts_with(device->name, prefix) &&
		    session_group(session, device->group) >= 0 && !n--)
			return device;
	}
	return NULL;
}

int session_group_size(const struct session *session, int number)
{
	int size = 0;

	for (int i = 0; i < session->ndevices; i++)
		size += session->devices[i].group == number;
	return size;
}

int session_edu(const struct session *session, int n, struct edu *edu)
{
	const struct vfio_listed *device = session_device(session, "edu", n);

	return device ? edu_open(edu, session_group(session, device->group), device->address) :
		vfio_failed(-ENODEV, "edu number %d", n);
}
