/* Port pools: a permutation per class for what is free, a queue for what rests.
 *
 * For media_client.c, on the shard's thread. Ports must not be guessed (RTP injection), so one is drawn from all free pairs of
 * the class, and must not be used again while late packets of their last call still come, so a released pair
 * waits its quarantine at the end of a queue. All wait equally long, so only the head has to be looked at.
 * The free pairs of a class stand at the front of its segment of one array; drawing swaps with the
 * last of them. Classes exist so that both legs of a call come to one worker of the dataplane. */
#include "media_ports.h"

#include <assert.h>

#include "base/mem.h"
#include "base/rng.h"

#define NO_PAIR UINT32_MAX

enum pair_state { PAIR_FREE, PAIR_USED, PAIR_RESTING };
enum {
	RESTED_A_CALL = 8
}; /* pairs that one allocation brings back from rest while its class has some */

struct media_pair {
	uint64_t rest_until_ms;
	uint32_t next, prev; /* resting */
	uint16_t place;      /* in its class' segment; free */
	uint8_t state;
};

static uint32_t class_of_pair(const struct media_ports *p, uint32_t pair)
{
	return ((p->first >> 1) + pair) % p->classes;
}

/* Where a class' segment starts. Pairs follow each other in class order, so segments differ by one at most. */
static uint32_t segment_of(const struct media_ports *p, uint32_t class)
{
	uint32_t start = (p->first >> 1) % p->classes;
	uint32_t rank = (class + p->classes - start) % p->classes;
	uint32_t whole = p->n_pair / p->classes, more = p->n_pair % p->classes;

	return rank * whole + (rank < more ? rank : more);
}

static void free_push(struct media_ports *p, uint32_t pair)
{
	uint32_t class = class_of_pair(p, pair);
	uint32_t place = p->n_free[class]++;

	p->free_pair[segment_of(p, class) + place] = (uint16_t)pair;
	p->pair[pair].place = (uint16_t)place;
	p->pair[pair].state = PAIR_FREE;
}

static void free_remove(struct media_ports *p, uint32_t pair)
{
	uint32_t class = class_of_pair(p, pair);
	uint16_t *segment = p->free_pair + segment_of(p, class);
	uint16_t last = segment[--p->n_free[class]];

	segment[p->pair[pair].place] = last;
	p->pair[last].place = p->pair[pair].place;
}

static void rest_push(struct media_ports *p, uint32_t pair)
{
	struct media_pair *e = &p->pair[pair];

	e->state = PAIR_RESTING;
	e->next = NO_PAIR;
	e->prev = p->rest_tail;
	if (p->rest_tail == NO_PAIR)
		p->rest_head = pair;
	else
		p->pair[p->rest_tail].next = pair;
	p->rest_tail = pair;
}

static void rest_remove(struct media_ports *p, uint32_t pair)
{
	const struct media_pair *e = &p->pair[pair];

	if (e->prev == NO_PAIR)
		p->rest_head = e->next;
	else
		p->pair[e->prev].next = e->next;
	if (e->next == NO_PAIR)
		p->rest_tail = e->prev;
	else
		p->pair[e->next].prev = e->prev;
}

static bool head_rested(const struct media_ports *p, uint64_t now_ms)
{
	return p->rest_head != NO_PAIR && p->pair[p->rest_head].rest_until_ms <= now_ms;
}

static void wake(struct media_ports *p, uint32_t class, uint64_t now_ms)
{
	for (unsigned n = 0; head_rested(p, now_ms); n++) {
		uint32_t pair = p->rest_head;

		if (n >= RESTED_A_CALL && p->n_free[class] > 0)
			return;
		rest_remove(p, pair);
		free_push(p, pair);
	}
}

int media_ports_init(struct media_ports *p, const struct addr *addr, uint16_t first, uint16_t last,
		     uint64_t quarantine_ms)
{
	uint32_t even = (first + 1U) & ~1U;
	uint32_t n = last > even ? (last - even + 1U) / 2 : 0;
	struct media_ports q = {
		.addr = *addr,
		.first = (uint16_t)even,
		.quarantine_ms = quarantine_ms,
		.n_pair = n,
		.classes = 1,
		.rest_head = NO_PAIR,
		.rest_tail = NO_PAIR,
	};

	q.addr.port = 0;
	q.pair = mem_alloc(n * sizeof(*q.pair));
	q.free_pair = mem_alloc(n * sizeof(*q.free_pair));
	q.n_free = mem_alloc(sizeof(*q.n_free));
	if (!q.pair || !q.free_pair || !q.n_free) {
		media_ports_free(&q);
		return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		free_push(&q, i);
	*p = q;
	return 0;
}

void media_ports_free(struct media_ports *p)
{
	mem_free(p->pair);
	mem_free(p->free_pair);
	mem_free(p->n_free);
	*p = (struct media_ports){0};
}

int media_ports_set_classes(struct media_ports *p, uint32_t classes)
{
	uint32_t *n_free;

	assert(classes > 0);
	if (classes == p->classes)
		return 0;
	n_free = mem_alloc(classes * sizeof(*n_free));
	if (!n_free)
		return ERR_NOMEM;
	mem_free(p->n_free);
	p->n_free = n_free;
	p->classes = classes;
	for (uint32_t i = 0; i < p->n_pair; i++)
		if (p->pair[i].state == PAIR_FREE)
			free_push(p, i);
	return 0;
}

int media_ports_take(struct media_ports *p, uint64_t class_of, uint64_t now_ms, uint16_t *port)
{
	uint32_t class = (uint32_t)(class_of % p->classes);
	uint32_t pair;

	wake(p, class, now_ms);
	if (p->n_free[class] == 0)
		return ERR_FULL;
	pair = p->free_pair[segment_of(p, class) + rng_below(p->n_free[class])];
	free_remove(p, pair);
	p->pair[pair].state = PAIR_USED;
	p->n_used++;
	*port = (uint16_t)(p->first + 2 * pair);
	return 0;
}

static bool pair_of(const struct media_ports *p, uint16_t port, uint32_t *pair)
{
	if (port % 2 != 0 || port < p->first || (port - p->first) / 2U >= p->n_pair)
		return false;
	*pair = (port - p->first) / 2U;
	return true;
}

bool media_ports_claim(struct media_ports *p, uint16_t port)
{
	uint32_t pair;

	if (!pair_of(p, port, &pair) || p->pair[pair].state == PAIR_USED)
		return false;
	if (p->pair[pair].state == PAIR_FREE)
		free_remove(p, pair);
	else
		rest_remove(p, pair);
	p->pair[pair].state = PAIR_USED;
	p->n_used++;
	return true;
}

void media_ports_release(struct media_ports *p, uint16_t port, uint64_t now_ms)
{
	uint32_t pair = 0;
	bool known = pair_of(p, port, &pair);

	assert(known && p->pair[pair].state == PAIR_USED);
	p->n_used--;
	p->pair[pair].rest_until_ms = now_ms + p->quarantine_ms;
	rest_push(p, pair);
}
