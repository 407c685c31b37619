/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What bench/plugin.c uses of the interface for plugins of QEMU, version 1 (QEMU 4.2 to 8.x).
 * Debian's packages have no header for it.
 */
#ifndef BENCH_PLUGIN_H
#define BENCH_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

struct qemu_plugin_tb;			/* a block of guest code as it is translated */
struct qemu_plugin_insn;		/* one of its instructions */

enum { NO_REGISTERS };
enum { ADD_U64 };

/* What QEMU looks for in a plugin. */
extern EXPORTED int qemu_plugin_version;
EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

typedef void translated_fn(uint64_t id, struct qemu_plugin_tb *tb);
typedef void executed_fn(unsigned int cpu, void *data);
typedef void ended_fn(uint64_t id, void *data);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated_fn *translated);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int operation,
					      void *counter, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, executed_fn *executed,
					    int flags, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, ended_fn *ended, void *data);

#endif /* BENCH_PLUGIN_H */
