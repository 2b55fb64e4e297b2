/* Replays the fuzzer's corpus through the fuzzer's own function, so that what was found once is never found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>

#include "../../fuzz/fuzz_scan.c"

#define CORPUS "tests/fuzz/corpus/scan"

static void test_corpus(void **state)
{
	static uint8_t data[1 << 16];
	DIR *dir = opendir(CORPUS);
	struct dirent *e;
	unsigned files = 0;

	(void)state;
	if (!dir) {
		fail_msg("no " CORPUS "; run the tests from the top of the tree");
		return;
	}
	while ((e = readdir(dir))) {
		char path[512];
		size_t n;
		FILE *f;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CORPUS "/%s", e->d_name);
		f = fopen(path, "rb");
		assert_non_null(f);
		n = fread(data, 1, sizeof(data), f);
		fclose(f);
		LLVMFuzzerTestOneInput(data, n);
		for (size_t cut = 0; cut < n;
		     cut += 7) /* and whatever a bad network leaves of it */
			LLVMFuzzerTestOneInput(data, cut);
		files++;
	}
	closedir(dir);
	assert_true(files > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
