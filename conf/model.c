/* The end of a model: walks the schema, so that no key is forgotten, and takes half-built models too. */
#include "conf/conf.h"

#include "conf/model.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "conf/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void clear_entry(const struct schema_key *key, void *entry)
{
	if (key->group)
		schema_clear(key->group, entry);
	else if (key->kind->clear)
		key->kind->clear(entry);
}

void schema_clear(const struct schema_group *group, void *record)
{
	for (size_t i = 0; i < group->n_keys; i++) {
		const struct schema_key *key = &group->keys[i];
		void *field = schema_field(record, key->offset);
		if (!key->list) {
			clear_entry(key, field);
			continue;
		}
		char *entries = *(char **)field;
		size_t n = *(size_t *)schema_field(record, key->count_offset);
		for (size_t k = 0; k < n; k++)
			clear_entry(key, entries + k * schema_entry_size(key));
		free(entries);
	}
}

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
	schema_clear(&schema_root, m);
	for (size_t i = 0; i < m->n_files; i++)
		free(m->files[i]);
	free(m->files);
	free(m->shared);
	free(m->dir);
	vault_free(m->secrets);
	free(m);
}
