/* How a call sounded, from what was measured: the E-model.
 *
 * For CDRs and the admin API, any thread: a pure function. ITU-T G.107 with its default values gives
 * R = 93.2 - Id - Ie,eff; the listening quality that is left of it when nothing but delay, loss and codec is known:
 *   Id     = 0.024 d + 0.11 (d - 177.3) where d > 177.3 ms: the usual straight-line form of G.107's Idd
 *            (R. Cole and J. Rosenbluth, "Voice over IP performance monitoring", 2001)
 *   d      = one-way delay + twice the jitter, as a jitter buffer would take it
 *   Ie,eff = Ie + (95 - Ie) Ppl / (Ppl + Bpl), random loss (BurstR = 1), G.107 (7-29)
 * and MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6, G.107 annex B. */
#include "media_client.h"

/* Ie and Bpl: ITU-T G.113 appendix I for G.711 with loss concealment, G.729A, G.723.1 and GSM FR's Ie. The others have
 * no narrow-band figures there and are estimates: no impairment of their own, and a concealment like the nearest
 * codec's that is listed. */
static const struct {
	struct str encoding;
	double ie, bpl;
} codecs[] = {
	{STR_INIT("PCMU"), 0, 25.1},  {STR_INIT("PCMA"), 0, 25.1},  {STR_INIT("G729"), 11, 19.0},
	{STR_INIT("G723"), 15, 16.1}, {STR_INIT("GSM"), 20, 10.0},  {STR_INIT("G722"), 0, 25.1},
	{STR_INIT("opus"), 0, 25.1},  {STR_INIT("iLBC"), 11, 32.0},
};

static double delay_impairment(double d)
{
	return 0.024 * d + (d > 177.3 ? 0.11 * (d - 177.3) : 0);
}

static double mos_of(double r)
{
	double mos;

	if (r <= 0)
		return 1;
	mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
	return mos < 1 ? 1 : mos;
}

uint32_t media_mos_x100(const struct media_stat *s, struct str codec, uint32_t delay_ms)
{
	const uint32_t needed = MEDIA_STAT_JITTER | MEDIA_STAT_LOSS;

	if (s->rx_packets == 0 || (s->flags & needed) != needed)
		return 0;
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		double ie = codecs[i].ie, lost = (double)s->lost;
		double loss = 100 * lost / (lost + (double)s->rx_packets);
		double d = (double)delay_ms + 2 * (double)s->jitter_us / 1000;

		if (!str_ieq(codec, codecs[i].encoding))
			continue;
		ie += (95 - ie) * loss / (loss + codecs[i].bpl);
		return (uint32_t)(100 * mos_of(93.2 - delay_impairment(d) - ie) + 0.5);
	}
	return 0;
}
