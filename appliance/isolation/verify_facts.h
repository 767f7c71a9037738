/* Facts in words, each with the wall that it is of: a set that is added to, sorted, and compared with another. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_FACTS_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fact {
	unsigned wall; /* 1 to 3; 0: of none */
	uint32_t of; /* routing table of the APN or shared interface that it is about; 0: of the machine. Not compared */
	char *text; /* owned */
};

struct facts { /* zero-initialise */
	struct fact *items; /* owned */
	size_t count;
	size_t size;
	int error; /* 0 or -ENOMEM: the first failure is remembered, later calls do nothing */
};

void facts_add(struct facts *f, unsigned wall, uint32_t of, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* By wall and text; doubles go. */
void facts_sort(struct facts *f);
/* After facts_sort(). */
bool facts_have(const struct facts *f, const struct fact *one);
void facts_free(struct facts *f); /* empties it */

#endif
