/* The messages between control and dataplane: how long each one is, and whether one that arrived may be believed. Both
 * ends call media_msg_check() on all that they receive; nothing behind it looks at a length or an enumeration again. The
 * lengths are one table, a row per type and direction. Pure functions, any thread. */
#include "media/media_msg.h"

#include <stddef.h>
#include <stdbool.h>

#define HEAD_LEN        offsetof(struct media_msg, hello)
#define WITH(type)      (HEAD_LEN + sizeof(type))
#define DSCP_MAX        63
#define PT_VALUE_MAX    127
#define CLOCK_RATE_MAX  1000000
#define LATCH_STATE_MAX 15
#define STAT_FLAGS      (MEDIA_STAT_JITTER | MEDIA_STAT_LOSS | MEDIA_STAT_RTCP)

static_assert(HEAD_LEN == sizeof(struct media_head), "the body follows the head without a gap");

/* What head.id may be. */
enum id_rule {
	ID_ANY,
	ID_ENDPOINT, /* an endpoint's */
	ID_OR_NONE,  /* an endpoint's, or MEDIA_NONE */
	ID_FIRST,    /* where a walk starts: an endpoint's, or one behind the last */
};

static int check_none(const struct media_msg *m);
static int check_hello(const struct media_msg *m);
static int check_spec_msg(const struct media_msg *m);
static int check_stat_msg(const struct media_msg *m);
static int check_stats_reply(const struct media_msg *m);
static int check_dump_reply(const struct media_msg *m);
static int check_fault(const struct media_msg *m);

struct row {
	uint16_t type;
	uint8_t id_rule;
	size_t len_bytes;
	int (*check)(const struct media_msg *m);
};

static const struct row rows[] = {
	{MEDIA_HELLO, ID_ANY, WITH(struct media_hello), check_none},
	{MEDIA_ENDPOINT_SET, ID_ENDPOINT, WITH(struct media_spec), check_spec_msg},
	{MEDIA_ENDPOINT_DEL, ID_ENDPOINT, HEAD_LEN, check_none},
	{MEDIA_STATS, ID_OR_NONE, HEAD_LEN, check_none},
	{MEDIA_DUMP, ID_FIRST, HEAD_LEN, check_none},
	{MEDIA_HELLO | MEDIA_REPLY, ID_ANY, WITH(struct media_hello), check_hello},
	{MEDIA_ENDPOINT_SET | MEDIA_REPLY, ID_ENDPOINT, HEAD_LEN, check_none},
	{MEDIA_ENDPOINT_DEL | MEDIA_REPLY, ID_ENDPOINT, WITH(struct media_stat), check_stat_msg},
	{MEDIA_STATS | MEDIA_REPLY, ID_OR_NONE, WITH(struct media_stat), check_stats_reply},
	{MEDIA_DUMP | MEDIA_REPLY, ID_OR_NONE, WITH(struct media_dump), check_dump_reply},
	{MEDIA_EV_LATCHED, ID_ENDPOINT, WITH(struct media_stat), check_stat_msg},
	{MEDIA_EV_TIMEOUT, ID_ENDPOINT, WITH(struct media_stat), check_stat_msg},
	{MEDIA_EV_FAULT, ID_ANY, WITH(struct media_fault), check_fault},
};

static const struct row *row_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].type == type)
			return &rows[i];
	}
	return NULL;
}

size_t media_msg_len(const struct media_head *head)
{
	const struct row *row = row_of(head->type);

	if (!row)
		return 0;
	if (head->type == (MEDIA_STATS | MEDIA_REPLY) && head->id == MEDIA_NONE)
		return WITH(struct media_totals);
	return row->len_bytes;
}

/* The one form of an address: so that two equal addresses are equal bytes. */
static bool addr_canonical(const struct addr *a)
{
	static const uint8_t zero[sizeof a->ip];

	if (a->pad_ != 0)
		return false;
	switch (a->family) {
	case ADDR_NONE:
		return a->port == 0 && memcmp(a->ip, zero, sizeof zero) == 0;
	case ADDR_V4:
		return memcmp(a->ip + 4, zero, sizeof zero - 4) == 0;
	case ADDR_V6:
		return true;
	default:
		return false;
	}
}

/* Something that one host can be reached at. */
static bool addr_unicast(const struct addr *a)
{
	return !addr_is_any(a) && !addr_is_multicast(a) && !addr_is_broadcast(a);
}

static int check_target(const struct addr *a, const struct addr *local)
{
	if (!addr_canonical(a))
		return ERR_RANGE;
	if (!addr_is_set(a))
		return 0;
	return a->port != 0 && a->family == local->family && addr_unicast(a) ? 0 : ERR_RANGE;
}

static int check_spec(const struct media_spec *s)
{
	if (!addr_canonical(&s->local) || !addr_is_set(&s->local) || !addr_unicast(&s->local))
		return ERR_RANGE;
	if (s->local.port == 0 || s->local.port % 2 != 0)
		return ERR_RANGE;
	if (check_target(&s->remote, &s->local) || check_target(&s->remote_rtcp, &s->local))
		return ERR_RANGE;
	if (!addr_canonical(&s->signalling))
		return ERR_RANGE;
	if (s->latch > MEDIA_LATCH_REMOTE || s->sink > MEDIA_SINK_ECHO ||
	    s->direction > (MEDIA_RECV | MEDIA_SEND) || s->dscp > DSCP_MAX)
		return ERR_RANGE;
	if (s->sink == MEDIA_SINK_PEER && s->sink_id >= MEDIA_ID_MAX)
		return ERR_RANGE;
	if (s->n_pt > MEDIA_PT_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < s->n_pt; i++) {
		if (s->pt[i] > PT_VALUE_MAX || s->pt_out[i] > PT_VALUE_MAX ||
		    s->clock_rate[i] > CLOCK_RATE_MAX)
			return ERR_RANGE;
	}
	return 0;
}

static int check_stat(const struct media_stat *s)
{
	if (!addr_canonical(&s->latched) || !addr_canonical(&s->latched_rtcp))
		return ERR_RANGE;
	if (s->flags > STAT_FLAGS || s->latch_state > LATCH_STATE_MAX)
		return ERR_RANGE;
	return 0;
}

static int check_none(const struct media_msg *m)
{
	(void)m;
	return 0;
}

static int check_hello(const struct media_msg *m)
{
	const struct media_hello *h = &m->hello;

	if (m->head.status)
		return 0;
	if (h->workers == 0 || h->endpoints_max > MEDIA_ID_MAX || h->endpoints > h->endpoints_max)
		return ERR_RANGE;
	return 0;
}

static int check_spec_msg(const struct media_msg *m)
{
	return check_spec(&m->spec);
}

static int check_stat_msg(const struct media_msg *m)
{
	return m->head.status ? 0 : check_stat(&m->stat);
}

static int check_stats_reply(const struct media_msg *m)
{
	const struct media_totals *t = &m->totals;

	if (m->head.id != MEDIA_NONE || m->head.status)
		return check_stat_msg(m);
	if (t->n_drop > MEDIA_DROPS_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < t->n_drop; i++) {
		if (!memchr(t->drop_name[i], 0, sizeof t->drop_name[i]))
			return ERR_RANGE;
	}
	return 0;
}

static int check_dump_reply(const struct media_msg *m)
{
	if (m->head.id == MEDIA_NONE || m->head.status)
		return 0;
	if (check_spec(&m->dump.spec))
		return ERR_RANGE;
	return check_stat(&m->dump.stat);
}

static int check_fault(const struct media_msg *m)
{
	return memchr(m->fault.text, 0, sizeof m->fault.text) ? 0 : ERR_RANGE;
}

static int check_id(const struct row *row, const struct media_head *head)
{
	const uint32_t id = head->id;

	if (head->status) /* an answer to a request that was wrong, perhaps for its id */
		return 0;
	switch ((enum id_rule)row->id_rule) {
	case ID_ANY:
		return 0;
	case ID_OR_NONE:
		if (id == MEDIA_NONE)
			return 0;
		break;
	case ID_FIRST:
		if (id == MEDIA_ID_MAX)
			return 0;
		break;
	case ID_ENDPOINT:
		break;
	}
	return id < MEDIA_ID_MAX ? 0 : ERR_RANGE;
}

static bool is_error_code(int32_t status)
{
	switch (status) {
#define X(name, value, text) case name:
		ERR_LIST(X)
#undef X
		return true;
	default:
		return false;
	}
}

/* status and serial mean something in some directions only. */
static int check_head(const struct media_head *h)
{
	if (h->type & MEDIA_REPLY)
		return h->status == 0 || is_error_code(h->status) ? 0 : ERR_RANGE;
	if (h->status != 0)
		return ERR_RANGE;
	if (h->type & MEDIA_EV_LATCHED)
		return h->serial == 0 ? 0 : ERR_RANGE;
	return 0;
}

int media_msg_check(const struct media_msg *m, size_t len)
{
	const struct row *row;
	int err;

	if (len < HEAD_LEN)
		return ERR_SYNTAX;
	if (m->head.version != MEDIA_VERSION)
		return ERR_UNSUPPORTED;
	row = row_of(m->head.type);
	if (!row || media_msg_len(&m->head) != len)
		return ERR_SYNTAX;
	err = check_head(&m->head);
	if (!err)
		err = check_id(row, &m->head);
	return err ? err : row->check(m);
}
