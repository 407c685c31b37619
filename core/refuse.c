// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Saying no, and saying what happened.
 *
 * A container keeps its last refusals, so that one who looks in afterwards can
 * read why a request failed: an errno alone rarely says.
 */
#include "internal.h"

static const int reason_errno[MF_NR_REASONS] = {
#define REASON_ERRNO(id, err, text) [MF_REASON_##id] = err,
	MF_REASONS(REASON_ERRNO)
#undef REASON_ERRNO
};

/* Pass an event to the host. */
void mf_tell_event(struct mf_container *c, const struct mf_event *event)
{
	mf_ops(c->host)->event(c->host, c->config.cookie, event);
}

/**
 * mf_refuse_with() - refuse a request; see mf_refuse()
 * @c: the container
 * @why: the caller's copy of the reason, or NULL
 * @reason: the reason
 * @err: a negative errno; or 0 for the reason's own
 * @first: what the first placeholder of the reason's sentence stands for, or 0
 * @second: the second
 * @third: the third
 * @fourth: the fourth
 * @fifth: the fifth
 *
 * Return: the negative errno.
 */
int mf_refuse_with(struct mf_container *c, struct mf_refusal *why, enum mf_reason reason, int err,
		   u64 first, u64 second, u64 third, u64 fourth, u64 fifth)
{
	const struct mf_refusal refusal = {
		.reason = reason, .err = err ? err : reason_errno[reason],
		.args = { first, second, third, fourth, fifth },
	};

	if (why)
		*why = refusal;

	mf_mutex_lock(&c->refusals_lock);
	c->refusals[c->nr_refusals++ % MF_REFUSALS_KEPT] = refusal;
	mf_mutex_unlock(&c->refusals_lock);

	mf_tell(c, REFUSED, .refusal = &refusal);
	return refusal.err;
}

/**
 * mf_get_refusals() - the container's last refusals, newest first
 * @c: the container
 * @last: where to
 * @max: how many fit there
 *
 * Return: how many were written.
 */
u32 mf_get_refusals(struct mf_container *c, struct mf_refusal *last, u32 max)
{
	u32 n = 0;

	mf_mutex_lock(&c->refusals_lock);
	while (n < max && n < MF_REFUSALS_KEPT && n < c->nr_refusals) {
		last[n] = c->refusals[(c->nr_refusals - 1 - n) % MF_REFUSALS_KEPT];
		n++;
	}
	mf_mutex_unlock(&c->refusals_lock);
	return n;
}
