/* TLS: a filter between a TCP connection's socket and its framing, and the certificates behind it.
 *
 * For transport_tcp.c, on the shard's thread. OpenSSL sees two memory BIOs and no socket, so that limits of time, number and
 * memory stay those of TCP. What is sent during the handshake waits, and counts against the connection's queue. The files are
 * looked at every few seconds: whoever connects then gets the new certificate, old connections live on; a new file that is no
 * good is logged once and the old certificate stays. Sessions are not resumed: a handshake always checks what is asked now.
 * A peer is who its certificate's subjectAltName says (DNS, IP address or sip URI, without wildcards): RFC 5922 7. RFC 8446,
 * RFC 5246, RFC 6066 3 (server names). */
#include "sip/transport_internal.h"

#include <errno.h>
#include <sys/stat.h>

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE ossl_err_state
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "base/log.h"
#include "base/mem.h"

#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls_stamp {
	struct timespec mtime;
	off_t size;
	ino_t ino;
};

enum { TLS_CERT, TLS_KEY, TLS_CA, TLS_FILES };

/* One block of the configuration. */
struct tls_files {
	struct sip_transport *t;
	const struct conf_tls *conf;
	SSL_CTX *ctx;
	struct tls_stamp stamp[TLS_FILES]; /* of what was looked at last */
};

struct tls_session {
	SSL *ssl;
	BIO *in, *out; /* the session's own */
	bool failed;   /* nothing more can be said */
	char *waiting; /* sent before the handshake was done */
	size_t n_waiting, cap_waiting;
};

/* Certificates */

static void look(const struct conf_tls *c, struct tls_stamp stamp[TLS_FILES])
{
	const struct str path[TLS_FILES] = {c->cert, c->key, c->ca};
	struct stat st;

	memset(stamp, 0, TLS_FILES * sizeof *stamp);
	for (unsigned i = 0; i < TLS_FILES; i++) {
		if (str_empty(path[i]) || stat(path[i].p, &st))
			continue;
		stamp[i] = (struct tls_stamp){st.st_mtim, st.st_size, st.st_ino};
	}
}

static bool same_stamp(const struct tls_stamp *a, const struct tls_stamp *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
	       a->size == b->size && a->ino == b->ino;
}

/* A key with a passphrase is an error, not a question on the terminal. */
static int no_passphrase(char *buf, int size, int rw, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)ctx;
	return 0;
}

static const char *why_text(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "unknown reason";
}

static int load_authorities(SSL_CTX *ctx, const struct conf_tls *c)
{
	struct stat st;

	if (str_empty(c->ca))
		return SSL_CTX_set_default_verify_paths(ctx);
	if (stat(c->ca.p, &st) == 0 && S_ISDIR(st.st_mode))
		return SSL_CTX_load_verify_dir(ctx, c->ca.p);
	return SSL_CTX_load_verify_file(ctx, c->ca.p);
}

/* The three files into ctx; false, and one sentence, when one is no good. */
static bool load_files(SSL_CTX *ctx, const struct conf_tls *c, char *text, size_t cap)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, c->cert.p) != 1) {
		snprintf(text, cap, "tls '%.*s': %s holds no certificate that can be used: %s",
			 STR_FMT(c->name), c->cert.p, why_text());
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, c->key.p, SSL_FILETYPE_PEM) != 1) {
		unsigned long e = ERR_peek_last_error();
		bool other = ERR_GET_LIB(e) == ERR_LIB_X509 &&
			     (ERR_GET_REASON(e) == X509_R_KEY_VALUES_MISMATCH ||
			      ERR_GET_REASON(e) == X509_R_KEY_TYPE_MISMATCH);

		if (other)
			snprintf(text, cap,
				 "tls '%.*s': the key %s is not that of the certificate %s",
				 STR_FMT(c->name), c->key.p, c->cert.p);
		else
			snprintf(text, cap,
				 "tls '%.*s': %s holds no key that can be used (PEM, without a "
				 "passphrase): %s",
				 STR_FMT(c->name), c->key.p, why_text());
		return false;
	}
	if (load_authorities(ctx, c) != 1) {
		snprintf(text, cap, "tls '%.*s': no authority can be read from %s: %s",
			 STR_FMT(c->name), str_empty(c->ca) ? "the system" : c->ca.p, why_text());
		return false;
	}
	return true;
}

static bool ctx_of_name(const struct tls_files *f, struct str name, SSL_CTX **out)
{
	const struct conf_sni *star = NULL;

	*out = NULL;
	for (size_t i = 0; i < f->conf->n_sni; i++) {
		const struct conf_sni *s = &f->conf->sni[i];
		ptrdiff_t dot = str_find(name, '.');

		if (str_ieq(s->name, name)) {
			*out = f->t->tls[s->tls->index].ctx;
			return true;
		}
		if (dot > 0 && str_starts(s->name, STR("*.")) &&
		    str_ieq(str_from(s->name, 1), str_from(name, (size_t)dot)))
			star = s;
	}
	if (star)
		*out = f->t->tls[star->tls->index].ctx;
	return *out != NULL;
}

/* In SIP whoever serves also connects, with the one certificate that it has: one that was issued for servers only is as good
 * from who connects to us. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	int is_authority = X509_STORE_CTX_get_error_depth(store) > 0;

	if (ok || X509_STORE_CTX_get_error(store) != X509_V_ERR_INVALID_PURPOSE)
		return ok;
	if (X509_check_purpose(X509_STORE_CTX_get_current_cert(store), X509_PURPOSE_SSL_SERVER,
			       is_authority) != 1)
		return 0;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* The client says whom it wants to reach. An unknown name gets the listener's own certificate (RFC 6066 allows it). */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *ctx;

	if (!name || !ctx_of_name(arg, str_c(name), &ctx))
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_version(ssl) < SSL_CTX_get_min_proto_version(ctx)) {
		*alert = SSL_AD_PROTOCOL_VERSION;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (!SSL_set_SSL_CTX(ssl, ctx)) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	SSL_set_verify(ssl, SSL_CTX_get_verify_mode(ctx), on_verify);
	return SSL_TLSEXT_ERR_OK;
}

static void warn_about_time(const struct conf_tls *c, SSL_CTX *ctx)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx);

	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		log_warn("transport", "certificate has expired", KV_S("tls", c->name),
			 KV_S("cert", c->cert));
	else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		log_warn("transport", "certificate is not valid yet", KV_S("tls", c->name),
			 KV_S("cert", c->cert));
}

/* NULL with one sentence when something is no good. */
static SSL_CTX *make_ctx(struct tls_files *f, char *text, size_t cap)
{
	static const int verify[] = {
		[CONF_CLIENT_NONE] = SSL_VERIFY_NONE,
		[CONF_CLIENT_OPTIONAL] = SSL_VERIFY_PEER,
		[CONF_CLIENT_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	};
	const struct conf_tls *c = f->conf;
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	snprintf(text, cap, "tls '%.*s': out of memory", STR_FMT(c->name));
	if (!ctx)
		return NULL;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(ctx, verify[c->client_auth], on_verify);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, f);
	if (!SSL_CTX_set_min_proto_version(ctx, c->min == CONF_TLS_1_3 ? TLS1_3_VERSION
								       : TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) || !load_files(ctx, c, text, cap)) {
		SSL_CTX_free(ctx);
		ERR_clear_error();
		return NULL;
	}
	warn_about_time(c, ctx);
	return ctx;
}

static void reload(struct tls_files *f)
{
	struct tls_stamp now[TLS_FILES];
	bool same = true;
	char text[512];
	SSL_CTX *ctx;

	look(f->conf, now);
	for (unsigned i = 0; i < TLS_FILES; i++)
		same = same && same_stamp(&now[i], &f->stamp[i]);
	if (same)
		return;
	memcpy(f->stamp, now, sizeof now);
	ctx = make_ctx(f, text, sizeof text);
	if (!ctx) {
		log_warn("transport", "changed certificate not taken, the old one stays",
			 KV_C("why", text));
		return;
	}
	SSL_CTX_free(f->ctx); /* sessions hold it as long as they need it */
	f->ctx = ctx;
	log_info("transport", "changed certificate taken", KV_S("tls", f->conf->name));
}

static void on_watch(uv_timer_t *timer)
{
	struct sip_transport *t = timer->data;

	for (size_t i = 0; i < t->conf.conf->n_tls; i++)
		if (t->tls[i].conf->watch)
			reload(&t->tls[i]);
}

static void start_watching(struct sip_transport *t)
{
	uv_timer_init(t->conf.loop, &t->watch);
	t->watch.data = t;
	t->handles++;
	uv_timer_start(&t->watch, on_watch, t->conf.watch_ms, t->conf.watch_ms);
	uv_unref((uv_handle_t *)&t->watch);
}

int tls_open(struct sip_transport *t, char *error_text, size_t error_cap)
{
	size_t n = t->conf.conf->n_tls;

	if (n == 0)
		return 0;
	t->tls = mem_alloc(n * sizeof *t->tls);
	t->tls_rx = mem_alloc(TLS_RX_CAP);
	if (!t->tls || !t->tls_rx)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		t->tls[i] = (struct tls_files){.t = t, .conf = &t->conf.conf->tls[i]};
	for (size_t i = 0; i < n; i++) {
		struct tls_files *f = &t->tls[i];

		look(f->conf, f->stamp); /* before: what changes meanwhile is seen later */
		f->ctx = make_ctx(f, error_text, error_cap);
		if (!f->ctx)
			return ERR_INVAL;
	}
	start_watching(t);
	return 0;
}

static void on_watch_closed(uv_handle_t *h)
{
	sip_transport_handle_closed(h->data);
}

void tls_close(struct sip_transport *t)
{
	if (t->watch.data)
		uv_close((uv_handle_t *)&t->watch, on_watch_closed);
}

void tls_free(struct sip_transport *t)
{
	for (size_t i = 0; t->tls && i < t->conf.conf->n_tls; i++)
		SSL_CTX_free(t->tls[i].ctx);
	mem_free(t->tls);
	mem_free(t->tls_rx);
}

/* Who the peer is */

static bool has_sip_uri(const X509 *cert, struct str name)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && !found; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		struct str uri;

		if (g->type != GEN_URI)
			continue;
		uri = str_n(ASN1_STRING_get0_data(g->d.uniformResourceIdentifier),
			    (size_t)ASN1_STRING_length(g->d.uniformResourceIdentifier));
		found = str_istarts(uri, STR("sip:")) && str_ieq(str_from(uri, 4), name);
	}
	GENERAL_NAMES_free(all);
	return found;
}

static bool says_addr(X509 *cert, const struct addr *a)
{
	return X509_check_ip(cert, a->ip, a->family == ADDR_V6 ? 16 : 4, 0) == 1;
}

static bool says_name(X509 *cert, struct str name)
{
	struct addr ip;

	if (addr_parse_ip(name, &ip) == 0)
		return says_addr(cert, &ip);
	return X509_check_host(cert, name.p, name.len,
			       X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
			       NULL) == 1 ||
	       has_sip_uri(cert, name);
}

/* How well a trunk's sources fit the address; -1 for not at all. */
static int source_rank(const struct conf_trunk *k, const struct addr *remote)
{
	int best = k->n_match_source ? -1 : 0;

	for (size_t i = 0; i < k->n_match_source; i++)
		if (k->match_source[i].len_bits > best && addr_in(&k->match_source[i], remote))
			best = k->match_source[i].len_bits;
	return best;
}

/* Of the names that the realm's trunks ask for, the one that this certificate proves; where it proves several, that of the trunk
 * whose sources fit best. */
static struct str name_of_trunk(const struct tcp_conn *c, X509 *cert)
{
	const struct conf *conf = c->t->conf.conf;
	struct str name = {0};
	int best = -1;

	for (size_t i = 0; i < conf->n_trunk; i++) {
		const struct conf_trunk *k = &conf->trunk[i];
		int rank;

		if (k->realm != c->flow.realm || str_empty(k->tls_san))
			continue;
		rank = source_rank(k, &c->flow.remote);
		if (rank <= best || !says_name(cert, k->tls_san))
			continue;
		best = rank;
		name = k->tls_san;
	}
	return name;
}

/* After the handshake; false when we connected and somebody else is there. */
static bool check_peer(struct tcp_conn *c)
{
	X509 *cert = SSL_get1_peer_certificate(c->tls->ssl);

	if (c->source && cert) {
		c->flow.tls_name = name_of_trunk(c, cert);
		c->proven = !str_empty(c->flow.tls_name) || says_addr(cert, &c->flow.remote);
	} else if (cert) {
		c->proven = str_empty(c->flow.tls_name) ? says_addr(cert, &c->flow.remote)
							: says_name(cert, c->flow.tls_name);
	}
	X509_free(cert);
	return c->proven || c->source;
}

/* The session */

int tls_attach(struct tcp_conn *c)
{
	struct sip_transport *t = c->t;
	const struct conf_tls *conf = t->socket[c->flow.socket].listener->tls;
	struct tls_session *s = mem_alloc(sizeof *s);
	struct addr ip;

	if (!s)
		return ERR_NOMEM;
	s->ssl = SSL_new(t->tls[conf->index].ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (!s->ssl || !s->in || !s->out) {
		SSL_free(s->ssl);
		BIO_free(s->in);
		BIO_free(s->out);
		mem_free(s);
		return ERR_NOMEM;
	}
	SSL_set_bio(s->ssl, s->in, s->out);
	c->tls = s;
	if (c->source) {
		SSL_set_accept_state(s->ssl);
		return 0;
	}
	SSL_set_connect_state(s->ssl);
	SSL_set_verify(s->ssl, SSL_VERIFY_PEER, NULL);
	if (!str_empty(c->flow.tls_name) && addr_parse_ip(c->flow.tls_name, &ip))
		(void)!SSL_set_tlsext_host_name(s->ssl, c->flow.tls_name.p);
	return 0;
}

void tls_detach(struct tcp_conn *c)
{
	struct tls_session *s = c->tls;

	if (!s)
		return;
	SSL_free(s->ssl);
	mem_free(s->waiting);
	mem_free(s);
	c->tls = NULL;
}

/* What OpenSSL has written, to the socket; with the connection closing, as much as it takes now. */
static int drain(struct tcp_conn *c)
{
	char *p;
	long n = BIO_get_mem_data(c->tls->out, &p);
	uv_buf_t buf;
	int err = 0;

	if (n <= 0)
		return 0;
	buf = uv_buf_init(p, (unsigned)n);
	if (!c->closing)
		err = tcp_write(c, str_n(p, (size_t)n));
	else if (!c->connecting && c->queued_bytes == 0)
		(void)!uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
	(void)BIO_reset(c->tls->out);
	return err;
}

static void fail(struct tcp_conn *c, const char *why)
{
	long verify = SSL_get_verify_result(c->tls->ssl);
	const char *detail = verify != X509_V_OK ? X509_verify_cert_error_string(verify)
						 : ERR_reason_error_string(ERR_peek_last_error());

	log_limited(c->source ? LOG_INFO : LOG_WARN, "transport", why,
		    KV_A("remote", &c->flow.remote), KV_S("realm", c->flow.realm->name),
		    KV_S("name", c->flow.tls_name), KV_C("why", detail ? detail : "broken off"));
	c->tls->failed = true;
	(void)!drain(c); /* the alert */
	tcp_conn_close(c, !c->source || !c->handshaking, why);
	ERR_clear_error();
}

static int encrypt(struct tcp_conn *c, struct str bytes)
{
	ERR_clear_error();
	if (bytes.len > INT32_MAX || SSL_write(c->tls->ssl, bytes.p, (int)bytes.len) <= 0) {
		fail(c, "TLS write failed");
		return ERR_CLOSED;
	}
	return drain(c);
}

static int wait_for_handshake(struct tcp_conn *c, struct str bytes)
{
	struct tls_session *s = c->tls;
	size_t cap = s->cap_waiting ? s->cap_waiting : 4096;
	char *bigger;

	if (c->queued_bytes + bytes.len > c->t->conf.max_queued_bytes) {
		tcp_conn_close(c, true, "too much waits for the handshake");
		return ERR_LIMIT;
	}
	while (cap < s->n_waiting + bytes.len)
		cap *= 2;
	if (cap > s->cap_waiting) {
		bigger = mem_alloc(cap);
		if (!bigger)
			return ERR_NOMEM;
		if (s->n_waiting)
			memcpy(bigger, s->waiting, s->n_waiting);
		mem_free(s->waiting);
		s->waiting = bigger;
		s->cap_waiting = cap;
	}
	memcpy(s->waiting + s->n_waiting, bytes.p, bytes.len);
	s->n_waiting += bytes.len;
	c->queued_bytes += bytes.len;
	return 0;
}

int tls_write(struct tcp_conn *c, struct str bytes)
{
	if (str_empty(bytes))
		return 0;
	if (c->tls->failed)
		return ERR_CLOSED;
	if (!SSL_is_init_finished(c->tls->ssl))
		return wait_for_handshake(c, bytes);
	if (c->queued_bytes + bytes.len > c->t->conf.max_queued_bytes) {
		tcp_conn_close(c, true, "the peer does not read");
		return ERR_LIMIT;
	}
	return encrypt(c, bytes);
}

static void send_waiting(struct tcp_conn *c)
{
	struct tls_session *s = c->tls;
	char *p = s->waiting;
	size_t n = s->n_waiting;

	if (!p)
		return;
	s->waiting = NULL;
	s->n_waiting = s->cap_waiting = 0;
	c->queued_bytes -= n;
	(void)!encrypt(c, str_n(p, n));
	mem_free(p);
}

/* True when the handshake is done and the connection still there. */
static bool shake(struct tcp_conn *c)
{
	int r, err;

	ERR_clear_error();
	r = SSL_do_handshake(c->tls->ssl);
	err = SSL_get_error(c->tls->ssl, r);
	if (r != 1 && err != SSL_ERROR_WANT_READ) {
		fail(c, "TLS handshake failed");
		return false;
	}
	if (r == 1 && !check_peer(c)) {
		fail(c, "TLS peer has a certificate of another name");
		return false;
	}
	if (drain(c) || c->closing || r != 1)
		return false;
	c->handshaking = false;
	log_debug("transport", "TLS", KV_A("remote", &c->flow.remote),
		  KV_C("version", SSL_get_version(c->tls->ssl)),
		  KV_C("cipher", SSL_get_cipher_name(c->tls->ssl)), KV_S("name", c->flow.tls_name));
	tcp_ready(c);
	send_waiting(c);
	return !c->closing;
}

/* All that can be read now, to the framing. */
static void pull(struct tcp_conn *c)
{
	int r = 1, err;

	while (r > 0 && !c->closing && !c->closing_soon) {
		uv_buf_t room = tcp_room(c);

		ERR_clear_error();
		r = SSL_read(c->tls->ssl, room.base, (int)room.len);
		if (r > 0)
			tcp_received(c, (size_t)r);
	}
	if (c->closing || c->closing_soon)
		return;
	err = SSL_get_error(c->tls->ssl, r);
	if (err == SSL_ERROR_ZERO_RETURN)
		tcp_conn_close(c, false, "by the peer");
	else if (err != SSL_ERROR_WANT_READ)
		fail(c, "TLS read failed");
	else
		(void)!drain(c);
}

void tls_start(struct tcp_conn *c)
{
	c->handshaking = true;
	if (!c->source)
		(void)shake(c);
}

void tls_input(struct tcp_conn *c, size_t n)
{
	if (c->closing_soon)
		return;
	if (BIO_write(c->tls->in, c->t->tls_rx, (int)n) != (int)n) {
		fail(c, "out of memory");
		return;
	}
	if (!c->handshaking || shake(c))
		pull(c);
}

void tls_goodbye(struct tcp_conn *c)
{
	if (!c->tls || c->tls->failed || c->broken || c->handshaking ||
	    !SSL_is_init_finished(c->tls->ssl))
		return;
	ERR_clear_error();
	(void)SSL_shutdown(c->tls->ssl);
	c->tls->failed = true; /* nothing goes out behind it */
	(void)!drain(c);
}
