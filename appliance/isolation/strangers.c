#include "appliance/isolation/strangers.h"

#include "appliance/isolation/walls.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>

static const char *family_name(int family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "arp";
	}
}

static const char *hook_name(const struct walls_hook *h)
{
	static const char *const names[] = { "prerouting", "input", "forward", "output", "postrouting", "ingress" };

	if (h->family == NFPROTO_NETDEV)
		return h->hook == 0 ? "ingress" : "egress";
	return h->hook < sizeof(names) / sizeof(*names) ? names[h->hook] : "?";
}

static void take(const struct walls_hook *h, bool ours, void *userdata)
{
	struct strangers *s = userdata;
	char *text = NULL;

	if (ours || s->count == STRANGERS_MAX)
		return;
	if (asprintf(&text, "table %s %.64s, chain %.64s (%.16s, hook %s, priority %d)", family_name(h->family), h->table,
			h->chain, h->type, hook_name(h), h->priority) >= 0)
		s->texts[s->count++] = text;
}

int strangers_read(struct strangers *s)
{
	struct strangers found = { 0 };
	int r = walls_hooks(take, &found);

	if (r < 0) {
		strangers_free(&found);
		return r;
	}
	strangers_free(s);
	*s = found;
	return 0;
}

void strangers_free(struct strangers *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->texts[i]);
	*s = (struct strangers){ 0 };
}
