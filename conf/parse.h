/* What source_build() leaves as a tree, and what is wrong with it in our words. */
#ifndef CULVERT_CONF_PARSE_H
#define CULVERT_CONF_PARSE_H

struct diag_list;
struct source;
struct tree;

/*
 * 0 with *ret, tree_free() it; -EINVAL, with *ret untouched; or -ENOMEM. What is wrong goes to diags. Where that does
 * not keep the text from being read there is a tree all the same: source->doubtful then.
 */
int parse_source(struct source *source, struct diag_list *diags, struct tree **ret);

#endif
