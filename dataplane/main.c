/* rempart-dataplane: reads the configuration, brings up DPDK, the ports and one worker on its own lcore, and then serves control
 * and the slow path from the main thread until SIGTERM or SIGINT. Everything else is elsewhere; this file is wiring.
 *
 * Signals: TERM and INT are blocked in all threads and read from a signalfd. Real-time signals stay open: DPDK's TAP driver
 * is told by them that packets are there. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "agent.h"
#include "base/clock.h"
#include "base/log.h"
#include "eal.h"
#include "port.h"
#include "slow_path.h"

#define PUNT_RING   1024
#define TX_RING     512
#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct dataplane {
	struct conf *conf;
	struct ports ports;
	struct dp_local local[DP_LOCAL_MAX];
	struct dp_worker_conf wc;
	struct dp_worker *worker;
	struct slow_path slow;
	struct agent *agent;
	int signal_fd;
	bool eal, launched;
	volatile bool stop;
};

static int usage(void)
{
	fputs("usage: rempart-dataplane -c FILE [--config-fd N]\n", stderr);
	return EXIT_USAGE;
}

static int load_conf(int argc, char **argv, struct conf **out)
{
	static const struct option options[] = {{"config-fd", required_argument, NULL, 'f'}, {0}};
	struct conf_errors errors;
	const char *path = NULL;
	uint32_t fd = 0;
	bool has_fd = false;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (opt == 'c')
			path = optarg;
		else if (opt == 'f' && !str_to_u32(str_c(optarg), &fd) && fd <= INT32_MAX)
			has_fd = true;
		else
			return usage();
	}
	if (!path || optind != argc)
		return usage();
	conf_errors_init(&errors);
	err = conf_load_args(path, has_fd ? (int)fd : -1, out, &errors);
	conf_errors_print(&errors, stderr);
	conf_errors_free(&errors);
	return err || !*out ? EXIT_FAILED : 0;
}

static int signals_open(struct dataplane *d)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return ERR_IO;
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signal_fd < 0 ? ERR_IO : 0;
}

/* The rings between the worker and this thread; each has one writer and one reader. */
static int rings_open(struct dp_worker_conf *wc)
{
	const struct {
		struct rte_ring **ring;
		const char *name;
		unsigned n;
	} rings[] = {
		{&wc->cmd, "cmd", AGENT_RING},     {&wc->reply, "reply", AGENT_RING},
		{&wc->event, "event", AGENT_RING}, {&wc->punt, "punt", PUNT_RING},
		{&wc->tx, "tx", TX_RING},
	};

	for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
		*rings[i].ring = rte_ring_create(rings[i].name, rings[i].n, SOCKET_ID_ANY,
						 RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!*rings[i].ring)
			return ERR_NOMEM;
	}
	wc->event_pool = rte_mempool_create("events", AGENT_EVENTS - 1, sizeof(struct dp_event), 0,
					    0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	return wc->event_pool ? 0 : ERR_NOMEM;
}

static int worker_open(struct dataplane *d, struct buf *why)
{
	struct dp_worker_conf *wc = &d->wc;

	if (ports_locals(d->conf, &d->ports, d->local, &wc->n_local)) {
		buf_c(why, "interfaces: too many media addresses");
		return ERR_LIMIT;
	}
	wc->local = d->local;
	wc->adaptive = d->conf->dataplane.poll == CONF_POLL_ADAPTIVE;
	for (size_t i = 0; i < d->ports.n; i++) {
		const struct port *p = &d->ports.port[i];

		wc->port[wc->n_port++] = p->id;
		if (p->id < DP_PORT_MAX)
			wc->tx_checksum_offload[p->id] = p->tx_checksum;
	}
	wc->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wc->wake_fd < 0 || rings_open(wc)) {
		buf_c(why, "dataplane.memory: not enough for the rings; give it more");
		return ERR_NOMEM;
	}
	d->worker = dp_worker_create(wc);
	if (!d->worker) {
		buf_c(why, "there is not enough memory for a worker's tables");
		return ERR_NOMEM;
	}
	return 0;
}

static bool on_learned(void *ctx, uint16_t port, const struct addr *ip, const uint8_t mac[6])
{
	struct dataplane *d = ctx;

	return agent_neighbour(d->agent, port, ip, mac);
}

static void on_resolve(void *ctx, uint16_t port, const struct addr *ip, uint64_t now_ms)
{
	struct dataplane *d = ctx;

	neigh_resolve(d->slow.neigh, port, ip, now_ms);
}

static int agent_open(struct dataplane *d, struct buf *why)
{
	const struct agent_ops ops = {.ctx = d, .resolve = on_resolve};
	char dir[200], path[240];
	int err;

	str_copy(dir, sizeof dir, d->conf->system.run_dir);
	snprintf(path, sizeof path, "%s/media.sock", dir);
	d->agent = agent_create(path, &d->wc, &ops, clock_ms(), &err);
	if (d->agent)
		return 0;
	buf_printf(why, "system.run_dir: the socket %s cannot be made: %s", path, err_text(err));
	return err;
}

static int run_dir_make(const struct conf *conf, struct buf *why)
{
	char dir[200];

	if (conf->system.run_dir.len >= sizeof dir) {
		buf_c(why, "system.run_dir: the path is too long");
		return ERR_LIMIT;
	}
	str_copy(dir, sizeof dir, conf->system.run_dir);
	if (mkdir(dir, 0750) == 0 || errno == EEXIST)
		return 0;
	buf_printf(why, "system.run_dir: %s cannot be made: %s", dir, strerror(errno));
	return ERR_IO;
}

static int worker_main(void *arg)
{
	struct dataplane *d = arg;

	return dp_worker_run(d->worker, &d->stop);
}

static int start(struct dataplane *d, struct buf *why)
{
	int err = run_dir_make(d->conf, why);

	if (!err)
		err = eal_start(d->conf, why);
	if (err)
		return err;
	d->eal = true;
	err = ports_open(d->conf, &d->ports, why);
	if (!err)
		err = worker_open(d, why);
	if (!err)
		err = slow_path_open(&d->slow, &d->wc, d->ports.pool, on_learned, d);
	if (!err)
		err = agent_open(d, why);
	if (!err && rte_eal_remote_launch(worker_main, d, EAL_WORKER_LCORE))
		err = ERR_STATE;
	if (!err)
		d->launched = true;
	return err;
}

static void finish(struct dataplane *d)
{
	d->stop = true;
	if (d->launched)
		(void)rte_eal_wait_lcore(EAL_WORKER_LCORE);
	agent_destroy(d->agent);
	if (d->slow.neigh)
		slow_path_close(&d->slow);
	dp_worker_destroy(d->worker);
	if (d->eal) {
		ports_close(&d->ports);
		eal_stop(d->conf);
	}
	conf_free(d->conf);
}

/* Tells whoever started us that the ports are up and the socket listens. */
static void tell_ready(void)
{
	const char *name = getenv("REMPART_READY_FD");
	uint32_t fd;

	if (!name || str_to_u32(str_c(name), &fd) || fd > INT32_MAX)
		return;
	if (write((int)fd, "1", 1) != 1)
		log_warn("main", "ready_fd", KV_I("errno", errno));
	close((int)fd);
}

static int timeout_until(uint64_t at_ms, uint64_t now_ms)
{
	if (at_ms <= now_ms)
		return 0;
	return at_ms - now_ms > 60000 ? 60000 : (int)(at_ms - now_ms);
}

static void serve(struct dataplane *d)
{
	struct pollfd fd[2 + AGENT_FDS] = {
		{.fd = d->signal_fd, .events = POLLIN},
		{.fd = d->wc.wake_fd, .events = POLLIN},
	};
	struct signalfd_siginfo si;

	while (read(d->signal_fd, &si, sizeof si) != sizeof si) {
		const uint64_t now_ms = clock_ms();
		/* Agent first: what it resolves, the slow path sends. */
		uint64_t next_ms = agent_turn(d->agent, now_ms);
		const uint64_t slow_ms = slow_path_turn(&d->slow, now_ms);
		uint64_t wakes;

		if (slow_ms < next_ms)
			next_ms = slow_ms;
		agent_fds(d->agent, &fd[2]);
		if (poll(fd, 2 + AGENT_FDS, timeout_until(next_ms, now_ms)) < 0 && errno != EINTR)
			break;
		if (read(d->wc.wake_fd, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
			break;
	}
}

int main(int argc, char **argv)
{
	static struct dataplane d = {.ports.packet_fd = -1};
	char text[512];
	struct buf why = BUF_ON(text);
	int err = load_conf(argc, argv, &d.conf);

	if (err || !d.conf)
		return err;
	log_init("dataplane", STDERR_FILENO, d.conf->observability.log_level,
		 d.conf->observability.log_format);
	err = signals_open(&d);
	if (!err)
		err = start(&d, &why);
	if (err) {
		fprintf(stderr, "rempart-dataplane: %s\n",
			why.len ? buf_cstr(&why) : err_text(err));
	} else {
		tell_ready();
		log_info("main", "ready", KV_U("ports", d.ports.n),
			 KV_U("addresses", d.wc.n_local));
		serve(&d);
		log_info("main", "stop");
	}
	finish(&d);
	return err ? EXIT_FAILED : 0;
}
