#include "rekey_memory.h"

#include <errno.h>
#include <threading/mutex.h>

#include "lib/buf.h"
#include "lib/io.h"

typedef struct private_rekey_memory_t private_rekey_memory_t;

struct private_rekey_memory_t {
	rekey_memory_t public;
	/** owned */
	char *path;
	/** locks all below; taken last, nothing is called with it held */
	mutex_t *mutex;
	struct rehearsal_book book;
	/** whether the file says something else */
	bool dirty;
	/** whether it was told already that it cannot be written */
	bool told;
};

METHOD(rekey_memory_t, is_due, bool, private_rekey_memory_t *this, const char *tunnel,
	const uint8_t digest[REHEARSAL_DIGEST], enum rehearsal_result *result)
{
	bool due;

	this->mutex->lock(this->mutex);
	due = rehearsal_due(rehearsal_find(&this->book, tunnel), digest, result);
	this->mutex->unlock(this->mutex);
	return due;
}

/** With the mutex held. */
static void set(private_rekey_memory_t *this, const char *tunnel, const uint8_t *digest, enum rehearsal_result result)
{
	const struct rehearsal_note *last = rehearsal_find(&this->book, tunnel);
	struct rehearsal_note note = { .tunnel = (char *)tunnel, .result = result, .when = time(NULL) };

	if (!digest && !last)
		return;
	memcpy(note.digest, digest ?: last->digest, sizeof(note.digest));
	if (rehearsal_set(&this->book, &note) < 0)
		DBG1(DBG_LIB, "no memory to note a rehearsal");
	this->dirty = TRUE;
}

METHOD(rekey_memory_t, note, void, private_rekey_memory_t *this, const char *tunnel,
	const uint8_t digest[REHEARSAL_DIGEST], enum rehearsal_result result)
{
	this->mutex->lock(this->mutex);
	set(this, tunnel, digest, result);
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_memory_t, withdraw, void, private_rekey_memory_t *this, const char *tunnel)
{
	const struct rehearsal_note *note;

	this->mutex->lock(this->mutex);
	note = rehearsal_find(&this->book, tunnel);
	if (note && note->result == REHEARSAL_AGAIN) {
		set(this, tunnel, NULL, REHEARSAL_BEGUN);
	} else if (note && note->result == REHEARSAL_BEGUN) {
		rehearsal_remove(&this->book, tunnel);
		this->dirty = TRUE;
	}
	this->mutex->unlock(this->mutex);
}

/** Whether a rekey of that kind shows that what failed is well; where it is not known, that of the IKE_SA. */
static bool shows(enum rehearsal_result result, bool child)
{
	switch (result) {
	case REHEARSAL_BEGUN:
	case REHEARSAL_AGAIN:
	case REHEARSAL_PASSED:
		break;
	case REHEARSAL_CHILD_PROPOSAL:
	case REHEARSAL_CHILD_SELECTORS:
	case REHEARSAL_CHILD_FAILED:
		return child;
	case REHEARSAL_IKE_PROPOSAL:
	case REHEARSAL_IKE_FAILED:
	case REHEARSAL_NO_ANSWER:
	case REHEARSAL_ENDED:
		return !child;
	}
	return FALSE;
}

METHOD(rekey_memory_t, revise, bool, private_rekey_memory_t *this, const char *tunnel, bool child)
{
	const struct rehearsal_note *note;
	bool revised;

	this->mutex->lock(this->mutex);
	note = rehearsal_find(&this->book, tunnel);
	revised = note && shows(note->result, child);
	if (revised)
		set(this, tunnel, NULL, REHEARSAL_PASSED);
	this->mutex->unlock(this->mutex);
	return revised;
}

static bool is_known(void *data, const char *tunnel)
{
	conf_generation_t *generation = data;

	return generation->get_tunnel(generation, tunnel) != NULL;
}

/** Tells it the first time. */
static void complain(private_rekey_memory_t *this, int error)
{
	if (!this->told)
		DBG1(DBG_CFG, "%s: %s: no rekey is rehearsed, since it could not be remembered", this->path, strerror(-error));
	this->told = TRUE;
}

METHOD(rekey_memory_t, save, bool, private_rekey_memory_t *this, conf_generation_t *generation)
{
	struct buf text = {};
	int error;

	this->mutex->lock(this->mutex);
	if (!this->dirty) {
		this->mutex->unlock(this->mutex);
		return TRUE;
	}
	/* Before the first generation nobody is gone. */
	if (generation->get_count(generation))
		rehearsal_prune(&this->book, is_known, generation);
	rehearsal_print(&this->book, &text);
	this->dirty = FALSE;
	this->mutex->unlock(this->mutex);
	/* Listeners do not wait for a disk. */
	error = text.error ?: io_write_file(this->path, text.text, text.len, 0600);
	buf_free(&text);
	this->mutex->lock(this->mutex);
	if (error)
		complain(this, error);
	this->dirty |= error != 0;
	this->told &= error != 0;
	this->mutex->unlock(this->mutex);
	return !error;
}

METHOD(rekey_memory_t, print, void, private_rekey_memory_t *this, struct buf *out)
{
	const struct rehearsal_note *note;
	int64_t now = time(NULL);
	size_t i;

	this->mutex->lock(this->mutex);
	for (i = 0; i < this->book.n; i++) {
		note = &this->book.notes[i];
		if (note->result == REHEARSAL_PASSED || rehearsal_failed(note->result))
			buf_printf(out, "rehearsal %s %s %lld\n", note->tunnel, rehearsal_word(note->result),
				(long long)max(now - note->when, (int64_t)0));
	}
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_memory_t, destroy, void, private_rekey_memory_t *this)
{
	rehearsal_free(&this->book);
	this->mutex->destroy(this->mutex);
	free(this->path);
	free(this);
}

static void read_file(private_rekey_memory_t *this)
{
	size_t len, line = 0;
	char *text = NULL;
	int error;

	error = io_read_file(this->path, REHEARSAL_FILE_MAX, &text, &len);
	if (error == -ENOENT)
		return;
	if (!error)
		error = rehearsal_parse(text, len, &this->book, &line);
	free(text);
	if (!error)
		return;
	this->dirty = TRUE;
	if (error == -EPROTO)
		DBG1(DBG_CFG, "%s:%zu is damaged: rehearsals are begun anew", this->path, line);
	else
		DBG1(DBG_CFG, "%s cannot be read, %s: rehearsals are begun anew", this->path, strerror(-error));
}

rekey_memory_t *rekey_memory_create(const char *folder)
{
	private_rekey_memory_t *this;
	struct buf path = {};

	buf_printf(&path, "%s/rehearsals", folder);
	INIT(this,
		.public = {
			.is_due = _is_due,
			.note = _note,
			.withdraw = _withdraw,
			.revise = _revise,
			.save = _save,
			.print = _print,
			.destroy = _destroy,
		},
		.path = buf_steal(&path),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	/* What goes wrong with the folder shows when the file is written. */
	io_make_dirs(folder, 0700);
	read_file(this);
	return &this->public;
}
