/* Whether the parts of a model fit each other. Takes models with zero fields where reading found errors. */
#ifndef CULVERT_CONF_VALIDATE_H
#define CULVERT_CONF_VALIDATE_H

#include <stddef.h>

struct diag_list;
struct locator;
struct model;

struct check {
	const struct model *m;
	struct diag_list *diags;
	const struct locator *where;
	int error; /* 0 or -ENOMEM */
};

/* A path into the file, such as "apns[0].pool[1]". */
struct key {
	char text[96];
};
struct key check_key(const char *format, ...) __attribute__((format(printf, 1, 2)));

void check_error(struct check *c, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_warning(struct check *c, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Things of one kind that must differ in text. */
struct named {
	const char *text; /* NULL: was wrong already */
	struct key key;
};
/* Reports each entry whose text an earlier one has; sorts list. what: "name", "interface". */
void check_unique(struct check *c, const char *what, struct named *list, size_t n);

/* Everything but the secrets. Errors go to c->diags; c->error if memory ran out. */
void validate_model(struct check *c);
/* The part of it about APNs (validate_apn.c), about what they allow (validate_service.c), about tunnels shared by APNs.
 */
void validate_apns(struct check *c);
void validate_services(struct check *c, size_t apn);
void validate_selectors(struct check *c);
/* Existence, owner, mode and form of the files in secrets/. */
void validate_secrets(struct check *c);

#endif
