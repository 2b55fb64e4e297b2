/* Every field that media_msg_check() promises to have looked at: one row a case, each breaks one good message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/media_msg.h"

static struct addr ip4(uint8_t last, uint16_t port)
{
	return (struct addr){.ip = {192, 0, 2, last}, .port = port, .family = ADDR_V4};
}

static struct media_spec good_spec(void)
{
	struct media_spec s = {
		.local = ip4(1, 20000),
		.remote = ip4(2, 30000),
		.remote_rtcp = ip4(2, 30001),
		.signalling = ip4(3, 0),
		.latch = MEDIA_LATCH_REMOTE,
		.sink = MEDIA_SINK_PEER,
		.sink_id = MEDIA_ID_MAX - 1,
		.direction = MEDIA_RECV | MEDIA_SEND,
		.dscp = 46,
		.n_pt = MEDIA_PT_MAX,
	};

	for (int i = 0; i < MEDIA_PT_MAX; i++) {
		s.pt[i] = (uint8_t)(127 - i);
		s.pt_out[i] = (uint8_t)(112 + i);
		s.clock_rate[i] = 8000;
	}
	return s;
}

static struct media_msg good(unsigned type)
{
	struct media_msg m;

	memset(&m, 0, sizeof m);
	m.head = (struct media_head){.version = MEDIA_VERSION, .type = (uint16_t)type, .id = 7};
	switch (type) {
	case MEDIA_HELLO | MEDIA_REPLY:
		m.hello = (struct media_hello){.workers = 1, .endpoints_max = MEDIA_ID_MAX};
		break;
	case MEDIA_ENDPOINT_SET:
		m.spec = good_spec();
		break;
	case MEDIA_DUMP | MEDIA_REPLY:
		m.dump.spec = good_spec();
		break;
	default:
		break;
	}
	return m;
}

static int check(const struct media_msg *m)
{
	return media_msg_check(m, media_msg_len(&m->head));
}

static const unsigned all_types[] = {
	MEDIA_HELLO,
	MEDIA_ENDPOINT_SET,
	MEDIA_ENDPOINT_DEL,
	MEDIA_STATS,
	MEDIA_DUMP,
	MEDIA_HELLO | MEDIA_REPLY,
	MEDIA_ENDPOINT_SET | MEDIA_REPLY,
	MEDIA_ENDPOINT_DEL | MEDIA_REPLY,
	MEDIA_STATS | MEDIA_REPLY,
	MEDIA_DUMP | MEDIA_REPLY,
	MEDIA_EV_LATCHED,
	MEDIA_EV_TIMEOUT,
	MEDIA_EV_FAULT,
};
#define N_TYPES (sizeof all_types / sizeof all_types[0])

static void every_type_has_one_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_TYPES; i++) {
		struct media_msg m = good(all_types[i]);
		size_t len = media_msg_len(&m.head);

		assert_true(len >= sizeof(struct media_head) && len <= sizeof m);
		assert_int_equal(check(&m), 0);
		assert_int_equal(media_msg_check(&m, len - 1), ERR_SYNTAX);
		assert_int_equal(media_msg_check(&m, len + 1), ERR_SYNTAX);
		assert_int_equal(media_msg_check(&m, sizeof m + 100), ERR_SYNTAX);
		for (size_t n = 0; n < sizeof(struct media_head); n++)
			assert_int_equal(media_msg_check(&m, n), ERR_SYNTAX);
	}
}

static void unknown_types_are_refused(void **state)
{
	(void)state;
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		struct media_msg m;
		bool known = false;

		for (size_t i = 0; i < N_TYPES; i++)
			known |= all_types[i] == type;
		if (known)
			continue;
		m = good(type);
		assert_int_equal(media_msg_len(&m.head), 0);
		assert_int_equal(media_msg_check(&m, sizeof m.head), ERR_SYNTAX);
		assert_int_equal(media_msg_check(&m, sizeof m), ERR_SYNTAX);
	}
}

static void other_versions_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_TYPES; i++) {
		struct media_msg m = good(all_types[i]);

		m.head.version = MEDIA_VERSION + 1;
		assert_int_equal(check(&m), ERR_UNSUPPORTED);
		assert_int_equal(media_msg_check(&m, sizeof m.head), ERR_UNSUPPORTED);
		m.head.version = 0;
		assert_int_equal(check(&m), ERR_UNSUPPORTED);
	}
}

/* Sets one field of a good message to something it must not be. */
typedef void (*break_fn)(struct media_msg *m);
#define BREAK(name, code)                                                                          \
	static void name(struct media_msg *m)                                                      \
	{                                                                                          \
		code;                                                                              \
	}

BREAK(id_at_max, m->head.id = MEDIA_ID_MAX)
BREAK(id_behind_max, m->head.id = MEDIA_ID_MAX + 1)
BREAK(id_none, m->head.id = MEDIA_NONE)
BREAK(status_error, m->head.status = ERR_NOENT)
BREAK(status_positive, m->head.status = 1)
BREAK(status_unknown, m->head.status = -1000)
BREAK(serial_set, m->head.serial = 5)
BREAK(workers_zero, m->hello.workers = 0)
BREAK(endpoints_over, m->hello.endpoints = m->hello.endpoints_max + 1)
BREAK(endpoints_max_over, m->hello.endpoints_max = MEDIA_ID_MAX + 1)
BREAK(local_unset, m->spec.local = (struct addr){0})
BREAK(local_family, m->spec.local.family = 5)
BREAK(local_pad, m->spec.local.pad_ = 1)
BREAK(local_tail, m->spec.local.ip[4] = 1)
BREAK(local_any, memset(m->spec.local.ip, 0, 4))
BREAK(local_multicast, m->spec.local.ip[0] = 224)
BREAK(local_odd, m->spec.local.port = 20001)
BREAK(local_port0, m->spec.local.port = 0)
BREAK(remote_family, m->spec.remote.family = 7)
BREAK(remote_other_family, m->spec.remote.family = ADDR_V6)
BREAK(remote_port0, m->spec.remote.port = 0)
BREAK(remote_any, memset(m->spec.remote.ip, 0, 4))
BREAK(remote_multicast, m->spec.remote.ip[0] = 239)
BREAK(remote_broadcast, memset(m->spec.remote.ip, 255, 4))
BREAK(remote_half_unset, m->spec.remote.family = 0)
BREAK(rtcp_pad, m->spec.remote_rtcp.pad_ = 9)
BREAK(rtcp_port0, m->spec.remote_rtcp.port = 0)
BREAK(signalling_family, m->spec.signalling.family = 1)
BREAK(latch_over, m->spec.latch = MEDIA_LATCH_REMOTE + 1)
BREAK(sink_over, m->spec.sink = MEDIA_SINK_ECHO + 1)
BREAK(sink_id_over, m->spec.sink_id = MEDIA_ID_MAX)
BREAK(direction_over, m->spec.direction = 4)
BREAK(dscp_over, m->spec.dscp = 64)
BREAK(n_pt_over, m->spec.n_pt = MEDIA_PT_MAX + 1)
BREAK(pt_over, m->spec.pt[MEDIA_PT_MAX - 1] = 128)
BREAK(pt_out_over, m->spec.pt_out[0] = 200)
BREAK(clock_over, m->spec.clock_rate[3] = 1000001)
BREAK(latched_pad, m->stat.latched.pad_ = 1)
BREAK(latched_rtcp_family, m->stat.latched_rtcp.family = 9)
BREAK(flags_over, m->stat.flags = 8)
BREAK(latch_state_over, m->stat.latch_state = 16)
BREAK(dump_spec, m->dump.spec.n_pt = 99)
BREAK(dump_stat, m->dump.stat.flags = 99)
BREAK(totals_n, (m->head.id = MEDIA_NONE, m->totals.n_drop = MEDIA_DROPS_MAX + 1))
BREAK(totals_name,
      (m->head.id = MEDIA_NONE, m->totals.n_drop = 1, memset(m->totals.drop_name, 'x', 24)))
BREAK(fault_text, memset(m->fault.text, 'x', sizeof m->fault.text))

static const struct {
	unsigned type;
	break_fn broken;
} bad[] = {
	{MEDIA_ENDPOINT_SET, id_at_max},
	{MEDIA_ENDPOINT_SET, id_none},
	{MEDIA_ENDPOINT_DEL, id_at_max},
	{MEDIA_ENDPOINT_DEL, id_none},
	{MEDIA_STATS, id_at_max},
	{MEDIA_DUMP, id_behind_max},
	{MEDIA_DUMP, id_none},
	{MEDIA_EV_LATCHED, id_none},
	{MEDIA_EV_TIMEOUT, id_at_max},
	{MEDIA_DUMP | MEDIA_REPLY, id_at_max},
	{MEDIA_HELLO, status_error},
	{MEDIA_STATS, status_error},
	{MEDIA_EV_TIMEOUT, status_error},
	{MEDIA_HELLO | MEDIA_REPLY, status_positive},
	{MEDIA_ENDPOINT_SET | MEDIA_REPLY, status_unknown},
	{MEDIA_EV_LATCHED, serial_set},
	{MEDIA_EV_FAULT, serial_set},
	{MEDIA_HELLO | MEDIA_REPLY, workers_zero},
	{MEDIA_HELLO | MEDIA_REPLY, endpoints_over},
	{MEDIA_HELLO | MEDIA_REPLY, endpoints_max_over},
	{MEDIA_ENDPOINT_SET, local_unset},
	{MEDIA_ENDPOINT_SET, local_family},
	{MEDIA_ENDPOINT_SET, local_pad},
	{MEDIA_ENDPOINT_SET, local_tail},
	{MEDIA_ENDPOINT_SET, local_any},
	{MEDIA_ENDPOINT_SET, local_multicast},
	{MEDIA_ENDPOINT_SET, local_odd},
	{MEDIA_ENDPOINT_SET, local_port0},
	{MEDIA_ENDPOINT_SET, remote_family},
	{MEDIA_ENDPOINT_SET, remote_other_family},
	{MEDIA_ENDPOINT_SET, remote_port0},
	{MEDIA_ENDPOINT_SET, remote_any},
	{MEDIA_ENDPOINT_SET, remote_multicast},
	{MEDIA_ENDPOINT_SET, remote_broadcast},
	{MEDIA_ENDPOINT_SET, remote_half_unset},
	{MEDIA_ENDPOINT_SET, rtcp_pad},
	{MEDIA_ENDPOINT_SET, rtcp_port0},
	{MEDIA_ENDPOINT_SET, signalling_family},
	{MEDIA_ENDPOINT_SET, latch_over},
	{MEDIA_ENDPOINT_SET, sink_over},
	{MEDIA_ENDPOINT_SET, sink_id_over},
	{MEDIA_ENDPOINT_SET, direction_over},
	{MEDIA_ENDPOINT_SET, dscp_over},
	{MEDIA_ENDPOINT_SET, n_pt_over},
	{MEDIA_ENDPOINT_SET, pt_over},
	{MEDIA_ENDPOINT_SET, pt_out_over},
	{MEDIA_ENDPOINT_SET, clock_over},
	{MEDIA_ENDPOINT_DEL | MEDIA_REPLY, latched_pad},
	{MEDIA_STATS | MEDIA_REPLY, latched_rtcp_family},
	{MEDIA_EV_LATCHED, flags_over},
	{MEDIA_EV_TIMEOUT, latch_state_over},
	{MEDIA_DUMP | MEDIA_REPLY, dump_spec},
	{MEDIA_DUMP | MEDIA_REPLY, dump_stat},
	{MEDIA_STATS | MEDIA_REPLY, totals_n},
	{MEDIA_STATS | MEDIA_REPLY, totals_name},
	{MEDIA_EV_FAULT, fault_text},
};

static void every_field_is_looked_at(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct media_msg m = good(bad[i].type);

		assert_int_equal(check(&m), 0);
		bad[i].broken(&m);
		if (check(&m) != ERR_RANGE)
			fail_msg("row %zu passed: %d", i, check(&m));
	}
}

static void edges_are_inside(void **state)
{
	struct media_msg m = good(MEDIA_ENDPOINT_SET);

	(void)state;
	m.head.id = MEDIA_ID_MAX - 1;
	m.spec.local.port = 65534;
	m.spec.remote.port = 65535;
	m.spec.dscp = 63;
	assert_int_equal(check(&m), 0);
	m.spec.remote = m.spec.remote_rtcp = m.spec.signalling = (struct addr){0};
	m.spec.n_pt = 0;
	m.spec.pt[0] = 255; /* behind n_pt: nobody looks */
	m.spec.sink = MEDIA_SINK_NONE;
	m.spec.sink_id = MEDIA_NONE;
	m.spec.direction = 0;
	assert_int_equal(check(&m), 0);
	m = good(MEDIA_DUMP);
	m.head.id = MEDIA_ID_MAX; /* the one behind the last: a finished walk */
	assert_int_equal(check(&m), 0);
	m = good(MEDIA_STATS);
	m.head.id = MEDIA_NONE;
	assert_int_equal(check(&m), 0);
	m = good(MEDIA_STATS | MEDIA_REPLY);
	m.head.id = MEDIA_NONE;
	m.totals.n_drop = MEDIA_DROPS_MAX;
	assert_int_equal(media_msg_len(&m.head), sizeof m.head + sizeof m.totals);
	assert_int_equal(check(&m), 0);
	m = good(MEDIA_DUMP | MEDIA_REPLY);
	memset(&m.dump, 0, sizeof m.dump);
	m.head.id = MEDIA_NONE;
	assert_int_equal(check(&m), 0);
}

static void an_error_reply_needs_no_body(void **state)
{
	static const unsigned types[] = {
		MEDIA_HELLO | MEDIA_REPLY,        MEDIA_ENDPOINT_SET | MEDIA_REPLY,
		MEDIA_ENDPOINT_DEL | MEDIA_REPLY, MEDIA_STATS | MEDIA_REPLY,
		MEDIA_DUMP | MEDIA_REPLY,
	};

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct media_msg m = {0};

		m.head = (struct media_head){.version = MEDIA_VERSION, .type = (uint16_t)types[i]};
		m.head.status = ERR_NOENT;
		assert_int_equal(check(&m), 0);
		m.head.status = ERR_RANGE;
		m.head.id = MEDIA_ID_MAX + 5; /* what was out of range */
		assert_int_equal(check(&m), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_one_length),
		cmocka_unit_test(unknown_types_are_refused),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(every_field_is_looked_at),
		cmocka_unit_test(edges_are_inside),
		cmocka_unit_test(an_error_reply_needs_no_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
