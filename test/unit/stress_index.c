/*-------------------------------------------------------------------------
 *
 * stress_index.c
 *	  The entity index under threads that simulate transactions.
 *
 * A transaction claims a few entities in hash order, which it has found some time before,
 * appends to them, now and then rolls a part back as a savepoint would, and commits or
 * aborts: first its fate is published, then it releases its entities - or, like a prepared
 * one, does not, and leaves that to whoever claims them next.  A few read instead, by
 * references that they keep from one time to the next.  Others are only added, many of them
 * where others are already.
 *
 * One thread more does what compaction does, which only one process may at a time: it says
 * of versions that are committed that sorted runs have them, sheds their postings, and has
 * entities go.  A version that runs have may have no posting; an entity of which runs have
 * all may have gone, and who owns it when it is there again asks runs for its version.  One
 * thread walks over all entities, of which some are owned all the time and must be met.
 *
 * What was committed is noted apart from the index, one cell a version, which
 * only one transaction may fill: that finds repeated versions as they happen.
 * In the end the notes must be what the index and runs say, without gaps.
 *
 * Runs ES_STRESS_SECONDS (2), with ES_STRESS_THREADS (6), in a pool of ES_STRESS_SEGMENTS
 * (64), from the seed ES_STRESS_SEED (0).  Meant for the thread sanitizer.
 *
 *-------------------------------------------------------------------------
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "support.h"

#include "index/ids.h"
#include "tap.h"

#define HOT_ENTITIES	96		/* that transactions append to */
#define PINNED_ENTITIES	16		/* that have one owner all the time */
#define COLD			(HOT_ENTITIES + PINNED_ENTITIES)	/* number of the first
															 * that is only added */
#define TENANTS			500		/* that are added, at most */
#define MAX_VERSIONS	(1 << 16)	/* noted of each */
#define MAX_XIDS		(1 << 24)
#define MAX_THREADS		64
#define MAX_CLAIMS		4		/* entities a transaction */
#define POOL_SEGMENTS	4096
#define PATIENCE		200000	/* attempts to find memory before that is a
								 * failure */

/* Guards of the threads that are not numbered. */
#define SHEDDER_GUARD	MAX_THREADS
#define WALKER_GUARD	(MAX_THREADS + 1)
#define MAIN_GUARD		(MAX_THREADS + 2)
#define GUARDS			(MAX_THREADS + 3)

/* A posting that says who set it for which version of which entity. */
#define PLACE(number, version)	((uint32) (number) << 24 | (version))
#define POSTING(xid, number, version) ((uint64) (xid) << 32 | PLACE(number, version))
#define POSTING_XID(posting)	((posting) >> 32)
#define POSTING_PLACE(posting)	((uint32) (posting))

/* The owner of what is pinned: it runs until all else has ended. */
#define PINNED_XID		1

static EsPool *pool;
static EsIndex store;
static EsGuards *guards;
static uint8 fates[MAX_XIDS];	/* EsFate, atomic */
static uint32 notes[HOT_ENTITIES][MAX_VERSIONS + 1];	/* xid that committed it */
static uint32 in_runs[HOT_ENTITIES];	/* versions; atomic, written by the
										 * shedder */
static uint64 next_xid = PINNED_XID + 1;
static uint64 next_cold;		/* numbers of entities that are only added */
static uint64 commits;
static uint64 waits;
static uint64 resolved;			/* entities that were there again */
static uint64 gone;				/* that a claim has missed */
static uint64 noted;			/* versions as in runs */
static uint64 sheds;			/* that took memory from an entity */
static uint64 evictions;		/* entities that left */
static uint64 reads;			/* of committed versions */
static uint64 shed_reads;		/* of those without a posting */
static uint64 missing_reads;	/* of entities that are not there */
static uint64 lacks;			/* of memory, for some time */
static uint64 walks;
static bool stop;				/* atomic */

/* Things that must not happen; atomic. */
static uint64 repeats;			/* a version committed twice */
static uint64 bad_reads;		/* a reader found what cannot be */
static uint64 bad_finds;		/* an entity was not found, or was another */
static uint64 bad_claims;		/* a claim was of another entity, or of none */
static uint64 bad_walks;		/* a walk missed what stays, or met it twice */
static uint64 bad_evictions;	/* an entity left that runs do not have all of */
static uint64 reused;			/* memory that somebody was in */
static uint64 failures;			/* memory was full */
static uint64 foreign_segments; /* two had one segment at a time */

#ifdef __SANITIZE_THREAD__
/* Who takes a piece may read its link when it is in use again; see pool.c. */
extern const char *__tsan_default_suppressions(void);
extern const char *__tsan_default_options(void);

const char *
__tsan_default_suppressions(void)
{
	return "race:pop_piece\n";
}

/* So that it is known who read it. */
const char *
__tsan_default_options(void)
{
	return "history_size=7";
}
#endif

static void
raise_alarm(uint64 *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void
sleep_ms(int ms)
{
	struct timespec time = {.tv_sec = ms / 1000,.tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&time, NULL);
}

/* Lets others run, for some time. */
static void
dawdle(Random *random, uint32 percent)
{
	const struct timespec pause = {.tv_nsec = 100000};

	if (!random_chance(random, percent))
		return;
	if (random_chance(random, 90))
		sched_yield();
	else
		nanosleep(&pause, NULL);
}

static int
setting(const char *name, int otherwise)
{
	const char *value = getenv(name);

	return value == NULL ? otherwise : atoi(value);
}

/* Random numbers for a thread of a run. */
static Random
random_of(uintptr_t thread)
{
	return (Random)
	{
		thread + 1000 * (uint64) setting("ES_STRESS_SEED", 0)
	};
}

/* ----------------------------------------------------------- simulated server */

static EsFate
fate_of(void *arg pg_attribute_unused(), uint64 xid)
{
	return __atomic_load_n(&fates[xid], __ATOMIC_ACQUIRE);
}

static void
set_fate(uint64 xid, EsFate fate)
{
	__atomic_store_n(&fates[xid], (uint8) fate, __ATOMIC_RELEASE);
}

/* Waits for the end of a transaction, as for its lock. */
static void
wait_for_end(uint64 xid)
{
	__atomic_fetch_add(&waits, 1, __ATOMIC_RELAXED);
	while (fate_of(NULL, xid) == ES_FATE_RUNNING)
		sched_yield();
}

/* Memory is full: waits until the shedder has found some; false when there is none. */
static bool
wait_for_memory(uint32 *attempts)
{
	if (*attempts == 0)
		__atomic_fetch_add(&lacks, 1, __ATOMIC_RELAXED);
	if (++*attempts > PATIENCE)
	{
		raise_alarm(&failures);
		return false;
	}
	if (*attempts % 100 == 0)
		sleep_ms(1);
	sched_yield();
	return true;
}

/* ------------------------------------------------------------------- entities */

typedef struct Names
{
	EsKey		key;
	char		entity_id[32];
} Names;

/* Keys of which many share a hash, or all but the last bits of one. */
static void
make_key(Names *names, uint64 number)
{
	Random		random = {number / 8};

	memset(&names->key, 0, sizeof(names->key));
	names->key.entity_id = es_slice(names->entity_id,
									snprintf(names->entity_id, sizeof(names->entity_id), "entity-" UINT64_FORMAT, number));
	names->key.hash = random_next(&random) ^ (number % 4 == 3 ? 1 : 0);
}

/* The number in an entity's name. */
static uint64
number_in(EsSlice entity_id)
{
	char		digits[24] = {0};
	uint32		skipped = strlen("entity-");

	memcpy(digits, entity_id.data + skipped, Min(entity_id.size - skipped, sizeof(digits) - 1));
	return strtoul(digits, NULL, 10);
}

static bool
is_entity(const EsEntity *entity, const EsKey *key)
{
	return entity->hash == key->hash && es_slice_equal(es_entity_id(entity), key->entity_id) &&
		es_slice_equal(es_entity_tenant_id(entity), key->tenant_id);
}

/*
 * Finds or adds an entity, as log/entities.c does; no entity when there is no memory for it.
 */
static EsEntityRef
find_or_add(const EsKey *key, Random *random)
{
	uint32		attempts = 0;
	EsEntityRef found;

	do
	{
		EsEntity   *entity;

		es_guard_enter();
		found.evictions = es_index_evictions(&store);
		entity = found.entity = es_index_find_or_add(pool, &store, key);
		dawdle(random, 10);
		if (entity != NULL && !is_entity(entity, key))
			raise_alarm(&bad_finds);
		es_guard_leave();
	} while (found.entity == NULL && wait_for_memory(&attempts));
	return found;
}

/* Adds a tenant, as before its first entity; then it must be listed. */
static void
add_tenant(uint64 number)
{
	Names		names;
	EsEntity   *tenant;
	uint32		attempts = 0;

	make_key(&names, number);
	names.key.tenant_id = names.key.entity_id;
	names.key.entity_id = es_slice(NULL, 0);
	do
	{
		es_guard_enter();
		tenant = es_index_find_or_add(pool, &store, &names.key);
		if (tenant != NULL &&
			(es_index_find(pool, &store, &names.key) != tenant || !is_entity(tenant, &names.key)))
			raise_alarm(&bad_finds);
		es_guard_leave();
	} while (tenant == NULL && wait_for_memory(&attempts));
}

/* All threads add the same new entities at about the same time. */
static void
add_cold_entity(Random *random)
{
	Names		names;
	uint64		number = COLD + __atomic_fetch_add(&next_cold, 1, __ATOMIC_RELAXED) / 3;
	EsEntity   *entity;

	if (number < COLD + TENANTS)
		add_tenant(number);
	make_key(&names, number);
	(void) find_or_add(&names.key, random);
	make_key(&names, COLD + random_below(random, number - COLD + 1));
	es_index_prefetch(pool, &store, &names.key.hash, 1);
	es_guard_enter();
	entity = es_index_find(pool, &store, &names.key);
	if (entity != NULL && !is_entity(entity, &names.key))
		raise_alarm(&bad_finds);
	if (entity != NULL && random_chance(random, 20))
		es_entity_note_use(entity);
	es_guard_leave();
}

/* --------------------------------------------------------------- transactions */

typedef struct Claim
{
	uint32		number;			/* of the entity */
	Names		names;
	EsEntityRef found;			/* before it was claimed */
	EsEntity   *entity;			/* that is owned */
	uint32		base;			/* total before */
	bool		given_up;		/* by rolling a savepoint back */
} Claim;

typedef struct Transaction
{
	uint64		xid;
	uint64		evictions;		/* before anything was claimed */
	int			count;
	Claim		claims[MAX_CLAIMS];
} Transaction;

static int
compare_claims(const void *a, const void *b)
{
	const Claim *left = a;
	const Claim *right = b;

	if (left->names.key.hash != right->names.key.hash)
		return left->names.key.hash < right->names.key.hash ? -1 : 1;
	return (int) left->number - (int) right->number;
}

/* Chooses different entities, in the order in which they are claimed. */
static void
choose_entities(Transaction *transaction, Random *random)
{
	uint32		wanted = 1 + random_below(random, MAX_CLAIMS);
	uint32		first = random_below(random, HOT_ENTITIES);

	transaction->evictions = es_index_evictions(&store);
	transaction->count = 0;
	for (uint32 i = 0; i < wanted; i++)
	{
		Claim	   *claim = &transaction->claims[transaction->count++];

		memset(claim, 0, sizeof(*claim));
		claim->number = (first + i * i) % HOT_ENTITIES;
		make_key(&claim->names, claim->number);
	}
	qsort(transaction->claims, transaction->count, sizeof(Claim), compare_claims);
	for (int i = 0; i < transaction->count; i++)
	{
		Claim	   *claim = &transaction->claims[i];

		claim->names.key.entity_id.data = claim->names.entity_id;
		claim->found = find_or_add(&claim->names.key, random);
	}
}

/* Who owns an entity that is there again has runs say which version it has. */
static void
resolve(const Claim *claim)
{
	if (es_entity_is_resolved(claim->entity))
		return;
	es_entity_resolve(claim->entity, __atomic_load_n(&in_runs[claim->number], __ATOMIC_ACQUIRE));
	__atomic_fetch_add(&resolved, 1, __ATOMIC_RELAXED);
}

static void
check_claim(const Claim *claim, uint64 xid)
{
	es_guard_enter();
	if (!is_entity(claim->entity, &claim->names.key) || es_entity_owner(claim->entity) != xid ||
		es_index_find(pool, &store, &claim->names.key) != claim->entity)
		raise_alarm(&bad_claims);
	es_guard_leave();
}

static void
claim_entity(Transaction *transaction, Claim *claim, Random *random)
{
	for (;;)
	{
		uint64		owner;
		EsClaim		result = es_index_claim(pool, &store, &claim->names.key, &claim->found, transaction->xid,
											fate_of, NULL, &owner);

		if (result == ES_CLAIM_GONE)
		{
			__atomic_fetch_add(&gone, 1, __ATOMIC_RELAXED);
			claim->found = find_or_add(&claim->names.key, random);
			dawdle(random, 10);
		}
		else if (result == ES_CLAIM_WAIT)
			wait_for_end(owner);
		else
			break;
	}
	claim->entity = claim->found.entity;
	check_claim(claim, transaction->xid);
	resolve(claim);
	claim->base = es_entity_total(claim->entity);
	claim->given_up = false;
	if (random_chance(random, 30))
		es_entity_note_use(claim->entity);
}

static void
append(Transaction *transaction, Claim *claim, uint32 count)
{
	EsEntity   *entity = claim->entity;
	uint32		total = es_entity_total(entity);
	uint32		together = 0;
	uint32		attempts = 0;
	EsPosting  *slots;

	count = Min(count, MAX_VERSIONS - total);
	while (!es_postings_reserve(pool, &store.arena, &store.counts, entity, total + count))
	{
		if (!wait_for_memory(&attempts))
			return;
	}
	slots = es_posting_slots(pool, entity, total + 1, &together);
	for (uint32 i = 0; i < count; i++)
	{
		EsPosting	posting = POSTING(transaction->xid, claim->number, total + 1 + i);

		if (i < together)
			es_posting_store(&slots[i], posting);
		else
			es_posting_set(pool, entity, total + 1 + i, posting);
	}
	es_entity_set_total(entity, total + count);
}

/* Releases an entity, if it is still there: others may have seen that its owner has ended. */
static void
release_entity(const Transaction *transaction, const Claim *claim, bool committed)
{
	EsEntity   *entity = claim->entity;

	es_guard_enter();
	if (transaction->evictions % 2 != 0 || es_index_evictions(&store) != transaction->evictions)
		entity = es_index_still(pool, &store, claim->names.key.hash, entity);
	if (entity != NULL)
		es_entity_release(entity, transaction->xid, committed, &store.counts);
	es_guard_leave();
}

/* Rolls a savepoint back: what it claimed is given up, the rest restored. */
static void
roll_back_part(Transaction *transaction, Random *random)
{
	Claim	   *last = &transaction->claims[transaction->count - 1];

	es_entity_set_total(last->entity, last->base);
	if (random_chance(random, 50))
		return;
	release_entity(transaction, last, false);
	last->given_up = true;
	dawdle(random, 20);
	if (random_chance(random, 50))
	{
		claim_entity(transaction, last, random);
		append(transaction, last, 1);
	}
}

/* Notes what is about to be committed; nobody else may have noted it. */
static void
note_versions(const Transaction *transaction)
{
	for (int i = 0; i < transaction->count; i++)
	{
		const Claim *claim = &transaction->claims[i];

		for (uint32 version = claim->base + 1; !claim->given_up && version <= es_entity_total(claim->entity); version++)
		{
			if (__atomic_exchange_n(&notes[claim->number][version], (uint32) transaction->xid, __ATOMIC_RELAXED) != 0)
				raise_alarm(&repeats);
		}
	}
}

static void
end_transaction(Transaction *transaction, Random *random)
{
	bool		committed = random_chance(random, 70);
	bool		prepared = random_chance(random, 25);

	for (int i = 0; i < transaction->count; i++)
	{
		if (!transaction->claims[i].given_up)
			check_claim(&transaction->claims[i], transaction->xid);
	}
	if (committed)
	{
		note_versions(transaction);
		__atomic_fetch_add(&commits, 1, __ATOMIC_RELAXED);
	}
	dawdle(random, 20);
	set_fate(transaction->xid, committed ? ES_FATE_COMMITTED : ES_FATE_ABORTED);
	dawdle(random, 20);
	for (int i = 0; i < transaction->count && !prepared; i++)
	{
		if (!transaction->claims[i].given_up)
			release_entity(transaction, &transaction->claims[i], committed);
	}
}

static void
run_transaction(Random *random, uint64 xid)
{
	Transaction transaction = {.xid = xid};

	choose_entities(&transaction, random);
	dawdle(random, 30);
	for (int i = 0; i < transaction.count; i++)
	{
		claim_entity(&transaction, &transaction.claims[i], random);
		append(&transaction, &transaction.claims[i], random_below(random, 4));
	}
	if (random_chance(random, 20))
		roll_back_part(&transaction, random);
	end_transaction(&transaction, random);
}

/* -------------------------------------------------------------------- readers */

/* The last version that is committed, at most so many after this one. */
static uint32
last_committed(uint32 number, uint32 version, uint32 most)
{
	for (uint32 end = Min(version + most, MAX_VERSIONS); version < end; version++)
	{
		uint32		xid = __atomic_load_n(&notes[number][version + 1], __ATOMIC_RELAXED);

		if (xid == 0 || fate_of(NULL, xid) != ES_FATE_COMMITTED)
			break;
	}
	return version;
}

/* What is committed has a posting by a transaction that committed it, or is in runs. */
static bool
is_right(const EsEntity *entity, uint32 number, uint32 version)
{
	EsPosting	posting = es_posting_get(pool, entity, version);

	if (posting != 0)
		return POSTING_PLACE(posting) == PLACE(number, version) &&
			fate_of(NULL, POSTING_XID(posting)) == ES_FATE_COMMITTED;
	__atomic_fetch_add(&shed_reads, 1, __ATOMIC_RELAXED);
	return version <= es_entity_in_runs(entity);
}

static void
read_committed(const EsEntity *entity, uint32 number, uint32 committed)
{
	for (uint32 version = committed > 50 ? committed - 50 : 1; version <= committed; version++)
	{
		if (!is_right(entity, number, version))
			raise_alarm(&bad_reads);
	}
	__atomic_fetch_add(&reads, Min(committed, 51), __ATOMIC_RELAXED);
}

/* Looks at postings, then lets others run; where they were there are still such. */
static void
stay_in(const EsEntity *entity, const EsKey *key, uint32 number, uint32 version, Random *random)
{
	uint32		count = 0;
	EsPosting  *slots = version == 0 ? NULL : es_posting_slots(pool, entity, version, &count);

	dawdle(random, 20);
	if (!is_entity(entity, key))
		raise_alarm(&reused);
	for (uint32 i = 0; i < count; i++)
	{
		EsPosting	posting = __atomic_load_n(&slots[i], __ATOMIC_ACQUIRE);

		if (posting != 0 && POSTING_PLACE(posting) != PLACE(number, version + i))
			raise_alarm(&reused);
	}
}

/* Reads an entity that is there, by who is in the index; so many versions are committed at least. */
static void
read_entity(const EsEntity *entity, const EsKey *key, uint32 number, uint32 least, Random *random)
{
	uint32		committed = es_entity_committed(entity);
	uint32		known = es_entity_known(entity);

	if (known < committed || known < least || es_entity_in_runs(entity) > es_entity_committed(entity))
		raise_alarm(&bad_reads);
	read_committed(entity, number, committed);
	for (uint32 version = committed + 1; version <= known; version++)
	{
		EsPosting	posting = es_posting_get(pool, entity, version);

		if (posting != 0 && POSTING_PLACE(posting) != PLACE(number, version))
			raise_alarm(&bad_reads);
	}
	stay_in(entity, key, number, committed, random);
}

/* Reads an entity that was found some time ago, or never. */
static void
read_again(EsEntityRef *found, Random *random)
{
	uint32		number = (uint32) random_below(random, HOT_ENTITIES);
	uint32		least = last_committed(number, __atomic_load_n(&in_runs[number], __ATOMIC_ACQUIRE), MAX_VERSIONS);
	Names		names;
	EsEntity   *entity;

	make_key(&names, number);
	found += number;
	es_guard_enter();
	entity = es_index_again(pool, &store, &names.key, found);
	if (entity == NULL)
	{
		*found = es_index_find_ref(pool, &store, &names.key);
		entity = found->entity;
		dawdle(random, 2);
	}
	if (entity != NULL && !is_entity(entity, &names.key))
		raise_alarm(&bad_finds);
	else if (entity != NULL && es_entity_is_resolved(entity))
		read_entity(entity, &names.key, number, least, random);
	else
	{
		/* runs have it all */
		if (__atomic_load_n(&in_runs[number], __ATOMIC_ACQUIRE) < least)
			raise_alarm(&bad_reads);
		__atomic_fetch_add(&missing_reads, 1, __ATOMIC_RELAXED);
	}
	es_guard_leave();
}

/* ------------------------------------------------------------------- shedding */

static EsLimbo limbo;

/*
 * Runs have what is committed of the entity up to a version, sometimes behind a gap, too.  An
 * entity of which they lack some is there, and resolved.
 */
static void
note_in_runs(Random *random, EsEntity *entity, uint32 number, uint32 last)
{
	uint32		before = in_runs[number];

	if (last == before)
		return;
	if (entity == NULL || !es_entity_is_resolved(entity))
	{
		raise_alarm(&bad_evictions);	/* not all of it was in runs */
		return;
	}
	if (last - before > 1 && random_chance(random, 10))
		es_entity_note_in_runs(entity, before + 2, last, &store.counts);
	if (es_entity_in_runs(entity) != before)
		raise_alarm(&bad_reads);
	__atomic_store_n(&in_runs[number], last, __ATOMIC_RELEASE);
	es_entity_note_in_runs(entity, before - random_below(random, before + 1) + 1, last, &store.counts);
	noted += last - before;
}

static void
empty_limbo(void)
{
	if (limbo.count > 0)
		es_guards_wait();
	es_limbo_empty(pool, &store.arena, &limbo);
}

static bool
may_go(void *arg, EsEntity *entity, EsLimbo *into)
{
	uint64		number = number_in(es_entity_id(entity));

	if (!es_entity_leave(pool, &store.counts, entity, into, fate_of, NULL))
		return false;
	if (number < HOT_ENTITIES && es_entity_is_resolved(entity) &&
		(es_entity_in_runs(entity) != in_runs[number] || es_entity_committed(entity) != in_runs[number] ||
		 last_committed(number, in_runs[number], 1) != in_runs[number]))
		raise_alarm(&bad_evictions);
	++*(uint64 *) arg;
	return true;
}

/* Has entities go of so many parts of the index. */
static void
evict(uint32 first, uint32 count)
{
	__atomic_store_n(&store.partial, 1, __ATOMIC_SEQ_CST);
	es_index_begin_eviction(&store);
	for (uint32 i = 0; i < count; i++)
	{
		if (!es_index_evict(pool, &store, (first + i) % ES_INDEX_PARTS, may_go, &evictions, &limbo))
			break;
	}
	es_index_end_eviction(pool, &store, &limbo);
}

/* Notes and sheds, by fits and starts, so that readers find entities with and without postings. */
static void
shed(Random *random, uint32 number)
{
	uint32		most = random_chance(random, 70) ? MAX_VERSIONS : random_below(random, 100);
	uint32		last = last_committed(number, in_runs[number], most);
	Names		names;
	EsEntity   *entity;

	make_key(&names, number);
	es_guard_enter();
	entity = es_index_find(pool, &store, &names.key);
	es_guard_leave();
	note_in_runs(random, entity, number, last);
	if (entity != NULL)
		sheds += es_postings_shed(pool, &store.counts, entity, &limbo, fate_of, NULL);
	if (random_chance(random, 50))
		empty_limbo();
}

/* What only one process does at a time. */
static void *
run_shedder(void *arg)
{
	Random		random = random_of((uintptr_t) arg);

	es_guard_attach(guards, SHEDDER_GUARD);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
	{
		uint32		number = random_below(&random, HOT_ENTITIES);
		Names		names;

		make_key(&names, random_below(&random, COLD));
		for (int i = 0; i < 10; i++)
			shed(&random, (number + i) % HOT_ENTITIES);
		if (random_chance(&random, 70))
			evict(names.key.hash >> 51, 1 + random_below(&random, 2));
		else
			evict(random_below(&random, ES_INDEX_PARTS), 1 + random_below(&random, ES_INDEX_PARTS));
		if (random_chance(&random, 2))
			sleep_ms(random_below(&random, 10));
	}
	empty_limbo();
	return NULL;
}

/* ---------------------------------------------------------------------- walks */

/* Walks over all; what is pinned must be met, once. */
static void
walk_once(EsIndexWalk *walk, Random *random)
{
	EsKey		key;
	EsEntityRef found;
	uint64		hash = 0;
	uint32		met[PINNED_ENTITIES] = {0};

	es_index_walk(walk, pool, &store);
	while (es_index_walk_next(walk, &key, &found))
	{
		Names		names;
		uint64		number = number_in(key.entity_id);

		make_key(&names, number);
		if (key.hash < hash || key.hash != names.key.hash || !es_slice_equal(key.entity_id, names.key.entity_id))
			raise_alarm(&bad_walks);
		hash = key.hash;
		if (number >= HOT_ENTITIES && number < COLD)
			met[number - HOT_ENTITIES]++;
		dawdle(random, 1);
		es_guard_enter();
		if (es_index_again(pool, &store, &key, &found) == NULL ? number >= HOT_ENTITIES && number < COLD :
			!is_entity(found.entity, &key))
			raise_alarm(&bad_walks);
		es_guard_leave();
	}
	for (int i = 0; i < PINNED_ENTITIES; i++)
	{
		if (met[i] != 1)
			raise_alarm(&bad_walks);
	}
	walks++;
}

static void *
run_walker(void *arg)
{
	Random		random = random_of((uintptr_t) arg);
	EsIndexWalk *walk = malloc(sizeof(EsIndexWalk));

	es_guard_attach(guards, WALKER_GUARD);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
	{
		walk_once(walk, &random);
		sleep_ms(1);
	}
	free(walk);
	return NULL;
}

static void *
run_thread(void *arg)
{
	Random		random = random_of((uintptr_t) arg);
	EsEntityRef found[HOT_ENTITIES];

	memset(found, 0, sizeof(found));
	es_guard_attach(guards, (uint32) (uintptr_t) arg - 1);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
	{
		uint64		xid = __atomic_fetch_add(&next_xid, 1, __ATOMIC_RELAXED);

		if (xid >= MAX_XIDS - 1)
			break;
		run_transaction(&random, xid);
		for (int i = 0; i < 3; i++)
			read_again(found, &random);
		if (random_chance(&random, 30))
			add_cold_entity(&random);
	}
	return NULL;
}

/* ------------------------------------------------------------------- the end */

/* Settles what prepared transactions left behind, as the next claim would. */
static uint32
settle(Claim *claim)
{
	Random		random = {0};
	Transaction transaction = {.xid = MAX_XIDS - 1};
	uint32		total;

	claim->found = find_or_add(&claim->names.key, &random);
	claim_entity(&transaction, claim, &random);
	total = es_entity_total(claim->entity);
	es_entity_release(claim->entity, MAX_XIDS - 1, true, &store.counts);
	return total;
}

static void
check_versions(void)
{
	uint64		events = 0;
	uint64		entities_count = 0;
	int			gaps = 0;
	int			wrong = 0;

	for (uint32 number = 0; number < HOT_ENTITIES; number++)
	{
		Claim		claim = {.number = number};
		uint32		total;

		make_key(&claim.names, number);
		total = settle(&claim);
		wrong += total != es_entity_committed(claim.entity) || es_entity_in_runs(claim.entity) != in_runs[number];
		for (uint32 version = 1; version <= MAX_VERSIONS; version++)
		{
			uint32		xid = notes[number][version];
			EsPosting	posting = es_posting_get(pool, claim.entity, version);

			gaps += (version <= total) != (xid != 0);
			wrong += xid != 0 && posting != POSTING(xid, number, version) &&
				(posting != 0 || version > in_runs[number]);
		}
		events += total;
		entities_count += total > 0;
	}
	is_int(gaps, 0, "versions are without gaps: " UINT64_FORMAT " of " UINT64_FORMAT " entities",
		   events, entities_count);
	is_int(wrong, 0, "and where their writers put them, or in runs");
	is_int(store.counts.events, events, "the count of events is right");
	is_int(store.counts.entities, entities_count, "the count of entities is right");
}

/* When runs have all and nobody owns anything, nothing is left. */
static void
check_shedding(void)
{
	Random		random = {0};

	for (uint32 number = 0; number < HOT_ENTITIES; number++)
	{
		while (last_committed(number, in_runs[number], 1) != in_runs[number])
			shed(&random, number);
		shed(&random, number);
	}
	empty_limbo();
	ok(noted > 0 && sheds > 0, UINT64_FORMAT " versions were noted as in runs, " UINT64_FORMAT " times memory was shed",
	   noted, sheds);
	is_int(store.counts.posting_bytes, 0, "all postings can be shed in the end");
}

static uint64
count_walk(bool tenants)
{
	static EsIndexWalk walk;
	EsKey		key;
	EsEntityRef found;
	uint64		count = 0;

	if (tenants)
		es_index_walk_tenants(&walk, pool, &store);
	else
		es_index_walk(&walk, pool, &store);
	while (es_index_walk_next(&walk, &key, &found))
		count++;
	return count;
}

/* Bytes of an index that has these tenants and no entities. */
static uint64
bytes_of_tenants(uint64 tenants)
{
	EsIndex		other = {0};
	uint64		bytes;

	es_index_init(pool, &other);
	for (uint64 number = COLD; number < COLD + tenants; number++)
	{
		Names		names;

		make_key(&names, number);
		names.key.tenant_id = names.key.entity_id;
		names.key.entity_id = es_slice(NULL, 0);
		es_index_find_or_add(pool, &other, &names.key);
	}
	bytes = other.counts.entity_bytes;
	es_index_reset(pool, &other);
	return bytes;
}

/* All entities can go, and tenants stay. */
static void
check_letting_go(void)
{
	uint64		tenants = Min((next_cold + 2) / 3, TENANTS);

	is_int(count_walk(false) >= COLD, true, "what is pinned, and was settled, is there");
	set_fate(PINNED_XID, ES_FATE_ABORTED);
	for (int i = 0; i < 2; i++)
		evict(0, ES_INDEX_PARTS);
	is_int(count_walk(false), 0, "all entities can go");
	is_int(count_walk(true), tenants, "each tenant is there once");
}

/* What two lost that added at the same slot may be counted still. */
static void
check_memory(void)
{
	uint64		tenants = Min((next_cold + 2) / 3, TENANTS);
	uint64		bytes = store.counts.entity_bytes + store.arena.piece_bytes;
	uint64		taken = (uint64) store.arena.segment_count * ES_SEGMENT_SIZE;
	uint64		entity_bytes = store.counts.entity_bytes;
	uint64		wanted;

	is_int(store.arena.segment_count + es_pool_free_count(pool), es_pool_segment_count(pool), "every segment is taken or free");
	ok(bytes <= taken && bytes >= taken - taken / 10 - ES_SEGMENT_SIZE, "what was taken is in use, or in pieces");
	es_index_reset(pool, &store);
	is_int(es_pool_free_count(pool), es_pool_segment_count(pool), "and all comes back");
	wanted = bytes_of_tenants(tenants);
	ok(entity_bytes >= wanted && entity_bytes <= wanted + wanted / 10,
	   "the memory of entities was given back: " UINT64_FORMAT " of " UINT64_FORMAT " bytes are in use", entity_bytes, wanted);
}

static void
add_pinned(void)
{
	Random		random = {0};

	for (uint32 number = HOT_ENTITIES; number < COLD; number++)
	{
		Claim		claim = {.number = number};
		uint64		owner;

		make_key(&claim.names, number);
		claim.found = find_or_add(&claim.names.key, &random);
		if (es_index_claim(pool, &store, &claim.names.key, &claim.found, PINNED_XID, fate_of, NULL, &owner) != ES_CLAIM_NEW)
			raise_alarm(&bad_claims);
	}
}

static void
test_transactions(void)
{
	pthread_t	threads[MAX_THREADS];
	pthread_t	shedder;
	pthread_t	walker;
	int			count = Min(setting("ES_STRESS_THREADS", 6), MAX_THREADS);

	guards = calloc(1, es_guards_size(GUARDS));
	es_guards_init(guards, GUARDS);
	es_guard_attach(guards, MAIN_GUARD);
	es_index_init(pool, &store);
	add_pinned();
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, run_thread, (void *) (uintptr_t) (i + 1));
	pthread_create(&shedder, NULL, run_shedder, (void *) (uintptr_t) (MAX_THREADS + 1));
	pthread_create(&walker, NULL, run_walker, (void *) (uintptr_t) (MAX_THREADS + 2));
	sleep_ms(1000 * setting("ES_STRESS_SECONDS", 2));
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_join(shedder, NULL);
	pthread_join(walker, NULL);
	ok(commits > 100, UINT64_FORMAT " transactions of %d threads committed, with " UINT64_FORMAT " waits",
	   commits, count, waits);
	is_int(repeats, 0, "no version was given out twice");
	is_int(bad_reads, 0, "readers found what they should: " UINT64_FORMAT " versions, " UINT64_FORMAT " shed, "
		   UINT64_FORMAT " times the entity was not there", reads, shed_reads, missing_reads);
	is_int(bad_finds, 0, "entities were found");
	is_int(bad_claims, 0, "what was claimed is what was meant: " UINT64_FORMAT " had gone before, " UINT64_FORMAT " were there again",
		   gone, resolved);
	is_int(bad_evictions, 0, "only what runs have went: " UINT64_FORMAT " entities", evictions);
	is_int(bad_walks, 0, UINT64_FORMAT " walks met what stays, once", walks);
	is_int(reused, 0, "no memory was used again while somebody was in it");
	is_int(failures, 0, "memory sufficed, when it was waited for " UINT64_FORMAT " times", lacks);
	check_versions();
	check_shedding();
	check_letting_go();
	check_memory();
	es_guards = NULL;
	es_guard = NULL;
	free(guards);
}

/* ------------------------------------------------------------------ collisions */

#define COLLIDING		12		/* entities, of three hashes of which only the
								 * end differs */
#define COLLIDERS		3
#define COLLIDING_HASH	UINT64CONST(0x123456789ABCDE00)

static uint64 collisions;

static void
make_colliding_key(Names *names, uint32 number)
{
	make_key(names, number);
	names->key.hash = COLLIDING_HASH + number % 3;
}

/* Adds the same few entities over and over, and owns each for a moment. */
static void *
run_collider(void *arg)
{
	Random		random = random_of((uintptr_t) arg);
	uint64		xid = (uintptr_t) arg;

	es_guard_attach(guards, (uint32) xid - 1);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
	{
		Claim		claim = {0};
		uint64		owner;
		EsClaim		result;

		make_colliding_key(&claim.names, random_below(&random, COLLIDING));
		es_guard_enter();
		claim.found.evictions = es_index_evictions(&store);
		claim.entity = claim.found.entity = es_index_find_or_add(pool, &store, &claim.names.key);
		dawdle(&random, 5);
		es_guard_leave();
		result = es_index_claim(pool, &store, &claim.names.key, &claim.found, xid, fate_of, NULL, &owner);
		if (result != ES_CLAIM_NEW)
			continue;
		claim.entity = claim.found.entity;
		check_claim(&claim, xid);
		es_entity_release(claim.entity, xid, false, &store.counts);
		__atomic_fetch_add(&collisions, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Whether it was used does not matter. */
static bool
may_go_at_once(void *arg pg_attribute_unused(), EsEntity *entity, EsLimbo *into)
{
	__atomic_store_n(&entity->used, 0, __ATOMIC_RELAXED);
	return es_entity_leave(pool, &store.counts, entity, into, fate_of, NULL);
}

/* Entities are added where others of the same hash, and nodes, are taken out. */
static void
test_collisions(void)
{
	pthread_t	threads[COLLIDERS];
	int64		until = (int64) time(NULL) + 1 + setting("ES_STRESS_SECONDS", 2) / 2;
	uint64		rounds = 0;
	uint64		bytes;

	guards = calloc(1, es_guards_size(GUARDS));
	es_guards_init(guards, GUARDS);
	es_guard_attach(guards, MAIN_GUARD);
	memset(fates, 0, COLLIDERS + 1);
	bad_claims = 0;
	stop = false;
	if (!es_index_init(pool, &store))
		abort();
	store.partial = 1;
	bytes = store.counts.entity_bytes;
	for (int i = 0; i < COLLIDERS; i++)
		pthread_create(&threads[i], NULL, run_collider, (void *) (uintptr_t) (i + 1));
	for (; (int64) time(NULL) < until; rounds++)
	{
		es_index_begin_eviction(&store);
		for (int i = 0; i < 20; i++)
			(void) es_index_evict(pool, &store, COLLIDING_HASH >> 51, may_go_at_once, NULL, &limbo);
		es_index_end_eviction(pool, &store, &limbo);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < COLLIDERS; i++)
		pthread_join(threads[i], NULL);
	is_int(bad_claims, 0, "what is owned is found: " UINT64_FORMAT " claims, " UINT64_FORMAT " evictions", collisions, rounds);
	es_index_begin_eviction(&store);
	(void) es_index_evict(pool, &store, COLLIDING_HASH >> 51, may_go_at_once, NULL, &limbo);
	es_index_end_eviction(pool, &store, &limbo);
	is_int(count_walk(false), 0, "and all go in the end");
	ok(store.counts.entity_bytes >= bytes, "with their nodes: " UINT64_FORMAT " bytes are in use still",
	   store.counts.entity_bytes - bytes);
	es_index_reset(pool, &store);
	es_guards = NULL;
	es_guard = NULL;
	free(guards);
}

/* ------------------------------------------------------------------ allocation */

#define ALLOC_THREADS	4
#define ALLOC_PIECES	20000

typedef struct Allocator
{
	EsArena    *arena;
	uint64		tag;
	int			count;
	EsRef		refs[ALLOC_PIECES];
	uint32		sizes[ALLOC_PIECES];
} Allocator;

static Allocator allocators[ALLOC_THREADS];

/* Allocates until memory is full and writes its tag everywhere. */
static void *
run_allocator(void *arg)
{
	Allocator  *own = arg;
	Random		random = {own->tag};

	for (own->count = 0; own->count < ALLOC_PIECES; own->count++)
	{
		uint32		size = 8 * (1 + random_below(&random, random_chance(&random, 5) ? 4096 : 16));
		EsRef		ref = es_arena_alloc(pool, own->arena, size);
		uint64	   *words;

		if (ref == 0)
			break;
		words = es_ref_pointer(pool, ref);
		for (uint32 i = 0; i < size / 8; i++)
			words[i] = own->tag;
		own->refs[own->count] = ref;
		own->sizes[own->count] = size;
	}
	return NULL;
}

static uint64
foreign_words(const Allocator *allocator)
{
	uint64		foreign = 0;

	for (int i = 0; i < allocator->count; i++)
	{
		uint64	   *words = es_ref_pointer(pool, allocator->refs[i]);

		for (uint32 j = 0; j < allocator->sizes[i] / 8; j++)
			foreign += words[j] != allocator->tag;
	}
	return foreign;
}

/* Two arenas of one pool, each used by two threads, until nothing is left. */
static void
test_allocation(void)
{
	pthread_t	threads[ALLOC_THREADS];
	EsArena		arenas[2] = {{0}, {0}};
	uint64		foreign = 0;

	for (int i = 0; i < ALLOC_THREADS; i++)
	{
		allocators[i].arena = &arenas[i % 2];
		allocators[i].tag = i + 1;
		pthread_create(&threads[i], NULL, run_allocator, &allocators[i]);
	}
	for (int i = 0; i < ALLOC_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < ALLOC_THREADS; i++)
		foreign += foreign_words(&allocators[i]);
	is_int(foreign, 0, "no piece of memory was given out twice");
	is_int(arenas[0].segment_count + arenas[1].segment_count + es_pool_free_count(pool),
		   es_pool_segment_count(pool), "every segment is taken or free");
	es_arena_reset(pool, &arenas[0]);
	es_arena_reset(pool, &arenas[1]);
	is_int(es_pool_free_count(pool), es_pool_segment_count(pool), "and all come back");
}

#define CHURN_ROUNDS	10000
#define CHURN_SEGMENTS	6

/*
 * Takes segments and gives them back, over and over, by turns for two arenas:
 * so the same segment comes on top of the free list again, with another below
 * it, while others look at it (ABA).
 */
static void *
run_churner(void *arg)
{
	uint64		tag = (uintptr_t) arg;
	uint64	   *words[CHURN_SEGMENTS];

	for (int round = 0; round < CHURN_ROUNDS; round++)
	{
		EsArena		arenas[2] = {{0}, {0}};
		int			count = 0;
		EsRef		ref;

		while (count < CHURN_SEGMENTS && (ref = es_arena_alloc(pool, &arenas[count % 2], ES_SEGMENT_SIZE)) != 0)
		{
			words[count] = es_ref_pointer(pool, ref);
			*words[count++] = tag;
		}
		es_arena_reset(pool, &arenas[0]);
		for (int i = 1; i < count; i += 2)
		{
			if (*words[i] != tag)
				raise_alarm(&foreign_segments);
		}
		es_arena_reset(pool, &arenas[1]);
	}
	return NULL;
}

static void
test_churn(void)
{
	pthread_t	threads[ALLOC_THREADS];
	EsArena		all = {0};
	uint32		taken = 0;

	for (int i = 0; i < ALLOC_THREADS; i++)
		pthread_create(&threads[i], NULL, run_churner, (void *) (uintptr_t) (i + 1));
	for (int i = 0; i < ALLOC_THREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(foreign_segments, 0, "no segment had two owners");
	is_int(es_pool_free_count(pool), es_pool_segment_count(pool), "and none was lost");
	while (taken < es_pool_segment_count(pool) && es_arena_alloc(pool, &all, ES_SEGMENT_SIZE) != 0)
		taken++;
	is_int(taken, es_pool_segment_count(pool), "all can be taken again");
}

#define PIECE_ROUNDS	100000
#define PIECES_HELD		64

static EsArena piece_arena;
static uint64 foreign_pieces;	/* that two had at a time; atomic */

/* Does all of the piece have the tag? */
static bool
has_tag(EsRef ref, uint32 size, uint64 tag)
{
	const uint64 *words = es_ref_pointer(pool, ref);

	for (uint32 i = 0; i < size / 8; i++)
	{
		if (words[i] != tag)
			return false;
	}
	return true;
}

/* Takes pieces and gives them back, in a pool that is full. */
static void *
run_piece_churner(void *arg)
{
	Random		random = random_of((uintptr_t) arg);
	EsRef		refs[PIECES_HELD] = {0};
	uint32		sizes[PIECES_HELD] = {0};

	for (uint64 round = 1; round <= PIECE_ROUNDS; round++)
	{
		uint32		i = random_below(&random, PIECES_HELD);

		if (refs[i] != 0)
		{
			if (!has_tag(refs[i], sizes[i], (uintptr_t) arg << 32 | i))
				raise_alarm(&foreign_pieces);
			es_arena_give(pool, &piece_arena, refs[i], sizes[i]);
		}
		sizes[i] = random_chance(&random, 30) ? ES_CACHE_LINE :
			16 * (1 + random_below(&random, random_chance(&random, 5) ? 2000 : 10));
		refs[i] = sizes[i] == ES_CACHE_LINE ? es_arena_alloc_lines(pool, &piece_arena, sizes[i]) :
			es_arena_alloc(pool, &piece_arena, sizes[i]);
		for (uint32 j = 0; refs[i] != 0 && j < sizes[i] / 8; j++)
			((uint64 *) es_ref_pointer(pool, refs[i]))[j] = (uintptr_t) arg << 32 | i;
	}
	for (int i = 0; i < PIECES_HELD; i++)
	{
		if (refs[i] != 0)
			es_arena_give(pool, &piece_arena, refs[i], sizes[i]);
	}
	return NULL;
}

static void
test_pieces(void)
{
	pthread_t	threads[ALLOC_THREADS];
	uint64		taken;

	memset(&piece_arena, 0, sizeof(piece_arena));
	for (int i = 0; i < ALLOC_THREADS; i++)
		pthread_create(&threads[i], NULL, run_piece_churner, (void *) (uintptr_t) (i + 1));
	for (int i = 0; i < ALLOC_THREADS; i++)
		pthread_join(threads[i], NULL);
	taken = (uint64) piece_arena.segment_count * ES_SEGMENT_SIZE;
	is_int(foreign_pieces, 0, "no piece that was given back had two owners");
	ok(piece_arena.piece_bytes <= taken && piece_arena.piece_bytes >= taken / 2, "and all are there in the end");
	es_arena_reset(pool, &piece_arena);
	is_int(es_pool_free_count(pool), es_pool_segment_count(pool), "and come back");
}

#define ID_COUNT		40000	/* entries that each thread adds */
#define ID_BATCH		8

/* Ids of threads overlap: a part is every thread's, and some are repeated. */
static uint64
id_hash(uint32 number)
{
	return (number / 3 + 1) * UINT64CONST(0x9E3779B97F4A7C15);
}

typedef struct IdSearch
{
	EsPosting	posting;
	uint32		hits;
} IdSearch;

static bool
count_hits(void *arg, EsPosting posting)
{
	IdSearch   *search = arg;

	search->hits += posting == search->posting;
	return false;
}

/* How often the id leads there. */
static uint32
count_entries(uint32 number)
{
	IdSearch	search = {.posting = number + 1};

	es_ids_search(pool, &store, id_hash(number), count_hits, &search);
	return search.hits;
}

/* Each adds the same ids in an order of its own, and looks at once. */
static void *
run_id_adder(void *arg)
{
	uint32		first = (uint32) (uintptr_t) arg * 7919;

	for (uint32 i = 0; i < ID_COUNT; i += ID_BATCH)
	{
		uint64		hashes[ID_BATCH];
		EsPosting	postings[ID_BATCH];

		for (uint32 j = 0; j < ID_BATCH; j++)
		{
			uint32		number = (first + i + j) % ID_COUNT;

			hashes[j] = id_hash(number);
			postings[j] = number + 1;
		}
		es_ids_add(pool, &store, hashes, postings, ID_BATCH);
		if (count_entries((first + i) % ID_COUNT) != 1)
			raise_alarm(&bad_finds);
	}
	return NULL;
}

static void
test_ids(void)
{
	pthread_t	threads[ALLOC_THREADS];
	uint32		found = 0;

	if (!es_index_init(pool, &store))
		abort();
	for (int i = 0; i < ALLOC_THREADS; i++)
		pthread_create(&threads[i], NULL, run_id_adder, (void *) (uintptr_t) (i * i));
	for (int i = 0; i < ALLOC_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (uint32 i = 0; i < ID_COUNT; i++)
		found += count_entries(i) == 1;
	is_int(found, ID_COUNT, "each id has one entry");
	is_int(bad_finds, 0, "and had it at once");
	ok(es_ids_complete(&store), "none lacked memory");
	es_index_reset(pool, &store);
}

int
main(void)
{
	void	   *memory;

	if (posix_memalign(&memory, ES_CACHE_LINE, es_pool_bytes((size_t) POOL_SEGMENTS * ES_SEGMENT_SIZE)) != 0)
		abort();
	pool = memory;
	es_pool_init(pool, Min(setting("ES_STRESS_SEGMENTS", 64), POOL_SEGMENTS) * (size_t) ES_SEGMENT_SIZE);
	test_transactions();
	test_collisions();
	es_pool_init(pool, 8 * ES_SEGMENT_SIZE);
	test_pieces();
	es_pool_init(pool, 64 * ES_SEGMENT_SIZE);
	for (int i = 0; i < 5; i++)
		test_allocation();
	test_ids();
	es_pool_init(pool, 12 * ES_SEGMENT_SIZE);
	test_churn();
	free(memory);
	return tap_done();
}
