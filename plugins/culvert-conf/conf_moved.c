#include "conf_moved.h"

#include "conf_attempt.h"

/** Also on an interface that is down. */
static bool is_known(host_t *address)
{
	enumerator_t *enumerator;
	bool found = FALSE;
	host_t *known;

	enumerator = charon->kernel->create_address_enumerator(charon->kernel, ADDR_TYPE_ALL);
	while (!found && enumerator->enumerate(enumerator, &known))
		found = known->ip_equals(known, address);
	enumerator->destroy(enumerator);
	return found;
}

static bool is_gone(host_t *address)
{
	char *name;

	if (address->is_anyaddr(address))
		return FALSE;
	if (charon->kernel->get_interface(charon->kernel, address, &name)) {
		free(name);
		return FALSE;
	}
	return !is_known(address);
}

static bool has_other_way(host_t *local, host_t *remote)
{
	host_t *source = charon->kernel->get_source_addr(charon->kernel, remote, NULL);
	bool other;

	if (!source)
		return FALSE;
	other = !source->is_anyaddr(source) && !source->ip_equals(source, local);
	source->destroy(source);
	return other;
}

static bool has_moved(const conf_sa_t *sa)
{
	host_t *local = host_create_from_sockaddr((sockaddr_t *)&sa->local.any);
	host_t *remote = host_create_from_sockaddr((sockaddr_t *)&sa->remote.any);
	bool moved;

	moved = local && remote && is_gone(local) && has_other_way(local, remote);
	if (moved)
		DBG1(DBG_CFG, "tunnel %s: the machine has %H no longer, the IKE_SA ends", sa->cfg->get_name(sa->cfg), local);
	DESTROY_IF(local);
	DESTROY_IF(remote);
	return moved;
}

bool conf_moved_end(conf_survey_t *survey, conf_tunnel_t *tunnel)
{
	const conf_sa_t *sa;
	bool any = FALSE;

	for (sa = survey->get_first(survey, tunnel->name); sa && !tunnel->local; sa = sa->next) {
		if (tunnel->owns(tunnel, sa->cfg) && has_moved(sa)) {
			conf_survey_drop(sa);
			any = TRUE;
		}
	}
	if (any)
		conf_attempt_reset(tunnel);
	return any;
}
