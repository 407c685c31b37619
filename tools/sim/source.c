// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading a file, and messages that point into it.
 *
 * Only the first error of a source is told: what follows it is mostly its
 * echo.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "tools/sim/source.h"

/**
 * source_load() - read a file
 * @s: where to
 * @path: its name; "-" is standard input
 * @errors: where messages go, those of the caller about this source included
 *
 * Return: 0, or a negative errno after a message; @s needs source_free() only
 * on 0.
 */
int source_load(struct source *s, const char *path, FILE *errors)
{
	bool standard = !strcmp(path, "-");
	FILE *file = standard ? stdin : fopen(path, "r");
	int err = 0;
	size_t n;

	*s = (struct source){ .name = standard ? "standard input" : path, .errors = errors };
	if (!file) {
		err = -errno;
		fprintf(errors, "manifold: %s: %s\n", path, strerror(errno));
		return err;
	}
	s->text = malloc(SOURCE_MOST + 1);
	if (s->text) {
		n = fread(s->text, 1, SOURCE_MOST + 1, file);
		s->size = (u32)n;
	}
	if (!s->text) {
		err = -ENOMEM;
	} else if (ferror(file)) {
		err = -EIO;
		fprintf(errors, "manifold: %s: can't be read\n", s->name);
	} else if (s->size > SOURCE_MOST) {
		err = -EFBIG;
		fprintf(errors, "manifold: %s: larger than %u bytes\n", s->name, SOURCE_MOST);
	}
	if (err)
		source_free(s);
	if (!standard)
		fclose(file);
	return err;
}

void source_free(struct source *s)
{
	free(s->text);
	s->text = NULL;
}

/**
 * source_line() - the line that a byte is in, without its end
 *
 * Return: its length.
 */
u32 source_line(const struct source *s, u32 at, const char **text)
{
	u32 first = at, end = at;

	while (first && s->text[first - 1] != '\n')
		first--;
	while (end < s->size && s->text[end] != '\n')
		end++;
	*text = s->text + first;
	return end - first;
}

static char visible(char c)
{
	return c == '\t' || (c >= ' ' && c < 127) ? c : '?';
}

/**
 * source_point() - show a line, and a place in it
 */
void source_point(const struct source *s, const struct place *place, FILE *out)
{
	const char *text;
	u32 length = source_line(s, place->at, &text), i;

	fputs("    ", out);
	for (i = 0; i < length; i++)
		fputc(visible(text[i]), out);
	fputs("\n    ", out);
	for (i = 0; i + 1 < place->column; i++)
		fputc(i < length && text[i] == '\t' ? '\t' : ' ', out);
	fputs("^\n", out);
}

/**
 * source_error() - say what is wrong, and show where
 */
void source_error(struct source *s, const struct place *place, const char *format, ...)
{
	va_list args;

	if (s->failed)
		return;
	s->failed = true;
	fprintf(s->errors, "%s:%u:%u: ", s->name, place->line, place->column);
	va_start(args, format);
	vfprintf(s->errors, format, args);
	va_end(args);
	fputc('\n', s->errors);
	source_point(s, place, s->errors);
}

#define WORD_MOST 32

/* How many letters must be put in, taken out or changed. */
static u32 distance(const char *a, const char *b)
{
	u32 row[WORD_MOST + 1], i, j, n = (u32)strlen(b);

	if (strlen(a) > WORD_MOST || n > WORD_MOST)
		return WORD_MOST;
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i]; i++) {
		u32 before = row[0];

		row[0] = i + 1;
		for (j = 0; j < n; j++) {
			u32 change = before + (a[i] != b[j]);

			before = row[j + 1];
			row[j + 1] = (u32)mf_min(mf_min(row[j], row[j + 1]) + 1, change);
		}
	}
	return row[n];
}

/**
 * closest_word() - which word was meant?
 * @word: what was written
 * @nth: gives the words that would do, one after another, and NULL after the last
 * @words: passed to it
 *
 * Return: the one that is most like it, or NULL if none is like it.
 */
const char *closest_word(const char *word, const char *(*nth)(const void *, u32),
			 const void *words)
{
	u32 least = (u32)strlen(word) / 3 + 2, i, d;
	const char *best = NULL, *candidate;

	for (i = 0; (candidate = nth(words, i)); i++) {
		d = distance(word, candidate);
		if (d < least && d < strlen(candidate)) {
			least = d;
			best = candidate;
		}
	}
	return best;
}
