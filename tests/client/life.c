// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Commands about how long things live: held open to be looked at, and left behind by the killed. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "nvme.h"
#include "proc.h"
#include "session.h"

/* Mappings of different kinds, sizes and protections, far apart. */
static const struct {
	enum memory_kind kind;
	__u64 iova;
	size_t size;
	__u32 flags;
} held[] = {
	{ MEMORY_ANONYMOUS, 0x10000000, 4 * MIB, VFIO_MAP_RW },
	{ MEMORY_ANONYMOUS, 0x20000000, MIB, VFIO_DMA_MAP_FLAG_READ },
	{ MEMORY_ANONYMOUS, 0x20100000, MIB, VFIO_DMA_MAP_FLAG_WRITE },
	{ MEMORY_SHARED_ANONYMOUS, 0x30000000, MIB, VFIO_MAP_RW },
	{ MEMORY_MEMFD, 0x30200000, 5 * PAGE, VFIO_MAP_RW },
	{ MEMORY_HUGETLB, 0x40000000, 4 * MIB, VFIO_MAP_RW },
	{ MEMORY_THP, 0x7f00000000, 4 * MIB, VFIO_MAP_RW },
};

#define HELD		(sizeof(held) / sizeof(held[0]))
#define HELD_NVME	0x50000000ULL
#define HELD_BAR	0x60000000ULL

static void hold_mappings(struct session *session, struct memory *memory)
{
	for (size_t i = 0; i < HELD; i++) {
		if (!fact(!memory_get(&memory[i], held[i].kind, held[i].size), "%s memory",
			  memory_name(held[i].kind)))
			continue;
		fact(!vfio_map(session->container, held[i].iova, memory[i].address, memory[i].size,
			       held[i].flags), "iova %#llx size %#zx flags %u: %s mapped",
		     held[i].iova, memory[i].size, held[i].flags, memory_name(held[i].kind));
	}
}

static void use_edu(struct session *session, struct edu *edu, int n, char *memory)
{
	size_t at = n * 2 * PAGE;

	memory_fill(memory + at, EDU_MAX_TRANSFER, n);
	fact(!edu_copy(edu, held[0].iova + at, held[0].iova + at + PAGE, EDU_MAX_TRANSFER) &&
	     memory_filled(memory + at + PAGE, EDU_MAX_TRANSFER, n), "%s: copied %d bytes",
	     edu->device.address, EDU_MAX_TRANSFER);
	if (!n)
		fact(!vfio_map(session->container, HELD_BAR, edu->device.bar, edu->device.bar_size,
			       VFIO_MAP_RW), "iova %#llx size %#zx: BAR of %s mapped", HELD_BAR,
		     edu->device.bar_size, edu->device.address);
}

static void stop_waiting(int signal)
{
	(void)signal;
}

/* Until a line or the end of stdin, or a signal to end. */
static void wait_for_leave(void)
{
	struct sigaction action = { .sa_handler = stop_waiting };
	char byte;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	puts("ready");
	fflush(stdout);
	if (read(0, &byte, 1) < 0 && errno != EINTR)
		vfio_failed(-errno, "read of stdin");
}

static int hold_nvme(struct session *session, struct nvme *nvme, struct memory *memory)
{
	const struct vfio_listed *listed = session_device(session, "nvme", 0);

	if (!listed)
		return -ENODEV;
	if (!fact(!memory_get(memory, MEMORY_ANONYMOUS, NVME_MEMORY) &&
		  !vfio_map(session->container, HELD_NVME, memory->address, memory->size,
			    VFIO_MAP_RW), "iova %#llx size %#lx: queues of nvme mapped", HELD_NVME,
		  NVME_MEMORY))
		return -ENOMEM;
	return fact(!nvme_open(nvme, session_group(session, listed->group), listed->address,
			       memory->address, HELD_NVME) && nvme_read(nvme, 0, NVME_DATA),
		    "%s %s: identified, read block 0", listed->name, listed->address) ? 0 : -EIO;
}

int command_hold(const struct options *options)
{
	struct memory memory[HELD], queues;
	struct edu edu[MAX_DEVICES];
	struct session session;
	struct nvme nvme;
	int edus = 0, no_nvme, error = session_open(&session, options, "", 0, 0);

	if (error)
		return error;
	memset(memory, 0, sizeof(memory));
	hold_mappings(&session, memory);
	while (session_device(&session, "edu", edus) && !session_edu(&session, edus, &edu[edus])) {
		if (memory[0].address)
			use_edu(&session, &edu[edus], edus, memory[0].address);
		edus++;
	}
	no_nvme = hold_nvme(&session, &nvme, &queues);
	fact(edus > 0, "%d groups, %d edu, %ld pages billed, %ld pinned", session.ngroups, edus,
	     proc_billed(0), proc_pinned());
	wait_for_leave();
	if (!no_nvme)
		nvme_close(&nvme);
	while (edus)
		edu_close(&edu[--edus]);
	session_close(&session);
	fact(!proc_billed(0), "closed, nothing is billed");
	return 0;
}

/* --- killed -------------------------------------------------------------------------------- */

#define VICTIM_IOVA	0x10000000ULL
#define VICTIM_SIZE	(64 * MIB)
#define KILLS		10

/* Shared with the victim: what it was doing when it died. */
struct victim {
	int ready;
	int mapping;
	long rounds;
};

static void victim_maps(const struct options *options, volatile struct victim *state, bool forever)
{
	struct session session;
	struct memory memory;
	__u64 size;

	if (session_open(&session, options, "edu", 1, 1) ||
	    memory_get(&memory, MEMORY_ANONYMOUS, VICTIM_SIZE))
		_exit(1);
	do {
		state->mapping = 1;
		if (vfio_map(session.container, VICTIM_IOVA, memory.address, memory.size,
			     VFIO_MAP_RW))
			_exit(1);
		state->mapping = 0;
		state->ready = 1;
		state->rounds++;
		size = memory.size;
		if (forever && vfio_unmap(session.container, VICTIM_IOVA, &size, 0))
			_exit(1);
	} while (forever);
	for (;;)
		pause();
}

/* Kills a victim @after ms; true when it died of that and not of an error of its own. */
static bool kill_one(const struct options *options, volatile struct victim *state, bool forever,
		     int after)
{
	int status, waited = 0;
	pid_t pid;

	memset((void *)state, 0, sizeof(*state));
	pid = fork();
	if (!pid)
		victim_maps(options, state, forever);
	while (!state->ready && waited++ < 3000 && !waitpid(pid, &status, WNOHANG))
		sleep_ms(10);
	sleep_ms(after);
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && state->ready;
}

/* The one who looks on: with a container, a group and a mapping of its own. */
struct bystander {
	struct session session;
	struct edu edu;
	struct memory memory;
	long billed, pinned;
};

static void check_bystander(struct bystander *by, const char *when)
{
	long pinned = proc_pinned();

	fact(pinned == by->pinned, "%s: %ld pages pinned, as before (%ld)", when, pinned,
	     by->pinned);
	fact(proc_billed(0) == by->billed, "%s: another process is billed %ld pages, as before",
	     when, proc_billed(0));
}

static void kill_victims(const struct options *options, struct bystander *by)
{
	volatile struct victim *state = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int mapping = 0, killed = 0;
	char *at = by->memory.address;

	if (!fact(state != MAP_FAILED, "memory shared with the victim"))
		return;
	fact(kill_one(options, state, false, 50), "a client that holds %lu MiB mapped was killed",
	     VICTIM_SIZE / MIB);
	check_bystander(by, "after it");
	for (int i = 0; i < KILLS; i++) {
		killed += kill_one(options, state, true, 5 + i * 13 % 60);
		mapping += state->mapping;
	}
	fact(killed == KILLS && mapping, "%d clients were killed, %d of them inside MAP_DMA",
	     killed, mapping);
	check_bystander(by, "after them");
	memory_fill(at, EDU_MAX_TRANSFER, 5);
	fact(!edu_copy(&by->edu, VICTIM_IOVA, VICTIM_IOVA + PAGE, EDU_MAX_TRANSFER) &&
	     memory_filled(at + PAGE, EDU_MAX_TRANSFER, 5), "another client's DMA still works");
	munmap((void *)state, PAGE);
}

static int bystander_open(struct bystander *by, const struct options *options)
{
	int error = session_open(&by->session, options, "edu", 0, 1);

	if (error)
		return error;
	error = memory_get(&by->memory, MEMORY_ANONYMOUS, MIB);
	if (!error)
		error = vfio_map(by->session.container, VICTIM_IOVA, by->memory.address,
				 by->memory.size, VFIO_MAP_RW);
	if (!error)
		error = session_edu(&by->session, 0, &by->edu);
	if (error)
		session_close(&by->session);
	by->billed = proc_billed(0);
	by->pinned = proc_pinned();
	return error;
}

int command_killed(const struct options *options)
{
	long pinned = proc_pinned(), users = proc_module_users(options->module);
	struct bystander by;
	int error = bystander_open(&by, options);

	if (error)
		return error;
	fact(by.pinned == pinned + (long)(MIB / PAGE), "another client holds %ld pages pinned",
	     by.pinned - pinned);
	kill_victims(options, &by);
	edu_close(&by.edu);
	session_close(&by.session);
	memory_put(&by.memory);
	fact(proc_pinned() == pinned, "all closed: %ld pages pinned, %ld before", proc_pinned(),
	     pinned);
	fact(users == 0 && proc_module_users(options->module) == 0,
	     "all closed: module %s has %ld users, %ld before", options->module,
	     proc_module_users(options->module), users);
	return 0;
}
