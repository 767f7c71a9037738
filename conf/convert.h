/*
 * What strongSwan's and libreswan's files say of tunnels, in culvert.conf's words. Pure: text in, text out. No secret
 * that stands in the text gets into the output or a message.
 */
#ifndef CULVERT_CONF_CONVERT_H
#define CULVERT_CONF_CONVERT_H

#include <stddef.h>

struct buf;
struct diag_list;

enum { CONVERT_FILE_MAX = 1024 * 1024 }; /* octets */

/*
 * Converts a swanctl.conf or an ipsec.conf (which of the two, the text tells); name stands in the messages. 0: out has
 * carriers and apns, with TODO wherever the text did not say what Culvert needs to know. -EINVAL with errors in diags,
 * or -ENOMEM; out is then as it was. Unless memory ran out, left has a line "NAME:LINE: KEY: WHY; WHAT TO DO" for each
 * thing that was not taken over.
 */
int convert_text(
	const char *text, size_t len, const char *name, struct diag_list *diags, struct buf *out, struct buf *left);

#endif
