/* A foreign file, taken apart: sections, settings with their lines, and what is to be said of them. */
#ifndef CULVERT_CONF_CONVERT_FOREIGN_H
#define CULVERT_CONF_CONVERT_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct diag_list;
struct note;

enum {
	FOREIGN_DEPTH_MAX = 16, /* sections inside sections, and references to references */
	FOREIGN_SETTINGS_MAX = 512, /* of a section */
	FOREIGN_REFERENCES_MAX = 64, /* of a section */
	FOREIGN_SECTIONS_MAX = 4096, /* of a section */
	FOREIGN_NODES_MAX = 100000, /* sections and settings in all, with the inherited ones */
};

struct setting {
	struct setting *next;
	const char *name, *value;
	unsigned line;
	bool taken; /* somebody has read it */
	bool inherited; /* from another section */
};

/* The path of a section that another one inherits from. */
struct reference {
	struct reference *next;
	const char *path;
	unsigned line;
};

struct section {
	struct section *next;
	const char *name;
	unsigned line;
	struct setting *settings; /* in the file's order, the inherited ones behind */
	struct section *sections;
	struct reference *references;
	size_t n_settings, n_sections;
	bool referenced; /* others inherit from it */
	bool expanded, expanding;
};

struct foreign {
	const char *file; /* as it is called in messages */
	struct section *root;
	struct diag_list *diags;
	int error; /* 0, or -EINVAL or -ENOMEM: the first failure, which ends everything */
	size_t nodes;
	struct pool *pool; /* everything below is freed at once */
	struct note *notes, **last_note;
	size_t n_notes, n_dropped;
};

/* Zeroed memory that lives as long as the source; NULL: s->error is set. */
void *foreign_alloc(struct foreign *s, size_t size);
char *foreign_strndup(struct foreign *s, const char *text, size_t len);
char *foreign_printf(struct foreign *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* text, cut if it is long and with '?' for control characters: for messages and comments. "" if memory ran out. */
const char *foreign_show(struct foreign *s, const char *text);
/* The file as it is called in messages, without control characters. */
const char *foreign_name(struct foreign *s);
void foreign_free(struct foreign *s);

/* An error: the first one sets s->error. Nothing of the file's text may stand in it, for that could be a secret. */
void foreign_fail(struct foreign *s, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What is not taken over: why, and what to do. The same for the same line is kept once. A '.' at key's end is cut. */
void foreign_note(struct foreign *s, unsigned line, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* One line a note, each behind prefix: "FILE:LINE: KEY: TEXT". In the order of lines. */
void foreign_print_notes(struct foreign *s, const char *prefix, struct buf *out);

/* The subsection of that name, made if it is not there; NULL: s->error is set. */
struct section *foreign_section(struct foreign *s, struct section *parent, const char *name, unsigned line);
struct section *foreign_find(const struct section *parent, const char *name);
/* Sets name to value, in place of an earlier value. */
void foreign_set(struct foreign *s, struct section *section, const char *name, const char *value, unsigned line);
void foreign_refer(struct foreign *s, struct section *section, const char *path, unsigned line);
/* Copies into base whatever of other it has not itself, subsections included. */
void foreign_inherit(struct foreign *s, struct section *base, const struct section *other, unsigned depth);

/* The setting, marked as taken, or NULL if there is none or its value is empty. */
struct setting *foreign_take(const struct section *section, const char *name);
/* The same without the mark. */
struct setting *foreign_get(const struct section *section, const char *name);

/* What is to be said of a key that nobody took. */
struct rule {
	const char *name;
	const char *same; /* values, separated by '|', with which Culvert does the same anyway; "*": all; NULL: none */
	const char *why;
};

struct rules {
	const struct rule *items;
	size_t n;
};

/* Notes what was not taken in the section itself; path stands before the names. */
void foreign_note_rest(struct foreign *s, const struct section *section, const char *path, const struct rules *rules);
/* The same for one setting, which stands in the rules as name. False if it does not. */
bool foreign_note_rule(
	struct foreign *s, const struct setting *i, const char *path, const char *name, const struct rules *rules);
/* For what stands in no rules. */
void foreign_note_unknown(struct foreign *s, const struct setting *i, const char *path);

#endif
