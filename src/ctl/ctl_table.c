/* Tables and safe text.
 *
 * For the printers. User names, display names and User-Agents come from the network: an escape sequence in them would
 * be obeyed by the operator's terminal, so every control character is written out. Widths are code points. */
#include "ctl/ctl_table.h"

/* Bytes of the control character that s begins with, 0 for none: C0 and DEL; C1 (U+0080 to U+009F); U+200E,
 * U+200F, U+2028 to U+202E, U+2066 to U+2069, which turn the direction or break the line. */
static size_t control_len(struct str s)
{
	unsigned char c0 = (unsigned char)s.p[0], c1 = s.len > 1 ? (unsigned char)s.p[1] : 0,
		      c2 = s.len > 2 ? (unsigned char)s.p[2] : 0;

	if (c0 < 0x20 || c0 == 0x7f)
		return 1;
	if (c0 == 0xc2 && c1 >= 0x80 && c1 <= 0x9f)
		return 2;
	if (c0 == 0xe2 && c1 == 0x80 && (c2 == 0x8e || c2 == 0x8f || (c2 >= 0xa8 && c2 <= 0xae)))
		return 3;
	if (c0 == 0xe2 && c1 == 0x81 && c2 >= 0xa6 && c2 <= 0xa9)
		return 3;
	return 0;
}

void text_put(struct buf *b, struct str s)
{
	while (s.len) {
		size_t n = control_len(s);

		for (size_t i = 0; i < n; i++) {
			buf_c(b, "\\x");
			buf_hex(b, s.p + i, 1);
		}
		if (n == 0)
			buf_ch(b, s.p[n++]);
		s = str_from(s, n);
	}
}

struct str text_safe(struct arena *a, struct str s)
{
	size_t cap = s.len * 4 + 1;
	char *mem = arena_alloc(a, cap);
	struct buf b = buf_on(mem, mem ? cap : 0);

	text_put(&b, s);
	return buf_view(&b);
}

size_t text_width(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

void text_print(FILE *out, struct str s)
{
	while (s.len) {
		char mem[256];
		struct buf b = BUF_ON(mem);
		struct str part = str_head(s, sizeof(mem) / 4 - 4);

		/* Not through the middle of a character. */
		while (part.len < s.len && ((unsigned char)s.p[part.len] & 0xc0) == 0x80 &&
		       part.len < sizeof(mem) / 4)
			part.len++;
		text_put(&b, part);
		fwrite(b.p, 1, b.len, out);
		s = str_from(s, part.len);
	}
}

static void new_row(struct table *t)
{
	struct table_row *r = arena_new(t->arena, struct table_row);

	t->next_cell = 0;
	if (!r) {
		t->failed = true;
		return;
	}
	if (t->last)
		t->last->next = r;
	else
		t->first = r;
	t->last = r;
}

void table_init(struct table *t, struct arena *a, const char *title)
{
	struct str rest = str_c(title);

	*t = (struct table){.arena = a};
	for (struct str s = rest; !str_empty(s); str_cut(&s, '|'))
		t->n_column++;
	while (!str_empty(rest))
		table_cell(t, str_cut(&rest, '|'));
}

void table_init_plain(struct table *t, struct arena *a, size_t n_column)
{
	*t = (struct table){.arena = a, .n_column = n_column};
}

void table_cell(struct table *t, struct str s)
{
	if (t->failed)
		return;
	if (!t->last || t->next_cell == t->n_column)
		new_row(t);
	if (t->failed)
		return;
	t->last->cell[t->next_cell++] = str_empty(s) ? STR("-") : text_safe(t->arena, s);
	if (str_empty(t->last->cell[t->next_cell - 1]))
		t->failed = true;
}

int table_print(const struct table *t, FILE *out)
{
	size_t width[TABLE_COLUMNS_MAX] = {0}, w;

	if (t->failed)
		return ERR_NOMEM;
	for (const struct table_row *r = t->first; r; r = r->next)
		for (size_t i = 0; i < t->n_column; i++) {
			w = text_width(r->cell[i]);
			if (w > width[i])
				width[i] = w;
		}
	for (const struct table_row *r = t->first; r; r = r->next) {
		size_t pending = 0; /* spaces, written only before more text */

		for (size_t i = 0; i < t->n_column; i++) {
			if (str_empty(r->cell[i])) /* the last row may be short */
				break;
			fprintf(out, "%*s%.*s", (int)pending, "", STR_FMT(r->cell[i]));
			pending = width[i] - text_width(r->cell[i]) + 2;
		}
		fputc('\n', out);
	}
	return 0;
}
