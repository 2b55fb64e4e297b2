/* Clocks: the kernel's monotonic clock for time spans, its wall clock for people.
 *
 * For event loops and for logs, on any thread. What decides takes `now` as an argument, so that a test
 * can hand it any; nothing else reads these. Texts are RFC 3339, always UTC. */
#include "base/clock.h"

#include <time.h>

static uint64_t clock_read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

uint64_t clock_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_us(void)
{
	return clock_ns() / 1000;
}

uint64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

uint64_t clock_wall_ms(void)
{
	return clock_read_ns(CLOCK_REALTIME) / 1000000;
}

static void clock_digits(char *out, unsigned n, unsigned v)
{
	while (n--) {
		out[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void clock_rfc3339(uint64_t wall_ms, char out[25])
{
	static const char shape[25] = "0000-00-00T00:00:00.000Z";
	static const uint64_t last_ms = 253402300799999; /* the end of the year 9999 */
	time_t sec;
	struct tm tm;

	if (wall_ms > last_ms)
		wall_ms = last_ms;
	sec = (time_t)(wall_ms / 1000);
	gmtime_r(&sec, &tm);
	for (unsigned i = 0; i < sizeof(shape); i++)
		out[i] = shape[i];
	clock_digits(out, 4, (unsigned)tm.tm_year + 1900);
	clock_digits(out + 5, 2, (unsigned)tm.tm_mon + 1);
	clock_digits(out + 8, 2, (unsigned)tm.tm_mday);
	clock_digits(out + 11, 2, (unsigned)tm.tm_hour);
	clock_digits(out + 14, 2, (unsigned)tm.tm_min);
	clock_digits(out + 17, 2, (unsigned)tm.tm_sec);
	clock_digits(out + 20, 3, (unsigned)(wall_ms % 1000));
}
