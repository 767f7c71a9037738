#include "appliance/daemon/link_index.h"

#include "conf/model.h"

#include <errno.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct link_entry *left = a;
	const struct link_entry *right = b;

	return (left->link->if_id > right->link->if_id) - (left->link->if_id < right->link->if_id);
}

int link_index_make(struct link_index *index, const struct model *model)
{
	size_t count = 0;

	link_index_free(index);
	for (size_t i = 0; model && i < model->n_apns; i++)
		count += model->apns[i].n_links;
	index->entries = calloc(count + 1, sizeof(*index->entries));
	if (!index->entries)
		return -ENOMEM;
	for (size_t i = 0; model && i < model->n_apns; i++)
		for (size_t k = 0; k < model->apns[i].n_links; k++)
			index->entries[index->count++] = (struct link_entry){ &model->apns[i], &model->apns[i].links[k] };
	qsort(index->entries, index->count, sizeof(*index->entries), compare);
	return 0;
}

const struct link_entry *link_index_find(const struct link_index *index, uint32_t if_id)
{
	const struct link link = { .if_id = if_id };
	const struct link_entry key = { .link = &link };

	return index->count ? bsearch(&key, index->entries, index->count, sizeof(key), compare) : NULL;
}

void link_index_free(struct link_index *index)
{
	free(index->entries);
	*index = (struct link_index){ 0 };
}
