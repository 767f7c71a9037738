#include "rekey_ledger.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <collections/hashtable.h>
#include <threading/mutex.h>

#include "ikev2/agenda.h"
#include "ikev2/spread.h"

typedef struct private_rekey_ledger_t private_rekey_ledger_t;
typedef struct entry_t entry_t;

/** One SA; all times are milliseconds of CLOCK_BOOTTIME */
struct entry_t {
	/** its appointment; first member */
	struct agenda_item item;
	uint32_t id;
	rekey_kind_t kind : 8;
	/** whether an answer is being processed; the farewell was said; the IKE_SA was initiated by us */
	bool answered, farewell, initiator;
	/** when the making of its keys began */
	uint64_t born;
	/** when another one took its place and it has nothing left to do, 0: not yet; only of an IKE_SA */
	uint64_t replaced;
	/** when its last request that makes keys was sent; of an IKE_SA */
	uint64_t asked;
	struct lifetime lifetime;
	/** planned rekey, none: not planned yet or retired */
	struct spread_slot slot;
	/** earliest time of the next attempt, 0: none is wanted */
	uint64_t attempt;
	u_int tries;
	/** of an IKE_SA what finds it; 0: not known */
	uint64_t spi_initiator, spi_responder;
};

struct private_rekey_ledger_t {
	rekey_ledger_t public;
	/** locks all below; taken last, nothing of charon is called with it held */
	mutex_t *mutex;
	/** entry_t by kind and id, owned */
	hashtable_t *entries;
	struct agenda agenda;
	struct spread *spread;
	int fd;
	/** what the timer is set to, 0: not set */
	uint64_t alarm;
};

enum {
	/** milliseconds until an appointment is made again whose step did not come to an end */
	AGAIN = 1000,
	/** milliseconds that a peer has to delete an IKE_SA it has rekeyed, or those of one that rekeys wildly add up */
	REPLACED_MOST = 60000,
	/** rekeys of one tunnel keep apart by so many milliseconds, or by this share of the window if it is short */
	APART = 30000,
	APART_SHARE = 4,
	OTHERS_MAX = 8,
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static u_int hash(const void *key)
{
	const entry_t *entry = key;

	return chunk_hash_inc(chunk_from_thing(entry->id), entry->kind);
}

static bool equals(const void *a, const void *b)
{
	const entry_t *one = a, *other = b;

	return one->id == other->id && one->kind == other->kind;
}

static entry_t *find(private_rekey_ledger_t *this, rekey_kind_t kind, uint32_t id)
{
	entry_t key = { .id = id, .kind = kind };

	return this->entries->get(this->entries, &key);
}

/** Sets the timer to the first appointment. */
static void set_alarm(private_rekey_ledger_t *this)
{
	struct agenda_item *first = agenda_first(&this->agenda);
	struct itimerspec spec = {};

	if (this->alarm == (first ? first->due : 0))
		return;
	this->alarm = first ? first->due : 0;
	spec.it_value.tv_sec = (time_t)(this->alarm / 1000);
	spec.it_value.tv_nsec = (long)(this->alarm % 1000) * 1000000;
	timerfd_settime(this->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

/** Never later than the ceiling. */
static uint64_t end_of(const entry_t *entry)
{
	uint64_t end = entry->born + lifetime_end(&entry->lifetime);

	return entry->replaced ? min(end, entry->replaced + REPLACED_MOST) : end;
}

static uint64_t farewell_of(const entry_t *entry)
{
	return end_of(entry) - (lifetime_end(&entry->lifetime) - lifetime_farewell(&entry->lifetime));
}

static rekey_step_t step_at(const entry_t *entry, uint64_t time)
{
	if (time >= end_of(entry))
		return REKEY_STEP_END;
	if (!entry->farewell && time >= farewell_of(entry))
		return REKEY_STEP_FAREWELL;
	return REKEY_STEP_REKEY;
}

/** Makes the next appointment of an SA, not before earliest. */
static void appoint(private_rekey_ledger_t *this, entry_t *entry, uint64_t earliest)
{
	uint64_t due = entry->farewell ? end_of(entry) : farewell_of(entry);

	if (entry->attempt)
		due = min(due, entry->attempt);
	if (agenda_put(&this->agenda, &entry->item, max(due, earliest)) < 0)
		DBG1(DBG_LIB, "no memory to watch over the age of a key");
	set_alarm(this);
}

/** When the peer may have made the keys of a CHILD_SA that is being made. */
static uint64_t made_in(private_rekey_ledger_t *this, uint32_t ike)
{
	entry_t *entry = ike ? find(this, REKEY_IKE, ike) : NULL;

	return entry && entry->answered && entry->asked ? entry->asked : now_ms();
}

METHOD(rekey_ledger_t, begin, void, private_rekey_ledger_t *this, rekey_kind_t kind, uint32_t id, uint32_t ike)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, kind, id);
	if (!entry) {
		INIT(entry, .id = id, .kind = kind,
			.lifetime = lifetime_for(kind == REKEY_IKE ? LIFETIME_REKEY_IKE : LIFETIME_REKEY_CHILD, 0), );
		this->entries->put(this->entries, entry, entry);
	}
	if (!entry->slot.at && !entry->spi_initiator) {
		entry->born = made_in(this, ike);
		appoint(this, entry, 0);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_ledger_t, ask, void, private_rekey_ledger_t *this, uint32_t ike)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, REKEY_IKE, ike);
	if (entry)
		entry->asked = now_ms();
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_ledger_t, hear, void, private_rekey_ledger_t *this, uint32_t ike, bool answer)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, REKEY_IKE, ike);
	if (entry)
		entry->answered = answer;
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_ledger_t, identify, void, private_rekey_ledger_t *this, uint32_t id, ike_sa_id_t *ike_id)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, REKEY_IKE, id);
	if (entry && !entry->spi_initiator) {
		entry->spi_initiator = ike_id->get_initiator_spi(ike_id);
		entry->spi_responder = ike_id->get_responder_spi(ike_id);
		entry->initiator = ike_id->is_initiator(ike_id);
	}
	this->mutex->unlock(this->mutex);
}

/** What finds an IKE_SA, NULL if that is not known */
static ike_sa_id_t *id_of(const entry_t *entry)
{
	if (!entry->spi_initiator)
		return NULL;
	return ike_sa_id_create(IKEV2_MAJOR_VERSION, entry->spi_initiator, entry->spi_responder, entry->initiator);
}

/** The planned rekeys of others, as many as there is room for. */
static size_t slots_of(
	private_rekey_ledger_t *this, rekey_kind_t kind, const uint32_t *ids, u_int count, uint64_t slots[OTHERS_MAX])
{
	entry_t *other;
	size_t n = 0;
	u_int i;

	for (i = 0; i < count && n < OTHERS_MAX; i++) {
		other = find(this, kind == REKEY_IKE ? REKEY_CHILD : REKEY_IKE, ids[i]);
		if (other && other->slot.at)
			slots[n++] = other->slot.at;
	}
	return n;
}

static uint64_t distance(const struct lifetime *lifetime)
{
	return min((uint64_t)APART, lifetime->jitter * UINT64_C(1000) / APART_SHARE);
}

/** Chooses the time of the next rekey: in the window of its age, or of what is left of that. */
static void take_slot(private_rekey_ledger_t *this, entry_t *entry, const uint64_t *others, size_t count)
{
	const struct lifetime *l = &entry->lifetime;
	uint64_t now = now_ms(), last = max(entry->born + l->rekey * UINT64_C(1000), now);
	struct spread_wish wish = {
		.soonest = min(max(entry->born + lifetime_soonest(l), now), last),
		.usual = min(max(entry->born + (l->rekey - l->jitter) * UINT64_C(1000), now), last),
		.last = last,
		.period = l->rekey * UINT64_C(1000),
		.others = others,
		.n_others = count,
		.distance = distance(l),
	};

	spread_release(this->spread, &entry->slot);
	spread_take(this->spread, &wish, &entry->slot);
	entry->attempt = entry->slot.at;
	entry->tries = 0;
	appoint(this, entry, 0);
}

static bool same_lifetime(const struct lifetime *a, const struct lifetime *b)
{
	return a->rekey == b->rekey && a->jitter == b->jitter && a->ceiling == b->ceiling;
}

METHOD(rekey_ledger_t, plan, void, private_rekey_ledger_t *this, rekey_kind_t kind, uint32_t id,
	const struct lifetime *lifetime, const uint32_t *others, u_int count)
{
	uint64_t slots[OTHERS_MAX];
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, kind, id);
	if (entry && (!entry->slot.at || (lifetime && !same_lifetime(&entry->lifetime, lifetime)))) {
		entry->lifetime = lifetime ? *lifetime : entry->lifetime;
		take_slot(this, entry, slots, slots_of(this, kind, others, count, slots));
	} else if (entry && entry->tries) {
		entry->attempt = now_ms() + lifetime_pause(&entry->lifetime, entry->tries, (uint32_t)random());
		appoint(this, entry, 0);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_ledger_t, keep_apart, void, private_rekey_ledger_t *this, rekey_kind_t kind, uint32_t id,
	const uint32_t *others, u_int count)
{
	uint64_t slots[OTHERS_MAX], near;
	entry_t *entry;
	size_t n, i;

	this->mutex->lock(this->mutex);
	entry = find(this, kind, id);
	if (entry && entry->slot.at && !entry->tries) {
		n = slots_of(this, kind, others, count, slots);
		near = distance(&entry->lifetime);
		for (i = 0; i < n; i++) {
			if (entry->slot.at + near > slots[i] && slots[i] + near > entry->slot.at) {
				take_slot(this, entry, slots, n);
				break;
			}
		}
	}
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_ledger_t, retire, void, private_rekey_ledger_t *this, rekey_kind_t kind, uint32_t id, bool replaced)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, kind, id);
	if (entry) {
		spread_release(this->spread, &entry->slot);
		entry->attempt = 0;
		if (replaced && !entry->replaced)
			entry->replaced = now_ms();
		appoint(this, entry, 0);
	}
	this->mutex->unlock(this->mutex);
}

static void destroy_entry(private_rekey_ledger_t *this, entry_t *entry)
{
	agenda_drop(&this->agenda, &entry->item);
	spread_release(this->spread, &entry->slot);
	free(entry);
}

METHOD(rekey_ledger_t, forget, void, private_rekey_ledger_t *this, rekey_kind_t kind, uint32_t id)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, kind, id);
	if (entry) {
		this->entries->remove(this->entries, entry);
		destroy_entry(this, entry);
		set_alarm(this);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_ledger_t, is_over, bool, private_rekey_ledger_t *this, rekey_kind_t kind, uint32_t id)
{
	entry_t *entry;
	bool over;

	this->mutex->lock(this->mutex);
	entry = find(this, kind, id);
	over = entry && now_ms() >= end_of(entry);
	this->mutex->unlock(this->mutex);
	return over;
}

METHOD(rekey_ledger_t, take_due, bool, private_rekey_ledger_t *this, rekey_due_t *due)
{
	uint64_t now = now_ms();
	entry_t *entry;
	bool found;

	this->mutex->lock(this->mutex);
	entry = (entry_t *)agenda_first(&this->agenda);
	found = entry && entry->item.due <= now;
	if (found) {
		*due = (rekey_due_t){
			.kind = entry->kind,
			.step = step_at(entry, now),
			.id = entry->id,
			.ike_id = id_of(entry),
		};
		/* An end is tried again and again, a farewell said once, and a rekey answered by tried(). */
		if (due->step == REKEY_STEP_FAREWELL)
			entry->farewell = TRUE;
		if (due->step != REKEY_STEP_REKEY)
			entry->attempt = 0;
		else
			entry->attempt = now + AGAIN;
		appoint(this, entry, due->step == REKEY_STEP_END ? now + AGAIN : 0);
	}
	this->mutex->unlock(this->mutex);
	return found;
}

METHOD(rekey_ledger_t, tried, void, private_rekey_ledger_t *this, rekey_kind_t kind, uint32_t id, bool begun)
{
	entry_t *entry;
	uint64_t pause;

	this->mutex->lock(this->mutex);
	entry = find(this, kind, id);
	if (entry && entry->attempt) {
		entry->tries += begun;
		pause = lifetime_pause(&entry->lifetime, begun ? entry->tries : 1, (uint32_t)random());
		entry->attempt = now_ms() + pause;
		appoint(this, entry, 0);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(rekey_ledger_t, get_fd, int, private_rekey_ledger_t *this)
{
	return this->fd;
}

METHOD(rekey_ledger_t, destroy, void, private_rekey_ledger_t *this)
{
	enumerator_t *enumerator;
	entry_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
		destroy_entry(this, entry);
	enumerator->destroy(enumerator);
	this->entries->destroy(this->entries);
	agenda_free(&this->agenda);
	spread_free(this->spread);
	this->mutex->destroy(this->mutex);
	if (this->fd >= 0)
		close(this->fd);
	free(this);
}

rekey_ledger_t *rekey_ledger_create(void)
{
	private_rekey_ledger_t *this;

	INIT(this,
		.public = {
			.begin = _begin,
			.ask = _ask,
			.hear = _hear,
			.identify = _identify,
			.plan = _plan,
			.keep_apart = _keep_apart,
			.retire = _retire,
			.forget = _forget,
			.is_over = _is_over,
			.take_due = _take_due,
			.tried = _tried,
			.get_fd = _get_fd,
			.destroy = _destroy,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.entries = hashtable_create(hash, equals, 64),
		.spread = spread_new((uint64_t)random() << 32 ^ (uint64_t)now_ms()),
		.fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
	);
	if (!this->spread || this->fd < 0) {
		DBG1(DBG_LIB, "no timer to watch over the age of keys: %s", strerror(errno));
		destroy(this);
		return NULL;
	}
	return &this->public;
}
