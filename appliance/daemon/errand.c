#include "appliance/daemon/errand.h"

#include "appliance/daemon/charon.h"
#include "appliance/daemon/control.h"
#include "appliance/daemon/daemon.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/order.h"
#include "appliance/daemon/reload.h"
#include "conf/model.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool has_tunnel(const struct model *m, const char *name)
{
	for (size_t i = 0; m && i < m->n_carriers; i++)
		for (size_t k = 0; k < m->carriers[i].n_tunnels; k++)
			if (!strcmp(m->carriers[i].tunnels[k].name, name))
				return true;
	return false;
}

static void on_answer(void *userdata, int error, const char *text)
{
	struct control_client *client = userdata;

	switch (error) {
	case 0:
		control_answer(client, json_pack("{s:b}", "ok", 1));
		return;
	case -EREMOTEIO:
		control_answer(client, control_error("%s", text));
		return;
	case -ENOTCONN:
		control_answer(client, control_error("charon is away; see: systemctl status culvert-charon"));
		return;
	default:
		control_answer(client, control_error("charon gave no answer"));
	}
}

void errand_begin(const struct daemon *d, struct control_client *client, const char *order, const char *tunnel)
{
	if (!has_tunnel(reload_current(d->reload)->model, tunnel)) {
		control_answer(client, control_error("%s takes the name of a tunnel; culvert status lists them", order));
		return;
	}
	int error = order_give(d->links, d->charon, order, tunnel, on_answer, client);
	if (error)
		on_answer(client, error, "");
}
