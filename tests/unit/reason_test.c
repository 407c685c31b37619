// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Refusals in words. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/world.h"

static const struct {
	enum mf_reason reason;
	int err;
	const char *text;
} all[] = {
#define ENTRY(id, err, text) { MF_REASON_##id, err, text },
	MF_REASONS(ENTRY)
#undef ENTRY
};

#define NR (sizeof(all) / sizeof(all[0]))

/* Each placeholder of each sentence is one the renderer knows, and is replaced. */
static void test_each_reason_renders(void **state)
{
	char text[512], expected[512];
	u32 i;

	(void)state;
	assert_int_equal(NR, MF_NR_REASONS - 1);
	for (i = 0; i < NR; i++) {
		struct mf_refusal r = { all[i].reason, -12, { 0x101, 0x202, 0x303, 0x404, 0x505 } };
		const char *s = all[i].text;
		char *out = expected;
		u32 arg = 0;

		for (; *s; s++) {
			if (*s != '%')
				*out++ = *s;
			else if (*++s == 'x')
				out += sprintf(out, "0x%llx", r.args[arg++]);
			else if (*s == 'u')
				out += sprintf(out, "%llu", r.args[arg++]);
			else if (*s == 'e')
				out += sprintf(out, "12");
			else
				fail_msg("%s: unknown placeholder", all[i].text);
		}
		*out = '\0';
		assert_true(arg <= MF_REFUSAL_ARGS);
		assert_int_equal(mf_refusal_text(&r, text, sizeof(text)), strlen(expected));
		assert_string_equal(text, expected);
		assert_true(strlen(text) < 256);
	}
}

static void test_each_errno_is_negative_or_the_hosts(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < NR; i++) {
		assert_true(all[i].err <= 0 && all[i].err > -134);
		/* What gets its errno from the host says which. */
		assert_int_equal(all[i].err == 0, strstr(all[i].text, "%e") != NULL);
	}
}

static void test_names_are_the_identifiers(void **state)
{
	(void)state;
	assert_string_equal(mf_reason_name(MF_REASON_GROUP_TWICE), "GROUP_TWICE");
	assert_string_equal(mf_reason_name(MF_REASON_BISECTED), "BISECTED");
	assert_string_equal(mf_reason_name(MF_NOT_REFUSED), "NOT_REFUSED");
	assert_string_equal(mf_reason_name((enum mf_reason)1000), "UNKNOWN");
}

static void test_text_is_cut_and_terminated(void **state)
{
	struct mf_refusal r = { MF_REASON_SIZE_ZERO, -22, { 0 } };
	char text[8] = "1234567";

	(void)state;
	assert_int_equal(mf_refusal_text(&r, text, 4), strlen("the size is 0"));
	assert_string_equal(text, "the");
	assert_int_equal(text[4], '5');
	assert_int_equal(mf_refusal_text(&r, text, 1), strlen("the size is 0"));
	assert_string_equal(text, "");
	mf_refusal_text(&r, NULL, 0);
}

static void test_numbers_of_any_size(void **state)
{
	struct mf_refusal r = { MF_REASON_IOVA_WRAPS, -22, { TOP, 0 } };
	char text[128];

	(void)state;
	mf_refusal_text(&r, text, sizeof(text));
	assert_string_equal(text, "iova 0xffffffffffffffff and size 0x0 go beyond 2^64");
	r = (struct mf_refusal){ MF_REASON_BILL, -12, { TOP, 7, 0, 6 } };
	mf_refusal_text(&r, text, sizeof(text));
	assert_string_equal(text,
			    "of 18446744073709551615 pages 7 are new to the bill, which has 0 of at "
			    "most 6 (errno 12)");
}

static void test_unknown_reason_is_no_accident(void **state)
{
	struct mf_refusal r = { (enum mf_reason)MF_NR_REASONS, -22, { 0 } };
	char text[32];

	(void)state;
	mf_refusal_text(&r, text, sizeof(text));
	assert_string_equal(text, "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_reason_renders),
		cmocka_unit_test(test_each_errno_is_negative_or_the_hosts),
		cmocka_unit_test(test_names_are_the_identifiers),
		cmocka_unit_test(test_text_is_cut_and_terminated),
		cmocka_unit_test(test_numbers_of_any_size),
		cmocka_unit_test(test_unknown_reason_is_no_accident),
	};

	return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
