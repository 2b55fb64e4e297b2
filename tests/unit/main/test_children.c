/* The parent with real processes: shell scripts in the programs' place tell through a FIFO what happens to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "children.h"
#include "notify.h"
#include "rundir.h"

static char dir[64];
static int fifo = -1;

/* Tells of its start with what it was given, gets ready, tells of SIGTERM. `read` from a FIFO that it holds open itself
 * waits without a process of its own; it looks up now and then, for a signal that came just before it. */
#define SH    "#!/bin/bash\n"
#define TELL  "echo \"NAME $*\" >$EVENTS\n"
#define HEAD  SH TELL
#define READY "printf x >&$REMPART_READY_FD\n"
#define TRAP  "trap 'echo \"NAME end\" >$EVENTS; exit 0' TERM\n"
#define WAIT  "exec 5<>$BLOCK\nwhile :; do read -t 0.1 x <&5; done\n"

static void path_of(char out[128], const char *name)
{
	snprintf(out, 128, "%s/%s", dir, name);
}

static void script(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	path_of(path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	for (const char *p = text; *p; p++) {
		if (strncmp(p, "NAME", 4) == 0) {
			fputs(name + strlen("rempart-"), f);
			p += 3;
		} else {
			fputc(*p, f);
		}
	}
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
}

static int setup(void **state)
{
	char path[128];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/rempart-children-XXXXXX");
	assert_non_null(mkdtemp(dir));
	path_of(path, "events");
	assert_int_equal(mkfifo(path, 0600), 0);
	fifo = open(path, O_RDWR | O_CLOEXEC);
	setenv("EVENTS", path, 1);
	path_of(path, "block");
	assert_int_equal(mkfifo(path, 0600), 0);
	setenv("BLOCK", path, 1);
	return fifo < 0;
}

static int teardown(void **state)
{
	static const char *const name[] = {"events", "block", "rempart-control",
					   "rempart-dataplane"};
	char path[128];

	(void)state;
	close(fifo);
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		path_of(path, name[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* The next line that a script wrote; fails the test after ten seconds. */
static void expect_event(const char *expected)
{
	struct pollfd p = {.fd = fifo, .events = POLLIN};
	char line[256];
	size_t n = 0;

	for (;;) {
		if (poll(&p, 1, 10000) != 1)
			fail_msg("nothing came; expected '%s'", expected);
		assert_int_equal(read(fifo, &line[n], 1), 1);
		if (line[n] == '\n')
			break;
		assert_true(++n < sizeof(line));
	}
	line[n] = 0;
	assert_string_equal(line, expected);
}

static pid_t run(void)
{
	struct children_options o = {
		.folder = dir, .conf_path = "x.yaml", .times = sup_times_default};
	pid_t pid;

	o.times.pause_first_ms = 1;
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	log_init("test", 2, LOG_ERROR + 1, LOG_LOGFMT);
	o.conf_fd = children_conf_fd("version: 1\n", 11);
	_exit(o.conf_fd < 0 ? 99 : children_run(&o));
}

static int wait_exit(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void start_and_end_in_order(void **state)
{
	static const int stop[] = {SIGTERM, SIGINT};
	pid_t pid;

	(void)state;
	/* The trap stands before the test can know of the script and stop it. */
	script("rempart-dataplane", SH TRAP TELL READY WAIT);
	script("rempart-control", SH TRAP TELL READY WAIT);
	for (size_t i = 0; i < 2; i++) {
		pid = run();
		expect_event("dataplane -c x.yaml --config-fd 3");
		expect_event("control -c x.yaml --config-fd 3");
		kill(pid, SIGHUP); /* not supported yet: said and survived */
		kill(pid, stop[i]);
		assert_int_equal(wait_exit(pid), 0);
		expect_event("control end");
		expect_event("dataplane end");
	}
}

/* Whoever does not listen to SIGTERM is killed; a test of the times is in test_supervisor.c. */
static void the_second_stop_is_at_once(void **state)
{
	pid_t pid;

	(void)state;
	script("rempart-dataplane", HEAD READY WAIT);
	script("rempart-control", "#!/bin/bash\ntrap 'echo \"NAME deaf\" >$EVENTS' TERM\n" READY
				  "echo here >$EVENTS\n" WAIT);
	pid = run();
	expect_event("dataplane -c x.yaml --config-fd 3");
	expect_event("here");
	kill(pid, SIGTERM);
	expect_event("control deaf");
	kill(pid, SIGTERM);
	assert_int_equal(wait_exit(pid), 0);
}

static void control_is_restarted_with_the_same_text(void **state)
{
	pid_t pid;

	(void)state;
	script("rempart-dataplane", HEAD READY WAIT);
	/* Each life reads the text from its start and dies at once. */
	script("rempart-control",
	       "#!/bin/bash\n" READY "echo \"control read $(cat /proc/self/fd/3)\" >$EVENTS\n");
	pid = run();
	expect_event("dataplane -c x.yaml --config-fd 3");
	for (int i = 0; i < 4; i++)
		expect_event("control read version: 1");
	kill(pid, SIGTERM);
	wait_exit(pid);
}

static void the_dataplane_is_restarted(void **state)
{
	pid_t pid;

	(void)state;
	script("rempart-dataplane", HEAD READY "kill -SEGV $$\n");
	script("rempart-control", "#!/bin/bash\n" READY WAIT);
	pid = run();
	expect_event("dataplane -c x.yaml --config-fd 3");
	expect_event("dataplane -c x.yaml --config-fd 3");
	expect_event("dataplane -c x.yaml --config-fd 3");
	kill(pid, SIGTERM);
	kill(pid, SIGTERM);
	wait_exit(pid);
}

static void a_failed_first_start_is_exit_1(void **state)
{
	pid_t pid;

	(void)state;
	script("rempart-dataplane", HEAD READY WAIT);
	script("rempart-control", HEAD "exit 3\n");
	pid = run();
	expect_event("dataplane -c x.yaml --config-fd 3");
	expect_event("control -c x.yaml --config-fd 3");
	assert_int_equal(wait_exit(pid), 1);

	script("rempart-dataplane", HEAD "exit 0\n"); /* a good end is none before ready */
	pid = run();
	expect_event("dataplane -c x.yaml --config-fd 3");
	assert_int_equal(wait_exit(pid), 1);
}

static void a_missing_program_is_exit_1(void **state)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), err = dup(2);

	(void)state;
	dup2(null, 2);
	assert_int_equal(wait_exit(run()), 1);
	dup2(err, 2);
	close(err);
	close(null);
}

static void children_die_with_the_parent(void **state)
{
	struct pollfd p;
	pid_t pid;
	int held[2];

	(void)state;
	/* The script holds the pipe's end; when that is gone, so is the script. */
	assert_int_equal(pipe(held), 0);
	script("rempart-dataplane", HEAD WAIT);
	pid = run();
	close(held[1]);
	expect_event("dataplane -c x.yaml --config-fd 3");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	p = (struct pollfd){.fd = held[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(p.revents & POLLHUP);
	close(held[0]);
}

static void the_text_is_sealed(void **state)
{
	int fd = children_conf_fd("abc", 3);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	close(fd);
}

static void systemd_is_told(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[128], got[32] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	path_of(path, "notify");
	snprintf(at.sun_path, sizeof(at.sun_path), "%.100s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	notify_systemd("READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
	assert_string_equal(got, "READY=1");
	close(fd);
	unlink(path);
	notify_systemd("STOPPING=1"); /* nobody there: nothing happens */
	unsetenv("NOTIFY_SOCKET");
	notify_systemd("STOPPING=1");
}

static void one_rempartd_per_folder(void **state)
{
	char path[160], text[32] = "";
	int first, second = -1, fd, null = open("/dev/null", O_WRONLY | O_CLOEXEC), err = dup(2);
	struct stat st;

	(void)state;
	path_of(path, "a/b");
	assert_int_equal(rundir_make(path), 0);
	assert_int_equal(rundir_make(path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~0750U, 0);
	assert_int_equal(rundir_lock(path, &first), 0);
	dup2(null, 2);
	assert_int_equal(rundir_lock(path, &second), ERR_INUSE);
	dup2(err, 2);
	close(err);
	close(null);
	path_of(path, "a/b/rempartd.pid");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_int_equal(strtol(text, NULL, 10), getpid());
	close(fd);
	path_of(path, "a/b");
	rundir_unlock(path, first);
	assert_int_equal(rundir_lock(path, &first), 0);
	rundir_unlock(path, first);
	assert_int_equal(rmdir(path), 0);
	path_of(path, "a");
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(start_and_end_in_order),
		T(the_second_stop_is_at_once),
		T(control_is_restarted_with_the_same_text),
		T(the_dataplane_is_restarted),
		T(a_failed_first_start_is_exit_1),
		T(a_missing_program_is_exit_1),
		T(children_die_with_the_parent),
		T(the_text_is_sealed),
		T(systemd_is_told),
		T(one_rempartd_per_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
