#include "conf/stamps.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Seconds: more than a step of any file system's clock. */
enum { STEP = 3 };

struct stamp {
	const char *name;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct stamps {
	size_t n, room;
	struct stamp list[];
};

struct stamps *stamps_new(size_t n)
{
	struct stamps *s = calloc(1, sizeof(*s) + n * sizeof(s->list[0]));

	if (s)
		s->room = n;
	return s;
}

void stamps_add(struct stamps *s, const char *name, const struct stat *st, time_t began)
{
	if (s->n < s->room && st->st_ctim.tv_sec <= began - STEP)
		s->list[s->n++] = (struct stamp){ name, st->st_dev, st->st_ino, st->st_size, st->st_ctim };
}

static int compare(const void *a, const void *b)
{
	const struct stamp *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void stamps_sort(struct stamps *s)
{
	size_t n = s->n;

	qsort(s->list, n, sizeof(s->list[0]), compare);
	s->n = 0;
	for (size_t i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && !compare(&s->list[i], &s->list[next]);)
			next++;
		if (next == i + 1)
			s->list[s->n++] = s->list[i];
	}
}

bool stamps_fit(const struct stamps *s, const char *name, const struct stat *st)
{
	struct stamp key = { .name = name };
	const struct stamp *found = s ? bsearch(&key, s->list, s->n, sizeof(key), compare) : NULL;

	return found && found->device == st->st_dev && found->inode == st->st_ino && found->size == st->st_size &&
		   found->changed.tv_sec == st->st_ctim.tv_sec && found->changed.tv_nsec == st->st_ctim.tv_nsec;
}

void stamps_free(struct stamps *s)
{
	free(s);
}
