/* Client of culvertd's control.sock: one question, one JSON object. */
#ifndef CULVERT_CMD_CLIENT_H
#define CULVERT_CMD_CLIENT_H

#include <jansson.h>
#include <stdio.h>

/*
 * Asks "VERB" below run and gives the answer, which may be {"ok":false,...}. 0 with *ret (json_decref() it); or -errno,
 * after saying on stderr what is wrong and what would help.
 */
int client_ask(const char *run, const char *verb, json_t **ret);

/* A member's text; fallback where it is missing or null. Borrowed from object. */
const char *client_text(const json_t *object, const char *key, const char *fallback);
/* A member's number; 0 where it is missing or null. */
json_int_t client_number(const json_t *object, const char *key);
/* Text from outside for a terminal: control characters become '?'. */
void client_print(FILE *out, const char *text);

#endif
