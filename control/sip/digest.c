/* Digest authentication, the server's side.
 *
 * For the registrar and for realms that challenge calls, on the shard's thread; hashes by OpenSSL. A nonce is its own
 * memory: time, salt and a keyed hash over both and the realm, so that an unknown source costs none of ours.
 * Nonce counts are not remembered: within a nonce's life a request may be replayed, but only as it is (method,
 * user and host of the URI). MD5 without qop is RFC 2069's form, which old phones still send; auth-int and
 * -sess are refused. Whether a user exists cannot be told from the time that an answer takes. RFC 7616, RFC 8760. */
#include "sip/digest.h"

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE ossl_err_state
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#include "base/rng.h"
#include "sip/lex.h"

enum {
	NONCE_TIME = 8,
	NONCE_SALT = 8,
	NONCE_MAC = 16,
	NONCE_HEAD = NONCE_TIME + NONCE_SALT + 16, /* ... and an IP address, before the realm */
	NONCE_BYTES = NONCE_TIME + NONCE_SALT + NONCE_MAC,
	NONCE_LIFE_MS = 300 * 1000,
	DIGEST_HEX = DIGEST_RESPONSE_MAX,
};

_Static_assert(DIGEST_HEX >= 2 * EVP_MAX_MD_SIZE, "room for the longest hash in hex");

void digest_server_init(struct digest_server *d)
{
	rng_bytes(d->key, sizeof(d->key));
	d->nonce_life_ms = NONCE_LIFE_MS;
}

/* The keyed hash over the nonce's first half, whom it was given to, and the realm: credentials that somebody overheard are of no use elsewhere. The
 * port does not count, a router may change it. */
static bool nonce_mac(const struct digest_server *d, const uint8_t *nonce, const struct addr *peer,
		      struct str realm, uint8_t mac[NONCE_MAC])
{
	uint8_t text[NONCE_HEAD + 256];
	uint8_t full[EVP_MAX_MD_SIZE];
	unsigned len = sizeof(full);

	if (realm.len > 256)
		return false;
	memcpy(text, nonce, NONCE_TIME + NONCE_SALT);
	memcpy(text + NONCE_TIME + NONCE_SALT, peer->ip, sizeof(peer->ip));
	memcpy(text + NONCE_HEAD, realm.p, realm.len);
	if (!HMAC(EVP_sha256(), d->key, sizeof(d->key), text, NONCE_HEAD + realm.len, full, &len))
		return false;
	memcpy(mac, full, NONCE_MAC);
	return true;
}

static void nonce_make(const struct digest_server *d, const struct addr *peer, struct str realm,
		       uint64_t now_ms, uint8_t nonce[NONCE_BYTES])
{
	for (int i = 0; i < NONCE_TIME; i++)
		nonce[i] = (uint8_t)(now_ms >> (56 - 8 * i));
	rng_bytes(nonce + NONCE_TIME, NONCE_SALT);
	if (!nonce_mac(d, nonce, peer, realm, nonce + NONCE_TIME + NONCE_SALT))
		memset(nonce, 0, NONCE_BYTES); /* never fresh */
}

static bool hex_bytes(struct str hex, uint8_t *out, size_t len)
{
	if (hex.len != len * 2 || !lex_all(hex, LEX_HEX))
		return false;
	for (size_t i = 0; i < hex.len; i++) {
		unsigned c = (unsigned char)hex.p[i];
		unsigned v = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

		out[i / 2] = (uint8_t)(i % 2 ? (unsigned)out[i / 2] << 4 | v : v);
	}
	return true;
}

/* Ours, for this realm and this peer, and young enough. */
static bool nonce_fresh(const struct digest_server *d, struct str text, const struct addr *peer,
			struct str realm, uint64_t now_ms)
{
	uint8_t nonce[NONCE_BYTES], mac[NONCE_MAC];
	uint64_t made = 0;

	if (!hex_bytes(text, nonce, sizeof(nonce)) || !nonce_mac(d, nonce, peer, realm, mac) ||
	    CRYPTO_memcmp(mac, nonce + NONCE_TIME + NONCE_SALT, sizeof(mac)) != 0)
		return false;
	for (int i = 0; i < NONCE_TIME; i++)
		made = made << 8 | nonce[i];
	return made <= now_ms && now_ms - made <= d->nonce_life_ms;
}

static void put_quoted(struct buf *b, struct str s)
{
	buf_ch(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_ch(b, '\\');
		buf_ch(b, s.p[i]);
	}
	buf_ch(b, '"');
}

/* A client should pass over a challenge whose algorithm it does not know and take the next (RFC 7616 3.7). These do not: they give up, or
 * read the first challenge only. Rows by how the User-Agent begins; the empty one is for requests without any, which come
 * from old devices and test tools. */
static const struct {
	struct str agent;
	const char *algorithm[2];
} offers[] = {
	{STR_INIT("baresip v0."), {"MD5"}}, /* libre before 3.12 knows MD5 alone, and fails at anything else */
	{STR_INIT("baresip v1."), {"MD5"}},
	{STR_INIT("baresip v2."), {"MD5"}},
	{STR_INIT("baresip v3."), {"MD5"}},
	{STR_INIT(""), {"MD5", "SHA-256"}}, /* SIPp before 3.7 */
};
static const char *const offer_default[2] = {"SHA-256", "MD5"};

static const char *const *offer_to(const struct sip_msg *m)
{
	struct str agent = sip_msg_hdr(m, SIP_H_USER_AGENT);

	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
		if (offers[i].agent.len ? str_starts(agent, offers[i].agent) : agent.len == 0)
			return offers[i].algorithm;
	return offer_default;
}

void digest_challenge(struct buf *b, const struct digest_server *d, const struct sip_msg *m,
		      struct str realm, bool stale, bool proxy, uint64_t now_ms)
{
	const char *const *algorithm = offer_to(m);
	uint8_t nonce[NONCE_BYTES];

	nonce_make(d, &m->flow.remote, realm, now_ms, nonce);
	for (size_t i = 0; i < 2 && algorithm[i]; i++) {
		buf_str(b, sip_hdr_name(proxy ? SIP_H_PROXY_AUTHENTICATE : SIP_H_WWW_AUTHENTICATE));
		buf_c(b, ": Digest realm=");
		put_quoted(b, realm);
		buf_c(b, ", nonce=\"");
		buf_hex(b, nonce, sizeof(nonce));
		buf_c(b, "\", algorithm=");
		buf_c(b, algorithm[i]);
		buf_c(b, ", qop=\"auth\"");
		if (stale)
			buf_c(b, ", stale=true");
		buf_c(b, "\r\n");
	}
}

/* Undoes quoted pairs; what has a control character in it is nobody's user name. */
static int digest_unquote(struct str *s, struct arena *a)
{
	struct str copy;
	char *to;

	if (!str_printable(*s))
		return ERR_SYNTAX;
	if (str_find(*s, '\\') < 0)
		return 0;
	copy = arena_str(a, *s);
	if (!copy.p)
		return ERR_NOMEM;
	to = (char *)(uintptr_t)copy.p;
	for (size_t i = 0; i < s->len; i++) {
		if (s->p[i] == '\\' && i + 1 < s->len)
			i++;
		*to++ = s->p[i];
	}
	*s = str_n(copy.p, (size_t)(to - copy.p));
	return 0;
}

/* "name=value" or "name="value"". */
static int digest_param(struct str item, struct str *name, struct str *value)
{
	struct str rest = item;

	*name = str_trim(str_cut(&rest, '='));
	if (!lex_all(*name, LEX_TOKEN))
		return ERR_SYNTAX;
	rest = str_trim(rest);
	if (rest.len && rest.p[0] == '"') {
		if (lex_quoted(rest) != rest.len)
			return ERR_SYNTAX;
		*value = str_n(rest.p + 1, rest.len - 2);
		return 0;
	}
	*value = rest;
	return lex_all(rest, LEX_PARAM) ? 0 : ERR_SYNTAX;
}

/* Like lex_item(), but a '<' has no meaning here. */
static bool digest_item(struct str *rest, struct str *item)
{
	size_t i = 0;

	if (str_empty(*rest))
		return false;
	while (i < rest->len && rest->p[i] != ',') {
		size_t n = rest->p[i] == '"' ? lex_quoted(str_from(*rest, i)) : 1;

		i = n ? i + n : rest->len;
	}
	*item = str_trim(str_head(*rest, i));
	*rest = str_from(*rest, i + 1);
	return true;
}

int digest_parse(struct str value, struct arena *a, struct digest_credentials *out)
{
	struct digest_credentials c = {0};
	const struct {
		struct str name;
		struct str *field;
	} known[] = {
		{STR("username"), &c.username}, {STR("realm"), &c.realm},
		{STR("nonce"), &c.nonce},       {STR("uri"), &c.uri},
		{STR("response"), &c.response}, {STR("algorithm"), &c.algorithm},
		{STR("cnonce"), &c.cnonce},     {STR("nc"), &c.nc},
		{STR("qop"), &c.qop},           {STR("opaque"), &c.opaque},
	};
	struct str rest = value, item, name, text;
	int err;

	if (!str_ieq(str_word(&rest), STR("Digest")))
		return ERR_UNSUPPORTED;
	while (digest_item(&rest, &item)) {
		if (str_empty(item))
			continue;
		err = digest_param(item, &name, &text);
		if (err)
			return err;
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (!str_ieq(name, known[i].name))
				continue;
			if (known[i].field->p)
				return ERR_SYNTAX;
			err = digest_unquote(&text, a);
			if (err)
				return err;
			*known[i].field = text;
		}
	}
	*out = c;
	return 0;
}

struct digest_hash {
	const EVP_MD *md;
	EVP_MD_CTX *ctx;
};

/* Hex of the hash over the parts with colons between them. */
static bool digest_hash(const struct digest_hash *h, const struct str *part, size_t n,
			char hex[DIGEST_HEX], struct str *out)
{
	uint8_t raw[EVP_MAX_MD_SIZE];
	struct buf b = buf_on(hex, DIGEST_HEX);
	unsigned len = sizeof(raw);

	if (!EVP_DigestInit_ex(h->ctx, h->md, NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((i && !EVP_DigestUpdate(h->ctx, ":", 1)) ||
		    !EVP_DigestUpdate(h->ctx, part[i].p ? part[i].p : "", part[i].len))
			return false;
	if (!EVP_DigestFinal_ex(h->ctx, raw, &len))
		return false;
	buf_hex(&b, raw, len);
	*out = buf_view(&b);
	return true;
}

bool digest_response(const struct digest_credentials *c, struct str method, struct str password,
		     char hex[DIGEST_RESPONSE_MAX], struct str *out)
{
	bool sha256 = str_ieq(c->algorithm, STR("SHA-256"));
	struct digest_hash h = {sha256 ? EVP_sha256() : EVP_md5(), EVP_MD_CTX_new()};
	const struct str user[] = {c->username, c->realm, password};
	const struct str request[] = {method, c->uri};
	char ha1_hex[DIGEST_HEX], ha2_hex[DIGEST_HEX];
	struct str ha1, ha2;
	bool ok = false;

	if (!h.ctx || !digest_hash(&h, user, 3, ha1_hex, &ha1) ||
	    !digest_hash(&h, request, 2, ha2_hex, &ha2))
		goto out;
	if (str_empty(c->qop)) { /* RFC 2069 */
		const struct str whole[] = {ha1, c->nonce, ha2};

		ok = digest_hash(&h, whole, 3, hex, out);
	} else {
		const struct str whole[] = {ha1, c->nonce, c->nc, c->cnonce, c->qop, ha2};

		ok = digest_hash(&h, whole, 6, hex, out);
	}
out:
	secret_zero(ha1_hex, sizeof(ha1_hex));
	EVP_MD_CTX_free(h.ctx);
	return ok;
}

/* What we offered and nothing else. */
static bool digest_acceptable(const struct digest_credentials *c)
{
	bool md5 = str_empty(c->algorithm) || str_ieq(c->algorithm, STR("MD5"));

	if (str_empty(c->username) || str_empty(c->uri) || str_empty(c->nonce))
		return false;
	if (!md5 && !str_ieq(c->algorithm, STR("SHA-256")))
		return false;
	if (str_empty(c->qop))
		return md5;
	return str_ieq(c->qop, STR("auth")) && !str_empty(c->cnonce) && c->nc.len == 8 &&
	       lex_all(c->nc, LEX_HEX);
}

static bool digest_uri_matches(struct sip_msg *m, struct str text)
{
	const struct sip_uri *ruri;
	struct sip_uri uri;

	if (str_eq(text, m->ruri))
		return true;
	if (sip_msg_ruri(m, &ruri) || sip_parse_uri(text, m->arena, &uri))
		return false;
	return uri.scheme == ruri->scheme && uri.scheme != SIP_URI_OTHER &&
	       str_eq(uri.user, ruri->user) && str_ieq(uri.host, ruri->host);
}

static bool digest_find(struct sip_msg *m, struct str realm, struct digest_credentials *out)
{
	static const enum sip_hdr_id where[] = {SIP_H_AUTHORIZATION, SIP_H_PROXY_AUTHORIZATION};
	struct digest_credentials c;
	struct str value;

	for (size_t k = 0; k < sizeof(where) / sizeof(where[0]); k++) {
		uint16_t i = 0;

		while (sip_msg_each(m, where[k], &i, &value)) {
			if (digest_parse(value, m->arena, &c) || !str_eq(c.realm, realm))
				continue;
			*out = c;
			return true;
		}
	}
	return false;
}

enum digest_result digest_check(const struct digest_server *d, struct sip_msg *m, struct str realm,
				digest_lookup_fn lookup, void *ctx, uint64_t now_ms,
				struct digest_credentials *cred)
{
	static const struct secret nobody = {0};
	const struct secret *password;
	char hex[DIGEST_RESPONSE_MAX];
	bool known, right, fresh;
	struct str want;

	if (!digest_find(m, realm, cred))
		return DIGEST_NONE;
	if (!digest_acceptable(cred) || !digest_uri_matches(m, cred->uri))
		return DIGEST_BAD;
	password = lookup(ctx, cred->username);
	known = password && password->p;
	if (!known)
		password = &nobody;
	if (!digest_response(cred, m->method_name, str_n(password->p, password->len), hex, &want))
		return DIGEST_BAD;
	right = cred->response.len == want.len &&
		CRYPTO_memcmp(cred->response.p, want.p, want.len) == 0;
	fresh = nonce_fresh(d, cred->nonce, &m->flow.remote, realm, now_ms);
	if (!known || !right)
		return DIGEST_BAD;
	return fresh ? DIGEST_OK : DIGEST_STALE;
}
