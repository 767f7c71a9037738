/* libconfig's own tree, copied: one form of tree is read, whoever made it. */
#include "conf/tree.h"

#include "conf/tree_build.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

const char tree_key_twice[] = "duplicate setting name";

/* What is included stands in the text already; libconfig opens no file. */
static const char **refuse_include(config_t *config, const char *dir, const char *path, const char **error)
{
	(void)config, (void)dir, (void)path;
	*error = "@include cannot stand here";
	return NULL;
}

static const char *copy_text(struct tree *t, const char *text)
{
	return tree_copy(t, text, strlen(text) + 1);
}

static int copy(struct tree *t, const config_setting_t *setting, struct node *n);

/* As deep as brackets are nested. */
static int copy_entries(struct tree *t, const config_setting_t *setting, struct node *n)
{
	size_t from = tree_mark(t), entries = (size_t)config_setting_length(setting);
	int r = 0;

	for (size_t i = 0; i < entries && !r; i++) {
		struct node entry = { 0 };
		r = copy(t, config_setting_get_elem(setting, (unsigned)i), &entry);
		if (!r)
			r = tree_push(t, &entry);
	}
	return r ? r : tree_close(t, from, n);
}

static int copy_value(struct tree *t, const config_setting_t *setting, struct node *n)
{
	const char *text;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		n->type = NODE_TEXT;
		text = config_setting_get_string(setting);
		n->text = copy_text(t, text ? text : "");
		return n->text ? 0 : -ENOMEM;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		n->type = NODE_NUMBER;
		n->number = config_setting_get_int64(setting);
		return 0;
	case CONFIG_TYPE_FLOAT:
		n->type = NODE_REAL;
		n->real = config_setting_get_float(setting);
		return 0;
	case CONFIG_TYPE_BOOL:
		n->type = NODE_BOOL;
		n->number = config_setting_get_bool(setting);
		return 0;
	case CONFIG_TYPE_GROUP:
		n->type = NODE_GROUP;
		break;
	case CONFIG_TYPE_ARRAY:
		n->type = NODE_ARRAY;
		break;
	default: /* libconfig's types, not ours; it has no other */
		n->type = NODE_LIST;
		break;
	}
	return copy_entries(t, setting, n);
}

static int copy(struct tree *t, const config_setting_t *setting, struct node *n)
{
	const char *name = config_setting_name(setting);

	n->line = config_setting_source_line(setting);
	n->name = name ? copy_text(t, name) : NULL;
	return name && !n->name ? -ENOMEM : copy_value(t, setting, n);
}

static int copy_tree(const config_setting_t *setting, struct tree **ret)
{
	struct tree *t = tree_new();
	struct node root = { 0 };
	int r = t ? copy(t, setting, &root) : -ENOMEM;

	if (!r)
		r = tree_finish(t, &root);
	if (r)
		tree_free(t);
	else
		*ret = t;
	return r;
}

int tree_parse_any(const char *text, struct tree **ret, struct tree_error *ret_error)
{
	config_t config;
	int r;

	config_init(&config);
	config_set_include_func(&config, refuse_include);
	if (config_read_string(&config, text)) {
		r = copy_tree(config_root_setting(&config), ret);
	} else {
		const char *why = config_error_text(&config);
		ret_error->line = (unsigned)config_error_line(&config);
		snprintf(ret_error->text, sizeof(ret_error->text), "%s", why ? why : "cannot be parsed");
		r = -EINVAL;
	}
	config_destroy(&config);
	return r;
}
