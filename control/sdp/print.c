/* The SDP writer: the lines that were read, in their order, with our addresses, ports and origin in the place of theirs.
 *
 * For the call layer, on the shard's thread. The reader of what is written here sees one end, us: nothing that names or
 * secures the transport of the other side leaves. Since each m-line has a port of ours to itself, groups that share
 * one (BUNDLE) and RTCP on the RTP port are not offered either; a=mid stays. Directions, codecs and all that we do
 * not know stay byte for byte. RFC 8866 section 5 gives the order of what has to be put in. */
#include "sdp/sdp.h"

#include "base/hmap.h"
#include "base/rng.h"

struct printer {
	const struct sdp *s;
	const struct sdp_rewrite *rw;
	struct buf *b;
	bool session_connection;    /* one stood at session level */
	bool session_written;       /* and is out already */
	enum sdp_direction session; /* direction at session level */
};

/* What stands in one section, seen before it is written. */
struct section {
	size_t first, end; /* lines */
	bool connection;   /* has a c= of its own */
	bool direction;    /* has a direction of its own */
	enum sdp_direction stands;
	bool refused;
};

static void write_line(struct buf *b, char type, struct str value)
{
	buf_ch(b, type);
	buf_ch(b, '=');
	buf_str(b, value);
	buf_c(b, "\r\n");
}

static void write_ip(struct buf *b, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	buf_c(b, a->family == ADDR_V6 ? "IN IP6 " : "IN IP4 ");
	buf_c(b, addr_is_set(a) ? addr_ip_text(a, text) : "0.0.0.0");
}

static void write_connection(struct buf *b, const struct addr *a)
{
	buf_c(b, "c=");
	write_ip(b, a);
	buf_c(b, "\r\n");
}

static void write_origin(struct buf *b, const struct sdp_rewrite *rw)
{
	buf_c(b, "o=");
	buf_str(b, str_empty(rw->username) ? STR("-") : rw->username);
	buf_ch(b, ' ');
	buf_u64(b, rw->session_id);
	buf_ch(b, ' ');
	buf_u64(b, rw->version);
	buf_ch(b, ' ');
	write_ip(b, &rw->origin_addr);
	buf_c(b, "\r\n");
}

static void write_media(struct buf *b, const struct sdp_media *m, uint16_t port)
{
	buf_c(b, "m=");
	buf_str(b, m->type_text);
	buf_ch(b, ' ');
	buf_u64(b, port);
	buf_ch(b, ' ');
	buf_str(b, m->proto);
	buf_c(b, str_empty(m->fmts) ? "" : " ");
	buf_str(b, m->fmts);
	buf_c(b, "\r\n");
}

static void write_direction(struct buf *b, enum sdp_direction d)
{
	write_line(b, 'a', sdp_direction_name(d));
}

/* The attribute in the form in which it stood: with an address or without. */
static void write_rtcp(struct buf *b, struct str stood, const struct addr *local)
{
	(void)str_cut(&stood, ':');
	(void)str_word(&stood);
	buf_c(b, "a=rtcp:");
	buf_u64(b, local->port + 1U);
	if (!str_empty(str_trim(stood))) {
		buf_ch(b, ' ');
		write_ip(b, local);
	}
	buf_c(b, "\r\n");
}

static struct section look_at(const struct printer *p, size_t first, const struct sdp_media *m,
			      const struct sdp_local_media *local)
{
	struct section c = {.first = first, .end = first + 1, .stands = p->session};

	for (; c.end < p->s->n_line && p->s->line[c.end].kind != SDP_LINE_MEDIA; c.end++) {
		const struct sdp_line *l = &p->s->line[c.end];

		c.connection |= l->kind == SDP_LINE_CONNECTION;
		if (l->kind == SDP_LINE_DIRECTION) {
			c.direction = true;
			c.stands = sdp_direction_parse(l->value);
		}
	}
	c.refused = !m->plain_rtp || m->port == 0 || local->addr.port == 0;
	return c;
}

/* Whether a section without a c= gets one: when none stands above it, or not its own address. */
static bool needs_connection(const struct printer *p, const struct section *c,
			     const struct addr *local)
{
	if (c->connection)
		return false;
	if (!p->session_connection)
		return true;
	return !c->refused && !addr_ip_eq(local, &p->rw->origin_addr);
}

static void write_section_line(struct printer *p, const struct sdp_line *l, const struct section *c,
			       const struct sdp_local_media *local, bool *connection_written)
{
	switch ((enum sdp_line_kind)l->kind) {
	case SDP_LINE_CONNECTION:
		if (!*connection_written)
			write_connection(p->b, addr_is_set(&local->addr) ? &local->addr
									 : &p->rw->origin_addr);
		*connection_written = true;
		return;
	case SDP_LINE_DIRECTION:
		if (c->refused || sdp_direction_parse(l->value) == local->direction)
			write_line(p->b, 'a', l->value);
		else
			write_direction(p->b, local->direction);
		return;
	case SDP_LINE_RTCP:
		if (!c->refused)
			write_rtcp(p->b, l->value, &local->addr);
		return;
	case SDP_LINE_DROP:
	case SDP_LINE_RTCP_MUX:
	case SDP_LINE_CANDIDATE:
	case SDP_LINE_GROUP:
		return;
	default:
		write_line(p->b, l->type, l->value);
	}
}

static size_t write_section(struct printer *p, size_t first, size_t index)
{
	const struct sdp_media *m = &p->s->media[index];
	const struct sdp_local_media *local = &p->rw->media[index];
	struct section c = look_at(p, first, m, local);
	bool written = false;
	size_t i = first + 1;

	write_media(p->b, m, c.refused ? 0 : local->addr.port);
	while (i < c.end && p->s->line[i].type == 'i') {
		write_line(p->b, 'i', p->s->line[i].value);
		i++;
	}
	if (needs_connection(p, &c, &local->addr))
		write_connection(p->b, c.refused ? &p->rw->origin_addr : &local->addr);
	for (; i < c.end; i++)
		write_section_line(p, &p->s->line[i], &c, local, &written);
	if (!c.refused && !c.direction && c.stands != local->direction)
		write_direction(p->b, local->direction);
	return c.end;
}

static void write_session_line(struct printer *p, const struct sdp_line *l)
{
	switch ((enum sdp_line_kind)l->kind) {
	case SDP_LINE_ORIGIN:
		write_origin(p->b, p->rw);
		return;
	case SDP_LINE_CONNECTION:
		if (!p->session_written)
			write_connection(p->b, &p->rw->origin_addr);
		p->session_written = true;
		return;
	case SDP_LINE_DROP:
	case SDP_LINE_RTCP:
	case SDP_LINE_RTCP_MUX:
	case SDP_LINE_CANDIDATE:
	case SDP_LINE_GROUP:
		return;
	default:
		write_line(p->b, l->type, l->value);
	}
}

/* Sections that this dialog has had and the description does not have any more. */
static void write_missing(struct printer *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_c(p->b, "m=audio 0 RTP/AVP 0\r\n");
		if (!p->session_connection)
			write_connection(p->b, &p->rw->origin_addr);
	}
}

static size_t sections_of(const struct sdp *s, const struct sdp_rewrite *rw)
{
	return rw->sections ? rw->sections : s->n_media;
}

static bool rewrite_fits(const struct sdp *s, const struct sdp_rewrite *rw)
{
	size_t n = sections_of(s, rw);

	return n <= SDP_MEDIA_MAX && rw->n_media >= (n < s->n_media ? n : s->n_media);
}

static struct printer printer_on(const struct sdp *s, const struct sdp_rewrite *rw, struct buf *b)
{
	struct printer p = {.s = s, .rw = rw, .b = b, .session = SDP_SENDRECV};

	for (size_t i = 0; i < s->n_line && s->line[i].media < 0; i++) {
		p.session_connection |= s->line[i].kind == SDP_LINE_CONNECTION;
		if (s->line[i].kind == SDP_LINE_DIRECTION)
			p.session = sdp_direction_parse(s->line[i].value);
	}
	return p;
}

int sdp_print(const struct sdp *s, const struct sdp_rewrite *rw, struct buf *b)
{
	struct printer p = printer_on(s, rw, b);
	size_t sections = sections_of(s, rw);
	size_t i = 0, index = 0;

	if (!rewrite_fits(s, rw))
		return ERR_INVAL;
	for (; i < s->n_line && s->line[i].media < 0; i++)
		write_session_line(&p, &s->line[i]);
	while (i < s->n_line && index < sections)
		i = write_section(&p, i, index++);
	write_missing(&p, sections - index);
	return buf_check(b);
}

int sdp_echo_section(const struct sdp *offer)
{
	for (size_t i = 0; i < offer->n_media; i++) {
		const struct sdp_media *m = &offer->media[i];

		if (m->type == SDP_AUDIO && m->plain_rtp && m->port != 0)
			return (int)i;
	}
	return -1;
}

/* What of a section's lines an answer of our own takes over. */
static bool echo_keeps(const struct sdp_line *l, bool accepted)
{
	switch ((enum sdp_line_kind)l->kind) {
	case SDP_LINE_MID:
		return true;
	case SDP_LINE_RTPMAP:
	case SDP_LINE_FMTP:
	case SDP_LINE_PTIME:
		return accepted;
	default:
		return false;
	}
}

/* RFC 3264 6: as many m-lines as were offered, the same t=. */
int sdp_print_echo_answer(const struct sdp *offer, const struct sdp_rewrite *rw, struct buf *b)
{
	int echo = sdp_echo_section(offer);
	size_t i = 0;

	if (rw->n_media < offer->n_media)
		return ERR_INVAL;
	buf_c(b, "v=0\r\n");
	write_origin(b, rw);
	buf_c(b, "s=-\r\n");
	write_connection(b, &rw->origin_addr);
	for (; i < offer->n_line && offer->line[i].media < 0; i++)
		if (offer->line[i].kind == SDP_LINE_TIME)
			write_line(b, 't', offer->line[i].value);
	for (size_t n = 0; n < offer->n_media; n++) {
		const struct sdp_media *m = &offer->media[n];
		const struct sdp_local_media *local = &rw->media[n];
		bool accepted = echo == (int)n && local->addr.port != 0;
		enum sdp_direction d =
			sdp_direction_and(local->direction, sdp_direction_reverse(m->direction));

		write_media(b, m, accepted ? local->addr.port : 0);
		if (accepted && !addr_ip_eq(&local->addr, &rw->origin_addr))
			write_connection(b, &local->addr);
		for (i++; i < offer->n_line && offer->line[i].kind != SDP_LINE_MEDIA; i++)
			if (echo_keeps(&offer->line[i], accepted))
				write_line(b, 'a', offer->line[i].value);
		if (accepted && d != SDP_SENDRECV)
			write_direction(b, d);
	}
	return buf_check(b);
}

void sdp_origin_init(struct sdp_origin *o)
{
	/* Both fit a signed 64-bit number with room to count (RFC 3264 5). */
	*o = (struct sdp_origin){.id = (rng_u64() >> 16) + 1, .version = 1};
}

/* Hash of a body that we wrote, without its o= line. */
static uint64_t body_hash(struct str body)
{
	ptrdiff_t at = str_find_str(body, STR("\r\no="));
	struct str origin = str_from(body, (size_t)at + 2);
	struct str rest = origin;

	(void)str_cut(&rest, '\n');
	return hash_mix(hash_bytes(body.p, (size_t)at), hash_bytes(rest.p, rest.len));
}

int sdp_origin_print(struct sdp_origin *o, const struct sdp *s, struct sdp_rewrite *rw, bool echo,
		     struct buf *b)
{
	int (*print)(const struct sdp *, const struct sdp_rewrite *, struct buf *) =
		echo ? sdp_print_echo_answer : sdp_print;
	size_t start = b->len;
	uint64_t hash;
	int err;

	rw->session_id = o->id;
	rw->version = o->version;
	err = print(s, rw, b);
	if (err)
		return err;
	hash = body_hash(str_from(buf_view(b), start));
	if (o->written && hash != o->body_hash) {
		b->len = start;
		rw->version++;
		err = print(s, rw, b);
		if (err)
			return err;
	}
	o->version = rw->version;
	o->body_hash = hash;
	o->written = true;
	return 0;
}
