/* Values with units. The loader reads with these, the dump writes with these; what one writes the other reads. Any
 * thread. DSCP names after RFC 2474 (class selectors), RFC 2597 (assured forwarding) and RFC 3246 (expedited). */
#include "conf/value.h"

struct unit {
	struct str name;
	uint64_t factor;
};

/* Largest first: the printers take the first that divides. */
static const struct unit durations[] = {{STR_INIT("h"), 3600000},
					{STR_INIT("m"), 60000},
					{STR_INIT("s"), 1000},
					{STR_INIT("ms"), 1}};
static const struct unit sizes[] = {{STR_INIT("G"), 1ULL << 30},
				    {STR_INIT("M"), 1ULL << 20},
				    {STR_INIT("K"), 1ULL << 10},
				    {STR_INIT(""), 1}};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int scaled(struct str s, const struct unit *unit, size_t n_unit, uint64_t *out)
{
	size_t digits = 0;
	uint64_t v;
	int err;

	while (digits < s.len && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	if (digits == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < n_unit; i++) {
		if (!str_eq(str_from(s, digits), unit[i].name))
			continue;
		err = str_to_u64(str_head(s, digits), UINT64_MAX, &v);
		if (err)
			return err;
		if (__builtin_mul_overflow(v, unit[i].factor, &v))
			return ERR_RANGE;
		*out = v;
		return 0;
	}
	return ERR_SYNTAX;
}

static void scaled_text(struct buf *b, uint64_t v, const struct unit *unit, size_t n_unit)
{
	size_t i = 0;

	while (i + 1 < n_unit && (v % unit[i].factor || v == 0))
		i++;
	buf_u64(b, v / unit[i].factor);
	buf_str(b, unit[i].name);
}

int value_duration(struct str s, uint64_t *ms)
{
	return scaled(s, durations, COUNT(durations), ms);
}

void value_duration_text(struct buf *b, uint64_t ms)
{
	scaled_text(b, ms, durations, COUNT(durations));
}

int value_size(struct str s, uint64_t *bytes)
{
	return scaled(s, sizes, COUNT(sizes), bytes);
}

void value_size_text(struct buf *b, uint64_t bytes)
{
	scaled_text(b, bytes, sizes, COUNT(sizes));
}

int value_rate(struct str s, struct rate *out)
{
	struct str count = str_cut(&s, '/');
	struct rate r = {0};
	int err;

	err = str_to_u32(count, &r.count);
	if (err)
		return err;
	if (str_empty(s))
		return ERR_SYNTAX;
	err = ERR_SYNTAX;
	for (size_t i = 0; i < COUNT(durations); i++) { /* "/s" is "/1s" */
		if (str_eq(s, durations[i].name)) {
			r.per_ms = durations[i].factor;
			err = 0;
		}
	}
	if (err)
		err = value_duration(s, &r.per_ms);
	if (err)
		return err;
	if (r.per_ms == 0)
		return ERR_RANGE;
	*out = r;
	return 0;
}

void value_rate_text(struct buf *b, struct rate r)
{
	buf_u64(b, r.count);
	buf_ch(b, '/');
	value_duration_text(b, r.per_ms);
}

int value_percent(struct str s, uint32_t *out)
{
	uint64_t v;
	int err;

	if (!str_ends(s, STR("%")))
		return ERR_SYNTAX;
	err = str_to_u64(str_head(s, s.len - 1), 100, &v);
	if (err)
		return err;
	*out = (uint32_t)v;
	return 0;
}

int value_ports(struct str s, uint16_t *first, uint16_t *last)
{
	struct str left = str_cut(&s, '-');
	uint64_t a, b;
	int err;

	if (str_empty(left) || str_empty(s))
		return ERR_SYNTAX;
	err = str_to_u64(left, UINT16_MAX, &a);
	if (err)
		return err;
	err = str_to_u64(s, UINT16_MAX, &b);
	if (err)
		return err;
	if (a == 0 || a > b)
		return ERR_RANGE;
	*first = (uint16_t)a;
	*last = (uint16_t)b;
	return 0;
}

static bool digit_in(char c, char low, char high)
{
	return c >= low && c <= high;
}

int value_dscp(struct str s, uint8_t *out)
{
	uint64_t v;
	int err;

	if (str_eq(s, STR("ef"))) {
		*out = 46;
		return 0;
	}
	if (s.len == 3 && str_starts(s, STR("cs")) && digit_in(s.p[2], '0', '7')) {
		*out = (uint8_t)((s.p[2] - '0') << 3);
		return 0;
	}
	if (s.len == 4 && str_starts(s, STR("af")) && digit_in(s.p[2], '1', '4') &&
	    digit_in(s.p[3], '1', '3')) {
		*out = (uint8_t)((s.p[2] - '0') << 3 | (s.p[3] - '0') << 1);
		return 0;
	}
	err = str_to_u64(s, 63, &v);
	if (err)
		return err;
	*out = (uint8_t)v;
	return 0;
}

void value_dscp_text(struct buf *b, uint8_t dscp)
{
	unsigned class = dscp >> 3, drop = (dscp >> 1) & 3;

	if (dscp == 46) {
		buf_c(b, "ef");
	} else if (dscp % 8 == 0) {
		buf_c(b, "cs");
		buf_u64(b, class);
	} else if (class >= 1 && class <= 4 && drop && !(dscp & 1)) {
		buf_c(b, "af");
		buf_u64(b, class);
		buf_u64(b, drop);
	} else {
		buf_u64(b, dscp);
	}
}
