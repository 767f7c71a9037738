#include "appliance/isolation/mtu_search.h"

void mtu_search_begin(struct mtu_search *s, uint32_t least, uint32_t most)
{
	*s = (struct mtu_search){ .least = least, .high = most + 1, .size = most, .over = most < least };
}

uint32_t mtu_search_next(const struct mtu_search *s)
{
	if (s->over)
		return 0;
	return s->confirming ? s->least : s->size;
}

/* low passes, high does not. */
static void narrow(struct mtu_search *s)
{
	s->over = s->high - s->low <= MTU_SEARCH_STEP;
	s->size = s->low + (s->high - s->low) / 2;
}

static void take_silence(struct mtu_search *s)
{
	if (++s->tries < MTU_SEARCH_TRIES)
		return;
	s->tries = 0;
	if (s->confirming) {
		s->over = true;
		s->low = 0;
	}
	s->confirming = true;
}

void mtu_search_answer(struct mtu_search *s, bool came)
{
	if (s->over)
		return;
	if (!came) {
		take_silence(s);
		return;
	}
	s->tries = 0;
	if (!s->confirming) {
		s->low = s->size;
	} else {
		s->high = s->size;
		s->low = s->low > 0 ? s->low : s->least;
	}
	s->confirming = false;
	narrow(s);
}

uint32_t mtu_search_result(const struct mtu_search *s)
{
	return s->over ? s->low : 0;
}
