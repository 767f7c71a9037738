/*
 * Which messages may reach an IKE_SA before their integrity is checked. charon takes a message without any payload, an
 * IKE_SA_INIT in the midst of an IKE_SA and one that cannot be parsed for the peer's: the IKE_SA ends, loses count of
 * the peer's messages or moves to another address. SPIs and message IDs go over the wire in clear text.
 */
#ifndef POLICY_SHIELD_H_
#define POLICY_SHIELD_H_

#include <daemon.h>

/** Whether charon may parse it. Asked of each incoming message, and of a reassembled one again. */
bool policy_shield_passes(ike_sa_t *ike_sa, message_t *message);

/** Makes charon ignore the message; by a listener that sees it before it is parsed. */
void policy_shield_drop(message_t *message);

#endif
