/* The supervisor of rempartd, as decisions only: which program is to be started, signalled or given up, and when. It does
 * no I/O and reads no clock; children.c carries the decisions out and tells it what happened. One thread.
 *
 * The dataplane starts first, control when it is ready; control ends first, the dataplane when it is gone. A program that
 * dies is started again after a pause that doubles; one that never got ready ends it all. */
#ifndef REMPART_SUPERVISOR_H
#define REMPART_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

enum sup_prog { SUP_DATAPLANE, SUP_CONTROL, SUP_PROGS };

enum sup_state {
	SUP_OFF,      /* no process, none wanted */
	SUP_STARTING, /* started, not ready; due: how long it may take */
	SUP_UP,       /* ready */
	SUP_WAITING,  /* died; due: when it is started again */
	SUP_ENDING,   /* told to end; due: when it is killed */
};

struct sup_times {
	uint64_t ready_ms;       /* from start to ready */
	uint64_t pause_first_ms; /* before the first restart in a row */
	uint64_t pause_last_ms;  /* it doubles up to here */
	uint64_t good_life_ms;   /* a life so long begins the row anew */
	uint64_t end_ms;         /* from SIGTERM to SIGKILL, for each program */
};

/* What real life uses. */
extern const struct sup_times sup_times_default;

struct sup_ops {
	/* 0, or a negative code when no process could be made. */
	int (*start)(void *ctx, enum sup_prog p);
	void (*signal)(void *ctx, enum sup_prog p, int signo);
	/* Both are ready, for the first time. */
	void (*all_ready)(void *ctx);
	/* It is down to ends: once. */
	void (*stopping)(void *ctx);
};

struct sup_child {
	enum sup_state state;
	bool was_ready; /* ever */
	uint64_t started_ms, due_ms, pause_ms;
};

#define SUP_NEVER UINT64_MAX

struct supervisor {
	struct sup_times times;
	const struct sup_ops *ops;
	void *ctx;
	struct sup_child child[SUP_PROGS];
	bool stopping, failed;
};

void supervisor_begin(struct supervisor *s, const struct sup_times *times,
		      const struct sup_ops *ops, void *ctx, uint64_t now_ms);
/* The program says that it is ready. */
void supervisor_ready(struct supervisor *s, enum sup_prog p, uint64_t now_ms);
/* Its process is gone. */
void supervisor_exited(struct supervisor *s, enum sup_prog p, uint64_t now_ms);
/* The operator wants an end; the second time at once. */
void supervisor_stop(struct supervisor *s, uint64_t now_ms);
/* Does what is due. */
void supervisor_tick(struct supervisor *s, uint64_t now_ms);
/* When something is due next; SUP_NEVER when nothing is. */
uint64_t supervisor_next(const struct supervisor *s);
/* Everything has ended; supervisor.failed says whether that was wanted. */
bool supervisor_done(const struct supervisor *s);
const char *sup_prog_name(enum sup_prog p);

#endif
