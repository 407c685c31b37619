// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * From bytes to tokens. A line ends a statement, so its end is a token; empty
 * lines and comments are none.
 */
#include <ctype.h>

#include "tools/sim/lex.h"

static int peek(const struct lexer *l, u32 ahead)
{
	u32 at = l->here.at + ahead;

	return at < l->source->size ? (unsigned char)l->source->text[at] : -1;
}

static void skip(struct lexer *l)
{
	if (peek(l, 0) == '\n') {
		l->here.line++;
		l->here.column = 0;
	}
	l->here.column++;
	l->here.at++;
}

static bool in_word(int c)
{
	return c >= 0 && c < 128 && (isalnum(c) || c == '_' || c == '-');
}

/* Takes bytes into the token as long as they belong to it. */
static void take_text(struct lexer *l, struct token *t, bool (*belongs)(int))
{
	u32 n = 0;

	while (belongs(peek(l, 0))) {
		if (n + 1 == TOKEN_MOST) {
			source_error(l->source, &t->place,
				     "expected a word of at most %u letters, found a longer one",
				     TOKEN_MOST - 1);
			t->kind = TOKEN_END;
			break;
		}
		t->text[n++] = (char)peek(l, 0);
		skip(l);
	}
	t->text[n] = 0;
}

static bool in_string(int c)
{
	return c >= ' ' && c < 127 && c != '"';
}

static void lex_string(struct lexer *l, struct token *t)
{
	t->kind = TOKEN_STRING;
	skip(l);
	take_text(l, t, in_string);
	if (peek(l, 0) == '"')
		skip(l);
	else
		source_error(l->source, &l->here,
			     "expected the end of the string (\"), found something else");
}

static bool in_number(int c)
{
	return c >= 0 && c < 128 && (isalnum(c) || c == '_');
}

static u32 digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (u32)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (u32)(c - 'A') + 10;
	return 99;
}

static u32 suffix_shift(const char *text)
{
	static const char names[] = "KMGT";
	const char *at;

	if (!*text)
		return 0;
	at = strchr(names, *text);
	return at && !text[1] ? 10 * (u32)(at - names + 1) : 99;
}

/* 12, 0xfee00000, 0x7f00_0000_0000, 4K */
static void lex_number(struct lexer *l, struct token *t)
{
	const char *at = t->text;
	u32 base = 10, shift;
	u64 value = 0;

	t->kind = TOKEN_NUMBER;
	take_text(l, t, in_number);
	if (at[0] == '0' && at[1] == 'x') {
		base = 16;
		at += 2;
	}
	if (digit_of(*at) >= base) {
		source_error(l->source, &t->place, "expected a number, found '%s'", t->text);
		return;
	}
	for (; digit_of(*at) < base || *at == '_'; at++) {
		if (*at == '_')
			continue;
		if (__builtin_mul_overflow(value, (u64)base, &value) ||
		    __builtin_add_overflow(value, (u64)digit_of(*at), &value)) {
			source_error(l->source, &t->place,
				     "expected a number below 2^64, found '%s'", t->text);
			return;
		}
	}
	shift = suffix_shift(at);
	if (shift == 99)
		source_error(l->source, &t->place,
			     "expected a number such as 12, 0x1000, 4K, 2M or 1G, found '%s'",
			     t->text);
	else if (value << shift >> shift != value)
		source_error(l->source, &t->place, "expected a number below 2^64, found '%s'",
			     t->text);
	else
		t->value = value << shift;
}

static void lex_sign(struct lexer *l, struct token *t)
{
	int c = peek(l, 0);

	t->kind = TOKEN_SIGN;
	t->sign = (char)c;
	if (c == '.' && peek(l, 1) == '.') {
		skip(l);
	} else if (c <= 0 || !strchr("{}(),+-*", c)) {
		if (c > ' ' && c < 127)
			source_error(l->source, &t->place, "expected a word, found '%c'", c);
		else
			source_error(l->source, &t->place, "expected a word, found byte 0x%02x",
				     (unsigned int)c);
		t->kind = TOKEN_END;
		return;
	}
	skip(l);
}

static void skip_blanks(struct lexer *l)
{
	while (peek(l, 0) == ' ' || peek(l, 0) == '\t' || peek(l, 0) == '\r')
		skip(l);
	if (peek(l, 0) != '#')
		return;
	while (peek(l, 0) >= 0 && peek(l, 0) != '\n')
		skip(l);
}

/**
 * lex_next() - read one token
 *
 * After an error in the source every token is the end.
 */
void lex_next(struct lexer *l, struct token *t)
{
	int c;

	if (!l->here.line)
		l->here = (struct place){ 0, 1, 1 };
	memset(t, 0, sizeof(*t));
	skip_blanks(l);
	t->place = l->here;
	c = peek(l, 0);
	if (l->source->failed || c < 0) {
		t->kind = TOKEN_END;
	} else if (c == '\n') {
		t->kind = TOKEN_LINE;
		skip(l);
	} else if (c == '"') {
		lex_string(l, t);
	} else if (c >= '0' && c <= '9') {
		lex_number(l, t);
	} else if (in_word(c) && c != '-') {
		t->kind = TOKEN_WORD;
		take_text(l, t, in_word);
	} else {
		lex_sign(l, t);
	}
	if (l->source->failed)
		t->kind = TOKEN_END;
}

/**
 * token_show() - a token as messages name it
 */
const char *token_show(const struct token *t, char *buffer, size_t size)
{
	switch (t->kind) {
	case TOKEN_END:
		return "the end of the file";
	case TOKEN_LINE:
		return "the end of the line";
	case TOKEN_STRING:
		snprintf(buffer, size, "\"%s\"", t->text);
		break;
	case TOKEN_SIGN:
		snprintf(buffer, size, "'%s%c'", t->sign == '.' ? "." : "", t->sign);
		break;
	default:
		snprintf(buffer, size, "'%s'", t->text);
		break;
	}
	return buffer;
}
