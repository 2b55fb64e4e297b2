/* Texts of the messages that legs send: requests in and out of dialogs, responses, and the head that all responses to one request share.
 *
 * For call_commit.c, on the shard's thread. Everything is written from the leg's own state; of the other side's messages only what sip_put_passed()
 * lets through. RFC 3261 8.1.1, 8.2.6, 12.2.1.1. */
#include "call/call_plan.h"

struct buf msg_buf(struct shard *s)
{
	return BUF_ON(s->out);
}

static void put_tagged(struct buf *b, enum sip_hdr_id id, struct str value, struct str tag)
{
	buf_str(b, sip_hdr_name(id));
	buf_c(b, ": ");
	buf_str(b, value);
	if (!str_empty(tag)) {
		buf_c(b, ";tag=");
		buf_str(b, tag);
	}
	buf_c(b, "\r\n");
}

static void put_route(struct buf *b, struct str uri)
{
	buf_c(b, "Route: <");
	buf_str(b, uri);
	buf_c(b, ">\r\n");
}

/* RFC 3261 12.2.1.1: a strict router is the R-URI and the target goes last. */
static void put_routes(struct buf *b, const struct leg *l)
{
	for (size_t i = l->strict ? 1 : 0; i < l->n_route; i++)
		put_route(b, l->route[i]);
	if (l->strict && l->n_route)
		put_route(b, l->target);
}

static void put_agent(struct buf *b, const struct leg *l, enum sip_hdr_id id)
{
	if (!str_empty(l->call->shard->conf->system.user_agent))
		sip_put(b, id, l->call->shard->conf->system.user_agent);
}

void msg_request(struct buf *b, const struct leg *l, const struct sip_flow *flow,
		 const struct msg_request *r)
{
	struct str method = str_empty(r->method_name) ? sip_method_name(r->method) : r->method_name;
	bool uas = l->role == LEG_UAS;

	sip_request_line(b, method, l->strict && l->n_route ? l->route[0] : l->target);
	sip_put_via(b, flow, r->branch);
	put_routes(b, l);
	/* 0 is not said: 70; UINT32_MAX is a 0 that was passed down to us as 1. */
	sip_put_u64(b, SIP_H_MAX_FORWARDS,
		    r->max_forwards == 0            ? 70
		    : r->max_forwards == UINT32_MAX ? 0
						    : r->max_forwards);
	put_tagged(b, SIP_H_FROM, l->local_value, l->local_tag);
	/* A UAS leg's remote value is the caller's From as it came, tag and all. */
	put_tagged(b, SIP_H_TO, l->remote_value, uas ? (struct str){0} : l->remote_tag);
	sip_put(b, SIP_H_CALL_ID, l->call_id);
	buf_c(b, "CSeq: ");
	buf_u64(b, r->cseq);
	buf_ch(b, ' ');
	buf_str(b, method);
	buf_c(b, "\r\n");
	if (r->method == SIP_M_INVITE || r->method == SIP_M_ACK)
		sip_put_contact(b, flow, l->contact_user);
	put_agent(b, l, SIP_H_USER_AGENT);
	if (r->method == SIP_M_INVITE)
		sip_put(b, SIP_H_ALLOW, STR(CALL_ALLOW));
	buf_str(b, r->extra);
	if (r->pass)
		sip_put_passed(b, r->pass);
	sip_put_body(b, str_empty(r->content_type) ? STR("application/sdp") : r->content_type,
		     r->body);
}

void msg_head(struct buf *b, const struct leg *l, struct sip_msg *m)
{
	const struct sip_nameaddr *to;
	struct str rr;
	uint16_t i = 0;

	sip_put_response_vias(b, m);
	while (sip_msg_each(m, SIP_H_RECORD_ROUTE, &i, &rr))
		sip_put(b, SIP_H_RECORD_ROUTE, rr);
	sip_put(b, SIP_H_FROM, sip_msg_hdr(m, SIP_H_FROM));
	if (sip_msg_to(m, &to) == 0 && str_empty(sip_nameaddr_tag(to)))
		put_tagged(b, SIP_H_TO, sip_msg_hdr(m, SIP_H_TO), l->local_tag);
	else
		sip_put(b, SIP_H_TO, sip_msg_hdr(m, SIP_H_TO));
	sip_put(b, SIP_H_CALL_ID, sip_msg_hdr(m, SIP_H_CALL_ID));
	sip_put(b, SIP_H_CSEQ, sip_msg_hdr(m, SIP_H_CSEQ));
}

void msg_response(struct buf *b, const struct leg *l, unsigned status, struct str reason,
		  struct str extra, struct str body, struct sip_msg *pass)
{
	sip_status_line(b, (uint16_t)status, reason);
	buf_str(b, l->in_head);
	if (status < 300)
		sip_put_contact(b, &l->flow, l->contact_user);
	put_agent(b, l, SIP_H_SERVER);
	if (status < 300 || status == 405)
		sip_put(b, SIP_H_ALLOW, STR(CALL_ALLOW));
	buf_str(b, extra);
	if (pass)
		sip_put_passed(b, pass);
	sip_put_body(b, STR("application/sdp"), body);
}
