// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What an expression comes to. Numbers are 64 bits wide and never wrap.
 */
#include "tools/sim/scenario.h"

/**
 * evaluate() - find the value of an expression
 * @e: the expression; NULL counts as 0
 * @variables: of the loops it stands in, by their depth
 * @value: where to
 *
 * Return: false if it is below 0 or not below 2^64.
 */
bool evaluate(const struct expression *e, const u64 *variables, u64 *value)
{
	u64 left, right;

	*value = 0;
	if (!e)
		return true;
	if (e->kind == NUMBER || e->kind == VARIABLE) {
		*value = e->kind == NUMBER ? e->value : variables[e->loop];
		return true;
	}
	if (!evaluate(e->left, variables, &left) || !evaluate(e->right, variables, &right))
		return false;
	if (e->kind == SUM)
		return !__builtin_add_overflow(left, right, value);
	if (e->kind == DIFFERENCE)
		return !__builtin_sub_overflow(left, right, value);
	return !__builtin_mul_overflow(left, right, value);
}

/**
 * evaluate_range() - find where a range begins, and its size
 *
 * A range with a size is given back as it is, even if it wraps or is empty:
 * what to make of it is for who is asked to use it.
 *
 * Return: false if there is no such range.
 */
bool evaluate_range(const struct range *r, const u64 *variables, u64 *first, u64 *bytes)
{
	u64 last;

	if (!evaluate(r->first, variables, first))
		return false;
	if (r->sized)
		return evaluate(r->second, variables, bytes);
	if (!evaluate(r->second, variables, &last) || last < *first ||
	    last - *first == ~0ull)
		return false;
	*bytes = last - *first + 1;
	return true;
}
