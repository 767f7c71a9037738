#include "appliance/daemon/counters.h"

#include "appliance/isolation/plan.h"
#include "appliance/isolation/tally.h"
#include "conf/model.h"

#include <string.h>

struct sum {
	uint64_t packets, octets;
};

/* Adds up the rows that are like key, over all links of the APN. */
static struct sum add_up(const struct apn *a, const struct tally *t, struct tally_row key)
{
	struct sum sum = { 0 };

	for (size_t i = 0; i < a->n_links; i++) {
		const struct tally_row *row;

		plan_xfrm_name(a->links[i].if_id, key.link);
		row = tally_find(t, &key);
		if (!row)
			continue;
		sum.packets += row->packets;
		sum.octets += row->octets;
	}
	return sum;
}

static json_t *pack(const struct sum *s)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)s->packets, "octets", (json_int_t)s->octets);
}

static json_t *carried(const struct apn *a, const struct tally *t, enum tally_kind kind)
{
	struct sum sum = add_up(a, t, (struct tally_row){ .kind = kind });

	return pack(&sum);
}

static bool touches(const struct ports *ports, size_t n, const struct ports *range)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].first <= range->last && ports[i].last >= range->first)
			return true;
	return false;
}

static json_t *names_of(const struct service *services, size_t n, const struct endpoint *e)
{
	json_t *names = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct service *s = &services[i];
		bool udp = e->protocol == SERVICE_UDP;

		if (ip_equal(&s->host, &e->host) && touches(udp ? s->udp : s->tcp, udp ? s->n_udp : s->n_tcp, &e->ports))
			json_array_append_new(names, json_string(s->name));
	}
	return names;
}

/* One row for each range that the walls know. */
static json_t *services(
	const struct apn *a, const struct service *list, size_t n, enum tally_kind kind, const struct tally *t)
{
	struct endpoints e = { 0 };
	json_t *rows = json_array();

	if (endpoints_collect(list, n, &e)) {
		json_decref(rows);
		return NULL;
	}
	for (size_t i = 0; i < e.count; i++) {
		const struct endpoint *p = &e.items[i];
		struct sum sum = add_up(a, t, (struct tally_row){ .kind = kind, .endpoint = *p });
		char host[IP_TEXT];

		json_array_append_new(
			rows, json_pack("{s:o, s:s, s:s, s:i, s:i, s:I, s:I}", "names", names_of(list, n, p), "host",
					  ip_print(&p->host, host), "protocol", p->protocol == SERVICE_UDP ? "udp" : "tcp", "first_port",
					  p->ports.first, "last_port", p->ports.last, "packets", (json_int_t)sum.packets, "octets",
					  (json_int_t)sum.octets));
	}
	endpoints_free(&e);
	return rows;
}

/* The reasons are those that the walls count; a NULL for the APN: of all, and of what belongs to none. */
static json_t *refused(const struct apn *a, const struct tally *t)
{
	json_t *reasons = json_object();

	for (size_t i = 0; i < t->count; i++) {
		const struct tally_row *row = &t->rows[i];
		struct tally_row key = { .kind = TALLY_REFUSED };
		struct sum sum = { row->packets, row->octets };

		if (row->kind != TALLY_ALL_REFUSED)
			continue;
		memcpy(key.reason, row->reason, sizeof(key.reason));
		if (a)
			sum = add_up(a, t, key);
		if (sum.packets)
			json_object_set_new(reasons, row->reason, pack(&sum));
	}
	return reasons;
}

static json_t *apn_row(const struct apn *a, const struct tally *t)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "name", a->name, "from_devices",
		carried(a, t, TALLY_FROM_DEVICES), "to_devices", carried(a, t, TALLY_TO_DEVICES), "services",
		services(a, a->services, a->n_services, TALLY_SERVICE, t), "downlink",
		services(a, a->downlink, a->n_downlink, TALLY_DOWNLINK, t), "refused", refused(a, t));
}

json_t *counters_compose(const struct model *m, unsigned generation, const char *apn, const struct tally *t)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < m->n_apns; i++)
		if (!apn || strcmp(m->apns[i].name, apn) == 0)
			json_array_append_new(rows, apn_row(&m->apns[i], t));
	return json_pack("{s:b, s:I, s:o, s:o}", "ok", 1, "generation", (json_int_t)generation, "apns", rows, "refused",
		refused(NULL, t));
}
