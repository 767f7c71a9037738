#include "policy_refusals.h"

#include <collections/hashtable.h>
#include <threading/mutex.h>

#include "lib/buf.h"

typedef struct private_policy_refusals_t private_policy_refusals_t;
typedef struct kept_t kept_t;
typedef struct shelf_t shelf_t;

enum {
	/** tunnels and unknown peers that are remembered; an older one makes room */
	TUNNELS_MAX = 16384,
	PEERS_MAX = 256,
	/** octets that they take in a report, about: anybody can cause them */
	REPORT_MAX = 4 * 1024 * 1024,
	/** octets of a text, with its NUL */
	TEXT_SIZE = POLICY_TEXT_MAX + 1,
	/** seconds between two lines in the log about the same tunnel or peer, and if they say the same */
	LOG_INTERVAL = 1,
	LOG_REPEAT = 60,
	/** lines a second about peers that have not said who they are altogether: addresses are forged at no cost */
	PEER_LINES = 5,
};

/** A refusal in its shelf */
struct kept_t {
	policy_refusal_t public;
	/** tunnel's name or peer's address; owned */
	char *key;
	/** monotonic seconds of the last line in the log, and whether this refusal is the one it told of */
	time_t logged;
	bool told;
};

/** Refusals of one kind, found by key */
struct shelf_t {
	hashtable_t *by_key;
	/** kept_t, the latest first */
	linked_list_t *order;
	int max;
};

struct private_policy_refusals_t {
	policy_refusals_t public;
	/** locks all below; taken last */
	mutex_t *mutex;
	shelf_t tunnels;
	shelf_t peers;
	/** second that lines about such peers are counted in, and their number */
	time_t second;
	u_int lines;
};

/** What the thread's present message was refused for. Listeners run in the thread that processes the message. */
static __thread struct {
	uint32_t ike_sa;
	char sentence[TEXT_SIZE];
} current;

/** A line of printable ASCII, whatever a peer has put into it; three dots at its end if there was more. */
static char *text_of(const char *text)
{
	char *copy, *c;

	copy = strndup(text, POLICY_TEXT_MAX);
	for (c = copy; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = ' ';
	}
	if (text[c - copy])
		memcpy(c - 3, "...", 3);
	return copy;
}

static void empty(kept_t *kept)
{
	free(kept->public.tunnel);
	free(kept->public.offered);
	free(kept->public.allowed);
	free(kept->public.sentence);
	DESTROY_IF(kept->public.peer);
}

static void kept_destroy(kept_t *kept)
{
	empty(kept);
	free(kept->key);
	free(kept);
}

static void shelf_create(shelf_t *shelf, int max)
{
	shelf->by_key = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32);
	shelf->order = linked_list_create();
	shelf->max = max;
}

static void shelf_destroy(shelf_t *shelf)
{
	shelf->by_key->destroy(shelf->by_key);
	shelf->order->destroy_function(shelf->order, (void *)kept_destroy);
}

/** The entry of that key, moved to the front; made if there is none, in the place of the oldest one if it is full. */
static kept_t *shelf_get(shelf_t *shelf, const char *key)
{
	kept_t *kept = shelf->by_key->get(shelf->by_key, key), *oldest;

	if (kept) {
		shelf->order->remove(shelf->order, kept, NULL);
	} else {
		if (shelf->order->get_count(shelf->order) >= shelf->max &&
			shelf->order->remove_last(shelf->order, (void **)&oldest) == SUCCESS) {
			shelf->by_key->remove(shelf->by_key, oldest->key);
			kept_destroy(oldest);
		}
		INIT(kept, .key = strdup(key), .logged = -LOG_INTERVAL, );
		shelf->by_key->put(shelf->by_key, kept->key, kept);
	}
	shelf->order->insert_first(shelf->order, kept);
	return kept;
}

static void fill(kept_t *kept, const policy_refusal_t *refusal, time_t now)
{
	u_int count = kept->public.count;

	kept->told = kept->told && streq(kept->public.sentence, refusal->sentence);
	empty(kept);
	kept->public = (policy_refusal_t){
		.tunnel = strdupnull(refusal->tunnel),
		.peer = refusal->peer ? refusal->peer->clone(refusal->peer) : NULL,
		.exchange = refusal->exchange,
		.incoming = refusal->incoming,
		.offered = text_of(refusal->offered),
		.allowed = text_of(refusal->allowed),
		.sentence = text_of(refusal->sentence),
		.count = count + 1,
		.when = now,
	};
}

/** Whether the refusal gets a line in the log: peers could fill it otherwise, anybody if the peer is not known yet. */
static bool is_worth_a_line(private_policy_refusals_t *this, kept_t *kept, bool known, time_t now)
{
	if (now - kept->logged < (kept->told ? LOG_REPEAT : LOG_INTERVAL))
		return FALSE;
	if (!known) {
		if (this->second != now) {
			this->second = now;
			this->lines = 0;
		}
		if (++this->lines > PEER_LINES)
			return FALSE;
	}
	kept->logged = now;
	kept->told = TRUE;
	return TRUE;
}

const char *policy_host_text(host_t *host, char text[static POLICY_HOST_TEXT])
{
	return inet_ntop(host->get_family(host), host->get_address(host).ptr, text, POLICY_HOST_TEXT) ?: "(unknown)";
}

METHOD(policy_refusals_t, add, void, private_policy_refusals_t *this, ike_sa_t *ike_sa, const policy_refusal_t *refusal)
{
	char address[POLICY_HOST_TEXT];
	const char *key;
	kept_t *kept;
	time_t now;
	bool line;

	if (!current.sentence[0]) {
		current.ike_sa = ike_sa->get_unique_id(ike_sa);
		snprintf(current.sentence, sizeof(current.sentence), "%s", refusal->sentence);
	}
	key = refusal->tunnel ?: policy_host_text(refusal->peer, address);
	this->mutex->lock(this->mutex);
	now = time_monotonic(NULL);
	kept = shelf_get(refusal->tunnel ? &this->tunnels : &this->peers, key);
	fill(kept, refusal, now);
	line = is_worth_a_line(this, kept, ike_sa->get_peer_cfg(ike_sa) != NULL, now);
	this->mutex->unlock(this->mutex);
	if (line)
		DBG1(DBG_CFG, "policy refuses %s%s in %N: %s", refusal->tunnel ? "tunnel " : "peer ", key, exchange_type_names,
			refusal->exchange, refusal->sentence);
}

static void print_refusal(const policy_refusal_t *refusal, time_t now, struct buf *out)
{
	char address[POLICY_HOST_TEXT];

	buf_printf(out, "refusal %s %s %s %s %u %lld %s\t%s\t%s\n", refusal->tunnel ?: "-",
		policy_host_text(refusal->peer, address), enum_to_name(exchange_type_names, (int)refusal->exchange) ?: "-",
		refusal->incoming ? "peer" : "gateway", refusal->count, (long long)(now - refusal->when), refusal->offered,
		refusal->allowed, refusal->sentence);
}

static void print_shelf(shelf_t *shelf, time_t now, size_t end, struct buf *out)
{
	enumerator_t *enumerator;
	kept_t *kept;

	enumerator = shelf->order->create_enumerator(shelf->order);
	while (out->len < end && enumerator->enumerate(enumerator, &kept))
		print_refusal(&kept->public, now, out);
	enumerator->destroy(enumerator);
}

METHOD(conf_refusals_t, print, void, private_policy_refusals_t *this, struct buf *out)
{
	size_t end = out->len + REPORT_MAX;
	time_t now;

	this->mutex->lock(this->mutex);
	now = time_monotonic(NULL);
	print_shelf(&this->peers, now, end, out);
	print_shelf(&this->tunnels, now, end, out);
	this->mutex->unlock(this->mutex);
}

METHOD(policy_refusals_t, get_current, const char *, private_policy_refusals_t *this, ike_sa_t *ike_sa)
{
	if (!current.sentence[0] || current.ike_sa != ike_sa->get_unique_id(ike_sa))
		return NULL;
	return current.sentence;
}

METHOD(policy_refusals_t, clear_current, void, private_policy_refusals_t *this)
{
	current.sentence[0] = '\0';
}

METHOD(policy_refusals_t, destroy, void, private_policy_refusals_t *this)
{
	lib->set(lib, CONF_REFUSALS, NULL);
	shelf_destroy(&this->tunnels);
	shelf_destroy(&this->peers);
	this->mutex->destroy(this->mutex);
	free(this);
}

policy_refusals_t *policy_refusals_create(void)
{
	private_policy_refusals_t *this;

	INIT(this,
		.public = {
			.report = {
				.print = _print,
			},
			.add = _add,
			.get_current = _get_current,
			.clear_current = _clear_current,
			.destroy = _destroy,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	shelf_create(&this->tunnels, TUNNELS_MAX);
	shelf_create(&this->peers, PEERS_MAX);
	lib->set(lib, CONF_REFUSALS, &this->public.report);
	return &this->public;
}
