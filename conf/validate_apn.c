/* APNs: names, pools, links; who may be asked through the tunnels. */
#include "conf/validate.h"

#include "conf/model.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* --- names --- */

static void check_names(struct check *c)
{
	size_t n = c->m->n_apns;
	struct named *names = calloc(n + 1, sizeof(*names));

	if (!names) {
		c->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++)
		names[i] = (struct named){ c->m->apns[i].name, check_key("apns[%zu].name", i) };
	check_unique(c, "name", names, n);
	free(names);
}

/* --- pools --- */

/* One pool prefix against everything that must not lie in it. */
static void check_pool(struct check *c, size_t a, size_t p)
{
	const struct apn *apn = &c->m->apns[a];
	const struct prefix *pool = &apn->pool[p];
	struct prefix subnet = prefix_network(&apn->cloud.address);
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	if (!is_set(&pool->ip))
		return;
	prefix_print(pool, x);
	if (is_set(&subnet.ip) && subnet.ip.family != pool->ip.family)
		check_error(c, check_key("apns[%zu].pool[%zu]", a, p).text,
			"%s is of another family than cloud.address; an APN has one", x);
	else if (is_set(&apn->pool[0].ip) && apn->pool[0].ip.family != pool->ip.family)
		check_error(
			c, check_key("apns[%zu].pool[%zu]", a, p).text, "%s is of another family than pool[0]; an APN has one", x);
	size_t hit = 0;
	while (hit < apn->cloud.n_prefixes && !overlap(&apn->cloud.prefixes[hit], pool))
		hit++;
	if (hit < apn->cloud.n_prefixes)
		check_error(c, check_key("apns[%zu].pool[%zu]", a, p).text,
			"%s overlaps cloud.prefixes[%zu] (%s); devices and cloud need separate addresses", x, hit,
			prefix_print(&apn->cloud.prefixes[hit], y));
	else if (overlap(&subnet, pool))
		check_error(c, check_key("apns[%zu].pool[%zu]", a, p).text,
			"%s overlaps the subnet of cloud.address (%s); devices and cloud need separate addresses", x,
			prefix_print(&subnet, y));
	check_clear_of_gateway(c, check_key("apns[%zu].pool[%zu]", a, p).text, pool);
}

static void check_links(struct check *c, size_t a)
{
	const struct apn *apn = &c->m->apns[a];

	for (size_t i = 0; i < apn->n_links; i++) {
		for (size_t k = 0; apn->links[i].tunnel && k < i; k++) {
			if (apn->links[i].tunnel == apn->links[k].tunnel)
				check_error(c, check_key("apns[%zu].tunnels[%zu]", a, i).text,
					"\"%s\" is here twice; name a tunnel once", apn->links[i].tunnel->name);
		}
	}
}

/* A file that was cut short between two settings is good in itself: what ends all traffic has to be said. */
static void check_any(struct check *c)
{
	if (c->m->n_apns)
		return;
	if (c->operators && !c->diags->errors && !check_has(c, "apns"))
		check_error(c, "apns",
			"is missing; is the file whole? Write apns = ( { name = \"meters\"; ... } ); or, where nothing is to be "
			"carried, apns = ( );");
	else
		check_warning(c, "apns", "there is no APN; nothing will be carried");
}

void validate_apns(struct check *c)
{
	check_any(c);
	check_names(c);
	for (size_t a = 0; a < c->m->n_apns; a++) {
		const struct apn *apn = &c->m->apns[a];
		if (apn->n_pool > 1)
			check_apart(c, check_key("apns[%zu].pool", a).text, apn->pool, apn->n_pool);
		for (size_t p = 0; p < apn->n_pool; p++)
			check_pool(c, a, p);
		validate_cloud(c, a);
		check_links(c, a);
		validate_services(c, a);
		validate_asking(c, a);
	}
}
