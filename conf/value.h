/* Kinds of single values: how each is read, printed and freed. Pure; what a value says alone, not how it fits others.
 */
#ifndef CULVERT_CONF_VALUE_H
#define CULVERT_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;
struct model;
struct tunnel;

/* The tunnels read so far, for values that name one. */
struct tunnel_index {
	const struct tunnel **sorted; /* owned, by name */
	size_t count;
};

/* The named tunnels of all carriers of m. The caller frees ret->sorted. 0 or -ENOMEM. */
int tunnel_index_build(const struct model *m, struct tunnel_index *ret);

enum value_form { VALUE_TEXT = 1, VALUE_NUMBER = 2, VALUE_REAL = 4, VALUE_BOOL = 8 }; /* bits */

struct value_source {
	enum value_form form; /* one of them */
	const char *text;
	long long number; /* of VALUE_BOOL 0 or 1 */
	double real; /* a number may stand for it */
	long long least, most; /* numbers: what the key allows */
	const struct tunnel_index *tunnels;
	struct arena *memory; /* for what a value points to */
};

struct value_kind {
	const char *form; /* in the reference: "network" */
	size_t size; /* octets of the field */
	unsigned forms; /* bits of value_form: how it may be written */
	const char *const *choices; /* of an enumeration: its words by value; then there is no parse and no print */
	size_t n_choices;
	/*
	 * 0 with *ret set; -EINVAL with the reason appended to why ("... is wrong; what is right") or -ENOMEM, *ret
	 * untouched.
	 */
	int (*parse)(const struct value_source *source, void *ret, struct buf *why);
	/* Appends the value as the operator writes it; false if the field was never set. */
	bool (*print)(const void *value, struct buf *out);
};

/* Texts, addresses, what tunnels are made of. */
extern const struct value_kind value_name, value_file, value_interface, value_identity;
extern const struct value_kind value_address, value_host_prefix, value_network, value_outer_address, value_selector,
	value_peer;
extern const struct value_kind value_suite, value_peer_type, value_ports, value_link;
/* unsigned, 0: never set; double, 0: never set */
extern const struct value_kind value_number, value_seconds, value_real;
/* bool, true where it is not written */
extern const struct value_kind value_switch;
/* Enumerations, and initiator and encapsulation, which are bool. */
extern const struct value_kind value_initiator, value_encapsulation, value_df, value_dscp, value_revocation,
	value_attach, value_children, value_icmp, value_probe_protocol;

/* A kind's own parse and print, or those of enumerations. */
int value_parse(const struct value_kind *kind, const struct value_source *source, void *ret, struct buf *why);
bool value_print(const struct value_kind *kind, const void *value, struct buf *out);

/* Appends "text" in quotes, for texts that need no escaping. */
void value_print_word(struct buf *out, const char *text);
/* Appends "text" in quotes, cut if very long, for messages. */
void value_quote(struct buf *out, const char *text);
/* Appends: "text" REASON. Returns -EINVAL, so that it can end a parse function. */
int value_refuse(struct buf *why, const char *text, const char *reason);
/* The word of words most like text, if one is near enough to be a slip of the pen; else NULL. */
const char *value_nearest(const char *text, const char *const *words, size_t n);

#endif
