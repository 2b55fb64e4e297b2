/* Writing SIP: lines, addresses of ours, responses.
 *
 * For the transaction, call and registrar layers; pure functions over a builder, any thread. What goes out names the socket really
 * used, or what its interface advertises in its place; received and rport say where the packet came from,
 * whatever the sender wrote (RFC 3581 4). A response repeats of the request what RFC 3261 8.2.6 asks for
 * and nothing else, so that it is not larger than it has to be. */
#include "sip/build.h"

#include "base/rng.h"

#define BRANCH_COOKIE "z9hG4bK"
enum { BRANCH_SHARD = 4, BRANCH_RANDOM = SIP_BRANCH_LEN - 1 - 7 - BRANCH_SHARD, TAG_RANDOM = 10 };

void sip_branch(uint32_t shard, char out[SIP_BRANCH_LEN])
{
	struct buf b = buf_on(out, SIP_BRANCH_LEN);
	uint8_t be[2] = {(uint8_t)(shard >> 8), (uint8_t)shard};

	buf_c(&b, BRANCH_COOKIE);
	buf_hex(&b, be, sizeof(be));
	rng_token(out + b.len, BRANCH_RANDOM);
	out[SIP_BRANCH_LEN - 1] = '\0';
}

uint32_t sip_branch_shard(struct str branch)
{
	uint32_t shard = 0;

	if (branch.len != SIP_BRANCH_LEN - 1 || !str_starts(branch, STR(BRANCH_COOKIE)))
		return UINT32_MAX;
	branch = str_from(branch, sizeof(BRANCH_COOKIE) - 1);
	for (size_t i = 0; i < BRANCH_SHARD; i++) {
		char c = branch.p[i];

		if (c >= '0' && c <= '9')
			shard = shard << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			shard = shard << 4 | (uint32_t)(c - 'a' + 10);
		else
			return UINT32_MAX;
	}
	return shard;
}

void sip_request_line(struct buf *b, struct str method, struct str ruri)
{
	buf_str(b, method);
	buf_ch(b, ' ');
	buf_str(b, ruri);
	buf_c(b, " SIP/2.0\r\n");
}

void sip_status_line(struct buf *b, uint16_t status, struct str reason)
{
	buf_c(b, "SIP/2.0 ");
	buf_u64(b, status);
	buf_ch(b, ' ');
	buf_str(b, str_empty(reason) ? str_c(sip_reason(status)) : reason);
	buf_c(b, "\r\n");
}

static const struct {
	uint16_t status;
	const char *text;
} build_reason[] = {
	{100, "Trying"},
	{180, "Ringing"},
	{181, "Call Is Being Forwarded"},
	{182, "Queued"},
	{183, "Session Progress"},
	{199, "Early Dialog Terminated"},
	{200, "OK"},
	{202, "Accepted"},
	{204, "No Notification"},
	{300, "Multiple Choices"},
	{301, "Moved Permanently"},
	{302, "Moved Temporarily"},
	{305, "Use Proxy"},
	{380, "Alternative Service"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{402, "Payment Required"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{407, "Proxy Authentication Required"},
	{408, "Request Timeout"},
	{410, "Gone"},
	{412, "Conditional Request Failed"},
	{413, "Request Entity Too Large"},
	{414, "Request-URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Unsupported URI Scheme"},
	{417, "Unknown Resource-Priority"},
	{420, "Bad Extension"},
	{421, "Extension Required"},
	{422, "Session Interval Too Small"},
	{423, "Interval Too Brief"},
	{424, "Bad Location Information"},
	{428, "Use Identity Header"},
	{429, "Provide Referrer Identity"},
	{430, "Flow Failed"},
	{433, "Anonymity Disallowed"},
	{437, "Unsupported Credential"},
	{438, "Invalid Identity Header"},
	{439, "First Hop Lacks Outbound Support"},
	{440, "Max-Breadth Exceeded"},
	{469, "Bad Info Package"},
	{470, "Consent Needed"},
	{480, "Temporarily Unavailable"},
	{481, "Call/Transaction Does Not Exist"},
	{482, "Loop Detected"},
	{483, "Too Many Hops"},
	{484, "Address Incomplete"},
	{485, "Ambiguous"},
	{486, "Busy Here"},
	{487, "Request Terminated"},
	{488, "Not Acceptable Here"},
	{489, "Bad Event"},
	{491, "Request Pending"},
	{493, "Undecipherable"},
	{494, "Security Agreement Required"},
	{500, "Server Internal Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Server Time-out"},
	{505, "Version Not Supported"},
	{513, "Message Too Large"},
	{580, "Precondition Failure"},
	{600, "Busy Everywhere"},
	{603, "Decline"},
	{604, "Does Not Exist Anywhere"},
	{606, "Not Acceptable"},
	{607, "Unwanted"},
	{608, "Rejected"},
};

const char *sip_reason(uint16_t status)
{
	static const char *const by_class[] = {"Progress",     "OK",           "Redirection",
					       "Client Error", "Server Error", "Global Failure"};

	for (size_t i = 0; i < sizeof(build_reason) / sizeof(build_reason[0]); i++)
		if (build_reason[i].status == status)
			return build_reason[i].text;
	return status >= 100 && status < 700 ? by_class[status / 100 - 1] : "Unknown";
}

static void build_line(struct buf *b, struct str name, struct str value)
{
	buf_str(b, name);
	buf_c(b, ": ");
	buf_str(b, value);
	buf_c(b, "\r\n");
}

void sip_put(struct buf *b, enum sip_hdr_id id, struct str value)
{
	build_line(b, sip_hdr_name(id), value);
}

void sip_put_u64(struct buf *b, enum sip_hdr_id id, uint64_t value)
{
	buf_str(b, sip_hdr_name(id));
	buf_c(b, ": ");
	buf_u64(b, value);
	buf_c(b, "\r\n");
}

/* What the world shall see in the place of our socket. */
static struct addr build_our_addr(const struct sip_flow *flow)
{
	struct addr ours = flow->local;
	const struct addr *shown;

	if (!flow->realm || !flow->realm->interface)
		return ours;
	shown = &flow->realm->interface->advertise;
	if (!addr_is_set(shown) || shown->family != ours.family)
		return ours;
	ours = *shown;
	if (ours.port == 0)
		ours.port = flow->local.port;
	return ours;
}

void sip_put_hostport(struct buf *b, const struct sip_flow *flow)
{
	struct addr ours = build_our_addr(flow);
	char text[ADDR_TEXT_MAX];

	buf_c(b, addr_text(&ours, text));
}

void sip_put_via(struct buf *b, const struct sip_flow *flow, struct str branch)
{
	buf_c(b, "Via: SIP/2.0/");
	buf_str(b, sip_transport_via(flow->transport));
	buf_ch(b, ' ');
	sip_put_hostport(b, flow);
	buf_c(b, ";rport;branch=");
	buf_str(b, branch);
	buf_c(b, "\r\n");
}

void sip_put_contact(struct buf *b, const struct sip_flow *flow, struct str user)
{
	buf_c(b, "Contact: <sip:");
	if (!str_empty(user)) {
		buf_str(b, user);
		buf_ch(b, '@');
	}
	sip_put_hostport(b, flow);
	if (flow->transport != CONF_UDP) {
		buf_c(b, ";transport=");
		buf_str(b, sip_transport_param(flow->transport));
	}
	buf_c(b, ">\r\n");
}

/* The topmost Via with the packet's address in it. */
static void build_top_via(struct buf *b, const struct sip_via *via, const struct addr *from)
{
	struct str rest = via->raw;
	bool rport = sip_param_find(&via->params, STR("rport")) != NULL;
	char text[ADDR_TEXT_MAX];
	struct addr host = {0};

	buf_str(b, str_trim(str_cut(&rest, ';')));
	for (size_t i = 0; i < via->params.n; i++) {
		const struct sip_param *p = &via->params.param[i];
		bool quoted = p->has_value && p->value.p[-1] == '"';

		if (str_ieq(p->name, STR("rport")) || str_ieq(p->name, STR("received")))
			continue;
		buf_ch(b, ';');
		buf_str(b, p->name);
		if (!p->has_value)
			continue;
		buf_c(b, quoted ? "=\"" : "=");
		buf_str(b, p->value);
		if (quoted)
			buf_ch(b, '"');
	}
	if (!addr_is_set(from))
		return;
	if (rport || addr_parse_ip(via->host, &host) || !addr_ip_eq(&host, from)) {
		buf_c(b, ";received=");
		buf_c(b, addr_ip_text(from, text));
	}
	if (rport) {
		buf_c(b, ";rport=");
		buf_u64(b, from->port);
	}
}

void sip_put_response_vias(struct buf *b, struct sip_msg *request)
{
	struct sip_list_cursor c = {0};
	const struct sip_via *top;
	struct str item;

	if (sip_msg_via(request, &top))
		top = NULL;
	while (sip_msg_each_item(request, SIP_H_VIA, &c, &item)) {
		buf_c(b, "Via: ");
		if (top)
			build_top_via(b, top, &request->flow.remote);
		else
			buf_str(b, item);
		buf_c(b, "\r\n");
		top = NULL;
	}
}

/* A quoted pair can hide a control character, even a NUL: not for the next hop. */
static bool build_is_clean(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

void sip_put_passed(struct buf *b, const struct sip_msg *m)
{
	for (uint16_t i = 0; i < m->n_hdr; i++)
		if (sip_hdr_policy(m->hdr[i].id) == HDR_PASS && build_is_clean(m->hdr[i].value))
			sip_put(b, m->hdr[i].id, m->hdr[i].value);
}

void sip_put_body(struct buf *b, struct str content_type, struct str body)
{
	if (!str_empty(body))
		sip_put(b, SIP_H_CONTENT_TYPE, content_type);
	sip_put_u64(b, SIP_H_CONTENT_LENGTH, body.len);
	buf_c(b, "\r\n");
	buf_str(b, body);
}

static void build_copy(struct buf *b, const struct sip_msg *m, enum sip_hdr_id id)
{
	struct str value = sip_msg_hdr(m, id);

	if (value.p)
		sip_put(b, id, value);
}

void sip_build_response(struct buf *b, struct sip_msg *request, uint16_t status, struct str reason,
			struct str to_tag, struct str extra)
{
	struct str to = sip_msg_hdr(request, SIP_H_TO);
	const struct sip_nameaddr *na;

	sip_status_line(b, status, reason);
	sip_put_response_vias(b, request);
	build_copy(b, request, SIP_H_FROM);
	if (to.p) {
		buf_c(b, "To: ");
		buf_str(b, to);
		if (!str_empty(to_tag) && sip_msg_to(request, &na) == 0 &&
		    str_empty(sip_nameaddr_tag(na))) {
			buf_c(b, ";tag=");
			buf_str(b, to_tag);
		}
		buf_c(b, "\r\n");
	}
	build_copy(b, request, SIP_H_CALL_ID);
	build_copy(b, request, SIP_H_CSEQ);
	if (status == 100)
		build_copy(b, request, SIP_H_TIMESTAMP);
	buf_str(b, extra);
	sip_put_u64(b, SIP_H_CONTENT_LENGTH, 0);
	buf_c(b, "\r\n");
}

void sip_build_fault(struct buf *b, struct sip_msg *salvaged, const struct sip_fault *fault)
{
	char tag[TAG_RANDOM];

	rng_token(tag, sizeof(tag));
	sip_build_response(b, salvaged, fault->status, str_c(fault->text), str_n(tag, sizeof(tag)),
			   STR(""));
}

struct sip_flow sip_response_flow(struct sip_msg *request)
{
	struct sip_flow flow = request->flow;
	const struct sip_via *via;
	struct addr host = {0};
	bool behind_nat;

	if (flow.transport != CONF_UDP || sip_msg_via(request, &via) ||
	    sip_param_find(&via->params, STR("rport")))
		return flow;
	behind_nat = addr_parse_ip(via->host, &host) == 0 && !addr_ip_eq(&host, &flow.remote);
	if (flow.realm && (flow.realm->nat == CONF_NAT_REMOTE ||
			   (flow.realm->nat == CONF_NAT_AUTO && behind_nat)))
		return flow;
	flow.remote.port = via->port ? via->port : 5060;
	return flow;
}
