/* The processes of rempartd: fork and exec, one signalfd, one pipe per program on which it says that it is ready, and a
 * poll() around them. What is to be done is decided in supervisor.c. Main thread, no libuv: the parent must be the part
 * that cannot fail. A program dies with its parent, and sits in a process group of its own so that Ctrl-C in a terminal
 * reaches the parent alone, which then ends both in order. */
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "notify.h"

#define CONF_FD  3 /* of a child: its configuration */
#define READY_FD 4 /* of a child: one byte says that it is ready */

struct children {
	const struct children_options *o;
	struct supervisor sup;
	sigset_t old_mask;
	int signal_fd;
	pid_t pid[SUP_PROGS];    /* 0: none */
	int ready_fd[SUP_PROGS]; /* -1: none */
};

int children_conf_fd(const char *text, size_t len)
{
	int fd = memfd_create("rempart.yaml", MFD_CLOEXEC | MFD_ALLOW_SEALING), saved;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto fail;
		text += n;
		len -= (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return fd;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* In the child. Does not return. */
static void become(const struct children *k, enum sup_prog p, int ready_fd, pid_t parent)
{
	const char *name = sup_prog_name(p);
	char path[4096];
	int conf, ready;

	/* Both away from the numbers that they are going to have. */
	conf = fcntl(k->o->conf_fd, F_DUPFD_CLOEXEC, 10);
	ready = fcntl(ready_fd, F_DUPFD_CLOEXEC, 10);
	if (conf < 0 || ready < 0 || dup2(conf, CONF_FD) < 0 || dup2(ready, READY_FD) < 0)
		_exit(127);
	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(127);
	sigprocmask(SIG_SETMASK, &k->old_mask, NULL);
	setenv("REMPART_READY_FD", "4", 1);
	snprintf(path, sizeof(path), "%s/%s", k->o->folder, name);
	execl(path, name, "-c", k->o->conf_path, "--config-fd", "3", (char *)NULL);
	fprintf(stderr, "rempartd: cannot run %s: %s\n", path, strerror(errno));
	_exit(127);
}

static int start(void *ctx, enum sup_prog p)
{
	struct children *k = ctx;
	pid_t parent = getpid(), pid;
	int pipe_fd[2];

	if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK))
		return err_from_errno(errno);
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		log_error("supervisor", "fork-failed", KV_C("error", strerror(errno)));
		close(pipe_fd[0]);
		close(pipe_fd[1]);
		return ERR_NOMEM;
	}
	if (pid == 0)
		become(k, p, pipe_fd[1], parent);
	close(pipe_fd[1]);
	k->pid[p] = pid;
	k->ready_fd[p] = pipe_fd[0];
	log_info("supervisor", "start", KV_C("program", sup_prog_name(p)), KV_I("pid", pid));
	return 0;
}

static void send_signal(void *ctx, enum sup_prog p, int signo)
{
	struct children *k = ctx;

	if (k->pid[p])
		kill(k->pid[p], signo);
}

static void all_ready(void *ctx)
{
	(void)ctx;
	log_info("supervisor", "up");
	notify_systemd("READY=1");
}

static void stopping(void *ctx)
{
	(void)ctx;
	log_info("supervisor", "stopping");
	notify_systemd("STOPPING=1");
}

static const struct sup_ops ops = {
	.start = start, .signal = send_signal, .all_ready = all_ready, .stopping = stopping};

static void forget_ready(struct children *k, enum sup_prog p)
{
	if (k->ready_fd[p] >= 0)
		close(k->ready_fd[p]);
	k->ready_fd[p] = -1;
}

/* A byte says ready; an end without one says nothing, SIGCHLD will. */
static void read_ready(struct children *k, enum sup_prog p)
{
	char byte;
	ssize_t n = read(k->ready_fd[p], &byte, 1);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	forget_ready(k, p);
	if (n == 1)
		supervisor_ready(&k->sup, p, clock_ms());
}

static void log_exit(enum sup_prog p, pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		log_warn("supervisor", "exit", KV_C("program", sup_prog_name(p)), KV_I("pid", pid),
			 KV_C("signal", strsignal(WTERMSIG(status))));
	else
		log_info("supervisor", "exit", KV_C("program", sup_prog_name(p)), KV_I("pid", pid),
			 KV_I("status", WEXITSTATUS(status)));
}

static void reap(struct children *k)
{
	int status;

	for (enum sup_prog p = 0; p < SUP_PROGS; p++) {
		pid_t pid = k->pid[p];

		if (!pid || waitpid(pid, &status, WNOHANG) != pid)
			continue;
		log_exit(p, pid, status);
		if (k->ready_fd[p] >= 0) /* it may have been ready and died in one moment */
			read_ready(k, p);
		k->pid[p] = 0;
		forget_ready(k, p);
		supervisor_exited(&k->sup, p, clock_ms());
	}
}

static void on_signals(struct children *k)
{
	struct signalfd_siginfo info[8];
	ssize_t n = read(k->signal_fd, info, sizeof(info));
	bool died = false;

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(info[0]); i++) {
		int signo = (int)info[i].ssi_signo;

		if (signo == SIGCHLD)
			died = true;
		else if (signo == SIGHUP)
			log_warn("supervisor", "reload",
				 KV_C("error", "reload is not supported yet; restart rempartd"));
		else
			supervisor_stop(&k->sup, clock_ms());
	}
	if (died) /* after a stop of the same moment, so that nothing is restarted */
		reap(k);
}

static int wait_ms(const struct supervisor *s, uint64_t now_ms)
{
	uint64_t next = supervisor_next(s);

	if (next == SUP_NEVER)
		return -1;
	if (next <= now_ms)
		return 0;
	return next - now_ms > 60000 ? 60000 : (int)(next - now_ms);
}

static void loop(struct children *k)
{
	struct pollfd fds[1 + SUP_PROGS];

	while (!supervisor_done(&k->sup)) {
		fds[0] = (struct pollfd){.fd = k->signal_fd, .events = POLLIN};
		for (enum sup_prog p = 0; p < SUP_PROGS; p++)
			fds[1 + p] = (struct pollfd){.fd = k->ready_fd[p], .events = POLLIN};
		if (poll(fds, 1 + SUP_PROGS, wait_ms(&k->sup, clock_ms())) < 0 && errno != EINTR)
			abort(); /* only memory can be the reason, and none is asked for */
		for (enum sup_prog p = 0; p < SUP_PROGS; p++)
			if (fds[1 + p].revents && k->ready_fd[p] >= 0)
				read_ready(k, p);
		if (fds[0].revents)
			on_signals(k);
		supervisor_tick(&k->sup, clock_ms());
	}
}

int children_run(const struct children_options *o)
{
	struct children k = {.o = o, .ready_fd = {-1, -1}};
	sigset_t mask;

	(void)signal(SIGPIPE, SIG_IGN); /* whoever read the log is gone: that is no reason to be */
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, &k.old_mask))
		return 1;
	k.signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k.signal_fd < 0) {
		fprintf(stderr, "rempartd: signalfd: %s\n", strerror(errno));
		return 1;
	}
	supervisor_begin(&k.sup, &o->times, &ops, &k, clock_ms());
	loop(&k);
	close(k.signal_fd);
	sigprocmask(SIG_SETMASK, &k.old_mask, NULL);
	return k.sup.failed ? 1 : 0;
}
