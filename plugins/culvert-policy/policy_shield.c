#include "policy_shield.h"

enum {
	/** octets of the IKE header, and where in it the type of the first payload is */
	HEADER = 28,
	FIRST_PAYLOAD = 16,
	/** octets in front of what is encrypted; with the number of a fragment and the number of all */
	PAYLOAD_HEADER = 4,
	FRAGMENT_HEADER = 8,
};

/**
 * Whether the encrypted payload is there, whole and not empty: what comes after that is up to the integrity check. Of
 * an empty one charon reckons how long it would have to be, misses the rest, and takes the message for the peer's.
 */
static bool is_protected(chunk_t packet)
{
	chunk_t payload = chunk_skip(packet, HEADER);
	uint16_t number, total;

	if (payload.len <= PAYLOAD_HEADER || untoh16(payload.ptr + 2) != payload.len)
		return FALSE;
	if (packet.ptr[FIRST_PAYLOAD] == PLV2_ENCRYPTED)
		return TRUE;
	if (packet.ptr[FIRST_PAYLOAD] != PLV2_FRAGMENT || payload.len <= FRAGMENT_HEADER)
		return FALSE;
	number = untoh16(payload.ptr + 4);
	total = untoh16(payload.ptr + 6);
	return number && number <= total;
}

/** Whether it is the first message of the peer, which cannot be protected. */
static bool is_first(ike_sa_t *ike_sa, message_t *message)
{
	ike_sa_state_t state = ike_sa->get_state(ike_sa);
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	return message->get_exchange_type(message) == IKE_SA_INIT && !message->get_message_id(message) &&
		   (state == IKE_CREATED || state == IKE_CONNECTING) && message->get_request(message) != id->is_initiator(id);
}

bool policy_shield_passes(ike_sa_t *ike_sa, message_t *message)
{
	chunk_t packet = message->get_packet_data(message);

	if (message->get_exchange_type(message) == IKE_SA_INIT)
		return is_first(ike_sa, message);
	/* One without octets was put together from fragments, each of which was checked. */
	return !packet.len || is_protected(packet);
}

/** A response of an exchange that there is not is not parsed, and unlike a request it does not count. */
void policy_shield_drop(message_t *message)
{
	message->set_request(message, FALSE);
	message->set_exchange_type(message, EXCHANGE_TYPE_UNDEFINED);
}
