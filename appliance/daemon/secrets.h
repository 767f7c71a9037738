/* The secret files that a model names: compared with and copied into a generation's folder, never printed. */
#ifndef CULVERT_DAEMON_SECRETS_H
#define CULVERT_DAEMON_SECRETS_H

#include <stdbool.h>

struct diag_list;
struct model;

/* True if gen/secrets/ has each secret of m as it is in m->dir; one that cannot be read is an error in diags. */
bool secrets_equal(const struct model *m, const char *gen, struct diag_list *diags);
/*
 * Puts each secret of m into gen/secrets/, 0600 in a folder of 0700, gen being new. Those that the older generation
 * from has, but for the names in changed, are links to its files: equal secrets are one file. from may be NULL. 0, or
 * -errno with the reason in diags.
 */
int secrets_copy(
	const struct model *m, const char *gen, const char *from, char *const *changed, struct diag_list *diags);

/*
 * The names of m's secrets that gen/secrets/ has with another content, or that cannot be read any more; one that is new
 * is not among them. 0 with *ret (secrets_free_names() it; sorted, a NULL at its end) or -ENOMEM.
 */
int secrets_changed(const struct model *m, const char *gen, char ***ret);
/* NULL is allowed. */
void secrets_free_names(char **names);

#endif
