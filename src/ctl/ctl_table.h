/* Aligned tables of text for a terminal. What peers supplied cannot move its cursor: control characters are escaped. One
 * thread. */
#ifndef REMPART_CTL_TABLE_H
#define REMPART_CTL_TABLE_H

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

#define TABLE_COLUMNS_MAX 16

struct table_row {
	struct table_row *next;
	struct str cell[TABLE_COLUMNS_MAX];
};

struct table {
	struct arena *arena;
	size_t n_column;
	struct table_row *first, *last;
	size_t next_cell;
	bool failed; /* no memory: nothing is printed */
};

/* title: "FROM|TO|STATE", one '|' between columns. */
void table_init(struct table *t, struct arena *a, const char *title);
/* Without a title. */
void table_init_plain(struct table *t, struct arena *a, size_t n_column);
/* The next cell; behind the last column a new row begins. An empty cell prints as a dash. */
void table_cell(struct table *t, struct str s);
/* Left-aligned, two spaces between columns, none at the end of a line. ERR_NOMEM. */
int table_print(const struct table *t, FILE *out) MUST_CHECK;

/* Writes text with its control characters (C0, DEL, C1, bidirectional and line separators) as \xNN. */
void text_put(struct buf *b, struct str s);
/* What text_put() writes, in the arena; empty when there is no memory. */
struct str text_safe(struct arena *a, struct str s);
/* Columns of a terminal: one for each code point. */
size_t text_width(struct str s);
void text_print(FILE *out, struct str s);

#endif
