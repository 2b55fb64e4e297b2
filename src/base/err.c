/* Error codes: their texts, and the way from errno.
 *
 * For every module, on any thread: pure functions over the list in err.h. The texts are for logs and
 * for configuration errors; nothing decides by them. */
#include "base/err.h"

#include <errno.h>

const char *err_text(int err)
{
	switch (err) {
	case 0:
		return "ok";
#define X(name, value, text)                                                                       \
	case name:                                                                                 \
		return text;
		ERR_LIST(X)
#undef X
	default:
		return "unknown error";
	}
}

int err_from_errno(int errno_value)
{
	switch (errno_value) {
	case 0:
		return 0;
	case ENOMEM:
	case ENOBUFS:
		return ERR_NOMEM;
	case EINVAL:
	case EBADF:
	case EFAULT:
		return ERR_INVAL;
	case ERANGE:
	case EOVERFLOW:
	case EDOM:
		return ERR_RANGE;
	case E2BIG:
	case EMFILE:
	case ENFILE:
	case EMSGSIZE:
	case ENAMETOOLONG:
		return ERR_LIMIT;
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case ESRCH:
	case ENOTDIR:
		return ERR_NOENT;
	case EEXIST:
		return ERR_EXIST;
	case EAGAIN:
	case EINTR:
	case EINPROGRESS:
		return ERR_AGAIN;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case ENOSYS:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return ERR_UNSUPPORTED;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_ACCESS;
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
	case ECONNREFUSED:
	case ENOTCONN:
		return ERR_CLOSED;
	case EADDRINUSE:
	case EBUSY:
		return ERR_INUSE;
	case EALREADY:
	case EISCONN:
		return ERR_STATE;
	default:
		return ERR_IO;
	}
}
