/*
 * XFRM policies that others deleted: where a link has SAs and lacks policies (the kernel then drops its packets) charon
 * is asked to renew the keys of its tunnel, as it sets the policies anew with them, and if it did so and that does not
 * help, in good time (policy_lack.h), to restart the tunnel. Policies that others added stay, and are told. On the
 * event loop's thread.
 */
#ifndef CULVERT_DAEMON_POLICY_MEND_H
#define CULVERT_DAEMON_POLICY_MEND_H

#include <stdbool.h>
#include <systemd/sd-event.h>

struct charon;
struct links;
struct policy_mend;

enum {
	POLICY_MEND_SETTLE = 100 * 1000, /* microseconds: from an event to the look */
	POLICY_MEND_REST = 20, /* times as long as a look took there is none */
	POLICY_MEND_AGAIN = 10 * 1000 * 1000, /* microseconds, at most, from look to look while any are missing */
	POLICY_MEND_RETRY = 5 * 1000 * 1000, /* microseconds: from a renewal that charon did not begin to the next order */
	POLICY_MEND_ORDERS = 16, /* that charon has not answered; it has a queue */
};

/* Called when policies have come or gone, or are not what the links of the model have, by whomever. */
typedef void (*policy_mend_fn)(void *userdata);

/*
 * links and charon are borrowed for its life. 0 with *ret (policy_mend_free() it), also where the kernel has no XFRM;
 * or -errno.
 */
int policy_mend_new(sd_event *event, struct links *links, struct charon *charon, policy_mend_fn fn, void *userdata,
	struct policy_mend **ret);
/* While a reload runs, and before the first, nothing is done. */
void policy_mend_hold(struct policy_mend *m, bool on);
/* NULL is allowed. */
void policy_mend_free(struct policy_mend *m);

#endif
