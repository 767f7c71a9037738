#include "appliance/isolation/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { BURST = 8 * 1024 * 1024 }; /* octets of events; some 10,000 SAs that come at once */

/* libnl's errors are coarser than errno; what the kernel itself answers goes by keep_error(). */
static int to_errno(int nle)
{
	static const struct {
		int nle, error;
	} map[] = {
		{ NLE_SUCCESS, 0 },
		{ NLE_INTR, -EINTR },
		{ NLE_DUMP_INTR, -EINTR },
		{ NLE_AGAIN, -EAGAIN },
		{ NLE_NOMEM, -ENOMEM },
		{ NLE_PERM, -EPERM },
		{ NLE_NOACCESS, -EACCES },
		{ NLE_INVAL, -EINVAL },
		{ NLE_OPNOTSUPP, -EOPNOTSUPP },
		{ NLE_AF_NOSUPPORT, -EAFNOSUPPORT },
		{ NLE_PROTO_MISMATCH, -EPROTONOSUPPORT },
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++)
		if (map[i].nle == -nle)
			return map[i].error;
	return -EIO;
}

int netlink_open(int protocol, struct nl_sock **ret)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk)
		return -ENOMEM;
	int r = nl_connect(sk, protocol);
	if (r < 0) {
		nl_socket_free(sk);
		return to_errno(r);
	}
	*ret = sk;
	return 0;
}

static int join(struct nl_sock *sk, const int *groups)
{
	int size = BURST, r = nl_socket_set_nonblocking(sk);

	for (; r == 0 && *groups != 0; groups++)
		r = nl_socket_add_membership(sk, *groups);
	/* Without CAP_NET_ADMIN the default stays: a loss is noticed and costs a dump. */
	(void)setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return to_errno(r);
}

int netlink_listen(int protocol, const int *groups, struct nl_sock **ret)
{
	struct nl_sock *sk = NULL;
	int r = netlink_open(protocol, &sk);

	if (r < 0)
		return r;
	r = join(sk, groups);
	if (r < 0) {
		nl_socket_free(sk);
		return r;
	}
	*ret = sk;
	return 0;
}

/* What a reading hands on, and what came of it. */
struct reading {
	netlink_handler handler;
	void *arg;
	int error;
};

static int hand_on(struct nl_msg *msg, void *arg)
{
	struct reading *reading = arg;

	if (reading->error == 0)
		reading->error = reading->handler(msg, reading->arg);
	return NL_OK;
}

static int note_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct reading *reading = arg;

	(void)from;
	reading->error = error->error;
	return NL_STOP;
}

static struct nl_cb *reading_callbacks(struct reading *reading)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		return NULL;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, hand_on, reading);
	nl_cb_err(cb, NL_CB_CUSTOM, note_error, reading);
	return cb;
}

static int note_ack(struct nl_msg *msg, void *arg)
{
	(void)msg;
	*(bool *)arg = true;
	return NL_STOP;
}

int netlink_ask(struct nl_sock *sk, struct nl_msg *msg, netlink_handler handler, void *arg)
{
	struct reading reading = { handler, arg, 0 };
	bool answered = false;

	if (!msg)
		return -ENOMEM;
	int r = nl_send_auto(sk, msg);
	nlmsg_free(msg);
	if (r < 0)
		return to_errno(r);
	struct nl_cb *cb = reading_callbacks(&reading);
	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, note_ack, &answered);
	do
		r = nl_recvmsgs(sk, cb);
	while (r >= 0 && !answered && reading.error == 0);
	nl_cb_put(cb);
	if (reading.error < 0)
		return reading.error;
	return answered ? 0 : to_errno(r);
}

static int pass_over(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return 0;
}

int netlink_request(struct nl_sock *sk, struct nl_msg *msg)
{
	return netlink_ask(sk, msg, pass_over, NULL);
}

int netlink_batch_add(struct netlink_batch *b, struct nl_msg *msg)
{
	static const char padding[NLMSG_ALIGNTO];

	if (!msg)
		return -ENOMEM;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	nlh->nlmsg_seq = b->first + (uint32_t)b->count;
	nlh->nlmsg_flags |= NLM_F_REQUEST;
	b->last = b->text.len;
	buf_add(&b->text, nlh, nlh->nlmsg_len);
	buf_add(&b->text, padding, NLMSG_ALIGN(nlh->nlmsg_len) - nlh->nlmsg_len);
	nlmsg_free(msg);
	if (b->text.error)
		return b->text.error;
	b->count++;
	return 0;
}

/* Takes in answers until the last request has its own. 0 or -errno. */
static int take_answers(int fd, struct netlink_batch *b)
{
	_Alignas(struct nlmsghdr) char text[16384];
	bool ended = false;

	while (!ended) {
		ssize_t got = recv(fd, text, sizeof(text), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		int left = (int)got;
		for (struct nlmsghdr *nlh = (void *)text; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
				continue;
			const struct nlmsgerr *answer = nlmsg_data(nlh);
			uint32_t which = answer->msg.nlmsg_seq - b->first;
			if (which < b->count)
				b->results[which] = answer->error;
			ended = ended || which == b->count - 1;
		}
	}
	return 0;
}

/* Only failures are answered; the last request asks for an answer in any case, which comes behind all others. */
void netlink_batch_run(struct nl_sock *sk, struct netlink_batch *b)
{
	int fd = nl_socket_get_fd(sk), r = 0;
	struct nlmsghdr last;

	memset(b->results, 0, sizeof(b->results));
	if (b->count == 0)
		return;
	memcpy(&last, b->text.text + b->last, sizeof(last));
	last.nlmsg_flags |= NLM_F_ACK;
	memcpy(b->text.text + b->last, &last, sizeof(last));
	if (send(fd, b->text.text, b->text.len, 0) < 0)
		r = -errno;
	if (r == 0)
		r = take_answers(fd, b);
	/* What was not said to have failed is not known to have worked. */
	for (size_t i = 0; i < b->count && r < 0; i++)
		if (b->results[i] == 0)
			b->results[i] = r;
	b->text.len = 0;
	b->first += (uint32_t)b->count;
	b->count = 0;
}

void netlink_narrow(struct nl_sock *sk)
{
	int on = 1;

	/* A kernel that does not know this gives everything, of which the reader takes its part. */
	(void)setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

void netlink_interface_name(const struct nl_sock *sk, uint32_t index, char name[static IFNAMSIZ])
{
	struct ifreq r = { .ifr_ifindex = (int)index };

	if (index == 0 || ioctl(nl_socket_get_fd(sk), SIOCGIFNAME, &r) < 0)
		r.ifr_name[0] = '\0';
	memcpy(name, r.ifr_name, IFNAMSIZ);
}

int netlink_dump(
	struct nl_sock *sk, int type, const void *header, size_t header_len, netlink_handler handler, void *arg)
{
	struct reading reading = { handler, arg, 0 };
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_DUMP);
	struct nl_cb *cb = reading_callbacks(&reading);
	int r = -NLE_NOMEM;

	if (msg && cb)
		r = header_len > 0 ? nlmsg_append(msg, (void *)(uintptr_t)header, header_len, NLMSG_ALIGNTO) : 0;
	if (r == 0)
		r = nl_send_auto(sk, msg);
	if (r >= 0)
		r = nl_recvmsgs(sk, cb);
	nlmsg_free(msg);
	nl_cb_put(cb);
	if (reading.error < 0)
		return reading.error;
	return r < 0 ? to_errno(r) : 0;
}

/* Events answer no request. */
static int take_any_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

int netlink_drain(struct nl_sock *sk, netlink_handler handler, void *arg)
{
	struct reading reading = { handler, arg, 0 };
	struct nl_cb *cb = reading_callbacks(&reading);
	unsigned losses = 0;
	int r;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, take_any_sequence, NULL);
	do {
		r = nl_recvmsgs(sk, cb);
		/* libnl's name for the kernel's ENOBUFS; said once for each loss, so a memory error cannot loop here. */
		losses += r == -NLE_NOMEM;
	} while (r >= 0 || r == -NLE_INTR || (r == -NLE_NOMEM && losses < 16));
	nl_cb_put(cb);
	if (losses > 0)
		return -ENOBUFS;
	if (reading.error < 0)
		return reading.error;
	return r == -NLE_AGAIN ? 0 : to_errno(r);
}

size_t netlink_ip_len(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

struct ip netlink_ip(const struct nlattr *a, int family)
{
	struct ip ip = { .family = AF_UNSPEC };

	if (!a || (family != AF_INET && family != AF_INET6) || (size_t)nla_len(a) != netlink_ip_len(family))
		return ip;
	ip.family = family;
	memcpy(ip.octets, nla_data(a), (size_t)nla_len(a));
	return ip;
}

uint32_t netlink_way_out(struct nlattr *const *route, size_t n)
{
	struct nlattr *several = route[RTA_MULTIPATH];

	if (!several)
		return n == 0 ? netlink_number(route[RTA_OIF]) : 0;
	struct rtnexthop *way = nla_data(several);
	for (int left = nla_len(several); left >= (int)sizeof(*way) && RTNH_OK(way, left); way = RTNH_NEXT(way)) {
		if (n-- == 0)
			return (uint32_t)way->rtnh_ifindex;
		left -= (int)RTNH_ALIGN(way->rtnh_len);
	}
	return 0;
}

uint32_t netlink_number(const struct nlattr *a)
{
	return a && nla_len(a) == sizeof(uint32_t) ? nla_get_u32(a) : 0;
}
