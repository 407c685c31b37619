// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What becomes of the engine's events: a tracepoint each, and for the few that
 * an operator has to know of, a line in the kernel log, at a limited rate.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "host.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The two that an operator, not the program, has to do something about. */
static bool for_operators(enum mf_reason reason)
{
	return reason == MF_REASON_BILL || reason == MF_REASON_INTERRUPTS;
}

static void refused(const struct mfk_container *k, const struct mf_refusal *refusal)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	char text[MFK_REFUSAL_TEXT];

	trace_refused(k, refusal);
	if (!for_operators(refusal->reason) || !__ratelimit(&limit))
		return;
	mf_refusal_text(refusal, text, sizeof(text));
	pr_warn("container %u of %s[%d]: %s\n", k->id, k->comm, k->pid, text);
}

static void stuck(const struct mfk_container *k, const struct mf_event *event)
{
	trace_stuck(k, event);
	pr_err_ratelimited("container %u: the unit of domain %u did not unmap %#llx-%#llx, which stays pinned\n",
			   k->id, event->domain, event->span.first, event->span.last);
}

/* Those that requests which users wait for have; all others are told. */
bool mfk_listens(unsigned int type)
{
	switch (type) {
	case MF_EVENT_MAPPED:
		return trace_mapped_enabled();
	case MF_EVENT_UNMAPPED:
		return trace_unmapped_enabled();
	default:
		return true;
	}
}

/* See @event of struct mf_host_ops. */
void mfk_event(struct mf_host *host, void *cookie, const struct mf_event *event)
{
	const struct mfk_container *k = cookie;

	switch (event->type) {
	case MF_EVENT_OPENED:
		trace_opened(k);
		break;
	case MF_EVENT_RELEASED:
		trace_released(k);
		break;
	case MF_EVENT_ATTACHED:
		trace_attached(k, event);
		break;
	case MF_EVENT_JOINED:
		trace_joined(k, event);
		break;
	case MF_EVENT_REPLAYED:
		trace_replayed(k, event);
		break;
	case MF_EVENT_DETACHED:
		trace_detached(k, event);
		break;
	case MF_EVENT_DOMAIN_ENDED:
		trace_domain_ended(k, event);
		break;
	case MF_EVENT_MAPPED:
		trace_mapped(k, event);
		break;
	case MF_EVENT_UNMAPPED:
		trace_unmapped(k, event);
		break;
	case MF_EVENT_VADDR_INVALID:
		trace_vaddr_invalid(k, event);
		break;
	case MF_EVENT_VADDR_UPDATED:
		trace_vaddr_updated(k, event);
		break;
	case MF_EVENT_STUCK:
		stuck(k, event);
		break;
	case MF_EVENT_REFUSED:
		refused(k, event->refusal);
		break;
	case MF_NR_EVENTS:
		break;
	}
}
