#include "appliance/daemon/peers_alive.h"

#include <errno.h>
#include <stdlib.h>

struct peers_alive {
	struct links *links; /* borrowed */
	struct charon *charon; /* borrowed */
	peers_alive_fn fn;
	void *userdata;
	const struct model *model; /* borrowed; NULL: none */
};

int peers_alive_new(sd_event *event, struct links *links, struct charon *charon, peers_alive_fn fn, void *userdata,
	struct peers_alive **ret)
{
	struct peers_alive *p = calloc(1, sizeof(*p));

	(void)event;
	if (!p)
		return -ENOMEM;
	*p = (struct peers_alive){ .links = links, .charon = charon, .fn = fn, .userdata = userdata };
	*ret = p;
	return 0;
}

void peers_alive_model(struct peers_alive *p, const struct model *model)
{
	p->model = model;
}

void peers_alive_charon(struct peers_alive *p, bool up)
{
	(void)p;
	(void)up;
}

void peers_alive_ask(struct peers_alive *p, const char *tunnel)
{
	(void)p;
	(void)tunnel;
}

bool peers_alive_silent(const struct peers_alive *p, const char *tunnel)
{
	(void)p;
	(void)tunnel;
	return false;
}

void peers_alive_free(struct peers_alive *p)
{
	free(p);
}
