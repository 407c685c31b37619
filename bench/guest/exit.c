// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A process that has everything mapped is killed: until it is gone, with its memory. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

static void live_and_wait(const struct turn *turn, int said)
{
	struct block block;
	struct space space;
	int err;

	err = block_get(&block, turn->work->own, turn->size);
	if (!err)
		err = turn_open(turn, &space);
	if (!err)
		err = turn->backend->map(&space, IOVA, block.address, block.size);
	if (write(said, &err, sizeof(err)) == (ssize_t)sizeof(err) && !err)
		pause();
	_exit(1);
}

int end_by_exit(const struct turn *turn)
{
	int pipes[2], status, err = -EIO;
	double spent;
	pid_t child;

	if (pipe(pipes))
		return -errno;
	child = fork();
	if (!child)
		live_and_wait(turn, pipes[1]);
	close(pipes[1]);
	if (child > 0 && read(pipes[0], &err, sizeof(err)) != (ssize_t)sizeof(err))
		err = -EIO;
	close(pipes[0]);
	if (child < 0)
		return -errno;
	measure_begin("exit");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	spent = measure_end();
	if (!err)
		result("exit", "page", spent, (double)(turn->size / PAGE));
	return err;
}
