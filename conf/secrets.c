/*
 * The secrets folder: each file is what it should be and nobody else can read it. Messages name files, never what is
 * in them; contents are overwritten before they are freed.
 */
#include "conf/secrets.h"

#include "conf/conf.h"
#include "conf/model.h"
#include "conf/psk.h"
#include "conf/stamps.h"
#include "conf/validate.h"
#include "conf/vault.h"
#include "conf/x509.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PSK_LEAST = 20, /* octets; fewer can be guessed off line by who sees a handshake */
	PSK_GOOD = 32, /* octets; 256 bits if random */
	PSK_LOOKED_AT = 4096, /* octets; each possible period is tried */
};

#define KINDS (SECRET_CRL + 1)

/* What a file must be like, by kind. */
static const struct form {
	const char *name; /* key in the operator's file */
	mode_t refused; /* mode bits that must not be set */
} forms[KINDS] = {
	[SECRET_PSK] = { "psk_file", 077 },
	[SECRET_CERTIFICATE] = { "certificate", 022 },
	[SECRET_KEY] = { "key_file", 077 },
	[SECRET_CA] = { "ca", 022 },
	[SECRET_CRL] = { "crl", 022 },
};

/* A carrier's files of one kind. */
struct files {
	char *const *names;
	size_t n;
};

static struct files files_of(const struct carrier *c, enum secret_kind kind)
{
	switch (kind) {
	case SECRET_PSK:
		return (struct files){ c->psk_files, c->n_psk_files };
	case SECRET_CERTIFICATE:
		return (struct files){ c->certificates, c->n_certificates };
	case SECRET_KEY:
		return (struct files){ c->key_files, c->n_key_files };
	case SECRET_CA:
		return (struct files){ c->cas, c->n_cas };
	case SECRET_CRL:
		return (struct files){ c->crls, c->n_crls };
	}
	return (struct files){ 0 };
}

/* --- one file --- */

/* Notes what is wrong; the first thing stays, and an error takes the place of a warning. */
__attribute__((format(printf, 4, 5))) static void blame(
	struct check *c, struct secret *s, bool refused, const char *format, ...)
{
	char *text;
	va_list ap;

	if (s->wrong && (s->refused || !refused))
		return;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		c->error = -ENOMEM;
		return;
	}
	free(s->wrong);
	s->wrong = text;
	s->refused = refused;
}

/* "aaaa...", "changemechangeme...": a period of at most a quarter of its length, or of its begin if it is very long. */
static bool is_periodic(const char *psk, size_t len)
{
	len = len < PSK_LOOKED_AT ? len : PSK_LOOKED_AT;
	for (size_t period = 1; period <= len / 4; period++) {
		if (!memcmp(psk, psk + period, len - period))
			return true;
	}
	return false;
}

static void check_strength(struct check *c, struct secret *s, const char *psk, size_t len)
{
	if (len < PSK_LEAST)
		blame(c, s, true, "the key has %zu octets; use %d or more, from a random source", len, PSK_GOOD);
	else if (len < PSK_GOOD)
		blame(c, s, false, "the key has %zu octets; %d or more, from a random source, are better", len, PSK_GOOD);
	else if (is_periodic(psk, len))
		blame(c, s, false, "the key repeats itself and can be guessed; use %d octets or more, from a random source",
			PSK_GOOD);
}

static bool is_blank(char octet)
{
	return octet == ' ' || octet == '\t';
}

/* What is often written by mistake and would be taken as it is; len is at least 1. */
static void check_look(struct check *c, struct secret *s, const char *psk, size_t len)
{
	char first = psk[0], last = psk[len - 1];

	if (is_blank(first) || is_blank(last))
		blame(c, s, false, "a space at an end belongs to the key; take it out if the peer's key has none");
	else if ((first == '"' || first == '\'') && first == last)
		blame(c, s, false, "quotes around the key belong to it; take them out if the peer's key has none");
	else if (first == '0' && len > 1 && (psk[1] == 'X' || psk[1] == 'S'))
		blame(c, s, false, "begins with 0%c, which belongs to the key; write 0%c if octets are meant", psk[1],
			psk[1] == 'X' ? 'x' : 's');
}

static void check_psk(struct check *c, struct secret *s, const char *text, size_t len)
{
	enum psk_form form = psk_form(text, len);
	size_t psk_len;
	char *psk;

	int r = psk_decode(text, len, &psk, &psk_len);
	if (r == -ENOMEM)
		c->error = r;
	else if (r == -EINVAL)
		blame(c, s, true, "has a NUL, a carriage return or more than one line in it; write the key on one line");
	else if (r && form == PSK_HEX)
		blame(c, s, true,
			"begins with 0x, but what follows is not an even number of hexadecimal digits; write only those behind 0x, "
			"or a key that begins differently");
	else if (r)
		blame(c, s, true,
			"begins with 0s, but what follows is not base64 with its padding; write only that behind 0s, or a key that "
			"begins differently");
	if (r)
		return;
	check_strength(c, s, psk, psk_len);
	if (form == PSK_TEXT && psk_len)
		check_look(c, s, psk, psk_len);
	io_free_secret(psk, psk_len);
}

static void check_content(struct check *c, struct secret *s, const char *text, size_t len)
{
	const char *wrong = NULL;

	switch (s->kind) {
	case SECRET_PSK:
		check_psk(c, s, text, len);
		break;
	case SECRET_CERTIFICATE:
	case SECRET_CA:
		wrong = x509_read_certificate(text, len, &s->certificate);
		break;
	case SECRET_KEY:
		wrong = x509_read_key(text, len, &s->key);
		break;
	case SECRET_CRL:
		wrong = x509_read_crl(text, len, &s->crl);
		break;
	}
	if (wrong)
		blame(c, s, true, "%s", wrong);
}

/* Who is not root is not to read them; culvertd is. */
static bool is_for_root(int error)
{
	return error == -EACCES && geteuid();
}

static void blame_unreadable(struct check *c, struct secret *s, int error)
{
	if (error == -ENOMEM)
		c->error = error;
	else if (error == -EFBIG)
		blame(c, s, true, "is larger than %d octets; is it the right file?", SECRET_MAX);
	else if (is_for_root(error))
		blame(c, s, false, "is for root alone to read, so that it was not looked at; run culvert check as root");
	else if (error == -ENOENT && s->kind == SECRET_PSK && !strcmp(c->m->dir, "/etc/culvert"))
		blame(c, s, true, "is not there; put the carrier's key into it, or make one: culvert secret new %s", s->name);
	else if (error == -ENOENT && s->kind == SECRET_PSK)
		blame(c, s, true,
			"is not there; put the carrier's key into it, or make one: culvert secret new %s --dir %s/secrets", s->name,
			c->m->dir);
	else if (error == -ENOENT)
		blame(c, s, true, "is not there; put it there, or name another file");
	else
		blame(c, s, true, "cannot be read: %s", strerror(-error));
}

static bool is_foreign(const struct stat *st)
{
	return st->st_uid && st->st_uid != geteuid();
}

/* Where the files are. */
struct folder {
	int fd; /* -1: it could not be opened */
	struct vault *before; /* what was in those that have a stamp of then; NULL: that is not known */
};

/* The file as it was read before, if it is still that. 0, or -ENOENT. */
static int take_again(const struct check *c, const struct folder *folder, const char *name, struct stat *ret_st,
	char **ret, size_t *ret_len)
{
	const struct vault_secret *before = vault_find(folder->before, name);
	struct stat st;

	if (!before || fstatat(folder->fd, name, &st, 0) || !stamps_fit(c->before->stamps, name, &st))
		return -ENOENT;
	char *copy = malloc(before->len + 1);
	if (!copy)
		return -ENOENT;
	memcpy(copy, before->octets, before->len + 1);
	*ret = copy;
	*ret_len = before->len;
	*ret_st = st;
	return 0;
}

static int read_file(struct check *c, const struct folder *folder, const struct secret *s, struct stat *ret_st,
	char **ret, size_t *ret_len)
{
	if (folder->fd < 0)
		return io_read_file_stat(s->path, SECRET_MAX, ret_st, ret, ret_len);
	int r = take_again(c, folder, s->name, ret_st, ret, ret_len);
	if (r)
		r = io_read_file_at(folder->fd, s->name, SECRET_MAX, ret_st, ret, ret_len);
	if (!r)
		stamps_add(c->stamps, s->name, ret_st, c->began);
	return r;
}

static void see(struct check *c, struct secret *s, const struct folder *folder)
{
	mode_t refused = forms[s->kind].refused;
	struct stat st = { 0 };
	char *text = NULL;
	size_t len = 0;

	if (asprintf(&s->path, "%s/secrets/%s", c->m->dir, s->name) < 0) {
		s->path = NULL;
		c->error = -ENOMEM;
		return;
	}
	int r = read_file(c, folder, s, &st, &text, &len);
	/* Where it could not be opened, it may still tell more. */
	if (!st.st_mode && stat(s->path, &st))
		blame_unreadable(c, s, -errno);
	else if (!S_ISREG(st.st_mode))
		blame(c, s, true, "is no regular file; put the secret itself there");
	else if (is_foreign(&st))
		blame(c, s, true, "belongs to user %u; chown it to root", st.st_uid);
	else if (st.st_mode & 07777 & refused)
		blame(c, s, true, "mode %04o lets others in; chmod it to %04o", st.st_mode & 07777,
			st.st_mode & 07777 & ~refused);
	else if (r)
		blame_unreadable(c, s, r);
	else
		check_content(c, s, text, len);
	if (r)
		return;
	s->octets = text;
	s->len = len;
}

/* Of one that a generation holds only what it says can be wrong, by now. */
static void see_held(struct check *c, struct secret *s)
{
	const struct vault_secret *held = vault_find(c->m->secrets, s->name);

	if (asprintf(&s->path, "%s/secrets: %s", c->m->dir, s->name) < 0) {
		s->path = NULL;
		c->error = -ENOMEM;
	} else if (held) {
		check_content(c, s, held->octets, held->len);
	} else {
		blame(c, s, true, "is not in it");
	}
}

/* What was read of the folder goes to where the model will hold it. */
static void keep_all(struct check *c, struct secrets *s)
{
	stamps_sort(c->stamps);
	c->secrets = vault_new(s->n);
	if (!c->secrets) {
		c->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct secret *file = &s->list[i];
		if (file->octets)
			vault_add(c->secrets, file->name, file->octets, file->len);
		file->octets = NULL;
	}
	vault_sort(c->secrets);
}

/* --- all files --- */

static int compare(const void *a, const void *b)
{
	const struct secret *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

const struct secret *secrets_find(const struct secrets *s, enum secret_kind kind, const char *name)
{
	struct secret key = { .name = name, .kind = kind };

	return name ? bsearch(&key, s->list, s->n, sizeof(*s->list), compare) : NULL;
}

static size_t add_names(const struct carrier *carrier, struct secret *to)
{
	size_t n = 0;

	for (enum secret_kind kind = 0; kind < KINDS; kind++) {
		struct files files = files_of(carrier, kind);
		for (size_t i = 0; i < files.n; i++) {
			if (files.names[i])
				to[n++] = (struct secret){ .name = files.names[i], .kind = kind };
		}
	}
	return n;
}

/* Each file once. 0 or -ENOMEM. */
static int collect(const struct model *m, struct secrets *s)
{
	size_t room = 1, n = 0;

	for (size_t i = 0; i < m->n_carriers; i++) {
		for (enum secret_kind kind = 0; kind < KINDS; kind++)
			room += files_of(&m->carriers[i], kind).n;
	}
	s->list = calloc(room, sizeof(*s->list));
	if (!s->list)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_carriers; i++)
		n += add_names(&m->carriers[i], s->list + n);
	qsort(s->list, n, sizeof(*s->list), compare);
	for (size_t i = 0; i < n; i++) {
		if (!s->n || compare(&s->list[s->n - 1], &s->list[i]) != 0)
			s->list[s->n++] = s->list[i];
	}
	return 0;
}

static void clear(struct secrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->list[i].path);
		free(s->list[i].wrong);
		io_free_secret(s->list[i].octets, s->list[i].len);
		x509_free_certificate(s->list[i].certificate);
		x509_free_key(s->list[i].key);
		x509_free_crl(s->list[i].crl);
	}
	free(s->list);
}

/* --- messages --- */

struct key secrets_key(const struct check *c, size_t carrier, enum secret_kind kind, size_t i)
{
	struct key list = check_key("carriers[%zu].%s", carrier, forms[kind].name),
			   key = check_key("%s[%zu]", list.text, i);

	return check_has(c, key.text) ? key : list;
}

static bool any_wrong(const struct secrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->list[i].wrong)
			return true;
	}
	return false;
}

static void report(struct check *c, const struct secrets *s, size_t carrier, enum secret_kind kind)
{
	struct files files = files_of(&c->m->carriers[carrier], kind);

	for (size_t i = 0; i < files.n; i++) {
		const struct secret *file = secrets_find(s, kind, files.names[i]);
		if (!file || !file->wrong)
			continue;
		struct key key = secrets_key(c, carrier, kind, i);
		if (file->refused)
			check_error(c, key.text, "%s: %s", file->path, file->wrong);
		else
			check_warning(c, key.text, "%s: %s", file->path, file->wrong);
	}
}

/* Who may write the folder may put in files of his own. Opens it; -1 if that cannot be. */
static int check_folder(struct check *c)
{
	struct stat st;
	char *path;

	if (asprintf(&path, "%s/secrets/", c->m->dir) < 0) {
		c->error = -ENOMEM;
		return -1;
	}
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!stat(path, &st)) {
		unsigned mode = st.st_mode & 07777;
		if (is_foreign(&st))
			check_error(c, NULL, "%s: belongs to user %u; chown it to root", path, st.st_uid);
		else if (mode & 022)
			check_error(c, NULL, "%s: mode %04o lets others in; chmod it to %04o", path, mode, mode & ~022U);
	}
	free(path);
	return folder;
}

/* What is not known of them before is read. */
static void see_files(struct check *c, struct secrets *s, int fd)
{
	struct folder folder = { .fd = fd };
	char *path;

	c->stamps = stamps_new(s->n);
	if (!c->stamps) {
		c->error = -ENOMEM;
		return;
	}
	if (c->before && c->before->stamps && asprintf(&path, "%s/secrets", c->before->dir) >= 0) {
		if (vault_read(path, &folder.before))
			folder.before = NULL;
		free(path);
	}
	for (size_t i = 0; i < s->n && !c->error; i++)
		see(c, &s->list[i], &folder);
	vault_free(folder.before);
}

void validate_secrets(struct check *c)
{
	struct secrets s = { .now = c->began };

	CLEANUP(cleanup_close) int fd = check_folder(c);
	if (collect(c->m, &s)) {
		c->error = -ENOMEM;
		return;
	}
	if (!c->m->secrets)
		see_files(c, &s, fd);
	for (size_t i = 0; c->m->secrets && i < s.n && !c->error; i++)
		see_held(c, &s.list[i]);
	bool wrong = any_wrong(&s);
	for (size_t i = 0; i < c->m->n_carriers && !c->error; i++) {
		for (enum secret_kind kind = 0; wrong && kind < KINDS; kind++)
			report(c, &s, i, kind);
		validate_certificates(c, &s, i);
	}
	if (!c->m->secrets && !c->error)
		keep_all(c, &s);
	clear(&s);
}
