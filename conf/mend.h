/* What libconfig would read as something else, or refuse at once: told with its key, and put right to read on. */
#ifndef CULVERT_CONF_MEND_H
#define CULVERT_CONF_MEND_H

#include <stdbool.h>

struct diag_list;
struct scan_token;
struct source;

/* True if libconfig does not take a value as it looks: 0123, a number that it cuts, a text with \x00 in it. */
bool mend_doubts(const struct scan_token *t);
/*
 * Looks at what source_build() leaves, which need not parse, for such values, for arrays of more than one kind and for
 * keys that stand twice in a group. What is wrong goes to diags, with keys that are right where brackets match. All but
 * keys is put right in the text as the message says, in its place; or, where the message cannot know what is meant,
 * becomes some other value of its kind, and its key one of s->spoilt. s->doubtful: something was wrong. 0 or -ENOMEM.
 */
int mend(struct source *s, struct diag_list *diags);

#endif
