/* The channel over real sockets in a folder of its own: order, boundaries, full, gone, garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#include "media/media_chan.h"

struct pair {
	char dir[64], path[80];
	int listener, control, dataplane;
};

static int setup(void **state)
{
	static struct pair p;

	memset(&p, 0, sizeof p);
	snprintf(p.dir, sizeof p.dir, "/tmp/test-chan-XXXXXX");
	assert_non_null(mkdtemp(p.dir));
	snprintf(p.path, sizeof p.path, "%s/media.sock", p.dir);
	p.listener = media_chan_listen(p.path);
	assert_true(p.listener >= 0);
	p.control = media_chan_connect(p.path);
	assert_true(p.control >= 0);
	p.dataplane = media_chan_accept(p.listener);
	assert_true(p.dataplane >= 0);
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	close(p->listener);
	if (p->control >= 0)
		close(p->control);
	if (p->dataplane >= 0)
		close(p->dataplane);
	unlink(p->path);
	rmdir(p->dir);
	return 0;
}

static struct media_msg msg(uint16_t type, uint32_t serial)
{
	struct media_msg m;

	memset(&m, 0, sizeof m);
	m.head = (struct media_head){
		.serial = serial, .version = MEDIA_VERSION, .type = type, .id = MEDIA_NONE};
	return m;
}

static void messages_arrive_whole_and_in_order(void **state)
{
	struct pair *p = *state;
	struct media_msg in;

	for (uint32_t i = 1; i <= 50; i++) {
		struct media_msg m = msg(i % 2 ? MEDIA_HELLO : MEDIA_STATS, i);

		assert_int_equal(media_chan_send(p->control, &m), 0);
	}
	for (uint32_t i = 1; i <= 50; i++) {
		assert_int_equal(media_chan_recv(p->dataplane, &in), 0);
		assert_int_equal(in.head.serial, i);
		assert_int_equal(in.head.type, i % 2 ? MEDIA_HELLO : MEDIA_STATS);
	}
	assert_int_equal(media_chan_recv(p->dataplane, &in), ERR_AGAIN);
}

static void the_largest_message_passes(void **state)
{
	struct pair *p = *state;
	struct media_msg m = msg(MEDIA_STATS | MEDIA_REPLY, 3), in;

	m.totals.n_drop = MEDIA_DROPS_MAX;
	m.totals.drop[MEDIA_DROPS_MAX - 1] = 77;
	assert_int_equal(media_chan_send(p->dataplane, &m), 0);
	assert_int_equal(media_chan_recv(p->control, &in), 0);
	assert_int_equal(in.totals.drop[MEDIA_DROPS_MAX - 1], 77);
}

static void the_socket_is_private(void **state)
{
	struct pair *p = *state;
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void no_call_waits(void **state)
{
	struct pair *p = *state;
	struct media_msg in;

	assert_int_equal(media_chan_recv(p->control, &in), ERR_AGAIN);
	assert_int_equal(media_chan_accept(p->listener), ERR_AGAIN);
}

static void a_full_socket_says_again_and_loses_nothing(void **state)
{
	struct pair *p = *state;
	struct media_msg in;
	uint32_t sent = 0, got = 0;
	int err = 0;

	while (sent < 1000000) {
		struct media_msg m = msg(MEDIA_STATS, sent + 1);

		err = media_chan_send(p->control, &m);
		if (err)
			break;
		sent++;
	}
	assert_int_equal(err, ERR_AGAIN);
	assert_true(sent > 100);
	while (media_chan_recv(p->dataplane, &in) == 0)
		assert_int_equal(in.head.serial, ++got);
	assert_int_equal(got, sent);
}

static void garbage_is_told_from_the_end(void **state)
{
	struct pair *p = *state;
	struct media_msg m = msg(MEDIA_STATS, 1), in;
	char large[sizeof m + 500];

	memset(large, 0, sizeof large);
	memcpy(large, &m, sizeof m.head);
	assert_int_equal(send(p->control, large, sizeof large, 0), sizeof large);
	assert_int_equal(media_chan_recv(p->dataplane, &in), ERR_SYNTAX);
	assert_int_equal(send(p->control, &m, 5, 0), 5);
	assert_int_equal(media_chan_recv(p->dataplane, &in), ERR_SYNTAX);
	m.head.version = 9;
	assert_int_equal(send(p->control, &m, sizeof m.head, 0), sizeof m.head);
	assert_int_equal(media_chan_recv(p->dataplane, &in), ERR_UNSUPPORTED);
	m = msg(MEDIA_STATS, 2);
	assert_int_equal(media_chan_send(p->control, &m), 0);
	assert_int_equal(media_chan_recv(p->dataplane, &in), 0);
	assert_int_equal(in.head.serial, 2);
}

static void the_other_side_gone_is_closed(void **state)
{
	struct pair *p = *state;
	struct media_msg m = msg(MEDIA_STATS, 1), in;

	close(p->control);
	p->control = -1;
	assert_int_equal(media_chan_recv(p->dataplane, &in), ERR_CLOSED);
	assert_int_equal(media_chan_send(p->dataplane, &m), ERR_CLOSED);
}

static void unknown_types_are_not_sent(void **state)
{
	struct pair *p = *state;
	struct media_msg m = msg(0x33, 1);

	assert_int_equal(media_chan_send(p->control, &m), ERR_INVAL);
}

static void connect_tells_why_not(void **state)
{
	struct pair *p = *state;
	char path[300];

	snprintf(path, sizeof path, "%s/none.sock", p->dir);
	assert_int_equal(media_chan_connect(path), ERR_NOENT);
	close(p->listener);
	assert_int_equal(media_chan_connect(p->path), ERR_CLOSED);
	p->listener = media_chan_listen(p->path); /* over the old file */
	assert_true(p->listener >= 0);
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = 0;
	assert_int_equal(media_chan_connect(path), ERR_LIMIT);
	assert_int_equal(media_chan_listen(path), ERR_LIMIT);
	assert_int_equal(media_chan_listen(""), ERR_INVAL);
	snprintf(path, sizeof path, "%s/no/such/folder", p->dir);
	assert_int_equal(media_chan_listen(path), ERR_NOENT);
}

static void a_file_of_somebody_else_is_left_alone(void **state)
{
	struct pair *p = *state;
	char path[100];
	int fd;

	snprintf(path, sizeof path, "%s/text", p->dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(media_chan_listen(path), ERR_EXIST);
	assert_int_equal(unlink(path), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(messages_arrive_whole_and_in_order),
		T(the_largest_message_passes),
		T(the_socket_is_private),
		T(no_call_waits),
		T(a_full_socket_says_again_and_loses_nothing),
		T(garbage_is_told_from_the_end),
		T(the_other_side_gone_is_closed),
		T(unknown_types_are_not_sent),
		T(connect_tells_why_not),
		T(a_file_of_somebody_else_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
