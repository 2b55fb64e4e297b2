/* Starts DPDK's EAL the way a daemon of ours wants it: no shared configuration files, no telemetry socket, a name of its own,
 * so that several can run on one machine; the agent's thread floats over all CPUs that we were given, and so does the worker's
 * unless the configuration names a CPU. DPDK's own words go into our log.
 *
 * Whatever can be known to fail is looked at first (drivers, interfaces, capabilities, hugepages), because EAL's own messages
 * do not tell an operator what to do. DPDK loads the drivers of its whole folder in any case (0.2 s; naming single ones with
 * -d saves nothing). */
#include "eal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <mntent.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#define EAL_ARGS_MAX   (24 + 2 * CONF_PORTS_MAX)
#define EAL_TEXT_BYTES 8192
#define MIB            (1024ULL * 1024)

/* What a kernel-side driver needs before it can be probed. */
enum iface_rule { IFACE_NONE, IFACE_MUST_EXIST, IFACE_MUST_BE_FREE };
static const struct driver {
	const char *name;
	enum iface_rule iface;
	uint64_t caps;
	const char *caps_text;
} drivers[] = {
	{"net_af_packet", IFACE_MUST_EXIST, 1ULL << CAP_NET_RAW, "CAP_NET_RAW"},
	{"net_af_xdp", IFACE_MUST_EXIST, 1ULL << CAP_NET_RAW | 1ULL << CAP_NET_ADMIN,
	 "CAP_NET_RAW and CAP_NET_ADMIN"},
	{"net_tap", IFACE_MUST_BE_FREE, 1ULL << CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{"net_ring", IFACE_NONE, 0, NULL},
	{"net_null", IFACE_NONE, 0, NULL},
	{"net_pcap", IFACE_NONE, 0, NULL},
};

/* DPDK's log stream. Until the ports are up its complaints are only kept: a start that fails tells the last of them, one that
 * works needs none of them. */
static char last_complaint[160];

static ssize_t log_line(void *cookie, const char *p, size_t len)
{
	struct str line = str_trim(str_n(p, len));
	const uint32_t level = (uint32_t)rte_log_cur_msg_loglevel();

	(void)cookie;
	if (str_empty(line))
		return (ssize_t)len;
	if (level <= RTE_LOG_ERR)
		str_copy(last_complaint, sizeof last_complaint, line);
	log_debug("dpdk", "log", KV_U("dpdk_level", level), KV_S("text", line));
	return (ssize_t)len;
}

const char *eal_last_complaint(void)
{
	return last_complaint;
}

static void open_log(void)
{
	const cookie_io_functions_t io = {.write = log_line};
	FILE *f = fopencookie(NULL, "w", io);

	if (!f)
		return;
	setvbuf(f, NULL, _IOLBF, 0);
	rte_openlog_stream(f);
}

static struct str vdev_arg(struct str vdev, struct str key)
{
	struct str rest = vdev;

	(void)str_cut(&rest, ',');
	while (!str_empty(rest)) {
		struct str value = str_cut(&rest, ',');
		struct str name = str_cut(&value, '=');

		if (str_eq(name, key))
			return value;
	}
	return (struct str){0};
}

int eal_device(const struct conf_port *port, size_t index, struct eal_device *out)
{
	struct str rest = port->vdev, name, driver;
	struct eal_device d = {0};
	struct buf b;

	if (str_empty(port->vdev)) {
		if (port->pci.len >= sizeof d.name)
			return ERR_LIMIT;
		str_copy(d.name, sizeof d.name, port->pci);
		*out = d;
		return 0;
	}
	name = str_cut(&rest, ',');
	driver = name;
	while (!str_empty(driver) && driver.p[driver.len - 1] >= '0' &&
	       driver.p[driver.len - 1] <= '9')
		driver.len--;
	if (name.len + 4 >= sizeof d.name)
		return ERR_LIMIT;
	str_copy(d.driver, sizeof d.driver, driver);
	b = BUF_ON(d.name);
	buf_str(&b, name);
	if (driver.len == name.len)
		buf_u64(&b, index);
	(void)buf_cstr(&b);
	str_copy(d.iface, sizeof d.iface, vdev_arg(port->vdev, STR("iface")));
	b = BUF_ON(d.vdev);
	buf_c(&b, d.name);
	if (!str_empty(rest)) {
		buf_ch(&b, ',');
		buf_str(&b, rest);
	}
	if (buf_check(&b))
		return ERR_LIMIT;
	(void)buf_cstr(&b);
	*out = d;
	return 0;
}

static uint64_t capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &head, data))
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

void eal_deepen(struct eal_device *d, bool locks)
{
	struct buf b = {.p = d->vdev, .len = strlen(d->vdev), .cap = sizeof d->vdev};

	if (!locks || strcmp(d->driver, "net_af_packet") != 0 ||
	    vdev_arg(str_c(d->vdev), STR("framecnt")).p)
		return;
	buf_c(&b, ",framecnt=4096");
	(void)buf_cstr(&b); /* what does not fit was not written */
}

/* May this process lock as much memory as it likes? */
static bool locks_memory(void)
{
	struct rlimit limit;

	if (capabilities() & 1ULL << CAP_IPC_LOCK)
		return true;
	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
}

/* Debian's name of a driver's package: net_af_packet -> librte-net-af-packet23 (pmds-23.0). */
static void debian_package(const char *driver, struct buf *b)
{
	const struct str folder = STR(RTE_EAL_PMD_PATH);
	const ptrdiff_t at = str_find_str(folder, STR("pmds-"));
	struct str version = at < 0 ? STR("") : str_from(folder, (size_t)at + 5);

	buf_c(b, "librte-");
	for (; *driver; driver++)
		buf_ch(b, *driver == '_' ? '-' : *driver);
	buf_str(b, str_cut(&version, '.'));
}

static int check_driver(const struct conf_port *port, const struct eal_device *d,
			const struct driver *driver, struct buf *why)
{
	const bool there = d->iface[0] && if_nametoindex(d->iface) != 0;
	char path[300];
	struct buf b = BUF_ON(path);

	buf_printf(&b, "%s/librte_%s.so", RTE_EAL_PMD_PATH, driver->name);
	if (access(buf_cstr(&b), R_OK)) {
		buf_printf(why,
			   "dataplane.ports.%.*s: DPDK's driver %s is not installed; install the "
			   "package ",
			   STR_FMT(port->name), driver->name);
		debian_package(driver->name, why);
		return ERR_NOENT;
	}
	if (driver->iface == IFACE_MUST_EXIST && !d->iface[0]) {
		buf_printf(why, "dataplane.ports.%.*s: %s needs iface=NAME behind it",
			   STR_FMT(port->name), driver->name);
		return ERR_SYNTAX;
	}
	if (driver->iface == IFACE_MUST_EXIST && !there) {
		buf_printf(why,
			   "dataplane.ports.%.*s: there is no network interface named '%s'; create "
			   "it or name another",
			   STR_FMT(port->name), d->iface);
		return ERR_NOENT;
	}
	if (driver->iface == IFACE_MUST_BE_FREE && there) {
		buf_printf(why,
			   "dataplane.ports.%.*s: a network interface named '%s' is there already; "
			   "end the program that made it or name another",
			   STR_FMT(port->name), d->iface);
		return ERR_INUSE;
	}
	if ((capabilities() & driver->caps) != driver->caps) {
		buf_printf(why,
			   "dataplane.ports.%.*s: %s needs %s; start as root or give the program "
			   "these capabilities",
			   STR_FMT(port->name), driver->name, driver->caps_text);
		return ERR_ACCESS;
	}
	if (driver->iface == IFACE_MUST_BE_FREE && access("/dev/net/tun", R_OK | W_OK)) {
		buf_printf(why,
			   "dataplane.ports.%.*s: /dev/net/tun cannot be opened (%s); load the "
			   "kernel module tun or allow the access",
			   STR_FMT(port->name), strerror(errno));
		return ERR_ACCESS;
	}
	return 0;
}

/* First number of a small file of the kernel's; 0 when it cannot be read. */
static uint64_t kernel_number(const char *path)
{
	char text[32] = {0};
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t v = 0;

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof text - 1) > 0 &&
	    str_to_u64(str_trim(str_c(text)), UINT64_MAX, &v))
		v = 0;
	close(fd);
	return v;
}

/* Without a driver between them the kernel sees each packet to our addresses too; where it is a router it would try to forward
 * them, and tell the sender that the host is unreachable. */
static void warn_of_forwarding(const struct conf_port *port, const struct eal_device *d)
{
	static const char *const families[] = {"ipv4", "ipv6"};
	char path[80];

	if (!str_eq(str_c(d->driver), STR("net_af_packet")))
		return;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/forwarding", families[i],
			 d->iface);
		if (kernel_number(path) == 1)
			log_warn("port", "kernel_forwards", KV_S("port", port->name),
				 KV_C("set_to_0", path));
	}
}

static int check_port(const struct conf_port *port, const struct eal_device *d, struct buf *why)
{
	for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
		if (str_eq(str_c(d->driver), str_c(drivers[i].name)))
			return check_driver(port, d, &drivers[i], why);
	}
	return 0; /* not one that we know: EAL decides */
}

static bool hugetlbfs_mounted(void)
{
	FILE *f = setmntent("/proc/self/mounts", "r");
	const struct mntent *m;
	bool found = false;

	while (f && !found && (m = getmntent(f)))
		found = str_eq(str_c(m->mnt_type), STR("hugetlbfs"));
	if (f)
		endmntent(f);
	return found;
}

static int check_hugepages(uint64_t wanted_bytes, struct buf *why)
{
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	const struct dirent *e;
	uint64_t free_bytes = 0, pages;

	while (dir && (e = readdir(dir))) {
		struct str name = str_c(e->d_name), size;
		char path[300];
		uint64_t kib;

		if (!str_starts(name, STR("hugepages-")) || !str_ends(name, STR("kB")))
			continue;
		size = str_from(name, sizeof "hugepages-" - 1);
		size.len -= 2;
		if (str_to_u64(size, UINT32_MAX, &kib))
			continue;
		snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/%s/free_hugepages",
			 e->d_name);
		free_bytes += kib * 1024 * kernel_number(path);
	}
	if (dir)
		closedir(dir);
	if (free_bytes >= wanted_bytes && hugetlbfs_mounted())
		return 0;
	if (free_bytes >= wanted_bytes) {
		buf_c(why, "dataplane.memory.huge: no hugetlbfs is mounted; run `mkdir -p "
			   "/dev/hugepages && mount -t hugetlbfs none /dev/hugepages` as root, or "
			   "configure memory: {nohuge: 256M}");
		return ERR_NOENT;
	}
	pages = (wanted_bytes + 2 * MIB - 1) / (2 * MIB);
	buf_printf(why,
		   "dataplane.memory.huge: %llu MiB of hugepages are wanted and %llu MiB are free; "
		   "run `echo %llu > /proc/sys/vm/nr_hugepages` as root, or configure memory: "
		   "{nohuge: 256M}",
		   (unsigned long long)(wanted_bytes / MIB), (unsigned long long)(free_bytes / MIB),
		   (unsigned long long)pages);
	return ERR_NOMEM;
}

/* "0@(0,1),1@(0,1)", or "0@(0,1),1@1" for a pinned worker. */
static int lcores(const struct conf_dataplane *dp, struct buf *out, struct buf *why)
{
	char list[2048];
	struct buf b = BUF_ON(list);
	cpu_set_t cpus;
	uint32_t pin = 0;

	CPU_ZERO(&cpus);
	if (sched_getaffinity(0, sizeof cpus, &cpus))
		return ERR_IO;
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &cpus))
			continue;
		if (b.len)
			buf_ch(&b, ',');
		buf_u64(&b, i);
	}
	if (!str_empty(dp->lcores)) {
		if (str_to_u32(dp->lcores, &pin) || pin >= CPU_SETSIZE || !CPU_ISSET(pin, &cpus)) {
			buf_printf(
				why,
				"dataplane.lcores: CPU %.*s is not among those that this "
				"process may use (%s); name one of them or leave the setting out",
				STR_FMT(dp->lcores), buf_cstr(&b));
			return ERR_RANGE;
		}
	}
	(void)buf_cstr(&b);
	buf_printf(out, "0@(%s),%d@", list, EAL_WORKER_LCORE);
	if (str_empty(dp->lcores))
		buf_printf(out, "(%s)", list);
	else
		buf_u64(out, pin);
	return 0;
}

/* The argument vector under construction; its strings lie one behind the other in text. */
struct args {
	char *v[EAL_ARGS_MAX];
	int n;
	char text[EAL_TEXT_BYTES];
	struct buf b;
};

static void arg_begin(struct args *a)
{
	if (a->n < EAL_ARGS_MAX - 1)
		a->v[a->n++] = a->b.p + a->b.len;
	else
		a->b.overflow = true;
}

static void arg(struct args *a, const char *text)
{
	arg_begin(a);
	buf_c(&a->b, text);
	buf_ch(&a->b, 0);
}

static void arg_u64(struct args *a, uint64_t v)
{
	arg_begin(a);
	buf_u64(&a->b, v);
	buf_ch(&a->b, 0);
}

static int build_args(const struct conf *conf, struct args *a, struct buf *why)
{
	const struct conf_dataplane *dp = &conf->dataplane;
	bool pci = false;
	int err;

	arg(a, "rempart-dataplane");
	arg(a, "--no-telemetry");
	arg(a, "--no-shconf");
	arg(a, "--log-level=5");
	arg(a, "--file-prefix");
	arg_begin(a);
	buf_printf(&a->b, "rempart-%ld", (long)getpid());
	buf_ch(&a->b, 0);
	arg(a, "--lcores");
	arg_begin(a);
	err = lcores(dp, &a->b, why);
	if (err)
		return err;
	buf_ch(&a->b, 0);
	if (!dp->huge_bytes)
		arg(a, "--no-huge");
	else
		arg(a, "--huge-unlink");
	arg(a, "-m");
	arg_u64(a, (dp->huge_bytes ? dp->huge_bytes : dp->nohuge_bytes) / MIB);
	for (size_t i = 0; i < dp->n_port; i++) {
		struct eal_device d;

		if (eal_device(&dp->port[i], i, &d)) {
			buf_printf(why, "dataplane.ports.%.*s: the device's name is too long",
				   STR_FMT(dp->port[i].name));
			return ERR_LIMIT;
		}
		err = check_port(&dp->port[i], &d, why);
		if (err)
			return err;
		warn_of_forwarding(&dp->port[i], &d);
		eal_deepen(&d, locks_memory());
		pci |= !d.vdev[0];
		arg(a, d.vdev[0] ? "--vdev" : "-a");
		arg(a, d.vdev[0] ? d.vdev : d.name);
	}
	if (!pci)
		arg(a, "--no-pci");
	return buf_check(&a->b);
}

/* Folders of EAL's under <run_dir>/dpdk: ours, and those of runs that had no time to clear up. They are empty, and the run_dir
 * is ours alone. */
static void remove_folders(const struct conf *conf)
{
	char path[240];
	struct buf b = BUF_ON(path);
	const struct dirent *e;
	DIR *dir;

	buf_str(&b, conf->system.run_dir);
	buf_c(&b, "/dpdk");
	dir = opendir(buf_cstr(&b));
	while (dir && (e = readdir(dir))) {
		if (str_starts(str_c(e->d_name), STR("rempart-")))
			(void)unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
	(void)rmdir(path);
}

int eal_start(const struct conf *conf, struct buf *why)
{
	static struct args a; /* EAL keeps pointers into it */
	char run_dir[200];
	int err;

	a.b = BUF_ON(a.text);
	err = conf->dataplane.huge_bytes ? check_hugepages(conf->dataplane.huge_bytes, why) : 0;
	if (!err)
		err = build_args(conf, &a, why);
	if (err)
		return err;
	/* EAL makes <RUNTIME_DIRECTORY>/dpdk/<prefix> in any case: let it be in a place that is ours. */
	str_copy(run_dir, sizeof run_dir, conf->system.run_dir);
	setenv("RUNTIME_DIRECTORY", run_dir, 1);
	remove_folders(conf);
	open_log();
	if (rte_eal_init(a.n, a.v) >= 0)
		return 0;
	for (size_t i = 0; i < conf->dataplane.n_port; i++) {
		struct eal_device d;

		if (!eal_device(&conf->dataplane.port[i], i, &d) &&
		    str_find_str(str_c(last_complaint), str_c(d.name)) >= 0) {
			buf_printf(why,
				   "dataplane.ports.%.*s: ", STR_FMT(conf->dataplane.port[i].name));
			break;
		}
	}
	buf_printf(why, "DPDK does not start: %s (%s)",
		   last_complaint[0] ? last_complaint : "no reason given", rte_strerror(rte_errno));
	remove_folders(conf);
	return ERR_IO;
}

void eal_stop(const struct conf *conf)
{
	(void)rte_eal_cleanup();
	remove_folders(conf);
}
