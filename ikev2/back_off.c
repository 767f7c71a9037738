#include "ikev2/back_off.h"

uint32_t back_off(uint32_t tries, uint32_t random)
{
	uint32_t pause = BACK_OFF_MIN;

	for (; tries && pause < BACK_OFF_MAX; tries--)
		pause *= 2;
	if (pause > BACK_OFF_MAX)
		pause = BACK_OFF_MAX;
	return pause + random % (pause / 4 + 1);
}
