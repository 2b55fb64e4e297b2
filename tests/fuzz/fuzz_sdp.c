/* sdp: any bytes are parsed or refused; what was parsed prints, what was printed parses, and printing that gives the
 * same bytes again. What is written never names an address, a port or a key of what was read: the rewriting side sees
 * only its own. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct sdp_local_media local[SDP_MEDIA_MAX];

static struct sdp_rewrite rewrite_of(const struct sdp *s)
{
	struct addr ip = {.ip = {198, 51, 100, 7}, .family = ADDR_V4};

	for (size_t i = 0; i < s->n_media; i++) {
		local[i].addr = ip;
		local[i].addr.port = (uint16_t)(20000 + 2 * i);
		local[i].direction = s->media[i].direction;
	}
	return (struct sdp_rewrite){.session_id = 1,
				    .version = 1,
				    .origin_addr = ip,
				    .media = local,
				    .n_media = s->n_media};
}

static void check_targets(const struct sdp *s)
{
	for (size_t i = 0; i < s->n_media; i++) {
		const struct addr *t[] = {&s->media[i].connection, &s->media[i].rtcp};

		assert(s->media[i].n_codec <= SDP_FMT_MAX);
		for (size_t j = 0; j < 2; j++)
			assert(!addr_is_set(t[j]) ||
			       (t[j]->port && !addr_is_any(t[j]) && !addr_is_loopback(t[j]) &&
				!addr_is_multicast(t[j]) && !addr_is_broadcast(t[j])));
	}
}

static struct str print(const struct sdp *s, struct buf *b)
{
	struct sdp_rewrite rw = rewrite_of(s);

	if (sdp_print(s, &rw, b))
		return (struct str){0};
	return buf_view(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char first[4 * SDP_MAX], second[4 * SDP_MAX], echo[4 * SDP_MAX];
	struct buf b1 = BUF_ON(first), b2 = BUF_ON(second), b3 = BUF_ON(echo);
	struct sdp_rewrite rw;
	struct arena a;
	struct str text;
	struct sdp *s;

	arena_init(&a, 4096, 256 * 1024);
	if (sdp_parse(str_n(data, len), &a, &s))
		goto out;
	check_targets(s);
	rw = rewrite_of(s);
	assert(sdp_print_echo_answer(s, &rw, &b3) == 0);
	assert(sdp_parse(buf_view(&b3), &a, &s) == 0 || b3.len > SDP_MAX);
	assert(sdp_parse(str_n(data, len), &a, &s) == 0);
	text = print(s, &b1);
	assert(text.p);
	assert(str_find_str(text, STR("\na=candidate:")) < 0 &&
	       str_find_str(text, STR("\na=crypto:")) < 0);
	if (sdp_parse(text, &a, &s)) {
		/* Only for what was put in: CRLF, a longer o=, a c= or a direction more. */
		assert(text.len > SDP_MAX || s->n_line + 2 * SDP_MEDIA_MAX > SDP_LINE_MAX ||
		       s->n_line > SDP_ATTR_MAX - SDP_MEDIA_MAX);
		goto out;
	}
	check_targets(s);
	assert(str_eq(text, print(s, &b2)));
out:
	arena_free(&a);
	return 0;
}
