#include "appliance/daemon/intake.h"

#include "appliance/daemon/archive.h"
#include "appliance/daemon/reload.h"
#include "appliance/isolation/interfaces.h"
#include "appliance/isolation/netlink.h"
#include "conf/conf.h"
#include "lib/cleanup.h"
#include "lib/diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool has_interface(void *userdata, const char *name)
{
	return interface_index(userdata, name) != 0;
}

int intake_load(const char *path, const struct model *before, struct diag_list *diags, struct model **ret)
{
	struct conf_machine machine = { .has_interface = has_interface };
	struct nl_sock *sk = NULL;
	bool asked = !netlink_open(NETLINK_ROUTE, &sk);

	machine.userdata = sk;
	int error = conf_load_after(path, before, time(NULL), asked ? &machine : NULL, diags, ret);
	nl_socket_free(sk);
	return error;
}

/* At the start of culvertd interfaces are still to come, and the status tells which. */
static int load(const struct reload_parts *parts, const struct generation *current, enum reload_source source,
	struct diag_list *diags, struct model **ret)
{
	if (source == RELOAD_START)
		return conf_load_after(parts->conf, current->model, time(NULL), NULL, diags, ret);
	return intake_load(parts->conf, current->model, diags, ret);
}

static int open_file(const struct reload_parts *parts, const struct generation *current,
	const struct reload_order *order, struct diag_list *diags, struct intake *ret, char why[static INTAKE_WHY])
{
	int error = load(parts, current, order->source, diags, &ret->model);

	if (error) {
		snprintf(why, INTAKE_WHY, "%s: %s", parts->conf,
			error == -EINVAL ? "the configuration is not valid, culvert check says why" : strerror(-error));
		return error;
	}
	ret->stays = order->source == RELOAD_START && generation_passed_over(parts->run, current, ret->model);
	return 0;
}

/* Which generation is meant: 0 with *ret, or -ENOENT. */
static int find(const char *run, unsigned current, unsigned wanted, unsigned *ret)
{
	CLEANUP(cleanup_free) unsigned *kept = NULL;
	size_t n = 0;

	if (archive_list(run, &kept, &n))
		return -ENOENT;
	for (size_t i = 0; i < n; i++)
		if (wanted ? kept[i] == wanted : kept[i] < current) {
			*ret = kept[i];
			return 0;
		}
	return -ENOENT;
}

static int open_generation(const struct reload_parts *parts, const struct generation *current,
	const struct reload_order *order, struct diag_list *diags, struct intake *ret, char why[static INTAKE_WHY])
{
	struct diag_list ignored = { 0 };
	struct generation old = { 0 };
	unsigned number = 0;
	int error = find(parts->run, current->number, order->number, &number);

	if (error && order->number)
		snprintf(why, INTAKE_WHY, "generation %u is not kept; culvert history lists those that are", order->number);
	else if (error)
		snprintf(why, INTAKE_WHY, "no generation before the one in force is kept");
	if (error)
		return error;
	error = generation_load(parts->run, number, diags, &old);
	if (error) {
		snprintf(why, INTAKE_WHY, "generation %u cannot be read: %s", number, strerror(-error));
		return error;
	}
	ret->model = old.model;
	ret->rollback_of = number;
	/* For the restart that asks whether the file has changed. One that cannot be loaded is not there for it either. */
	if (conf_load(parts->conf, &ignored, &ret->passed_over))
		ret->passed_over = NULL;
	diag_free(&ignored);
	return 0;
}

int intake_open(const struct reload_parts *parts, const struct generation *current, const struct reload_order *order,
	struct diag_list *diags, struct intake *ret, char why[static INTAKE_WHY])
{
	struct intake s = { 0 };
	int error;

	if (order->source == RELOAD_ROLLBACK)
		error = open_generation(parts, current, order, diags, &s, why);
	else
		error = open_file(parts, current, order, diags, &s, why);
	if (!error)
		*ret = s;
	return error;
}

void intake_free(struct intake *s)
{
	conf_free(s->model);
	conf_free(s->passed_over);
	*s = (struct intake){ 0 };
}
