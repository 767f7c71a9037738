/* Memory for many small things that all end together: taken piece by piece, given back as a whole. */
#ifndef CULVERT_LIB_ARENA_H
#define CULVERT_LIB_ARENA_H

#include <stddef.h>

struct arena;

/* NULL when memory ran out. */
struct arena *arena_new(void);
/* len octets, aligned for any pointer and number but long double, as they come; NULL when memory ran out. */
void *arena_take(struct arena *a, size_t len);
/* The same, all zero. */
void *arena_zeroed(struct arena *a, size_t len);
/* A copy of len octets. */
void *arena_copy(struct arena *a, const void *octets, size_t len);
/* A copy of a text with its NUL. */
char *arena_text(struct arena *a, const char *text);
/* NULL is allowed. */
void arena_free(struct arena *a);

#endif
