// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioctls on a container race the UNSET_CONTAINER of its last group.
 *
 * The VFIO core lets an ioctl through to the backend without holding anything,
 * so it may meet a container that is just being released. With in-tree type1
 * that is a use after free which kills the kernel within a hundred rounds; a
 * backend that hands out handles must answer with an error and go on. Threads
 * keep asking while the main thread sets and unsets the container; at the end
 * nothing may be pinned or billed, and the kernel must still be there.
 *
 * usage: race MODULE ROUNDS
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../client/memory.h"
#include "../client/proc.h"
#include "../client/vfio.h"

#define THREADS		2
#define MAP_SIZE	(16 * PAGE)

static int container;
static void *memory;
static atomic_bool stop;
static atomic_ulong answered, refused;

static void ask(int step)
{
	struct vfio_info info;
	__u64 size = MAP_SIZE;
	int ret;

	switch (step % 5) {
	case 0:
		ret = vfio_map(container, 0x100000, memory, MAP_SIZE, VFIO_MAP_RW);
		break;
	case 1:
		ret = vfio_unmap(container, 0x100000, &size, 0);
		break;
	case 2:
		ret = vfio_get_info(container, &info);
		break;
	case 3:
		ret = vfio_check_extension(container, VFIO_DMA_CC_IOMMU);
		break;
	default:
		ret = vfio_unmap_all(container, &size);
	}
	if (ret < 0)
		refused++;
	else
		answered++;
}

static void *keep_asking(void *first)
{
	for (int step = (int)(long)first; !stop; step++)
		ask(step);
	return NULL;
}

static int rounds_of(int group, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		int err = vfio_group_join(group, container);

		if (!err)
			err = vfio_set_type(container, VFIO_TYPE1v2_IOMMU);
		if (!err)
			usleep(i % 4 * 200);
		if (!err)
			err = vfio_group_leave(group);
		if (err) {
			printf("FAIL round %d: %s\n", i, error_name(err));
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct vfio_listed device;
	pthread_t threads[THREADS];
	int failed, group, rounds;
	long billed, pinned;

	rounds = argc == 3 ? atoi(argv[2]) : 0;
	if (rounds < 1) {
		fprintf(stderr, "usage: race MODULE ROUNDS\n");
		return 2;
	}
	vfio_quiet = true;
	if (vfio_list("/tmp/vfio-devices", &device, 1) != 1)
		return 2;
	container = vfio_container_open();
	group = vfio_group_open(device.group);
	memory = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (container < 0 || group < 0 || memory == MAP_FAILED)
		return 2;
	billed = proc_billed(0);
	pinned = proc_pinned();

	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, keep_asking, (void *)i);
	failed = rounds_of(group, rounds);
	stop = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	close(group);
	close(container);

	printf("%d rounds, %lu requests answered, %lu refused\n", rounds, answered, refused);
	if (!answered || !refused) {
		printf("FAIL the threads did not meet the container in both of its states\n");
		failed = 1;
	}
	if (proc_billed(0) != billed || proc_pinned() != pinned ||
	    proc_module_users(argv[1]) != 0) {
		printf("FAIL billed %ld (was %ld), pinned %ld (was %ld), users of %s %ld\n",
		       proc_billed(0), billed, proc_pinned(), pinned, argv[1],
		       proc_module_users(argv[1]));
		failed = 1;
	}
	return failed;
}
