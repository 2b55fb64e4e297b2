/* One request over the Unix socket, by libcurl.
 *
 * For main.c. The answer is kept in memory up to a limit. Whatever keeps an answer from coming (no socket, no
 * permission, silence) is ERR_CLOSED with a sentence that says what to do. */
#include <curl/curl.h>

#include <errno.h>
#include <sys/un.h>

#include "base/mem.h"
#include "ctl/ctl.h"

enum { ANSWER_MAX = 64 << 20, TIMEOUT_MS = 5000 };

struct answer {
	char *text;
	size_t len, cap;
};

static size_t take(char *data, size_t size, size_t n, void *ctx)
{
	struct answer *a = ctx;
	size_t len = size * n, cap = a->cap ? a->cap : 16384;
	char *grown;

	if (len > ANSWER_MAX - a->len - 1)
		return 0;
	while (cap < a->len + len + 1)
		cap *= 2;
	if (cap != a->cap) {
		grown = mem_realloc(a->text, cap);
		if (!grown)
			return 0;
		a->text = grown;
		a->cap = cap;
	}
	memcpy(a->text + a->len, data, len);
	a->len += len;
	a->text[a->len] = '\0';
	return len;
}

static void explain(CURL *curl, CURLcode code, const char *socket, char *text, size_t cap)
{
	long os = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os);
	if (os == EACCES)
		snprintf(text, cap, "no permission for %s; call as its owner, or as root", socket);
	else if (os == ENOENT || os == ECONNREFUSED)
		snprintf(text, cap,
			 "nobody answers at %s; is rempartd running? --socket names another one",
			 socket);
	else
		snprintf(text, cap, "no answer from %s: %s", socket, curl_easy_strerror(code));
}

int ctl_http(const char *socket, const char *method, const char *path, unsigned *status,
	     char **text, size_t *len, char *error_text, size_t error_cap)
{
	CURL *curl = curl_easy_init();
	struct answer a = {0};
	char url[2048];
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long http = 0;

	snprintf(url, sizeof(url), "http://localhost%s", path);
	if (strlen(socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		snprintf(error_text, error_cap, "%s is too long for a socket's path", socket);
		curl_easy_cleanup(curl);
		return ERR_CLOSED;
	}
	if (!curl) {
		snprintf(error_text, error_cap, "out of memory");
		return ERR_CLOSED;
	}
	if (!curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket) &&
	    !curl_easy_setopt(curl, CURLOPT_URL, url) &&
	    !curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method) &&
	    !curl_easy_setopt(curl, CURLOPT_PROXY, "") &&
	    !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) &&
	    !curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS) &&
	    !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) &&
	    !curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a))
		code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
	else
		explain(curl, code, socket, error_text, error_cap);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK) {
		mem_free(a.text);
		return ERR_CLOSED;
	}
	*status = (unsigned)http;
	*text = a.text;
	*len = a.len;
	return 0;
}
