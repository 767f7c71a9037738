/*
 * Runs inside charon's bus with the IKE_SA checked out. Bounds: so many exchanges at a time, so many octets each, and a
 * socket ends with the CHILD_SA it was opened for. The peer's address is checked by the kernel for each packet, before
 * it is copied; the SPI, which only the peer has been told, by the socket's filter.
 */
#include "rekey_early.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <collections/array.h>
#include <encoding/payloads/sa_payload.h>
#include <threading/mutex.h>

typedef struct private_rekey_early_t private_rekey_early_t;

enum {
	/** exchanges that wait for an answer at a time; the others do without */
	EARLY_MAX = 64,
	/** octets that a socket may keep, as the kernel counts them: about a thousand packets, a replay window */
	EARLY_OCTETS = 2 << 20,
};

/** A CHILD_SA that waits for the answer to our request */
typedef struct {
	/** inbound SPI of the CHILD_SA to be, network order */
	uint32_t spi;
	/** raw socket: what the peer has sent with it */
	int fd;
} early_t;

struct private_rekey_early_t {
	rekey_early_t public;
	/** protects waiting */
	mutex_t *mutex;
	/** early_t, by value */
	array_t *waiting;
};

/** Takes a packet if its SPI is that one; of UDP, ESP on the NAT traversal port. */
static bool filter_spi(int fd, bool udp, uint32_t spi)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* octets of the IP header */
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, udp ? sizeof(struct udphdr) : 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(spi), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, IP_MAXPACKET),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = countof(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

/** Takes no more packets: what is given to the kernel must not come back. */
static bool filter_all(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { .len = countof(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

/** Collects what comes from the peer of an IKE_SA with that SPI; -1 if that cannot be. */
static int open_socket(ike_sa_t *ike_sa, uint32_t spi)
{
	host_t *me = ike_sa->get_my_host(ike_sa), *peer = ike_sa->get_other_host(ike_sa);
	bool udp = ike_sa->has_condition(ike_sa, COND_NAT_ANY);
	int octets = EARLY_OCTETS, yes = 1, fd;

	if (me->get_family(me) != AF_INET)
		return -1;
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, udp ? IPPROTO_UDP : IPPROTO_ESP);
	if (fd >= 0 && filter_spi(fd, udp, spi) &&
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets)) == 0 &&
		setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &yes, sizeof(yes)) == 0 &&
		bind(fd, me->get_sockaddr(me), *me->get_sockaddr_len(me)) == 0 &&
		connect(fd, peer->get_sockaddr(peer), *peer->get_sockaddr_len(peer)) == 0)
		return fd;
	DBG1(DBG_NET, "packets that come before their keys will be lost: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/** The SPI that a request proposes for an ESP SA, 0 if it is another message. */
static uint32_t proposed_spi(message_t *message)
{
	linked_list_t *proposals;
	proposal_t *proposal;
	sa_payload_t *sa;
	uint32_t spi = 0;

	if (message->get_exchange_type(message) != CREATE_CHILD_SA && message->get_exchange_type(message) != IKE_AUTH)
		return 0;
	sa = (sa_payload_t *)message->get_payload(message, PLV2_SECURITY_ASSOCIATION);
	if (!sa)
		return 0;
	proposals = sa->get_proposals(sa);
	if (proposals->get_first(proposals, (void **)&proposal) == SUCCESS && proposal->get_protocol(proposal) == PROTO_ESP)
		spi = (uint32_t)proposal->get_spi(proposal);
	proposals->destroy_offset(proposals, offsetof(proposal_t, destroy));
	return spi;
}

METHOD(listener_t, message, bool, private_rekey_early_t *this, ike_sa_t *ike_sa, message_t *message, bool incoming,
	bool plain)
{
	early_t early;

	if (incoming || !plain || !message->get_request(message) || !(early.spi = proposed_spi(message)))
		return TRUE;
	this->mutex->lock(this->mutex);
	if (array_count(this->waiting) < EARLY_MAX && (early.fd = open_socket(ike_sa, early.spi)) >= 0)
		array_insert(this->waiting, ARRAY_TAIL, &early);
	this->mutex->unlock(this->mutex);
	return TRUE;
}

/** Gives the kernel what was collected, in its order. Sent to ourselves it takes the way of what comes in. */
static u_int deliver(int fd, host_t *me)
{
	u_char packet[IP_MAXPACKET];
	u_int count = 0;
	ssize_t octets;

	if (!filter_all(fd))
		return 0;
	while ((octets = recv(fd, packet, sizeof(packet), 0)) > 0)
		count += sendto(fd, packet, (size_t)octets, 0, me->get_sockaddr(me), *me->get_sockaddr_len(me)) == octets;
	return count;
}

/** Takes what waits for that SPI out of the list. */
static bool take(private_rekey_early_t *this, uint32_t spi, early_t *early)
{
	bool found = FALSE;
	int i;

	this->mutex->lock(this->mutex);
	for (i = 0; !found && i < array_count(this->waiting); i++) {
		array_get(this->waiting, i, early);
		found = early->spi == spi && array_remove(this->waiting, i, NULL);
	}
	this->mutex->unlock(this->mutex);
	return found;
}

METHOD(listener_t, child_state_change, bool, private_rekey_early_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
	child_sa_state_t state)
{
	early_t early;
	u_int count;

	if ((state != CHILD_INSTALLED && state != CHILD_DESTROYING) ||
		!take(this, child_sa->get_spi(child_sa, TRUE), &early))
		return TRUE;
	if (state == CHILD_INSTALLED && ike_sa) {
		count = deliver(early.fd, ike_sa->get_my_host(ike_sa));
		if (count)
			DBG1(DBG_CHD, "%u packets came before the keys of CHILD_SA %s{%u}, delivered", count,
				child_sa->get_name(child_sa), child_sa->get_unique_id(child_sa));
	}
	close(early.fd);
	return TRUE;
}

METHOD(rekey_early_t, destroy, void, private_rekey_early_t *this)
{
	early_t early;

	while (array_remove(this->waiting, ARRAY_TAIL, &early))
		close(early.fd);
	array_destroy(this->waiting);
	this->mutex->destroy(this->mutex);
	free(this);
}

rekey_early_t *rekey_early_create(void)
{
	private_rekey_early_t *this;

	/* charon gives up what nobody asks for. */
	if (!lib->caps->keep(lib->caps, CAP_NET_RAW))
		DBG1(DBG_NET, "without CAP_NET_RAW packets that come before their keys will be lost");
	INIT(this,
		.public = {
			.listener = {
				.message = _message,
				.child_state_change = _child_state_change,
			},
			.destroy = _destroy,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.waiting = array_create(sizeof(early_t), 0),
	);
	return &this->public;
}
