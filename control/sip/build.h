/* Writing SIP messages into a struct buf. Header order: start line, Via, (Route), Max-Forwards, From, To, Call-ID, CSeq, Contact,
 * rest, Content-Type, Content-Length, body. Check buf_check() once at the end. Any thread. */
#ifndef REMPART_SIP_BUILD_H
#define REMPART_SIP_BUILD_H

#include "base/buf.h"
#include "sip/msg.h"

#define SIP_BRANCH_LEN 32 /* "z9hG4bK" + shard + random, NUL included in the arrays that hold it */

/* Fresh branch, with the shard's number inside. out has SIP_BRANCH_LEN bytes, NUL-terminated. */
void sip_branch(uint32_t shard, char out[SIP_BRANCH_LEN]);
/* The shard inside a branch of ours; UINT32_MAX for anybody else's. */
uint32_t sip_branch_shard(struct str branch);
void sip_request_line(struct buf *b, struct str method, struct str ruri);
void sip_status_line(struct buf *b, uint16_t status,
		     struct str reason); /* empty reason: the standard phrase */
const char *sip_reason(uint16_t status);
/* "Name: value\r\n" */
void sip_put(struct buf *b, enum sip_hdr_id id, struct str value);
void sip_put_u64(struct buf *b, enum sip_hdr_id id, uint64_t value);
/* The line of our Via: "Via: SIP/2.0/UDP host:port;rport;branch=...\r\n" where host is the flow's advertised address. */
void sip_put_via(struct buf *b, const struct sip_flow *flow, struct str branch);
/* The line of our Contact: "Contact: <sip:user@host:port;transport=tcp>\r\n"; user may be empty; no transport for UDP. */
void sip_put_contact(struct buf *b, const struct sip_flow *flow, struct str user);
/* Our host:port as the flow's interface advertises it (conf advertise), brackets for IPv6. */
void sip_put_hostport(struct buf *b, const struct sip_flow *flow);
/* All Vias of a request into its response, the topmost with received and rport from the packet (RFC 3581). */
void sip_put_response_vias(struct buf *b, struct sip_msg *request);
/* Every header of m whose policy is PASS. */
void sip_put_passed(struct buf *b, const struct sip_msg *m);
/* Content-Type (none when body is empty), Content-Length, blank line, body. */
void sip_put_body(struct buf *b, struct str content_type, struct str body);
/* A whole response without a body to a request, out of any dialog or in one: Vias, From, To (with to_tag added where the
 * request has none and to_tag is not empty), Call-ID, CSeq, extra (complete lines or empty), Content-Length: 0. */
void sip_build_response(struct buf *b, struct sip_msg *request, uint16_t status, struct str reason,
			struct str to_tag, struct str extra);
/* The answer to a message that sip_scan() refused, from what could be salvaged. */
void sip_build_fault(struct buf *b, struct sip_msg *salvaged, const struct sip_fault *fault);
/* Where responses to this request go: RFC 3261 18.2.2 and 3581 (the flow it came on; for UDP without rport the Via's port, unless the realm's `nat`
 * says that the sender sits behind a NAT: then the packet's port). maddr is ignored: a sender does not choose our destinations. */
struct sip_flow sip_response_flow(struct sip_msg *request);

#endif
