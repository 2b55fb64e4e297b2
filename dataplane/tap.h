/* The kernel's end of a TAP of ours (`port: auto`). The main thread, after the port started. */
#ifndef REMPART_TAP_H
#define REMPART_TAP_H

#include "base/buf.h"
#include "conf/conf.h"

/* Gives the kernel's end a MAC of its own, the interface's SIP addresses with their subnet's length, and brings it up. On an
 * error why has a sentence. All of it goes away with the TAP. */
int tap_setup(const char *name, const struct conf_interface *conf, struct buf *why) MUST_CHECK;

#endif
