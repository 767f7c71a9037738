#include "appliance/daemon/counting.h"

#include "appliance/daemon/child.h"
#include "appliance/daemon/control.h"
#include "lib/buf.h"
#include "lib/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
	struct control_client *client;
	bool now; /* gets what the process that runs says */
	char apn[CONTROL_LINE_MAX];
};

struct counting {
	sd_event *event; /* referenced */
	const char *run; /* borrowed */
	struct child *process; /* NULL: none runs */
	struct waiting waiting[CONTROL_CLIENTS_MAX]; /* in the order in which they asked */
	size_t count;
};

int counting_new(sd_event *event, const char *run, struct counting **ret)
{
	struct counting *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->event = sd_event_ref(event);
	c->run = run;
	*ret = c;
	return 0;
}

/* Answers those who get it now; text NULL or "": there is none. */
static void answer(struct counting *c, const char *text, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct waiting *w = &c->waiting[i];

		if (!w->now)
			c->waiting[kept++] = *w;
		else if (len > 0)
			control_answer_text(w->client, text, len);
		else
			control_answer(
				w->client, control_error("the counters could not be read; the journal of culvertd says more"));
	}
	c->count = kept;
}

static void start(struct counting *c);

static void on_ended(void *userdata, struct buf *output)
{
	struct counting *c = userdata;
	bool whole = !output->error && output->len > 0 && buf_text(output)[output->len - 1] == '\n';

	c->process = NULL;
	if (!whole)
		log_error("counters: the process that reads them gave no answer");
	answer(c, buf_text(output), whole ? output->len : 0);
	start(c);
}

/* For the first who waits, and all who want the same. */
static void start(struct counting *c)
{
	while (!c->process && c->count > 0) {
		const char *apn = c->waiting[0].apn;
		const char *const args[] = { "--counters", "--run", c->run, *apn ? "--apn" : NULL, apn, NULL };

		for (size_t i = 0; i < c->count; i++)
			c->waiting[i].now = strcmp(c->waiting[i].apn, apn) == 0;
		int r = child_start(c->event, args, COUNTING_LIMIT, on_ended, c, &c->process);
		if (r < 0) {
			log_error("counters: no process can be started: %s", strerror(-r));
			answer(c, NULL, 0);
		}
	}
}

void counting_answer(struct counting *c, struct control_client *client, const char *apn)
{
	if (c->count == CONTROL_CLIENTS_MAX) {
		control_answer(client, control_error("too many wait for counters"));
		return;
	}
	struct waiting *w = &c->waiting[c->count++];
	*w = (struct waiting){ .client = client };
	snprintf(w->apn, sizeof(w->apn), "%s", apn);
	start(c);
}

void counting_free(struct counting *c)
{
	if (!c)
		return;
	child_end(c->process);
	sd_event_unref(c->event);
	free(c);
}
