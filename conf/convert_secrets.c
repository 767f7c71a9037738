/* Secrets in a swanctl.conf: where they stand and where they belong. Their values are not even looked at. */
#include "conf/convert_read.h"

#include "conf/convert_conn.h"
#include "conf/convert_foreign.h"

#include <string.h>
#include <strings.h>

/* True if the secret's ids name the connection's peer, or if it names nobody. */
static bool is_for(const struct section *secret, const struct conn *c)
{
	bool ids = false;

	for (const struct setting *i = secret->settings; i; i = i->next) {
		if (strncmp(i->name, "id", 2) != 0)
			continue;
		ids = true;
		const char *id = i->value + (i->value[0] == '@');
		if (c->remote_id ? !strcasecmp(id, c->remote_id) : c->n_peers == 1 && !strcasecmp(id, c->peers[0]))
			return true;
	}
	return !ids;
}

static void note_secret(struct foreign *s, const struct conns *all, const struct section *secret)
{
	char *key = foreign_printf(s, "secrets.%s", secret->name);
	bool found = false;

	for (const struct conn *c = all->first; c && key; c = c->next) {
		if (c->credentials != CREDENTIALS_PSK || !is_for(secret, c))
			continue;
		found = true;
		foreign_note(s, secret->line, key,
			"is not printed; write the secret as it stands there, without quotes, with an editor into "
			"/etc/culvert/secrets/%s.psk, mode 0600",
			c->new_name);
	}
	if (!found && key)
		foreign_note(s, secret->line, key,
			"is not printed, and fits no connection that was taken; if a carrier needs it, write it with an editor "
			"into "
			"its psk_file, mode 0600");
}

void convert_note_secrets(struct foreign *s, const struct conns *all)
{
	const struct section *secrets = foreign_find(s->root, "secrets");

	for (const struct section *i = secrets ? secrets->sections : NULL; i; i = i->next) {
		if (!strncmp(i->name, "ike", 3))
			note_secret(s, all, i);
		else
			foreign_note(s, i->line, foreign_printf(s, "secrets.%s", i->name),
				"is not printed; Culvert has pre-shared keys, and private keys (PEM) without a passphrase, as files in "
				"the secrets folder");
	}
}
