/*
 * Ends CHILD_SAs that were replaced and that nobody deletes. When rekeys of both sides have crossed, the peer is to
 * delete the CHILD_SA that lost, and libreswan does not; and a peer that has rekeyed a CHILD_SA is to delete the old
 * one, and may be stopped before. Such a one would stay until its ceiling, and libreswan would go on to use it.
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
