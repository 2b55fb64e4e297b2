/* DPDK's environment: from the configuration to running EAL threads and probed devices, and everything tidied up again. The
 * main thread, before and after everything else. */
#ifndef REMPART_EAL_H
#define REMPART_EAL_H

#include "base/buf.h"
#include "conf/conf.h"

#define EAL_WORKER_LCORE 1 /* lcore 0 is the agent's */
#define EAL_DEVICE_MAX   64

/* A port's driver ("net_af_packet"), device name as EAL knows it ("net_af_packet0", "0000:3b:00.0") and kernel interface
 * (empty where the driver has none). index is the port's place in the configuration: the number that a vdev without one gets. */
struct eal_device {
	char driver[EAL_DEVICE_MAX], name[EAL_DEVICE_MAX], iface[16];
	char vdev[256]; /* whole argument; empty for PCI */
};
int eal_device(const struct conf_port *port, size_t index, struct eal_device *out) MUST_CHECK;
/* Gives a net_af_packet device rings of 4096 frames, unless its argument says how many. The driver's own 512 are full after 50 ms at 10,000 packets/s, which is
 * how long a worker that shares its CPU may have to wait; but they are locked memory, 16 MiB a port, so locks tells whether that may be had. */
void eal_deepen(struct eal_device *d, bool locks);

/* Checks what the configured ports and the memory need, then starts EAL. On an error one sentence that says what to do is in
 * why. Call once a process. */
int eal_start(const struct conf *conf, struct buf *why) MUST_CHECK;
/* Ends EAL and removes its files. */
void eal_stop(const struct conf *conf);
/* What DPDK's last complaint was; "" when there was none. For sentences about failures. */
const char *eal_last_complaint(void);

#endif
