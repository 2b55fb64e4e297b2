/* Characters and small cuts that the scan and the parsers share. Values come from the scan: no CR, no LF, no tab outside
 * quotes. Internal to control/sip; any thread. RFC 3261 25.1. */
#ifndef REMPART_SIP_LEX_H
#define REMPART_SIP_LEX_H

#include "sip/msg.h"

enum {
	LEX_TOKEN = 1, /* token */
	LEX_URI = 2,   /* may stand in a URI: visible ASCII without <>" */
	LEX_CTL = 4,   /* control characters and DEL, CR, LF and tab among them */
	LEX_SEP = 8,   /* ; , & */
	LEX_HOST = 16, /* alphanumeric - . _ */
	LEX_DIGIT = 32,
	LEX_PARAM =
		64, /* in the value of a header's parameter: visible without " , ; < >, or >= 0x80 */
	LEX_HEX = 128,
};
extern const uint8_t sip_lex[256];

static inline bool lex_is(char c, unsigned class)
{
	return (sip_lex[(unsigned char)c] & class) != 0;
}
/* True for a non-empty string of nothing but such characters. */
bool lex_all(struct str s, unsigned class);
/* Index behind the quoted string that starts at s.p[0] == '"'; 0 when it is not closed. */
size_t lex_quoted(struct str s);
/* Next item of a comma-separated value, trimmed; quotes and <> are respected. False at the end. Empty items are
 * returned, so that the caller decides. */
bool lex_item(struct str *rest, struct str *item);
/* Every % is followed by two hex digits. */
bool lex_escapes_ok(struct str s);

/* Splits ";name=value;name" (or nothing) into out->param, in the arena. uri: no space around the
 * signs, no quotes, escapes in names undone. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM. */
int lex_params(struct str s, bool uri, struct arena *a, struct sip_params *out) MUST_CHECK;
/* Cuts "host", "host:port", "[v6]:port" off the front of *s; addr is set for literals. ERR_SYNTAX. */
struct lex_hostport {
	struct str host;
	struct addr addr;
	uint16_t port;
};
int lex_hostport(struct str *s, struct lex_hostport *out) MUST_CHECK;

#endif
