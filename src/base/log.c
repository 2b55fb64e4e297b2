/* Logger: builds one line on the stack and hands it to the kernel with one write().
 *
 * For every program and thread; lines of several threads do not mix, since each is one write() to an
 * append-only place. Values come from peers: whatever could end a line, end a quoted value, or move a
 * terminal's cursor is escaped, and bytes that are not UTF-8 are written as \xNN, so that JSON stays JSON.
 * A line that gets too long is cut inside a value, never inside an escape, and ends with trunc=true. */
#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"

enum {
	LOG_TAIL = 24, /* kept free for a closing quote, log_style.trunc and .close */
	LOG_TOKENS = 10,
	LOG_TOKEN_MS = 100,
};

static struct {
	char prog[32];
	int fd;
	int level;
	enum log_format format;
} log_to = {.prog = "-", .fd = STDERR_FILENO, .level = LOG_INFO};

static const char *const log_level_name[] = {"debug", "info", "warn", "error"};

static const struct {
	const char *open, *gap, *assign, *trunc, *close;
	const char *invalid; /* before the two digits of a byte that is not UTF-8 */
} log_style[] = {
	[LOG_LOGFMT] = {"", " ", "=", " trunc=true", "\n", "\\x"},
	[LOG_JSON] = {"{\"", ",\"", "\":", ",\"trunc\":true", "}\n", "\\\\x"},
};

void log_init(const char *prog, int fd, enum log_level level, enum log_format format)
{
	str_copy(log_to.prog, sizeof(log_to.prog), str_c(prog));
	log_to.fd = fd;
	log_to.format = format;
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	__atomic_store_n(&log_to.level, (int)level, __ATOMIC_RELAXED);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= __atomic_load_n(&log_to.level, __ATOMIC_RELAXED);
}

/* Length and code point of the UTF-8 sequence at the front of s (RFC 3629), or 0 when it is none. */
static size_t log_utf8(struct str s, uint32_t *code)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t min;
	} form[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	uint8_t first = (uint8_t)s.p[0];

	for (size_t n = 0; n < 4; n++) {
		uint32_t c;

		if ((first & form[n].mask) != form[n].lead)
			continue;
		if (s.len <= n)
			return 0;
		c = first & (uint8_t)~form[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if (((uint8_t)s.p[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | ((uint8_t)s.p[i] & 0x3f);
		}
		if (c < form[n].min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*code = c;
		return n + 1;
	}
	return 0;
}

/* Controls, line and paragraph separators, and what turns the direction of text. */
static bool log_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* The two-character escape of a code point, or NULL when it has none. */
static const char *log_short(uint32_t code)
{
	switch (code) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

/* One character of a quoted value, as a whole or not at all. Returns how many bytes of s it was. */
static size_t log_char(struct buf *b, struct str s, enum log_format format)
{
	uint32_t code = 0;
	size_t n = log_utf8(s, &code);
	char escape[8];
	struct buf e = BUF_ON(escape);
	const char *known;

	if (n == 0) {
		buf_c(&e, log_style[format].invalid);
		buf_hex(&e, s.p, 1);
		buf_str(b, buf_view(&e));
		return 1;
	}
	known = log_short(code);
	if (known) {
		buf_c(b, known);
		return n;
	}
	if (log_is_control(code)) {
		uint8_t be[2] = {(uint8_t)(code >> 8), (uint8_t)code};

		buf_c(&e, "\\u");
		buf_hex(&e, be, sizeof(be));
		buf_str(b, buf_view(&e));
		return n;
	}
	buf_str(b, str_head(s, n));
	return n;
}

/* True where logfmt needs no quotes. */
static bool log_is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return s.len > 0;
}

/* A text value; when there is no room for all of it, its front. */
static void log_text(struct buf *b, struct str s, enum log_format format)
{
	size_t i = 0;

	if (format == LOG_LOGFMT && s.len <= b->cap - b->len && log_is_plain(s)) {
		buf_str(b, s);
		return;
	}
	buf_ch(b, '"');
	if (b->overflow)
		return;
	while (i < s.len && !b->overflow)
		i += log_char(b, str_from(s, i), format);
	buf_ch(b, '"');
	if (b->overflow)
		b->p[b->len++] = '"'; /* into the tail */
}

static void log_value(struct buf *b, const struct log_kv *kv, enum log_format format)
{
	char text[ADDR_TEXT_MAX];
	struct buf t = BUF_ON(text);

	switch (kv->type) {
	case LOG_V_STR:
		log_text(b, kv->s, format);
		return;
	case LOG_V_ADDR:
		log_text(b, str_c(kv->a ? addr_text(kv->a, text) : "none"), format);
		return;
	case LOG_V_HEX:
		buf_printf(&t, "%016llx", (unsigned long long)kv->u);
		log_text(b, buf_view(&t), format);
		return;
	case LOG_V_I64:
		buf_c(&t, kv->i < 0 ? "-" : "");
		buf_u64(&t, kv->i < 0 ? 0 - (uint64_t)kv->i : (uint64_t)kv->i);
		break;
	case LOG_V_U64:
		buf_u64(&t, kv->u);
		break;
	}
	buf_str(b, buf_view(&t));
}

/* Appends gap, key and value; a pair of which not even the front fits leaves no trace but b->overflow. */
static void log_pair(struct buf *b, const struct log_kv *kv, enum log_format format)
{
	size_t before = b->len;
	size_t head;

	if (b->overflow)
		return;
	buf_c(b, before ? log_style[format].gap : log_style[format].open);
	buf_c(b, kv->key);
	buf_c(b, log_style[format].assign);
	head = b->len;
	if (!b->overflow)
		log_value(b, kv, format);
	if (b->overflow && b->len == head)
		b->len = before;
}

void log_write(enum log_level level, const char *mod, const char *event, const struct log_kv *kv)
{
	enum log_format format = log_to.format;
	int saved = errno;
	char ts[25];
	char line[LOG_LINE_MAX];
	struct buf b = buf_on(line, sizeof(line) - LOG_TAIL);
	const struct log_kv head[] = {
		KV_S("ts", str_n(ts, sizeof(ts) - 1)),
		KV_C("level", log_level_name[level]),
		KV_C("prog", log_to.prog),
		KV_C("mod", mod),
		KV_C("event", event),
	};
	bool cut;

	clock_rfc3339(clock_wall_ms(), ts);
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		log_pair(&b, &head[i], format);
	for (; kv && kv->key; kv++)
		log_pair(&b, kv, format);
	cut = b.overflow;
	b.overflow = false;
	b.cap = sizeof(line);
	if (cut)
		buf_c(&b, log_style[format].trunc);
	buf_c(&b, log_style[format].close);
	while (write(log_to.fd, b.p, b.len) < 0 && errno == EINTR)
		;
	errno = saved;
}

bool log_limit_pass(struct log_limit *l, uint64_t now_ms, uint32_t *suppressed)
{
	uint64_t back = now_ms > l->last_ms ? (now_ms - l->last_ms) / LOG_TOKEN_MS : 0;

	if (back >= l->used) {
		l->used = 0;
		l->last_ms = now_ms;
	} else {
		l->used -= (uint32_t)back;
		l->last_ms += back * LOG_TOKEN_MS;
	}
	if (l->used >= LOG_TOKENS) {
		l->suppressed++;
		return false;
	}
	l->used++;
	*suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}
