/* The links of a status answer as a table for people: the worst first, what failed below its row. */
#ifndef CULVERT_CMD_TABLE_H
#define CULVERT_CMD_TABLE_H

#include <jansson.h>
#include <stdio.h>

/* 0, or -ENOMEM with nothing printed. */
int table_print(const json_t *status, FILE *out);

#endif
