/* Kinds of single values: how each is read, printed and freed. Pure; what a value says alone, not how it fits others.
 */
#ifndef CULVERT_CONF_VALUE_H
#define CULVERT_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct tunnel;

/* The tunnels read so far, for values that name one. */
struct tunnel_index {
	const struct tunnel **sorted; /* owned, by name */
	size_t count;
};

struct value_source {
	const char *text; /* NULL: number holds the value */
	long long number;
	const struct tunnel_index *tunnels;
};

struct value_kind {
	const char *form; /* in the reference: "network" */
	size_t size; /* octets of the field */
	bool text; /* may be written as text in quotes */
	bool number; /* may be written as a number */
	/*
	 * 0 with *ret set; -EINVAL with the reason appended to why ("... is wrong; what is right") or -ENOMEM, *ret
	 * untouched.
	 */
	int (*parse)(const struct value_source *source, void *ret, struct buf *why);
	/* Appends the value as the operator writes it; false if the field was never set. */
	bool (*print)(const void *value, struct buf *out);
	void (*clear)(void *value); /* NULL: owns nothing */
};

extern const struct value_kind value_name, value_file, value_interface, value_identity, value_address,
	value_host_prefix, value_network, value_suite, value_initiator, value_attach, value_lifetime, value_ports,
	value_link;

/* Appends "text" in quotes, cut if very long, for messages. */
void value_quote(struct buf *out, const char *text);
/* Appends: "text" REASON. Returns -EINVAL, so that it can end a parse function. */
int value_refuse(struct buf *why, const char *text, const char *reason);
/* The word of words most like text, if one is near enough to be a slip of the pen; else NULL. */
const char *value_nearest(const char *text, const char *const *words, size_t n);

#endif
