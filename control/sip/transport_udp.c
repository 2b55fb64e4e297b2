/* UDP: up to 32 datagrams in with one recvmmsg(), up to 64 out with one sendmmsg().
 *
 * On the shard's thread, from its loop. Each socket is bound to one address, so the kernel gives the source of what goes
 * out. What goes out waits in the socket's queue until the end of the loop's iteration; when the kernel's buffer is full it
 * waits for the socket to be writable, and what does not fit then is refused (ERR_LIMIT), which for UDP is a loss like any
 * other. Errors that ICMP brings concern one peer and stop nobody. RFC 3261 18.1, RFC 5626 3.5.2 (STUN, not answered here). */
#include "sip/transport_internal.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"

#define RX_BATCHES_A_WAKEUP 4 /* then other sockets have their turn */

/* One byte more than a message may have, so that a longer one shows. */
struct udp_rx {
	struct mmsghdr msg[UDP_RX_BATCH];
	struct iovec iov[UDP_RX_BATCH];
	struct sockaddr_storage from[UDP_RX_BATCH];
	char data[UDP_RX_BATCH][SIP_MSG_MAX_UDP + 1];
};

struct udp_rx *udp_rx_new(void)
{
	return mem_alloc(sizeof(struct udp_rx));
}

static bool only_crlf(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != '\r' && p[i] != '\n')
			return false;
	return true;
}

static void deliver(struct sip_socket *s, char *data, size_t len, bool cut,
		    const struct sockaddr *from)
{
	struct sip_transport_stat *stat = &s->t->stat;
	struct sip_flow flow = {.local = s->local,
				.realm = s->realm,
				.socket = s->index,
				.conn = UINT32_MAX,
				.transport = CONF_UDP};

	if (cut || len > SIP_MSG_MAX_UDP) {
		stat->rx_oversize++;
		return;
	}
	if (len == 0 ||
	    (unsigned char)data[0] <
		    4) { /* RFC 5389 6: STUN starts with two zero bits, SIP with a letter */
		stat->rx_ignored++;
		return;
	}
	if (only_crlf(data, len)) {
		stat->rx_keepalives++;
		return;
	}
	if (addr_from_sockaddr(from, &flow.remote) || flow.remote.port == 0)
		return;
	stat->rx_messages++;
	stat->rx_bytes += len;
	s->t->conf.rx(s->t->conf.ctx, &flow, data, len);
}

/* True when there may be more. */
static bool read_batch(struct sip_socket *s)
{
	struct udp_rx *rx = s->t->rx;
	int n;

	for (unsigned i = 0; i < UDP_RX_BATCH; i++) {
		rx->iov[i] = (struct iovec){.iov_base = rx->data[i], .iov_len = sizeof rx->data[i]};
		rx->msg[i].msg_hdr = (struct msghdr){.msg_name = &rx->from[i],
						     .msg_namelen = sizeof rx->from[i],
						     .msg_iov = &rx->iov[i],
						     .msg_iovlen = 1};
	}
	n = recvmmsg(s->udp_fd, rx->msg, UDP_RX_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno != EAGAIN &&
		       errno != EBADF; /* an ICMP error is told once, and then gone */
	for (int i = 0; i < n && !s->t->closing; i++)
		deliver(s, rx->data[i], rx->msg[i].msg_len,
			rx->msg[i].msg_hdr.msg_flags & MSG_TRUNC,
			(const struct sockaddr *)&rx->from[i]);
	return n == UDP_RX_BATCH && !s->t->closing;
}

static void watch(struct sip_socket *s);

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct sip_socket *s = p->data;

	if (events & UV_WRITABLE) {
		s->queue->blocked = false;
		udp_flush(s);
		watch(s);
	}
	if (status < 0 ||
	    events & UV_READABLE) /* after an error: reading takes it off the socket */
		for (int i = 0; i < RX_BATCHES_A_WAKEUP && read_batch(s); i++)
			;
	if (status < 0) /* libuv has stopped watching */
		watch(s);
}

static void watch(struct sip_socket *s)
{
	if (s->open && !s->t->closing)
		uv_poll_start(&s->poll, s->queue->blocked ? UV_READABLE | UV_WRITABLE : UV_READABLE,
			      on_poll);
}

static unsigned fill_batch(struct sip_socket *s, struct mmsghdr *msg, struct iovec *iov,
			   struct sockaddr_storage *to)
{
	struct udp_queue *q = s->queue;
	unsigned n = 0;

	for (uint32_t i = q->first; i < q->end && n < UDP_TX_BATCH; i++, n++) {
		iov[n] = (struct iovec){.iov_base = q->data + q->tx[i].offset,
					.iov_len = q->tx[i].len};
		msg[n] = (struct mmsghdr){
			.msg_hdr = {
				.msg_name = &to[n],
				.msg_namelen = addr_to_sockaddr(&q->tx[i].to, &to[n]),
				.msg_iov = &iov[n],
				.msg_iovlen = 1,
			}};
	}
	return n;
}

void udp_flush(struct sip_socket *s)
{
	struct sockaddr_storage to[UDP_TX_BATCH];
	struct mmsghdr msg[UDP_TX_BATCH];
	struct iovec iov[UDP_TX_BATCH];
	struct udp_queue *q = s->queue;

	if (!q || s->udp_fd < 0 || q->blocked)
		return;
	while (q->first < q->end) {
		int n = sendmmsg(s->udp_fd, msg, fill_batch(s, msg, iov, to), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			q->blocked = true;
			watch(s);
			return;
		}
		if (n <= 0) { /* the first one's own fault: no route, refused, too long */
			s->t->stat.tx_errors++;
			n = 1;
		}
		q->first += (uint32_t)n;
	}
	q->first = q->end = q->bytes = 0;
}

/* Closes the gap that a flush which got stuck left in front. */
static void compact(struct udp_queue *q)
{
	uint32_t gap, n = q->end - q->first;

	if (q->first == 0)
		return;
	gap = q->tx[q->first].offset;
	memmove(q->data, q->data + gap, q->bytes - gap);
	memmove(q->tx, q->tx + q->first, n * sizeof q->tx[0]);
	for (uint32_t i = 0; i < n; i++)
		q->tx[i].offset -= gap;
	q->bytes -= gap;
	q->first = 0;
	q->end = n;
}

static bool fits(const struct udp_queue *q, size_t len)
{
	return q->end < UDP_TX_QUEUE && len <= UDP_TX_BYTES - q->bytes;
}

int udp_send(struct sip_socket *s, const struct addr *to, struct str bytes)
{
	struct udp_queue *q = s->queue;

	if (bytes.len > UINT16_MAX)
		return ERR_LIMIT;
	if (to->family != s->local.family || to->port == 0)
		return ERR_UNSUPPORTED;
	if (!fits(q, bytes.len))
		udp_flush(s);
	if (!fits(q, bytes.len) && q->first < q->end)
		compact(q);
	if (!fits(q, bytes.len))
		return ERR_LIMIT;
	memcpy(q->data + q->bytes, bytes.p, bytes.len);
	q->tx[q->end++] =
		(struct udp_tx){.to = *to, .offset = q->bytes, .len = (uint32_t)bytes.len};
	q->bytes += (uint32_t)bytes.len;
	if (q->end - q->first >= UDP_TX_BATCH)
		udp_flush(s);
	return 0;
}

int udp_open(struct sip_socket *s, char *error_text, size_t error_cap)
{
	const int one = 1;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&s->local, &ss);
	int err;

	s->queue = mem_alloc(sizeof *s->queue);
	if (!s->queue)
		return ERR_NOMEM;
	s->udp_fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->udp_fd < 0) {
		err = sip_fail_listen(s, errno, error_text, error_cap);
		goto out;
	}
	if (s->local.family == ADDR_V6)
		(void)!setsockopt(s->udp_fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	sip_socket_options(s, s->udp_fd);
	if (bind(s->udp_fd, (const struct sockaddr *)&ss, len)) {
		err = sip_fail_listen(s, errno, error_text, error_cap);
		goto out;
	}
	err = uv_poll_init(s->t->conf.loop, &s->poll, s->udp_fd);
	if (err) {
		err = sip_fail_listen(s, -err, error_text, error_cap);
		goto out;
	}
	s->poll.data = s;
	s->open = true;
	s->t->handles++;
	watch(s);
	return 0;
out:
	if (s->udp_fd >= 0)
		close(s->udp_fd);
	s->udp_fd = -1;
	mem_free(s->queue);
	s->queue = NULL;
	return err;
}

static void on_closed(uv_handle_t *h)
{
	struct sip_socket *s = h->data;

	close(s->udp_fd);
	s->udp_fd = -1;
	sip_transport_handle_closed(s->t);
}

void udp_close(struct sip_socket *s)
{
	if (!s->open)
		return;
	s->open = false;
	uv_close((uv_handle_t *)&s->poll, on_closed);
}
