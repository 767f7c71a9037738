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

enum {
	SECRET_MAX = 1024 * 1024, /* octets; certificate chains included */
	SECRETS_A_CARRIER = 4,
};

/* The secret files a carrier names; NULL where it names none. */
static void secrets_of(const struct carrier *c, const char *ret_names[static SECRETS_A_CARRIER])
{
	ret_names[0] = c->psk_file;
	ret_names[1] = c->certificate;
	ret_names[2] = c->key_file;
	ret_names[3] = c->ca;
}

static int read_secret(const char *dir, const char *name, struct diag_list *diags, char **ret, size_t *ret_len)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", dir, name);
	int r;

	if (!path)
		return -ENOMEM;
	/* The loader refuses such names; they would leave the folder. */
	if (strchr(name, '/') || name[0] == '.')
		return frozen_fail(diags, path, -EINVAL, "not the name of a secret");
	r = io_read_file(path, SECRET_MAX, ret, ret_len);
	return r ? frozen_fail(diags, path, r, "cannot be read") : 0;
}

static bool secret_equals(const struct model *m, const char *name, const char *gen, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", gen, name);
	char *secret;
	size_t len;
	bool equal;

	if (read_secret(m->dir, name, diags, &secret, &len))
		return false;
	equal = frozen_equals(path, secret, len);
	io_free_secret(secret, len);
	return equal;
}

bool secrets_equal(const struct model *m, const char *gen, struct diag_list *diags)
{
	for (size_t i = 0; i < m->n_carriers; i++) {
		const char *names[SECRETS_A_CARRIER];

		secrets_of(&m->carriers[i], names);
		for (size_t k = 0; k < SECRETS_A_CARRIER; k++)
			if (names[k] && !secret_equals(m, names[k], gen, diags))
				return false;
	}
	return true;
}

/* True if gen has that secret, and otherwise. */
static bool secret_changed(const struct model *m, const char *name, const char *gen)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", gen, name);
	struct diag_list ignored = { 0 };
	bool changed = path && !access(path, F_OK) && !secret_equals(m, name, gen, &ignored) && !ignored.errors;

	diag_free(&ignored);
	return changed;
}

int secrets_changed(const struct model *m, const char *gen, char ***ret)
{
	char **changed = calloc(m->n_carriers * SECRETS_A_CARRIER + 1, sizeof(*changed));
	size_t n = 0;

	if (!changed)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_carriers; i++) {
		const char *names[SECRETS_A_CARRIER];

		secrets_of(&m->carriers[i], names);
		for (size_t k = 0; k < SECRETS_A_CARRIER; k++) {
			if (!names[k] || !secret_changed(m, names[k], gen))
				continue;
			changed[n] = strdup(names[k]);
			if (!changed[n++]) {
				secrets_free_names(changed);
				return -ENOMEM;
			}
		}
	}
	*ret = changed;
	return 0;
}

void secrets_free_names(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

static int copy_secret(const struct model *m, const char *name, const char *gen, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", gen, name);
	char *secret;
	size_t len;
	int r;

	if (!path)
		return -ENOMEM;
	if (!access(path, F_OK)) /* two carriers name the same file */
		return 0;
	r = read_secret(m->dir, name, diags, &secret, &len);
	if (r)
		return r;
	r = io_write_file(path, secret, len, 0600);
	io_free_secret(secret, len);
	return r ? frozen_fail(diags, path, r, "cannot be written") : 0;
}

int secrets_copy(const struct model *m, const char *gen, struct diag_list *diags)
{
	CLEANUP(cleanup_free) char *dir = frozen_path("%s/secrets", gen);
	int r = dir ? io_make_dirs(dir, 0700) : -ENOMEM;

	if (r)
		return frozen_fail(diags, dir, r, "cannot be made");
	for (size_t i = 0; i < m->n_carriers; i++) {
		const char *names[SECRETS_A_CARRIER];

		secrets_of(&m->carriers[i], names);
		for (size_t k = 0; k < SECRETS_A_CARRIER; k++) {
			r = names[k] ? copy_secret(m, names[k], gen, diags) : 0;
			if (r)
				return r;
		}
	}
	return 0;
}
