/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A scenario's tokens.
 */
#ifndef MF_TOOLS_SIM_LEX_H
#define MF_TOOLS_SIM_LEX_H

#include "tools/sim/source.h"

/* Words and strings are shorter than this. */
#define TOKEN_MOST	64

enum token_kind {
	TOKEN_END,		/* of the file */
	TOKEN_LINE,		/* of a line */
	TOKEN_WORD,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_SIGN,		/* one of { } ( ) , + - * and .. */
};

/**
 * struct token - one token
 * @kind: what it is
 * @place: where it is
 * @sign: which sign; '.' for ..
 * @text: the word, the string without its quotes, or how the number was written
 * @value: of a number
 */
struct token {
	enum token_kind kind;
	struct place place;
	char sign;
	char text[TOKEN_MOST];
	u64 value;
};

/**
 * struct lexer - reads tokens one by one; zero it and say the source
 * @source: where from
 * @here: where the next token may begin
 */
struct lexer {
	struct source *source;
	struct place here;
};

void lex_next(struct lexer *lexer, struct token *token);
const char *token_show(const struct token *token, char *buffer, size_t size);

#endif /* MF_TOOLS_SIM_LEX_H */
