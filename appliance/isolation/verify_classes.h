/* What must not pass, and which walls stop it: the table of SECURITY.md, from what is observed. */
#ifndef CULVERT_APPLIANCE_ISOLATION_VERIFY_CLASSES_H
#define CULVERT_APPLIANCE_ISOLATION_VERIFY_CLASSES_H

struct model;
struct verify;
struct verify_observed;

/* Fills v->classes. v has its differences and what is unproven. A wall that stops only a part does not stop. */
void verify_classify(struct verify_observed *o, const struct model *m, struct verify *v);

#endif
