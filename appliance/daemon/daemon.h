/* culvertd's parts, wired together. One struct, made by main.c, passed to the call-backs of daemon.c and verbs.c. */
#ifndef CULVERT_DAEMON_DAEMON_H
#define CULVERT_DAEMON_DAEMON_H

#include "appliance/daemon/control.h"
#include "appliance/isolation/carrying.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

struct charon;
struct counting;
struct diag_list;
struct forecast;
struct key_age;
struct key_mend;
struct links;
struct mtu_prober;
struct peers_alive;
struct policy_mend;
struct reload;
struct reload_order;
struct reload_outcome;
struct sweep;
struct verifier;

struct daemon_options { /* borrowed from the command line */
	const char *conf; /* the operator's file */
	const char *run; /* sockets, generations; gone at boot */
	const char *state; /* what must last */
};

struct daemon {
	struct daemon_options options;
	int lock; /* held while we live; -1 before */
	sd_event *event;
	struct key_age *ages;
	struct key_mend *mend;
	struct links *links;
	struct charon *charon;
	struct mtu_prober *measuring;
	struct peers_alive *peers;
	struct policy_mend *policies;
	struct reload *reload;
	struct sweep *sweep;
	struct verifier *verifier;
	struct counting *counting;
	struct carrying carrying; /* as of the last change of SAs */
	struct control *control;
	struct forecast *forecast; /* the `plan` that waits for charon; NULL: none */
	bool ready; /* systemd was told */
	bool again; /* SIGHUP came during a reload */
	struct control_client *client; /* who asked for the reload that runs; NULL: a signal or the start */
	char *refusal; /* owned: why the operator's file is not in force; NULL: it is, or is passed over by a rollback */
	char *loss; /* owned: why the generation of an earlier culvertd could not be taken up; NULL: it could */
	bool walls_left; /* when this culvertd began, walls of an earlier one stood */
};

/*
 * Takes the lock, closes the walls, takes up the generation in force and begins with the operator's file. Logs what
 * fails. 0 or -errno; daemon_stop() in either case. d is zeroed but for options.
 */
int daemon_start(struct daemon *d);
/* Ends culvertd's part only: walls, links and SAs stay as they are. */
void daemon_stop(struct daemon *d);
/* Begins a reload or a rollback, for a client that waits or for NULL. 0, or -EBUSY while one runs. */
int daemon_reload(struct daemon *d, const struct reload_order *order, struct control_client *client);
/* What the operator should know about a rollback that is in force, a sentence the caller frees; NULL: none is. */
char *daemon_rollback_note(const struct daemon *d);

/* The verbs of control.sock; their userdata is the struct daemon. */
extern const struct control_verb daemon_verbs[];
/* The messages of a list, for an answer; NULL when memory is short. */
json_t *daemon_lines(const struct diag_list *diags);
/* Answers a `reload` or `rollback` with its outcome. */
void daemon_answer_reload(const struct daemon *d, struct control_client *client, const struct reload_outcome *outcome);

#endif
