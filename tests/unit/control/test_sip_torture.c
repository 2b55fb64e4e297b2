/* RFC 4475's torture messages as far as the scan and the parsers decide them: what is processed, what is refused with
 * which answer, what is met with silence. The answers that upper layers give (401, 415, 416, 420, 483, 501 for a good message of an
 * unknown method) need the message to come through here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sip/build.h"
#include "sip/msg.h"

#define SDP                                                                                        \
	"v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\n"        \
	"t=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"
#define SDP_LEN "150"
#define T10(x)  x x x x x x x x x x
#define T20(x)  T10(x) T10(x)

enum { OK = 0, SILENT = 1 }; /* else: the status */

struct torture {
	const char *name;
	struct str data;
	unsigned want;
	bool close;
};
#define MSG(name, want, ...)                                                                       \
	{                                                                                          \
		name, STR_INIT(__VA_ARGS__), want, false                                           \
	}
#define MSG_CLOSE(name, want, ...)                                                                 \
	{                                                                                          \
		name, STR_INIT(__VA_ARGS__), want, true                                            \
	}

/* clang-format off */ /* it finds no rest in these */
static const struct torture
	torture[] =
		{
			MSG("wsinv", OK,
			    "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
			    "TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = "
			    "1918181833n\r\n"
			    "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n"
			    "  ;\r\n  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\n"
			    "Call-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 150\r\n"
			    "cseq: 0009\r\n  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n"
			    "    192.0.2.2;branch=390skdjuw\r\ns :\r\n"
			    "NewFangledHeader:   newfangled value\r\n continued newfangled "
			    "value\r\n"
			    "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\nContent-Type: "
			    "application/sdp\r\n"
			    "Route:\r\n "
			    "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
			    "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n"
			    "  branch  =   z9hG4bK9ikj8  ,\r\n SIP  /    2.0   / UDP  "
			    "192.168.255.111   ; branch=\r\n"
			    " z9hG4bK30239\r\nm:\"Quoted string \\\"\\\"\" "
			    "<sip:jdrosen@example.com> ; newparam =\r\n"
			    "      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\n" SDP),
			MSG("intmeth", OK,
			    "!interesting-Method0123456789_*+`.%indeed'~ "
			    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/"
			    "crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com "
			    "SIP/2.0\r\n"
			    "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\r\n"
			    "To: \"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7F\" "
			    "<sip:1_unusual.URI~(to-be!sure)&isn't+it$/"
			    "crazy?,/;;*@example.com>\r\n"
			    "From: token1~` token2'+_ token3*%!.- "
			    "<sip:mundane@example.com>;fromParam''~+*_!.-%=\""
			    "\xD1\x80\xD0\xB0\xD0\xB1\xD0\xBE\xD1\x82\xD0\xB0\xD1\x8E\xD1\x89\xD0"
			    "\xB8\xD0\xB9\""
			    ";tag=_token~1'+`*%!-.\r\nCall-ID: "
			    "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n"
			    "CSeq: 139122385 "
			    "!interesting-Method0123456789_*+`.%indeed'~\r\nMax-Forwards: 255\r\n"
			    "extensionHeader-!.%*+_`'~:"
			    "\xEF\xBB\xBF\xE5\xA4\xA7\xE5\x81\x9C\xE9\x9B\xBB\r\n"
			    "Content-Length: 0\r\n\r\n"),
			MSG("esc01", OK,
			    "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0\r\n"
			    "To: sip:%75se%72@example.com\r\nFrom: "
			    "<sip:I%20have%20spaces@example.net>;tag=938\r\n"
			    "Max-Forwards: 87\r\ni: esc01.239409asdfakjkn23onasd0-3234\r\nCSeq: "
			    "234234 INVITE\r\n"
			    "Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw\r\nC: "
			    "application/sdp\r\n"
			    "Contact:\r\n  "
			    "<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>\r\n"
			    "Content-Length: 150\r\n\r\n" SDP),
			MSG("escnull", OK,
			    "REGISTER sip:example.com SIP/2.0\r\nTo: "
			    "sip:null-%00-null@example.com\r\n"
			    "From: sip:null-%00-null@example.com;tag=839923423\r\nMax-Forwards: "
			    "70\r\n"
			    "Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd\r\nCSeq: "
			    "14398234 REGISTER\r\n"
			    "Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw\r\n"
			    "Contact: <sip:%00@host5.example.com>\r\nContact: "
			    "<sip:%00%00@host5.example.com>\r\n"
			    "L:0\r\n\r\n"),
			MSG("esc02", OK,
			    "RE%47IST%45R sip:registrar.example.com SIP/2.0\r\n"
			    "To: \"%Z%45\" <sip:resource@example.com>\r\n"
			    "From: \"%Z%45\" <sip:resource@example.com>;tag=f232jadfj23\r\n"
			    "Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf\r\n"
			    "Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234\r\n"
			    "CSeq: 29344 RE%47IST%45R\r\nMax-Forwards: 70\r\n"
			    "Contact: <sip:alias1@host1.example.com>\r\nC%6Fntact: "
			    "<sip:alias2@host2.example.com>\r\n"
			    "Contact: <sip:alias3@host3.example.com>\r\nl: 0\r\n\r\n"),
			MSG("lwsdisp", OK,
			    "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: caller<sip:caller@example.com>;tag=323\r\nMax-Forwards: 70\r\n"
			    "Call-ID: lwsdisp.1234abcd@funky.example.com\r\nCSeq: 60 OPTIONS\r\n"
			    "Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw\r\nl: "
			    "0\r\n\r\n"),
			MSG(
				"longreq", OK,
				"INVITE sip:user@example.com SIP/2.0\r\n"
				"To: \"I have a user name of " T10(
					"extreme ") "proportion\" "
						    "<sip:user@example.com:6000;unknownparam1="
						    "very" T20(
							    "long") "value;"
								    "longparam" T20("name") T20("na"
												"m"
												"e") "=shortvalue;"
												     "very" T20(
													     "long")
													     T20(
														     "long") "ParameterNameWithNoValue>\r\n"
															     "F: sip:" T10("amazinglylongcallername") "@example.net;tag=12982" T20("982") "424;"
																									  "unknownheaderparam" T20("name") "=unknowheaderparam" T20("value") ";"
																																	     "unknownValueless" T10("paramname") "\r\n"
																																						 "Call-ID: longreq.one" T20("really") "longcallid\r\nCSeq: 3882340 INVITE\r\n"
																																										      "Unknown-" T20(
																																											      "Long") "-Name: unknown-" T20("long") "-value; unknown-" T20("long") "-parameter-name = unknown-" T20("long") "-parameter-value\r\n" T10("Via: SIP/2.0/TCP sip33.example.com\r\n")
																																											      T10("v: SIP/2.0/TCP sip3.example.com\r\n") T10("VIa  : SIP/2.0/TCP sip29.example.com\r\n") "V: SIP/2.0/TCP sip2.example.com\r\n"
																																																							 "v: SIP/2.0/TCP sip1.example.com\r\nviA: SIP/2.0/TCP host.example.com;"
																																																							 "received=192.0.2.5;branch=very" T20("long") T20("long") "branchvalue\r\n"
																																																														  "Max-Forwards: 70\r\n"
																																																														  "Contact: <sip:" T10(
																																																															  "amazinglylongcallername") "@host5.example.net>\r\n"
																																																																		     "Content-Type: application/sdp\r\nl: 150\r\n\r\n" SDP),
			MSG("dblreq", OK,
			    "REGISTER sip:example.com SIP/2.0\r\nTo: sip:j.user@example.com\r\n"
			    "From: sip:j.user@example.com;tag=43251j3j324\r\nMax-Forwards: 8\r\n"
			    "I: dblreq.0ha0isndaksdj99sdfafnl3lk233412\r\nContact: "
			    "sip:j.user@host.example.com\r\n"
			    "CSeq: 8 REGISTER\r\nVia: SIP/2.0/UDP "
			    "192.0.2.125;branch=z9hG4bKkdjuw23492\r\n"
			    "Content-Length: 0\r\n\r\nINVITE sip:joe@example.com SIP/2.0\r\n"
			    "t: sip:joe@example.com\r\nFrom: "
			    "sip:caller@example.net;tag=141334\r\n\r\n"),
			MSG("semiuri", OK,
			    "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0\r\n"
			    "To: sip:j_user@example.com\r\nFrom: "
			    "sip:caller@example.org;tag=33242\r\n"
			    "Max-Forwards: 3\r\nCall-ID: semiuri.0ha0isndaksdj\r\nCSeq: 8 "
			    "OPTIONS\r\n"
			    "Accept: application/sdp, application/pkcs7-mime,\r\n  "
			    "multipart/mixed, multipart/signed,\r\n"
			    "  message/sip, message/sipfrag\r\nVia: SIP/2.0/UDP "
			    "192.0.2.1;branch=z9hG4bKkdjuw\r\n"
			    "l: 0\r\n\r\n"),
			MSG("transports", OK,
			    "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: <sip:caller@example.com>;tag=323\r\nMax-Forwards: 70\r\n"
			    "Call-ID:  transports.kijh4akdnaqjkwendsasfdj\r\nAccept: "
			    "application/sdp\r\n"
			    "CSeq: 60 OPTIONS\r\nVia: SIP/2.0/UDP "
			    "t1.example.com;branch=z9hG4bKkdjuw\r\n"
			    "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf\r\n"
			    "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj\r\n"
			    "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en\r\n"
			    "Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee\r\nl: "
			    "0\r\n\r\n"),
			MSG("mpart01", OK,
			    "MESSAGE sip:kumiko@example.org SIP/2.0\r\nVia: SIP/2.0/UDP "
			    "127.0.0.1:5070;"
			    "branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport\r\nMax-"
			    "Forwards: 70\r\n"
			    "Route: <sip:127.0.0.1:5080>\r\nIdentity: "
			    "r5mwreLuyDRYBi/0TiPwEsY3rEVsk=\r\n"
			    "Contact: <sip:fluffy@127.0.0.1:5070>\r\nTo: "
			    "<sip:kumiko@example.org>\r\n"
			    "From: <sip:fluffy@example.com>;tag=2fb0dcc9\r\n"
			    "Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..\r\nCSeq: 1 "
			    "MESSAGE\r\n"
			    "Content-Transfer-Encoding: binary\r\n"
			    "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\r\n"
			    "Date: Sat, 15 Oct 2005 04:44:56 GMT\r\nUser-Agent: SIPimp.org/0.2.5 "
			    "(curses)\r\n"
			    "Content-Length: "
			    "57\r\n\r\n--"
			    "7a9cbec02ceef655\r\n\r\n\x30\x82\x00\x52\x06\r\n\x01\x0d\x0a\x00"
			    "\r\n--7a9cbec02ceef655--\r\n......"),
			MSG("unreason", OK,
			    "SIP/2.0 200 = 2**3 * 5**2 "
			    "\xD0\xBD\xD0\xBE\x20\xD1\x81\xD1\x82\xD0\xBE\r\n"
			    "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\n"
			    "Call-ID: unreason.1234ksdfak3j2erwedfsASdf\r\nCSeq: 35 INVITE\r\n"
			    "From: sip:user@example.com;tag=11141343\r\nTo: "
			    "sip:user@example.edu;tag=2229\r\n"
			    "Content-Length: 150\r\nContent-Type: application/sdp\r\n"
			    "Contact: <sip:user@host198.example.com>\r\n\r\n" SDP),
			MSG("noreason", OK,
			    "SIP/2.0 100 \r\nVia: SIP/2.0/UDP "
			    "192.0.2.105;branch=z9hG4bK2398ndaoe\r\n"
			    "Call-ID: noreason.asndj203insdf99223ndf\r\nCSeq: 35 INVITE\r\n"
			    "From: <sip:user@example.com>;tag=39ansfi3\r\n"
			    "To: <sip:user@example.edu>;tag=902jndnke3\r\nContent-Length: 0\r\n"
			    "Contact: <sip:user@host105.example.com>\r\n\r\n"),
			MSG("badinv01", 400,
			    "INVITE sip:user@example.com SIP/2.0\r\nTo: sip:j.user@example.com\r\n"
			    "From: sip:caller@example.net;tag=134161461246\r\nMax-Forwards: 7\r\n"
			    "Call-ID: badinv01.0ha0isndaksdjasdf3234nas\r\nCSeq: 8 INVITE\r\n"
			    "Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\nContact: \"Joe\" "
			    "<sip:joe@example.org>;;;;\r\n"
			    "Content-Length: 150\r\nContent-Type: application/sdp\r\n\r\n" SDP),
			MSG_CLOSE(
				"clerr", 400,
				"INVITE sip:user@example.com SIP/2.0\r\nMax-Forwards: 80\r\n"
				"To: sip:j.user@example.com\r\nFrom: "
				"sip:caller@example.net;tag=93942939o2\r\n"
				"Contact: <sip:caller@hungry.example.net>\r\n"
				"Call-ID: clerr.0ha0isndaksdjweiafasdk3\r\nCSeq: 8 INVITE\r\n"
				"Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bK-39234-23523\r\n"
				"Content-Type: application/sdp\r\nContent-Length: "
				"9999\r\n\r\n" SDP),
			MSG_CLOSE("ncl", 400,
				  "INVITE sip:user@example.com SIP/2.0\r\nMax-Forwards: 254\r\n"
				  "To: sip:j.user@example.com\r\nFrom: "
				  "sip:caller@example.net;tag=32394234\r\n"
				  "Call-ID: ncl.0ha0isndaksdj2193423r542w35\r\nCSeq: 0 INVITE\r\n"
				  "Via: SIP/2.0/UDP 192.0.2.53;branch=z9hG4bKkdjuw\r\n"
				  "Contact: <sip:caller@example53.example.net>\r\n"
				  "Content-Type: application/sdp\r\nContent-Length: "
				  "-999\r\n\r\n" SDP),
			MSG("scalar02", 400,
			    "REGISTER sip:example.com SIP/2.0\r\n"
			    "Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3\r\n"
			    "To: <sip:user@example.com>\r\nFrom: "
			    "<sip:user@example.com>;tag=239232jh3\r\n"
			    "CSeq: 36893488147419103232 REGISTER\r\n"
			    "Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32\r\nMax-Forwards: "
			    "300\r\n"
			    "Expires: 1" T20(
				    "00000") "\r\nContact: <sip:user@host129.example.com>\r\n"
					     "  ;expires=280297596632815\r\nContent-Length: "
					     "0\r\n\r\n"),
			MSG("scalarlg", SILENT,
			    "SIP/2.0 503 Service Unavailable\r\nVia: SIP/2.0/TCP "
			    "host129.example.com;"
			    "branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129\r\nTo: "
			    "<sip:user@example.com>\r\n"
			    "From: <sip:other@example.net>;tag=2easdjfejw\r\n"
			    "CSeq: 9292394834772304023312 OPTIONS\r\n"
			    "Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r\r\n"
			    "Retry-After: 949302838503028349304023988\r\n"
			    "Warning: 1812 overture \"In Progress\"\r\nContent-Length: 0\r\n\r\n"),
			MSG("quotbal", 400,
			    "INVITE sip:user@example.com SIP/2.0\r\n"
			    "To: \"Mr. J. User <sip:j.user@example.com>\r\nFrom: "
			    "sip:caller@example.net;tag=93334\r\n"
			    "Max-Forwards: 10\r\nCall-ID: quotbal.aksdj\r\n"
			    "Contact: <sip:caller@host59.example.net>\r\nCSeq: 8 INVITE\r\n"
			    "Via: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKkdjuw39234\r\n"
			    "Content-Type: application/sdp\r\nContent-Length: 150\r\n\r\n" SDP),
			MSG("ltgtruri", 400,
			    "INVITE <sip:user@example.com> SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: sip:caller@example.net;tag=39291\r\nMax-Forwards: 23\r\n"
			    "Call-ID: ltgtruri.1@192.0.2.5\r\nCSeq: 1 INVITE\r\nVia: SIP/2.0/UDP "
			    "192.0.2.5\r\n"
			    "Contact: <sip:caller@host5.example.net>\r\nContent-Type: "
			    "application/sdp\r\n"
			    "Content-Length: 150\r\n\r\n" SDP),
			MSG("lwsruri", 400,
			    "INVITE sip:user@example.com; lr SIP/2.0\r\n"
			    "To: sip:user@example.com;tag=3xfe-9921883-z9f\r\n"
			    "From: sip:caller@example.net;tag=231413434\r\nMax-Forwards: 5\r\n"
			    "Call-ID: lwsruri.asdfasdoeoi2323-asdfwrn23-asd834rk423\r\nCSeq: "
			    "2130706432 INVITE\r\n"
			    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKkdjuw2395\r\n"
			    "Contact: <sip:caller@host1.example.net>\r\nContent-Type: "
			    "application/sdp\r\n"
			    "Content-Length: 150\r\n\r\n" SDP),
			MSG("lwsstart", 400,
			    "INVITE  sip:user@example.com  SIP/2.0\r\nMax-Forwards: 8\r\n"
			    "To: sip:user@example.com\r\nFrom: sip:caller@example.net;tag=8814\r\n"
			    "Call-ID: lwsstart.dfknq234oi243099adsdfnawe3@example.com\r\nCSeq: "
			    "1893884 INVITE\r\n"
			    "Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw3923\r\n"
			    "Contact: <sip:caller@host1.example.net>\r\nContent-Type: "
			    "application/sdp\r\n"
			    "Content-Length: 150\r\n\r\n" SDP),
			MSG("trws", 400,
			    "OPTIONS sip:remote-target@example.com SIP/2.0  \r\n"
			    "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK299342093\r\n"
			    "To: <sip:remote-target@example.com>\r\n"
			    "From: <sip:local-resource@example.com>;tag=329429089\r\n"
			    "Call-ID: trws.oicu34958239neffasdhr2345r\r\nAccept: "
			    "application/sdp\r\n"
			    "CSeq: 238923 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: "
			    "0\r\n\r\n"),
			MSG("escruri", 400,
			    "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0\r\n"
			    "To: sip:user@example.com\r\nFrom: "
			    "sip:caller@example.net;tag=341518\r\n"
			    "Max-Forwards: 7\r\nContact: <sip:caller@host39923.example.net>\r\n"
			    "Call-ID: escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5\r\n"
			    "CSeq: 149209342 INVITE\r\n"
			    "Via: SIP/2.0/UDP host-of-the-hour.example.com;branch=z9hG4bKkdjuw\r\n"
			    "Content-Type: application/sdp\r\nContent-Length: 150\r\n\r\n" SDP),
			MSG("baddate", OK,
			    "INVITE sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: sip:caller@example.net;tag=2234923\r\nMax-Forwards: 70\r\n"
			    "Call-ID: baddate.239423mnsadf3j23lj42--sedfnm234\r\nCSeq: 1392934 "
			    "INVITE\r\n"
			    "Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw\r\n"
			    "Date: Fri, 01 Jan 2010 16:00:00 EST\r\nContact: "
			    "<sip:caller@host5.example.net>\r\n"
			    "Content-Type: application/sdp\r\nContent-Length: 150\r\n\r\n" SDP),
			MSG("regbadct", 400,
			    "REGISTER sip:example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: sip:user@example.com;tag=998332\r\nMax-Forwards: 70\r\n"
			    "Call-ID: regbadct.k345asrl3fdbv@10.0.0.1\r\nCSeq: 1 REGISTER\r\n"
			    "Via: SIP/2.0/UDP 135.180.130.133:5060;branch=z9hG4bKkdjuw\r\n"
			    "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\r\nl: "
			    "0\r\n\r\n"),
			MSG("badaspec", 400,
			    "OPTIONS sip:user@example.org SIP/2.0\r\n"
			    "Via: SIP/2.0/UDP host4.example.com:5060;branch=z9hG4bKkdju43234\r\n"
			    "Max-Forwards: 70\r\nFrom: \"Bell, Alexander\" "
			    "<sip:a.g.bell@example.com>;tag=433423\r\n"
			    "To: \"Watson, Thomas\" < sip:t.watson@example.org >\r\n"
			    "Call-ID: badaspec.sdf0234n2nds0a099u23h3hnnw009cdkne3\r\nAccept: "
			    "application/sdp\r\n"
			    "CSeq: 3923239 OPTIONS\r\nl: 0\r\n\r\n"),
			MSG("baddn", 400,
			    "OPTIONS sip:t.watson@example.org SIP/2.0\r\n"
			    "Via:     SIP/2.0/UDP "
			    "c.example.com:5060;branch=z9hG4bKkdjuw\r\nMax-Forwards:      70\r\n"
			    "From:    Bell, Alexander <sip:a.g.bell@example.com>;tag=43\r\n"
			    "To:      Watson, Thomas <sip:t.watson@example.org>\r\n"
			    "Call-ID: baddn.31415@c.example.com\r\nAccept: application/sdp\r\n"
			    "CSeq:    3923239 OPTIONS\r\nl: 0\r\n\r\n"),
			MSG("badvers", 505,
			    "OPTIONS sip:t.watson@example.org SIP/7.0\r\n"
			    "Via:     SIP/7.0/UDP "
			    "c.example.com;branch=z9hG4bKkdjuw\r\nMax-Forwards:     70\r\n"
			    "From:    A. Bell <sip:a.g.bell@example.com>;tag=qweoiqpe\r\n"
			    "To:      T. Watson <sip:t.watson@example.org>\r\n"
			    "Call-ID: badvers.31417@c.example.com\r\nCSeq:    1 OPTIONS\r\nl: "
			    "0\r\n\r\n"),
			MSG("mismatch01", 400,
			    "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:j.user@example.com\r\n"
			    "From: sip:caller@example.net;tag=34525\r\nMax-Forwards: 6\r\n"
			    "Call-ID: mismatch01.dj0234sxdfl3\r\nCSeq: 8 INVITE\r\n"
			    "Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw\r\nl: "
			    "0\r\n\r\n"),
			MSG("mismatch02", 501,
			    "NEWMETHOD sip:user@example.com SIP/2.0\r\nTo: "
			    "sip:j.user@example.com\r\n"
			    "From: sip:caller@example.net;tag=34525\r\nMax-Forwards: 6\r\n"
			    "Call-ID: mismatch02.dj0234sxdfl3\r\nCSeq: 8 INVITE\r\n"
			    "Contact: <sip:caller@host.example.net>\r\n"
			    "Via: SIP/2.0/UDP host.example.net;branch=z9hG4bKkdjuw\r\n"
			    "Content-Type: application/sdp\r\nl: 150\r\n\r\n" SDP),
			MSG("bigcode", SILENT,
			    "SIP/2.0 4294967301 better not break the receiver\r\n"
			    "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\r\n"
			    "Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i\r\nCSeq: "
			    "353494 INVITE\r\n"
			    "From: <sip:user@example.com>;tag=39ansfi3\r\n"
			    "To: <sip:user@example.edu>;tag=902jndnke3\r\nContent-Length: 0\r\n"
			    "Contact: <sip:user@host105.example.com>\r\n\r\n"),
			MSG("badbranch", OK,
			    "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: sip:caller@example.org;tag=33242\r\nMax-Forwards: 3\r\n"
			    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\r\nAccept: "
			    "application/sdp\r\n"
			    "Call-ID: badbranch.sadonfo23i420jv0as0derf3j3n\r\nCSeq: 8 "
			    "OPTIONS\r\nl: 0\r\n\r\n"),
			MSG("insuf", 400,
			    "INVITE sip:user@example.com SIP/2.0\r\nMax-Forwards: 75\r\n"
			    "Contact: <sip:caller@host5.example.net>\r\n"
			    "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\n"
			    "Content-Type: application/sdp\r\nl: 150\r\n\r\n" SDP),
			MSG("unkscm", OK,
			    "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0\r\n"
			    "To: sip:user@example.com\r\nFrom: "
			    "sip:caller@example.net;tag=384\r\nMax-Forwards: 3\r\n"
			    "Call-ID: unkscm.nasdfasser0q239nwsdfasdkl34\r\nCSeq: 3923423 "
			    "OPTIONS\r\n"
			    "Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234\r\n"
			    "Content-Length: 0\r\n\r\n"),
			MSG("novelsc", OK,
			    "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\r\nTo: "
			    "sip:user@example.com\r\n"
			    "From: sip:caller@example.net;tag=384\r\nMax-Forwards: 3\r\n"
			    "Call-ID: novelsc.asdfasser0q239nwsdfasdkl34\r\nCSeq: 3923423 "
			    "OPTIONS\r\n"
			    "Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234\r\n"
			    "Content-Length: 0\r\n\r\n"),
			MSG("unksm2", OK,
			    "REGISTER sip:example.com SIP/2.0\r\nTo: isbn:2983792873\r\n"
			    "From: <http://www.example.com>;tag=3234233\r\n"
			    "Call-ID: unksm2.daksdj@hyphenated-host.example.com\r\nCSeq: 234902 "
			    "REGISTER\r\n"
			    "Max-Forwards: 70\r\nVia: SIP/2.0/UDP "
			    "192.0.2.21:5060;branch=z9hG4bKkdjuw\r\n"
			    "Contact: <name:John_Smith>\r\nl: 0\r\n\r\n"),
			MSG("bext01", OK,
			    "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:j_user@example.com\r\n"
			    "From: sip:caller@example.net;tag=242etr\r\nMax-Forwards: 6\r\n"
			    "Call-ID: bext01.0ha0isndaksdj\r\nRequire: nothingSupportsThis, "
			    "nothingSupportsThisEither\r\n"
			    "Proxy-Require: noProxiesSupportThis, "
			    "norDoAnyProxiesSupportThis\r\nCSeq: 8 OPTIONS\r\n"
			    "Via: SIP/2.0/TLS fold-and-staple.example.com;branch=z9hG4bKkdjuw\r\n"
			    "Content-Length: 0\r\n\r\n"),
			MSG("invut", OK,
			    "INVITE sip:user@example.com SIP/2.0\r\nContact: "
			    "<sip:caller@host5.example.net>\r\n"
			    "To: sip:j.user@example.com\r\nFrom: "
			    "sip:caller@example.net;tag=8392034\r\n"
			    "Max-Forwards: 70\r\nCall-ID: invut.0ha0isndaksdjadsfij34n23d\r\nCSeq: "
			    "235448 INVITE\r\n"
			    "Via: SIP/2.0/UDP somehost.example.com;branch=z9hG4bKkdjuw\r\n"
			    "Content-Type: application/unknownformat\r\nContent-Length: 40\r\n\r\n"
			    "<audio>\r\n <pcmu port=\"443\"/>\r\n</audio>\r\n"),
			MSG("regaut01", OK,
			    "REGISTER sip:example.com SIP/2.0\r\nTo: sip:j.user@example.com\r\n"
			    "From: sip:j.user@example.com;tag=87321hj23128\r\nMax-Forwards: 8\r\n"
			    "Call-ID: regaut01.0ha0isndaksdj\r\nCSeq: 9338 REGISTER\r\n"
			    "Via: SIP/2.0/TCP 192.0.2.253;branch=z9hG4bKkdjuw\r\n"
			    "Authorization: NoOneKnowsThisScheme "
			    "opaque-data=here\r\nContent-Length:0\r\n\r\n"),
			MSG("multi01", 400,
			    "INVITE sip:user@company.com SIP/2.0\r\nContact: "
			    "<sip:caller@host25.example.net>\r\n"
			    "Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw\r\nMax-Forwards: "
			    "70\r\nCSeq: 5 INVITE\r\n"
			    "Call-ID: multi01.98asdh@192.0.2.1\r\nCSeq: 59 INVITE\r\n"
			    "Call-ID: multi01.98asdh@192.0.2.2\r\nFrom: "
			    "sip:caller@example.com;tag=3413415\r\n"
			    "To: sip:user@example.com\r\nTo: sip:other@example.net\r\n"
			    "From: sip:caller@example.net;tag=2923420123\r\nContent-Type: "
			    "application/sdp\r\n"
			    "l: 150\r\nContact: <sip:caller@host36.example.net>\r\nMax-Forwards: "
			    "5\r\n\r\n" SDP),
			MSG_CLOSE("mcl01", 400,
				  "OPTIONS sip:user@example.com SIP/2.0\r\n"
				  "Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bK293423\r\n"
				  "To: sip:user@example.com\r\nFrom: "
				  "sip:other@example.net;tag=3923942\r\n"
				  "Call-ID: mcl01.fhn2323orihawfdoa3o4r52o3irsdf\r\nCSeq: 15932 "
				  "OPTIONS\r\n"
				  "Content-Length: 13\r\nMax-Forwards: 60\r\nContent-Length: 5\r\n"
				  "Content-Type: text/plain\r\n\r\n"
				  "There's no way to know how many octets are supposed to be "
				  "here.\r\n"),
			MSG("bcast", OK,
			    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP "
			    "192.0.2.198;branch=z9hG4bK1324923\r\n"
			    "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\n"
			    "Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf\r\nCSeq: 35 "
			    "INVITE\r\n"
			    "From: sip:user@example.com;tag=11141343\r\nTo: "
			    "sip:user@example.edu;tag=2229\r\n"
			    "Content-Length: 150\r\nContent-Type: application/sdp\r\n"
			    "Contact: <sip:user@host28.example.com>\r\n\r\n" SDP),
			MSG("zeromf", OK,
			    "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: sip:caller@example.net;tag=3ghsd41\r\nCall-ID: "
			    "zeromf.jfasdlfnm2o2l43r5u0asdfas\r\n"
			    "CSeq: 39234321 OPTIONS\r\nVia: SIP/2.0/UDP "
			    "host1.example.com;branch=z9hG4bKkdjuw2349i\r\n"
			    "Max-Forwards: 0\r\nContent-Length: 0\r\n\r\n"),
			MSG("cparam01", OK,
			    "REGISTER sip:example.com SIP/2.0\r\n"
			    "Via: SIP/2.0/UDP "
			    "saturn.example.com:5060;branch=z9hG4bKkdjuw\r\nMax-Forwards: 70\r\n"
			    "From: sip:watson@example.com;tag=DkfVgjkrtMwaerKKpe\r\nTo: "
			    "sip:watson@example.com\r\n"
			    "Call-ID: cparam01.70710@saturn.example.com\r\nCSeq: 2 REGISTER\r\n"
			    "Contact: sip:+19725552222@gw1.example.net;unknownparam\r\nl: "
			    "0\r\n\r\n"),
			MSG("cparam02", OK,
			    "REGISTER sip:example.com SIP/2.0\r\n"
			    "Via: SIP/2.0/UDP "
			    "saturn.example.com:5060;branch=z9hG4bKkdjuw\r\nMax-Forwards: 70\r\n"
			    "From: sip:watson@example.com;tag=838293\r\nTo: "
			    "sip:watson@example.com\r\n"
			    "Call-ID: cparam02.70710@saturn.example.com\r\nCSeq: 3 REGISTER\r\n"
			    "Contact: <sip:+19725552222@gw1.example.net;unknownparam>\r\nl: "
			    "0\r\n\r\n"),
			MSG("regescrt", OK,
			    "REGISTER sip:example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: sip:user@example.com;tag=8\r\nMax-Forwards: 70\r\n"
			    "Call-ID: regescrt.k345asrl3fdbv@192.0.2.1\r\nCSeq: 14398234 "
			    "REGISTER\r\n"
			    "Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw\r\nM: "
			    "<sip:user@example.com"
			    "?Route=%3Csip:sip.example.com%3E>\r\nL:0\r\n\r\n"),
			MSG("sdp01", OK,
			    "INVITE sip:user@example.com SIP/2.0\r\nTo: sip:j_user@example.com\r\n"
			    "Contact: <sip:caller@host15.example.net>\r\nFrom: "
			    "sip:caller@example.net;tag=234\r\n"
			    "Max-Forwards: 5\r\nCall-ID: sdp01.ndaksdj9342dasdd\r\nAccept: "
			    "text/nobodyKnowsThis\r\n"
			    "CSeq: 8 INVITE\r\nVia: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw\r\n"
			    "Content-Length: 150\r\nContent-Type: application/sdp\r\n\r\n" SDP),
			MSG("inv2543", OK,
			    "INVITE sip:UserB@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
			    "iftgw.example.com\r\n"
			    "From: <sip:+13035551111@ift.client.example.net;user=phone>\r\n"
			    "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>\r\n"
			    "To: sip:+16505552222@ss1.example.net;user=phone\r\nCall-ID: "
			    "inv2543.1717@ift.client.example.com\r\n"
			    "CSeq: 56 INVITE\r\nContent-Type: application/sdp\r\n\r\n" SDP),
			/* RFC 5118 4.2 */
			MSG("ipv6-bad", 400,
			    "REGISTER sip:2001:db8::10 SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: sip:user@example.com;tag=81x2\r\n"
			    "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\r\n"
			    "Call-ID: SSG9559905523997077@hlau_4100\r\nMax-Forwards: 70\r\n"
			    "Contact: \"Caller\" <sip:caller@[2001:db8::1]>\r\nCSeq: 98176 "
			    "REGISTER\r\n"
			    "Content-Length: 0\r\n\r\n"),
			/* RFC 5118 4.1 and 4.5 */
			MSG("ipv6-good", OK,
			    "REGISTER sip:[2001:db8::10] SIP/2.0\r\nTo: sip:user@example.com\r\n"
			    "From: sip:user@example.com;tag=81x2\r\n"
			    "Via: SIP/2.0/UDP "
			    "[2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111\r\n"
			    "Call-ID: SSG9559905523997077@hlau_4100\r\nMax-Forwards: 70\r\n"
			    "Contact: \"Caller\" <sip:caller@[2001:db8::1]>\r\nCSeq: 98176 "
			    "REGISTER\r\n"
			    "Content-Length: 0\r\n\r\n"),
};
/* clang-format on */

struct run {
	struct arena arena;
	struct sip_msg msg;
	struct sip_fault fault;
	char data[8192];
};

/* Scan and check, as the transport's reader does. */
static unsigned run(struct run *r, const struct torture *t)
{
	int err;

	assert_true(t->data.len < sizeof(r->data));
	memcpy(r->data, t->data.p, t->data.len);
	arena_init(&r->arena, 8192, 65536);
	r->fault = (struct sip_fault){0};
	err = sip_scan(r->data, t->data.len, &r->arena, &r->msg, &r->fault);
	if (!err)
		err = sip_msg_check(&r->msg, &r->fault);
	if (!err)
		return OK;
	return r->fault.status ? r->fault.status : SILENT;
}

static void test_torture(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(torture) / sizeof(torture[0]); i++) {
		const struct torture *t = &torture[i];
		struct run *r = test_calloc(1, sizeof(*r));
		unsigned got = run(r, t);

		if (got != t->want || r->fault.close_stream != t->close)
			fail_msg("%s: %u (%s, close %d), not %u", t->name, got,
				 r->fault.text ? r->fault.text : "", r->fault.close_stream,
				 t->want);
		arena_free(&r->arena);
		test_free(r);
	}
	assert_int_equal(mem_live(), 0);
}

/* A refused message is answered with what was good of it, and the answer is a SIP message again. */
static void test_torture_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(torture) / sizeof(torture[0]); i++) {
		struct run *r = test_calloc(1, sizeof(*r));
		unsigned got = run(r, &torture[i]);
		char out[8192];
		struct buf b = BUF_ON(out);
		struct str text;

		if (got == OK || got == SILENT)
			goto next;
		r->msg.flow.remote = (struct addr){.ip = {10, 0, 0, 9}, .port = 5, .family = 4};
		sip_build_fault(&b, &r->msg, &r->fault);
		assert_int_equal(buf_check(&b), 0);
		text = buf_view(&b);
		assert_true(str_starts(text, STR("SIP/2.0 ")));
		assert_true(str_find_str(text, STR("\r\nVia: SIP/")) > 0);
		assert_true(str_ends(text, STR("Content-Length: 0\r\n\r\n")));
		if (r->msg.first[SIP_H_CSEQ])
			assert_true(str_find_str(text, STR("\r\nCSeq: ")) > 0);
	next:
		arena_free(&r->arena);
		test_free(r);
	}
}

static struct run *run_named(const char *name)
{
	for (size_t i = 0; i < sizeof(torture) / sizeof(torture[0]); i++) {
		struct run *r;

		if (!str_eq(str_c(torture[i].name), str_c(name)))
			continue;
		r = test_calloc(1, sizeof(*r));
		run(r, &torture[i]);
		return r;
	}
	fail_msg("no message %s", name);
	return NULL;
}

static void run_free(struct run *r)
{
	arena_free(&r->arena);
	test_free(r);
}

#define assert_str(got, want) assert_true(str_eq((got), STR(want)))

static void test_wsinv_in_detail(void **state)
{
	struct run *r = run_named("wsinv");
	const struct sip_nameaddr *na;
	const struct sip_via *via;
	const struct sip_cseq *cseq;
	const struct sip_uri *uri;
	struct sip_nameaddr *list;
	struct sip_list_cursor c = {0};
	struct str item;
	size_t n;

	(void)state;
	assert_int_equal(sip_msg_ruri(&r->msg, &uri), 0);
	assert_str(uri->user, "vivekg");
	assert_str(uri->host, "chair-dnrc.example.com");
	assert_int_equal(uri->params.n, 1);
	assert_int_equal(sip_msg_to(&r->msg, &na), 0);
	assert_str(sip_nameaddr_tag(na), "1918181833n");
	assert_int_equal(sip_msg_from(&r->msg, &na), 0);
	assert_str(na->display, "J Rosenberg \\\\\\\"");
	assert_str(sip_nameaddr_tag(na), "98asjd8");
	assert_int_equal(sip_msg_via(&r->msg, &via), 0);
	assert_str(via->host, "192.0.2.2");
	assert_str(via->branch, "390skdjuw");
	n = 0;
	while (sip_msg_each_item(&r->msg, SIP_H_VIA, &c, &item))
		n++;
	assert_int_equal(n, 3);
	assert_int_equal(sip_msg_cseq(&r->msg, &cseq), 0);
	assert_int_equal(cseq->number, 9);
	assert_int_equal(cseq->method, SIP_M_INVITE);
	assert_int_equal(sip_msg_contacts(&r->msg, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_str(sip_param_find(&list[0].params, STR("newparam"))->value, "newvalue");
	assert_false(sip_param_find(&list[0].params, STR("secondparam"))->has_value);
	assert_str(sip_param_find(&list[0].params, STR("Q"))->value, "0.33");
	assert_int_equal(sip_msg_routes(&r->msg, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_non_null(sip_param_find(&list[0].uri.params, STR("lr")));
	assert_int_equal(r->msg.body.len, 150);
	run_free(r);
}

static void test_escapes_stay(void **state)
{
	struct run *r = run_named("esc01");
	const struct sip_uri *uri;
	struct sip_nameaddr *list;
	size_t n;

	(void)state;
	assert_int_equal(sip_msg_ruri(&r->msg, &uri), 0);
	assert_str(uri->user, "sips%3Auser%40example.com");
	assert_str(uri->host, "example.net");
	assert_int_equal(sip_msg_contacts(&r->msg, &list, &n), 0);
	assert_str(list[0].uri.user, "cal%6Cer");
	assert_non_null(sip_param_find(&list[0].uri.params, STR("lr")));
	assert_str(sip_param_find(&list[0].uri.params, STR("name"))->value, "v%61lue%25%34%31");
	run_free(r);
	r = run_named("escnull");
	assert_int_equal(sip_msg_contacts(&r->msg, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_str(list[0].uri.user, "%00");
	assert_str(list[1].uri.user, "%00%00");
	assert_false(sip_uri_eq(&list[0].uri, &list[1].uri));
	run_free(r);
	r = run_named("semiuri");
	assert_int_equal(sip_msg_ruri(&r->msg, &uri), 0);
	assert_str(uri->user, "user;par=u%40example.net");
	run_free(r);
	r = run_named("intmeth");
	assert_int_equal(sip_msg_ruri(&r->msg, &uri), 0);
	assert_str(uri->user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	assert_str(uri->password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
	run_free(r);
}

static void test_parameters_belong_where_they_stand(void **state)
{
	struct run *r = run_named("cparam01");
	struct sip_nameaddr *list;
	size_t n;

	(void)state;
	assert_int_equal(sip_msg_contacts(&r->msg, &list, &n), 0);
	assert_int_equal(list[0].uri.params.n, 0);
	assert_int_equal(list[0].params.n, 1);
	run_free(r);
	r = run_named("cparam02");
	assert_int_equal(sip_msg_contacts(&r->msg, &list, &n), 0);
	assert_int_equal(list[0].uri.params.n, 1);
	assert_int_equal(list[0].params.n, 0);
	run_free(r);
	r = run_named("regescrt");
	assert_int_equal(sip_msg_contacts(&r->msg, &list, &n), 0);
	assert_str(list[0].uri.headers, "Route=%3Csip:sip.example.com%3E");
	run_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torture),
		cmocka_unit_test(test_torture_answers),
		cmocka_unit_test(test_wsinv_in_detail),
		cmocka_unit_test(test_escapes_stay),
		cmocka_unit_test(test_parameters_belong_where_they_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
