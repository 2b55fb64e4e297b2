/* The SDP parser: lines first, meaning second.
 *
 * For the call layer, on the shard's thread. One pass over the bytes checks every limit and the form of every line
 * (RFC 8866 section 9) before anything is allocated; the second pass notes each line with what it is to us; then
 * each m-section is understood: connection, RTCP, direction, codecs. Unknown lines are as good as known ones, they
 * are only not understood. Hostnames are never resolved, so a name is no target. Targets that
 * would turn our media against this machine or a whole network are refused here, once, for everybody behind. */
#include "sdp/sdp.h"

static const struct {
	struct str name;
	enum sdp_line_kind kind;
} attrs[] = {
	{STR_INIT("sendrecv"), SDP_LINE_DIRECTION},
	{STR_INIT("sendonly"), SDP_LINE_DIRECTION},
	{STR_INIT("recvonly"), SDP_LINE_DIRECTION},
	{STR_INIT("inactive"), SDP_LINE_DIRECTION},
	{STR_INIT("rtpmap"), SDP_LINE_RTPMAP},
	{STR_INIT("fmtp"), SDP_LINE_FMTP},
	{STR_INIT("ptime"), SDP_LINE_PTIME},
	{STR_INIT("mid"), SDP_LINE_MID},
	{STR_INIT("rtcp"), SDP_LINE_RTCP},
	{STR_INIT("rtcp-mux"), SDP_LINE_RTCP_MUX},
	{STR_INIT("candidate"), SDP_LINE_CANDIDATE},
	{STR_INIT("group"), SDP_LINE_GROUP},
	{STR_INIT("rtcp-mux-only"), SDP_LINE_DROP},     /* RFC 8858 */
	{STR_INIT("bundle-only"), SDP_LINE_DROP},       /* RFC 9143 */
	{STR_INIT("remote-candidates"), SDP_LINE_DROP}, /* RFC 8839 */
	{STR_INIT("end-of-candidates"), SDP_LINE_DROP}, /* RFC 8840 */
	{STR_INIT("crypto"), SDP_LINE_DROP},            /* RFC 4568 */
	{STR_INIT("key-mgmt"), SDP_LINE_DROP},          /* RFC 4567 */
	{STR_INIT("fingerprint"), SDP_LINE_DROP},       /* RFC 8122 */
	{STR_INIT("setup"), SDP_LINE_DROP},             /* RFC 4145 */
	{STR_INIT("connection"), SDP_LINE_DROP},        /* RFC 4145 */
	{STR_INIT("tls-id"), SDP_LINE_DROP},            /* RFC 8842 */
	{STR_INIT("source-filter"), SDP_LINE_DROP},     /* RFC 4570 */
	{STR_INIT("altc"), SDP_LINE_DROP},              /* RFC 6947 */
	{STR_INIT("alt"), SDP_LINE_DROP},  /* candidates before ICE, still sent by some phones */
	{STR_INIT("tcap"), SDP_LINE_DROP}, /* RFC 5939: other transports and attributes of ... */
	{STR_INIT("acap"), SDP_LINE_DROP}, /* ... theirs; we take what stands in the m-line */
	{STR_INIT("pcfg"), SDP_LINE_DROP},
	{STR_INIT("acfg"), SDP_LINE_DROP},
	{STR_INIT("ccap"), SDP_LINE_DROP}, /* RFC 7006 */
};

static const struct {
	struct str name;
	enum sdp_media_type type;
} types[] = {
	{STR_INIT("audio"), SDP_AUDIO},
	{STR_INIT("video"), SDP_VIDEO},
	{STR_INIT("image"), SDP_IMAGE},
	{STR_INIT("text"), SDP_TEXT},
	{STR_INIT("application"), SDP_APPLICATION},
};

static const struct {
	struct str name;
	bool plain;
} rtp_protos[] = {
	{STR_INIT("RTP/AVP"), true},           {STR_INIT("RTP/AVPF"), true},
	{STR_INIT("RTP/SAVP"), false},         {STR_INIT("RTP/SAVPF"), false},
	{STR_INIT("UDP/TLS/RTP/SAVP"), false}, {STR_INIT("UDP/TLS/RTP/SAVPF"), false},
};

#define N(table) (sizeof(table) / sizeof((table)[0]))

/* "name:rest" of an attribute; *rest is empty without a colon. */
static struct str attr_split(struct str value, struct str *rest)
{
	*rest = value;
	return str_trim(str_cut(rest, ':'));
}

static enum sdp_line_kind attr_kind(struct str value)
{
	struct str rest, name = attr_split(value, &rest);

	if (str_istarts(name, STR("ice-")))
		return SDP_LINE_DROP;
	for (size_t i = 0; i < N(attrs); i++) {
		if (!str_ieq(name, attrs[i].name))
			continue;
		if (attrs[i].kind == SDP_LINE_GROUP && !str_ieq(str_word(&rest), STR("BUNDLE")))
			return SDP_LINE_KEEP;
		return attrs[i].kind;
	}
	return SDP_LINE_KEEP;
}

static enum sdp_line_kind line_kind(char type, struct str value)
{
	switch (type) {
	case 'o':
		return SDP_LINE_ORIGIN;
	case 't':
		return SDP_LINE_TIME;
	case 'c':
		return SDP_LINE_CONNECTION;
	case 'm':
		return SDP_LINE_MEDIA;
	case 'k':
		return SDP_LINE_DROP;
	case 'a':
		return attr_kind(value);
	default:
		return SDP_LINE_KEEP;
	}
}

/* Next line without its end. False at the end of the text; blank lines behind the last one are skipped. */
static bool line_next(struct str *rest, struct str *line)
{
	if (str_empty(*rest))
		return false;
	*line = str_cut(rest, '\n');
	if (line->len && line->p[line->len - 1] == '\r')
		line->len--;
	return !str_empty(*line) || !str_empty(str_trim(*rest));
}

static bool line_well_formed(struct str line)
{
	if (line.len < 2 || line.p[1] != '=')
		return false;
	if ((line.p[0] < 'a' || line.p[0] > 'z') && (line.p[0] < 'A' || line.p[0] > 'Z'))
		return false;
	return str_find(line, '\0') < 0 && str_find(line, '\r') < 0;
}

struct counts {
	size_t line, media, attr, candidate, origin;
};

/* Form and limits of the whole text. */
static int count_lines(struct str rest, struct counts *n)
{
	struct str line;

	if (rest.len > SDP_MAX)
		return ERR_LIMIT;
	*n = (struct counts){0};
	while (line_next(&rest, &line)) {
		if (!line_well_formed(line))
			return ERR_SYNTAX;
		if (n->line == 0 &&
		    (line.p[0] != 'v' || !str_eq(str_trim(str_from(line, 2)), STR("0"))))
			return ERR_SYNTAX;
		n->line++;
		n->media += line.p[0] == 'm';
		n->attr += line.p[0] == 'a';
		n->candidate += str_istarts(line, STR("a=candidate:"));
		n->origin += line.p[0] == 'o' && n->media == 0;
		if (line.p[0] == 'o' && n->media)
			return ERR_SYNTAX;
		if (n->line > SDP_LINE_MAX || n->media > SDP_MEDIA_MAX || n->attr > SDP_ATTR_MAX ||
		    n->candidate > SDP_CANDIDATE_MAX)
			return ERR_LIMIT;
	}
	return n->origin == 1 ? 0 : ERR_SYNTAX;
}

static void note_lines(struct sdp *s)
{
	struct str line, rest = s->text;
	int16_t media = -1;

	while (line_next(&rest, &line)) {
		struct str value = str_from(line, 2);

		media = (int16_t)(media + (line.p[0] == 'm'));
		s->line[s->n_line++] = (struct sdp_line){
			.type = line.p[0],
			.kind = (uint8_t)line_kind(line.p[0], value),
			.media = media,
			.value = value,
		};
	}
}

static int number_saturated(struct str s, uint64_t *out)
{
	int err = str_to_u64(s, UINT64_MAX, out);

	if (err != ERR_RANGE)
		return err;
	*out = UINT64_MAX;
	return 0;
}

/* o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>; the last three we replace unread. */
static int parse_origin(struct sdp *s, struct str value)
{
	struct str word[6];

	s->origin = value;
	for (size_t i = 0; i < N(word); i++) {
		word[i] = str_word(&value);
		if (str_empty(word[i]))
			return ERR_SYNTAX;
	}
	if (!str_empty(str_word(&value)))
		return ERR_SYNTAX;
	s->origin_user = word[0];
	if (number_saturated(word[1], &s->origin_id))
		return ERR_SYNTAX;
	return number_saturated(word[2], &s->origin_version) ? ERR_SYNTAX : 0;
}

/* Nobody's media may be sent there. text is how it was written: an IPv4 address in IPv6 clothes is refused as such. */
static bool target_refused(const struct addr *a, struct str text)
{
	static const uint8_t zero[12];

	if (addr_is_loopback(a) || addr_is_multicast(a) || addr_is_broadcast(a))
		return true;
	if (a->family == ADDR_V4)
		return str_find(text, ':') >= 0 || (a->ip[0] == 0 && !addr_is_any(a));
	return memcmp(a->ip, zero, sizeof(zero)) == 0 && !addr_is_any(a);
}

/* "IN IP4 192.0.2.1[/ttl]": *out is unset for a hostname or another network than the internet. */
static int parse_connection(struct str value, struct addr *out)
{
	struct str net = str_word(&value), type = str_word(&value), host = str_word(&value);
	struct addr a = {0};

	if (str_empty(host))
		return ERR_SYNTAX;
	*out = a;
	if (!str_ieq(net, STR("IN")) || (!str_ieq(type, STR("IP4")) && !str_ieq(type, STR("IP6"))))
		return 0;
	host = str_cut(&host, '/');
	if (addr_parse_ip(host, &a))
		return 0;
	if (target_refused(&a, host))
		return ERR_RANGE;
	*out = a;
	return 0;
}

/* "53020" or "53020 IN IP4 192.0.2.1" (RFC 3605); without an address that of the connection is meant. */
static int parse_rtcp(struct str value, struct addr *out, bool *own_addr)
{
	struct str port = str_word(&value);
	struct addr a = {0};
	uint64_t n;
	int err = 0;

	if (str_to_u64(port, UINT16_MAX, &n))
		return ERR_SYNTAX;
	*own_addr = !str_empty(str_trim(value));
	if (*own_addr)
		err = parse_connection(value, &a);
	if (err)
		return err;
	a.port = (uint16_t)n;
	*out = a;
	return 0;
}

static int parse_codecs(struct sdp_media *m, struct arena *a)
{
	struct str word, rest = m->fmts;
	size_t n = 0;

	while (!str_empty(str_word(&rest)))
		n++;
	if (n > SDP_FMT_MAX)
		return ERR_LIMIT;
	m->codec = arena_array(a, struct sdp_codec, n);
	if (!m->codec)
		return ERR_NOMEM;
	rest = m->fmts;
	while (!str_empty(word = str_word(&rest))) {
		uint64_t pt;

		if (str_to_u64(word, 127, &pt))
			return ERR_SYNTAX;
		(void)sdp_codec_static((uint8_t)pt, &m->codec[m->n_codec++]);
	}
	return 0;
}

/* m=<media> <port>[/<number>] <proto> <fmt> ...; a refused line may have lost its formats. */
static int parse_media_line(struct sdp_media *m, struct str value, struct arena *a)
{
	struct str ports;
	uint64_t port;

	m->type_text = str_word(&value);
	ports = str_word(&value);
	m->proto = str_word(&value);
	m->fmts = str_trim(value);
	if (str_empty(m->proto) || str_to_u64(str_cut(&ports, '/'), UINT16_MAX, &port))
		return ERR_SYNTAX;
	if (str_empty(m->fmts) && port != 0)
		return ERR_SYNTAX;
	m->port = (uint16_t)port;
	m->type = SDP_OTHER;
	for (size_t i = 0; i < N(types); i++)
		if (str_ieq(m->type_text, types[i].name))
			m->type = types[i].type;
	for (size_t i = 0; i < N(rtp_protos); i++) {
		if (!str_ieq(m->proto, rtp_protos[i].name))
			continue;
		m->is_rtp = true;
		m->plain_rtp = rtp_protos[i].plain;
	}
	return m->is_rtp ? parse_codecs(m, a) : 0;
}

/* "<pt> <encoding>/<clock>[/<channels>]"; one that makes no sense stays as a line and means nothing. */
static void parse_rtpmap(struct sdp_media *m, struct str value)
{
	struct str pt_text = str_word(&value), map = str_trim(value);
	struct str encoding = str_cut(&map, '/'), clock = str_cut(&map, '/');
	uint64_t pt, rate, channels = 1;

	if (str_to_u64(pt_text, 127, &pt) || str_empty(encoding) ||
	    str_to_u64(clock, SDP_CLOCK_MAX, &rate))
		return;
	if (!str_empty(map) && str_to_u64(map, 255, &channels))
		return;
	for (size_t i = 0; i < m->n_codec; i++) {
		if (m->codec[i].pt != pt)
			continue;
		m->codec[i].encoding = encoding;
		m->codec[i].clock_rate = (uint32_t)rate;
		m->codec[i].channels = (uint32_t)channels;
	}
}

static void parse_fmtp(struct sdp_media *m, struct str value)
{
	struct str pt_text = str_word(&value);
	uint64_t pt;

	if (str_to_u64(pt_text, 127, &pt))
		return;
	for (size_t i = 0; i < m->n_codec; i++)
		if (m->codec[i].pt == pt && str_empty(m->codec[i].fmtp))
			m->codec[i].fmtp = str_trim(value);
}

static void parse_ptime(struct sdp_media *m, struct str value)
{
	uint64_t ms;

	if (!str_to_u64(str_trim(value), 1000, &ms))
		m->ptime_ms = (uint32_t)ms;
}

/* What a section has of its own, or the session for its sections. */
struct scope {
	bool has_connection, has_rtcp, rtcp_own_addr, has_direction;
	struct addr connection, rtcp;
	enum sdp_direction direction;
};

/* One line; m is NULL at session level. */
static int parse_line(const struct sdp_line *l, struct scope *in, struct sdp_media *m)
{
	struct addr addr;
	struct str rest;
	bool own;
	int err;

	(void)attr_split(l->value, &rest);
	switch ((enum sdp_line_kind)l->kind) {
	case SDP_LINE_CONNECTION:
		err = parse_connection(l->value, &addr);
		if (err || in->has_connection)
			return err;
		in->has_connection = true;
		in->connection = addr;
		return 0;
	case SDP_LINE_RTCP:
		err = parse_rtcp(rest, &addr, &own);
		if (err || in->has_rtcp)
			return err;
		in->has_rtcp = true;
		in->rtcp = addr;
		in->rtcp_own_addr = own;
		return 0;
	case SDP_LINE_DIRECTION:
		in->has_direction = true;
		in->direction = sdp_direction_parse(l->value);
		return 0;
	case SDP_LINE_RTCP_MUX:
		if (m)
			m->rtcp_mux = true;
		return 0;
	case SDP_LINE_RTPMAP:
		if (m)
			parse_rtpmap(m, rest);
		return 0;
	case SDP_LINE_FMTP:
		if (m)
			parse_fmtp(m, rest);
		return 0;
	case SDP_LINE_PTIME:
		if (m)
			parse_ptime(m, rest);
		return 0;
	default:
		return 0;
	}
}

/* Puts together what the section says, what the session says, and what neither does. */
static void finish_media(struct sdp_media *m, const struct scope *own, const struct scope *session)
{
	struct addr target = own->has_connection ? own->connection : session->connection;

	m->direction = own->has_direction ? own->direction : session->direction;
	m->zero_connection = addr_is_any(&target);
	if (m->zero_connection)
		m->direction = sdp_direction_and(m->direction, SDP_SENDONLY);
	if (m->zero_connection || !addr_is_set(&target) || m->port == 0)
		return;
	m->connection = target;
	m->connection.port = m->port;
	if (own->has_rtcp && own->rtcp_own_addr)
		m->rtcp = own->rtcp;
	else if (own->has_rtcp || m->port < UINT16_MAX)
		m->rtcp = target;
	m->rtcp.port = own->has_rtcp ? own->rtcp.port : (uint16_t)(m->port + 1);
	if (m->rtcp.port == 0 || m->rtcp.family != target.family || addr_is_any(&m->rtcp))
		m->rtcp = (struct addr){0};
}

static int parse_sections(struct sdp *s, struct arena *a)
{
	struct scope session = {.direction = SDP_SENDRECV}, own = {0};
	struct sdp_media *m = NULL;
	int err = 0;

	for (size_t i = 0; i < s->n_line && !err; i++) {
		const struct sdp_line *l = &s->line[i];

		if (l->kind == SDP_LINE_MEDIA) {
			if (m)
				finish_media(m, &own, &session);
			own = (struct scope){0};
			m = &s->media[s->n_media++];
			err = parse_media_line(m, l->value, a);
		} else if (l->kind == SDP_LINE_ORIGIN) {
			err = parse_origin(s, l->value);
		} else {
			err = parse_line(l, m ? &own : &session, m);
		}
	}
	if (!err && m)
		finish_media(m, &own, &session);
	return err;
}

int sdp_parse(struct str text, struct arena *a, struct sdp **out)
{
	struct counts n;
	struct sdp *s;
	int err = count_lines(text, &n);

	if (err)
		return err;
	s = arena_new(a, struct sdp);
	if (!s)
		return ERR_NOMEM;
	s->text = text;
	s->line = arena_array(a, struct sdp_line, n.line);
	s->media = arena_array(a, struct sdp_media, n.media);
	if (!s->line || !s->media)
		return ERR_NOMEM;
	note_lines(s);
	err = parse_sections(s, a);
	if (err)
		return err;
	*out = s;
	return 0;
}
