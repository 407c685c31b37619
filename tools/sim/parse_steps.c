// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading what is done.
 */
#include <stdlib.h>

#include "tools/sim/parse.h"

enum step_word {
	W_UNIT, W_GROUP, W_OWNER, W_OPEN, W_CLOSE, W_ATTACH, W_DETACH, W_MAP, W_UNMAP, W_DMA,
	W_INTERRUPT, W_TRANSLATE, W_BREAK, W_MEND, W_SAY, W_PICTURE, W_REPEAT, W_EXPECT, W_BY_HAND,
};

static const struct word step_words[] = {
	{ "unit", W_UNIT },
	{ "group", W_GROUP },
	{ "owner", W_OWNER },
	{ "open", W_OPEN },
	{ "close", W_CLOSE },
	{ "attach", W_ATTACH },
	{ "detach", W_DETACH },
	{ "map", W_MAP },
	{ "unmap", W_UNMAP },
	{ "dma", W_DMA },
	{ "interrupt", W_INTERRUPT },
	{ "translate", W_TRANSLATE },
	{ "break", W_BREAK },
	{ "mend", W_MEND },
	{ "say", W_SAY },
	{ "picture", W_PICTURE },
	{ "repeat", W_REPEAT },
	{ "expect", W_EXPECT },
	{ "by-hand", W_BY_HAND },
	{ NULL, 0 },
};

static u32 need_container(struct parser *p)
{
	struct names names = { p->s->containers[0], NAME_MOST, p->s->nr_containers };

	return need_name(p, &names, "the name of a container");
}

static u32 need_device(struct parser *p)
{
	struct names names = NAMES(p->s->devices, p->s->nr_devices);

	return need_name(p, &names, "the name of a device");
}

static void parse_open(struct parser *p, struct step *step)
{
	struct scenario *s = p->s;
	struct names names = { s->containers[0], NAME_MOST, s->nr_containers };

	step->verb = DO_OPEN;
	step->rules = MF_TYPE1V2;
	if (find_name(p, &names, &step->container)) {
		advance(p);
	} else if (s->nr_containers == MOST_CONTAINERS) {
		wrong(p, &p->t.place, "expected at most %u containers, found one more",
		      MOST_CONTAINERS);
	} else {
		step->container = s->nr_containers;
		new_name(p, s->containers[s->nr_containers], "a name for the container");
		s->nr_containers++;
	}
	if (accept_word(p, "type1"))
		step->rules = MF_TYPE1;
	else
		accept_word(p, "type1v2");
	step->by_mapping = accept_word(p, "bill-by-mapping");
	if (!step->by_mapping)
		accept_word(p, "bill-once");
	if (accept_word(p, "limit"))
		step->value = parse_product(p, "how many mappings it may hold");
}

/* to OWNER VADDR [read|write] [small-pages] */
void parse_target(struct parser *p, struct step *step)
{
	struct names names = NAMES(p->s->owners, p->s->nr_owners);

	need_word(p, "to");
	step->owner = need_name(p, &names, "the name of an owner");
	step->value = parse_product(p, "an address in its memory");
	if (accept_word(p, "read"))
		step->prot |= MF_READ;
	if (accept_word(p, "write"))
		step->prot |= MF_WRITE;
	if (!step->prot && !accept_word(p, "no-access"))
		step->prot = MF_READ | MF_WRITE;
	step->small_pages = accept_word(p, "small-pages");
}

static void parse_map(struct parser *p, struct step *step)
{
	step->verb = DO_MAP;
	step->container = need_container(p);
	step->range = parse_range(p);
	parse_target(p, step);
}

static void parse_unmap(struct parser *p, struct step *step)
{
	step->container = need_container(p);
	if (accept_word(p, "all")) {
		step->verb = DO_UNMAP_ALL;
	} else {
		step->verb = DO_UNMAP;
		step->range = parse_range(p);
	}
}

static void parse_rights(struct parser *p, struct step *step)
{
	if (accept_word(p, "read"))
		step->prot |= MF_READ;
	if (accept_word(p, "write"))
		step->prot |= MF_WRITE;
	if (!step->prot)
		expected(p, "'read', 'write' or both");
}

/* dma DEVICE read|write RANGE or ADDRESS "text" */
static void parse_dma_once(struct parser *p, struct step *step)
{
	static const struct word words[] = { { "read", 0 }, { "write", 1 }, { NULL, 0 } };

	step->verb = DO_DMA;
	step->device = need_device(p);
	step->write = choose(p, words, "'read' or 'write'");
	step->range.first = parse_product(p, "an address, and a text or the rest of a range");
	step->range.sized = true;
	if (p->t.kind == TOKEN_STRING) {
		if (!p->t.text[0])
			expected(p, "a text");
		strcpy(step->text, p->t.text);
		advance(p);
	} else if (accept_sign(p, '+')) {
		step->range.second = parse_product(p, "how many bytes");
	} else if (accept_sign(p, '.')) {
		step->range.sized = false;
		step->range.second = parse_product(p, "the last address of the range");
	} else {
		expected(p, "a text, '..' and the last address, or '+' and a size");
	}
}

static void parse_dma(struct parser *p, struct step *step)
{
	if (accept_word(p, "start")) {
		step->verb = DO_TRAFFIC_START;
		step->device = need_device(p);
		parse_rights(p, step);
		step->range = parse_range(p);
	} else if (accept_word(p, "stop")) {
		step->verb = DO_TRAFFIC_STOP;
		step->device = need_device(p);
	} else if (accept_word(p, "wait")) {
		step->verb = DO_TRAFFIC_WAIT;
		step->device = need_device(p);
		step->value = parse_product(p, "how many bursts to wait for");
	} else {
		parse_dma_once(p, step);
	}
}

static void parse_attach(struct parser *p, struct step *step)
{
	step->verb = DO_ATTACH;
	step->group = need_group(p);
	need_word(p, "to");
	step->container = need_container(p);
	step->unsafe = accept_word(p, "unsafe-interrupts");
}

static void parse_simple(struct parser *p, struct step *step, u32 word)
{
	switch (word) {
	case W_CLOSE:
		step->verb = DO_CLOSE;
		step->container = need_container(p);
		break;
	case W_DETACH:
		step->verb = DO_DETACH;
		step->group = need_group(p);
		need_word(p, "from");
		step->container = need_container(p);
		break;
	case W_INTERRUPT:
		step->verb = DO_INTERRUPT;
		step->device = need_device(p);
		break;
	case W_TRANSLATE:
		step->verb = DO_TRANSLATE;
		step->device = need_device(p);
		step->value = parse_product(p, "an address");
		break;
	case W_PICTURE:
		step->verb = DO_PICTURE;
		break;
	default:
		step->verb = DO_SAY;
		if (p->t.kind != TOKEN_STRING)
			expected(p, "a text in quotes");
		strcpy(step->text, p->t.text);
		advance(p);
		break;
	}
}

static void parse_body(struct parser *p, struct step *step)
{
	struct step **end = &step->body, *one;

	need_sign(p, '{', "'{'");
	while (in_block(p)) {
		one = parse_step(p);
		if (one) {
			*end = one;
			end = &one->next;
		}
		end_statement(p);
	}
}

/* repeat TIMES [as VARIABLE] { ... } */
static void parse_repeat(struct parser *p, struct step *step)
{
	u64 times = p->times, count;

	step->verb = DO_REPEAT;
	if (p->depth == MOST_LOOPS) {
		wrong(p, &step->place, "expected at most %u loops in one another, found one more",
		      MOST_LOOPS);
		return;
	}
	count = need_number(p, "how many times", 1, MOST_REPEATS);

	step->loop = p->depth;
	step->repeat = count;
	p->variables[p->depth][0] = 0;
	if (accept_word(p, "as"))
		new_name(p, p->variables[p->depth], "a name for the loop's variable");
	p->depth++;
	p->times = mf_min(times * count, MOST_STEPS_RUN + 1);
	parse_body(p, step);
	p->times = times;
	p->depth--;
	p->subject = NULL;
}

static void read_step(struct parser *p, struct step *step, u32 word)
{
	switch (word) {
	case W_OPEN:
		parse_open(p, step);
		break;
	case W_ATTACH:
		parse_attach(p, step);
		break;
	case W_MAP:
		parse_map(p, step);
		break;
	case W_UNMAP:
		parse_unmap(p, step);
		break;
	case W_DMA:
		parse_dma(p, step);
		break;
	case W_BREAK:
	case W_MEND:
		step->verb = word == W_MEND ? DO_MEND : DO_BREAK;
		parse_defect(p, step);
		break;
	case W_REPEAT:
		parse_repeat(p, step);
		break;
	case W_BY_HAND:
		parse_by_hand(p, step);
		break;
	default:
		parse_simple(p, step, word);
		break;
	}
}

static void parse_thing(struct parser *p, u32 word, const struct place *place)
{
	if (p->depth)
		wrong(p, place, "expected a step within 'repeat', found "
		      "'unit', 'group' or 'owner'");
	else if (word == W_UNIT)
		parse_unit(p);
	else if (word == W_GROUP)
		parse_group(p);
	else
		parse_owner(p);
}

/**
 * parse_step() - one statement
 *
 * Return: the step; NULL for what is none: a thing, an expectation of the step
 * before, or an error.
 */
struct step *parse_step(struct parser *p)
{
	struct place place = p->t.place;
	struct step *step;
	u32 word;

	word = choose(p, step_words, "a step (such as open, attach, map, dma, expect) or a thing "
		      "(unit, group, owner)");
	if (p->s->source->failed)
		return NULL;
	if (word <= W_OWNER) {
		parse_thing(p, word, &place);
		return NULL;
	}
	step = calloc(1, sizeof(*step));
	if (!step) {
		wrong(p, &place, "no memory");
		return NULL;
	}
	step->place = place;
	if (word == W_EXPECT) {
		parse_expectation(p, step);
		if (step->verb != DO_EXPECT) {
			free(step);
			return NULL;
		}
		p->steps_run += p->times;
		return step;
	}
	p->steps_run += p->times;
	if (p->steps_run > MOST_STEPS_RUN)
		wrong(p, &place, "expected at most %llu steps in all, found more", MOST_STEPS_RUN);
	read_step(p, step, word);
	p->subject = step->verb == DO_REPEAT ? NULL : step;
	return step;
}

static void free_steps(struct step *step)
{
	struct step *next;

	for (; step; step = next) {
		next = step->next;
		free_steps(step->body);
		free(step);
	}
}

/**
 * scenario_parse() - read a scenario
 * @s: where to; scenario_free() it whatever is returned
 * @source: what to read; must outlive @s
 *
 * Return: false after a message.
 */
bool scenario_parse(struct scenario *s, struct source *source)
{
	struct parser *p = calloc(1, sizeof(*p));
	struct step **end = &s->steps, *one;

	memset(s, 0, sizeof(*s));
	s->source = source;
	if (!p) {
		fprintf(source->errors, "manifold: no memory\n");
		return false;
	}
	p->s = s;
	p->lexer.source = source;
	p->times = 1;
	advance(p);
	while (p->t.kind != TOKEN_END) {
		if (p->t.kind == TOKEN_LINE) {
			advance(p);
			continue;
		}
		one = parse_step(p);
		if (one) {
			*end = one;
			end = &one->next;
		}
		if (at_sign(p, '}'))
			expected(p, "the end of the line");
		end_statement(p);
	}
	free(p);
	return !source->failed;
}

void scenario_free(struct scenario *s)
{
	struct expression *e, *next;

	free_steps(s->steps);
	for (e = s->expressions; e; e = next) {
		next = e->next;
		free(e);
	}
}
