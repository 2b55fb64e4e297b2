/* The notification protocol of systemd (sd_notify(3)), without its library. */
#ifndef REMPART_NOTIFY_H
#define REMPART_NOTIFY_H

/* Sends one state such as "READY=1" to the socket named by NOTIFY_SOCKET; without it, or when nobody listens, nothing
 * happens. Any thread. */
void notify_systemd(const char *state);

#endif
