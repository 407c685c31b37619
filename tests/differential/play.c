// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The player. It starts the first process of a sequence, hands each step to the
 * process that it is for, does those that are for no process itself, and has
 * everything observed. Steps are done one after another: nothing that two
 * processes do at once is compared, since it need not come out the same twice.
 *
 * A block of sequences is played on one backend, then on the other, so that
 * loading them costs little; which is first alternates.
 */
#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../client/proc.h"
#include "pretend.h"
#include "process.h"

/* For how long a step may take before it is said to hang. */
#define PATIENCE_MS	60000
#define POLL_MS		100

#define BLOCK_FACTS	(1u << 21)

unsigned long plays;

/* Where transcripts' facts are. */
static struct {
	struct fact *facts;
	unsigned int nr;
} arenas[BACKENDS];

static pid_t parent;

bool play_prepare(void)
{
	int i, fd = memfd_create("board", 0);

	if (fd < 0 || ftruncate(fd, sizeof(struct noticeboard)) ||
	    dup2(fd, FD_STAGE) != FD_STAGE)
		return false;
	close(fd);
	if (mmap(board, sizeof(struct noticeboard), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, FD_STAGE, 0) != board)
		return false;
	parent = fork();
	if (!parent)
		process_live(PARENT);
	for (i = 0; i < BACKENDS; i++) {
		arenas[i].facts = mmap(NULL, BLOCK_FACTS * sizeof(struct fact),
				       PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (arenas[i].facts == MAP_FAILED)
			return false;
	}
	return parent > 0;
}

void play_on(const struct stage *stage)
{
	int i;

	board->ngroups = (unsigned int)stage->ngroups;
	for (i = 0; i < stage->ngroups; i++) {
		board->groups[i].number = stage->groups[i].group;
		memcpy(board->groups[i].device, stage->groups[i].name, 16);
	}
}

/* --- processes ------------------------------------------------------------------------------- */

static void begin_process(struct player *player, unsigned int number, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	player->processes[number].pid = pid;
	player->processes[number].status = open(path, O_RDONLY | O_CLOEXEC);
}

/* It has ended: @status is how. */
static void end_process(struct player *player, unsigned int number)
{
	close(player->processes[number].status);
	player->processes[number].pid = 0;
}

static void reap(struct player *player, unsigned int number, struct facts *facts)
{
	int status = 0;

	waitpid(player->processes[number].pid, &status, 0);
	if (WIFSIGNALED(status))
		fact_add(facts, FACT_SIGNAL, number, 0, (__u64)WTERMSIG(status));
	end_process(player, number);
}

/* Waits for the answer; false when there will be none. */
static bool answered(struct player *player, unsigned int number, struct facts *facts)
{
	struct box *box = &board->boxes[number];
	unsigned int waited = 0;
	siginfo_t info;

	for (;;) {
		__u32 done = __atomic_load_n(&box->done, __ATOMIC_ACQUIRE);

		if (done == box->request)
			return true;
		wait_for_change(&box->done, done, POLL_MS);
		if (__atomic_load_n(&box->done, __ATOMIC_ACQUIRE) != done)
			continue;
		info.si_pid = 0;
		if (!waitid(P_PID, (id_t)player->processes[number].pid, &info,
			    WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
			return false;
		waited += POLL_MS;
		if (waited < PATIENCE_MS)
			continue;
		fact_add(facts, FACT_HANG, number, 0, waited);
		kill(player->processes[number].pid, SIGKILL);
		return false;
	}
}

static void hand_over(struct player *player, const struct step *step, struct facts *facts)
{
	struct box *box = &board->boxes[step->process];
	unsigned int child = (unsigned int)step->value;

	if (step->kind == STEP_FORK) {
		if (child >= MAX_PROCESSES || player->processes[child].pid)
			return;
		memset(&board->boxes[child], 0, sizeof(board->boxes[child]));
	}
	box->step = *step;
	box->facts.nr = 0;
	box->child = 0;
	__atomic_store_n(&box->request, box->request + 1, __ATOMIC_RELEASE);
	wake(&box->request);

	/* One that exits does not answer. */
	if (step->kind == STEP_EXIT || !answered(player, step->process, facts)) {
		reap(player, step->process, facts);
		return;
	}
	memcpy(&facts->list[facts->nr], box->facts.list, box->facts.nr * sizeof(struct fact));
	facts->nr += box->facts.nr;
	if (step->kind == STEP_FORK && box->child > 0)
		begin_process(player, child, box->child);
}

/* --- what is done for no process ------------------------------------------------------------- */

static void set_faults(struct player *player, const struct step *step)
{
	struct rig_faults faults = { .unit = step->group };

	if (step->kind == STEP_UNIT_FAILS) {
		faults.map_in = !!step->value;
		faults.map_error = (__u32)step->value;
		faults.map_stays = 1;
	} else {
		faults.refuse = (__u32)step->value;
	}
	ioctl(player->stage->rig, RIG_SET_FAULTS, &faults);
}

static bool set_entry_limit(long limit)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/dma_entry_limit",
		 backend_modules[backend_loaded()]);
	return !proc_set(path, limit);
}

static void do_step(struct player *player, const struct step *step, struct facts *facts)
{
	switch (step->kind) {
	case STEP_NONE:
		break;
	case STEP_DMA_READ:
	case STEP_DMA_WRITE:
		observe_dma(player, step, facts);
		break;
	case STEP_UNIT_FAILS:
	case STEP_UNIT_REFUSES:
		set_faults(player, step);
		break;
	case STEP_ENTRY_LIMIT:
		set_entry_limit((long)step->value);
		player->entries_changed = true;
		break;
	case STEP_KILL:
		if (!player->processes[step->process].pid)
			break;
		kill(player->processes[step->process].pid, SIGKILL);
		reap(player, step->process, facts);
		break;
	default:
		if (player->processes[step->process].pid)
			hand_over(player, step, facts);
	}
}

/* --- a sequence ------------------------------------------------------------------------------ */

static void write_down(struct transcript *t, unsigned int step, const struct facts *facts)
{
	enum backend backend = backend_loaded();
	unsigned int nr = facts->nr;

	if (arenas[backend].nr + nr > BLOCK_FACTS) {
		t->overflow = true;
		nr = 0;
	}
	memcpy(&arenas[backend].facts[arenas[backend].nr], facts->list, nr * sizeof(struct fact));
	arenas[backend].nr += nr;
	t->first[step + 1] = arenas[backend].nr;
}

static bool begin(struct player *player, bool pins)
{
	const struct step first = { .kind = STEP_FORK, .process = PARENT };
	struct facts none = { 0 };
	unsigned int i;

	for (i = 0; i < STAGE_UNITS; i++)
		ioctl(player->stage->rig, RIG_SET_FAULTS, &(struct rig_faults){ .unit = i });
	observe_begin(player, pins);
	player->processes[PARENT].pid = parent;
	hand_over(player, &first, &none);
	return player->processes[0].pid > 0;
}

/* Those that are left exit, one by one. */
static void end(struct player *player, struct facts *facts)
{
	unsigned int i;

	for (i = 0; i < MAX_PROCESSES; i++) {
		struct step step = { .kind = STEP_EXIT, .process = (__u8)i };

		if (!player->processes[i].pid)
			continue;
		hand_over(player, &step, facts);
		observe_exit(player, facts);
	}
	observe_end(player, facts);
	if (player->entries_changed)
		set_entry_limit(65535);
}

static bool play(struct stage *stage, const struct sequence *sequence, bool pins,
		 struct transcript *t)
{
	struct player player = { .stage = stage, .sequence = sequence };
	static struct facts facts;
	unsigned int i;

	memset(t, 0, sizeof(*t));
	t->facts = arenas[backend_loaded()].facts;
	t->first[0] = arenas[backend_loaded()].nr;
	if (!begin(&player, pins)) {
		perror("differential: no process");
		return false;
	}
	for (i = 0; i < sequence->nr; i++) {
		facts.nr = 0;
		do_step(&player, &sequence->steps[i], &facts);
		observe_step(&player, &sequence->steps[i], &facts);
		if (backend_loaded() == MANIFOLD)
			pretend_seen(&sequence->steps[i], &facts);
		write_down(t, i, &facts);
	}
	facts.nr = 0;
	end(&player, &facts);
	write_down(t, sequence->nr, &facts);
	plays++;
	return true;
}

/* Both backends, one after the other. @left: how many pages each left pinned. */
static bool play_all(struct stage *stage, const struct sequence *sequences, unsigned int nr,
		     bool pins, struct transcript *transcripts[BACKENDS], long left[BACKENDS])
{
	enum backend first = backend_loaded() == MANIFOLD ? MANIFOLD : IN_TREE, backend;
	unsigned int i, turn;
	long pinned;

	for (turn = 0; turn < BACKENDS; turn++) {
		backend = turn ? !first : first;
		if (!backend_load(backend))
			return false;
		arenas[backend].nr = 0;
		pinned = proc_pinned();
		for (i = 0; i < nr; i++) {
			if (!play(stage, &sequences[i], pins, &transcripts[backend][i]))
				return false;
		}
		left[backend] = observe_pins(pinned);
	}
	return true;
}

bool play_block(struct stage *stage, const struct sequence *sequences, unsigned int nr,
		struct transcript *transcripts[BACKENDS])
{
	long left[BACKENDS];

	if (!play_all(stage, sequences, nr, false, transcripts, left))
		return false;
	/* Which of them was it? */
	return !(left[IN_TREE] | left[MANIFOLD]) ||
		play_all(stage, sequences, nr, true, transcripts, left);
}
