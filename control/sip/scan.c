/* The scan: one strict pass over the bytes of a message, before anything is parsed.
 *
 * For the transport's reader, on the shard's thread. It bounds everything that a later, costlier step
 * would have to walk (lines, headers, list items, parameters), refuses what two SIP implementations might
 * read differently (bare CR or LF, controls, several Content-Lengths, folded start lines), and leaves
 * views. It goes on after a fault, within the same bounds, so that an answer can be written from the
 * Via, From, To, Call-ID and CSeq that were good. RFC 3261 7, 8.2, 18.3, 20 and 25; RFC 4475. */
#include "sip/lex.h"

enum {
	SCAN_SALVAGE_MAX = 4096, /* bytes of an oversized message that are looked at */
	SCAN_CSEQ_MAX = INT32_MAX,
};

struct scan {
	char *p, *end;
	struct sip_msg *m;
	struct sip_fault fault; /* the first one; no text: none */
	int err;
	bool over; /* a limit was passed: no further */
	unsigned separators, lines;
	uint16_t via, route, record_route, contact; /* items so far */
};

/* What the line reader saw on the way. */
struct scan_line {
	struct str text;
	unsigned semis, commas;
	bool bad; /* not to be kept: a control character, a bare CR or LF, too long */
};

static void scan_fault(struct scan *s, int err, uint16_t status, const char *text, bool close)
{
	s->fault.close_stream = s->fault.close_stream || close;
	if (s->fault.text)
		return;
	s->fault.status = status;
	s->fault.text = text;
	s->err = err;
}

static void scan_bad(struct scan *s, const char *text)
{
	scan_fault(s, ERR_SYNTAX, 400, text, false);
}

static void scan_over(struct scan *s, const char *text)
{
	s->over = true;
	scan_fault(s, ERR_LIMIT, 400, text, false);
}

/* Is the control character at `at` the second half of a quoted pair inside a quoted string? *seen and *quote remember how
 * far the line was walked, so that all calls of a line together are one pass. */
static bool scan_quoted_pair(const char *at, const char **seen, bool *quote)
{
	const char *p = *seen;

	for (; p < at; p++) {
		if (*quote && *p == '\\') {
			p++;
			if (p == at) {
				*seen = at + 1;
				return true;
			}
		} else if (*p == '"') {
			*quote = !*quote;
		}
	}
	*seen = p;
	return false;
}

/* Reads one logical line, unfolding it in place unless it is the start line. False: no line end there, or not within the
 * limits; the walk ends here. */
static bool scan_line(struct scan *s, bool start_line, struct scan_line *out)
{
	struct scan_line l = {0};
	char *start = s->p, *p = start;
	const char *seen = start;
	bool quote = false;

	char *stop = s->end - start > SIP_LINE_MAX + 1 ? start + SIP_LINE_MAX + 1 : s->end;

	for (; p < stop; p++) {
		unsigned class = sip_lex[(unsigned char)*p] & (LEX_SEP | LEX_CTL);

		if (!class)
			continue;
		if (class == LEX_SEP) {
			l.semis += *p == ';';
			l.commas += *p == ',';
			if (++s->separators > SIP_SEPARATORS_MAX) {
				scan_over(s, "Too Many Separators");
				return false;
			}
			continue;
		}
		if (*p == '\r' && s->end - p >= 2 && p[1] == '\n') {
			bool folded = s->end - p >= 3 && (p[2] == ' ' || p[2] == '\t');

			if (!folded || start_line)
				goto end_of_line;
			p[0] = p[1] = ' ';
			continue;
		}
		if (scan_quoted_pair(p, &seen, &quote) && *p != '\r' && *p != '\n')
			continue;
		if (*p == '\t' && !start_line) {
			*p = ' ';
			continue;
		}
		l.bad = true;
		scan_bad(s, *p == '\r' || *p == '\n' ? "Bare CR or LF" : "Control Character");
	}
	if (stop < s->end)
		scan_over(s, "Header Line Too Long");
	else
		scan_bad(s, "No End of Headers");
	return false;

end_of_line:
	l.text = str_n(start, (size_t)(p - start));
	s->p = p + 2;
	*out = l;
	return true;
}

/* "SIP/" and something: a version, ours or another's. */
static bool scan_is_version(struct str s)
{
	return str_istarts(s, STR("SIP/"));
}

static void scan_status_line(struct scan *s, struct str line)
{
	struct sip_msg *m = s->m;
	struct str code;
	uint64_t status;

	str_cut(&line, ' ');
	code = str_cut(&line, ' ');
	if (code.len != 3 || str_to_u64(code, 699, &status) || status < 100) {
		scan_bad(s, "Bad Status Line");
		return;
	}
	m->status = (uint16_t)status;
	m->reason = line;
}

static void scan_request_line(struct scan *s, struct str line)
{
	struct sip_msg *m = s->m;
	struct str rest = line;
	struct str method = str_cut(&rest, ' ');
	struct str uri = str_cut(&rest, ' ');
	struct str version = rest;

	m->is_request = true;
	m->method_name = method;
	m->method = sip_method_lookup(method);
	if (!lex_all(uri, LEX_URI) || !scan_is_version(version) || str_find(version, ' ') >= 0) {
		scan_bad(s, "Bad Request Line");
		return;
	}
	m->ruri = uri;
	if (!str_ieq(version, STR("SIP/2.0")))
		scan_fault(s, ERR_SYNTAX, 505, "Version Not Supported", false);
}

/* False: this is not SIP at all. */
static bool scan_start_line(struct scan *s)
{
	struct scan_line l;
	struct str text, method;
	size_t last;

	if (!scan_line(s, true, &l))
		return false;
	text = l.text;
	if (scan_is_version(text)) {
		if (!str_istarts(text, STR("SIP/2.0 ")))
			scan_bad(s, "Bad Status Line");
		else
			scan_status_line(s, text);
		return true;
	}
	/* A request, if perhaps a bad one: a token in front and a version behind. */
	method = str_head(text, (size_t)str_find(text, ' '));
	text = str_trim(text);
	for (last = text.len; last > 0 && text.p[last - 1] != ' ';)
		last--;
	if (str_find(text, ' ') < 0 || !lex_all(method, LEX_TOKEN) ||
	    !scan_is_version(str_from(text, last)))
		return false;
	scan_request_line(s, l.text);
	return true;
}

/* Headers of which a second one makes the message ambiguous. */
static bool scan_single(enum sip_hdr_id id)
{
	switch (id) {
	case SIP_H_FROM:
	case SIP_H_TO:
	case SIP_H_CALL_ID:
	case SIP_H_CSEQ:
	case SIP_H_MAX_FORWARDS:
	case SIP_H_CONTENT_LENGTH:
	case SIP_H_CONTENT_TYPE:
	case SIP_H_CONTENT_DISPOSITION:
	case SIP_H_MIME_VERSION:
	case SIP_H_EXPIRES:
	case SIP_H_MIN_EXPIRES:
	case SIP_H_SESSION_EXPIRES:
	case SIP_H_MIN_SE:
	case SIP_H_RSEQ:
	case SIP_H_RACK:
	case SIP_H_REFER_TO:
	case SIP_H_REFERRED_BY:
	case SIP_H_REPLACES:
	case SIP_H_EVENT:
	case SIP_H_SUBSCRIPTION_STATE:
	case SIP_H_SUBJECT:
	case SIP_H_PRIORITY:
	case SIP_H_RETRY_AFTER:
	case SIP_H_INFO_PACKAGE:
		return true;
	default:
		return false;
	}
}

/* List items of all lines of one kind together, and parameters of each line. */
static void scan_limits(struct scan *s, const struct sip_hdr *h, const struct scan_line *l)
{
	struct str rest = h->value, item;
	unsigned items = 1;
	unsigned limit = SIP_LIST_MAX;
	uint16_t *sum = NULL;

	if (h->id == SIP_H_OTHER)
		return;
	if (sip_hdr_is_list(h->id) && l->commas) {
		items = 0;
		while (lex_item(&rest, &item))
			items++;
	}
	switch (h->id) {
	case SIP_H_VIA:
		sum = &s->via;
		limit = SIP_VIA_MAX;
		break;
	case SIP_H_ROUTE:
		sum = &s->route;
		limit = SIP_ROUTE_MAX;
		break;
	case SIP_H_RECORD_ROUTE:
		sum = &s->record_route;
		limit = SIP_ROUTE_MAX;
		break;
	case SIP_H_CONTACT:
		sum = &s->contact;
		limit = SIP_CONTACT_MAX;
		break;
	default:
		break;
	}
	if (sum)
		*sum = (uint16_t)(*sum + items);
	if ((sum ? *sum : items) > limit)
		scan_over(s, "Too Many List Items");
	else if (l->semis > SIP_PARAMS_MAX * items)
		scan_over(s, "Too Many Parameters");
}

static void scan_header(struct scan *s, const struct scan_line *l)
{
	struct sip_msg *m = s->m;
	ptrdiff_t colon = str_find(l->text, ':');
	struct sip_hdr h;

	if (l->bad)
		return;
	if (colon < 0) {
		scan_bad(s, "Header Without Colon");
		return;
	}
	h.name = str_head(l->text, (size_t)colon);
	while (h.name.len && h.name.p[h.name.len - 1] == ' ')
		h.name.len--;
	if (!lex_all(h.name, LEX_TOKEN)) {
		scan_bad(s, "Bad Header Name");
		return;
	}
	h.value = str_trim(str_from(l->text, (size_t)colon + 1));
	h.id = sip_hdr_lookup(h.name);
	scan_limits(s, &h, l);
	if (h.id != SIP_H_OTHER && !m->first[h.id]) {
		m->first[h.id] = (uint16_t)(m->n_hdr + 1);
	} else if (scan_single(h.id)) {
		scan_fault(s, ERR_SYNTAX, 400, "Duplicate Header", h.id == SIP_H_CONTENT_LENGTH);
		return;
	}
	m->hdr[m->n_hdr++] = h;
}

/* All header lines up to the empty one. False: something ended the walk before it. */
static bool scan_headers(struct scan *s)
{
	struct scan_line l;

	if (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		scan_bad(s, "Folded Start Line");
	for (;;) {
		if (s->end - s->p >= 2 && s->p[0] == '\r' && s->p[1] == '\n') {
			s->p += 2;
			return true;
		}
		if (s->lines++ == SIP_HDRS_MAX) {
			scan_over(s, "Too Many Headers");
			return false;
		}
		if (!scan_line(s, false, &l))
			return false;
		scan_header(s, &l);
		if (s->over)
			return false;
	}
}

/* Number and method; a salvaged value that is bad is forgotten. */
static void scan_cseq(struct scan *s)
{
	struct sip_msg *m = s->m;
	struct str rest = sip_msg_hdr(m, SIP_H_CSEQ);
	struct str number = str_word(&rest);
	struct str method = str_trim(rest);
	uint64_t n;

	if (!rest.p)
		return;
	if (str_to_u64(number, SCAN_CSEQ_MAX, &n) || !lex_all(method, LEX_TOKEN)) {
		scan_bad(s, "Bad CSeq");
	} else if (!m->is_request) {
		m->method_name = method;
		m->method = sip_method_lookup(method);
	} else if (!str_eq(method, m->method_name)) {
		if (m->method == SIP_M_OTHER)
			scan_fault(s, ERR_SYNTAX, 501, "Not Implemented", false);
		else
			scan_bad(s, "CSeq Method Mismatch");
	}
}

static void scan_mandatory(struct scan *s)
{
	static const struct {
		enum sip_hdr_id id;
		const char *text;
	} need[] = {
		{SIP_H_VIA, "Missing Via"},   {SIP_H_FROM, "Missing From"},
		{SIP_H_TO, "Missing To"},     {SIP_H_CALL_ID, "Missing Call-ID"},
		{SIP_H_CSEQ, "Missing CSeq"},
	};
	struct sip_msg *m = s->m;
	struct str call_id = sip_msg_hdr(m, SIP_H_CALL_ID);
	struct str hops = sip_msg_hdr(m, SIP_H_MAX_FORWARDS);
	uint64_t n;

	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++)
		if (str_empty(sip_msg_hdr(m, need[i].id)))
			scan_bad(s, need[i].text);
	if (call_id.len && str_find(call_id, ' ') >= 0)
		scan_bad(s, "Bad Call-ID");
	if (hops.p && str_to_u64(hops, 255, &n))
		scan_bad(s, "Bad Max-Forwards");
	scan_cseq(s);
}

static void scan_body(struct scan *s)
{
	struct sip_msg *m = s->m;
	struct str value = sip_msg_hdr(m, SIP_H_CONTENT_LENGTH);
	size_t have = (size_t)(s->end - s->p);
	uint64_t len = have;

	if (value.p) {
		if (value.len > 5 || str_to_u64(value, 99999, &len)) {
			scan_fault(s, ERR_SYNTAX, 400, "Bad Content-Length", true);
			return;
		}
		if (len > have) {
			scan_fault(s, ERR_SYNTAX, 400, "Body Shorter Than Content-Length", true);
			return;
		}
	}
	if (len > SIP_BODY_MAX) {
		scan_fault(s, ERR_LIMIT, 413, "Body Too Large", true);
		return;
	}
	if (len && str_empty(sip_msg_hdr(m, SIP_H_CONTENT_TYPE))) {
		scan_bad(s, "Body Without Content-Type");
		return;
	}
	m->body = str_n(s->p, (size_t)len);
	m->raw.len = (size_t)(s->p - m->raw.p) + (size_t)len;
}

static void scan_reset(struct sip_msg *m, char *data, size_t len, struct arena *arena)
{
	m->raw = str_n(data, len);
	m->is_request = false;
	m->method = SIP_M_OTHER;
	m->method_name = m->ruri = m->reason = m->body = (struct str){0};
	m->status = 0;
	m->n_hdr = 0;
	memset(m->first, 0, sizeof(m->first));
	m->arena = arena;
	memset(&m->parsed, 0, sizeof(m->parsed));
}

int sip_scan(char *data, size_t len, struct arena *arena, struct sip_msg *m,
	     struct sip_fault *fault)
{
	struct scan s = {.p = data, .end = data + len, .m = m};

	scan_reset(m, data, len, arena);
	if (len > SIP_MSG_MAX_STREAM) {
		scan_fault(&s, ERR_LIMIT, 413, "Message Too Large", true);
		s.end = data + SCAN_SALVAGE_MAX;
	}
	while (s.end - s.p >= 2 && s.p[0] == '\r' && s.p[1] == '\n')
		s.p += 2;
	m->raw = str_n(s.p, (size_t)(s.end - s.p));
	if (!scan_start_line(&s)) {
		*fault = (struct sip_fault){.text = "Not SIP", .close_stream = true};
		return ERR_SYNTAX;
	}
	if (scan_headers(&s)) {
		scan_mandatory(&s);
		scan_body(&s);
	}
	if (!s.fault.text)
		return 0;
	/* Nothing is ever said about a response or an ACK, nor to nobody (RFC 3261 8.2, 17.1). */
	if (!m->is_request || m->method == SIP_M_ACK || !m->first[SIP_H_VIA])
		s.fault.status = 0;
	*fault = s.fault;
	return s.err;
}
