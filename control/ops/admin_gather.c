/* Waiting for the dataplane: an answer that needs its figures is written when they are there, or after half a second
 * without those that are not.
 *
 * For admin.c, on the shard's thread. A gather outlives its request while the media client still owes it an upcall;
 * it is freed with the last of them. Absent figures stay absent, they never become 0. */
#include "base/mem.h"
#include "ops/admin_internal.h"

struct admin_gather {
	struct admin_request *q; /* NULL: answered, or nobody waits any more */
	struct timer_wheel *wheel;
	struct timer timer;
	unsigned owed; /* upcalls to come, and one while asking */
	admin_write_fn write;
	struct admin_figures figures;
};

static void gather_release(struct admin_gather *g)
{
	if (--g->owed == 0)
		mem_free(g);
}

/* The answer, with what there is. */
static void gather_finish(struct admin_gather *g)
{
	struct admin_request *q = g->q;
	struct shard *s;

	if (!q)
		return;
	s = q->admin->shard;
	g->q = NULL;
	q->gather = NULL;
	timer_stop(g->wheel, &g->timer);
	shard_enter(s);
	g->write(q, &g->figures);
	shard_leave(s);
}

static void gather_late(struct timer *t, uint64_t now_ms)
{
	struct admin_gather *g = container_of(t, struct admin_gather, timer);

	(void)now_ms;
	gather_finish(g);
}

/* One upcall less is owed. */
static void gather_got(struct admin_gather *g)
{
	if (g->owed == 1)
		gather_finish(g);
	gather_release(g);
}

static void gather_stat(void *ctx, uint32_t id, const struct media_stat *stat)
{
	struct admin_gather *g = ctx;

	for (size_t i = 0; stat && i < g->figures.n; i++) {
		if (g->figures.endpoint[i].id != id)
			continue;
		g->figures.endpoint[i].there = true;
		g->figures.endpoint[i].stat = *stat;
	}
	gather_got(g);
}

static void gather_totals(void *ctx, const struct media_totals *totals)
{
	struct admin_gather *g = ctx;

	if (totals) {
		g->figures.has_totals = true;
		g->figures.totals = *totals;
	}
	gather_got(g);
}

void admin_gather(struct admin_request *q, bool totals, const uint32_t *endpoint, size_t n,
		  admin_write_fn write)
{
	struct shard *s = q->admin->shard;
	struct admin_gather *g = mem_alloc(sizeof(*g));

	if (!g) {
		admin_answer_error(q, 503, "out of memory");
		return;
	}
	g->q = q;
	q->gather = g;
	g->wheel = &s->wheel;
	g->write = write;
	g->owed = 1;
	g->timer.fn = gather_late;
	timer_start(g->wheel, &g->timer, s->wheel.now_ms + ADMIN_WAIT_MS);
	for (size_t i = 0; s->media && i < n && i < ADMIN_ENDPOINTS; i++)
		g->figures.endpoint[g->figures.n++].id = endpoint[i];
	/* Counted first: an upcall may come from within the question. */
	for (size_t i = 0; i < g->figures.n; i++) {
		g->owed++;
		if (media_endpoint_stat(s->media, g->figures.endpoint[i].id, gather_stat, g))
			gather_release(g);
	}
	if (s->media && totals) {
		g->owed++;
		if (media_client_totals(s->media, gather_totals, g))
			gather_release(g);
	}
	gather_got(g);
}

void admin_gather_forget(struct admin_request *q)
{
	struct admin_gather *g = q->gather;

	if (!g)
		return;
	q->gather = NULL;
	g->q = NULL;
	timer_stop(g->wheel, &g->timer);
}

const struct media_stat *admin_figure(const struct admin_figures *f, uint32_t endpoint)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->endpoint[i].id == endpoint && f->endpoint[i].there)
			return &f->endpoint[i].stat;
	return NULL;
}
