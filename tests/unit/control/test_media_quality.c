/* media_quality: the E-model at known points, and absent where nothing was measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media_client.h"

static const struct media_stat perfect = {.rx_packets = 1000,
					  .flags = MEDIA_STAT_JITTER | MEDIA_STAT_LOSS};

static void known_points_are_met(void **state)
{
	static const struct {
		const char *codec;
		uint64_t rx, lost;
		uint32_t jitter_us, delay_ms, mos;
	} rows[] = {
		{"PCMA", 1000, 0, 0, 0, 441},                                   /* R = 93.2 */
		{"pcmu", 1000, 0, 0, 0, 441},     {"G729", 1000, 0, 0, 0, 410}, /* R = 82.2 */
		{"GSM", 1000, 0, 0, 0, 373},                                    /* R = 73.2 */
		{"PCMA", 990, 10, 0, 0, 433},     /* R = 93.2 - 95 * 1 / 26.1 = 89.56 */
		{"PCMA", 1000, 0, 20000, 0, 439}, /* R = 93.2 - 0.96 */
		{"PCMA", 1000, 0, 0, 150, 433},   /* R = 93.2 - 3.6 */
		{"PCMA", 1000, 0, 0, 400, 305},   /* R = 93.2 - 9.6 - 24.5 */
		{"PCMA", 1, 999, 0, 0, 118},      /* R = 17.3 */
		{"G729", 1, 999, 0, 4000, 100},   /* never under 1 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_stat s = perfect;
		uint32_t mos;

		s.rx_packets = rows[i].rx;
		s.lost = rows[i].lost;
		s.jitter_us = rows[i].jitter_us;
		mos = media_mos_x100(&s, str_c(rows[i].codec), rows[i].delay_ms);
		if (mos + 1 < rows[i].mos || mos > rows[i].mos + 1)
			fail_msg("row %zu: %u", i, mos);
	}
}

static void it_never_rises_with_loss_jitter_or_delay(void **state)
{
	static const char *const codecs[] = {"PCMA", "G722", "G729", "G723", "opus", "GSM", "iLBC"};

	(void)state;
	for (size_t c = 0; c < sizeof(codecs) / sizeof(codecs[0]); c++) {
		uint32_t last[3] = {450, 450, 450};

		for (uint32_t i = 0; i < 500; i++) {
			struct media_stat loss = perfect, jitter = perfect;
			uint32_t mos[3];

			loss.lost = i;
			jitter.jitter_us = i * 1000;
			mos[0] = media_mos_x100(&loss, str_c(codecs[c]), 0);
			mos[1] = media_mos_x100(&jitter, str_c(codecs[c]), 0);
			mos[2] = media_mos_x100(&perfect, str_c(codecs[c]), i);
			for (size_t k = 0; k < 3; k++) {
				assert_in_range(mos[k], 100, last[k]);
				last[k] = mos[k];
			}
		}
	}
}

static void what_was_not_measured_is_absent(void **state)
{
	struct media_stat s = perfect;

	(void)state;
	assert_int_equal(media_mos_x100(&s, STR("H264"), 0), 0);
	assert_int_equal(media_mos_x100(&s, STR(""), 0), 0);
	s.flags = MEDIA_STAT_JITTER;
	assert_int_equal(media_mos_x100(&s, STR("PCMA"), 0), 0);
	s.flags = MEDIA_STAT_LOSS;
	assert_int_equal(media_mos_x100(&s, STR("PCMA"), 0), 0);
	s = perfect;
	s.rx_packets = 0;
	assert_int_equal(media_mos_x100(&s, STR("PCMA"), 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_points_are_met),
		cmocka_unit_test(it_never_rises_with_loss_jitter_or_delay),
		cmocka_unit_test(what_was_not_measured_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
