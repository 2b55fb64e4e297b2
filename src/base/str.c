/* String views: comparing, cutting, reading numbers.
 *
 * For every parser, on any thread: pure functions, no allocation, no locale (case is ASCII's, as in
 * RFC 3261 section 7.3.1). All take any bytes, NUL among them, and any length, 0 with a NULL pointer
 * among them. */
#include "base/str.h"

#include <assert.h>

static unsigned char str_lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

static bool str_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool str_ieq(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (str_lower(a.p[i]) != str_lower(b.p[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_head(s, prefix.len), prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_ieq(str_head(s, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	if (d)
		return d;
	return (a.len > b.len) - (a.len < b.len);
}

ptrdiff_t str_find(struct str s, char c)
{
	const char *at = s.len ? memchr(s.p, c, s.len) : NULL;

	return at ? at - s.p : -1;
}

ptrdiff_t str_find_str(struct str s, struct str needle)
{
	const char *at;

	if (needle.len == 0)
		return 0;
	if (needle.len > s.len)
		return -1;
	at = memmem(s.p, s.len, needle.p, needle.len);
	return at ? at - s.p : -1;
}

struct str str_from(struct str s, size_t i)
{
	if (i == 0)
		return s;
	if (i > s.len)
		i = s.len;
	return str_n(s.len ? s.p + i : s.p, s.len - i);
}

struct str str_head(struct str s, size_t n)
{
	return str_n(s.p, n < s.len ? n : s.len);
}

struct str str_trim(struct str s)
{
	while (s.len && str_is_space(s.p[s.len - 1]))
		s.len--;
	while (s.len && str_is_space(s.p[0])) {
		s.p++;
		s.len--;
	}
	return s;
}

struct str str_cut(struct str *rest, char c)
{
	struct str all = *rest;
	ptrdiff_t at = str_find(all, c);

	if (at < 0) {
		*rest = str_from(all, all.len);
		return all;
	}
	*rest = str_from(all, (size_t)at + 1);
	return str_head(all, (size_t)at);
}

struct str str_word(struct str *rest)
{
	struct str s = *rest;
	size_t n = 0;

	while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_from(s, 1);
	while (n < s.len && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	*rest = str_from(s, n);
	return str_head(s, n);
}

int str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	bool over = false;

	if (s.len == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9)
			return ERR_SYNTAX;
		over = over || __builtin_mul_overflow(v, 10U, &v) ||
		       __builtin_add_overflow(v, digit, &v);
	}
	if (over || v > max)
		return ERR_RANGE;
	*out = v;
	return 0;
}

int str_to_u32(struct str s, uint32_t *out)
{
	uint64_t v;
	int err = str_to_u64(s, UINT32_MAX, &v);

	if (err)
		return err;
	*out = (uint32_t)v;
	return 0;
}

char *str_copy(char *dst, size_t cap, struct str s)
{
	size_t n = s.len < cap ? s.len : cap - 1;

	assert(cap > 0);
	if (n)
		memcpy(dst, s.p, n);
	dst[n] = '\0';
	return dst;
}

bool str_printable(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

unsigned str_distance(struct str a, struct str b, unsigned max)
{
	enum { LEN_MAX = 128 };
	unsigned row[LEN_MAX + 1];

	if (a.len > LEN_MAX || b.len > LEN_MAX)
		return max;
	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned diag = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned best = diag + (a.p[i - 1] != b.p[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.len] < max ? row[b.len] : max;
}
