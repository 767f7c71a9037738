/* What several commands say of culvertd's answers. */
#ifndef CULVERT_CMD_ANSWER_H
#define CULVERT_CMD_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Asks verb as client_ask() does. 0 with *ret; or -errno after saying on stderr why there is no answer, or what the
 * answer says is wrong, with its messages.
 */
int answer_get(const char *run, const char *verb, json_t **ret);
/* The lines of an array on a stream, each behind prefix. */
void answer_print_lines(FILE *out, const char *prefix, const json_t *lines);
/* The answer as JSON for people and programs. */
void answer_print_json(const json_t *answer);
/* "1 tunnel changed, 4999 kept"; what is 0 is left out. Nothing is printed if all but kept are. True if it was. */
bool answer_print_counts(FILE *out, const char *noun, const json_t *counts, bool with_kept);
/* How a reload or a rollback went, to its exit code. */
int answer_outcome(const char *run, const char *verb);
/* A generation's number from the command line; 0 if text is none. */
unsigned answer_number(const char *text);

#endif
