/*
 * Keeps what a peer sends with keys that are still on their way here. Whoever answers a rekey has the new keys first,
 * and may use them at once (RFC 7296 section 2.8): until its answer has come, perhaps repeated, and has been worked on,
 * the kernel knows the SPI but has no keys for it and drops such packets. The same where a tunnel is made anew while
 * traffic goes on, on what a charon that was killed left in the kernel.
 *
 * While a request of ours for a CHILD_SA waits for its answer, a raw socket collects copies of the ESP packets with
 * the SPI that it proposes, from the peer it went to; they are given to the kernel once more as soon as the SA is
 * there. The way of packets stays as it is: what fails here, or is too much, is lost as it would be without. What was
 * decrypted the first time is stopped by the replay window the second time.
 */
#ifndef REKEY_EARLY_H_
#define REKEY_EARLY_H_

#include <daemon.h>

typedef struct rekey_early_t rekey_early_t;

struct rekey_early_t {

	/** for charon's bus */
	listener_t listener;

	void (*destroy)(rekey_early_t *this);
};

rekey_early_t *rekey_early_create(void);

#endif
