/* Error codes: functions that can fail return int, 0 or one of these (negative). */
#ifndef REMPART_ERR_H
#define REMPART_ERR_H

/* X(name, value, text): the one list. */
#define ERR_LIST(X)                                                                                \
	X(ERR_NOMEM, -1, "out of memory")                                                          \
	X(ERR_INVAL, -2, "invalid argument")                                                       \
	X(ERR_SYNTAX, -3, "syntax error")                                                          \
	X(ERR_RANGE, -4, "out of range")                                                           \
	X(ERR_LIMIT, -5, "over a limit")                                                           \
	X(ERR_FULL, -6, "full")                                                                    \
	X(ERR_NOENT, -7, "not found")                                                              \
	X(ERR_EXIST, -8, "exists already")                                                         \
	X(ERR_IO, -9, "input/output error")                                                        \
	X(ERR_AGAIN, -10, "try again")                                                             \
	X(ERR_TIMEOUT, -11, "timed out")                                                           \
	X(ERR_UNSUPPORTED, -12, "not supported")                                                   \
	X(ERR_ACCESS, -13, "no permission")                                                        \
	X(ERR_CLOSED, -14, "closed")                                                               \
	X(ERR_INUSE, -15, "in use")                                                                \
	X(ERR_STATE, -16, "wrong state")

enum err {
#define X(name, value, text) name = value,
	ERR_LIST(X)
#undef X
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* Short English text of an error code; "ok" for 0, "unknown error" for anything else. */
const char *err_text(int err);

/* Maps an errno value to the nearest code of this list (ERR_IO where there is none). */
int err_from_errno(int errno_value) MUST_CHECK;

#endif
