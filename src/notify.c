/* sd_notify(3): one datagram to the Unix socket that systemd names in the environment; '@' stands for an abstract one.
 * It is a courtesy, so failures are silent. rempartd, main thread. */
#include "notify.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

void notify_systemd(const char *state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct str name = str_c(getenv("NOTIFY_SOCKET"));
	int fd;

	if (name.len < 2 || name.len >= sizeof(to.sun_path) ||
	    (name.p[0] != '/' && name.p[0] != '@'))
		return;
	str_copy(to.sun_path, sizeof(to.sun_path), name);
	if (name.p[0] == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name.len));
	close(fd);
}
