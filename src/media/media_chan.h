/* The channel under media_msg: Unix SOCK_SEQPACKET sockets, non-blocking. Both ends. One thread per channel. */
#ifndef REMPART_MEDIA_CHAN_H
#define REMPART_MEDIA_CHAN_H

#include "media/media_msg.h"

/* Listening socket at path (an old file is removed, mode 0600, parent must exist). Returns the fd, or an error code. */
int media_chan_listen(const char *path) MUST_CHECK;
/* Connected non-blocking socket with send and receive buffers of 4 MiB where allowed. ERR_NOENT, ERR_CLOSED (nobody listens), ERR_ACCESS. */
int media_chan_connect(const char *path) MUST_CHECK;
int media_chan_accept(int listen_fd) MUST_CHECK;
/* One message. ERR_AGAIN when the socket is full, ERR_CLOSED. The length comes from the head. */
int media_chan_send(int fd, const struct media_msg *m) MUST_CHECK;
/* One message, checked. ERR_AGAIN when there is none, ERR_CLOSED at the end; a malformed one gives the code of media_msg_check(). */
int media_chan_recv(int fd, struct media_msg *m) MUST_CHECK;

#endif
