/* String views: a pointer and a length into memory owned by somebody else; never NUL-terminated by
 * promise. Everything that reads the network works on these. Pure functions, any thread. */
#ifndef REMPART_STR_H
#define REMPART_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct str {
	const char *p;
	size_t len;
};

/* A view of a string literal. */
#define STR(lit) ((struct str){.p = "" lit, .len = sizeof(lit) - 1})
#define STR_INIT(lit)                                                                              \
	{                                                                                          \
		.p = "" lit, .len = sizeof(lit) - 1                                                \
	}
/* printf("%.*s", STR_FMT(s)) */
#define STR_FMT(s) (int)(s).len, (s).p

static inline struct str str_c(const char *c)
{
	return (struct str){.p = c, .len = c ? strlen(c) : 0};
}
static inline struct str str_n(const void *p, size_t len)
{
	return (struct str){.p = (const char *)p, .len = len};
}
static inline bool str_empty(struct str s)
{
	return s.len == 0;
}
static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
/* ASCII case-insensitive equality (SIP tokens, header names). */
bool str_ieq(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* memcmp order, and of two that start alike the shorter first; for qsort and bsearch. */
int str_cmp(struct str a, struct str b);
/* Index of c, or -1. */
ptrdiff_t str_find(struct str s, char c);
/* Index of needle, or -1. */
ptrdiff_t str_find_str(struct str s, struct str needle);
/* The part from index i on (empty when i >= len). */
struct str str_from(struct str s, size_t i);
/* The first n characters (all when n >= len). */
struct str str_head(struct str s, size_t n);
/* Without leading and trailing space, tab, CR, LF. */
struct str str_trim(struct str s);
/* Cuts *rest at the first c: returns what stood before it and moves *rest behind it; without c
 * returns all and empties *rest. A loop ends on str_empty(*rest). */
struct str str_cut(struct str *rest, char c);
/* Next token of characters other than space and tab; empty at the end. */
struct str str_word(struct str *rest);
/* Decimal digits only, no sign, no space. ERR_SYNTAX, or ERR_RANGE over max. */
int str_to_u64(struct str s, uint64_t max, uint64_t *out) MUST_CHECK;
int str_to_u32(struct str s, uint32_t *out) MUST_CHECK;
/* Copies into dst, cut to cap-1 bytes, always NUL-terminated; cap > 0. Returns dst. */
char *str_copy(char *dst, size_t cap, struct str s);
/* True where every byte is printable ASCII or >= 0x80 (no controls, no NUL). */
bool str_printable(struct str s);
/* Edit distance, or max when it is that or more (for "did you mean"); strings over 128 bytes are always max apart. */
unsigned str_distance(struct str a, struct str b, unsigned max);

#endif
