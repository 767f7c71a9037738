/* Names that Culvert takes: small letters, digits and '-', at most 32, each once. */
#ifndef CULVERT_CONF_CONVERT_NAME_H
#define CULVERT_CONF_CONVERT_NAME_H

struct foreign;

/* Those that are taken. Zero-initialise. */
struct names {
	void *tree;
};

/* The nearest name to wanted that is free, and takes it. "": s->error is set. */
const char *names_take(struct foreign *s, struct names *names, const char *wanted);
void names_free(struct names *names);

#endif
