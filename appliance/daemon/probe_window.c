#include "appliance/daemon/probe_window.h"

static uint64_t sent_at(const struct probe_window *w, uint32_t number)
{
	return w->times[number % PROBE_WINDOW];
}

static uint64_t bit_of(uint32_t number)
{
	return UINT64_C(1) << number % PROBE_WINDOW;
}

static bool is_remembered(const struct probe_window *w, uint32_t number)
{
	return number > 0 && number <= w->sent && w->sent - number < PROBE_WINDOW;
}

uint32_t probe_window_send(struct probe_window *w, uint64_t now)
{
	w->sent++;
	w->times[w->sent % PROBE_WINDOW] = now;
	w->open |= bit_of(w->sent);
	return w->sent;
}

bool probe_window_answer(struct probe_window *w, uint32_t number, uint64_t now, const struct probe_pace *pace)
{
	if (!number)
		number = w->sent;
	if (!is_remembered(w, number) || !(w->open & bit_of(number)))
		return false;
	w->open &= ~bit_of(number);
	w->answered++;
	w->round_trip = now - sent_at(w, number);
	if (w->round_trip > pace->patience)
		w->late++;
	if (number > w->newest)
		w->newest = number;
	w->proven = true;
	return true;
}

uint32_t probe_window_unanswered(const struct probe_window *w, uint64_t now, const struct probe_pace *pace)
{
	uint32_t number = w->sent;

	while (number > w->newest && is_remembered(w, number) && sent_at(w, number) + pace->patience > now)
		number--;
	return number - w->newest;
}

bool probe_window_fails(const struct probe_window *w, uint64_t now, const struct probe_pace *pace)
{
	return probe_window_unanswered(w, now, pace) >= PROBE_LOST;
}

uint64_t probe_window_end(const struct probe_window *w, const struct probe_pace *pace)
{
	if (w->sent - w->newest < PROBE_LOST)
		return UINT64_MAX;
	return is_remembered(w, w->newest + PROBE_LOST) ? sent_at(w, w->newest + PROBE_LOST) + pace->patience : 0;
}

uint64_t probe_window_due(const struct probe_window *w, const struct probe_pace *pace)
{
	uint64_t wait = pace->interval;

	if (!w->sent)
		return 0;
	if (w->sent > w->newest && w->sent - w->newest < PROBE_LOST && pace->patience / 2 < wait)
		wait = pace->patience / 2;
	return sent_at(w, w->sent) + wait;
}

void probe_window_forget(struct probe_window *w)
{
	w->newest = w->sent;
	w->open = 0;
	w->proven = false;
}
