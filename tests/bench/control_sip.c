/* Messages a second of the scan alone, and of the scan with everything parsed that a call needs; what it costs to refuse
 * hostile messages. CPU time of one thread, the best of many short rounds, so that a busy machine disturbs little. */
#include <time.h>

#include "sip/build.h"
#include "sip/msg.h"

#define SDP                                                                                        \
	"v=0\r\no=- 3 3 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"                \
	"m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 "        \
	"0-15\r\n"                                                                                 \
	"a=sendrecv\r\na=ptime:20\r\n"
#define COMMON                                                                                     \
	"From: \"Alice Liddell\" <sip:alice@example.com>;tag=8f2ba1c0\r\n"                         \
	"To: \"Bob\" <sip:+4930123456@example.com;user=phone>;tag=a6c85cf\r\n"                     \
	"Call-ID: a84b4c76e66710@pc33.example.com\r\nMax-Forwards: 70\r\n"                         \
	"Contact: <sip:alice@192.0.2.1:5062;transport=udp>;+sip.instance=\"<urn:uuid:1-2>\"\r\n"   \
	"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY\r\n"         \
	"Supported: replaces, timer, 100rel, outbound\r\nUser-Agent: Phone 1.2.3\r\n"

static const struct {
	const char *name;
	struct str text;
} bench_message[] = {
	{"INVITE with SDP",
	 STR_INIT("INVITE sip:+4930123456@10.0.0.11:5060;user=phone SIP/2.0\r\n"
		  "Via: SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bK776asdhds\r\n" COMMON
		  "CSeq: 314159 INVITE\r\nContent-Type: application/sdp\r\n\r\n" SDP)},
	{"200 with SDP",
	 STR_INIT("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.11:5060;rport=5060;received=10.0.0.11;"
		  "branch=z9hG4bK0001abcdefghijklmnopqrst\r\n" COMMON
		  "Record-Route: <sip:10.0.0.1;lr>\r\nCSeq: 314159 INVITE\r\n"
		  "Content-Type: application/sdp\r\n\r\n" SDP)},
	{"BYE",
	 STR_INIT("BYE sip:alice@192.0.2.1:5062 SIP/2.0\r\n"
		  "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK77ef4c\r\nMax-Forwards: 70\r\n"
		  "From: <sip:bob@example.com>;tag=a6c85cf\r\n"
		  "To: <sip:alice@example.com>;tag=8f2ba1c0\r\n"
		  "Call-ID: a84b4c76e66710@pc33.example.com\r\nCSeq: 2 BYE\r\n"
		  "Content-Length: 0\r\n\r\n")},
};

enum { BENCH_ROUNDS = 100, BENCH_PER_ROUND = 500, HOSTILE_BYTES = 60000 };

static struct arena arena;
static char work[HOSTILE_BYTES + 1024];
static struct sip_msg msg;

static int bench_scan(struct str text)
{
	struct sip_fault fault;

	memcpy(work, text.p, text.len);
	return sip_scan(work, text.len, &arena, &msg, &fault);
}

static int bench_scan_parse(struct str text)
{
	const struct sip_cseq *cseq;
	struct sip_fault fault;
	int err = bench_scan(text);

	arena_reset(&arena);
	if (!err)
		err = sip_msg_check(&msg, &fault); /* Via, From, To, R-URI, Contact, routes */
	return err ? err : sip_msg_cseq(&msg, &cseq);
}

/* Scan, and the answer from what was salvaged. */
static int bench_refuse(struct str text)
{
	static char out[4096];
	struct buf b = BUF_ON(out);
	struct sip_fault fault;
	int err;

	memcpy(work, text.p, text.len);
	arena_reset(&arena);
	err = sip_scan(work, text.len, &arena, &msg, &fault);
	if (err && fault.status)
		sip_build_fault(&b, &msg, &fault);
	return err ? 0 : ERR_STATE;
}

static uint64_t bench_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Nanoseconds of CPU a call; negative: the message was not treated as the bench expects. */
static double bench_ns(int (*run)(struct str), struct str text, unsigned per_round)
{
	double best = 1e18;

	for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
		uint64_t start = bench_clock();
		double ns;

		for (unsigned i = 0; i < per_round; i++)
			if (run(text))
				return -1;
		ns = (double)(bench_clock() - start) / per_round;
		if (ns < best)
			best = ns;
	}
	return best;
}

struct hostile {
	const char *name, *before, *each, *after;
};

static const struct hostile hostile[] = {
	{"tiny parameters", "m: <sip:a@b>", ";a", ""},
	{"comma lists", "Accept: a", ",a", ""},
	{"many headers", "", "Expires: 1\r\n", ""},
	{"unknown headers", "", "Z: 1\r\n", ""},
	{"one long line", "Subject: ", "x", ""},
	{"folded line", "Subject: ", "x\r\n ", ""},
	{"quoted controls", "Subject: \"", "\\\x01", ""},
	{"Vias", "", "v: SIP/2.0/UDP h;branch=1\r\n", ""},
	{"nested quotes", "m: ", "\"<", ""},
};

static struct str hostile_text(const struct hostile *h, size_t bytes)
{
	static char text[HOSTILE_BYTES];
	struct buf b = buf_on(text, bytes - 4);

	buf_c(&b, "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
		  "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x@y\r\nCSeq: 1 INVITE\r\n");
	buf_c(&b, h->before);
	while (!b.overflow)
		buf_c(&b, h->each);
	memcpy(text + b.len, "\r\n\r\n", 4);
	return str_n(text, b.len + 4);
}

int main(void)
{
	int failed = 0;

	arena_init(&arena, 16384, 1 << 20);
	printf("%-22s %6s %12s %12s %14s %14s\n", "message", "bytes", "scan ns", "+parse ns",
	       "scans/s", "scan+parse/s");
	for (size_t i = 0; i < sizeof(bench_message) / sizeof(bench_message[0]); i++) {
		struct str text = bench_message[i].text;
		double scan = bench_ns(bench_scan, text, BENCH_PER_ROUND);
		double parse = bench_ns(bench_scan_parse, text, BENCH_PER_ROUND);

		printf("%-22s %6zu %12.0f %12.0f %14.0f %14.0f\n", bench_message[i].name, text.len,
		       scan, parse, 1e9 / scan, 1e9 / parse);
		failed |= scan < 0 || parse < 0;
	}
	printf("\n%-22s %12s %12s %12s   (microseconds until refused)\n", "hostile message",
	       "60 kB", "32 kB", "16 kB");
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		static const size_t size[] = {HOSTILE_BYTES, SIP_MSG_MAX_STREAM, SIP_MSG_MAX_UDP};

		printf("%-22s", hostile[i].name);
		for (size_t k = 0; k < 3; k++) {
			double ns = bench_ns(bench_refuse, hostile_text(&hostile[i], size[k]), 20);

			printf(" %12.1f", ns / 1000);
			failed |= ns < 0;
		}
		printf("\n");
	}
	arena_free(&arena);
	return failed;
}
