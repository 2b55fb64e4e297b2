/* rempart-control: SIP, registrations and policy. Wiring only: arguments, the loop, signals, and the end.
 *
 *   rempart-control -c FILE [--config-fd N]   run
 *   rempart-control --dump-fsm                the tables of docs/CALL-FSM.md
 *
 * Started by rempartd, which hands over a sealed copy of the configuration and a descriptor (REMPART_READY_FD) that gets one byte when all is open. The
 * first SIGTERM drains: new calls get 503, running ones may end for 3 s, then they are ended; the second one ends them at once. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "call/call.h"
#include "shard.h"

/* Together less than the parent waits before it kills. */
enum { DRAIN_MS = 3000, FAREWELL_MS = 1000, TURN_MS = 100 };

struct main_state {
	struct shard *shard;
	uv_signal_t term, intr;
	uv_timer_t turn;
	uint32_t signals;
	uint64_t until_ms; /* of the phase that runs */
	bool farewell;     /* calls were told to end */
};

/* Names first, ends then: a call may be gone after its call_end(). What cannot be named for want of memory is cut off with the program. */
static void end_calls(struct shard *s)
{
	size_t i = 0, n = 0, cap = call_count(s->calls);
	uint64_t *id = mem_alloc((cap + 1) * sizeof *id);
	struct call_info info;

	if (!id)
		return;
	while (n < cap && call_each(s->calls, &i, clock_ms(), &info))
		id[n++] = info.id;
	while (n--) {
		int err = call_end(s->calls, id[n], STR("Shutdown"), clock_ms());

		if (err && err != ERR_NOENT)
			log_warn("main", "cannot_end", KV_X("call", id[n]),
				 KV_C("why", err_text(err)));
	}
	mem_free(id);
}

static void on_turn(uv_timer_t *t)
{
	struct main_state *m = t->data;
	bool late = clock_ms() >= m->until_ms || m->signals > 1;

	if (call_count(m->shard->calls) == 0 || (m->farewell && clock_ms() >= m->until_ms)) {
		uv_stop(m->shard->loop);
		return;
	}
	if (m->farewell || !late)
		return;
	m->farewell = true;
	m->until_ms = clock_ms() + FAREWELL_MS;
	end_calls(m->shard);
}

static void on_signal(uv_signal_t *sig, int signo)
{
	struct main_state *m = sig->data;

	m->signals++;
	log_info("main", "signal", KV_I("signal", signo),
		 KV_U("calls", call_count(m->shard->calls)));
	if (m->signals > 1)
		return;
	m->shard->draining = true;
	m->until_ms = clock_ms() + DRAIN_MS;
	uv_update_time(m->shard->loop);
	(void)uv_timer_start(&m->turn, on_turn, 0, TURN_MS);
}

static int watch_signals(struct main_state *m, uv_loop_t *loop)
{
	m->term.data = m->intr.data = m->turn.data = m;
	if (uv_signal_init(loop, &m->term) || uv_signal_init(loop, &m->intr) ||
	    uv_timer_init(loop, &m->turn))
		return ERR_IO;
	if (uv_signal_start(&m->term, on_signal, SIGTERM) ||
	    uv_signal_start(&m->intr, on_signal, SIGINT))
		return ERR_IO;
	return 0;
}

static void say_ready(void)
{
	const char *fd = getenv("REMPART_READY_FD");
	uint32_t n;

	if (!fd || str_to_u32(str_c(fd), &n) || n > 1023)
		return;
	if (write((int)n, "1", 1) != 1)
		log_warn("main", "ready_fd", KV_C("error", strerror(errno)));
	close((int)n);
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static int run(const struct conf *conf)
{
	struct main_state m = {0};
	struct shard shard;
	char error[512];
	uv_loop_t loop;
	int err;

	if (uv_loop_init(&loop))
		return ERR_IO;
	log_init("control", STDERR_FILENO, conf->observability.log_level,
		 conf->observability.log_format);
	err = shard_open(&shard, conf, &loop, error, sizeof error);
	if (err) {
		log_error("main", "cannot_start", KV_C("why", error));
		fprintf(stderr, "rempart-control: %s\n", error);
		goto out;
	}
	m.shard = &shard;
	err = watch_signals(&m, &loop);
	if (!err) {
		log_info("main", "ready", KV_C("version", rempart_version));
		say_ready();
		(void)uv_run(&loop, UV_RUN_DEFAULT);
	}
	shard_close(&shard);
	log_info("main", "end");
out:
	uv_walk(&loop, close_handle, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&loop);
	return err;
}

static int dump_fsm(void)
{
	static char text[64 * 1024];
	struct buf b = BUF_ON(text);

	call_fsm_dump(&b);
	if (buf_check(&b))
		return 1;
	return fwrite(text, 1, b.len, stdout) == b.len ? 0 : 1;
}

static int usage(void)
{
	fputs("usage: rempart-control -c FILE [--config-fd N] | --dump-fsm | --version\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config-fd", required_argument, NULL, 'f'},
						{"dump-fsm", no_argument, NULL, 'd'},
						{"version", no_argument, NULL, 'v'},
						{0}};
	const char *path = NULL;
	struct conf_errors errors;
	struct conf *conf;
	uint32_t fd = 0;
	bool has_fd = false;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 'f':
			if (str_to_u32(str_c(optarg), &fd) || fd > 1023)
				return usage();
			has_fd = true;
			break;
		case 'd':
			return dump_fsm();
		case 'v':
			printf("rempart-control %s\n", rempart_version);
			return 0;
		default:
			return usage();
		}
	}
	if (!path || optind != argc)
		return usage();
	(void)signal(SIGPIPE, SIG_IGN);
	conf_errors_init(&errors);
	err = conf_load_args(path, has_fd ? (int)fd : -1, &conf, &errors);
	conf_errors_print(&errors, stderr);
	conf_errors_free(&errors);
	if (err)
		return 1;
	err = run(conf);
	conf_free(conf);
	return err ? 1 : 0;
}
