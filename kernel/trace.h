/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Tracepoints: events/<module>/ of tracefs. One for each event of the engine,
 * with the number of the container, which is the name of its debugfs folder.
 * events.c says them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM MFK_TRACE_SYSTEM

#if !defined(MFK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MFK_TRACE_H

#include <linux/tracepoint.h>

#include "host.h"

DECLARE_EVENT_CLASS(mfk_container,
	TP_PROTO(const struct mfk_container *k),
	TP_ARGS(k),
	TP_STRUCT__entry(
		__field(u32, container)
		__field(u32, rules)
	),
	TP_fast_assign(
		__entry->container = k->id;
		__entry->rules = k->rules;
	),
	TP_printk("container=%u type=%s", __entry->container,
		  __entry->rules == MF_TYPE1 ? "type1" : "type1v2")
);

DEFINE_EVENT(mfk_container, opened, TP_PROTO(const struct mfk_container *k), TP_ARGS(k));
DEFINE_EVENT(mfk_container, released, TP_PROTO(const struct mfk_container *k), TP_ARGS(k));

/* A domain of 0 is none: the group is emulated. */
DECLARE_EVENT_CLASS(mfk_group,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event),
	TP_ARGS(k, event),
	TP_STRUCT__entry(
		__field(u32, container)
		__field(u32, group)
		__field(u32, domain)
	),
	TP_fast_assign(
		__entry->container = k->id;
		__entry->group = event->group;
		__entry->domain = event->domain;
	),
	TP_printk("container=%u group=%u domain=%u", __entry->container, __entry->group,
		  __entry->domain)
);

DEFINE_EVENT(mfk_group, attached,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));
DEFINE_EVENT(mfk_group, joined,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));
DEFINE_EVENT(mfk_group, detached,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));

DECLARE_EVENT_CLASS(mfk_domain,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event),
	TP_ARGS(k, event),
	TP_STRUCT__entry(
		__field(u32, container)
		__field(u32, domain)
		__field(u64, mappings)
	),
	TP_fast_assign(
		__entry->container = k->id;
		__entry->domain = event->domain;
		__entry->mappings = event->count;
	),
	TP_printk("container=%u domain=%u mappings=%llu", __entry->container, __entry->domain,
		  __entry->mappings)
);

DEFINE_EVENT(mfk_domain, replayed,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));
DEFINE_EVENT(mfk_domain, domain_ended,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));

DECLARE_EVENT_CLASS(mfk_mapping,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event),
	TP_ARGS(k, event),
	TP_STRUCT__entry(
		__field(u32, container)
		__field(u32, prot)
		__field(u64, first)
		__field(u64, last)
		__field(u64, vaddr)
		__field(u64, pages)
		__field(u64, runs)
	),
	TP_fast_assign(
		__entry->container = k->id;
		__entry->prot = event->prot;
		__entry->first = event->span.first;
		__entry->last = event->span.last;
		__entry->vaddr = event->vaddr;
		__entry->pages = event->pages;
		__entry->runs = event->count;
	),
	TP_printk("container=%u iova=%#llx-%#llx vaddr=%#llx prot=%c%c pages=%llu runs=%llu",
		  __entry->container, __entry->first, __entry->last, __entry->vaddr,
		  __entry->prot & MF_READ ? 'r' : '-', __entry->prot & MF_WRITE ? 'w' : '-',
		  __entry->pages, __entry->runs)
);

DEFINE_EVENT(mfk_mapping, mapped,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));
DEFINE_EVENT(mfk_mapping, unmapped,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));
DEFINE_EVENT(mfk_mapping, stuck,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));
DEFINE_EVENT(mfk_mapping, vaddr_invalid,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));
DEFINE_EVENT(mfk_mapping, vaddr_updated,
	TP_PROTO(const struct mfk_container *k, const struct mf_event *event), TP_ARGS(k, event));

TRACE_EVENT(refused,
	TP_PROTO(const struct mfk_container *k, const struct mf_refusal *refusal),
	TP_ARGS(k, refusal),
	TP_STRUCT__entry(
		__field(u32, container)
		__field(int, err)
		__array(char, reason, MFK_REASON_NAME)
		__array(char, text, MFK_REFUSAL_TEXT)
	),
	TP_fast_assign(
		__entry->container = k->id;
		__entry->err = refusal->err;
		strscpy(__entry->reason, mf_reason_name(refusal->reason), MFK_REASON_NAME);
		mf_refusal_text(refusal, __entry->text, MFK_REFUSAL_TEXT);
	),
	TP_printk("container=%u error=%d reason=%s: %s", __entry->container, __entry->err,
		  __entry->reason, __entry->text)
);

#endif /* MFK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
