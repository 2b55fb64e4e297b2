/* What names a transaction on the wire, as bytes to hash and to compare (RFC 3261 17.1.3 and 17.2.3).
 *
 * A client transaction is its branch, which we made, and the method of CSeq. A server transaction is branch, sent-by and
 * method, where ACK and CANCEL ask for their INVITE. A branch without the magic cookie comes from an RFC 2543 element: then
 * Request-URI, From tag, Call-ID, CSeq number and top Via have to agree, and their keyed hashes stand for them, so that the
 * key stays short. The thread of the layer. */
#include "sip/txn_internal.h"

static const struct str cookie = STR_INIT("z9hG4bK");

static void put_raw(struct buf *b, const void *p, size_t len)
{
	buf_str(b, str_n(p, len));
}

static void put_hash(struct buf *b, struct str s)
{
	uint64_t h = hash_bytes(s.p, s.len);

	put_raw(b, &h, sizeof h);
}

static void put_lower(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_ch(b, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i]);
}

void txn_key_client(struct buf *b, struct str branch, enum sip_method method)
{
	buf_ch(b, (char)method);
	buf_str(b, branch);
}

static uint16_t sent_by_port(const struct sip_msg *m, const struct sip_via *via)
{
	if (via->port)
		return via->port;
	return m->flow.transport == CONF_TLS || m->flow.transport == CONF_WSS ? 5061 : 5060;
}

static int key_2543(struct buf *b, struct sip_msg *m, const struct sip_via *via)
{
	const struct sip_nameaddr *from;
	const struct sip_cseq *cseq;
	int err;

	err = sip_msg_from(m, &from);
	if (err)
		return err;
	err = sip_msg_cseq(m, &cseq);
	if (err)
		return err;
	buf_ch(b, '2');
	put_hash(b, m->ruri);
	put_hash(b, sip_nameaddr_tag(from));
	put_hash(b, sip_msg_hdr(m, SIP_H_CALL_ID));
	put_hash(b, via->raw);
	put_raw(b, &cseq->number, sizeof cseq->number);
	return buf_check(b);
}

int txn_key_server(struct buf *b, struct sip_msg *m, enum sip_method method)
{
	const struct sip_via *via;
	uint16_t port;
	int err = sip_msg_via(m, &via);

	if (err)
		return err;
	buf_ch(b, (char)method);
	if (method == SIP_M_OTHER)
		put_hash(b, m->method_name);
	if (!str_istarts(via->branch, cookie) || via->branch.len == cookie.len)
		return key_2543(b, m, via);
	port = sent_by_port(m, via);
	buf_ch(b, '3');
	put_raw(b, &port, sizeof port);
	put_lower(b, via->host);
	buf_ch(b, 0);
	buf_str(b, via->branch);
	return buf_check(b);
}

/* RFC 3261 8.2.2.2: the From tag, Call-ID and CSeq of an ongoing transaction, on another branch. */
int txn_key_merge(struct buf *b, struct sip_msg *m)
{
	const struct sip_nameaddr *from;
	const struct sip_cseq *cseq;
	int err;

	err = sip_msg_from(m, &from);
	if (err)
		return err;
	err = sip_msg_cseq(m, &cseq);
	if (err)
		return err;
	put_hash(b, sip_msg_hdr(m, SIP_H_CALL_ID));
	put_hash(b, sip_nameaddr_tag(from));
	put_hash(b, cseq->method_name);
	put_raw(b, &cseq->number, sizeof cseq->number);
	return buf_check(b);
}

uint64_t txn_key_flow(const struct sip_flow *flow)
{
	return hash_mix(hash_bytes(&flow->remote, sizeof flow->remote), (uint64_t)flow->transport);
}

bool txn_key_eq(const struct hmap_node *n, const void *key)
{
	const struct txn *t = container_of(n, struct txn, node);
	const struct str *s = key;

	return t->key_len == s->len && memcmp(t->key, s->p, s->len) == 0;
}
