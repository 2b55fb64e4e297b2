/* Digest authentication, server side (RFC 3261 22, RFC 7616, RFC 8760): MD5 and SHA-256 offered together, qop auth, nonces that
 * need no memory: time, random salt and a keyed hash over both and the realm. Hashes by OpenSSL. One thread per context. */
#ifndef REMPART_SIP_DIGEST_H
#define REMPART_SIP_DIGEST_H

#include "base/secret.h"
#include "sip/msg.h"

struct digest_server {
	uint8_t key[32];        /* random at start */
	uint64_t nonce_life_ms; /* 300 s */
};
void digest_server_init(struct digest_server *d);
/* Complete "WWW-Authenticate: ...\r\n" lines for the sender of m, SHA-256 first, then MD5 (RFC 8760 2.3), but for clients that are known to fail at
 * what they should pass over (the table in digest.c). proxy: Proxy-Authenticate. now_ms is the monotonic clock, here and below: a nonce lives no longer
 * than the process whose key it bears, so the wall clock has no say. */
void digest_challenge(struct buf *b, const struct digest_server *d, const struct sip_msg *m,
		      struct str realm, bool stale, bool proxy, uint64_t now_ms);

enum digest_result {
	DIGEST_OK,
	DIGEST_NONE /* no credentials for this realm */,
	DIGEST_STALE,
	DIGEST_BAD
};
struct digest_credentials { /* parsed Authorization header */
	struct str username, realm, nonce, uri, response, algorithm, cnonce, nc, qop, opaque;
};
/* "Digest name=value, ..."; quoted pairs are undone (in the arena). ERR_UNSUPPORTED (another scheme), ERR_SYNTAX, ERR_NOMEM. */
int digest_parse(struct str value, struct arena *a, struct digest_credentials *out) MUST_CHECK;
#define DIGEST_RESPONSE_MAX 128
/* The response that goes with these credentials (algorithm MD5 unless SHA-256; RFC 2069 without qop), as hex in hex[]. False: OpenSSL refused. */
bool digest_response(const struct digest_credentials *c, struct str method, struct str password,
		     char hex[DIGEST_RESPONSE_MAX], struct str *out) MUST_CHECK;
/* Looks through the request's Authorization and Proxy-Authorization headers for this realm; fills *cred when one is there (also when the result is not
 * OK), then checks it with the password that `lookup` gives for the user name (NULL: unknown user; the same work is done all the same). The user and host
 * of the digest's uri have to be the Request-URI's, so that overheard credentials do not buy a call to another number. DIGEST_STALE: the
 * password is right, the nonce too old or not ours. */
typedef const struct secret *(*digest_lookup_fn)(void *ctx, struct str user);
enum digest_result digest_check(const struct digest_server *d, struct sip_msg *m, struct str realm,
				digest_lookup_fn lookup, void *ctx, uint64_t now_ms,
				struct digest_credentials *cred);

#endif
