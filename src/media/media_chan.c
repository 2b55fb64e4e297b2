/* The socket under the messages between control and dataplane. SOCK_SEQPACKET keeps the message boundaries and the order and
 * tells when the other side is gone. Nothing here waits: a full socket is ERR_AGAIN and the caller's poll() does the rest. */
#include "media/media_chan.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CHAN_BUFFER_BYTES (4 << 20)
#define CHAN_BACKLOG      8

/* The socket's own words first; everything else as elsewhere. */
static int err_of(int errno_value)
{
	switch (errno_value) {
	case EAGAIN:
	case EINTR:
	case ENOBUFS:
		return ERR_AGAIN;
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case ENOTCONN:
	case EPIPE:
		return ERR_CLOSED;
	case ENOENT:
	case ENOTDIR:
		return ERR_NOENT;
	case EACCES:
	case EPERM:
		return ERR_ACCESS;
	default:
		return err_from_errno(errno_value);
	}
}

static int path_to_sockaddr(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (path[0] == 0)
		return ERR_INVAL;
	if (strlen(path) >= sizeof sun->sun_path)
		return ERR_LIMIT;
	str_copy(sun->sun_path, sizeof sun->sun_path, str_c(path));
	return 0;
}

static int chan_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_of(errno) : fd;
}

/* As large as the kernel lets us; without the capability the usual limit holds, and that is no error. */
static void set_buffers(int fd)
{
	const int bytes = CHAN_BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes))
		(void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
		(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

int media_chan_listen(const char *path)
{
	struct sockaddr_un sun;
	struct stat st;
	int err, fd;

	err = path_to_sockaddr(path, &sun);
	if (err)
		return err;
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return ERR_EXIST;
		if (unlink(path) && errno != ENOENT)
			return err_of(errno);
	}
	fd = chan_socket();
	if (fd < 0)
		return fd;
	/* Linux gives the file the socket's own mode: there is no moment at which others could connect. */
	if (fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)&sun, sizeof sun) ||
	    listen(fd, CHAN_BACKLOG)) {
		err = err_of(errno);
		close(fd);
		return err;
	}
	return fd;
}

int media_chan_connect(const char *path)
{
	struct sockaddr_un sun;
	int err, fd;

	err = path_to_sockaddr(path, &sun);
	if (err)
		return err;
	fd = chan_socket();
	if (fd < 0)
		return fd;
	set_buffers(fd);
	if (connect(fd, (const struct sockaddr *)&sun, sizeof sun)) {
		err = err_of(errno);
		close(fd);
		return err;
	}
	return fd;
}

int media_chan_accept(int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return errno == ECONNABORTED ? ERR_AGAIN : err_of(errno);
	set_buffers(fd);
	return fd;
}

int media_chan_send(int fd, const struct media_msg *m)
{
	size_t len = media_msg_len(&m->head);

	if (len == 0)
		return ERR_INVAL;
	return send(fd, m, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? err_of(errno) : 0;
}

int media_chan_recv(int fd, struct media_msg *m)
{
	ssize_t n = recv(fd, m, sizeof *m, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return err_of(errno);
	if (n == 0)
		return ERR_CLOSED;
	return media_msg_check(m, (size_t)n);
}
