/* Names and help texts of the drop reasons, made from the one list in drop.h. For the STATS reply, the metrics and
 * packet traces. Pure functions, any thread. */
#include "drop.h"

#include <assert.h>
#include <stddef.h>

#include "media/media_msg.h"

static_assert((int)DROP_COUNT <= MEDIA_DROPS_MAX, "the STATS reply holds every drop reason");

#define X(id, name, help)                                                                          \
	static_assert(sizeof(name) <= 24, "drop names have at most 23 characters");
DROP_LIST(X)
#undef X

const char *drop_name(enum drop d)
{
	static const char *const name[DROP_COUNT] = {
#define X(id, name, help) name,
		DROP_LIST(X)
#undef X
	};

	return (unsigned)d < DROP_COUNT ? name[d] : "unknown";
}

const char *drop_help(enum drop d)
{
	static const char *const help[DROP_COUNT] = {
#define X(id, name, help) help,
		DROP_LIST(X)
#undef X
	};

	return (unsigned)d < DROP_COUNT ? help[d] : "unknown";
}
