/* The secrets that a model holds: compared with and written into a generation's folder, never printed. */
#ifndef CULVERT_DAEMON_SECRETS_H
#define CULVERT_DAEMON_SECRETS_H

#include <stdbool.h>

struct diag_list;
struct model;
struct vault;

/* Those of the generation in folder gen: 0 with *ret (vault_free() it) or -errno. */
int secrets_load(const char *gen, struct vault **ret);
/* True if old has each secret of m as it is in m; one that m names and does not hold is an error in diags. */
bool secrets_equal(const struct model *m, const struct vault *old, struct diag_list *diags);
/* Writes gen/secrets, 0600, gen being new. 0, or -errno with the reason in diags. */
int secrets_write(const struct model *m, const char *gen, struct diag_list *diags);
/*
 * The names of m's secrets that old has with another content; one that is new is not among them. 0 with *ret
 * (secrets_free_names() it; sorted, a NULL at its end) or -ENOMEM.
 */
int secrets_changed(const struct model *m, const struct vault *old, char ***ret);
/* NULL is allowed. */
void secrets_free_names(char **names);

#endif
