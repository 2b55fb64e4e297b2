/* The folders of a running Rempart, and the lock that keeps a second one out. */
#ifndef REMPART_RUNDIR_H
#define REMPART_RUNDIR_H

#include "base/err.h"

/* Makes the folder (0750) and those above it (0755) where they are missing. On failure a sentence is on standard error. */
int rundir_make(const char *path) MUST_CHECK;
/* Whether the paths of sockets in the folder are short enough for the kernel (unix(7)). ERR_LIMIT, and a sentence is on
 * standard error. */
int rundir_check(const char *path) MUST_CHECK;
/* Takes path/rempartd.pid, writes our pid into it; *fd holds the lock until rundir_unlock() or death. ERR_INUSE when
 * another has it, ERR_IO; a sentence is on standard error. */
int rundir_lock(const char *path, int *fd) MUST_CHECK;
/* Removes the pid file, and what sockets the programs left, and lets go. */
void rundir_unlock(const char *path, int fd);

#endif
