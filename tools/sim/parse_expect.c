// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading what is expected, how things break, and what is done without the
 * engine.
 */
#include <ctype.h>

#include "tools/sim/parse.h"

static u32 need_errno(struct parser *p)
{
	return choose(p, errno_words, "an errno (such as EINVAL)");
}

/* overlap for MF_REASON_OVERLAP: lower case, with hyphens */
static const char *reason_word(enum mf_reason reason, char *word)
{
	const char *name = mf_reason_name(reason);
	u32 i;

	for (i = 0; name[i] && i + 1 < NAME_MOST; i++)
		word[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
	word[i] = 0;
	return word;
}

static enum mf_reason need_reason(struct parser *p)
{
	char names[MF_NR_REASONS][NAME_MOST];
	struct word words[MF_NR_REASONS];
	u32 i;

	for (i = 1; i < MF_NR_REASONS; i++)
		words[i - 1] = (struct word){ reason_word(i, names[i]), i };
	words[i - 1] = (struct word){ NULL, 0 };
	return choose(p, words, "an errno or the reason of a refusal");
}

static bool names_errno(const struct parser *p)
{
	return p->t.kind == TOKEN_WORD && p->t.text[0] == 'E' && isupper((unsigned char)
									 p->t.text[1]);
}

static void expect_refusal(struct parser *p, struct step *subject)
{
	subject->outcome = OUTCOME_REFUSED;
	while (p->t.kind == TOKEN_WORD) {
		if (names_errno(p))
			subject->err = -(int)need_errno(p);
		else
			subject->reason = need_reason(p);
	}
}

static void expect_fault(struct parser *p, struct step *subject)
{
	subject->outcome = OUTCOME_FAULT;
	if (p->t.kind == TOKEN_WORD)
		subject->why = choose(p, fault_words, "a kind of fault (such as not-present)");
	if (p->t.kind == TOKEN_STRING) {
		snprintf(subject->fault_name, sizeof(subject->fault_name), "%.31s", p->t.text);
		advance(p);
	}
}

static bool can_be_refused(enum verb verb)
{
	return verb == DO_OPEN || verb == DO_ATTACH || verb == DO_MAP || verb == DO_UNMAP ||
	       verb == DO_HAND_ATTACH || verb == DO_HAND_MAP;
}

/* A step that can end as expected must come before. */
static struct step *subject_of(struct parser *p, const struct place *place, bool fits,
			       const char *what)
{
	if (p->subject && fits)
		return p->subject;
	wrong(p, place, "expected %s before this, found %s", what,
	      p->subject ? "another step" : "none");
	return NULL;
}

/* Returns false if the expectation is not about the step before it. */
static bool expect_outcome(struct parser *p, const struct place *place)
{
	struct token word = p->t;
	enum verb verb = p->subject ? p->subject->verb : DO_SAY;
	struct step *subject;

	if (accept_word(p, "refused")) {
		subject = subject_of(p, place, can_be_refused(verb),
				     "a step that can be refused");
		if (subject)
			expect_refusal(p, subject);
	} else if (accept_word(p, "fault")) {
		subject = subject_of(p, place, verb == DO_DMA || verb == DO_TRANSLATE,
				     "'dma' or 'translate'");
		if (subject)
			expect_fault(p, subject);
	} else if (accept_word(p, "faults-allowed")) {
		subject = subject_of(p, place, verb == DO_TRAFFIC_STOP, "'dma stop'");
		if (subject)
			subject->outcome = OUTCOME_FAULTS_ALLOWED;
	} else if (accept_word(p, "lost")) {
		subject = subject_of(p, place, verb == DO_INTERRUPT, "'interrupt'");
		if (subject)
			subject->outcome = OUTCOME_LOST;
	} else if (accept_word(p, "unmapped")) {
		subject = subject_of(p, place, verb == DO_UNMAP || verb == DO_UNMAP_ALL,
				     "'unmap'");
		if (subject)
			subject->unmapped = parse_product(p, "how many bytes");
	} else if (accept_word(p, "page")) {
		subject = subject_of(p, place, verb == DO_TRANSLATE, "'translate'");
		if (subject)
			subject->page = parse_product(p, "the size of a page");
	} else {
		return false;
	}
	if (subject)
		subject->expected_at = word.place;
	return true;
}

static const struct word property_words[] = {
	{ "domains", P_DOMAINS },
	{ "groups", P_GROUPS },
	{ "mappings", P_MAPPINGS },
	{ "stuck", P_STUCK },
	{ "pinned", P_PINNED },
	{ "billed", P_BILLED },
	{ "foreign", P_FOREIGN },
	{ "runs", P_RUNS },
	{ "granule", P_GRANULE },
	{ "coherent", P_COHERENT },
	{ "window", P_WINDOW },
	{ "refusals", P_REFUSALS },
	{ "available", P_AVAILABLE },
	{ NULL, 0 },
};

static const struct word owner_property_words[] = {
	{ "billed", P_OWNER_BILLED },
	{ NULL, 0 },
};

static void expect_window(struct parser *p, struct step *step)
{
	if (accept_word(p, "none"))
		return;
	do {
		if (step->nr_window == MOST_WINDOWS) {
			expected(p, "fewer ranges");
			return;
		}
		step->window[step->nr_window++] = parse_range(p);
	} while (accept_sign(p, ','));
}

static const char subject_words[] = "what became of the step (refused, fault, faults-allowed, "
	"lost, unmapped, page) or the name of a container or an owner";
static const char container_words[] = "what is asked of a container (domains, groups, mappings, "
	"stuck, pinned, billed, foreign, runs, granule, coherent, window, refusals, available)";

static void expect_property(struct parser *p, struct step *step)
{
	struct names containers = { p->s->containers[0], NAME_MOST, p->s->nr_containers };
	struct names owners = NAMES(p->s->owners, p->s->nr_owners);

	step->verb = DO_EXPECT;
	step->expected_at = step->place;
	if (find_name(p, &owners, &step->owner)) {
		advance(p);
		step->property = choose(p, owner_property_words, "'billed'");
	} else {
		step->container = need_name(p, &containers, subject_words);
		step->property = choose(p, property_words, container_words);
	}
	if (step->property == P_WINDOW)
		expect_window(p, step);
	else if (step->property == P_COHERENT)
		step->write = need_yes_or_no(p);
	else
		step->value = parse_product(p, "a number");
}

/**
 * parse_expectation() - the word was read; @step becomes DO_EXPECT if it is
 * about what there is, not about the step before
 */
void parse_expectation(struct parser *p, struct step *step)
{
	step->verb = DO_SAY;
	if (!expect_outcome(p, &step->place))
		expect_property(p, step);
}

static const struct word unit_defects[] = {
	{ "map", BREAK_MAP },
	{ "unmap", BREAK_UNMAP },
	{ "refuse", BREAK_REFUSE },
	{ "careless", BREAK_CARELESS },
	{ NULL, 0 },
};

static const struct word host_defects[] = {
	{ "pin", BREAK_PIN },
	{ "alloc", BREAK_ALLOC },
	{ NULL, 0 },
};

/**
 * parse_defect() - what follows break and mend
 */
void parse_defect(struct parser *p, struct step *step)
{
	struct names units = NAMES(p->s->units, p->s->nr_units);

	step->on_host = accept_word(p, "host");
	if (!step->on_host)
		step->unit = need_name(p, &units, "the name of a unit, or 'host'");
	if (step->verb == DO_MEND)
		return;
	step->defect = step->on_host ?
		choose(p, host_defects, "what is to fail ('pin' or 'alloc')") :
		choose(p, unit_defects, "what is to go wrong (map, unmap, refuse, careless)");
	if (step->defect == BREAK_REFUSE || step->defect == BREAK_CARELESS)
		return;
	step->value = parse_product(p, "which one is to fail: 1 for the next");
	if (step->defect == BREAK_UNMAP) {
		need_word(p, "after");
		step->bytes = parse_product(p, "after how many bytes to stop");
	} else {
		step->error = ENOMEM;
		if (accept_word(p, "with"))
			step->error = (int)need_errno(p);
	}
}

static const struct word hand_words[] = {
	{ "domain", DO_HAND_DOMAIN },
	{ "attach", DO_HAND_ATTACH },
	{ "settle", DO_HAND_SETTLE },
	{ "map", DO_HAND_MAP },
	{ "unmap", DO_HAND_UNMAP },
	{ "detach", DO_HAND_DETACH },
	{ "free", DO_HAND_FREE },
	{ NULL, 0 },
};

static u32 need_domain(struct parser *p)
{
	struct names names = { p->s->domains[0], NAME_MOST, p->s->nr_domains };

	return need_name(p, &names, "the name of a domain made by hand");
}

static u32 new_domain(struct parser *p)
{
	struct names names = { p->s->domains[0], NAME_MOST, p->s->nr_domains };
	u32 index;

	if (find_name(p, &names, &index)) {
		advance(p);
		return index;
	}
	if (p->s->nr_domains == MOST_DOMAINS) {
		wrong(p, &p->t.place, "expected at most %u domains, found one more", MOST_DOMAINS);
		return 0;
	}
	new_name(p, p->s->domains[p->s->nr_domains], "a name for the domain");
	return p->s->nr_domains++;
}

/**
 * parse_by_hand() - by-hand and what follows
 */
void parse_by_hand(struct parser *p, struct step *step)
{
	step->verb = choose(p, hand_words, "what to do by hand (domain, attach, settle, map, "
			    "unmap, detach, free)");
	switch (step->verb) {
	case DO_HAND_DOMAIN:
		step->domain = new_domain(p);
		need_word(p, "for");
		step->group = need_group(p);
		break;
	case DO_HAND_ATTACH:
	case DO_HAND_DETACH:
		step->group = need_group(p);
		need_word(p, step->verb == DO_HAND_ATTACH ? "to" : "from");
		step->domain = need_domain(p);
		break;
	default:
		step->domain = need_domain(p);
		if (step->verb == DO_HAND_MAP || step->verb == DO_HAND_UNMAP)
			step->range = parse_range(p);
		if (step->verb == DO_HAND_MAP)
			parse_target(p, step);
		break;
	}
}
