// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Saying what happened: the step as it was written, what became of it, and
 * what was done beneath.
 */
#include "tools/sim/run.h"

/**
 * show_size() - 65536 as 64K
 * @text: room for SIZE_TEXT bytes
 */
const char *show_size(u64 bytes, char *text)
{
	static const char units[] = "KMGTPE";
	u32 i = 0;

	if (!bytes || bytes & 1023) {
		snprintf(text, SIZE_TEXT, "%llu", bytes);
		return text;
	}
	while (!(bytes & 1023)) {
		bytes >>= 10;
		i++;
	}
	snprintf(text, SIZE_TEXT, "%llu%c", bytes, units[i - 1]);
	return text;
}

/**
 * describe_refusal() - a refusal in one sentence
 */
void describe_refusal(const struct result *r, char *text, size_t size)
{
	int used = snprintf(text, size, "%s", word_of(errno_words, (u32)-r->err));

	if (r->why.reason && used > 0 && (size_t)used + 2 < size) {
		text[used] = ':';
		text[used + 1] = ' ';
		mf_refusal_text(&r->why, text + used + 2, (u32)size - (u32)used - 2);
	}
}

/**
 * describe_fault() - a fault in one line
 */
void describe_fault(const struct mf_fault *f, char *text, size_t size)
{
	int used = snprintf(text, size, "fault: %s, %s 0x%llx, group %u",
			    word_of(fault_words, f->why), f->write ? "writing" : "reading",
			    f->iova, f->group);

	if (f->name && (size_t)used < size)
		used += snprintf(text + used, size - (size_t)used, "; hardware: 0x%x %s", f->code,
				 f->name);
	if (f->level && (size_t)used < size)
		snprintf(text + used, size - (size_t)used, "; level %u, entry 0x%llx", f->level,
			 f->entry);
}

/* Lines of a step begin here, and what became of it is indented. */
#define INDENT "          "

static void show_source(const struct run *run, const struct place *place)
{
	const char *text;
	u32 length = source_line(run->source, place->at, &text), from = place->column - 1;

	while (length > from && (text[length - 1] == ' ' || text[length - 1] == '\r' ||
				 text[length - 1] == '\t' || text[length - 1] == '{'))
		length--;
	fprintf(run->options.out, "%8u  %.*s\n", place->line, (int)(length - from), text + from);
}

/**
 * show_step() - the step as it was written
 */
void show_step(const struct run *run, const struct step *step)
{
	if (run->options.quiet || run->depth)
		return;
	if (step->verb == DO_SAY)
		fprintf(run->options.out, "\n--- %s\n\n", step->text);
	else
		show_source(run, &step->place);
}

static void show_event(FILE *out, const struct mf_event *e)
{
	char size[SIZE_TEXT];

	switch (e->type) {
	case MF_EVENT_ATTACHED:
		fprintf(out, INDENT "group %u: domain %u is made for it\n", e->group, e->domain);
		break;
	case MF_EVENT_JOINED:
		fprintf(out, INDENT "group %u: joins domain %u\n", e->group, e->domain);
		break;
	case MF_EVENT_REPLAYED:
		if (!e->count)
			break;
		fprintf(out, INDENT "domain %u: %llu mapping%s replayed into it\n", e->domain,
			e->count, e->count == 1 ? "" : "s");
		break;
	case MF_EVENT_DETACHED:
		fprintf(out, INDENT "group %u: leaves domain %u\n", e->group, e->domain);
		break;
	case MF_EVENT_DOMAIN_ENDED:
		fprintf(out, INDENT "domain %u: ends with its last group\n", e->domain);
		break;
	case MF_EVENT_MAPPED:
		fprintf(out, INDENT "mapped 0x%llx..0x%llx: %s in %llu run%s\n", e->span.first,
			e->span.last, show_size(e->pages << MF_PAGE_SHIFT, size), e->count,
			e->count == 1 ? "" : "s");
		break;
	case MF_EVENT_UNMAPPED:
		fprintf(out, INDENT "unmapped 0x%llx..0x%llx\n", e->span.first, e->span.last);
		break;
	case MF_EVENT_STUCK:
		fprintf(out, INDENT "domain %u does not let go of 0x%llx..0x%llx: it stays "
			"pinned\n", e->domain, e->span.first, e->span.last);
		break;
	default:
		break;
	}
}

static void count_word(FILE *out, const char **between, u64 n, const char *word)
{
	if (!n)
		return;
	fprintf(out, "%s%llu %s%s", *between, n, word, n == 1 ? "" : "s");
	*between = ", ";
}

static void show_work(const struct run *run)
{
	const struct work *w = &run->m->work;
	FILE *out = run->options.out;
	const char *between = "";
	u32 i;

	if (w->pins || w->unpins || w->bills) {
		fputs(INDENT "beneath: host: ", out);
		count_word(out, &between, w->pins, "pin");
		count_word(out, &between, w->unpins, "unpin");
		count_word(out, &between, w->bills, "bill");
		fputc('\n', out);
	}
	for (i = 0; i < run->s->nr_units; i++) {
		const struct unit_work *u = &w->units[i];

		if (!u->maps && !u->unmaps && !u->syncs && !u->flushes)
			continue;
		between = "";
		fprintf(out, INDENT "beneath: %s: ", run->s->units[i].name);
		count_word(out, &between, u->maps, "map");
		if (u->maps)
			fprintf(out, " of %llu run%s", u->runs, u->runs == 1 ? "" : "s");
		count_word(out, &between, u->syncs, "sync");
		count_word(out, &between, u->unmaps, "unmap");
		count_word(out, &between, u->flushes, "flush");
		fputc('\n', out);
	}
}

/**
 * show_result() - what became of a step
 */
void show_result(const struct run *run, const struct step *step, const struct result *r)
{
	const struct work *w = &run->m->work;
	FILE *out = run->options.out;
	char text[PROBLEM_MOST];
	u64 i;

	if (run->options.quiet || run->depth)
		return;
	for (i = 0; i < mf_min(w->nr_events, MOST_EVENTS); i++)
		show_event(out, &w->events[i]);
	if (w->nr_events > MOST_EVENTS)
		fprintf(out, INDENT "and %llu events more\n", w->nr_events - MOST_EVENTS);
	if (r->err) {
		describe_refusal(r, text, sizeof(text));
		fprintf(out, INDENT "refused, %s\n", text);
	}
	if (r->fault.why && !r->faults) {
		describe_fault(&r->fault, text, sizeof(text));
		fprintf(out, INDENT "%s\n", text);
	}
	if (r->note[0])
		fprintf(out, INDENT "%s\n", r->note);
	if (r->lost)
		fputs(INDENT "lost\n", out);
	if (step->verb == DO_TRAFFIC_STOP)
		fputs(step->outcome == OUTCOME_FAULTS_ALLOWED ?
		      INDENT "stopped; it never reached a page that is not pinned\n" :
		      INDENT "stopped; not one fault\n", out);
	show_work(run);
}

/**
 * show_failure() - what is not as expected, and where it was asked for
 */
void show_failure(const struct run *run, const struct step *step, const struct result *r)
{
	const struct place *place = step->expected_at.line ? &step->expected_at : &step->place;
	FILE *out = run->options.out;
	u32 i;

	fprintf(out, "%s:%u:%u: %s", run->source->name, place->line, place->column, r->problem);
	for (i = 0; i < run->depth; i++)
		fprintf(out, "%s%llu", i ? ", " : " (in round ", run->variables[i]);
	fputs(run->depth ? ")\n" : "\n", out);
	source_point(run->source, place, out);
}
