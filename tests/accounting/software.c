// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Pages that emulated devices of the rig pin, beside domains and without. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../rig/rig_uapi.h"
#include "scene.h"

#define RIG_FILE	"/dev/manifold-rig"
#define SIZE		(2 * MIB)

/* An emulated device, its group in a container. */
struct software {
	int rig, device;
	struct rig_emulated_spec spec;
};

static bool open_rig(struct scene *s, struct software *soft)
{
	memset(soft, 0, sizeof(*soft));
	soft->device = -1;
	soft->spec.flags = RIG_HEARS_UNMAPS;
	soft->rig = open(RIG_FILE, O_RDWR | O_CLOEXEC);
	if (soft->rig < 0) {
		skip(s, "needs the rig (manifold_rig.ko)");
		return false;
	}
	return want(s, !ioctl(soft->rig, RIG_ADD_EMULATED, &soft->spec), "an emulated device");
}

/* Its group joins the container, and the device is opened. */
static bool join(struct scene *s, struct software *soft, int container)
{
	struct session *session = &s->containers[container];
	int group = vfio_group_open((int)soft->spec.group);

	if (!want(s, group >= 0 && !vfio_group_join(group, session->container),
		  "an emulated group joins"))
		return false;
	session->groups[session->ngroups].number = (int)soft->spec.group;
	session->groups[session->ngroups++].fd = group;
	return true;
}

static bool open_device(struct scene *s, struct software *soft, int container)
{
	int group = session_group(&s->containers[container], (int)soft->spec.group);

	soft->device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, soft->spec.name);
	return want(s, soft->device >= 0, "the emulated device opens");
}

/* A container with the emulated group and no other. */
static bool open_alone(struct scene *s, struct software *soft)
{
	struct session *session = &s->containers[s->ncontainers];

	memset(session, 0, sizeof(*session));
	session->container = vfio_container_open();
	if (!join(s, soft, s->ncontainers) ||
	    !want(s, !vfio_set_type(session->container, s->options.type), "SET_IOMMU"))
		return false;
	return open_device(s, soft, s->ncontainers++);
}

/* The device may be taken away once nobody has it, or a container with its group. */
static void close_rig(struct scene *s, struct software *soft)
{
	kill_actor(s, 0);
	if (soft->device >= 0)
		close(soft->device);
	for (int i = 0; i < s->ncontainers; i++)
		close_container(s, i);
	if (soft->rig < 0)
		return;
	want(s, !ioctl(soft->rig, RIG_CLEAR), "the rig is cleared");
	close(soft->rig);
}

/* The device pins pages of the actor's memory, which is mapped at @iova. */
static void pin(struct scene *s, struct software *soft, int container, __u64 iova, __u64 vaddr,
		int pages, bool covered)
{
	struct rig_pin pin = {
		.device = soft->spec.device, .prot = RIG_READ | RIG_WRITE, .iova = iova,
		.pages = pages,
	};
	struct actor *who = &s->actors[0];
	struct entry *entry;

	if (!want(s, !ioctl(soft->rig, RIG_PIN, &pin) && pin.result == pages, "%d pages pinned: %d",
		  pages, pin.result))
		return;
	entry = book_add(&s->book, ENTRY_SOFTWARE, who->pid, who->mm, container, vaddr, iova,
			 (size_t)pages);
	if (want(s, entry, "looked up"))
		entry->covered = covered;
}

static void unpin(struct scene *s, struct software *soft, int container, __u64 iova, int pages)
{
	struct rig_pin pin = { .device = soft->spec.device, .iova = iova, .pages = pages };

	if (!want(s, !ioctl(soft->rig, RIG_UNPIN, &pin), "unpinned"))
		return;
	for (size_t i = 0; i < s->book.nr; i++) {
		struct entry *entry = &s->book.entries[i];

		if (entry->kind == ENTRY_SOFTWARE && entry->container == container &&
		    entry->iova == iova)
			entry->live = false;
	}
}

/* A page that a domain holds is not billed again. */
static void beside_domain(struct scene *s)
{
	struct software soft;
	__u64 memory;

	if (!open_rig(s, &soft) || !open_containers(s, 2) || !join(s, &soft, 0) ||
	    !open_device(s, &soft, 0) || !start_actor(s, 0))
		goto close;
	memory = get_memory(s, 0, MEMORY_ANONYMOUS, SIZE);
	map(s, 0, 0, IOVA, memory, SIZE);
	pin(s, &soft, 0, IOVA + 3 * PAGE, memory + 3 * PAGE, 5, true);
	balance(s, "five pages pinned in a mapping");
	map(s, 0, 1, IOVA, memory, SIZE / 2);
	balance(s, "and mapped in another container");
	unpin(s, &soft, 0, IOVA + 3 * PAGE, 5);
	balance(s, "unpinned");
	pin(s, &soft, 0, IOVA + 9 * PAGE, memory + 9 * PAGE, 1, true);
	unmap(s, 0, 0, IOVA, SIZE, SIZE);
	balance(s, "the unmap asks for what is pinned");
	unmap(s, 0, 1, IOVA, SIZE / 2, SIZE / 2);
	balance(s, "with none");
close:
	close_rig(s, &soft);
}

/* Without a domain a page is billed as it is pinned; others may have it billed already. */
static void without_domain(struct scene *s)
{
	struct software soft;
	__u64 memory;

	if (!open_rig(s, &soft) || !open_alone(s, &soft) || !open_containers(s, 2) ||
	    !start_actor(s, 0))
		goto close;
	memory = get_memory(s, 0, MEMORY_ANONYMOUS, SIZE);
	want_value(s, 0, map_unpinned(s, 0, 0, IOVA, memory, SIZE), "MAP_DMA");
	want_value(s, 0, map_unpinned(s, 0, 0, IOVA << 4, memory, SIZE), "MAP_DMA again");
	balance(s, "nothing is pinned");
	pin(s, &soft, 0, IOVA, memory, 4, false);
	balance(s, "four pages");
	/* The same memory at another IOVA: two of these pages, and two more. */
	pin(s, &soft, 0, (IOVA << 4) + 2 * PAGE, memory + 2 * PAGE, 4, false);
	balance(s, "four pages, of which two are there");
	map(s, 0, 1, IOVA, memory, SIZE);
	balance(s, "all of it in a container with a domain");
	unpin(s, &soft, 0, IOVA, 4);
	balance(s, "four pages unpinned");
	unmap(s, 0, 1, IOVA, SIZE, SIZE);
	balance(s, "the other container's gone");
	unpin(s, &soft, 0, (IOVA << 4) + 2 * PAGE, 4);
	balance(s, "with none");
close:
	close_rig(s, &soft);
}

const struct scene_case software_cases[] = {
	{ "beside-domain", "pages that an emulated device pins of what a domain holds",
	  beside_domain },
	{ "without-domain", "pages that an emulated device pins, without a domain",
	  without_domain },
	{ 0 }
};
