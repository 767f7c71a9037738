/* The two file formats, read into sections. Failures are in the source; see there. */
#ifndef CULVERT_CONF_CONVERT_PARSE_H
#define CULVERT_CONF_CONVERT_PARSE_H

#include <stdbool.h>

struct foreign;

/* True if the text is in ipsec.conf's format, by its first section's heading. */
bool convert_is_ipsec(const char *text);
/* swanctl.conf: sections in { }, inheritance resolved. */
void convert_parse_swanctl(struct foreign *s, const char *text);
/* ipsec.conf: sections named "conn NAME" and so on; %default and also= resolved. */
void convert_parse_ipsec(struct foreign *s, const char *text);

#endif
