/* Name-addrs (From, To, Contact, Route, ...) and Vias, split into views.
 *
 * For the on-demand functions of msg.c and for whoever holds such a value, on any thread. Strict where two readers could differ: nothing but
 * tokens in a display name without quotes, no space inside <>, no '?' or ',' in a URI without <>, no empty
 * parameter, no tag or branch without a value. UTF-8 in a display name is let through: phones send
 * it. RFC 3261 20.10, 20.42 and 25.1. */
#include "sip/lex.h"
#include "sip/parse.h"

static bool nameaddr_plain_display(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != ' ' && !lex_is(s.p[i], LEX_TOKEN) && (unsigned char)s.p[i] < 0x80)
			return false;
	return true;
}

/* Cuts the URI off *rest, which starts with it; what is left are the header's parameters. */
static int nameaddr_uri(struct str *rest, struct str *uri)
{
	struct str s = *rest;
	size_t n = 0;

	if (s.len && s.p[0] == '<') {
		ptrdiff_t close = str_find(s, '>');

		if (close < 0)
			return ERR_SYNTAX;
		*uri = str_n(s.p + 1, (size_t)close - 1);
		*rest = str_trim(str_from(s, (size_t)close + 1));
		return 0;
	}
	while (n < s.len && s.p[n] != ';' && s.p[n] != ' ')
		n++;
	*uri = str_head(s, n);
	*rest = str_trim(str_from(s, n));
	if (str_find(*uri, '?') >= 0 || str_find(*uri, ',') >= 0 || str_find(*rest, '@') >= 0)
		return ERR_SYNTAX;
	return 0;
}

int sip_parse_nameaddr(struct str s, struct arena *a, struct sip_nameaddr *out)
{
	struct sip_nameaddr na = {0};
	struct str rest = str_trim(s), uri;
	const struct sip_param *tag;
	ptrdiff_t angle;
	int err;

	if (str_eq(rest, STR("*"))) {
		*out = (struct sip_nameaddr){.star = true};
		return 0;
	}
	if (rest.len && rest.p[0] == '"') {
		size_t n = lex_quoted(rest);

		if (n == 0)
			return ERR_SYNTAX;
		na.display = str_n(rest.p + 1, n - 2);
		rest = str_trim(str_from(rest, n));
		if (str_empty(rest) || rest.p[0] != '<')
			return ERR_SYNTAX;
	} else {
		/* A '<' behind a ';' belongs to a parameter. */
		angle = str_find(rest, '<');
		if (angle > 0 && nameaddr_plain_display(str_head(rest, (size_t)angle))) {
			na.display = str_trim(str_head(rest, (size_t)angle));
			rest = str_from(rest, (size_t)angle);
		}
	}
	err = nameaddr_uri(&rest, &uri);
	if (!err)
		err = sip_parse_uri(uri, a, &na.uri);
	if (!err)
		err = lex_params(rest, false, a, &na.params);
	if (err)
		return err;
	tag = sip_param_find(&na.params, STR("tag"));
	if (tag && str_empty(tag->value))
		return ERR_SYNTAX;
	*out = na;
	return 0;
}

struct str sip_nameaddr_tag(const struct sip_nameaddr *na)
{
	const struct sip_param *tag = sip_param_find(&na->params, STR("tag"));

	return tag ? tag->value : STR("");
}

/* A token off the front of *rest, with the spaces around it. */
static struct str via_token(struct str *rest)
{
	struct str s = str_trim(*rest), token;
	size_t n = 0;

	while (n < s.len && lex_is(s.p[n], LEX_TOKEN))
		n++;
	token = str_head(s, n);
	*rest = str_trim(str_from(s, n));
	return token;
}

static bool via_slash(struct str *rest)
{
	if (str_empty(*rest) || rest->p[0] != '/')
		return false;
	*rest = str_from(*rest, 1);
	return true;
}

int sip_parse_via(struct str s, struct arena *a, struct sip_via *out)
{
	struct sip_via v = {.raw = str_trim(s)};
	struct str rest = v.raw, name, version;
	const struct sip_param *branch;
	struct lex_hostport hp;
	int err;

	name = via_token(&rest);
	if (!str_ieq(name, STR("SIP")) || !via_slash(&rest))
		return ERR_SYNTAX;
	version = via_token(&rest);
	if (!str_eq(version, STR("2.0")) || !via_slash(&rest))
		return ERR_SYNTAX;
	v.transport = via_token(&rest);
	if (str_empty(v.transport) || str_empty(rest) || rest.p[-1] != ' ')
		return ERR_SYNTAX;
	err = lex_hostport(&rest, &hp);
	if (!err)
		err = lex_params(str_trim(rest), false, a, &v.params);
	if (err)
		return err;
	v.host = hp.host;
	v.port = hp.port;
	branch = sip_param_find(&v.params, STR("branch"));
	if (branch && str_empty(branch->value))
		return ERR_SYNTAX;
	if (branch)
		v.branch = branch->value;
	err = sip_osip_via(&v);
	if (err)
		return err;
	*out = v;
	return 0;
}
