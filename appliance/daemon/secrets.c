#include "appliance/daemon/secrets.h"

#include "appliance/daemon/frozen.h"
#include "conf/model.h"
#include "lib/cleanup.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_MAX = 1024 * 1024 }; /* octets; certificate chains included */

/* Calls back for each secret file that m names, until one call returns other than 0; returns that. */
static int for_secrets(const struct model *m, int (*use)(const char *name, void *userdata), void *userdata)
{
	int r = 0;

	for (size_t i = 0; i < m->n_carriers; i++) {
		const struct carrier *c = &m->carriers[i];
		const struct {
			char *const *names;
			size_t n;
		} lists[] = {
			{ c->psk_files, c->n_psk_files },
			{ c->certificates, c->n_certificates },
			{ c->key_files, c->n_key_files },
			{ c->cas, c->n_cas },
			{ c->crls, c->n_crls },
		};

		for (size_t k = 0; k < sizeof(lists) / sizeof(*lists); k++)
			for (size_t f = 0; f < lists[k].n && !r; f++)
				r = use(lists[k].names[f], userdata);
	}
	return r;
}

/* What the calls of for_secrets() work on. */
struct copying {
	const struct model *m;
	const char *gen;
	const char *from; /* NULL: nowhere to link from */
	char *const *changed; /* NULL: none is */
	struct diag_list *diags;
};

/* The loader refuses other names; they would leave the folder. */
static bool is_plain(const char *name)
{
	return !strchr(name, '/') && name[0] != '.';
}

static int read_secret(const char *dir, const char *name, struct diag_list *diags, char **ret, size_t *ret_len)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", dir, name);
	int r;

	if (!path)
		return -ENOMEM;
	if (!is_plain(name))
		return frozen_fail(diags, path, -EINVAL, "not the name of a secret");
	r = io_read_file(path, SECRET_MAX, ret, ret_len);
	return r ? frozen_fail(diags, path, r, "cannot be read") : 0;
}

/* 0 if it does, 1 if not. */
static int secret_differs(const char *name, void *userdata)
{
	const struct copying *c = userdata;
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", c->gen, name);
	char *secret;
	size_t len;
	bool equal;

	if (read_secret(c->m->dir, name, c->diags, &secret, &len))
		return 1;
	equal = frozen_equals(path, secret, len);
	io_free_secret(secret, len);
	return !equal;
}

bool secrets_equal(const struct model *m, const char *gen, struct diag_list *diags)
{
	struct copying c = { .m = m, .gen = gen, .diags = diags };

	return !for_secrets(m, secret_differs, &c);
}

/* The names that changed so far. */
struct changing {
	struct copying c;
	char **names; /* owned, NULL-terminated */
	size_t n;
};

static int add_changed(const char *name, void *userdata)
{
	struct changing *s = userdata;
	struct diag_list ignored = { 0 };
	struct copying c = { .m = s->c.m, .gen = s->c.gen, .diags = &ignored };
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", c.gen, name);
	bool changed = path && !access(path, F_OK) && secret_differs(name, &c);
	char **names;

	diag_free(&ignored);
	if (!changed)
		return path ? 0 : -ENOMEM;
	names = reallocarray(s->names, s->n + 2, sizeof(*names));
	if (!names)
		return -ENOMEM;
	s->names = names;
	names[s->n] = strdup(name);
	names[s->n + 1] = NULL;
	return names[s->n++] ? 0 : -ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int secrets_changed(const struct model *m, const char *gen, char ***ret)
{
	struct changing s = { .c = { .m = m, .gen = gen }, .names = calloc(1, sizeof(char *)) };
	int r = s.names ? for_secrets(m, add_changed, &s) : -ENOMEM;

	if (r) {
		secrets_free_names(s.names);
		return r;
	}
	qsort(s.names, s.n, sizeof(*s.names), compare_names);
	*ret = s.names;
	return 0;
}

void secrets_free_names(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

static bool is_among(const char *name, char *const *names)
{
	size_t n = 0;

	while (names && names[n])
		n++;
	return n && bsearch(&name, names, n, sizeof(*names), compare_names);
}

/* True if it is there now, as a link to the same secret of an older generation. */
static bool link_secret(const struct copying *c, const char *name, const char *path)
{
	CLEANUP(cleanup_free) char *old = c->from ? frozen_path("%s/secrets/%s", c->from, name) : NULL;

	return old && !is_among(name, c->changed) && !link(old, path);
}

static int copy_secret(const char *name, void *userdata)
{
	const struct copying *c = userdata;
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", c->gen, name);
	char *secret;
	size_t len;
	int r;

	if (!path)
		return -ENOMEM;
	/* Two carriers may name the same file. */
	if (is_plain(name) && (link_secret(c, name, path) || !access(path, F_OK)))
		return 0;
	r = read_secret(c->m->dir, name, c->diags, &secret, &len);
	if (r)
		return r;
	r = io_create_file(path, secret, len, 0600);
	io_free_secret(secret, len);
	return r ? frozen_fail(c->diags, path, r, "cannot be written") : 0;
}

int secrets_copy(
	const struct model *m, const char *gen, const char *from, char *const *changed, struct diag_list *diags)
{
	struct copying c = { m, gen, from, changed, diags };
	CLEANUP(cleanup_free) char *dir = frozen_path("%s/secrets", gen);
	int r = dir ? io_make_dirs(dir, 0700) : -ENOMEM;

	return r ? frozen_fail(diags, dir, r, "cannot be made") : for_secrets(m, copy_secret, &c);
}
