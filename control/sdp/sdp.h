/* SDP (RFC 8866) as a border reads it: every line is kept in its place, known ones are understood, and printing writes the same
 * lines again with only the addresses, ports and origin replaced. Views into the text, which must outlive the parse. One thread. */
#ifndef REMPART_SDP_H
#define REMPART_SDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"

#define SDP_MAX 8192
#define SDP_MEDIA_MAX 8
#define SDP_ATTR_MAX 256
#define SDP_CANDIDATE_MAX 32
#define SDP_FMT_MAX 32

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_media_type { SDP_AUDIO, SDP_VIDEO, SDP_IMAGE, SDP_TEXT, SDP_APPLICATION, SDP_OTHER };

struct sdp_line {
	char type;         /* 'v', 'o', ..., 'a' */
	struct str value;  /* behind "x=" */
	int16_t media;     /* -1: session level; else index of the m-section it stands in */
};

struct sdp_codec {     /* one RTP payload type of an m-line */
	uint8_t pt;
	struct str encoding;     /* "PCMA", from rtpmap or the static table of RFC 3551; empty when unknown */
	uint32_t clock_rate;
	uint32_t channels;
	struct str fmtp;         /* value behind the payload type, or empty */
};

struct sdp_media {
	enum sdp_media_type type;
	struct str type_text, proto; /* "audio", "RTP/AVP" */
	uint16_t port;               /* 0: refused or unused */
	struct str fmts;             /* as written behind proto */
	struct sdp_codec codec[SDP_FMT_MAX]; /* RTP protos only */
	size_t n_codec;
	struct addr connection;      /* c= in force (the m-section's, else the session's) with the m-line's port; unset for a hostname */
	struct addr rtcp;            /* a=rtcp, else connection with port + 1; a=rtcp-mux: the same as connection */
	bool rtcp_mux;
	enum sdp_direction direction; /* the m-section's, else the session's; c=0.0.0.0 makes sendonly of sendrecv */
	bool zero_connection;         /* c=0.0.0.0 or :: , RFC 2543 hold */
	bool is_rtp;                  /* RTP/AVP family: relayed; anything else is refused by us for now */
	bool plain_rtp;               /* RTP/AVP or RTP/AVPF, no security descriptions wanted */
	uint32_t ptime_ms;            /* 0 when absent */
};

struct sdp {
	struct str text;
	struct sdp_line *line;
	size_t n_line;
	struct sdp_media media[SDP_MEDIA_MAX];
	size_t n_media;
	struct str origin;            /* o= value */
	struct str origin_user;
	uint64_t origin_id, origin_version;
};

/* ERR_SYNTAX (no v=0, no o=, m-line garbage, bad line form), ERR_LIMIT, ERR_NOMEM. Accepts bare LF line ends and unknown lines; targets that no border may send
 * to (loopback, multicast, 0/8 but for 0.0.0.0, broadcast, v4-mapped forms) are ERR_RANGE. */
int sdp_parse(struct str text, struct arena *a, struct sdp **out) MUST_CHECK;

/* What to write in the place of what: one per m-section. */
struct sdp_local_media {
	struct addr addr;     /* our media address and port towards the reader; port 0 refuses the section */
	enum sdp_direction direction; /* written only where it differs from what stands there */
};
struct sdp_rewrite {
	struct str username;           /* of o=, "-" */
	uint64_t session_id, version;  /* of o= */
	struct addr origin_addr;       /* address in o= and in the session's c= */
	const struct sdp_local_media *media;
	size_t n_media;                /* at least the parsed sdp's */
};
/* Writes the session again: o= ours, c= ours (session level where one stood, and in a section where one stood or is needed), m= ports ours, a=rtcp ours,
 * and everything that names the other side's transport dropped (candidate, ice-*, rtcp addresses, crypto, fingerprint, setup; i=/u=/e=/p= and s= are kept, s= as is). Everything
 * else byte for byte, in its place. A section that we do not relay gets port 0. */
int sdp_print(const struct sdp *s, const struct sdp_rewrite *rw, struct buf *b) MUST_CHECK;
/* A copy of the offer's media sections as an answer that refuses some: in sdp_print, port 0. An answer of our own for media/echo: accepts the first RTP audio section's codecs, all other sections port 0. */
int sdp_print_echo_answer(const struct sdp *offer, const struct sdp_rewrite *rw, struct buf *b) MUST_CHECK;

/* Our own o= on one leg (RFC 3264 8): id fixed, version up by one only when the body changed. */
struct sdp_origin {
	uint64_t id, version;
	uint64_t body_hash; /* of the last body written, without its o= line */
	bool written;
};
void sdp_origin_init(struct sdp_origin *o);
/* Prints with rw (whose session_id and version are filled in here), raising the version when the rest of the body differs from last time. */
int sdp_origin_print(struct sdp_origin *o, const struct sdp *s, struct sdp_rewrite *rw, bool echo, struct buf *b) MUST_CHECK;

/* Direction as the other end sees it: sendonly <-> recvonly. */
enum sdp_direction sdp_direction_reverse(enum sdp_direction d);
struct str sdp_direction_name(enum sdp_direction d);

#endif
