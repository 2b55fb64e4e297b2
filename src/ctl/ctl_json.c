/* Members of JSON objects as text for tables.
 *
 * For the printers. Nothing here fails: what is absent, or of another type than we know, is empty or a dash. */
#include "ctl/ctl_json.h"

#include <stdarg.h>

#include "base/buf.h"

struct str text_printf(struct arena *a, const char *fmt, ...)
{
	char mem[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(mem, sizeof(mem), fmt, ap);
	va_end(ap);
	if (n < 0)
		return STR("");
	return arena_str(a, str_n(mem, (size_t)n < sizeof(mem) ? (size_t)n : sizeof(mem) - 1));
}

struct str json_text(struct arena *a, const json_t *o, const char *key, int digits)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_string(v))
		return str_n(json_string_value(v), json_string_length(v));
	if (json_is_boolean(v))
		return json_is_true(v) ? STR("yes") : STR("no");
	if (json_is_number(v) && (digits || json_is_real(v)))
		return text_printf(a, "%.*f", digits, json_number_value(v));
	if (json_is_integer(v))
		return text_printf(a, "%lld", (long long)json_integer_value(v));
	return STR("");
}

struct str json_figure(struct arena *a, const json_t *o, const char *key, int digits,
		       const char *unit)
{
	struct str s = json_text(a, o, key, digits);

	return str_empty(s) ? STR("-") : text_printf(a, "%.*s%s", STR_FMT(s), unit);
}

struct str json_duration(struct arena *a, const json_t *o, const char *key, uint64_t per)
{
	const json_t *v = json_object_get(o, key);
	unsigned long long s;

	if (!json_is_integer(v))
		return STR("-");
	s = (unsigned long long)json_integer_value(v) / per;
	if (s >= 3600)
		return text_printf(a, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
	return text_printf(a, "%llu:%02llu", s / 60, s % 60);
}
