// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The machine's own VT-d unit and the rig's, in one container: a real PCI device
 * behind vfio-pci beside the rig's devices. QEMU's unit controls snooping or does
 * not, as vm/run was told; what the container says must follow.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/edu.h"
#include "scene.h"

#define LIST		"/tmp/vfio-devices"	/* by vfio-bind */

struct real {
	struct vfio_listed listed;
	int group;
	struct edu edu;
};

/* An edu that is alone in its group, in the container; the first there. */
static void real_attach(struct scene *s, struct real *real)
{
	struct vfio_listed list[16];
	int i, err, n = access(LIST, R_OK) ? 0 : vfio_list(LIST, list, 16);

	for (i = 0; i < n && strcmp(list[i].name, "edu0"); i++)
		;
	if (i >= n)
		cannot("no edu is bound to vfio-pci here");
	real->listed = list[i];
	real->group = vfio_group_open(real->listed.group);
	expect(real->group >= 0, "group of the edu: %s", strerror(-real->group));
	err = vfio_group_join(real->group, s->container);
	expect(!err, "attach of the edu: %s", strerror(-err));
	if (!s->has_type)
		err = vfio_set_type(s->container, s->type);
	expect(!err, "type: %s", strerror(-err));
	s->has_type = true;
	err = edu_open(&real->edu, real->group, real->listed.address);
	expect(!err, "edu: %s", strerror(-err));
}

static void real_detach(struct real *real)
{
	int err;

	edu_close(&real->edu);
	err = vfio_group_leave(real->group);
	expect(!err, "detach of the edu: %s", strerror(-err));
}

/* VT-d 11.4.3: bit 7 of the extended capabilities */
static int snoop_control(void)
{
	char text[64];

	expect(!proc_text("/sys/class/iommu/dmar0/intel-iommu/ecap", text, sizeof(text)),
	       "no VT-d unit");
	return strtoull(text, NULL, 16) >> 7 & 1;
}

static void real_reach(struct scene *s, struct real *real, __u64 iova, __u64 offset)
{
	char *from = s->memory + offset, *to = from + PAGE;

	memory_fill(from, 256, (unsigned int)offset + 1);
	memset(to, 0, 256);
	expect(!edu_copy(&real->edu, iova, iova + PAGE, 256), "the edu's DMA does not end");
	expect(!memcmp(from, to, 256), "the edu's DMA did not arrive");
}

static void beside_vtd(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_other()));
	struct real real;

	real_attach(s, &real);
	must_map(s, IOVA, 0, 2 * MIB);
	must_attach(s, a);
	start_traffic(s, a, IOVA + MIB, MIB);
	must_attach(s, b);
	must_map(s, IOVA + 4 * MIB, 4 * MIB, MIB);
	real_reach(s, &real, IOVA, 0);
	real_reach(s, &real, IOVA + 4 * MIB, 4 * MIB);
	must_reach(s, a, IOVA, 0, MIB);
	must_reach(s, b, IOVA + 4 * MIB, 4 * MIB, MIB);
	expect_equal(unmap(s, IOVA + 4 * MIB, MIB), MIB, "unmapped");
	must_not_reach(s, b, IOVA + 4 * MIB, MIB);
	must_have_reached(s, a);
	real_detach(&real);
	must_reach(s, a, IOVA, 0, 2 * MIB);
	must_reach(s, b, IOVA, 0, 2 * MIB);
}

static void vtd_joins_last(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_loose()));
	struct real real;

	must_attach(s, a);
	must_map(s, IOVA, 0, 2 * MIB);
	start_traffic(s, a, IOVA, 2 * MIB);
	real_attach(s, &real);
	must_have_reached(s, a);
	real_reach(s, &real, IOVA, 0);
	detach(s, a);
	s->has_type = true;
	real_reach(s, &real, IOVA, 0);
	real_detach(&real);
}

static void vtd_coherency(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_loose()));
	int snoop = snoop_control();
	struct real real;

	real_attach(s, &real);
	expect_equal(coherent(s), snoop, "DMA_CC of the VT-d unit");
	must_attach(s, a);
	expect_equal(coherent(s), snoop, "DMA_CC with a coherent unit");
	must_attach(s, b);
	expect_equal(coherent(s), 0, "DMA_CC with one that is not");
	detach(s, b);
	s->has_type = true;
	expect_equal(coherent(s), snoop, "DMA_CC when it has left");
	real_detach(&real);
	expect_equal(coherent(s), 1, "DMA_CC without the VT-d unit");
}

const struct mixed_case vtd_cases[] = {
	{ "beside-vtd", beside_vtd, ON_BOTH, NULL },
	{ "vtd-joins-last", vtd_joins_last, ON_BOTH, NULL },
	{ "vtd-coherency", vtd_coherency, ON_BOTH, NULL },
	END_OF_CASES
};
