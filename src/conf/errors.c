/* Findings about a configuration: collected over the whole load, so that the operator sees all of them at once, and
 * printed one a line in the form that editors jump to. Bounded: a file of pure noise gives a thousand lines. */
#include "conf/node.h"

#define KEPT_MAX 1000

void conf_errors_init(struct conf_errors *e)
{
	*e = (struct conf_errors){0};
	arena_init(&e->arena, 4096, 4U << 20);
}

void conf_errors_free(struct conf_errors *e)
{
	arena_free(&e->arena);
	*e = (struct conf_errors){0};
}

static bool grow(struct conf_errors *e)
{
	size_t cap = e->cap ? e->cap * 2 : 16;
	struct conf_error *bigger = arena_array(&e->arena, struct conf_error, cap);

	if (!bigger)
		return false;
	if (e->n)
		memcpy(bigger, e->error, e->n * sizeof(*bigger));
	e->error = bigger;
	e->cap = cap;
	return true;
}

void conf_errors_addv(struct conf_errors *e, struct str file, uint32_t line, uint32_t column,
		      bool warning, const char *fmt, va_list ap)
{
	struct conf_error f = {.line = line, .column = column, .warning = warning};
	char text[1024];

	if (!warning)
		e->n_fatal++;
	if (e->n >= KEPT_MAX) {
		e->n_dropped++;
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	f.text = arena_str(&e->arena, str_c(text));
	/* One file is the rule, so its name is kept once. */
	f.file = e->n && str_eq(e->error[0].file, file) ? e->error[0].file
							: arena_str(&e->arena, file);
	if (!f.text.p || !f.file.p || (e->n == e->cap && !grow(e))) {
		e->nomem = true;
		return;
	}
	e->error[e->n++] = f;
}

void conf_errors_add(struct conf_errors *e, struct str file, uint32_t line, uint32_t column,
		     bool warning, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	conf_errors_addv(e, file, line, column, warning, fmt, ap);
	va_end(ap);
}

static bool before(const struct conf_error *a, const struct conf_error *b)
{
	if (a->line != b->line)
		return a->line < b->line;
	return a->column < b->column;
}

/* Insertion: stable, and the walk left them nearly sorted. */
void conf_errors_sort(struct conf_errors *e)
{
	for (size_t i = 1; i < e->n; i++) {
		struct conf_error f = e->error[i];
		size_t j = i;

		for (; j > 0 && before(&f, &e->error[j - 1]); j--)
			e->error[j] = e->error[j - 1];
		e->error[j] = f;
	}
}

void conf_errors_print(const struct conf_errors *e, FILE *out)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct conf_error *f = &e->error[i];

		fprintf(out, "%.*s", STR_FMT(f->file));
		if (f->line) /* none: about the file as a whole */
			fprintf(out, ":%u:%u", f->line, f->column);
		fprintf(out, ": %s: %.*s\n", f->warning ? "warning" : "error", STR_FMT(f->text));
	}
	if (e->n_dropped)
		fprintf(out, "... and %zu more\n", e->n_dropped);
}
