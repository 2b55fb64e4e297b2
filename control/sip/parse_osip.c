/* libosip2 as the second reader of URIs and Vias; the only file that includes its headers.
 *
 * For uri.c and nameaddr.c, on any thread. Our own split (lex.c) says where the bytes are, because libosip2
 * copies and unescapes; libosip2 says whether it is an address as the rest of the world reads it. Where the
 * two disagree on scheme, host, port, transport or branch, the header is refused: requests are smuggled through such
 * disagreements. libosip2 gets bounded, NUL-terminated copies, and its allocator is a bump over
 * a scratch on our stack that dies with the call: it takes nothing from the heap, leaks nothing on its error paths, and what one header
 * can make it hold is fixed. When the scratch is full it gets NULL, which is out of memory to it and over a limit to
 * us. Outside of a call of ours there is no scratch, and then it gets nothing at all. RFC 3261 19.1 and 20.42. */
#include "sip/parse.h"

#include <pthread.h>

#include <osipparser2/osip_port.h>
#include <osipparser2/osip_message.h>

enum { OSIP_SCRATCH_BYTES = 20480, OSIP_ALIGN = 16 };

struct osip_scratch {
	_Alignas(OSIP_ALIGN) char mem[OSIP_SCRATCH_BYTES];
	size_t used;
	bool full;
};

static _Thread_local struct osip_scratch *osip_now;
static pthread_once_t osip_once = PTHREAD_ONCE_INIT;

static void *osip_scratch_alloc(size_t len)
{
	struct osip_scratch *s = osip_now;
	void *p;

	if (!s)
		return NULL;
	if (len > sizeof(s->mem) - s->used) {
		s->full = true;
		return NULL;
	}
	p = s->mem + s->used;
	s->used += (len + OSIP_ALIGN - 1) & ~(size_t)(OSIP_ALIGN - 1);
	if (s->used > sizeof(s->mem))
		s->used = sizeof(s->mem);
	return p;
}

/* Only its serializers reallocate, and they are not called. */
static void *osip_scratch_realloc(void *p, size_t len)
{
	(void)p;
	(void)len;
	return NULL;
}

static void osip_scratch_free(void *p)
{
	(void)p;
}

static void osip_setup(void)
{
	osip_set_allocators(osip_scratch_alloc, osip_scratch_realloc, osip_scratch_free);
}

static void osip_enter(struct osip_scratch *s)
{
	(void)pthread_once(&osip_once, osip_setup);
	s->used = 0;
	s->full = false;
	osip_now = s;
}

/* Ends the use of the scratch; turns libosip2's verdict into ours. */
static int osip_leave(struct osip_scratch *s, bool agreed)
{
	osip_now = NULL;
	if (s->full)
		return ERR_LIMIT;
	return agreed ? 0 : ERR_SYNTAX;
}

static bool osip_same(const char *theirs, struct str ours)
{
	return theirs && str_eq(str_c(theirs), ours);
}

static bool osip_same_port(const char *theirs, uint16_t ours)
{
	uint64_t port = 0;

	return (!theirs || str_to_u64(str_c(theirs), UINT16_MAX, &port) == 0) && port == ours;
}

int sip_osip_uri(struct str text, const struct sip_uri *u)
{
	struct osip_scratch s;
	osip_uri_t *uri = NULL;
	bool agreed = false;
	char *copy;

	osip_enter(&s);
	copy = osip_scratch_alloc(text.len + 1);
	if (!copy || osip_uri_init(&uri))
		goto out;
	str_copy(copy, text.len + 1, text);
	agreed =
		osip_uri_parse(uri, copy) == 0 && !uri->string && uri->scheme &&
		str_ieq(str_c(uri->scheme), u->scheme == SIP_URI_SIPS ? STR("sips") : STR("sip")) &&
		osip_same(uri->host, u->host) && osip_same_port(uri->port, u->port) &&
		(uri->username != NULL) == !str_empty(u->user);
out:
	return osip_leave(&s, agreed);
}

int sip_osip_via(const struct sip_via *v)
{
	static const struct str none = STR_INIT("");
	bool v6 = str_find(v->host, ':') >= 0;
	struct osip_scratch s;
	osip_generic_param_t *branch = NULL;
	osip_via_t *via = NULL;
	bool agreed = false;
	struct buf b;
	char *copy;

	osip_enter(&s);
	copy = osip_scratch_alloc(SIP_LINE_MAX + 32);
	if (!copy || osip_via_init(&via))
		goto out;
	b = buf_on(copy, SIP_LINE_MAX + 32);
	buf_c(&b, "SIP/2.0/");
	buf_str(&b, v->transport);
	buf_c(&b, v6 ? " [" : " ");
	buf_str(&b, v->host);
	buf_str(&b, v6 ? STR("]") : none);
	if (v->port) {
		buf_ch(&b, ':');
		buf_u64(&b, v->port);
	}
	if (v->branch.len) {
		buf_c(&b, ";branch=");
		buf_str(&b, v->branch);
	}
	(void)buf_cstr(&b);
	if (buf_check(&b) || osip_via_parse(via, copy))
		goto out;
	(void)osip_via_param_get_byname(via, (char *)(uintptr_t) "branch", &branch);
	agreed = osip_same(via->protocol, v->transport) && osip_same(via->host, v->host) &&
		 osip_same_port(via->port, v->port) && !via->comment &&
		 (v->branch.len ? branch && osip_same(branch->gvalue, v->branch) : !branch);
out:
	return osip_leave(&s, agreed);
}
