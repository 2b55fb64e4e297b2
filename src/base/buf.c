/* Text builder: appends to memory of the caller's and remembers whether all of it did fit.
 *
 * For everything that writes SIP, SDP, JSON, metrics or logs, on any thread. A write goes in whole or
 * not at all, and nothing goes in after one that did not fit: a message that is short of its middle is
 * worse than none. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room for len bytes, or NULL and the overflow state. */
static char *buf_take(struct buf *b, size_t len)
{
	char *at;

	if (b->overflow || len > b->cap - b->len) {
		b->overflow = true;
		return NULL;
	}
	at = b->p + b->len;
	b->len += len;
	return at;
}

void buf_str(struct buf *b, struct str s)
{
	char *at;

	if (s.len == 0)
		return;
	at = buf_take(b, s.len);
	if (at)
		memcpy(at, s.p, s.len);
}

void buf_c(struct buf *b, const char *cstr)
{
	buf_str(b, str_c(cstr));
}

void buf_ch(struct buf *b, char c)
{
	char *at = buf_take(b, 1);

	if (at)
		*at = c;
}

void buf_u64(struct buf *b, uint64_t v)
{
	char text[20];
	size_t i = sizeof(text);

	do {
		text[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_str(b, str_n(text + i, sizeof(text) - i));
}

void buf_hex(struct buf *b, const void *p, size_t len)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *byte = p;
	char *at;

	if (len > SIZE_MAX / 2) {
		b->overflow = true;
		return;
	}
	at = buf_take(b, len * 2);
	if (!at)
		return;
	for (size_t i = 0; i < len; i++) {
		at[2 * i] = digit[byte[i] >> 4];
		at[2 * i + 1] = digit[byte[i] & 15];
	}
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->cap - b->len;
	va_list ap;
	int n;

	if (b->overflow)
		return;
	va_start(ap, fmt);
	n = vsnprintf(room ? b->p + b->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n == 0)
		return;
	if (n < 0 || (size_t)n >= room) {
		b->overflow = true;
		return;
	}
	b->len += (size_t)n;
}

const char *buf_cstr(struct buf *b)
{
	if (b->len == b->cap) {
		b->len--;
		b->overflow = true;
	}
	b->p[b->len] = '\0';
	return b->p;
}
