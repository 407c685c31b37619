// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * client-disk: does a disk, or a copy of one, hold the pattern of nvme0?
 *
 * With --write, a second pattern is then written over a part of it and read
 * back. A disk is read and written without the page cache, so that every byte
 * is the device's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* docs/vm.md, "The guest": word k of the disk is (k + 1) * STEP modulo 2^64. */
#define STEP		0x9e3779b97f4a7c15ull
#define DISK_SIZE	(16u << 20)
#define PIECE		(256u << 10)

/* What --write puts there: a part that is neither at the start nor aligned to a piece. */
#define WRITE_FIRST	(5u * PIECE + 4096)
#define WRITE_SIZE	(4u * PIECE)

static uint64_t word_at(uint64_t offset, bool written)
{
	uint64_t word = (offset / sizeof(uint64_t) + 1) * STEP;

	return written ? ~word : word;
}

static bool transfer(int fd, void *buffer, size_t size, off_t offset, bool write)
{
	size_t done = 0;

	while (done < size) {
		char *at = (char *)buffer + done;
		ssize_t n = write ? pwrite(fd, at, size - done, offset + done)
				  : pread(fd, at, size - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fprintf(stderr, "client-disk: %s at %#llx: %s\n", write ? "write" : "read",
				(unsigned long long)offset + done,
				n ? strerror(errno) : "end of file");
			return false;
		}
		done += n;
	}
	return true;
}

/* Reads @size bytes from @first on, and compares. */
static bool check(int fd, uint64_t *buffer, uint64_t first, uint64_t size, bool written)
{
	uint64_t offset, i;

	for (offset = first; offset < first + size; offset += PIECE) {
		/* What is there from the run before must not pass for what was read. */
		memset(buffer, 0, PIECE);
		if (!transfer(fd, buffer, PIECE, offset, false))
			return false;
		for (i = 0; i < PIECE / sizeof(uint64_t); i++) {
			uint64_t at = offset + i * sizeof(uint64_t);

			if (buffer[i] == word_at(at, written))
				continue;
			fprintf(stderr,
				"client-disk: at %#" PRIx64 ": %#" PRIx64 ", not %#" PRIx64 "\n",
				at, buffer[i], word_at(at, written));
			return false;
		}
	}
	return true;
}

static bool overwrite(int fd, uint64_t *buffer)
{
	uint64_t offset, i;

	for (offset = WRITE_FIRST; offset < WRITE_FIRST + WRITE_SIZE; offset += PIECE) {
		for (i = 0; i < PIECE / sizeof(uint64_t); i++)
			buffer[i] = word_at(offset + i * sizeof(uint64_t), true);
		if (!transfer(fd, buffer, PIECE, offset, true))
			return false;
	}
	if (fsync(fd)) {
		perror("client-disk: fsync");
		return false;
	}
	return check(fd, buffer, WRITE_FIRST, WRITE_SIZE, true);
}

int main(int argc, char **argv)
{
	bool write = argc == 3 && !strcmp(argv[1], "--write");
	const char *path = argv[argc - 1];
	struct stat st;
	void *buffer;
	off_t size;
	int fd;

	if (argc != 2 + write || path[0] == '-') {
		fprintf(stderr, "usage: client-disk [--write] FILE\n");
		return 2;
	}
	fd = open(path, write ? O_RDWR : O_RDONLY);
	if (fd < 0 || fstat(fd, &st)) {
		fprintf(stderr, "client-disk: %s: %s\n", path, strerror(errno));
		return 2;
	}
	if (S_ISBLK(st.st_mode) && fcntl(fd, F_SETFL, O_DIRECT)) {
		perror("client-disk: O_DIRECT");
		return 2;
	}
	size = lseek(fd, 0, SEEK_END);
	if (size != DISK_SIZE) {
		fprintf(stderr, "client-disk: %s: %lld bytes, not %u\n", path, (long long)size,
			DISK_SIZE);
		return 1;
	}
	if (posix_memalign(&buffer, 4096, PIECE)) {
		fprintf(stderr, "client-disk: no memory\n");
		return 2;
	}
	if (!check(fd, buffer, 0, DISK_SIZE, false))
		return 1;
	printf("client-disk: %u bytes read, as they should be\n", DISK_SIZE);
	if (write) {
		if (!overwrite(fd, buffer))
			return 1;
		printf("client-disk: %u bytes written and read back\n", WRITE_SIZE);
	}
	free(buffer);
	close(fd);
	return 0;
}
