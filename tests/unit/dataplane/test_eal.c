/* How a configured port becomes EAL's device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "eal.h"

static void vdevs_get_a_number(void **state)
{
	static const struct {
		const char *vdev, *name, *driver, *iface, *whole;
	} rows[] = {
		{"net_tap,iface=rempart0", "net_tap3", "net_tap", "rempart0",
		 "net_tap3,iface=rempart0"},
		{"net_af_packet7,qdisc_bypass=1,iface=eth1", "net_af_packet7", "net_af_packet",
		 "eth1", "net_af_packet7,qdisc_bypass=1,iface=eth1"},
		{"net_null", "net_null3", "net_null", "", "net_null3"},
		{"net_ring12", "net_ring12", "net_ring", "", "net_ring12"},
		{"net_af_xdp,iface", "net_af_xdp3", "net_af_xdp", "", "net_af_xdp3,iface"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct conf_port port = {.vdev = str_c(rows[i].vdev)};
		struct eal_device d;

		assert_int_equal(eal_device(&port, 3, &d), 0);
		assert_string_equal(d.name, rows[i].name);
		assert_string_equal(d.driver, rows[i].driver);
		assert_string_equal(d.iface, rows[i].iface);
		assert_string_equal(d.vdev, rows[i].whole);
	}
}

static void pci_is_taken_as_it_is(void **state)
{
	const struct conf_port port = {.pci = STR_INIT("0000:3b:00.0")};
	struct eal_device d;

	(void)state;
	assert_int_equal(eal_device(&port, 1, &d), 0);
	assert_string_equal(d.name, "0000:3b:00.0");
	assert_string_equal(d.vdev, "");
	assert_string_equal(d.iface, "");
}

static void too_long_is_refused(void **state)
{
	char text[400];
	struct conf_port port = {.vdev = {.p = text, .len = sizeof text}};
	struct eal_device d;

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(eal_device(&port, 0, &d), ERR_LIMIT);
	text[20] = ','; /* a short name, long arguments */
	assert_int_equal(eal_device(&port, 0, &d), ERR_LIMIT);
	port = (struct conf_port){.pci = {.p = text, .len = sizeof text}};
	assert_int_equal(eal_device(&port, 0, &d), ERR_LIMIT);
}

static void af_packet_gets_deep_rings_where_memory_may_be_locked(void **state)
{
	static const struct {
		const char *vdev;
		bool locks;
		const char *want;
	} rows[] = {
		{"net_af_packet,iface=a", true, "net_af_packet0,iface=a,framecnt=4096"},
		{"net_af_packet,iface=a", false, "net_af_packet0,iface=a"},
		{"net_af_packet,framecnt=64,iface=a", true, "net_af_packet0,framecnt=64,iface=a"},
		{"net_tap,iface=a", true, "net_tap0,iface=a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct conf_port port = {.vdev = str_c(rows[i].vdev)};
		struct eal_device d;

		assert_int_equal(eal_device(&port, 0, &d), 0);
		eal_deepen(&d, rows[i].locks);
		assert_string_equal(d.vdev, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vdevs_get_a_number),
		cmocka_unit_test(af_packet_gets_deep_rings_where_memory_may_be_locked),
		cmocka_unit_test(pci_is_taken_as_it_is),
		cmocka_unit_test(too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
