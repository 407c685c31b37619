// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Was it as expected? A step that says nothing must succeed.
 */
#include <ctype.h>
#include <strings.h>

#include "tools/sim/run.h"

static const char *errno_word(int err)
{
	return word_of(errno_words, (u32)-err);
}

static const char *reason_of(enum mf_reason reason, char *word)
{
	const char *name = mf_reason_name(reason);
	u32 i;

	for (i = 0; name[i] && i + 1 < NAME_MOST; i++)
		word[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
	word[i] = 0;
	return word;
}

static void judge_refusal(const struct step *step, struct result *r)
{
	char wanted[NAME_MOST], found[NAME_MOST];

	if (!r->err)
		problem(r, "expected a refusal, but it succeeded");
	else if (step->err && step->err != r->err)
		problem(r, "expected errno %s, but it is %s", errno_word(step->err),
			errno_word(r->err));
	else if (step->reason && step->reason != r->why.reason)
		problem(r, "expected reason '%s', but it is '%s'",
			reason_of(step->reason, wanted), reason_of(r->why.reason, found));
}

static void judge_fault(const struct step *step, struct result *r)
{
	if (!r->fault.why)
		problem(r, "expected a fault, but there was none");
	else if (step->why && step->why != r->fault.why)
		problem(r, "expected fault '%s', but it is '%s'", word_of(fault_words, step->why),
			word_of(fault_words, r->fault.why));
	else if (step->fault_name[0] &&
		 (!r->fault.name || !strcasestr(r->fault.name, step->fault_name)))
		problem(r, "expected the hardware to call it '%s', but it says '%s'",
			step->fault_name, r->fault.name ? r->fault.name : "nothing");
}

static void judge_success(const struct step *step, struct result *r)
{
	char text[PROBLEM_MOST];

	if (r->err) {
		describe_refusal(r, text, sizeof(text));
		problem(r, "expected success, but: %.160s", text);
	} else if (r->fault.why && !r->faults) {
		describe_fault(&r->fault, text, sizeof(text));
		problem(r, "expected no fault, but: %.160s", text);
	} else if (r->faults && step->outcome != OUTCOME_FAULTS_ALLOWED) {
		describe_fault(&r->fault, text, sizeof(text));
		problem(r, "expected no fault, but there were some, at last: %.140s", text);
	} else if (r->lost) {
		problem(r, "expected the interrupt to arrive, but it was lost");
	}
}

/**
 * judge() - hold what became of a step against what was expected
 */
void judge(const struct run *run, const struct step *step, struct result *r)
{
	u64 value;

	switch (step->outcome) {
	case OUTCOME_REFUSED:
		judge_refusal(step, r);
		break;
	case OUTCOME_FAULT:
		judge_fault(step, r);
		break;
	case OUTCOME_LOST:
		if (!r->lost)
			problem(r, "expected the interrupt to be lost, but it arrived");
		break;
	default:
		judge_success(step, r);
		break;
	}
	if (step->unmapped) {
		if (!evaluate(step->unmapped, run->variables, &value))
			problem(r, "expected a number from 0 to 2^64-1, but the sum is none");
		else if (value != r->unmapped)
			problem(r, "expected 0x%llx bytes to be unmapped, but it were 0x%llx",
				value, r->unmapped);
	}
	if (step->page) {
		if (!evaluate(step->page, run->variables, &value))
			problem(r, "expected a number from 0 to 2^64-1, but the sum is none");
		else if (value != r->page)
			problem(r, "expected a page of 0x%llx bytes, but it has 0x%llx", value,
				r->page);
	}
}

#define INFO_WINDOWS 64

static void show_window(const struct mf_span *window, u32 n, char *text, size_t size)
{
	size_t used = 0;
	u32 i;

	snprintf(text, size, "%s", n ? "" : "none");
	for (i = 0; i < n && i < INFO_WINDOWS && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s0x%llx..0x%llx",
					 i ? ", " : "", window[i].first, window[i].last);
}

static void expect_window(struct run *run, const struct step *step, struct result *r)
{
	struct mf_span window[INFO_WINDOWS];
	struct mf_info info;
	char text[PROBLEM_MOST];
	u64 first, bytes;
	u32 n, i;
	bool same;

	n = mf_get_info(run->m->containers[step->container], &info, window, INFO_WINDOWS);
	same = info.nr_window == step->nr_window;
	for (i = 0; i < step->nr_window && same; i++) {
		/* All 2^64 of them are more than a size can say. */
		static const u64 none[MOST_LOOPS];
		u64 last;

		if (!step->window[i].sized && evaluate(step->window[i].first, none, &first) &&
		    evaluate(step->window[i].second, none, &last) && first <= last) {
			same = window[i].first == first && window[i].last == last;
			continue;
		}
		if (!run_range(run, &step->window[i], r, &first, &bytes))
			return;
		same = window[i].first == first && window[i].last == first + (bytes - 1);
	}
	show_window(window, (u32)mf_min(n, INFO_WINDOWS), text, sizeof(text));
	if (!same)
		problem(r, "expected another window, but it is %.150s", text);
	snprintf(r->note, sizeof(r->note), "window %.150s", text);
}

static u64 count_runs(struct mf_container *c)
{
	struct mf_mapping_info info;
	u64 iova = 0, runs = 0;

	while (mf_next_mapping(c, iova, &info)) {
		runs += info.runs;
		iova = info.span.last + 1;
		if (!iova)
			break;
	}
	return runs;
}

static u64 property_of(struct mf_container *c, enum property property)
{
	struct mf_status status;
	struct mf_info info;

	mf_get_status(c, &status);
	mf_get_info(c, &info, NULL, 0);
	switch (property) {
	case P_DOMAINS:
		return status.nr_domains;
	case P_GROUPS:
		return status.nr_groups;
	case P_MAPPINGS:
		return status.nr_mappings;
	case P_STUCK:
		return status.nr_stuck;
	case P_PINNED:
		return status.pages_pinned << MF_PAGE_SHIFT;
	case P_BILLED:
		return status.pages_billed << MF_PAGE_SHIFT;
	case P_FOREIGN:
		return status.pages_foreign << MF_PAGE_SHIFT;
	case P_RUNS:
		return count_runs(c);
	case P_GRANULE:
		return info.granule;
	case P_COHERENT:
		return info.coherent;
	case P_REFUSALS:
		return status.refusals;
	default:
		return info.mappings_available;
	}
}

static bool is_size(enum property property)
{
	return property == P_PINNED || property == P_BILLED || property == P_FOREIGN ||
	       property == P_GRANULE || property == P_OWNER_BILLED;
}

static const char *show_number(enum property property, u64 value, char *text)
{
	if (is_size(property))
		return show_size(value, text);
	if (property == P_COHERENT)
		return value ? "yes" : "no";
	snprintf(text, SIZE_TEXT, "%llu", value);
	return text;
}

/**
 * do_expect() - hold what there is against what is expected
 */
void do_expect(struct run *run, const struct step *step, struct result *r)
{
	struct mf_container *c = run->m->containers[step->container];
	u64 wanted, found;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (step->property != P_OWNER_BILLED && !c) {
		problem(r, "expected an open container, but '%s' is not",
			run->s->containers[step->container]);
		return;
	}
	if (step->property == P_WINDOW) {
		expect_window(run, step, r);
		return;
	}
	if (step->property == P_OWNER_BILLED)
		found = run->m->owners[step->owner]->owner.billed << MF_PAGE_SHIFT;
	else
		found = property_of(c, step->property);
	if (step->property == P_COHERENT)
		wanted = step->write;
	else if (!run_value(run, step->value, r, &wanted))
		return;
	if (wanted != found)
		problem(r, "expected %s, but it is %s", show_number(step->property, wanted, a),
			show_number(step->property, found, b));
}
