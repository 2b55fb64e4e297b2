/* The connection to the dataplane: a SEQPACKET socket on the loop and a ring of what was sent.
 *
 * For media_client.c, on the shard's loop and thread. Replies come in the order of requests (media_msg.h), so the oldest entry
 * of the ring says what a reply answers, and a reply that does not fit it means that the two ends have lost each
 * other. The ring bounds what is under way; a reader that stalls is felt as ERR_AGAIN, and the rest waits with the
 * user. DUMP is the one request with many replies. */
#include "media_link.h"

#include <unistd.h>

#include "base/mem.h"
#include "media/media_chan.h"

enum {
	SENT_MAX = 1024, /* requests that may wait for replies */
	READ_MAX = 256   /* messages before the loop gets its turn */
};

struct media_link {
	uv_poll_t poll;
	uv_check_t check;
	int n_open; /* of these two */
	int fd;
	bool writing; /* waits for room in the socket */
	const struct media_link_user *user;
	void *ctx;
	uint32_t serial;
	bool heard;  /* something was read since media_link_quiet() */
	bool looked; /* the loop asked the kernel since then */
	uint32_t head, n_sent;
	struct media_sent sent[SENT_MAX]; /* ring */
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void on_check(uv_check_t *handle)
{
	struct media_link *l = handle->data;

	l->looked = true;
}

static int poll_for(struct media_link *l, bool writing)
{
	if (uv_poll_start(&l->poll, UV_READABLE | (writing ? UV_WRITABLE : 0), on_poll))
		return ERR_IO;
	l->writing = writing;
	return 0;
}

int media_link_open(uv_loop_t *loop, const char *path, const struct media_link_user *user,
		    void *ctx, struct media_link **out)
{
	struct media_link *l;
	int err, fd = media_chan_connect(path);

	if (fd < 0)
		return fd;
	l = mem_alloc(sizeof(*l));
	if (!l || uv_poll_init(loop, &l->poll, fd)) {
		mem_free(l);
		close(fd);
		return ERR_NOMEM;
	}
	l->fd = fd;
	l->user = user;
	l->ctx = ctx;
	l->poll.data = l;
	(void)uv_check_init(loop, &l->check);
	l->check.data = l;
	l->n_open = 2;
	(void)uv_check_start(&l->check, on_check);
	err = poll_for(l, false);
	if (err) {
		media_link_close(l);
		return err;
	}
	*out = l;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct media_link *l = handle->data;

	if (--l->n_open == 0)
		mem_free(l);
}

void media_link_close(struct media_link *l)
{
	if (!l)
		return;
	(void)uv_poll_stop(&l->poll);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->check, on_closed);
	close(l->fd);
}

int media_link_send(struct media_link *l, struct media_msg *msg, uint32_t epoch, uint16_t type,
		    uint32_t id, struct media_ask *ask)
{
	uint32_t serial = l->serial == UINT32_MAX ? 1 : l->serial + 1; /* 0 is for events */
	int err;

	if (l->n_sent == SENT_MAX)
		return ERR_AGAIN; /* a reply makes room */
	msg->head = (struct media_head){
		.serial = serial,
		.version = MEDIA_VERSION,
		.type = type,
		.epoch = epoch,
		.id = id,
	};
	err = media_chan_send(l->fd, msg);
	if (err == ERR_AGAIN && !l->writing && poll_for(l, true))
		return ERR_IO;
	if (err)
		return err;
	l->serial = serial;
	l->sent[(l->head + l->n_sent) % SENT_MAX] = (struct media_sent){
		.serial = serial,
		.id = id,
		.type = type,
		.ask = ask,
	};
	l->n_sent++;
	return 0;
}

static struct media_sent sent_take(struct media_link *l)
{
	struct media_sent s = l->sent[l->head];

	l->head = (l->head + 1) % SENT_MAX;
	l->n_sent--;
	return s;
}

uint32_t media_link_waiting(const struct media_link *l)
{
	return l->n_sent;
}

bool media_link_quiet(struct media_link *l)
{
	const bool quiet = l->n_sent && !l->heard && l->looked;

	l->heard = l->looked = false;
	return quiet;
}

struct media_ask *media_link_take_ask(struct media_link *l)
{
	while (l->n_sent) {
		struct media_sent s = sent_take(l);

		if (s.ask)
			return s.ask;
	}
	return NULL;
}

static bool answers(const struct media_sent *s, const struct media_head *reply)
{
	bool any_id = s->type == MEDIA_HELLO || s->type == MEDIA_DUMP;

	return s->serial == reply->serial && (s->type | MEDIA_REPLY) == reply->type &&
	       (any_id || s->id == reply->id);
}

static int on_message(struct media_link *l, const struct media_msg *msg)
{
	struct media_sent s;

	l->heard = true;
	if (!(msg->head.type & MEDIA_REPLY)) {
		l->user->event(l->ctx, msg);
		return 0;
	}
	if (l->n_sent == 0 || !answers(&l->sent[l->head], &msg->head))
		return ERR_STATE;
	s = l->sent[l->head];
	if (s.type != MEDIA_DUMP || msg->head.id == MEDIA_NONE || msg->head.status)
		(void)sent_take(l);
	return l->user->reply(l->ctx, &s, msg);
}

static int read_some(struct media_link *l)
{
	for (int i = 0; i < READ_MAX; i++) {
		struct media_msg msg;
		int err = media_chan_recv(l->fd, &msg);

		if (err)
			return err == ERR_AGAIN ? 0 : err;
		err = on_message(l, &msg);
		if (err)
			return err;
	}
	return 0;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct media_link *l = handle->data;
	int err = status < 0 ? ERR_IO : 0;

	if (!err && (events & UV_WRITABLE))
		err = poll_for(l, false);
	if (!err && (events & UV_READABLE))
		err = read_some(l);
	if (err)
		l->user->lost(l->ctx, err_text(err));
	else
		l->user->turn(l->ctx);
}
