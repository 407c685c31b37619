/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The subcommands of manifold, and what they exit with.
 */
#ifndef MF_TOOLS_COMMANDS_H
#define MF_TOOLS_COMMANDS_H

enum exit_status {
	EXIT_MET = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_SYSTEM = 3,
};

int command_sim(int argc, char **argv);
void print_version(void);

#endif /* MF_TOOLS_COMMANDS_H */
