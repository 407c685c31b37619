// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The parser's tools: tokens, names, numbers, expressions, ranges.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "tools/sim/parse.h"

#define MOST_NESTING 16

void advance(struct parser *p)
{
	lex_next(&p->lexer, &p->t);
}

bool at_word(const struct parser *p, const char *word)
{
	return p->t.kind == TOKEN_WORD && !strcmp(p->t.text, word);
}

bool at_sign(const struct parser *p, char sign)
{
	return p->t.kind == TOKEN_SIGN && p->t.sign == sign;
}

bool accept_word(struct parser *p, const char *word)
{
	if (!at_word(p, word))
		return false;
	advance(p);
	return true;
}

bool accept_sign(struct parser *p, char sign)
{
	if (!at_sign(p, sign))
		return false;
	advance(p);
	return true;
}

/**
 * wrong() - the source can't be read any further
 */
void wrong(struct parser *p, const struct place *place, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	source_error(p->s->source, place, "%s", text);
	p->t.kind = TOKEN_END;
}

/**
 * expected() - what is next is not what it should be
 */
void expected(struct parser *p, const char *what)
{
	char shown[TOKEN_MOST + 8];

	wrong(p, &p->t.place, "expected %s, found %s", what,
	      token_show(&p->t, shown, sizeof(shown)));
}

void need_word(struct parser *p, const char *word)
{
	char what[TOKEN_MOST + 8];

	if (accept_word(p, word))
		return;
	snprintf(what, sizeof(what), "'%s'", word);
	expected(p, what);
}

void need_sign(struct parser *p, char sign, const char *shown)
{
	if (!accept_sign(p, sign))
		expected(p, shown);
}

static void unknown_word(struct parser *p, const char *what, const char *meant)
{
	if (p->t.kind != TOKEN_WORD || !meant)
		expected(p, what);
	else
		wrong(p, &p->t.place, "expected %s, found '%s'; did you mean '%s'?", what,
		      p->t.text, meant);
}

static const char *nth_word(const void *words, u32 n)
{
	return ((const struct word *)words)[n].name;
}

/**
 * choose() - the next token must be one of some words
 *
 * Return: its value, 0 after an error.
 */
u32 choose(struct parser *p, const struct word *words, const char *what)
{
	const struct word *w;
	u32 value;

	for (w = words; w->name; w++) {
		if (at_word(p, w->name)) {
			value = w->value;
			advance(p);
			return value;
		}
	}
	unknown_word(p, what, closest_word(p->t.text, nth_word, words));
	return 0;
}

static const char *nth_name(const void *names, u32 n)
{
	const struct names *some = names;

	return n < some->count ? some->first + n * some->stride : NULL;
}

bool find_name(const struct parser *p, const struct names *names, u32 *index)
{
	if (p->t.kind != TOKEN_WORD)
		return false;
	for (*index = 0; *index < names->count; ++*index) {
		if (at_word(p, nth_name(names, *index)))
			return true;
	}
	return false;
}

/**
 * need_name() - the next token must be the name of something that there is
 *
 * Return: its index, 0 after an error.
 */
u32 need_name(struct parser *p, const struct names *names, const char *what)
{
	u32 index;

	if (find_name(p, names, &index)) {
		advance(p);
		return index;
	}
	unknown_word(p, what, closest_word(p->t.text, nth_name, names));
	return 0;
}

/**
 * new_name() - the next token must be a name that nothing has
 */
void new_name(struct parser *p, char *name, const char *what)
{
	const struct scenario *s = p->s;
	const struct names taken[] = {
		NAMES(s->units, s->nr_units), NAMES(s->devices, s->nr_devices),
		NAMES(s->owners, s->nr_owners), NAMES(s->containers, s->nr_containers),
		NAMES(s->domains, s->nr_domains),
	};
	u32 i, index;

	if (p->t.kind != TOKEN_WORD) {
		expected(p, what);
		return;
	}
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (find_name(p, &taken[i], &index)) {
			wrong(p, &p->t.place, "expected %s that is not in use, found '%s'", what,
			      p->t.text);
			return;
		}
	}
	if (strlen(p->t.text) >= NAME_MOST) {
		wrong(p, &p->t.place, "expected %s of at most %u letters, found %zu", what,
		      NAME_MOST - 1, strlen(p->t.text));
		return;
	}
	strcpy(name, p->t.text);
	advance(p);
}

bool need_yes_or_no(struct parser *p)
{
	static const struct word words[] = { { "yes", 1 }, { "no", 0 }, { NULL, 0 } };

	return choose(p, words, "'yes' or 'no'");
}

/**
 * need_number() - the next token must be a number in some range
 */
u64 need_number(struct parser *p, const char *what, u64 least, u64 most)
{
	u64 value = p->t.value;

	if (p->t.kind != TOKEN_NUMBER) {
		expected(p, what);
		return least;
	}
	if (value < least || value > most) {
		wrong(p, &p->t.place, "expected %s from %llu to %llu, found %s", what, least, most,
		      p->t.text);
		return least;
	}
	advance(p);
	return value;
}

/**
 * need_group() - 'group' and the number of one that there is
 */
u32 need_group(struct parser *p)
{
	u32 i;

	need_word(p, "group");
	for (i = 0; p->t.kind == TOKEN_NUMBER && i < p->s->nr_groups; i++) {
		if (p->s->groups[i].id == p->t.value) {
			advance(p);
			return i;
		}
	}
	expected(p, "the number of a group");
	return 0;
}

static void skip_lines(struct parser *p)
{
	while (p->t.kind == TOKEN_LINE)
		advance(p);
}

bool in_block(struct parser *p)
{
	skip_lines(p);
	if (p->t.kind == TOKEN_END)
		expected(p, "'}'");
	return p->t.kind != TOKEN_END && !accept_sign(p, '}');
}

void end_statement(struct parser *p)
{
	if (p->t.kind != TOKEN_LINE && p->t.kind != TOKEN_END && !at_sign(p, '}'))
		expected(p, "the end of the line");
}

static struct expression *new_expression(struct parser *p, enum expression_kind kind)
{
	struct expression *e = calloc(1, sizeof(*e));

	if (!e) {
		wrong(p, &p->t.place, "no memory");
		return NULL;
	}
	e->kind = kind;
	e->place = p->t.place;
	e->next = p->s->expressions;
	p->s->expressions = e;
	return e;
}

static struct expression *join(struct parser *p, enum expression_kind kind,
			       struct expression *left, struct expression *right)
{
	struct expression *e = new_expression(p, kind);

	if (e && left) {
		e->place = left->place;
		e->left = left;
		e->right = right;
	}
	return e;
}

/* A chain of many factors would be as deep a tree: evaluate() recurses. */
#define MOST_OPERATORS 16

static struct expression *parse_sum(struct parser *p)
{
	struct expression *e = parse_product(p, "a number");
	u32 n = 0;

	while (at_sign(p, '+') || at_sign(p, '-')) {
		enum expression_kind kind = at_sign(p, '+') ? SUM : DIFFERENCE;

		if (n++ == MOST_OPERATORS) {
			expected(p, "a shorter sum");
			break;
		}
		advance(p);
		e = join(p, kind, e, parse_product(p, "a number"));
	}
	return e;
}

static struct expression *parse_variable(struct parser *p)
{
	struct expression *e;
	u32 i;

	for (i = 0; p->t.kind == TOKEN_WORD && i < p->depth; i++) {
		if (!at_word(p, p->variables[i]))
			continue;
		e = new_expression(p, VARIABLE);
		if (e)
			e->loop = i;
		advance(p);
		return e;
	}
	return NULL;
}

static struct expression *parse_factor(struct parser *p, const char *what)
{
	struct expression *e = parse_variable(p);

	if (e)
		return e;
	if (p->t.kind == TOKEN_NUMBER) {
		e = new_expression(p, NUMBER);
		if (e)
			e->value = p->t.value;
		advance(p);
	} else if (at_sign(p, '(')) {
		if (p->nesting == MOST_NESTING) {
			expected(p, "fewer parentheses");
			return NULL;
		}
		p->nesting++;
		advance(p);
		e = parse_sum(p);
		need_sign(p, ')', "')'");
		p->nesting--;
	} else {
		struct names variables = { p->variables[0], NAME_MOST, p->depth };

		unknown_word(p, what, closest_word(p->t.text, nth_name, &variables));
	}
	return e;
}

/**
 * parse_product() - a number, a variable, (a sum), or a product of such
 */
struct expression *parse_product(struct parser *p, const char *what)
{
	struct expression *e = parse_factor(p, what);
	u32 n = 0;

	while (at_sign(p, '*')) {
		if (n++ == MOST_OPERATORS) {
			expected(p, "a shorter product");
			break;
		}
		advance(p);
		e = join(p, PRODUCT, e, parse_factor(p, "a number"));
	}
	return e;
}

/**
 * parse_range() - FIRST..LAST or FIRST + SIZE
 */
struct range parse_range(struct parser *p)
{
	struct range r = { .first = parse_product(p, "a range (FIRST..LAST or FIRST + SIZE)") };

	if (accept_sign(p, '.')) {
		r.second = parse_product(p, "the last address of the range");
	} else if (accept_sign(p, '+')) {
		r.sized = true;
		r.second = parse_product(p, "the size of the range");
	} else {
		expected(p, "'..' and the last address of the range, or '+' and its size");
	}
	return r;
}

/**
 * constant_range() - a range that is known while reading
 * @p: the parser
 * @align: what both its beginning and its size must be a multiple of
 * @first: where to
 * @bytes: where to; at least 1, and the range does not wrap
 */
void constant_range(struct parser *p, u64 align, u64 *first, u64 *bytes)
{
	static const u64 none[MOST_LOOPS];
	struct place place = p->t.place;
	struct range r = parse_range(p);

	if (p->s->source->failed)
		return;
	if (!evaluate_range(&r, none, first, bytes) || !*bytes || *first + (*bytes - 1) < *first)
		wrong(p, &place, "expected a range, found one that is empty or ends before it "
		      "begins");
	else if ((*first | *bytes) & (align - 1))
		wrong(p, &place, "expected a range of whole pages (4K), found one that is not");
}
