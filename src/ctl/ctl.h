/* rempartctl: a client of the admin API and nothing else. One table of commands says how each is called, what it asks
 * for, and who prints the answer. One thread. */
#ifndef REMPART_CTL_H
#define REMPART_CTL_H

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

struct json_t; /* of jansson */

enum ctl_exit { CTL_OK, CTL_FAILED, CTL_USAGE, CTL_UNREACHABLE };

struct ctl_args;

struct ctl_command {
	const char *words; /* "call show" */
	const char *args;  /* "ID" */
	const char *help;
	const char *method;  /* NULL: not supported yet */
	const char *path;    /* '%' stands for the argument, encoded; --reason is added behind it */
	unsigned n_arg;      /* 0 or 1 */
	bool reason;         /* takes --reason TEXT */
	const char *needs;   /* array of the answer that must not be empty; NULL: none */
	const char *without; /* what is said behind the argument when it is */
	/* Prints the answer for people; an enum ctl_exit. NULL: the answer is text and printed as it is. */
	int (*print)(FILE *out, const struct json_t *answer, const struct ctl_args *a);
};
extern const struct ctl_command ctl_command[];
extern const size_t n_ctl_command;

struct ctl_args {
	const struct ctl_command *command;
	const char *arg;    /* NULL: none */
	const char *reason; /* NULL: none */
	const char *socket; /* NULL: the default */
	bool json, help, version;
};

/* ctl_args.c. Options may stand anywhere. CTL_OK, or what to exit with, and the reason was written to err. */
int ctl_args(int argc, char *const *argv, struct ctl_args *out, FILE *err);
void ctl_usage(FILE *out);
/* The command's path with its argument and reason, encoded. ERR_LIMIT. */
int ctl_path(const struct ctl_args *a, struct buf *b) MUST_CHECK;
/* --socket, else control.sock in the first folder of RUNTIME_DIRECTORY, else /run/rempart/control.sock. ERR_LIMIT. */
int ctl_socket(const struct ctl_args *a, const char *runtime_directory, struct buf *b) MUST_CHECK;

/* ctl_http.c. The answer in *text (mem_free()), its HTTP status in *status. ERR_CLOSED: nobody answers, why is in error_text. */
int ctl_http(const char *socket, const char *method, const char *path, unsigned *status,
	     char **text, size_t *len, char *error_text, size_t error_cap) MUST_CHECK;

/* Printers: what came out of the API as people read it. */
int ctl_print_status(FILE *out, const struct json_t *answer, const struct ctl_args *a);
int ctl_print_calls(FILE *out, const struct json_t *answer, const struct ctl_args *a);
int ctl_print_call(FILE *out, const struct json_t *answer, const struct ctl_args *a);
int ctl_print_ended(FILE *out, const struct json_t *answer, const struct ctl_args *a);
int ctl_print_registrations(FILE *out, const struct json_t *answer, const struct ctl_args *a);
/* Prometheus text as {"metrics":[{"name","labels","value"}]}. */
int ctl_print_metrics_json(FILE *out, const char *text);

#endif
