// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A plugin for QEMU's translator: how often each block of guest code was executed while a phase of
 * vfio-bench was on. Written to a file, a line a block: its address, how many instructions it
 * has, how often it was executed.
 *
 * The phase is on from the instruction at one address to the one at another, which are those of
 * bench_mark_begin() and bench_mark_end(). Blocks count themselves all the time, by an addition
 * translated into them; at the marks, which are few, all counters are read. One processor only.
 *
 * arguments: begin=ADDRESS end=ADDRESS out=FILE
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

EXPORTED int qemu_plugin_version = 1;

/* A block; the same code may be translated more than once, and then counts in one place. */
struct block {
	uint64_t address, instructions;
	uint64_t executed;		/* ever */
	uint64_t before;		/* of these, before the phase began */
	uint64_t in_phase;
	struct block *next;		/* with the same hash */
	struct block *older;		/* of all */
};

#define HASH_SIZE (1u << 16)

static struct block *hash[HASH_SIZE], *newest;
static uint64_t begin_at, end_at;
static const char *out;
static bool on;

static struct block *find_block(uint64_t address, uint64_t instructions)
{
	struct block **first = &hash[(address ^ address >> 16) % HASH_SIZE], *block;

	for (block = *first; block; block = block->next) {
		if (block->address == address && block->instructions == instructions)
			return block;
	}
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	block->address = address;
	block->instructions = instructions;
	block->next = *first;
	block->older = newest;
	*first = block;
	newest = block;
	return block;
}

static void begin(unsigned int cpu, void *data)
{
	struct block *block;

	(void)cpu;
	(void)data;
	on = true;
	for (block = newest; block; block = block->older)
		block->before = block->executed;
}

/* A block that is new since the phase began has nothing before it. */
static void end(unsigned int cpu, void *data)
{
	struct block *block;

	(void)cpu;
	(void)data;
	if (!on)
		return;
	on = false;
	for (block = newest; block; block = block->older)
		block->in_phase += block->executed - block->before;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct block *block = find_block(qemu_plugin_tb_vaddr(tb), n);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &block->executed, 1);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		if (address == begin_at)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, NO_REGISTERS, NULL);
		if (address == end_at)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end, NO_REGISTERS, NULL);
	}
}

static void write_out(uint64_t id, void *data)
{
	FILE *stream = fopen(out, "w");
	struct block *block;

	(void)id;
	(void)data;
	if (!stream) {
		perror(out);
		return;
	}
	for (block = newest; block; block = block->older) {
		if (block->in_phase)
			fprintf(stream, "%llx %llu %llu\n", (unsigned long long)block->address,
				(unsigned long long)block->instructions,
				(unsigned long long)block->in_phase);
	}
	fclose(stream);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "begin=", 6))
			begin_at = strtoull(argv[i] + 6, NULL, 16);
		else if (!strncmp(argv[i], "end=", 4))
			end_at = strtoull(argv[i] + 4, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
		else
			fprintf(stderr, "plugin: unknown argument '%s'\n", argv[i]);
	}
	if (!begin_at || !end_at || !out) {
		fprintf(stderr, "plugin: begin, end and out are wanted\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, write_out, NULL);
	return 0;
}
