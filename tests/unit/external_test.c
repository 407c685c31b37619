// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pages that software devices pin, and memory they read and write: who may,
 * who pays, and what happens when the mapping is to go. Rows are those of the
 * conformance table.
 */
#include "tests/support/world.h"

#define RW	(MF_READ | MF_WRITE)
#define IOVA	(16 * MIB)

static struct world w;
static struct mf_host_group *software, *hardware;

/* What the software device does when it is asked to unpin. */
static struct device {
	u32 asked;
	u32 obeys_at;		/* the first time it does; 0: never */
	u64 again;		/* then it pins this IOVA again; 0: nothing */
	struct mf_span last;
} device;

static void asked_to_unpin(void *context, void *cookie, struct mf_span span)
{
	struct device *d = context;
	u64 pfn;

	assert_ptr_equal(cookie, &w);
	d->asked++;
	d->last = span;
	if (!d->obeys_at || d->asked < d->obeys_at)
		return;
	mf_unpin_pages(w.c, span.first, (u32)mf_span_pages(span));
	if (d->again)
		assert_int_equal(mf_pin_pages(w.c, software, d->again, 1, MF_READ, &pfn, NULL), 0);
}

static void begin(enum mf_rules rules)
{
	world_init(&w, 1024, MF_RAM_SCATTERED);
	w.by_mapping = true;
	world_open(&w, rules, 100);
	hardware = world_group(&w, world_unit(&w, &world_plain));
	software = world_group(&w, &w.units[0]);
	device = (struct device){ .obeys_at = 1 };
	w.host.unmapping = asked_to_unpin;
	w.host.unmapping_context = &device;
	assert_int_equal(mf_attach(w.c, software, MF_ATTACH_EMULATED, NULL), 0);
}

static void map(u64 iova, u64 page, u64 pages, u32 prot)
{
	assert_int_equal(world_map(&w, iova, VADDR + page * PAGE, pages * PAGE, prot, NULL), 0);
}

static void pin(u64 iova, u32 pages)
{
	u64 pfns[16], page;
	u32 i;

	assert_int_equal(mf_pin_pages(w.c, software, iova, pages, MF_READ, pfns, NULL), 0);
	for (i = 0; i < pages; i++) {
		struct mf_mapping_info m;

		page = iova + i * PAGE;
		assert_true(mf_next_mapping(w.c, page, &m) && m.span.first <= page);
		assert_true(pfns[i] ==
			    mf_ram_owner_pfn(w.owner[0], m.vaddr + (page - m.span.first)));
		assert_true(mf_ram_pinned(w.ram, pfns[i]));
	}
}

static struct mf_status status(void)
{
	struct mf_status s;

	mf_get_status(w.c, &s);
	return s;
}

static void expect(u64 pinned, u64 external, u64 billed)
{
	struct mf_user_live live = mf_user_host_live(&w.host);
	struct mf_status s = status();

	assert_true(s.pages_pinned == pinned);
	assert_true(s.pages_external == external);
	assert_true(s.pages_billed == billed);
	assert_true(live.pins == pinned + external);
	assert_true(live.billed == billed);
	check(world_check(&w));
	check(world_check_domains(&w, w.c));
}

static void end(void)
{
	check(world_end(&w));
}

/* A pin that is refused, with everything as it was. */
static void check_refused(u64 iova, u32 pages, u32 prot, int err, enum mf_reason reason)
{
	u64 before = world_fingerprint(&w, &w.c, 1), pfns[16];
	struct mf_refusal why;

	assert_int_equal(mf_pin_pages(w.c, software, iova, pages, prot, pfns, &why), err);
	assert_string_equal(mf_reason_name(why.reason), mf_reason_name(reason));
	assert_true(world_fingerprint(&w, &w.c, 1) == before);
}

static void test_row_145_type1_pins_nothing(void **state)
{
	(void)state;
	begin(MF_TYPE1);
	map(IOVA, 0, 4, RW);
	check_refused(IOVA, 1, MF_READ, -EACCES, MF_REASON_V2_ONLY);
	check_refused(IOVA, 0, MF_READ, -EACCES, MF_REASON_V2_ONLY);
	end();
}

static void test_rows_146_and_147_pages_that_are_no_range(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	map(TOP - 2 * PAGE + 1, 0, 2, RW);
	check_refused(TOP - 2 * PAGE + 1, 0, MF_READ, -EINVAL, MF_REASON_NO_PAGES);
	check_refused(TOP - 2 * PAGE + 1, 3, MF_READ, -EINVAL, MF_REASON_IOVA_WRAPS);
	pin(TOP - 2 * PAGE + 1, 2);
	expect(0, 2, 2);

	/* Unpinning stops at 2^64: what lies at 0 is not meant. */
	map(0, 2, 1, RW);
	pin(0, 1);
	mf_unpin_pages(w.c, TOP - PAGE + 1, 2);
	expect(0, 2, 2);
	end();
}

static void test_row_149_not_mapped_or_not_allowed(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 4, RW);
	map(IOVA + 4 * PAGE, 4, 2, MF_READ);
	map(IOVA + 7 * PAGE, 7, 1, MF_WRITE);
	pin(IOVA, 1);
	check_refused(IOVA - PAGE, 1, MF_READ, -EINVAL, MF_REASON_NOT_MAPPED);
	check_refused(IOVA - PAGE, 2, MF_READ, -EINVAL, MF_REASON_NOT_MAPPED);
	/* The pages before are let go, and the one pinned before is not. */
	check_refused(IOVA, 8, MF_READ, -EINVAL, MF_REASON_NOT_MAPPED);
	check_refused(IOVA, 6, MF_WRITE, -EPERM, MF_REASON_NO_RIGHT);
	check_refused(IOVA + 4 * PAGE, 1, RW, -EPERM, MF_REASON_NO_RIGHT);
	check_refused(IOVA + 7 * PAGE, 1, MF_READ, -EPERM, MF_REASON_NO_RIGHT);
	expect(0, 1, 1);
	/* Over the end of one mapping into the next. */
	pin(IOVA + 3 * PAGE, 2);
	expect(0, 3, 3);
	end();
}

static void test_pages_that_cannot_be_had(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 8, RW);
	mf_ram_owner_flag(w.owner[0], VADDR + 3 * PAGE, 1, MF_RAM_ABSENT);
	check_refused(IOVA, 8, MF_READ, -EFAULT, MF_REASON_PIN);
	/* A mapping for writing is pinned for it, whatever is asked for. */
	mf_ram_owner_flag(w.owner[0], VADDR + 3 * PAGE, 1, MF_RAM_READONLY);
	check_refused(IOVA, 8, MF_READ, -EFAULT, MF_REASON_PIN);
	/* What is no memory has no page to give away. */
	mf_ram_reserve(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + 2 * PAGE), 1);
	check_refused(IOVA, 8, MF_READ, -EINVAL, MF_REASON_PIN);
	expect(0, 0, 0);
	end();
}

static void test_row_150_invalid_vaddr_anywhere(void **state)
{
	u8 byte;

	(void)state;
	begin(MF_TYPE1V2);
	assert_int_equal(mf_attach(w.c, hardware, 0, NULL), 0);
	mf_detach(w.c, software);
	map(IOVA, 0, 4, RW);
	map(0, 4, 4, RW);
	assert_int_equal(mf_invalidate_vaddr(w.c, 0, 4 * PAGE, NULL, NULL), 0);
	check_refused(IOVA, 1, MF_READ, -EBUSY, MF_REASON_INVALID_VADDR);
	check_refused(64 * MIB, 1, MF_READ, -EBUSY, MF_REASON_INVALID_VADDR);
	assert_int_equal(mf_access(w.c, IOVA, &byte, 1, false, NULL), -EBUSY);
	assert_int_equal(mf_update_vaddr(w.c, &w.owner[0]->owner, 0, VADDR, 4 * PAGE, 0, NULL), 0);
	pin(IOVA, 1);
	assert_int_equal(mf_access(w.c, IOVA, &byte, 1, false, NULL), 0);
	end();
}

static void test_row_151_same_page_twice(void **state)
{
	u64 pfn = 0, again = 0;

	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 4, RW);
	assert_int_equal(mf_pin_pages(w.c, software, IOVA, 1, MF_READ, &pfn, NULL), 0);
	assert_int_equal(mf_pin_pages(w.c, software, IOVA, 1, RW, &again, NULL), 0);
	assert_true(pfn == again);
	assert_int_equal(mf_ram_pinned(w.ram, pfn), 1);
	expect(0, 1, 1);
	mf_unpin_pages(w.c, IOVA, 1);
	expect(0, 1, 1);
	mf_unpin_pages(w.c, IOVA, 1);
	expect(0, 0, 0);
	/* Once too often is nothing. */
	mf_unpin_pages(w.c, IOVA, 4);
	mf_unpin_pages(w.c, 0, 1);
	expect(0, 0, 0);
	end();
}

static void test_bill_without_domain_is_by_the_page(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 100, RW);
	w.owner[0]->owner.limit = 5;
	pin(IOVA, 3);
	check_refused(IOVA + 2 * PAGE, 4, MF_READ, -ENOMEM, MF_REASON_BILL);
	expect(0, 3, 3);
	/* Two of these three are paid for. */
	pin(IOVA + PAGE, 3);
	pin(IOVA + 50 * PAGE, 1);
	expect(0, 5, 5);
	mf_unpin_pages(w.c, IOVA, 1);
	pin(IOVA + 51 * PAGE, 1);
	expect(0, 5, 5);
	end();
}

static void test_bill_with_a_domain_is_the_mapping(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	assert_int_equal(mf_attach(w.c, hardware, 0, NULL), 0);
	map(IOVA, 0, 100, RW);
	w.owner[0]->owner.limit = 100;
	pin(IOVA, 16);
	expect(100, 16, 100);
	assert_int_equal(mf_ram_pinned(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR)), 2);
	mf_unpin_pages(w.c, IOVA, 8);
	expect(100, 8, 100);
	mf_unpin_pages(w.c, IOVA, 16);
	expect(100, 0, 100);
	end();
}

/* Pinned before, unpinned after, in every order with the coming and going of a domain. */
static void test_bill_over_the_life_of_a_domain(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 10, RW);
	pin(IOVA, 4);
	expect(0, 4, 4);
	assert_int_equal(mf_attach(w.c, hardware, 0, NULL), 0);
	expect(10, 4, 10);
	mf_unpin_pages(w.c, IOVA, 2);		/* billed before, with the mapping by now */
	expect(10, 2, 10);
	pin(IOVA + 6 * PAGE, 3);
	expect(10, 5, 10);
	mf_detach(w.c, hardware);
	expect(0, 5, 5);
	mf_unpin_pages(w.c, IOVA + 6 * PAGE, 1);	/* with the mapping before, itself now */
	expect(0, 4, 4);
	assert_int_equal(mf_unmap(w.c, IOVA, 10 * PAGE, NULL, NULL), 0);
	assert_int_equal(device.asked, 1);
	expect(0, 0, 0);
	end();
}

struct owners {
	u64 pages[2];
	u32 calls;
};

static void see_owner(void *context, struct mf_owner *owner, u64 pages)
{
	struct owners *o = context;

	o->pages[owner == &w.owner[1]->owner] += pages;
	o->calls++;
}

static void test_owners_are_shown_with_what_software_pinned(void **state)
{
	struct owners o = { 0 };
	struct mf_mapping_info m;
	u64 pfn;

	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 10, RW);
	assert_int_equal(mf_map(w.c, &w.owner[1]->owner, 0, VADDR, 10 * PAGE, RW, 0, NULL), 0);
	pin(IOVA, 4);
	assert_int_equal(mf_pin_pages(w.c, software, 0, 1, MF_READ, &pfn, NULL), 0);
	mf_for_each_owner(w.c, see_owner, &o);
	assert_true(o.calls == 2 && o.pages[0] == 4 && o.pages[1] == 1);
	assert_true(mf_next_mapping(w.c, IOVA, &m));
	assert_int_equal(m.external, 4);
	end();
}

static void test_unmap_asks_once_for_each_mapping(void **state)
{
	u64 unmapped, i;

	(void)state;
	begin(MF_TYPE1V2);
	assert_int_equal(mf_attach(w.c, hardware, 0, NULL), 0);
	/* More of them than a device is asked about one. */
	for (i = 0; i < 30; i++) {
		map(IOVA + i * 2 * PAGE, i, 1, RW);
		pin(IOVA + i * 2 * PAGE, 1);
	}
	expect(30, 30, 30);
	assert_int_equal(mf_unmap(w.c, IOVA, 2 * PAGE, &unmapped, NULL), 0);
	assert_int_equal(device.asked, 1);
	assert_true(device.last.first == IOVA && device.last.last == IOVA + PAGE - 1);
	assert_int_equal(mf_unmap_all(w.c, &unmapped, NULL), 0);
	assert_true(unmapped == 29 * PAGE);
	assert_int_equal(device.asked, 30);
	expect(0, 0, 0);
	end();
}

static void test_device_that_obeys_the_tenth_time(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 4, RW);
	pin(IOVA, 4);
	device.obeys_at = 10;
	assert_int_equal(mf_unmap(w.c, IOVA, 4 * PAGE, NULL, NULL), 0);
	assert_int_equal(device.asked, 10);
	expect(0, 0, 0);
	end();
}

static void test_row_121_device_that_never_unpins(void **state)
{
	u64 before, unmapped = 7;
	struct mf_refusal why;

	(void)state;
	begin(MF_TYPE1V2);
	assert_int_equal(mf_attach(w.c, hardware, 0, NULL), 0);
	map(0, 8, 4, RW);
	map(IOVA, 0, 4, RW);
	pin(IOVA + PAGE, 2);
	device.obeys_at = 0;
	before = world_fingerprint(&w, &w.c, 1);
	assert_int_equal(mf_unmap(w.c, 0, 64 * MIB, &unmapped, &why), -EBUSY);
	assert_int_equal(why.reason, MF_REASON_STILL_PINNED);
	assert_true(why.args[0] == 2 && why.args[1] == IOVA && why.args[2] == IOVA + 4 * PAGE - 1);
	assert_int_equal(device.asked, 10);
	assert_int_equal(mf_unmap_all(w.c, &unmapped, &why), -EBUSY);
	assert_int_equal(device.asked, 20);
	assert_int_equal(unmapped, 7);
	assert_true(world_fingerprint(&w, &w.c, 1) == before);
	expect(8, 2, 8);

	/* Others are not held up by it, and its end is not either. */
	assert_int_equal(mf_unmap(w.c, 0, 4 * PAGE, NULL, NULL), 0);
	mf_detach(w.c, hardware);
	expect(0, 2, 2);
	mf_detach(w.c, software);
	expect(0, 0, 0);
	end();
}

/* It obeys, and pins another page of the same range at once: that has an end, too. */
static void test_device_that_pins_again_and_again(void **state)
{
	struct mf_refusal why;

	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 4, RW);
	map(IOVA + 4 * PAGE, 4, 4, RW);
	pin(IOVA, 1);
	pin(IOVA + 4 * PAGE, 1);
	device.again = IOVA + PAGE;
	assert_int_equal(mf_unmap(w.c, IOVA, 8 * PAGE, NULL, &why), -EBUSY);
	assert_int_equal(why.reason, MF_REASON_STILL_PINNED);
	assert_true(device.asked <= 20);
	assert_int_equal(status().nr_mappings, 2);
	end();
}

/* Unpins the one mapping, and pins a page of the other. */
static void unpin_one_pin_the_other(void *context, void *cookie, struct mf_span span)
{
	u32 *asked = context;
	u64 pfn, other = span.first == IOVA ? IOVA + 4 * PAGE : IOVA;

	(void)cookie;
	assert_true(++*asked <= 20);
	mf_unpin_pages(w.c, span.first, (u32)mf_span_pages(span));
	assert_int_equal(mf_pin_pages(w.c, software, other, 1, MF_READ, &pfn, NULL), 0);
}

static void test_device_that_pins_now_here_now_there(void **state)
{
	struct mf_refusal why;
	u32 asked = 0;

	(void)state;
	begin(MF_TYPE1V2);
	w.host.unmapping = unpin_one_pin_the_other;
	w.host.unmapping_context = &asked;
	map(IOVA, 0, 4, RW);
	map(IOVA + 4 * PAGE, 4, 4, RW);
	pin(IOVA, 1);
	assert_int_equal(mf_unmap(w.c, IOVA, 8 * PAGE, NULL, &why), -EBUSY);
	assert_int_equal(why.reason, MF_REASON_STILL_PINNED);
	assert_int_equal(status().nr_mappings, 2);
	end();
}

static void test_row_152_rights_of_an_access(void **state)
{
	struct mf_refusal why;
	u8 byte = 1;

	(void)state;
	begin(MF_TYPE1V2);
	map(IOVA, 0, 1, MF_WRITE);
	map(IOVA + PAGE, 1, 1, MF_READ);
	assert_int_equal(mf_access(w.c, IOVA, &byte, 1, true, &why), -EPERM);
	assert_int_equal(why.reason, MF_REASON_NO_RIGHT);
	assert_int_equal(mf_access(w.c, IOVA, &byte, 1, false, NULL), -EPERM);
	assert_int_equal(mf_access(w.c, IOVA + PAGE, &byte, 1, true, NULL), -EPERM);
	assert_int_equal(mf_access(w.c, IOVA + PAGE, &byte, 1, false, NULL), 0);
	expect(0, 0, 0);
	end();
}

static void test_row_153_access_over_two_mappings(void **state)
{
	u8 sent[3 * PAGE], got[3 * PAGE] = { 0 };
	struct mf_refusal why;
	u32 i;

	(void)state;
	begin(MF_TYPE1V2);
	/* Neighbours here, and nowhere else. */
	map(IOVA, 40, 2, RW);
	map(IOVA + 2 * PAGE, 10, 2, RW);
	for (i = 0; i < sizeof(sent); i++)
		sent[i] = (u8)(i / 3 + i);
	assert_int_equal(mf_access(w.c, IOVA + 77, sent, sizeof(sent), true, NULL), 0);
	assert_int_equal(mf_access(w.c, IOVA + 77, got, sizeof(got), false, NULL), 0);
	assert_memory_equal(sent, got, sizeof(sent));
	mf_ram_read(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + 40 * PAGE), 77, got, 100);
	assert_memory_equal(sent, got, 100);
	mf_ram_read(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + 10 * PAGE), 0, got, PAGE);
	assert_memory_equal(sent + 2 * PAGE - 77, got, PAGE);

	/* To the last byte, and one too many. */
	assert_int_equal(mf_access(w.c, IOVA + 4 * PAGE - 1, got, 1, false, NULL), 0);
	assert_int_equal(mf_access(w.c, IOVA + 4 * PAGE - 1, got, 2, false, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_NOT_MAPPED);
	assert_true(why.args[0] == IOVA + 4 * PAGE);
	end();
}

static void test_access_that_is_no_range_or_cannot_be_copied(void **state)
{
	struct mf_refusal why;
	u8 bytes[8] = { 0 };

	(void)state;
	begin(MF_TYPE1V2);
	map(TOP - PAGE + 1, 0, 1, RW);
	assert_int_equal(mf_access(w.c, TOP, bytes, 1, false, NULL), 0);
	assert_int_equal(mf_access(w.c, TOP, bytes, 2, false, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_IOVA_WRAPS);
	assert_int_equal(mf_access(w.c, 0, bytes, 0, true, NULL), 0);
	assert_int_equal(mf_access(w.c, 0, bytes, 8, true, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_NOT_MAPPED);
	mf_ram_owner_flag(w.owner[0], VADDR, 1, MF_RAM_ABSENT);
	assert_int_equal(mf_access(w.c, TOP - 7, bytes, 8, false, &why), -EFAULT);
	assert_int_equal(why.reason, MF_REASON_COPY);
	assert_true(why.args[0] == VADDR + PAGE - 8);
	end();
}

/* A type1 container serves those who copy. */
static void test_access_with_either_type(void **state)
{
	u8 byte = 9, got = 0;

	(void)state;
	begin(MF_TYPE1);
	map(IOVA, 0, 1, RW);
	assert_int_equal(mf_access(w.c, IOVA, &byte, 1, true, NULL), 0);
	assert_int_equal(mf_access(w.c, IOVA, &got, 1, false, NULL), 0);
	assert_int_equal(got, 9);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_145_type1_pins_nothing),
		cmocka_unit_test(test_rows_146_and_147_pages_that_are_no_range),
		cmocka_unit_test(test_row_149_not_mapped_or_not_allowed),
		cmocka_unit_test(test_pages_that_cannot_be_had),
		cmocka_unit_test(test_row_150_invalid_vaddr_anywhere),
		cmocka_unit_test(test_row_151_same_page_twice),
		cmocka_unit_test(test_bill_without_domain_is_by_the_page),
		cmocka_unit_test(test_bill_with_a_domain_is_the_mapping),
		cmocka_unit_test(test_bill_over_the_life_of_a_domain),
		cmocka_unit_test(test_owners_are_shown_with_what_software_pinned),
		cmocka_unit_test(test_unmap_asks_once_for_each_mapping),
		cmocka_unit_test(test_device_that_obeys_the_tenth_time),
		cmocka_unit_test(test_row_121_device_that_never_unpins),
		cmocka_unit_test(test_device_that_pins_again_and_again),
		cmocka_unit_test(test_device_that_pins_now_here_now_there),
		cmocka_unit_test(test_row_152_rights_of_an_access),
		cmocka_unit_test(test_row_153_access_over_two_mappings),
		cmocka_unit_test(test_access_that_is_no_range_or_cannot_be_copied),
		cmocka_unit_test(test_access_with_either_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
