/* ACK and CANCEL out of the INVITE that we sent (RFC 3261 9.1 and 17.1.1.3), and the short form of that INVITE which is all
 * that these two need, so that a ringing call does not keep its SDP here.
 *
 * Reads bytes that build.c wrote: complete lines, none folded. A short form is again such bytes, without a blank line, so the
 * same walk reads both. Pure functions. */
#include "sip/txn_internal.h"

struct line_walk {
	struct str rest;
};

/* The next header line: its kind, the value and the whole line with its end; false at the blank line or the end of the text. */
static bool next_line(struct line_walk *w, enum sip_hdr_id *id, struct str *value, struct str *line)
{
	struct str text, name, start = w->rest;

	if (str_empty(w->rest))
		return false;
	text = str_cut(&w->rest, '\n');
	if (text.len && text.p[text.len - 1] == '\r')
		text.len--;
	if (str_empty(text))
		return false;
	*line = str_head(start, start.len - w->rest.len);
	name = str_trim(str_cut(&text, ':'));
	*id = sip_hdr_lookup(name);
	*value = str_trim(text);
	return true;
}

static struct line_walk walk(struct str msg, struct str *start_line)
{
	struct line_walk w = {.rest = msg};

	*start_line = str_trim(str_cut(&w.rest, '\n'));
	return w;
}

static struct str find_header(struct str msg, enum sip_hdr_id want)
{
	struct str start_line, value, line;
	struct line_walk w = walk(msg, &start_line);
	enum sip_hdr_id id;

	while (next_line(&w, &id, &value, &line))
		if (id == want)
			return value;
	return (struct str){0};
}

void txn_derive_skeleton(struct buf *b, struct str request)
{
	static const bool keep[SIP_H_COUNT] = {
		[SIP_H_VIA] = true, [SIP_H_ROUTE] = true,   [SIP_H_FROM] = true,
		[SIP_H_TO] = true,  [SIP_H_CALL_ID] = true, [SIP_H_CSEQ] = true,
	};
	struct str start_line, value, line;
	struct line_walk w = walk(request, &start_line);
	enum sip_hdr_id id;

	buf_str(b, start_line);
	buf_c(b, "\r\n");
	while (next_line(&w, &id, &value, &line))
		if (keep[id])
			buf_str(b, line);
}

static void put_header(struct buf *b, const char *name, struct str value)
{
	buf_c(b, name);
	buf_c(b, ": ");
	buf_str(b, value);
	buf_c(b, "\r\n");
}

/* The first value of a Via line; a branch of ours has no comma, and neither has the rest of what we write there. */
static struct str top_via(struct str request)
{
	struct str via = find_header(request, SIP_H_VIA);

	return str_trim(str_cut(&via, ','));
}

static void derive(struct buf *b, struct str method, struct str request, struct str to,
		   struct str lines)
{
	struct str start_line, value, line, cseq = find_header(request, SIP_H_CSEQ);
	struct line_walk w = walk(request, &start_line);
	enum sip_hdr_id id;

	(void)str_cut(&start_line, ' ');
	buf_str(b, method);
	buf_ch(b, ' ');
	buf_str(b, start_line); /* Request-URI and version */
	buf_c(b, "\r\n");
	put_header(b, "Via", top_via(request));
	while (next_line(&w, &id, &value, &line))
		if (id == SIP_H_ROUTE)
			put_header(b, "Route", value);
	put_header(b, "Max-Forwards", STR("70"));
	put_header(b, "From", find_header(request, SIP_H_FROM));
	put_header(b, "To", to);
	put_header(b, "Call-ID", find_header(request, SIP_H_CALL_ID));
	buf_c(b, "CSeq: ");
	buf_str(b, str_word(&cseq));
	buf_ch(b, ' ');
	buf_str(b, method);
	buf_c(b, "\r\n");
	buf_str(b, lines);
	buf_c(b, "Content-Length: 0\r\n\r\n");
}

void txn_derive_ack(struct buf *b, struct str request, struct str response_to)
{
	derive(b, STR("ACK"), request, response_to, STR(""));
}

void txn_derive_cancel(struct buf *b, struct str request, struct str lines)
{
	derive(b, STR("CANCEL"), request, find_header(request, SIP_H_TO), lines);
}

/* Value of a parameter in text that starts behind the header's value proper. */
static struct str param(struct str params, struct str name)
{
	while (!str_empty(params)) {
		struct str p = str_cut(&params, ';');
		struct str key = str_trim(str_cut(&p, '='));

		if (str_ieq(key, name))
			return str_trim(p);
	}
	return (struct str){0};
}

struct str txn_derive_to_tag(struct str response)
{
	struct str to = find_header(response, SIP_H_TO);
	ptrdiff_t end = -1;

	/* A name-addr's parameters stand behind the last '>', an addr-spec's behind the first ';'. */
	for (size_t i = 0; i < to.len; i++)
		if (to.p[i] == '>')
			end = (ptrdiff_t)i;
	if (end < 0)
		end = str_find(to, ';');
	if (end < 0)
		return (struct str){0};
	to = str_from(to, (size_t)end + 1);
	return param(to, STR("tag"));
}

struct str txn_derive_branch(struct str request)
{
	struct str via = top_via(request);

	(void)str_cut(&via, ';');
	return param(via, STR("branch"));
}
