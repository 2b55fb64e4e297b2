/* libFuzzer: a message as it comes from the network, through framing, scan, check, every parser on demand, digest and the
 * answers that would be written. Beyond crashes it holds three promises: framing and scan agree on where a message
 * ends; what the scan accepted has no control characters outside of quotes; an answer of ours to a message that we accepted passes
 * our own scan. */
#include <assert.h>

#include "sip/build.h"
#include "sip/digest.h"

static const struct secret *fuzz_lookup(void *ctx, struct str user)
{
	(void)ctx;
	(void)user;
	return NULL;
}

/* Every list and every item, and each item as whatever it might be. */
static void fuzz_items(struct sip_msg *m)
{
	for (unsigned id = 0; id < SIP_H_COUNT; id++) {
		struct sip_list_cursor c = {0};
		struct str item;

		while (sip_msg_each_item(m, (enum sip_hdr_id)id, &c, &item)) {
			struct digest_credentials cred;
			struct sip_nameaddr na;
			struct sip_via via;
			struct sip_uri uri;

			if (sip_parse_nameaddr(item, m->arena, &na) == 0) {
				(void)sip_nameaddr_tag(&na);
				assert(na.star || sip_uri_eq(&na.uri, &na.uri));
			}
			(void)!sip_parse_via(item, m->arena, &via);
			(void)!sip_parse_uri(item, m->arena, &uri);
			(void)!digest_parse(item, m->arena, &cred);
		}
		(void)sip_msg_has_token(m, (enum sip_hdr_id)id, STR("100rel"));
	}
}

static void fuzz_answer(struct sip_msg *m, struct arena *a)
{
	static char out[2 * SIP_MSG_MAX_STREAM];
	static struct sip_msg answer;
	struct buf b = BUF_ON(out);
	struct sip_fault fault;

	(void)sip_response_flow(m);
	sip_build_response(&b, m, 486, STR(""), STR("tag"), STR(""));
	assert(buf_check(&b) == 0);
	assert(sip_scan(out, b.len, a, &answer, &fault) == 0);
	assert(sip_msg_check(&answer, &fault) == 0);
	b = BUF_ON(out);
	sip_put_passed(&b, m);
	assert(buf_check(&b) == 0);
}

static void fuzz_accepted(struct sip_msg *m)
{
	for (uint16_t i = 0; i < m->n_hdr; i++)
		assert(!memchr(m->hdr[i].value.p, '\r', m->hdr[i].value.len) &&
		       !memchr(m->hdr[i].value.p, '\n', m->hdr[i].value.len));
	assert(m->first[SIP_H_VIA] && m->first[SIP_H_CSEQ]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct digest_server server = {.nonce_life_ms = 1000};
	static char out[2 * SIP_MSG_MAX_STREAM];
	static struct sip_msg m;
	struct digest_credentials cred;
	struct sip_fault fault = {0};
	struct arena arena;
	struct buf b = BUF_ON(out);
	size_t skip, framed;
	bool ping;
	char *data = malloc(len + 1); /* exact, so that reading over the end is seen */
	char *copy = data ? realloc(data, len ? len : 1) : NULL;
	int framing, scan;

	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	arena_init(&arena, 4096, 1 << 22);
	framing = sip_frame(copy, len, &skip, &framed, &ping);
	assert(skip <= len && framed <= len - skip);
	m.flow = (struct sip_flow){.remote = {.ip = {192, 0, 2, 1}, .port = 5060, .family = 4}};
	scan = sip_scan(copy, len, &arena, &m, &fault);
	if (scan == 0) {
		if (framing == 0 && framed)
			assert(m.raw.p == copy + skip && m.raw.len == framed);
		fuzz_accepted(&m);
		if (sip_msg_check(&m, &fault) == 0)
			fuzz_answer(&m, &arena);
		(void)digest_check(&server, &m, STR("r"), fuzz_lookup, NULL, 0, &cred);
	} else {
		assert(fault.text);
		sip_build_fault(&b, &m, &fault);
		assert(buf_check(&b) == 0);
	}
	fuzz_items(&m);
	arena_free(&arena);
	free(copy);
	return 0;
}
