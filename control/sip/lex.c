/* Characters, quotes, lists and parameters: what all SIP header fields are made of.
 *
 * For the scan and the parsers of this folder; pure functions over views, any thread. Everything is one
 * pass over its input, which the scan has bounded to one header line. RFC 3261 25.1. */
#include "sip/lex.h"

#define LEX_ALNUM (LEX_TOKEN | LEX_URI | LEX_HOST | LEX_PARAM)
#define LEX_MARK  (LEX_TOKEN | LEX_URI | LEX_PARAM)
#define LEX_OTHER (LEX_URI | LEX_PARAM)

const uint8_t sip_lex[256] = {
	[0 ... 0x1f] = LEX_CTL,
	[0x7f] = LEX_CTL,
	[0x80 ... 0xff] = LEX_PARAM,
	['g' ... 'z'] = LEX_ALNUM,
	['G' ... 'Z'] = LEX_ALNUM,
	['a' ... 'f'] = LEX_ALNUM | LEX_HEX,
	['A' ... 'F'] = LEX_ALNUM | LEX_HEX,
	['0' ... '9'] = LEX_ALNUM | LEX_HEX | LEX_DIGIT,
	['-'] = LEX_MARK | LEX_HOST,
	['.'] = LEX_MARK | LEX_HOST,
	['_'] = LEX_MARK | LEX_HOST,
	['!'] = LEX_MARK,
	['%'] = LEX_MARK,
	['*'] = LEX_MARK,
	['+'] = LEX_MARK,
	['`'] = LEX_MARK,
	['\''] = LEX_MARK,
	['~'] = LEX_MARK,
	['#'] = LEX_OTHER,
	['$'] = LEX_OTHER,
	['('] = LEX_OTHER,
	[')'] = LEX_OTHER,
	['/'] = LEX_OTHER,
	[':'] = LEX_OTHER,
	['='] = LEX_OTHER,
	['?'] = LEX_OTHER,
	['@'] = LEX_OTHER,
	['['] = LEX_OTHER,
	['\\'] = LEX_OTHER,
	[']'] = LEX_OTHER,
	['^'] = LEX_OTHER,
	['{'] = LEX_OTHER,
	['|'] = LEX_OTHER,
	['}'] = LEX_OTHER,
	['&'] = LEX_OTHER | LEX_SEP,
	[';'] = LEX_URI | LEX_SEP,
	[','] = LEX_URI | LEX_SEP,
};

bool lex_all(struct str s, unsigned class)
{
	for (size_t i = 0; i < s.len; i++)
		if (!lex_is(s.p[i], class))
			return false;
	return s.len != 0;
}

size_t lex_quoted(struct str s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

bool lex_item(struct str *rest, struct str *item)
{
	bool angle = false;
	size_t i = 0;

	if (!rest->p)
		return false;
	while (i < rest->len) {
		char c = rest->p[i];

		if (c == '"' && !angle) {
			size_t n = lex_quoted(str_from(*rest, i));

			i = n ? i + n : rest->len;
			continue;
		}
		if (c == '<')
			angle = true;
		else if (c == '>')
			angle = false;
		else if (c == ',' && !angle)
			break;
		i++;
	}
	*item = str_trim(str_head(*rest, i));
	*rest = i < rest->len ? str_from(*rest, i + 1) : (struct str){0};
	return true;
}

bool lex_escapes_ok(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] != '%')
			continue;
		if (s.len - i < 3 || !lex_is(s.p[i + 1], LEX_HEX) || !lex_is(s.p[i + 2], LEX_HEX))
			return false;
		i += 2;
	}
	return true;
}

static unsigned lex_hex(char c)
{
	return lex_is(c, LEX_DIGIT) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* A parameter's name with its escapes undone: %6C%72 is lr (RFC 3261 19.1.4). */
static int lex_plain_name(struct str *name, struct arena *a)
{
	struct str copy;
	char *to;

	if (str_find(*name, '%') < 0)
		return 0;
	if (!lex_escapes_ok(*name))
		return ERR_SYNTAX;
	copy = arena_str(a, *name);
	if (!copy.p)
		return ERR_NOMEM;
	to = (char *)(uintptr_t)copy.p;
	for (size_t i = 0; i < name->len; i++) {
		char c = name->p[i];

		if (c == '%') {
			c = (char)(lex_hex(name->p[i + 1]) << 4 | lex_hex(name->p[i + 2]));
			i += 2;
		}
		*to++ = c;
	}
	*name = str_n(copy.p, (size_t)(to - copy.p));
	return 0;
}

/* One parameter off the front of *s, which starts behind its semicolon. */
static int lex_param(struct str *s, bool uri, struct sip_param *out)
{
	unsigned class = uri ? LEX_URI : LEX_TOKEN;
	struct str rest = uri ? *s : str_trim(*s);
	size_t n = 0;

	while (n < rest.len && lex_is(rest.p[n], class) && rest.p[n] != ';' && rest.p[n] != '=')
		n++;
	if (n == 0)
		return ERR_SYNTAX;
	*out = (struct sip_param){.name = str_head(rest, n)};
	rest = str_from(rest, n);
	if (!uri)
		rest = str_trim(rest);
	if (rest.len && rest.p[0] == '=') {
		rest = str_from(rest, 1);
		if (!uri)
			rest = str_trim(rest);
		out->has_value = true;
		if (!uri && rest.len && rest.p[0] == '"') {
			n = lex_quoted(rest);
			if (n == 0)
				return ERR_SYNTAX;
			out->value = str_n(rest.p + 1, n - 2);
		} else {
			class = uri ? LEX_URI : LEX_PARAM;
			n = 0;
			while (n < rest.len && lex_is(rest.p[n], class) && rest.p[n] != ';')
				n++;
			if (n == 0)
				return ERR_SYNTAX;
			out->value = str_head(rest, n);
		}
		rest = str_from(rest, n);
		if (!uri)
			rest = str_trim(rest);
	}
	if (rest.len && rest.p[0] != ';')
		return ERR_SYNTAX;
	*s = rest;
	return 0;
}

/* Parameters that decide where a message goes or to what it belongs: two of them are an attack or a bug. */
static bool lex_once(struct str name)
{
	static const struct str once[] = {
		STR_INIT("tag"),   STR_INIT("branch"),  STR_INIT("received"),  STR_INIT("rport"),
		STR_INIT("maddr"), STR_INIT("expires"), STR_INIT("transport"),
	};

	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		if (str_ieq(once[i], name))
			return true;
	return false;
}

int lex_params(struct str s, bool uri, struct arena *a, struct sip_params *out)
{
	struct sip_param found[SIP_PARAMS_MAX];
	struct sip_params p = {.param = found};
	int err;

	while (s.len) {
		if (s.p[0] != ';')
			return ERR_SYNTAX;
		if (p.n == SIP_PARAMS_MAX)
			return ERR_LIMIT;
		s = str_from(s, 1);
		err = lex_param(&s, uri, &found[p.n]);
		if (!err && uri)
			err = lex_plain_name(&found[p.n].name, a);
		if (err)
			return err;
		if (lex_once(found[p.n].name) && sip_param_find(&p, found[p.n].name))
			return ERR_SYNTAX;
		p.n++;
	}
	if (p.n) {
		p.param = arena_array(a, struct sip_param, p.n);
		if (!p.param)
			return ERR_NOMEM;
		memcpy(p.param, found, p.n * sizeof(found[0]));
	} else {
		p.param = NULL;
	}
	*out = p;
	return 0;
}

/* All digits and dots, with a dot: has to be a good IPv4 address. */
static bool lex_dotted(struct str host)
{
	bool dot = false;

	for (size_t i = 0; i < host.len; i++) {
		if (host.p[i] == '.')
			dot = true;
		else if (!lex_is(host.p[i], LEX_DIGIT))
			return false;
	}
	return dot;
}

int lex_hostport(struct str *s, struct lex_hostport *out)
{
	struct lex_hostport hp = {0};
	struct str rest;
	uint64_t port;
	size_t n = 0;

	if (s->len && s->p[0] == '[') {
		ptrdiff_t close = str_find(*s, ']');

		if (close < 0)
			return ERR_SYNTAX;
		hp.host = str_n(s->p + 1, (size_t)close - 1);
		if (str_find(hp.host, ':') < 0 || addr_parse_ip(hp.host, &hp.addr))
			return ERR_SYNTAX;
		rest = str_from(*s, (size_t)close + 1);
	} else {
		while (n < s->len && lex_is(s->p[n], LEX_HOST))
			n++;
		hp.host = str_head(*s, n);
		if (n == 0 || n > 255)
			return ERR_SYNTAX;
		if (lex_dotted(hp.host) && addr_parse_ip(hp.host, &hp.addr))
			return ERR_SYNTAX;
		rest = str_from(*s, n);
	}
	if (str_trim(rest).len && str_trim(rest).p[0] == ':') { /* spaces: only in a Via */
		rest = str_trim(str_from(str_trim(rest), 1));
		n = 0;
		while (n < rest.len && lex_is(rest.p[n], LEX_DIGIT))
			n++;
		if (n > 5 || str_to_u64(str_head(rest, n), UINT16_MAX, &port) || port == 0)
			return ERR_SYNTAX;
		hp.port = hp.addr.port = (uint16_t)port;
		if (!addr_is_set(&hp.addr))
			hp.addr.port = 0;
		rest = str_from(rest, n);
	}
	*s = rest;
	*out = hp;
	return 0;
}
