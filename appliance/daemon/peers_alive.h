/*
 * Which tunnels' peers live. A tunnel is silent while its peer owes charon an answer and nothing of its comes in on its
 * links either; a peer that only sends, and does not answer for long, is silent all the same. charon tells of each
 * question that stays unanswered for about a second, long before it gives the peer up. A tunnel into which traffic goes
 * while nothing comes back is asked about, and with it the other tunnels of that APN: who is to take over is known to
 * live when it is known that somebody has to.
 *
 * All tunnels together are asked 500 times a second at most, on average, and up to 2000 times at once after a pause;
 * what is beyond that waits for its turn. A tunnel that begins to be one-sided does not wait for those that have been
 * so for long: a thousand APNs of two tunnels each that fail at once are asked about at once, 5000 in 16 seconds.
 *
 * A peer who is heard in one of many tunnels is asked less about each: ten times a second in all.
 *
 * What was known last holds while charon is away or has no IKE_SA of a tunnel. On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_PEERS_ALIVE_H
#define CULVERT_DAEMON_PEERS_ALIVE_H

#include <stdbool.h>
#include <systemd/sd-event.h>

struct charon;
struct model;
struct peers_alive;

/*
 * Called when a tunnel's peer falls silent and when it is alive again, each once, never from within a call of what
 * stands here; may ask. tunnel is the name of one in the model, valid during the call.
 */
typedef void (*peers_alive_fn)(void *userdata, const char *tunnel, bool silent);

/*
 * charon is borrowed, and closed right after peers_alive_free(); it is only asked, and listened to on a connection of
 * our own. Nothing happens before there is a model. 0 with *ret, or -errno.
 */
int peers_alive_new(
	sd_event *event, struct charon *charon, peers_alive_fn fn, void *userdata, struct peers_alive **ret);
/*
 * From now on its tunnels are those of model, borrowed while the event loop goes on, until the next call; NULL: none.
 * What is known of the tunnels that stay is kept; fn is not called for those that go. 0, or -ENOMEM: then there are
 * none.
 */
int peers_alive_model(struct peers_alive *p, const struct model *model);
/* Asks about a tunnel's peer soon, unless that was done just now. For who has a suspicion of his own. */
void peers_alive_ask(struct peers_alive *p, const char *tunnel);
/* What fn was last told of that tunnel; false for one that is not known. */
bool peers_alive_silent(const struct peers_alive *p, const char *tunnel);
void peers_alive_free(struct peers_alive *p); /* NULL is allowed */

#endif
