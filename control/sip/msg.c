/* What a scanned message holds: header by header, item by item, and the structured ones parsed when somebody asks.
 *
 * For the transaction and call layers, on the shard's thread. A parsed header is remembered in the
 * message and lives in its arena; a failure is not remembered and leaves the message as it was. RFC 3261 7.3, 8.1.1. */
#include "sip/lex.h"

static const struct str msg_method[] = {[SIP_M_OTHER] = STR_INIT(""),
#define X(m) [SIP_M_##m] = STR_INIT(#m),
					SIP_METHOD_LIST(X)
#undef X
};

enum sip_method sip_method_lookup(struct str name)
{
	for (size_t i = 1; i < sizeof(msg_method) / sizeof(msg_method[0]); i++)
		if (msg_method[i].len == name.len && msg_method[i].p[0] == name.p[0] &&
		    str_eq(msg_method[i], name))
			return (enum sip_method)i;
	return SIP_M_OTHER;
}

struct str sip_method_name(enum sip_method m)
{
	return msg_method[m];
}

struct str sip_msg_hdr(const struct sip_msg *m, enum sip_hdr_id id)
{
	uint16_t at = m->first[id];

	return at ? m->hdr[at - 1].value : (struct str){0};
}

bool sip_msg_each(const struct sip_msg *m, enum sip_hdr_id id, uint16_t *i, struct str *value)
{
	uint16_t at = *i;

	if (at == 0) {
		if (id != SIP_H_OTHER && !m->first[id])
			return false;
		at = id == SIP_H_OTHER ? 0 : (uint16_t)(m->first[id] - 1);
	}
	for (; at < m->n_hdr; at++) {
		if (m->hdr[at].id != id)
			continue;
		*value = m->hdr[at].value;
		*i = (uint16_t)(at + 1);
		return true;
	}
	*i = m->n_hdr;
	return false;
}

/* The next item, an empty one too. */
static bool msg_next_item(const struct sip_msg *m, enum sip_hdr_id id, struct sip_list_cursor *c,
			  struct str *item)
{
	while (!lex_item(&c->rest, item))
		if (!sip_msg_each(m, id, &c->i, &c->rest))
			return false;
	return true;
}

bool sip_msg_each_item(const struct sip_msg *m, enum sip_hdr_id id, struct sip_list_cursor *c,
		       struct str *item)
{
	while (msg_next_item(m, id, c, item))
		if (!str_empty(*item))
			return true;
	return false;
}

bool sip_msg_has_token(const struct sip_msg *m, enum sip_hdr_id id, struct str token)
{
	struct sip_list_cursor c = {0};
	struct str item;

	while (sip_msg_each_item(m, id, &c, &item))
		if (str_ieq(str_trim(str_cut(&item, ';')), token))
			return true;
	return false;
}

static int msg_nameaddr(struct sip_msg *m, enum sip_hdr_id id, struct sip_nameaddr **kept,
			const struct sip_nameaddr **out)
{
	struct str value = sip_msg_hdr(m, id);
	struct sip_nameaddr na, *keep;
	int err;

	if (!*kept) {
		if (!value.p)
			return ERR_NOENT;
		err = sip_parse_nameaddr(value, m->arena, &na);
		if (err)
			return err;
		if (na.star)
			return ERR_SYNTAX;
		keep = arena_new(m->arena, struct sip_nameaddr);
		if (!keep)
			return ERR_NOMEM;
		*keep = na;
		*kept = keep;
	}
	*out = *kept;
	return 0;
}

int sip_msg_from(struct sip_msg *m, const struct sip_nameaddr **out)
{
	return msg_nameaddr(m, SIP_H_FROM, &m->parsed.from, out);
}

int sip_msg_to(struct sip_msg *m, const struct sip_nameaddr **out)
{
	return msg_nameaddr(m, SIP_H_TO, &m->parsed.to, out);
}

int sip_msg_via(struct sip_msg *m, const struct sip_via **out)
{
	struct sip_list_cursor c = {0};
	struct sip_via via, *keep;
	struct str item;
	int err;

	if (!m->parsed.via) {
		if (!msg_next_item(m, SIP_H_VIA, &c, &item))
			return ERR_NOENT;
		err = sip_parse_via(item, m->arena, &via);
		if (err)
			return err;
		keep = arena_new(m->arena, struct sip_via);
		if (!keep)
			return ERR_NOMEM;
		*keep = via;
		m->parsed.via = keep;
	}
	*out = m->parsed.via;
	return 0;
}

int sip_msg_cseq(struct sip_msg *m, const struct sip_cseq **out)
{
	struct str rest = sip_msg_hdr(m, SIP_H_CSEQ), number;
	struct sip_cseq *keep;
	uint64_t n;

	if (!m->parsed.cseq) {
		if (!rest.p)
			return ERR_NOENT;
		number = str_word(&rest);
		rest = str_trim(rest);
		if (str_to_u64(number, INT32_MAX, &n) || !lex_all(rest, LEX_TOKEN))
			return ERR_SYNTAX;
		keep = arena_new(m->arena, struct sip_cseq);
		if (!keep)
			return ERR_NOMEM;
		keep->number = (uint32_t)n;
		keep->method = sip_method_lookup(rest);
		keep->method_name = rest;
		m->parsed.cseq = keep;
	}
	*out = m->parsed.cseq;
	return 0;
}

int sip_msg_ruri(struct sip_msg *m, const struct sip_uri **out)
{
	struct sip_uri uri, *keep;
	int err;

	if (!m->parsed.ruri) {
		if (!m->is_request)
			return ERR_NOENT;
		err = sip_parse_uri(m->ruri, m->arena, &uri);
		if (err)
			return err;
		if (!str_empty(uri.headers)) /* RFC 3261 19.1.1: not in a Request-URI */
			return ERR_SYNTAX;
		keep = arena_new(m->arena, struct sip_uri);
		if (!keep)
			return ERR_NOMEM;
		*keep = uri;
		m->parsed.ruri = keep;
	}
	*out = m->parsed.ruri;
	return 0;
}

/* All items of a list of name-addrs; `*` only where it may stand, and then alone. */
static int msg_nameaddrs(struct sip_msg *m, enum sip_hdr_id id, size_t limit, bool star,
			 struct sip_nameaddr **kept, size_t *n_kept)
{
	struct sip_list_cursor c = {0}, count = {0};
	struct sip_nameaddr *list;
	struct str item;
	size_t n = 0, i = 0;
	int err;

	if (*kept)
		return 0;
	while (msg_next_item(m, id, &count, &item))
		n++;
	if (n == 0)
		return 0;
	if (n > limit)
		return ERR_LIMIT;
	list = arena_array(m->arena, struct sip_nameaddr, n);
	if (!list)
		return ERR_NOMEM;
	while (i < n && msg_next_item(m, id, &c, &item)) {
		err = sip_parse_nameaddr(item, m->arena, &list[i]);
		if (err)
			return err;
		if (list[i].star && (!star || n > 1))
			return ERR_SYNTAX;
		i++;
	}
	*kept = list;
	*n_kept = n;
	return 0;
}

int sip_msg_contacts(struct sip_msg *m, struct sip_nameaddr **out, size_t *n)
{
	int err = msg_nameaddrs(m, SIP_H_CONTACT, SIP_CONTACT_MAX, true, &m->parsed.contacts,
				&m->parsed.n_contacts);

	if (err)
		return err;
	*out = m->parsed.contacts;
	*n = m->parsed.n_contacts;
	return 0;
}

int sip_msg_record_routes(struct sip_msg *m, struct sip_nameaddr **out, size_t *n)
{
	int err = msg_nameaddrs(m, SIP_H_RECORD_ROUTE, SIP_ROUTE_MAX, false,
				&m->parsed.record_routes, &m->parsed.n_record_routes);

	if (err)
		return err;
	*out = m->parsed.record_routes;
	*n = m->parsed.n_record_routes;
	return 0;
}

int sip_msg_routes(struct sip_msg *m, struct sip_nameaddr **out, size_t *n)
{
	int err = msg_nameaddrs(m, SIP_H_ROUTE, SIP_ROUTE_MAX, false, &m->parsed.routes,
				&m->parsed.n_routes);

	if (err)
		return err;
	*out = m->parsed.routes;
	*n = m->parsed.n_routes;
	return 0;
}

/* Requests that name one remote target: the dialog's (RFC 3261 8.1.1.8). */
static bool msg_one_contact(const struct sip_msg *m)
{
	if (!m->is_request)
		return m->status < 300 && m->method != SIP_M_REGISTER && m->method != SIP_M_OPTIONS;
	return m->method != SIP_M_OTHER && m->method != SIP_M_REGISTER;
}

static int msg_check(struct sip_msg *m, const char **text)
{
	struct sip_nameaddr *list;
	const struct sip_nameaddr *na;
	const struct sip_via *via;
	const struct sip_uri *uri;
	size_t n;
	int err;

	*text = "Bad Via";
	err = sip_msg_via(m, &via);
	if (err)
		return err;
	*text = "Bad From";
	err = sip_msg_from(m, &na);
	if (err)
		return err;
	*text = "Bad To";
	err = sip_msg_to(m, &na);
	if (err)
		return err;
	*text = "Bad Request-URI";
	err = m->is_request ? sip_msg_ruri(m, &uri) : 0;
	if (err)
		return err;
	*text = "Bad Contact";
	err = sip_msg_contacts(m, &list, &n);
	if (err)
		return err;
	if (n && msg_one_contact(m) && (n > 1 || list[0].star))
		return ERR_SYNTAX;
	*text = "Bad Record-Route";
	err = sip_msg_record_routes(m, &list, &n);
	if (err)
		return err;
	*text = "Bad Route";
	return sip_msg_routes(m, &list, &n);
}

int sip_msg_check(struct sip_msg *m, struct sip_fault *fault)
{
	const char *text;
	int err = msg_check(m, &text);

	if (!err)
		return 0;
	*fault = (struct sip_fault){.status = 400, .text = text};
	if (err == ERR_NOMEM)
		*fault = (struct sip_fault){.status = 500, .text = "Server Internal Error"};
	if (!m->is_request || m->method == SIP_M_ACK)
		fault->status = 0;
	return err;
}
