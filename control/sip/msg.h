/* A SIP message as the scan leaves it: views into one buffer that the caller owns and that must outlive it. sip_scan() is a
 * strict, linear, bounded pass and allocates nothing; structured headers are parsed on demand and remembered in the arena.
 * One thread. RFC 3261 section 7 and 25. */
#ifndef REMPART_SIP_MSG_H
#define REMPART_SIP_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "sip/flow.h"
#include "sip/hdr.h"

#define SIP_MSG_MAX_UDP    16384
#define SIP_MSG_MAX_STREAM 32768
#define SIP_LINE_MAX       2048 /* one header, unfolded */
#define SIP_HDRS_MAX       128
#define SIP_VIA_MAX        40
#define SIP_ROUTE_MAX      20
#define SIP_CONTACT_MAX    10
#define SIP_PARAMS_MAX     32  /* a header */
#define SIP_LIST_MAX       64  /* items of one comma list */
#define SIP_SEPARATORS_MAX 512 /* sum of ; , & in the headers */
#define SIP_BODY_MAX       16384

/* clang-format off */ /* it finds no rest in this one */
#define SIP_METHOD_LIST(X)                                                                         \
	X(INVITE) X(ACK) X(BYE) X(CANCEL) X(OPTIONS) \
	X(REGISTER) X(PRACK) X(UPDATE) X(INFO) X(MESSAGE) \
	X(SUBSCRIBE) X(NOTIFY) X(PUBLISH) X(REFER)
/* clang-format on */
enum sip_method {
	SIP_M_OTHER,
#define X(m) SIP_M_##m,
	SIP_METHOD_LIST(X)
#undef X
};

struct sip_param {
	struct str name;
	/* Without its quotes, else as on the wire; empty with has_value false for ";lr". */
	struct str value;
	bool has_value;
};
struct sip_params {
	struct sip_param *param;
	size_t n;
};

enum sip_scheme { SIP_URI_OTHER, SIP_URI_SIP, SIP_URI_SIPS, SIP_URI_TEL };
struct sip_uri {
	struct str raw;
	enum sip_scheme scheme;
	/* Byte-identical, escapes kept; for tel the number with its parameters, which are in params too. */
	struct str user;
	struct str password;
	struct str host;  /* without brackets */
	struct addr addr; /* set when host is an IP literal (port included, 0 when none) */
	uint16_t port;    /* 0 when none */
	struct sip_params params;
	struct str headers; /* behind '?' */
};

struct sip_nameaddr {       /* From, To, Contact, Route, ... */
	struct str display; /* without quotes, escapes kept */
	struct sip_uri uri;
	struct sip_params params; /* header parameters: tag, expires, q, ... */
	bool star;                /* Contact: * */
};

struct sip_via {
	struct str transport, host, branch;
	uint16_t port;
	struct sip_params params;
	struct str raw;
};

struct sip_cseq {
	uint32_t number;
	enum sip_method method;
	struct str method_name;
};

struct sip_hdr {
	enum sip_hdr_id id;
	struct str name, value; /* value unfolded and trimmed */
};

struct sip_msg {
	struct str raw;
	bool is_request;
	enum sip_method method; /* requests: of the request line; responses: of CSeq */
	struct str method_name, ruri;
	uint16_t status;
	struct str reason;
	struct sip_hdr hdr[SIP_HDRS_MAX];
	uint16_t n_hdr;
	uint16_t first[SIP_H_COUNT]; /* index + 1 into hdr of the first of its kind; 0 = none */
	struct str body;
	struct sip_flow flow; /* how it came; the transport layer fills it */
	uint64_t received_ms;
	struct arena *arena; /* scratch of this event; parsed headers live there */
	struct {             /* filled on demand by the functions below */
		struct sip_nameaddr *from, *to;
		struct sip_via *via;
		struct sip_cseq *cseq;
		struct sip_uri *ruri;
		struct sip_nameaddr *contacts, *record_routes, *routes;
		size_t n_contacts, n_record_routes, n_routes;
	} parsed;
};

/* What sip_scan() found wrong, with the answer that SIP-speakers expect (0 status: stay silent). */
struct sip_fault {
	uint16_t status;   /* 400, 413, 505, ...; 0: drop without an answer */
	const char *text;  /* reason phrase for the answer and the log */
	bool close_stream; /* the stream's framing is lost */
};

/* Scans data (which is unfolded in place: it must be writable). Limits, mandatory headers (Via From To Call-ID CSeq), exactly one
 * Content-Length where there is one, CSeq number and method, SIP/2.0, no NUL, no bare CR or LF. Bytes behind Content-Length are
 * cut (a datagram with two messages). On ERR_SYNTAX or ERR_LIMIT *fault says what to answer and *m holds what could be
 * salvaged (for sip_build_fault()). Does not touch m->flow and m->received_ms, which the caller may fill before or after;
 * datagrams over SIP_MSG_MAX_UDP are the caller's to drop. */
int sip_scan(char *data, size_t len, struct arena *arena, struct sip_msg *m,
	     struct sip_fault *fault) MUST_CHECK;
/* Parses what every message is judged by (Via, From, To, Request-URI, and where there are any Contact, Record-Route and Route; one Contact at
 * most outside REGISTER and redirections), so that nothing malformed reaches the layers above. Call it after sip_scan(); faults
 * as there. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM (status 500, or 0). */
int sip_msg_check(struct sip_msg *m, struct sip_fault *fault) MUST_CHECK;

/* Value of the first header of a kind; .p NULL when absent. */
struct str sip_msg_hdr(const struct sip_msg *m, enum sip_hdr_id id);
/* Walks all headers of a kind: start with *i = 0; false at the end. */
bool sip_msg_each(const struct sip_msg *m, enum sip_hdr_id id, uint16_t *i, struct str *value);
/* Walks the comma-separated items over all lines of a list header (quotes and <> respected): start with a zeroed cursor. */
struct sip_list_cursor {
	uint16_t i;
	struct str rest;
};
bool sip_msg_each_item(const struct sip_msg *m, enum sip_hdr_id id, struct sip_list_cursor *c,
		       struct str *item);
/* True when a list header (Supported, Require, Allow, ...) has this token, case-insensitively. */
bool sip_msg_has_token(const struct sip_msg *m, enum sip_hdr_id id, struct str token);
enum sip_method sip_method_lookup(struct str name); /* case-sensitive, RFC 3261 7.1 */
struct str sip_method_name(enum sip_method m);

/* On demand, remembered; pointers live as long as the arena. ERR_NOENT, ERR_SYNTAX, ERR_NOMEM. */
int sip_msg_from(struct sip_msg *m, const struct sip_nameaddr **out) MUST_CHECK;
int sip_msg_to(struct sip_msg *m, const struct sip_nameaddr **out) MUST_CHECK;
int sip_msg_via(struct sip_msg *m, const struct sip_via **out) MUST_CHECK; /* topmost */
int sip_msg_cseq(struct sip_msg *m, const struct sip_cseq **out) MUST_CHECK;
int sip_msg_ruri(struct sip_msg *m, const struct sip_uri **out) MUST_CHECK;
/* All Contacts (at most SIP_CONTACT_MAX) / Record-Routes (in wire order). */
int sip_msg_contacts(struct sip_msg *m, struct sip_nameaddr **out, size_t *n) MUST_CHECK;
int sip_msg_record_routes(struct sip_msg *m, struct sip_nameaddr **out, size_t *n) MUST_CHECK;
int sip_msg_routes(struct sip_msg *m, struct sip_nameaddr **out,
		   size_t *n) MUST_CHECK; /* Route, at most SIP_ROUTE_MAX */

/* One value, not remembered. The views point into s, which must live as long as the result, and into the arena. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM. */
int sip_parse_uri(struct str s, struct arena *a, struct sip_uri *out) MUST_CHECK;
int sip_parse_nameaddr(struct str s, struct arena *a, struct sip_nameaddr *out) MUST_CHECK;
int sip_parse_via(struct str s, struct arena *a, struct sip_via *out) MUST_CHECK;
const struct sip_param *sip_param_find(const struct sip_params *p,
				       struct str name); /* NULL when absent */
/* "tag" parameter of From or To; empty when absent. */
struct str sip_nameaddr_tag(const struct sip_nameaddr *na);
/* A Contact's URI as a Request-URI: without headers and `method` (RFC 3261 19.1.1), else as on the wire. Into the arena where it has to be
 * written anew. ERR_NOMEM. */
int sip_uri_target(const struct sip_uri *u, struct arena *a, struct str *out) MUST_CHECK;
/* RFC 3261 19.1.4 equality, for contacts. */
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);

/* Stream framing (RFC 3261 18.3): how many bytes the first message of data has (behind *skip), given all bytes so far. *skip gets the length of leading
 * CRLFs (keepalives, RFC 5626: *ping true when a double CRLF stands there). 0 in *len: not complete yet. ERR_SYNTAX or ERR_LIMIT: framing is
 * lost; *len then holds how many bytes are worth a sip_scan() for an answer before the stream is closed (0: none). */
int sip_frame(const char *data, size_t n, size_t *skip, size_t *len, bool *ping) MUST_CHECK;

#endif
