#include "appliance/isolation/traffic.h"

enum traffic_step traffic_step(const struct traffic *before, const struct traffic *after)
{
	if (after->out < before->out || after->in < before->in)
		return TRAFFIC_NONE;
	if (after->in > before->in)
		return TRAFFIC_HEARD;
	return after->out > before->out ? TRAFFIC_OUT : TRAFFIC_NONE;
}

void traffic_take(struct traffic_view *v, const struct traffic *now, uint64_t time)
{
	enum traffic_step step = v->known ? traffic_step(&v->last, now) : TRAFFIC_NONE;

	switch (step) {
	case TRAFFIC_NONE:
		break;
	case TRAFFIC_OUT:
		if (!v->unanswered)
			v->unanswered = v->read;
		break;
	case TRAFFIC_HEARD:
		v->heard = time;
		v->unanswered = 0;
		break;
	}
	v->known = true;
	v->last = *now;
	v->read = time;
}

bool traffic_one_sided(const struct traffic_view *v, uint64_t time, uint64_t patience)
{
	return v->unanswered && time - v->unanswered >= patience;
}

void traffic_excuse(struct traffic_view *v)
{
	v->unanswered = 0;
}
