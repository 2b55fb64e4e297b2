/* sdp/offer_answer: every state with every event, what a failure leaves, and that a long call does not grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sdp/offer_answer.h"

#define SDP_OF(user)                                                                               \
	"v=0\r\no=" user " 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define M         "m=audio 4000 RTP/AVP 0\r\n"
#define ONE(user) STR(SDP_OF(user) M)
#define TWO(user) STR(SDP_OF(user) M M)
#define BAD       STR("v=0\r\nnonsense\r\n")

static struct oa oa;

static int setup(void **state)
{
	(void)state;
	oa_init(&oa);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	oa_free(&oa);
	assert_int_equal(mem_live(), 0);
	return 0;
}

/* Who oa_far() says described itself last. */
static void assert_far(const char *user)
{
	const struct sdp *s = oa_far(&oa);

	if (!user) {
		assert_null(s);
		return;
	}
	assert_non_null(s);
	assert_true(str_eq(s->origin_user, str_c(user)));
}

enum event { OFFER_IN, OFFER_OUT, PREVIEW_IN, ANSWER_IN, ANSWER_OUT, ROLLBACK };

static int feed(enum event e)
{
	switch (e) {
	case OFFER_IN:
		return oa_offer_received(&oa, ONE("offer"));
	case OFFER_OUT:
		return oa_offer_sent(&oa);
	case PREVIEW_IN:
		return oa_answer_received(&oa, ONE("preview"), 1, false);
	case ANSWER_IN:
		return oa_answer_received(&oa, ONE("answer"), 1, true);
	case ANSWER_OUT:
		return oa_answer_sent(&oa);
	case ROLLBACK:
		oa_rollback(&oa);
		return 0;
	}
	return ERR_INVAL;
}

/* From a leg that agreed on "old" before, brought to `from` (with or without a preview). */
static const struct {
	enum oa_state from;
	bool previewed;
	enum event event;
	int err;
	enum oa_state to;
	const char *far;
} rows[] = {
	{OA_IDLE, false, OFFER_IN, 0, OA_OFFER_RECEIVED, "offer"},
	{OA_IDLE, false, OFFER_OUT, 0, OA_OFFER_SENT, "old"},
	{OA_IDLE, false, PREVIEW_IN, ERR_STATE, OA_IDLE, "old"},
	{OA_IDLE, false, ANSWER_IN, ERR_STATE, OA_IDLE, "old"},
	{OA_IDLE, false, ANSWER_OUT, ERR_STATE, OA_IDLE, "old"},
	{OA_IDLE, false, ROLLBACK, 0, OA_IDLE, "old"},
	{OA_OFFER_SENT, false, OFFER_IN, ERR_STATE, OA_OFFER_SENT, "old"},
	{OA_OFFER_SENT, false, OFFER_OUT, ERR_STATE, OA_OFFER_SENT, "old"},
	{OA_OFFER_SENT, false, PREVIEW_IN, 0, OA_OFFER_SENT, "preview"},
	{OA_OFFER_SENT, false, ANSWER_IN, 0, OA_IDLE, "answer"},
	{OA_OFFER_SENT, false, ANSWER_OUT, ERR_STATE, OA_OFFER_SENT, "old"},
	{OA_OFFER_SENT, false, ROLLBACK, 0, OA_IDLE, "old"},
	{OA_OFFER_SENT, true, OFFER_IN, ERR_STATE, OA_OFFER_SENT, "early"},
	{OA_OFFER_SENT, true, OFFER_OUT, ERR_STATE, OA_OFFER_SENT, "early"},
	{OA_OFFER_SENT, true, PREVIEW_IN, 0, OA_OFFER_SENT, "preview"},
	{OA_OFFER_SENT, true, ANSWER_IN, 0, OA_IDLE, "answer"},
	{OA_OFFER_SENT, true, ANSWER_OUT, ERR_STATE, OA_OFFER_SENT, "early"},
	{OA_OFFER_SENT, true, ROLLBACK, 0, OA_IDLE, "old"},
	{OA_OFFER_RECEIVED, false, OFFER_IN, ERR_STATE, OA_OFFER_RECEIVED, "theirs"},
	{OA_OFFER_RECEIVED, false, OFFER_OUT, ERR_STATE, OA_OFFER_RECEIVED, "theirs"},
	{OA_OFFER_RECEIVED, false, PREVIEW_IN, ERR_STATE, OA_OFFER_RECEIVED, "theirs"},
	{OA_OFFER_RECEIVED, false, ANSWER_IN, ERR_STATE, OA_OFFER_RECEIVED, "theirs"},
	{OA_OFFER_RECEIVED, false, ANSWER_OUT, 0, OA_IDLE, "theirs"},
	{OA_OFFER_RECEIVED, false, ROLLBACK, 0, OA_IDLE, "old"},
};

static void bring_to(enum oa_state from, bool previewed)
{
	assert_int_equal(oa_offer_received(&oa, ONE("old")), 0);
	assert_int_equal(oa_answer_sent(&oa), 0);
	if (from == OA_OFFER_RECEIVED)
		assert_int_equal(oa_offer_received(&oa, ONE("theirs")), 0);
	if (from == OA_OFFER_SENT)
		assert_int_equal(oa_offer_sent(&oa), 0);
	if (previewed)
		assert_int_equal(oa_answer_received(&oa, ONE("early"), 1, false), 0);
}

static void every_state_meets_every_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		oa_free(&oa);
		oa_init(&oa);
		bring_to(rows[i].from, rows[i].previewed);
		if (feed(rows[i].event) != rows[i].err || oa.state != rows[i].to)
			fail_msg("row %zu", i);
		assert_far(rows[i].far);
		if (oa.state == OA_IDLE)
			assert_null(oa.pending_far);
	}
}

static void a_fresh_leg_knows_nothing(void **state)
{
	(void)state;
	assert_far(NULL);
	assert_int_equal(oa_offer_sent(&oa), 0);
	assert_far(NULL);
	oa_rollback(&oa);
	assert_far(NULL);
	assert_int_equal(oa_offer_received(&oa, ONE("a")), 0);
	oa_rollback(&oa);
	assert_far(NULL);
}

/* SIP rule 19: one offer, one answer; the 200 behind a reliable 1xx cannot change it. */
static void an_answer_is_final_once(void **state)
{
	(void)state;
	assert_int_equal(oa_offer_sent(&oa), 0);
	assert_int_equal(oa_answer_received(&oa, ONE("first"), 1, true), 0);
	assert_int_equal(oa_answer_received(&oa, ONE("second"), 1, true), ERR_STATE);
	assert_far("first");
}

/* SIP rule 25. */
static void a_bad_text_changes_nothing(void **state)
{
	static char huge[SDP_MAX + 1];

	(void)state;
	bring_to(OA_IDLE, false);
	assert_int_equal(oa_offer_received(&oa, BAD), ERR_SYNTAX);
	assert_int_equal(oa_offer_received(&oa, str_n(huge, sizeof(huge))), ERR_LIMIT);
	assert_int_equal(oa.state, OA_IDLE);
	assert_far("old");
	assert_int_equal(oa_offer_sent(&oa), 0);
	assert_int_equal(oa_answer_received(&oa, ONE("early"), 1, false), 0);
	assert_int_equal(oa_answer_received(&oa, BAD, 1, true), ERR_SYNTAX);
	assert_int_equal(oa.state, OA_OFFER_SENT);
	assert_far("early");
	assert_int_equal(oa_answer_received(&oa, ONE("good"), 1, true), 0);
	assert_far("good");
}

/* SIP rule 23. */
static void sections_are_never_fewer(void **state)
{
	(void)state;
	assert_int_equal(oa_offer_sent(&oa), 0);
	assert_int_equal(oa_answer_received(&oa, ONE("a"), 2, true), ERR_SYNTAX);
	assert_int_equal(oa_answer_received(&oa, TWO("a"), 1, true), ERR_SYNTAX);
	assert_int_equal(oa_answer_received(&oa, TWO("a"), 2, true), 0);
	assert_int_equal(oa.n_media, 2);
	assert_int_equal(oa_offer_received(&oa, ONE("b")), ERR_SYNTAX);
	assert_int_equal(oa_offer_received(&oa, STR(SDP_OF("c") M M M)), 0);
	oa_rollback(&oa);
	assert_int_equal(oa.n_media, 2);
	assert_int_equal(oa_offer_received(&oa, TWO("d")), 0);
	assert_int_equal(oa_answer_sent(&oa), 0);
	assert_far("d");
}

static void the_text_is_our_own_copy(void **state)
{
	char text[] = SDP_OF("copy") M;

	(void)state;
	assert_int_equal(oa_offer_received(&oa, str_c(text)), 0);
	memset(text, 'x', sizeof(text));
	assert_far("copy");
	assert_int_equal(oa_far(&oa)->media[0].port, 4000);
}

static void ten_thousand_re_offers_do_not_grow(void **state)
{
	size_t held = 0, bytes = 0;
	int64_t live = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		if (i % 3 == 0) {
			assert_int_equal(oa_offer_sent(&oa), 0);
			assert_int_equal(oa_answer_received(&oa, ONE("preview"), 1, false), 0);
			assert_int_equal(oa_answer_received(&oa, ONE("answerer"), 1, true), 0);
		} else {
			assert_int_equal(oa_offer_received(&oa, ONE("the-offerer")), 0);
			if (i % 3 == 1)
				oa_rollback(&oa);
			else
				assert_int_equal(oa_answer_sent(&oa), 0);
		}
		bytes = oa.arena[0].held_bytes + oa.arena[1].held_bytes;
		if (i < 6) {
			live = mem_live() > live ? mem_live() : live;
			held = bytes > held ? bytes : held;
		}
		assert_true(mem_live() <= live && bytes <= held);
	}
	assert_true(held <= 4096);
}

static void every_failing_allocation_leaves_the_agreed(void **state)
{
	uint64_t n = 1;
	int err;

	(void)state;
	bring_to(OA_IDLE, false);
	do {
		(void)mem_fail_nth(n++);
		err = oa_offer_received(&oa, TWO("new"));
		(void)mem_fail_nth(0);
		assert_true(err == 0 || err == ERR_NOMEM);
		assert_int_equal(oa.state, err ? OA_IDLE : OA_OFFER_RECEIVED);
		assert_far(err ? "old" : "new");
	} while (err);
	assert_true(n > 2);
}

static void the_largest_description_fits(void **state)
{
	static char text[SDP_MAX];
	struct buf b = BUF_ON(text);

	(void)state;
	buf_c(&b, "v=0\no=big 1 1 IN IP4 h\n");
	for (size_t i = 0; i < SDP_MEDIA_MAX; i++) {
		buf_c(&b, "m=audio 2 RTP/AVP");
		for (size_t j = 0; j < SDP_FMT_MAX; j++)
			buf_c(&b, " 0");
		buf_c(&b, "\n");
	}
	for (size_t i = SDP_MEDIA_MAX + 2; i < SDP_LINE_MAX - 1; i++)
		buf_c(&b, "b=AS:123\n");
	buf_c(&b, "s=");
	while (b.len < SDP_MAX)
		buf_ch(&b, 'x');
	assert_int_equal(oa_offer_received(&oa, buf_view(&b)), 0);
	assert_far("big");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_state_meets_every_event),
		T(a_fresh_leg_knows_nothing),
		T(an_answer_is_final_once),
		T(a_bad_text_changes_nothing),
		T(sections_are_never_fewer),
		T(the_text_is_our_own_copy),
		T(ten_thousand_re_offers_do_not_grow),
		T(every_failing_allocation_leaves_the_agreed),
		T(the_largest_description_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
