/* SDP (RFC 8866) as a border reads it: every line is kept in its place, known ones are understood, and
 * printing writes the same lines again with only the addresses, ports and origin replaced. Views into
 * the text, which must outlive the parse. One thread. */
#ifndef REMPART_SDP_H
#define REMPART_SDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"

#define SDP_MAX           8192 /* bytes */
#define SDP_MEDIA_MAX     8
#define SDP_ATTR_MAX      256
#define SDP_CANDIDATE_MAX 32
#define SDP_LINE_MAX      384 /* lines of all types */
#define SDP_FMT_MAX       32  /* payload types of one m-line */

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_media_type { SDP_AUDIO, SDP_VIDEO, SDP_IMAGE, SDP_TEXT, SDP_APPLICATION, SDP_OTHER };

/* What a line is to us; everything unknown is SDP_LINE_KEEP. */
enum sdp_line_kind {
	SDP_LINE_KEEP, /* written again as it stands */
	SDP_LINE_DROP, /* names or secures the other side's transport: never written */
	SDP_LINE_ORIGIN,
	SDP_LINE_TIME,
	SDP_LINE_CONNECTION,
	SDP_LINE_MEDIA,
	SDP_LINE_DIRECTION,
	SDP_LINE_RTCP,
	SDP_LINE_RTCP_MUX,
	SDP_LINE_RTPMAP,
	SDP_LINE_FMTP,
	SDP_LINE_PTIME,
	SDP_LINE_MID,
	SDP_LINE_CANDIDATE,
	SDP_LINE_GROUP,
};

struct sdp_line {
	char type;        /* 'v', 'o', ..., 'a' */
	uint8_t kind;     /* enum sdp_line_kind */
	int16_t media;    /* -1: session level; else index of the m-section it stands in */
	struct str value; /* behind "x=" */
};

struct sdp_codec { /* one RTP payload type of an m-line */
	uint8_t pt;
	struct str encoding; /* "PCMA", from rtpmap or RFC 3551's static table; empty: unknown */
	uint32_t clock_rate; /* Hz, at most SDP_CLOCK_MAX; 0 when unknown */
	uint32_t channels;
	struct str fmtp; /* value behind the payload type, or empty */
};
#define SDP_CLOCK_MAX 1000000

struct sdp_media {
	enum sdp_media_type type;
	struct str type_text, proto; /* "audio", "RTP/AVP" */
	uint16_t port;               /* 0: refused or unused */
	struct str fmts;             /* as written behind proto */
	struct sdp_codec *codec;     /* in the m-line's order; is_rtp only */
	size_t n_codec;
	/* c= in force (the m-section's, else the session's) with the m-line's port. Unset for a hostname, for
	 * c=0.0.0.0 and when the port is 0: then there is no target. */
	struct addr connection;
	/* a=rtcp, else connection with port + 1; unset when there is none. a=rtcp-mux changes nothing here: we
	 * never write it, so it is never agreed on and the far end takes RTCP on its own port (RFC 5761 5.1.1). */
	struct addr rtcp;
	bool rtcp_mux; /* a=rtcp-mux stands there */
	enum sdp_direction
		direction; /* the m-section's, else the session's; c=0.0.0.0 takes receiving away */
	bool zero_connection; /* c=0.0.0.0 or ::, RFC 2543 hold */
	bool is_rtp;          /* AVP, AVPF, SAVP, SAVPF over UDP or DTLS */
	bool plain_rtp;       /* RTP/AVP or RTP/AVPF: what we relay; all else is refused for now */
	uint32_t ptime_ms;    /* 0 when absent */
};

struct sdp {
	struct str text;
	struct sdp_line *line;
	size_t n_line;
	struct sdp_media *media;
	size_t n_media;
	struct str origin; /* o= value */
	struct str origin_user;
	uint64_t origin_id, origin_version; /* UINT64_MAX when larger */
};

/* ERR_SYNTAX (no v=0, no o=, m-line garbage, bad line form), ERR_LIMIT, ERR_NOMEM. Accepts bare LF line ends
 * and unknown lines; c= and a=rtcp targets that no border may send to (loopback, multicast, 0/8 but for
 * 0.0.0.0, broadcast, IPv4 in IPv6 forms) are ERR_RANGE wherever they stand. Nothing is allocated before all limits hold. */
int sdp_parse(struct str text, struct arena *a, struct sdp **out) MUST_CHECK;

/* What to write in the place of what: one per m-section. */
struct sdp_local_media {
	struct addr
		addr; /* our media address and port towards the reader; port 0 refuses the section */
	enum sdp_direction direction; /* written only where it differs from what stands there */
};
struct sdp_rewrite {
	struct str username;          /* of o=; empty: "-" */
	uint64_t session_id, version; /* of o= */
	struct addr origin_addr;      /* address in o= and in the session's c= */
	const struct sdp_local_media *media;
	size_t n_media; /* at least as many as are written of the parsed */
	/* Sections to write; 0: as many as were parsed. More: the missing ones are written as refused, since a
	 * dialog's m-lines never become fewer (RFC 3264 8). Fewer: the last ones are left out (the answer to
	 * an offer with fewer). At most SDP_MEDIA_MAX. */
	size_t sections;
};
/* Writes the session again with CRLF: o= ours; c= ours (session level where one stood, and in a section where one
 * stood or is needed); m= ports ours; a=rtcp ours where one stood; and everything that names or secures the
 * other side's transport dropped (candidate, ice-*, crypto, fingerprint, setup, rtcp-mux, bundle-only,
 * group:BUNDLE, k= and the like). Everything else, s= i= u= e= p= among it, byte for byte, in its place.
 * A section that we do not relay (not plain_rtp), or that has port 0 on either side, gets port 0.
 * ERR_LIMIT when b is too small, ERR_INVAL when rw has too few media. */
int sdp_print(const struct sdp *s, const struct sdp_rewrite *rw, struct buf *b) MUST_CHECK;
/* An answer of our own for media/echo: accepts the codecs of the first plain RTP audio section, with rw's direction as far
 * as the offer's allows; all other sections port 0. Errors as sdp_print(). */
int sdp_print_echo_answer(const struct sdp *offer, const struct sdp_rewrite *rw,
			  struct buf *b) MUST_CHECK;
/* Index of the section that sdp_print_echo_answer() accepts, or -1. */
int sdp_echo_section(const struct sdp *offer);

/* Our own o= on one leg (RFC 3264 8): id fixed, version up by one only when the body changed. */
struct sdp_origin {
	uint64_t id, version;
	uint64_t body_hash; /* of the last body written, without its o= line */
	bool written;
};
void sdp_origin_init(struct sdp_origin *o);
/* Prints with rw (whose session_id and version are filled in here), raising the version when the rest of the
 * body differs from last time. echo: sdp_print_echo_answer(). On an error o is as before. */
int sdp_origin_print(struct sdp_origin *o, const struct sdp *s, struct sdp_rewrite *rw, bool echo,
		     struct buf *b) MUST_CHECK;

/* Direction as the other end sees it: sendonly <-> recvonly. */
enum sdp_direction sdp_direction_reverse(enum sdp_direction d);
/* What both allow: sendrecv and sendonly give sendonly, sendonly and recvonly give inactive. */
enum sdp_direction sdp_direction_and(enum sdp_direction a, enum sdp_direction b);
struct str sdp_direction_name(enum sdp_direction d);
/* Of an a= line of kind SDP_LINE_DIRECTION, from its value. */
enum sdp_direction sdp_direction_parse(struct str attr);

/* RFC 3551 tables 4 and 5: encoding, clock rate and channels of a static payload type into c (pt is set in any case;
 * false and empty for a dynamic or reserved one). */
bool sdp_codec_static(uint8_t pt, struct sdp_codec *c);
/* The codec of an m-line by its payload type, or NULL. */
const struct sdp_codec *sdp_codec_find(const struct sdp_media *m, uint8_t pt);

#endif
