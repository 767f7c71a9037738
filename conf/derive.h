/* What follows from other values: written once here, so that nobody else works it out. */
#ifndef CULVERT_CONF_DERIVE_H
#define CULVERT_CONF_DERIVE_H

struct model;

/*
 * Fills in, in a model that was just read and may have zero fields where reading found errors: ways of authentication,
 * remote identities, lifetimes, the selectors of links, shared interfaces. 0 or -ENOMEM.
 */
int derive_model(struct model *m);

#endif
