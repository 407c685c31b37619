/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The processes that do the steps: the player puts a step into a process's box and waits. */
#ifndef DIFFERENTIAL_PROCESS_H
#define DIFFERENTIAL_PROCESS_H

#include <sys/types.h>

#include "steps.h"

/**
 * struct box - what the player and one process tell each other
 * @request: how many steps were put in; the process waits for it to change
 * @done: how many of them are done; the player waits for that
 * @child: of a fork: the child's pid
 * @step: the step
 * @facts: what came of it
 */
struct box {
	__u32 request;
	__u32 done;
	pid_t child;
	struct step step;
	struct facts facts;
};

/* The box of the one that the first process of each sequence is forked from. */
#define PARENT MAX_PROCESSES

/* Shared by all of them, at STAGE_ADDRESS; after exec it is mapped again from FD_STAGE. */
struct noticeboard {
	struct box boxes[MAX_PROCESSES + 1];
	unsigned int ngroups;
	struct {
		unsigned int number;
		char device[16];
	} groups[MAX_GROUPS];
};

#define board ((struct noticeboard *)STAGE_ADDRESS)

/* A process's whole life: does the steps in its box; never returns. */
void process_live(unsigned int number) __attribute__((noreturn));
/* What it is after exec: vfio-differential --process NUMBER. */
void process_live_again(unsigned int number) __attribute__((noreturn));

void wait_for_change(__u32 *word, __u32 from, unsigned int ms);
void wake(__u32 *word);

/* perform.c: one step, of a kind that its process does; adds facts. */
void perform(const struct step *step, struct facts *facts);
/* perform_memory.c: the same for steps about memory; @file is for those that need one. */
void perform_memory(const struct step *step, struct facts *facts);
/* Every process needs it once: room for arguments, and what happens on bad addresses. */
void perform_prepare(void);
void perform_memory_prepare(void);
/* Adds FACT_RESULT and, when it is -1, FACT_ERRNO. */
void add_result(struct facts *facts, long result);

#endif /* DIFFERENTIAL_PROCESS_H */
