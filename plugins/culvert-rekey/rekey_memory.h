/*
 * What is remembered of rehearsals, across restarts: a book (ikev2/rehearsal.h) and its file in charon's state folder,
 * written beside and renamed. A file that is damaged is not believed: it is replaced and that is logged once. Any
 * thread, also in a listener, but for save().
 */
#ifndef REKEY_MEMORY_H_
#define REKEY_MEMORY_H_

#include <library.h>

#include "ikev2/rehearsal.h"
#include "plugins/culvert-conf/conf_generation.h"

typedef struct rekey_memory_t rekey_memory_t;

struct rekey_memory_t {

	/** rehearsal_due() for a tunnel. */
	bool (*is_due)(rekey_memory_t *this, const char *tunnel, const uint8_t digest[REHEARSAL_DIGEST],
		enum rehearsal_result *result);

	/** Notes a result; digest NULL: for what the tunnel's last note is for. */
	void (*note)(
		rekey_memory_t *this, const char *tunnel, const uint8_t digest[REHEARSAL_DIGEST], enum rehearsal_result result);

	/** Takes back that a rehearsal has begun. */
	void (*withdraw)(rekey_memory_t *this, const char *tunnel);

	/**
	 * A rekey succeeded, not in a rehearsal: what failed in one is well.
	 *
	 * @param child		whether it was a CHILD_SA's
	 * @return			whether that changed the note
	 */
	bool (*revise)(rekey_memory_t *this, const char *tunnel, bool child);

	/**
	 * Writes the file if anything has changed, without the tunnels that are gone.
	 *
	 * @param generation	the one in force
	 * @return				FALSE if it could not be written, which is logged once
	 */
	bool (*save)(rekey_memory_t *this, conf_generation_t *generation);

	/** Prints "rehearsal TUNNEL RESULT AGE" for each tunnel that has a result; AGE in seconds. */
	void (*print)(rekey_memory_t *this, struct buf *out);

	void (*destroy)(rekey_memory_t *this);
};

/**
 * Reads the file.
 *
 * @param folder	where it is, made if it is missing
 */
rekey_memory_t *rekey_memory_create(const char *folder);

#endif
