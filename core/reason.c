// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Refusals in words.
 *
 * The engine has no printf to lean on, and needs three placeholders; so they
 * are filled in here, into a buffer that is always terminated.
 */
#include "reason.h"

struct text {
	char *buf;
	u32 size;
	u32 len;	/* what it would be if size were no matter */
};

static void put_char(struct text *t, char c)
{
	if (t->len + 1 < t->size)
		t->buf[t->len] = c;
	t->len++;
}

static void put_number(struct text *t, u64 value, u32 base)
{
	char digits[20];
	u32 n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		put_char(t, digits[--n]);
}

static void put_hex(struct text *t, u64 value)
{
	put_char(t, '0');
	put_char(t, 'x');
	put_number(t, value, 16);
}

static const struct {
	const char *name;
	const char *sentence;
} reasons[MF_NR_REASONS] = {
	[MF_NOT_REFUSED] = { "NOT_REFUSED", "not refused" },
#define REASON_ENTRY(id, err, text) [MF_REASON_##id] = { #id, text },
	MF_REASONS(REASON_ENTRY)
#undef REASON_ENTRY
};

/**
 * mf_reason_name() - the identifier of a reason, as in reason.h
 * @reason: the reason; one that is none is "UNKNOWN"
 */
const char *mf_reason_name(enum mf_reason reason)
{
	return (u32)reason < MF_NR_REASONS ? reasons[reason].name : "UNKNOWN";
}

/**
 * mf_refusal_text() - say a refusal in one sentence
 * @refusal: the refusal
 * @buf: where to, terminated by a NUL whenever @size is not 0
 * @size: bytes in @buf
 *
 * Return: the sentence's length without the NUL, even if it was cut.
 */
u32 mf_refusal_text(const struct mf_refusal *refusal, char *buf, u32 size)
{
	struct text t = { .buf = buf, .size = size };
	const char *s = "unknown";
	u32 arg = 0;

	if ((u32)refusal->reason < MF_NR_REASONS)
		s = reasons[refusal->reason].sentence;

	for (; *s; s++) {
		if (*s != '%') {
			put_char(&t, *s);
			continue;
		}
		switch (*++s) {
		case 'x':
			put_hex(&t, refusal->args[arg++]);
			break;
		case 'u':
			put_number(&t, refusal->args[arg++], 10);
			break;
		case 'e':
			put_number(&t, (u64)-(s64)refusal->err, 10);
			break;
		}
	}
	if (size)
		buf[mf_min(t.len, size - 1)] = '\0';
	return t.len;
}
