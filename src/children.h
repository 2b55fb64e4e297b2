/* Processes of rempartd: carries the supervisor's decisions out. */
#ifndef REMPART_CHILDREN_H
#define REMPART_CHILDREN_H

#include "supervisor.h"

struct children_options {
	const char *folder;    /* of the two programs */
	const char *conf_path; /* for their messages */
	int conf_fd;           /* the text that all read; see children_conf_fd() */
	struct sup_times times;
};

/* Starts both programs and stays until all is over. Takes over SIGTERM, SIGINT, SIGHUP and SIGCHLD of this process.
 * Returns the exit status: 0 when the end was wanted, 1 when it was not. Main thread, once. */
int children_run(const struct children_options *o);

/* The text in a sealed memory file, so that a restarted program reads what was checked. -1 with errno. */
int children_conf_fd(const char *text, size_t len);

#endif
