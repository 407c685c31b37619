/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Playing sequences on a backend, and writing down all that is seen. */
#ifndef DIFFERENTIAL_PLAY_H
#define DIFFERENTIAL_PLAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "stage.h"
#include "steps.h"

/**
 * struct transcript - what was seen of one sequence on one backend
 * @first: where each step's facts begin; those of the end, when the processes
 *	exit one by one, come after the last step's
 * @facts: them
 * @overflow: there was no room for all
 */
struct transcript {
	unsigned int first[MAX_STEPS + 2];
	const struct fact *facts;
	bool overflow;
};

/* One process of the sequence that is played. */
struct player_process {
	pid_t pid;		/* 0: not there */
	int status;		/* /proc/PID/status */
};

/* What observe.c has to know. */
struct player {
	struct stage *stage;
	struct player_process processes[MAX_PROCESSES + 1];
	const struct sequence *sequence;
	__u32 groups;		/* those that the sequence attaches */
	struct {
		__u64 iova, size;
	} ranges[6];		/* the latest that were mapped */
	unsigned int nranges;
	long pinned;		/* before; -1: nobody wants to know */
	bool entries_changed;
};

/* Plays each on both backends; false when something broke that is not the sequences'. */
bool play_block(struct stage *stage, const struct sequence *sequences, unsigned int nr,
		struct transcript *transcripts[BACKENDS]);
/* The processes' parent, and what they share; false when it can't be made. */
bool play_prepare(void);
/* What groups there are. */
void play_on(const struct stage *stage);
/* So many sequences were played, counted once a backend. */
extern unsigned long plays;

/* observe.c; @pins: whether to see what is left pinned, which takes long */
void observe_begin(struct player *player, bool pins);
/* Pages that are pinned more than there were. */
long observe_pins(long before);
void observe_step(struct player *player, const struct step *step, struct facts *facts);
void observe_exit(struct player *player, struct facts *facts);
void observe_end(struct player *player, struct facts *facts);
void observe_dma(struct player *player, const struct step *step, struct facts *facts);
/* A line of the kernel's log that is a warning or worse since the last call, or NULL. */
const char *observe_log(void);

#endif /* DIFFERENTIAL_PLAY_H */
