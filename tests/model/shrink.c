// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A sequence that fails, made short: parts are left out, large ones first, as
 * long as what remains still fails (delta debugging). Then it is printed as C
 * that tests/model/replay_test.c takes as it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/model/model.h"

/* Leave out @count operations from @from on; true if it fails without them. */
static bool fails_without(u64 topology, const struct op *ops, u32 nr, u32 from, u32 count,
			  struct op *rest)
{
	memcpy(rest, ops, from * sizeof(*ops));
	memcpy(rest + from, ops + from + count, (nr - from - count) * sizeof(*ops));
	return model_run(topology, rest, nr - count, NULL);
}

/* Leave out all parts of @count operations that are not needed. */
static u32 leave_out(u64 topology, struct op *ops, u32 nr, u32 count, struct op *rest)
{
	u32 from = 0;

	while (from + count <= nr) {
		if (fails_without(topology, ops, nr, from, count, rest)) {
			nr -= count;
			memcpy(ops, rest, nr * sizeof(*ops));
		} else {
			from += count;
		}
	}
	return nr;
}

/**
 * model_shrink() - make a failing sequence short
 * @topology: its machine
 * @ops: the sequence; what is left is at its beginning
 * @nr: how many operations
 *
 * Return: how many operations are left.
 */
u32 model_shrink(u64 topology, struct op *ops, u32 nr)
{
	struct op *rest = malloc(nr * sizeof(*rest));
	u32 count, before;

	if (!rest)
		return nr;
	for (count = nr / 2; count > 1; count /= 2)
		nr = leave_out(topology, ops, nr, count, rest);
	do {
		before = nr;
		nr = leave_out(topology, ops, nr, 1, rest);
	} while (nr < before);
	free(rest);
	return nr;
}

/**
 * model_print() - print a sequence as C
 */
void model_print(u64 topology, const struct op *ops, u32 nr)
{
	static const char * const names[OP_TYPES] = {
		"OP_OPEN", "OP_RELEASE", "OP_ATTACH", "OP_DETACH", "OP_MAP", "OP_UNMAP",
		"OP_UNMAP_ALL", "OP_DMA", "OP_TOUCH", "OP_FAIL", "OP_SHORT", "OP_INTRUDE",
		"OP_EMULATE", "OP_PIN", "OP_UNPIN", "OP_ACCESS", "OP_INVALIDATE", "OP_UPDATE",
		"OP_DIRTY_START", "OP_DIRTY_STOP", "OP_DIRTY_READ", "OP_UNMAP_DIRTY", "OP_KEEP",
	};
	u32 i, at;
	const char *bad = model_run(topology, ops, nr, &at);

	fprintf(stderr, "/* after %u operations: %s */\n", at, bad ? bad : "nothing wrong");
	fprintf(stderr, "static const struct op ops_%llx[] = {\n", topology);
	for (i = 0; i < nr; i++)
		fprintf(stderr, "\t{ %s, %u, %u, %u, %u, %u },\n", names[ops[i].type % OP_TYPES],
			ops[i].c, ops[i].a, ops[i].b, ops[i].d, ops[i].e);
	fprintf(stderr, "};\nREPLAY(0x%llx, ops_%llx, MF_EVENT_MAPPED, MF_NOT_REFUSED);\n",
		topology, topology);
}
