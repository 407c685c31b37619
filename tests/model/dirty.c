// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The operations on dirty pages. Bits are held against the reference as they
 * are handed over, one after another.
 */
#include "tests/model/model.h"

struct sink {
	struct model *m;
	struct mf_span span;
	u64 granule;
	u32 calls;
	u32 fail_at;
	const char *bad;
};

static const char *check_bit(const struct sink *s, u64 iova, bool bit)
{
	const struct ref_container *r = &s->m->refs[s->m->current];
	const struct ref_mapping *map = ref_find(r, iova);
	bool sure;

	if (!map || iova > s->span.last)
		return "a bit stands for what is in no mapping";
	if (!ref_is_dirty(r, map, iova, s->granule, &sure))
		return bit ? "a page is said to be dirty that is not" : NULL;
	return bit || !sure ? NULL : "a page is dirty and not said to be";
}

static int take(void *context, u64 first, const u64 *bits, u64 nr)
{
	struct sink *s = context;
	u64 i;

	if (++s->calls == s->fail_at)
		return -EFAULT;
	/* What came in between may have changed anything. */
	for (i = 0; !s->m->intruded && !s->bad && i < nr; i++)
		s->bad = check_bit(s, s->span.first + (first + i) * s->granule,
				   bits[i / 64] >> i % 64 & 1);
	if (nr % 64 && bits[nr / 64] >> nr % 64)
		s->bad = "there are bits behind the last";
	model_intrude(s->m);
	return 0;
}

static void aim(const struct model *m, const struct op *op, struct sink *s, u64 *size, u64 *pgsize)
{
	u64 granule = ref_granule(m, &m->refs[m->current]), iova;

	model_aim(m, op, &iova, size);
	/* Several at once. */
	if (op->b >> 6 == 1) {
		iova = 0;
		*size = 1ull << 40;
	}
	*pgsize = op->a % 32 ? granule : 2 * granule;
	*s = (struct sink){
		.m = (struct model *)m, .span = { iova, iova + (*size - 1) }, .granule = granule,
		.fail_at = op->a >> 5 < 3 ? op->a >> 5 : 0,
	};
}

static struct outcome must_fail(int err)
{
	return (struct outcome){ .errors = { err }, .nr_errors = 1 };
}

/* How many mappings are in @span, all of each. */
static u32 mappings_in(const struct ref_container *r, struct mf_span span)
{
	u32 i, n = 0;

	for (i = 0; i < r->nr_maps; i++)
		n += span.first <= r->maps[i].span.first && r->maps[i].span.last <= span.last;
	return n;
}

/* What both requests have in common; @asks: devices are asked to unpin. */
static struct outcome expect(const struct model *m, const struct sink *s, u64 size, u64 pgsize,
			     bool asks, u64 *bytes)
{
	const struct ref_container *r = &m->refs[m->current];
	bool takes[MODEL_MAPPINGS];
	struct outcome o;

	/* Of an unmap it is seen first that it does not align, then that it wraps. */
	if (asks && r->rules == MF_TYPE1V2 && size && !((s->span.first | size) % s->granule) &&
	    s->span.last < s->span.first)
		return must_fail(r->wrap_errno);
	if (!r->tracking || pgsize != s->granule)
		return must_fail(-EINVAL);
	o = ref_unmap(m, m->current, s->span.first, size, takes, bytes);
	if (asks)
		model_expect_pinned(m, m->current, s->span, &o);
	if (o.success && s->fail_at && mappings_in(r, s->span) >= s->fail_at)
		return must_fail(-EFAULT);
	return o;
}

/* What was handed over is clean; but nobody knows what came in between. */
static void follow(struct model *m, struct mf_span span)
{
	struct ref_container *r = &m->refs[m->current];
	u32 i;

	if (!m->intruded) {
		ref_clean(r, span);
		return;
	}
	for (i = 0; i < r->nr_maps; i++) {
		r->maps[i].maybe = true;
		r->maps[i].all = false;
	}
	for (i = 0; i < r->nr_dirty; i++)
		r->dirty[i].unsure = true;
}

const char *model_dirty_start(struct model *m)
{
	struct ref_container *r = &m->refs[m->current];
	int err = mf_dirty_start(m->containers[m->current], NULL);
	struct outcome o = { .success = r->rules == MF_TYPE1V2, .errors = { -EACCES } };

	o.nr_errors = !o.success;
	if (!err)
		r->tracking = true;
	return model_compare(m, &o, err, "start");
}

const char *model_dirty_stop(struct model *m)
{
	struct ref_container *r = &m->refs[m->current];
	int err = mf_dirty_stop(m->containers[m->current], NULL);
	struct outcome o = { .success = r->rules == MF_TYPE1V2, .errors = { -EACCES } };

	o.nr_errors = !o.success;
	if (!err) {
		ref_clean(r, (struct mf_span){ 0, TOP });
		r->tracking = false;
	}
	return model_compare(m, &o, err, "stop");
}

const char *model_dirty_read(struct model *m, const struct op *op)
{
	struct ref_container *r = &m->refs[m->current];
	u64 size, pgsize, bytes;
	struct outcome o;
	struct sink s;
	int err;

	aim(m, op, &s, &size, &pgsize);
	if (r->rules != MF_TYPE1V2)
		o = must_fail(-EACCES);
	else if (size && s.span.last < s.span.first)
		o = must_fail(r->wrap_errno);
	else
		o = expect(m, &s, size, pgsize, false, &bytes);
	err = mf_dirty_read(m->containers[m->current], s.span.first, size, pgsize, take, &s, NULL);
	if (!err)
		follow(m, s.span);
	if (s.bad || m->intruded)
		return s.bad;
	return model_compare(m, &o, err, "read of dirty pages");
}

const char *model_unmap_dirty(struct model *m, const struct op *op)
{
	u64 size, pgsize, bytes = 0, unmapped = 12345;
	struct outcome o;
	struct sink s;
	int err;

	aim(m, op, &s, &size, &pgsize);
	o = expect(m, &s, size, pgsize, true, &bytes);
	err = mf_unmap_dirty(m->containers[m->current], s.span.first, size, pgsize, take, &s,
			     &unmapped, NULL);
	if (!err && !s.bad && unmapped != bytes)
		return "unmap says another size than it should";
	if (err && unmapped != 12345)
		return "unmap failed and says a size";
	if (!err)
		model_follow_unmap(m, m->current, s.span);
	if (m->intruded)
		follow(m, s.span);
	if (s.bad || m->intruded)
		return s.bad;
	return model_compare(m, &o, err, "unmap of dirty pages");
}
