/* Text builder over memory of the caller's. It never writes past cap; of the first write that does not fit nothing is
 * kept, and from then on it stays in the overflow state, so the caller checks once, at the end. */
#ifndef REMPART_BUF_H
#define REMPART_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
	char *p;
	size_t len, cap;
	bool overflow;
};

static inline struct buf buf_on(void *mem, size_t cap)
{
	return (struct buf){.p = (char *)mem, .cap = cap};
}
#define BUF_ON(array) buf_on((array), sizeof(array))

void buf_str(struct buf *b, struct str s);
void buf_c(struct buf *b, const char *cstr);
void buf_ch(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v);
void buf_hex(struct buf *b, const void *p, size_t len);
/* printf into the buffer; for rare paths. Needs one byte more than the text. */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* View of what was written so far. */
static inline struct str buf_view(const struct buf *b)
{
	return str_n(b->p, b->len);
}
/* 0, or ERR_LIMIT once anything did not fit. */
static inline MUST_CHECK int buf_check(const struct buf *b)
{
	return b->overflow ? ERR_LIMIT : 0;
}
/* NUL-terminates (when full: cuts the last byte and sets overflow) and returns p. cap must be at least 1. */
const char *buf_cstr(struct buf *b);

#endif
