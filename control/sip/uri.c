/* URIs: sip, sips and tel taken apart, others kept whole; equality of contacts.
 *
 * For everything that routes or registers, on any thread. The parts are views of the bytes as they came: a
 * user part leaves as it arrived, escapes and all. libosip2 reads each sip and sips URI too and has to agree
 * (parse_osip.c). An IPv6 address without brackets is an error (RFC 5118 4.2). RFC 3261 19.1, RFC 3966. */
#include "sip/lex.h"
#include "sip/parse.h"

/* Digits of a telephone number with what may stand between them, RFC 3966 3. */
static bool uri_is_tel(struct str number)
{
	for (size_t i = 0; i < number.len; i++)
		if (!lex_is(number.p[i], LEX_HEX) && !memchr("*#+-.()", number.p[i], 7))
			return false;
	return number.len != 0;
}

static int uri_tel(struct str rest, struct arena *a, struct sip_uri *u)
{
	struct str params = rest;
	struct str number = str_cut(&params, ';');

	if (!uri_is_tel(number))
		return ERR_SYNTAX;
	u->user = rest;
	return lex_params(str_from(rest, number.len), true, a, &u->params);
}

static int uri_sip(struct str rest, struct arena *a, struct sip_uri *u)
{
	ptrdiff_t at = str_find(rest, '@');
	struct lex_hostport hp;
	struct str all = u->raw;
	struct str tail;
	int err;

	if (at >= 0) {
		struct str info = str_head(rest, (size_t)at);
		ptrdiff_t colon = str_find(info, ':');

		u->user = str_head(info, colon < 0 ? info.len : (size_t)colon);
		if (colon >= 0)
			u->password = str_from(info, (size_t)colon + 1);
		if (str_empty(u->user))
			return ERR_SYNTAX;
		rest = str_from(rest, (size_t)at + 1);
	}
	err = lex_hostport(&rest, &hp);
	if (err)
		return err;
	u->host = hp.host;
	u->addr = hp.addr;
	u->port = hp.port;
	tail = rest;
	rest = str_cut(&tail, '?'); /* tail: the headers */
	if (str_find(rest, '@') >= 0)
		return ERR_SYNTAX;
	if (rest.p + rest.len < all.p + all.len) {
		u->headers = tail;
		if (str_empty(tail))
			return ERR_SYNTAX;
	}
	err = lex_params(rest, true, a, &u->params);
	if (err)
		return err;
	return sip_osip_uri(str_head(all, (size_t)(rest.p + rest.len - all.p)), u);
}

int sip_parse_uri(struct str s, struct arena *a, struct sip_uri *out)
{
	struct sip_uri u = {.raw = s};
	struct str rest = s;
	struct str scheme = str_cut(&rest, ':');
	int err;

	if (s.len > SIP_LINE_MAX)
		return ERR_LIMIT;
	if (!lex_all(s, LEX_URI) || !lex_escapes_ok(s) || str_empty(rest) ||
	    scheme.len + 1 > s.len || str_empty(scheme) || !lex_is(scheme.p[0], LEX_TOKEN) ||
	    lex_is(scheme.p[0], LEX_DIGIT))
		return ERR_SYNTAX;
	for (size_t i = 0; i < scheme.len; i++)
		if (!lex_is(scheme.p[i], LEX_HOST) && scheme.p[i] != '+')
			return ERR_SYNTAX;
	if (str_ieq(scheme, STR("sip")))
		u.scheme = SIP_URI_SIP;
	else if (str_ieq(scheme, STR("sips")))
		u.scheme = SIP_URI_SIPS;
	else if (str_ieq(scheme, STR("tel")))
		u.scheme = SIP_URI_TEL;
	switch (u.scheme) {
	case SIP_URI_SIP:
	case SIP_URI_SIPS:
		err = uri_sip(rest, a, &u);
		break;
	case SIP_URI_TEL:
		err = uri_tel(rest, a, &u);
		break;
	default:
		err = 0;
		break;
	}
	if (err)
		return err;
	*out = u;
	return 0;
}

const struct sip_param *sip_param_find(const struct sip_params *p, struct str name)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_ieq(p->param[i].name, name))
			return &p->param[i];
	return NULL;
}

int sip_uri_target(const struct sip_uri *u, struct arena *a, struct str *out)
{
	size_t head = (size_t)(u->host.p + u->host.len - u->raw.p), n;
	struct str part, tail = u->raw;
	char *copy;

	if (str_empty(u->host) ||
	    (str_empty(u->headers) && !sip_param_find(&u->params, STR("method")))) {
		*out = u->raw;
		return 0;
	}
	tail.len -= str_empty(u->headers) ? 0 : u->headers.len + 1;
	copy = arena_alloc(a, tail.len + 1);
	if (!copy)
		return ERR_NOMEM;
	/* Up to the first parameter: a bracket and a port may stand behind the host. */
	while (head < tail.len && tail.p[head] != ';')
		head++;
	memcpy(copy, tail.p, head);
	n = head;
	for (tail = str_from(tail, head + 1); !str_empty(tail);) {
		part = str_cut(&tail, ';');
		if (str_ieq(str_head(part, 7), STR("method=")))
			continue;
		copy[n++] = ';';
		memcpy(copy + n, part.p, part.len);
		n += part.len;
	}
	*out = str_n(copy, n);
	return 0;
}

/* Next character with its escape undone, and whether it was escaped. */
static unsigned uri_char(struct str *s, bool *escaped)
{
	unsigned char c = (unsigned char)s->p[0];
	size_t n = 1;

	*escaped = c == '%' && s->len >= 3 && lex_is(s->p[1], LEX_HEX) && lex_is(s->p[2], LEX_HEX);
	if (*escaped) {
		unsigned v = 0;

		for (n = 1; n < 3; n++) {
			unsigned h = (unsigned char)s->p[n];

			v = v << 4 | (h <= '9' ? h - '0' : (h | 0x20) - 'a' + 10);
		}
		c = (unsigned char)v;
	}
	*s = str_from(*s, n);
	return c;
}

/* RFC 3261 19.1.4: a character equals its escape unless it is reserved (RFC 2396 2.2). */
static bool uri_text_eq(struct str a, struct str b, bool fold)
{
	while (a.len && b.len) {
		bool ea, eb;
		unsigned ca = uri_char(&a, &ea);
		unsigned cb = uri_char(&b, &eb);

		if (fold && ca - 'A' < 26U)
			ca |= 0x20;
		if (fold && cb - 'A' < 26U)
			cb |= 0x20;
		if (ca != cb || (ea != eb && (ca == 0 || strchr(";/?:@&=+$,", (int)ca))))
			return false;
	}
	return a.len == b.len;
}

/* Parameters that never match when only one URI has them. */
static bool uri_param_matters(struct str name)
{
	return str_ieq(name, STR("user")) || str_ieq(name, STR("ttl")) ||
	       str_ieq(name, STR("method")) || str_ieq(name, STR("maddr")) ||
	       str_ieq(name, STR("transport"));
}

/* Every parameter of a against b; strict: it has to be there. */
static bool uri_params_match(const struct sip_params *a, const struct sip_params *b, bool strict)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct sip_param *pa = &a->param[i];
		const struct sip_param *pb = sip_param_find(b, pa->name);

		if (!pb && (strict || uri_param_matters(pa->name)))
			return false;
		if (pb &&
		    (pa->has_value != pb->has_value || !uri_text_eq(pa->value, pb->value, true)))
			return false;
	}
	return true;
}

enum { URI_HEADERS_COMPARED = 32 };

/* Every header of a has its like in b, in any order; n counts those of a. */
static bool uri_headers_in(struct str a, struct str b, size_t *n)
{
	for (*n = 0; a.len; (*n)++) {
		struct str ha = str_cut(&a, '&');
		struct str na = str_cut(&ha, '=');
		struct str rest = b;
		bool found = false;

		if (*n == URI_HEADERS_COMPARED)
			return false;
		while (rest.len && !found) {
			struct str hb = str_cut(&rest, '&');
			struct str nb = str_cut(&hb, '=');

			found = uri_text_eq(na, nb, true) && uri_text_eq(ha, hb, false);
		}
		if (!found)
			return false;
	}
	return true;
}

static bool uri_headers_eq(struct str a, struct str b)
{
	size_t na, nb;

	return uri_headers_in(a, b, &na) && uri_headers_in(b, a, &nb) && na == nb;
}

/* RFC 3966 4: visual separators do not count, case does not either. */
static bool uri_tel_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	struct str ra = a->user, rb = b->user;
	struct str na = str_cut(&ra, ';'), nb = str_cut(&rb, ';');
	size_t i = 0, j = 0;

	for (;;) {
		while (i < na.len && memchr("-.()", na.p[i], 4))
			i++;
		while (j < nb.len && memchr("-.()", nb.p[j], 4))
			j++;
		if (i == na.len || j == nb.len)
			break;
		if (!str_ieq(str_n(na.p + i, 1), str_n(nb.p + j, 1)))
			return false;
		i++;
		j++;
	}
	return i == na.len && j == nb.len && uri_params_match(&a->params, &b->params, true) &&
	       uri_params_match(&b->params, &a->params, true);
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	bool same_host;

	if (str_eq(a->raw, b->raw))
		return true;
	if (a->scheme != b->scheme)
		return false;
	if (a->scheme == SIP_URI_TEL)
		return uri_tel_eq(a, b);
	if (a->scheme == SIP_URI_OTHER)
		return false;
	same_host = addr_is_set(&a->addr) && addr_is_set(&b->addr) ? addr_ip_eq(&a->addr, &b->addr)
								   : str_ieq(a->host, b->host);
	return same_host && a->port == b->port && str_empty(a->user) == str_empty(b->user) &&
	       uri_text_eq(a->user, b->user, false) &&
	       uri_text_eq(a->password, b->password, false) &&
	       uri_params_match(&a->params, &b->params, false) &&
	       uri_params_match(&b->params, &a->params, false) &&
	       uri_headers_eq(a->headers, b->headers);
}
