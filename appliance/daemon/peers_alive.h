/*
 * Which tunnels' peers answer IKE. charon tells of each question that stays unanswered for about a second, long before
 * it gives the peer up, and of the answer that comes after all. A tunnel into which traffic goes while nothing comes
 * back is asked about. While charon is away, nothing is known of any peer: none counts as silent. On the event loop's
 * thread.
 */
#ifndef CULVERT_DAEMON_PEERS_ALIVE_H
#define CULVERT_DAEMON_PEERS_ALIVE_H

#include <stdbool.h>
#include <systemd/sd-event.h>

struct charon;
struct links;
struct model;
struct peers_alive;

/*
 * Called when a tunnel's peer falls silent and when it answers again, each once, never from within a call of
 * peers_alive_new() or peers_alive_ask(). tunnel is the name of one in the model, valid during the call.
 */
typedef void (*peers_alive_fn)(void *userdata, const char *tunnel, bool silent);

/*
 * links and charon are borrowed until peers_alive_free(). Nothing happens before there is a model. 0 with *ret, or
 * -errno.
 */
int peers_alive_new(sd_event *event, struct links *links, struct charon *charon, peers_alive_fn fn, void *userdata,
	struct peers_alive **ret);
/*
 * From now on its tunnels are those of model, borrowed until the next call; NULL: none. What is known of the tunnels
 * that stay is kept; fn is not called for those that go. To be called when the model in use changes, after links_use().
 */
void peers_alive_model(struct peers_alive *p, const struct model *model);
/* To be called when the connection to charon stands and when it is lost. */
void peers_alive_charon(struct peers_alive *p, bool up);
/* Asks about a tunnel's peer now, unless a question about it is out. For who has a suspicion of his own. */
void peers_alive_ask(struct peers_alive *p, const char *tunnel);
/* What fn was last told of that tunnel; false for one that is not known. */
bool peers_alive_silent(const struct peers_alive *p, const char *tunnel);
/* NULL is allowed. */
void peers_alive_free(struct peers_alive *p);

#endif
