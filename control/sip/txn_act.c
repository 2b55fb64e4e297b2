/* What the rows of txn_fsm.c do: send, start and stop timers, call up.
 *
 * A transaction keeps one message: a client its request (on UDP whole until the first response, from then on and on streams
 * only what ACK and CANCEL need), a server its last response, and before there is one the 100 that may fall due. What cannot
 * be sent on UDP because of a full queue counts as lost on the way; other failures are the event TX_ERROR. The thread of
 * the layer. RFC 3261 17, 6026, 4320. */
#include "sip/txn_internal.h"

#include "base/mem.h"

/* Not every action needs all three. */
#define ANY __attribute__((unused))
#define ACT(name)                                                                                  \
	void txn_act_##name(ANY struct txn_layer *l, ANY struct txn *t, ANY struct txn_event *e)

static void on_fast(struct timer *tm, uint64_t now_ms)
{
	struct txn *t = container_of(tm, struct txn, fast);
	struct txn_event e = {.ev = t->fast_ev, .now_ms = now_ms};

	txn_step(t->layer, t, &e);
}

static void on_slow(struct timer *tm, uint64_t now_ms)
{
	struct txn *t = container_of(tm, struct txn, slow);
	struct txn_event e = {.ev = t->slow_ev, .now_ms = now_ms};

	txn_step(t->layer, t, &e);
}

static void start_fast(struct txn *t, enum txn_ev ev, uint32_t delay_ms, uint64_t now_ms)
{
	t->fast_ev = (uint8_t)ev;
	t->fast.fn = on_fast;
	t->interval_ms = delay_ms;
	timer_start(t->layer->conf.wheel, &t->fast, now_ms + delay_ms);
}

static void start_slow(struct txn *t, enum txn_ev ev, uint64_t delay_ms, uint64_t now_ms)
{
	t->slow_ev = (uint8_t)ev;
	t->slow.fn = on_slow;
	timer_start(t->layer->conf.wheel, &t->slow, now_ms + delay_ms);
}

static void stop_fast(struct txn *t)
{
	timer_stop(t->layer->conf.wheel, &t->fast);
}

static void stop_timers(struct txn *t)
{
	stop_fast(t);
	timer_stop(t->layer->conf.wheel, &t->slow);
}

static uint64_t t1x64(const struct txn_layer *l)
{
	return 64 * (uint64_t)l->conf.t1_ms;
}

/* Timers D, I, J and K are zero on streams. */
static uint64_t unless_reliable(const struct txn *t, uint64_t ms)
{
	return t->reliable ? 0 : ms;
}

static uint32_t doubled(const struct txn_layer *l, const struct txn *t)
{
	return t->interval_ms * 2 < l->conf.t2_ms ? t->interval_ms * 2 : l->conf.t2_ms;
}

static int send_now(struct txn_layer *l, struct txn *t, struct str bytes)
{
	int err = l->conf.send(l->conf.send_ctx, &t->flow, bytes);

	if (!t->reliable && (err == ERR_LIMIT || err == ERR_AGAIN || err == ERR_NOMEM))
		return 0;
	return err;
}

static void fail_tx(struct txn_layer *l, struct txn *t, uint64_t now_ms)
{
	struct txn_event e = {.ev = EV_TX_ERROR, .now_ms = now_ms};

	txn_step(l, t, &e);
}

static void resend(struct txn_layer *l, struct txn *t, uint64_t now_ms)
{
	if (!t->bytes)
		return;
	l->stat.retransmissions_out++;
	if (send_now(l, t, str_n(t->bytes, t->bytes_len)))
		fail_tx(l, t, now_ms);
}

static void up_response(struct txn_layer *l, struct txn *t, struct txn_event *e)
{
	if (!t->disowned)
		l->conf.user->response(l->conf.ctx, t->id, t->owner, e->m, e->now_ms);
}

static void up_failed(struct txn_layer *l, struct txn *t, enum txn_failure why, uint64_t now_ms)
{
	if (!t->disowned)
		l->conf.user->failed(l->conf.ctx, t->id, t->owner, why, now_ms);
}

/* Anything */

ACT(absorb)
{
	l->stat.retransmissions_in++;
}

ACT(end)
{
}

ACT(orphan)
{
	if (!timer_running(&t->slow))
		start_slow(t, EV_TIMER_LIFE, t1x64(l), e->now_ms);
}

ACT(timeout)
{
	l->stat.timeouts++;
	up_failed(l, t, TXN_TIMEOUT, e->now_ms);
}

ACT(transport)
{
	up_failed(l, t, TXN_TRANSPORT_ERROR, e->now_ms);
}

ACT(tell_transport)
{
	if (t->told)
		return;
	t->told = true;
	up_failed(l, t, TXN_TRANSPORT_ERROR, e->now_ms);
}

/* INVITE client */

static int shrink_request(struct txn_layer *l, struct txn *t, struct str request)
{
	struct buf b = BUF_ON(l->scratch);
	int err;

	txn_derive_skeleton(&b, request);
	err = buf_check(&b);
	return err ? err : txn_hold_bytes(t, buf_view(&b));
}

ACT(ict_start)
{
	e->err = t->reliable ? shrink_request(l, t, e->bytes) : txn_hold_bytes(t, e->bytes);
	if (e->err)
		return;
	e->err = send_now(l, t, e->bytes);
	if (e->err)
		return;
	if (!t->reliable)
		start_fast(t, EV_TIMER_A, l->conf.t1_ms, e->now_ms);
	start_slow(t, EV_TIMER_B, t1x64(l), e->now_ms);
}

ACT(ict_resend)
{
	start_fast(t, EV_TIMER_A, t->interval_ms * 2,
		   e->now_ms); /* 500, 1000, 2000, ... without T2 */
	resend(l, t, e->now_ms);
}

static void send_cancel(struct txn_layer *l, struct txn *t, struct str lines, uint64_t now_ms)
{
	if (t->cancel_sent)
		return;
	t->cancel_sent = true;
	start_slow(t, EV_TIMER_LIFE, t1x64(l), now_ms);
	txn_start_cancel(l, t, lines, now_ms);
}

ACT(ict_hold_cancel)
{
	if (t->cancel_wanted)
		return;
	t->cancel_wanted = true;
	if (!str_empty(e->bytes)) /* without memory the CANCEL goes out without its Reason */
		t->cancel_lines = mem_alloc(e->bytes.len);
	if (t->cancel_lines) {
		memcpy(t->cancel_lines, e->bytes.p, e->bytes.len);
		t->cancel_len = (uint32_t)e->bytes.len;
	}
}

ACT(ict_cancel)
{
	send_cancel(l, t, e->bytes, e->now_ms);
}

ACT(ict_progress)
{
	stop_timers(t);
	txn_leave_flows(l, t);
	if (!t->reliable)
		(void)!shrink_request(
			l, t, str_n(t->bytes, t->bytes_len)); /* else the long form serves */
	if (t->cancel_wanted) {
		send_cancel(l, t, str_n(t->cancel_lines, t->cancel_len), e->now_ms);
		mem_free(t->cancel_lines);
		t->cancel_lines = NULL;
	} else if (t->disowned) {
		start_slow(t, EV_TIMER_LIFE, t1x64(l), e->now_ms);
	}
	up_response(l, t, e);
}

ACT(ict_ring)
{
	up_response(l, t, e);
}

ACT(ict_accept)
{
	stop_timers(t);
	txn_leave_flows(l, t);
	txn_drop_bytes(t);
	start_slow(t, EV_TIMER_M, t1x64(l), e->now_ms);
	up_response(l, t, e);
}

ACT(ict_again)
{
	up_response(l, t, e);
}

static int send_ack(struct txn_layer *l, struct txn *t, const struct sip_msg *m)
{
	struct buf b = BUF_ON(l->scratch);
	int err;

	txn_derive_ack(&b, str_n(t->bytes, t->bytes_len), sip_msg_hdr(m, SIP_H_TO));
	err = buf_check(&b);
	return err ? err : send_now(l, t, buf_view(&b));
}

ACT(ict_reject)
{
	int err;

	stop_timers(t);
	txn_leave_flows(l, t);
	err = send_ack(l, t, e->m);
	if (!t->reliable)
		(void)!shrink_request(l, t, str_n(t->bytes, t->bytes_len));
	start_slow(t, EV_TIMER_D, unless_reliable(t, t1x64(l)), e->now_ms);
	up_response(l, t, e);
	if (err)
		fail_tx(l, t, e->now_ms);
}

ACT(ict_reack)
{
	l->stat.retransmissions_in++;
	if (send_ack(l, t, e->m))
		fail_tx(l, t, e->now_ms);
}

/* Client */

ACT(nict_start)
{
	e->err = t->reliable ? 0 : txn_hold_bytes(t, e->bytes);
	if (e->err)
		return;
	e->err = send_now(l, t, e->bytes);
	if (e->err)
		return;
	if (!t->reliable)
		start_fast(t, EV_TIMER_E, l->conf.t1_ms, e->now_ms);
	start_slow(t, EV_TIMER_F, t1x64(l), e->now_ms);
}

ACT(nict_resend)
{
	start_fast(t, EV_TIMER_E, doubled(l, t), e->now_ms);
	resend(l, t, e->now_ms);
}

ACT(nict_resend_t2)
{
	start_fast(t, EV_TIMER_E, l->conf.t2_ms, e->now_ms);
	resend(l, t, e->now_ms);
}

ACT(nict_progress)
{
	txn_leave_flows(l, t);
	up_response(l, t, e);
}

ACT(nict_final)
{
	stop_timers(t);
	txn_leave_flows(l, t);
	txn_drop_bytes(t);
	start_slow(t, EV_TIMER_K, unless_reliable(t, l->conf.t4_ms), e->now_ms);
	up_response(l, t, e);
}

/* Servers */

/* A response of the user's: keeps it for retransmission and sends it. Without memory the peer's retransmissions stay unanswered. */
static void give(struct txn_layer *l, struct txn *t, struct txn_event *e)
{
	if (txn_hold_bytes(t, e->bytes))
		txn_drop_bytes(t);
	e->err = send_now(l, t, e->bytes);
}

static void send_trying(struct txn_layer *l, struct txn *t, uint64_t now_ms)
{
	if (t->bytes && send_now(l, t, str_n(t->bytes, t->bytes_len)))
		fail_tx(l, t, now_ms);
}

static void replay(struct txn_layer *l, struct txn *t, uint64_t now_ms)
{
	l->stat.retransmissions_in++;
	resend(l, t, now_ms);
}

static void up_request(struct txn_layer *l, struct txn *t, struct txn_event *e)
{
	if (!t->disowned)
		l->conf.user->request(l->conf.ctx, t->id, e->m, e->now_ms);
}

/* A final response that is forgotten: the request, should it come again, is a new one (RFC 3261 8.2.7). */
ACT(once)
{
	e->err = send_now(l, t, e->bytes);
}

/* INVITE server */

ACT(ist_start)
{
	start_fast(t, EV_TIMER_TRYING, 200, e->now_ms);
	up_request(l, t, e);
}

/* Before any response the 100 goes out now, and not once more after 200 ms. */
ACT(ist_replay)
{
	if (t->state == IST_PROCEEDING)
		stop_fast(t);
	replay(l, t, e->now_ms);
}

ACT(ist_trying)
{
	send_trying(l, t, e->now_ms);
}

ACT(ist_provisional)
{
	stop_fast(t);
	give(l, t, e);
}

ACT(ist_accept)
{
	stop_timers(t);
	start_slow(t, EV_TIMER_L, t1x64(l), e->now_ms);
	give(l, t, e);
}

ACT(ist_resend_2xx)
{
	if (!t->bytes) {
		e->err = ERR_NOENT;
		return;
	}
	l->stat.retransmissions_out++;
	e->err = send_now(l, t, str_n(t->bytes, t->bytes_len));
}

ACT(ist_release)
{
	txn_drop_bytes(t);
}

ACT(ist_reject)
{
	stop_timers(t);
	if (!t->reliable)
		start_fast(t, EV_TIMER_G, l->conf.t1_ms, e->now_ms);
	start_slow(t, EV_TIMER_H, t1x64(l), e->now_ms);
	give(l, t, e);
}

ACT(ist_resend)
{
	start_fast(t, EV_TIMER_G, doubled(l, t), e->now_ms);
	resend(l, t, e->now_ms);
}

ACT(ist_confirm)
{
	stop_timers(t);
	txn_drop_bytes(t);
	start_slow(t, EV_TIMER_I, unless_reliable(t, l->conf.t4_ms), e->now_ms);
}

/* An ACK of a 2xx with the INVITE's branch: against RFC 3261 13.2.2.4, but they exist. */
ACT(ist_ack_up)
{
	l->conf.user->ack(l->conf.ctx, e->m, e->now_ms);
}

ACT(ist_cancel_late)
{
	char text[17];
	struct str tag = txn_derive_to_tag(str_n(t->bytes, t->bytes_len));

	txn_reply(l, e->m, 200, str_empty(tag) ? txn_to_tag(l, e->m, text) : tag, STR(""));
}

ACT(ist_cancel)
{
	txn_act_ist_cancel_late(l, t, e);
	if (t->cancelled || t->disowned)
		return;
	t->cancelled = true;
	l->conf.user->cancelled(l->conf.ctx, t->id, t->owner, e->m, e->now_ms);
}

/* Server */

ACT(nist_start)
{
	start_fast(t, EV_TIMER_TRYING, l->late_ms, e->now_ms);
	start_slow(t, EV_TIMER_LIFE, t1x64(l), e->now_ms);
	up_request(l, t, e);
}

ACT(nist_trying)
{
	send_trying(l, t, e->now_ms);
}

ACT(nist_provisional)
{
	stop_fast(t);
	give(l, t, e);
}

ACT(nist_final)
{
	stop_timers(t);
	start_slow(t, EV_TIMER_J, unless_reliable(t, t1x64(l)), e->now_ms);
	give(l, t, e);
}

ACT(nist_silent)
{
	stop_timers(t);
	txn_drop_bytes(t);
	start_slow(t, EV_TIMER_J, unless_reliable(t, t1x64(l)), e->now_ms);
}

ACT(nist_replay)
{
	replay(l, t, e->now_ms);
}
