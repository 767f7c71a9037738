/*
 * Ends CHILD_SAs that were replaced and that nobody deletes, and those that charon itself has forgotten. When rekeys of
 * both sides have crossed, the peer is to delete the CHILD_SA that lost, and libreswan does not; and a peer that has
 * rekeyed a CHILD_SA is to delete the old one, and may be stopped before.
 *
 * One that has lost is not simply deleted: to libreswan it is the newest, which takes the policies along when it goes,
 * and with them the traffic until the next rekey. So the one that has won is rekeyed first.
 */
#ifndef REKEY_STRAYS_H_
#define REKEY_STRAYS_H_

#include <daemon.h>

typedef struct rekey_strays_t rekey_strays_t;

struct rekey_strays_t {

	/** for charon's bus */
	listener_t listener;

	void (*destroy)(rekey_strays_t *this);
};

rekey_strays_t *rekey_strays_create(void);

#endif
