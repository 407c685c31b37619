/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the parts of the parser share. They look one token ahead; after an
 * error every token is the end, so that all loops end.
 */
#ifndef MF_TOOLS_SIM_PARSE_H
#define MF_TOOLS_SIM_PARSE_H

#include "tools/sim/lex.h"
#include "tools/sim/scenario.h"

/**
 * struct parser - a scenario being read
 * @s: what is known by now
 * @lexer: where tokens come from
 * @t: the token that is next
 * @variables: of the loops around it, by depth; "" has no name
 * @depth: how many loops
 * @times: how often a step here will run
 * @steps_run: how many steps will run in all
 * @nesting: parentheses around the expression being read
 * @subject: the step that an expectation is about, or NULL
 */
struct parser {
	struct scenario *s;
	struct lexer lexer;
	struct token t;
	char variables[MOST_LOOPS][NAME_MOST];
	u32 depth;
	u64 times;
	u64 steps_run;
	u32 nesting;
	struct step *subject;
};

/* Names that lie in an array of structs, each at its beginning. */
struct names {
	const char *first;
	size_t stride;
	u32 count;
};

#define NAMES(array, n) { (const char *)(array), sizeof((array)[0]), n }

void advance(struct parser *p);
bool at_word(const struct parser *p, const char *word);
bool at_sign(const struct parser *p, char sign);
bool accept_word(struct parser *p, const char *word);
bool accept_sign(struct parser *p, char sign);
void need_word(struct parser *p, const char *word);
void need_sign(struct parser *p, char sign, const char *shown);
void expected(struct parser *p, const char *what);
void wrong(struct parser *p, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

u32 choose(struct parser *p, const struct word *words, const char *what);
bool find_name(const struct parser *p, const struct names *names, u32 *index);
u32 need_name(struct parser *p, const struct names *names, const char *what);
void new_name(struct parser *p, char *name, const char *what);
bool need_yes_or_no(struct parser *p);
u64 need_number(struct parser *p, const char *what, u64 least, u64 most);
u32 need_group(struct parser *p);

/* A block: while (in_block()) { one statement; end_statement(); } */
bool in_block(struct parser *p);
void end_statement(struct parser *p);

struct expression *parse_product(struct parser *p, const char *what);
struct range parse_range(struct parser *p);
void constant_range(struct parser *p, u64 align, u64 *first, u64 *bytes);

void parse_unit(struct parser *p);
void parse_group(struct parser *p);
void parse_owner(struct parser *p);
struct step *parse_step(struct parser *p);
void parse_expectation(struct parser *p, struct step *step);
void parse_defect(struct parser *p, struct step *step);
void parse_by_hand(struct parser *p, struct step *step);
void parse_target(struct parser *p, struct step *step);

#endif /* MF_TOOLS_SIM_PARSE_H */
