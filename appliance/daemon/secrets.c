#include "appliance/daemon/secrets.h"

#include "appliance/daemon/frozen.h"
#include "conf/model.h"
#include "conf/vault.h"
#include "lib/cleanup.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_vault(struct vault **v)
{
	vault_free(*v);
}

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

int secrets_load(const char *gen, struct vault **ret)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets", gen);

	return path ? vault_read(path, ret) : -ENOMEM;
}

/* What the calls of for_secrets() work on. */
struct comparing {
	const struct model *m;
	const struct vault *old;
	struct diag_list *diags;
};

/* 0 if m holds it, else -ENODATA: whoever loaded m could not read it, and was warned only. */
static int check_held(const char *name, void *userdata)
{
	const struct comparing *c = userdata;

	if (vault_find(c->m->secrets, name))
		return 0;
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets/%s", c->m->dir, name);
	return frozen_fail(c->diags, path, -ENODATA, "was not read");
}

/* 0 if it does, 1 if not. */
static int secret_differs(const char *name, void *userdata)
{
	const struct comparing *c = userdata;

	return check_held(name, userdata) || !vault_same(vault_find(c->m->secrets, name), vault_find(c->old, name));
}

bool secrets_equal(const struct model *m, const struct vault *old, struct diag_list *diags)
{
	struct comparing c = { .m = m, .old = old, .diags = diags };

	return !for_secrets(m, secret_differs, &c);
}

int secrets_changed(const struct model *m, const struct vault *old, char ***ret)
{
	const struct vault_secret *s;
	char **names;
	size_t n = 0;

	while (vault_at(m->secrets, n))
		n++;
	names = calloc(n + 1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; (s = vault_at(m->secrets, i)); i++) {
		const struct vault_secret *before = vault_find(old, s->name);

		if (!before || vault_same(s, before))
			continue;
		names[n] = strdup(s->name);
		if (!names[n++]) {
			secrets_free_names(names);
			return -ENOMEM;
		}
	}
	*ret = names;
	return 0;
}

void secrets_free_names(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

int secrets_write(const struct model *m, const char *gen, struct diag_list *diags)
{
	struct comparing c = { .m = m, .diags = diags };
	CLEANUP(cleanup_free) char *path = frozen_path("%s/secrets", gen);
	CLEANUP(free_vault) struct vault *none = m->secrets ? NULL : vault_new(0);
	int r = for_secrets(m, check_held, &c);

	if (r)
		return r;
	r = path && (none || m->secrets) ? vault_write(m->secrets ? m->secrets : none, path) : -ENOMEM;
	return r ? frozen_fail(diags, path, r, "cannot be written") : 0;
}
