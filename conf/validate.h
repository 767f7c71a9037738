/* Whether the parts of a model fit each other. Takes models with zero fields where reading found errors. */
#ifndef CULVERT_CONF_VALIDATE_H
#define CULVERT_CONF_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct node;
struct diag_list;
struct ip;
struct locator;
struct model;
struct prefix;
struct stamps;
struct vault;

struct conf_machine;

struct check {
	const struct model *m;
	struct diag_list *diags;
	const struct locator *where;
	const struct model *before; /* whose secrets that did not change are not read again; NULL: none */
	time_t began; /* the load */
	const struct conf_machine *machine; /* NULL: not asked */
	struct vault *secrets; /* what validate_secrets() has read; NULL before that */
	struct stamps *stamps; /* of the files */
	bool operators; /* the operator's own file, which somebody may be writing just now */
	int error; /* 0 or -ENOMEM */
};

/* A path into the file, such as "apns[0].pool[1]". */
struct key {
	char text[96];
};
/* The format knows %zu and %s, nothing else. */
struct key check_key(const char *format, ...) __attribute__((format(printf, 1, 2)));

void check_error(struct check *c, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_warning(struct check *c, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_note(struct check *c, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Where another key stands, for messages about key: "line 7", with the file if it is not the same. */
struct place {
	char text[320];
};
struct place check_place(const struct check *c, const char *key, const char *other);
/* True if the key stands in the file. */
bool check_has(const struct check *c, const char *key);
/* The same for several keys of one group, which is looked for once. NULL: it is not there, and has none. */
const struct node *check_group(const struct check *c, const char *key);
bool check_group_has(const struct node *group, const char *name);
/* True if reading the key has given an error: its value is then not known. */
bool check_wrong(const struct check *c, const char *key);
/* Order in the file of two keys that differ in numbers. */
int check_order(const char *a, const char *b);

/* "IPv4" or "IPv6". */
const char *family_word(int family);
bool is_set(const struct ip *ip);
/* False also if one of them was never set. */
bool overlap(const struct prefix *a, const struct prefix *b);
/* True if each address of p lies in one of the list, or if one of the list was never set. */
bool is_covered(const struct prefix *p, const struct prefix *list, size_t n);
/* The family of the outer side, AF_UNSPEC if that is not known. */
int outer_family(const struct model *m);
/* Of a list without order: each entry is clear of those before it. list: its key. */
void check_apart(struct check *c, const char *list, const struct prefix *prefixes, size_t n);

/* Things of one kind that must differ in text. */
struct named {
	const char *text; /* NULL: was wrong already */
	struct key key;
};
/* Those without text first, then by text, and by their order in the file. */
void sort_named(struct named *list, size_t n);
/* Reports each entry whose text an earlier one has; sorts list. what: "name", "interface". */
void check_unique(struct check *c, const char *what, struct named *list, size_t n);

/* Everything but the secrets. Errors go to c->diags; c->error if memory ran out. */
void validate_model(struct check *c);
/* Its parts, each in the file of its name. */
void validate_gateway(struct check *c);
void validate_carriers(struct check *c);
void validate_identities(struct check *c);
void validate_apns(struct check *c);
void validate_cloud(struct check *c, size_t apn);
void validate_services(struct check *c, size_t apn);
void validate_asking(struct check *c, size_t apn); /* ping responder and probe */
void validate_interfaces(struct check *c);
void validate_shared(struct check *c);
void validate_selectors(struct check *c);
/* One prefix of an APN (what: its key), against the addresses and networks of the gateway itself. */
void check_clear_of_gateway(struct check *c, const char *key, const struct prefix *p);
/* Existence, owner, mode and form of the files in secrets/; of a generation's, which holds its own, form alone. */
void validate_secrets(struct check *c);
/* What the file names and the machine does not have, as warnings. */
void validate_machine(struct check *c);
/* What values imply, as notes; comes last, so that it takes no room from errors. */
void validate_notes(struct check *c);

#endif
