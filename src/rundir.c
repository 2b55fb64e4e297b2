/* Folders and the pid file of rempartd. The lock is flock(2) on the pid file: it goes away with its holder, whatever the
 * holder died of, so a stale file never keeps anybody out. Main thread, at start and end. */
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

#define PATH_BYTES 4352

static int make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (errno == EEXIST)
		errno = ENOTDIR;
	return ERR_IO;
}

int rundir_make(const char *path)
{
	char part[PATH_BYTES];
	struct str all = str_c(path);
	int err = 0;

	if (all.len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		err = ERR_LIMIT;
	}
	for (size_t i = 1; i < all.len && !err; i++) {
		if (path[i] != '/' || path[i - 1] == '/')
			continue;
		str_copy(part, sizeof(part), str_head(all, i));
		err = make_one(part, 0755);
	}
	if (!err)
		err = make_one(path, 0750);
	if (err)
		fprintf(stderr,
			"rempartd: cannot make the folder %s: %s; set system.run_dir and "
			"system.state_dir to folders of yours or start as root\n",
			path, strerror(errno));
	return err;
}

int rundir_check(const char *path)
{
	size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof("/control.sock");

	if (strlen(path) <= most)
		return 0;
	fprintf(stderr,
		"rempartd: the folder %s is too long for the paths of sockets in it; set "
		"system.run_dir to one of at most %zu bytes\n",
		path, most);
	return ERR_LIMIT;
}

static void pid_path(const char *folder, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, "%s/rempartd.pid", folder);
}

/* Whether the file that we hold is still the one by that name: its last holder may have removed it. */
static bool is_current(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
	       held.st_dev == named.st_dev;
}

static int refuse(const char *folder, int fd)
{
	char pid[32] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	while (n > 0 && (pid[n - 1] < '0' || pid[n - 1] > '9'))
		n--;
	fprintf(stderr,
		"rempartd: another one is running on %s (pid %.*s); stop it or set another "
		"system.run_dir\n",
		folder, n > 0 ? (int)n : 1, n > 0 ? pid : "?");
	close(fd);
	return ERR_INUSE;
}

int rundir_lock(const char *folder, int *out)
{
	char path[PATH_BYTES], pid[32];
	int fd, len;

	pid_path(folder, path);
	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			break;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			if (errno == EWOULDBLOCK)
				return refuse(folder, fd);
			break;
		}
		if (is_current(fd, path)) {
			len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
			if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)len, 0) != len)
				break;
			*out = fd;
			return 0;
		}
		close(fd);
	}
	fprintf(stderr, "rempartd: cannot write %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ERR_IO;
}

void rundir_unlock(const char *folder, int fd)
{
	static const char *const names[] = {"control.sock", "media.sock", "rempartd.pid"};
	char path[PATH_BYTES];

	/* A program that had to be killed left its socket. The lock is still ours. */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	close(fd);
}
