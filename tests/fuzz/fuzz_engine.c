// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The model test, steered by a fuzzer: eight bytes choose the machine, and each
 * eight bytes after them are one operation. Any bytes are a sequence, and any
 * part of one is too, so the fuzzer's cutting and splicing makes new requests
 * and not nonsense. What goes wrong is shrunk, printed as a test case, and ends
 * the program.
 *
 * The same file is the fuzz target (libFuzzer brings main()) and, built with
 * FUZZ_REPLAY, a program that plays files: the corpus, in every build.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/model/model.h"

/* A sequence longer than this finds nothing that a shorter one does not. */
#define MOST_OPS 256

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct op ops[MOST_OPS];
	u64 topology;
	u32 nr;

	if (size < sizeof(topology))
		return 0;
	memcpy(&topology, data, sizeof(topology));
	nr = (u32)mf_min((size - sizeof(topology)) / sizeof(*ops), MOST_OPS);
	memcpy(ops, data + sizeof(topology), nr * sizeof(*ops));

	if (model_run(topology, ops, nr, NULL)) {
		nr = model_shrink(topology, ops, nr);
		model_print(topology, ops, nr);
		abort();
	}
	return 0;
}

#ifdef FUZZ_REPLAY
static int replay(const char *name)
{
	u8 data[sizeof(u64) + MOST_OPS * sizeof(struct op)];
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file) {
		perror(name);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	return 0;
}

int main(int argc, char **argv)
{
	int i, failed = argc < 2;

	for (i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	printf("%d inputs played\n", argc - 1);
	return failed;
}
#endif
