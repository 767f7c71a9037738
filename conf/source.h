/* The operator's file and all that it includes as one text, which knows of each line where it came from. */
#ifndef CULVERT_CONF_SOURCE_H
#define CULVERT_CONF_SOURCE_H

#include "conf/model.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct diag_list;

enum {
	SOURCE_DEPTH_MAX = 10, /* files that are open at a time, the first one too */
	SOURCE_INCLUDES_MAX = 10000,
	SOURCE_BRACKETS_MAX = 64, /* open at a time */
	SOURCE_KEYS_MAX = 64, /* of one group: libconfig compares each with all before it */
	SOURCE_VALUES_MAX = 2000000, /* and keys, in all: libconfig takes about 100 octets for each */
};

/* Lines of one file, one behind the other. */
struct source_piece {
	unsigned first; /* line of the whole text, from 1 */
	struct origin origin; /* of that line */
};

struct source {
	struct buf text; /* what libconfig reads: no @include is left in it */
	struct source_piece *pieces; /* by their first line */
	size_t n_pieces, room;
	char **files; /* what origins point to: the first one, then each file that is included, as often as it is */
	size_t n_files;
	bool doubtful; /* a value is not what it looks like: mend() tells, and nothing of it may come into force */
	char **spoilt; /* keys whose values do not count, as "apns[0].cloud.vlan": mend() has told of them */
	size_t n_spoilt, spoilt_room;
};

/* How included files are read: as io_read_file() does. */
typedef int source_read(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len);

/*
 * Takes in the text of the file called name, and what it includes by read; read NULL: nothing may be included. Besides
 * octets that are no text it refuses what libconfig would take without a word, texts and comments that do not end; and
 * what would cost it minutes or gigabytes. Values that it would take as something else are left to mend().
 * 0; -EINVAL with errors in diags; or -ENOMEM. Whatever it returns, the caller source_free()s *ret.
 */
int source_build(const char *name, const char *text, size_t len, source_read *read, void *userdata,
	struct diag_list *diags, struct source *ret);
/*
 * The same without a look at what the text says, for one that tree_parse_plain() takes: that finds whatever this would
 * have to refuse, and a file to include.
 */
int source_take(const char *name, const char *text, size_t len, struct diag_list *diags, struct source *ret);
/* Where a line of the whole text stands. Line 0: the first file as a whole. */
struct origin source_origin(const struct source *s, unsigned line);
void source_free(struct source *s);

#endif
