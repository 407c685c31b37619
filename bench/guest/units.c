// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../tests/rig/rig_uapi.h"
#include "kind.h"

static bool make_one(int rig, struct device *device, unsigned int kind)
{
	struct rig_unit_spec unit = {
		.pgsizes = PAGE | 2 * MIB | 1024 * MIB,
		.aperture_last = (1ULL << 48) - 1,
		.kind = kind,
		.flags = RIG_ENFORCES | RIG_ISOLATES,
	};
	struct rig_device_spec spec = { .beside = RIG_NONE };

	if (ioctl(rig, RIG_ADD_UNIT, &unit))
		return false;
	spec.unit = unit.unit;
	if (ioctl(rig, RIG_ADD_DEVICE, &spec))
		return false;
	device->group = (int)spec.group;
	snprintf(device->name, sizeof(device->name), "%s", spec.name);
	return true;
}

int units_make(struct device *devices, int n)
{
	int i, rig = open("/dev/manifold-rig", O_RDWR | O_CLOEXEC);

	if (rig < 0)
		return 0;
	for (i = 0; i < n && make_one(rig, &devices[i], (unsigned int)i + 1); i++)
		;
	if (i < n)
		fprintf(stderr, "bench: the rig makes no unit: %s\n", strerror(errno));
	close(rig);
	return i;
}
