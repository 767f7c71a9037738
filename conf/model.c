/* The end of a model; half-built ones too. */
#include "conf/conf.h"

#include "conf/model.h"
#include "conf/stamps.h"
#include "conf/vault.h"
#include "lib/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int conf_move(struct model *m, const char *dir)
{
	char *copy = strdup(dir);

	if (!copy)
		return -ENOMEM;
	free(m->dir);
	m->dir = copy;
	vault_free(m->secrets);
	m->secrets = NULL;
	return 0;
}

void conf_free(struct model *m)
{
	if (!m)
		return;
	arena_free(m->memory);
	for (size_t i = 0; i < m->n_files; i++)
		free(m->files[i]);
	free(m->files);
	free(m->shared);
	free(m->dir);
	vault_free(m->secrets);
	stamps_free(m->stamps);
	free(m);
}
