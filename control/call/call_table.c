/* All calls of a shard: handles of index and generation, tags that name them, and what operators see of them.
 *
 * For call/, the admin API and the shard, on the shard's thread. A handle is 48 bits: 20 of index, 28 of generation that begins at a random
 * number, so that a tag of an earlier life of control names nothing. */
#include "call/bridge.h"
#include "call/call_plan.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"

enum { GEN_BITS = CALL_ID_BITS - CALL_INDEX_BITS, TABLE_STEP = 64 };

int call_table_create(struct shard *s, struct call_table **out)
{
	struct call_table *t = mem_alloc(sizeof *t);

	if (!t)
		return ERR_NOMEM;
	t->shard = s;
	call_fsm_compile(&t->fsm);
	*out = t;
	return 0;
}

void call_table_destroy(struct call_table *t)
{
	if (!t)
		return;
	while (t->first)
		call_destroy(t->first);
	mem_free(t->slot);
	mem_free(t->gen);
	mem_free(t->free_slot);
	mem_free(t);
}

/* Three arrays grow together; a failure leaves some of them larger, which does no harm. */
static int grow(struct call_table *t)
{
	size_t n = t->n_slot ? (size_t)t->n_slot * 2 : TABLE_STEP;
	void *p;

	p = mem_realloc(t->slot, n * sizeof(*t->slot));
	if (!p)
		return ERR_NOMEM;
	t->slot = p;
	p = mem_realloc(t->gen, n * sizeof(*t->gen));
	if (!p)
		return ERR_NOMEM;
	t->gen = p;
	p = mem_realloc(t->free_slot, n * sizeof(*t->free_slot));
	if (!p)
		return ERR_NOMEM;
	t->free_slot = p;
	for (size_t i = n; i-- > t->n_slot;) {
		t->slot[i] = NULL;
		t->gen[i] = rng_u32() >> (32 - GEN_BITS) | 1;
		t->free_slot[t->n_free++] = (uint32_t)i;
	}
	t->n_slot = (uint32_t)n;
	return 0;
}

int call_create(struct call_table *t, uint64_t now_ms, struct call **out)
{
	struct call *c;
	uint32_t i;

	if (t->count >= CALL_MAX)
		return ERR_FULL;
	if (t->n_free == 0 && grow(t))
		return ERR_NOMEM;
	c = mem_alloc(sizeof *c);
	if (!c)
		return ERR_NOMEM;
	i = t->free_slot[--t->n_free];
	t->slot[i] = c;
	c->id = (uint64_t)t->gen[i] << CALL_INDEX_BITS | i;
	c->shard = t->shard;
	c->state = CALL_NEW;
	c->inv_to = CALL_LEGS_MAX;
	c->start_ms = now_ms;
	c->start_wall_ms = clock_wall_ms();
	arena_init(&c->arena, 4096, CALL_ARENA_CAP);
	c->prev = t->last;
	*(t->last ? &t->last->next : &t->first) = c;
	t->last = c;
	t->count++;
	metric_inc(&t->shard->metrics, M_CALLS_TOTAL);
	metric_set(&t->shard->metrics, M_CALLS_ACTIVE, t->count);
	*out = c;
	return 0;
}

static void log_end(const struct call *c)
{
	uint64_t end = c->end_ms ? c->end_ms : c->start_ms;

	log_info("call", "end", KV_X("call", c->id), KV_S("from", c->from_user),
		 KV_S("to", c->to_user), KV_S("in", c->from_name), KV_S("out", c->to_name),
		 KV_C("answered", c->answered ? "yes" : "no"),
		 KV_U("setup_ms", (c->answered ? c->answer_ms : end) - c->start_ms),
		 KV_U("talk_ms", c->answered ? end - c->answer_ms : 0));
}

void call_destroy(struct call *c)
{
	struct shard *s = c->shard;
	struct call_table *t = s->calls;
	uint32_t i = (uint32_t)(c->id & ((1U << CALL_INDEX_BITS) - 1));

	if (!c->answered)
		metric_inc(&s->metrics, M_CALLS_FAILED);
	log_end(c);
	timer_stop(&s->wheel, &c->timer);
	for (size_t n = 0; n < c->n_leg; n++) {
		struct leg *l = c->leg[n];

		bridge_close(l, s->wheel.now_ms);
		if (l->in_invite)
			txn_disown(s->txn, l->in_invite);
		if (l->out_invite)
			txn_disown(s->txn, l->out_invite);
		leg_free(l);
	}
	for (size_t n = 0; n < CALL_RELAYS; n++) {
		if (c->relay[n].in)
			txn_disown(s->txn, c->relay[n].in);
		held_free(&c->relay[n].in_head);
	}
	*(c->prev ? &c->prev->next : &t->first) = c->next;
	*(c->next ? &c->next->prev : &t->last) = c->prev;
	t->slot[i] = NULL;
	t->gen[i] = (t->gen[i] + 1) & ((1U << GEN_BITS) - 1);
	t->gen[i] += t->gen[i] == 0;
	t->free_slot[t->n_free++] = i;
	t->count--;
	metric_set(&s->metrics, M_CALLS_ACTIVE, t->count);
	arena_free(&c->arena);
	mem_free(c);
}

struct call *call_get(const struct call_table *t, uint64_t id)
{
	uint32_t i = (uint32_t)(id & ((1U << CALL_INDEX_BITS) - 1));

	if (i >= t->n_slot || !t->slot[i] || t->slot[i]->id != id)
		return NULL;
	return t->slot[i];
}

enum { TAG_HEX = 15 };

void call_tag_write(const struct call *c, unsigned leg, char out[CALL_TAG_LEN])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t v = c->id | (uint64_t)leg << CALL_ID_BITS |
		     (uint64_t)(c->shard->index & 0xff) << (CALL_ID_BITS + 4);

	for (int i = TAG_HEX; i-- > 0; v >>= 4)
		out[i] = hex[v & 15];
	rng_token(out + TAG_HEX, CALL_TAG_LEN - TAG_HEX);
}

struct leg *call_tag_find(const struct call_table *t, struct str tag)
{
	uint64_t v = 0;
	struct call *c;
	size_t leg;

	if (tag.len != CALL_TAG_LEN)
		return NULL;
	for (size_t i = 0; i < TAG_HEX; i++) {
		char ch = tag.p[i];

		if (ch >= '0' && ch <= '9')
			v = v << 4 | (uint64_t)(ch - '0');
		else if (ch >= 'a' && ch <= 'f')
			v = v << 4 | (uint64_t)(ch - 'a' + 10);
		else
			return NULL;
	}
	c = call_get(t, v & (((uint64_t)1 << CALL_ID_BITS) - 1));
	leg = v >> CALL_ID_BITS & 15;
	if (!c || leg >= c->n_leg || !str_eq(c->leg[leg]->local_tag, tag))
		return NULL;
	return c->leg[leg];
}

size_t call_count(const struct call_table *t)
{
	return t->count;
}

static void leg_info(const struct leg *l, struct call_leg_info *out)
{
	struct media_spec spec;

	*out = (struct call_leg_info){.role = l->role,
				      .state = leg_state_name[l->state],
				      .call_id = l->call_id,
				      .local_tag = l->local_tag,
				      .remote_tag = l->remote_tag,
				      .far_uri = l->target,
				      .flow = l->flow};
	for (size_t i = 0; i < CALL_MEDIA_MAX; i++) {
		if (l->media[i].endpoint == MEDIA_NONE)
			continue;
		if (out->n_endpoint == 0)
			out->codec = bridge_codec(l, i);
		bridge_spec(l, i, &spec);
		out->local[out->n_endpoint] = spec.local;
		out->sdp_remote[out->n_endpoint] = spec.remote;
		out->endpoint[out->n_endpoint++] = l->media[i].endpoint;
	}
}

static void info(const struct call *c, uint64_t now_ms, struct call_info *out)
{
	uint64_t end = c->end_ms ? c->end_ms : now_ms;

	*out = (struct call_info){.id = c->id,
				  .state = call_state_name[c->state],
				  .from = c->from_user,
				  .to = c->to_user,
				  .from_name = c->from_name,
				  .to_name = c->to_name,
				  .start_wall_ms = c->start_wall_ms,
				  .ladder = &c->ladder,
				  .n_leg = c->n_leg};
	if (c->answered) {
		out->setup_ms = c->answer_ms - c->start_ms;
		out->talk_ms = end > c->answer_ms ? end - c->answer_ms : 0;
	}
	for (size_t i = 0; i < c->n_leg; i++)
		leg_info(c->leg[i], &out->leg[i]);
}

/* *i is the index of the call that came last, plus one. */
bool call_each(const struct call_table *t, size_t *i, uint64_t now_ms, struct call_info *out)
{
	const struct call *c = t->first;

	if (*i)
		c = *i <= t->n_slot && t->slot[*i - 1] ? t->slot[*i - 1]->next : NULL;
	if (!c)
		return false;
	*i = (size_t)(c->id & ((1U << CALL_INDEX_BITS) - 1)) + 1;
	info(c, now_ms, out);
	return true;
}

int call_find(const struct call_table *t, uint64_t id, uint64_t now_ms, struct call_info *out)
{
	const struct call *c = call_get(t, id);

	if (!c)
		return ERR_NOENT;
	info(c, now_ms, out);
	return 0;
}

int call_end(struct call_table *t, uint64_t id, struct str reason, uint64_t now_ms)
{
	struct call_ev e = {.type = EV_HANGUP, .reason = reason, .now_ms = now_ms};
	struct call *c = call_get(t, id);

	if (!c)
		return ERR_NOENT;
	call_event(c, &e);
	return 0;
}
