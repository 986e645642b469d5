/*-------------------------------------------------------------------------
 *
 * stress_index.c
 *	  The entity index under threads that simulate transactions.
 *
 * A transaction claims a few entities in hash order, appends to them, now and
 * then rolls a part back as a savepoint would, and commits or aborts: first its
 * fate is published, then it releases its entities - or, like a prepared one,
 * does not, and leaves that to whoever claims them next.  A few read instead.
 *
 * One thread more does what compaction does, which only one process may at a time: it says
 * of versions that are committed that sorted runs have them, and sheds their postings.  A
 * version that runs have may have no posting, and whoever reads while postings are shed may
 * find another's once, but not twice.
 *
 * What was committed is noted apart from the index, one cell a version, which
 * only one transaction may fill: that finds repeated versions as they happen.
 * In the end the notes must be what the index says, without gaps.
 *
 * Runs ES_STRESS_SECONDS (2), with ES_STRESS_THREADS (6).  Meant for the thread
 * sanitizer.
 *
 *-------------------------------------------------------------------------
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "support.h"

#include "index/ids.h"
#include "tap.h"

#define HOT_ENTITIES	24		/* that transactions append to */
#define MAX_VERSIONS	(1 << 18)	/* noted of each */
#define MAX_XIDS		(1 << 22)
#define MAX_THREADS		64
#define MAX_CLAIMS		4		/* entities a transaction */
#define POOL_SEGMENTS	4096

/* A posting that says who set it for which version of which entity. */
#define PLACE(number, version)	((uint32) (number) << 24 | (version))
#define POSTING(xid, number, version) ((uint64) (xid) << 32 | PLACE(number, version))
#define POSTING_XID(posting)	((posting) >> 32)
#define POSTING_PLACE(posting)	((uint32) (posting))

static EsPool *pool;
static EsIndex store;
static uint8 fates[MAX_XIDS];	/* EsFate, atomic */
static uint32 notes[HOT_ENTITIES][MAX_VERSIONS + 1];	/* xid that committed it */
static uint64 next_xid = 1;
static uint64 next_cold;		/* numbers of entities that are only added */
static uint64 commits;
static uint64 waits;
static uint64 noted;			/* versions as in runs */
static uint64 sheds;			/* that took memory from an entity */
static uint64 reads;			/* of committed versions */
static uint64 shed_reads;		/* of those without a posting */
static uint64 second_looks;		/* at postings that changed meanwhile */
static bool stop;				/* atomic */

/* Things that must not happen; atomic. */
static uint64 repeats;			/* a version committed twice */
static uint64 bad_reads;		/* a reader found what cannot be */
static uint64 bad_finds;		/* an entity was not found, or was another */
static uint64 failures;			/* memory was full */
static uint64 foreign_segments; /* two had one segment at a time */

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

/* ----------------------------------------------------------- simulated server */

static EsFate
fate_of(void *arg pg_attribute_unused(), const EsEntity *entity pg_attribute_unused(), uint64 xid)
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
	while (fate_of(NULL, NULL, xid) == ES_FATE_RUNNING)
		sched_yield();
}

/* ------------------------------------------------------------------- entities */

/* Keys of which many share a hash, or all but the last bits of one. */
static void
make_key(char *name, uint64 number, EsKey *key)
{
	Random		random = {number / 8};

	memset(key, 0, sizeof(*key));
	key->entity_id = es_slice(name, snprintf(name, 32, "entity-" UINT64_FORMAT, number));
	key->hash = random_next(&random) ^ (number % 4 == 3 ? 1 : 0);
}

static EsEntity *
hot_entity(uint32 number, EsKey *key, char *name)
{
	EsEntity   *entity;

	make_key(name, number, key);
	entity = es_index_find_or_add(pool, &store, key);
	if (entity == NULL || !es_slice_equal(es_entity_id(entity), key->entity_id) ||
		es_index_find(pool, &store, key) != entity)
		raise_alarm(&bad_finds);
	return entity;
}

/* Adds a tenant, as before its first entity; then it must be listed. */
static void
add_tenant(uint64 number)
{
	char		name[32];
	EsKey		key;
	EsEntity   *tenant;

	make_key(name, number, &key);
	key.tenant_id = key.entity_id;
	key.entity_id = es_slice(NULL, 0);
	tenant = es_index_find_or_add(pool, &store, &key);
	if (tenant == NULL)
		raise_alarm(&failures);
	else if (es_index_find(pool, &store, &key) != tenant ||
			 !es_slice_equal(es_entity_tenant_id(tenant), key.tenant_id))
		raise_alarm(&bad_finds);
}

/* All threads add the same new entities at about the same time. */
static void
add_cold_entity(Random *random)
{
	char		name[32];
	EsKey		key;
	uint64		number = HOT_ENTITIES + __atomic_fetch_add(&next_cold, 1, __ATOMIC_RELAXED) / 3;
	EsEntity   *entity;

	add_tenant(number);
	make_key(name, number, &key);
	entity = es_index_find_or_add(pool, &store, &key);
	if (entity == NULL)
	{
		raise_alarm(&failures);
		return;
	}
	if (es_index_find(pool, &store, &key) != entity)
		raise_alarm(&bad_finds);
	make_key(name, HOT_ENTITIES + random_below(random, number - HOT_ENTITIES + 1), &key);
	es_index_prefetch(pool, &store, &key.hash, 1);
	entity = es_index_find(pool, &store, &key);
	if (entity != NULL && (entity->hash != key.hash || !es_slice_equal(es_entity_id(entity), key.entity_id)))
		raise_alarm(&bad_finds);
}

/* --------------------------------------------------------------- transactions */

typedef struct Claim
{
	uint32		number;			/* of the entity */
	uint64		hash;
	EsEntity   *entity;
	uint32		base;			/* total before */
	bool		given_up;		/* by rolling a savepoint back */
} Claim;

typedef struct Transaction
{
	uint64		xid;
	int			count;
	Claim		claims[MAX_CLAIMS];
} Transaction;

static int
compare_claims(const void *a, const void *b)
{
	const Claim *left = a;
	const Claim *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return (int) left->number - (int) right->number;
}

/* Chooses different entities, in the order in which they are claimed. */
static void
choose_entities(Transaction *transaction, Random *random)
{
	uint32		wanted = 1 + random_below(random, MAX_CLAIMS);
	uint32		first = random_below(random, HOT_ENTITIES);

	transaction->count = 0;
	for (uint32 i = 0; i < wanted; i++)
	{
		Claim	   *claim = &transaction->claims[transaction->count++];
		char		name[32];
		EsKey		key;

		memset(claim, 0, sizeof(*claim));
		claim->number = (first + i * i) % HOT_ENTITIES;
		claim->entity = hot_entity(claim->number, &key, name);
		claim->hash = key.hash;
	}
	qsort(transaction->claims, transaction->count, sizeof(Claim), compare_claims);
}

static void
claim_entity(Transaction *transaction, Claim *claim)
{
	uint64		owner;

	while (es_entity_claim(claim->entity, transaction->xid, fate_of, NULL, &store.counts, &owner) == ES_CLAIM_WAIT)
		wait_for_end(owner);
	claim->base = es_entity_total(claim->entity);
	claim->given_up = false;
}

static void
append(Transaction *transaction, Claim *claim, uint32 count)
{
	EsEntity   *entity = claim->entity;
	uint32		total = es_entity_total(entity);
	uint32		together = 0;
	EsPosting  *slots;

	count = Min(count, MAX_VERSIONS - total);
	if (!es_postings_reserve(pool, &store.arena, &store.counts, entity, total + count))
	{
		raise_alarm(&failures);
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

/* Rolls a savepoint back: what it claimed is given up, the rest restored. */
static void
roll_back_part(Transaction *transaction, Random *random)
{
	Claim	   *last = &transaction->claims[transaction->count - 1];

	es_entity_set_total(last->entity, last->base);
	if (random_chance(random, 50))
		return;
	es_entity_release(last->entity, transaction->xid, false, &store.counts);
	last->given_up = true;
	if (random_chance(random, 50))
	{
		claim_entity(transaction, last);
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

	if (committed)
	{
		note_versions(transaction);
		__atomic_fetch_add(&commits, 1, __ATOMIC_RELAXED);
	}
	if (random_chance(random, 20))
		sched_yield();
	set_fate(transaction->xid, committed ? ES_FATE_COMMITTED : ES_FATE_ABORTED);
	for (int i = 0; i < transaction->count && !prepared; i++)
	{
		if (!transaction->claims[i].given_up)
			es_entity_release(transaction->claims[i].entity, transaction->xid, committed, &store.counts);
	}
}

static void
run_transaction(Random *random, uint64 xid)
{
	Transaction transaction = {.xid = xid};

	choose_entities(&transaction, random);
	for (int i = 0; i < transaction.count; i++)
	{
		claim_entity(&transaction, &transaction.claims[i]);
		append(&transaction, &transaction.claims[i], random_below(random, 4));
	}
	if (random_chance(random, 20))
		roll_back_part(&transaction, random);
	end_transaction(&transaction, random);
}

/* -------------------------------------------------------------------- readers */

/* A posting that is the same when it is looked at again, as the log's readers do. */
static EsPosting
believed_posting(const EsEntity *entity, uint32 version)
{
	for (;;)
	{
		EsPosting	posting = es_posting_get(pool, entity, version);

		if (es_posting_get(pool, entity, version) == posting)
			return posting;
		__atomic_fetch_add(&second_looks, 1, __ATOMIC_RELAXED);
	}
}

/* What is committed has a posting by a transaction that committed it, or is in runs. */
static bool
is_right(const EsEntity *entity, uint32 number, uint32 version)
{
	EsPosting	posting = believed_posting(entity, version);

	if (posting != 0)
		return POSTING_PLACE(posting) == PLACE(number, version) &&
			fate_of(NULL, entity, POSTING_XID(posting)) == ES_FATE_COMMITTED;
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

static void
read_entity(Random *random)
{
	char		name[32];
	EsKey		key;
	uint32		number = random_below(random, HOT_ENTITIES);
	EsEntity   *entity = hot_entity(number, &key, name);
	uint32		committed = es_entity_committed(entity);
	uint32		known = es_entity_known(entity);

	if (known < committed || es_entity_in_runs(entity) > es_entity_committed(entity))
		raise_alarm(&bad_reads);
	read_committed(entity, number, committed);
	for (uint32 version = committed + 1; version <= known; version++)
	{
		EsPosting	posting = believed_posting(entity, version);

		if (posting != 0 && POSTING_PLACE(posting) != PLACE(number, version))
			raise_alarm(&bad_reads);
	}
}

/* ------------------------------------------------------------------- shedding */

/* The last version that is committed, at most so many after this one. */
static uint32
last_committed(uint32 number, uint32 version, uint32 most)
{
	for (uint32 end = Min(version + most, MAX_VERSIONS); version < end; version++)
	{
		uint32		xid = __atomic_load_n(&notes[number][version + 1], __ATOMIC_RELAXED);

		if (xid == 0 || fate_of(NULL, NULL, xid) != ES_FATE_COMMITTED)
			break;
	}
	return version;
}

/* Runs have what is committed of the entity, or a part of it; sometimes behind a gap, too. */
static void
note_in_runs(Random *random, EsEntity *entity, uint32 number)
{
	uint32		before = es_entity_in_runs(entity);
	uint32		most = random_chance(random, 70) ? MAX_VERSIONS : random_below(random, 100);
	uint32		last = last_committed(number, before, most);

	if (last == before)
		return;
	if (last - before > 1 && random_chance(random, 10))
		es_entity_note_in_runs(entity, before + 2, last, &store.counts);
	if (es_entity_in_runs(entity) != before)
		raise_alarm(&bad_reads);
	es_entity_note_in_runs(entity, before - random_below(random, before + 1) + 1, last, &store.counts);
	noted += last - before;
}

/* Notes and sheds, by fits and starts, so that readers find entities with and without postings. */
static void *
run_shedder(void *arg)
{
	Random		random = {(uintptr_t) arg};

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
	{
		char		name[32];
		EsKey		key;
		uint32		number = random_below(&random, HOT_ENTITIES);
		EsEntity   *entity = hot_entity(number, &key, name);
		uint64		bytes = __atomic_load_n(&store.arena.piece_bytes, __ATOMIC_RELAXED);

		note_in_runs(&random, entity, number);
		es_postings_shed(pool, &store.arena, &store.counts, entity, fate_of, NULL);
		sheds += __atomic_load_n(&store.arena.piece_bytes, __ATOMIC_RELAXED) > bytes;
		if (random_chance(&random, 5))
			sleep_ms(random_below(&random, 10));
	}
	return NULL;
}

static void *
run_thread(void *arg)
{
	Random		random = {(uintptr_t) arg};

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
	{
		uint64		xid = __atomic_fetch_add(&next_xid, 1, __ATOMIC_RELAXED);

		if (xid >= MAX_XIDS - 1)
			break;
		run_transaction(&random, xid);
		read_entity(&random);
		if (random_chance(&random, 30))
			add_cold_entity(&random);
	}
	return NULL;
}

/* ------------------------------------------------------------------- the end */

/* Settles what prepared transactions left behind, as the next claim would. */
static uint32
settle(EsEntity *entity)
{
	uint64		owner;
	uint32		total;

	es_entity_claim(entity, MAX_XIDS - 1, fate_of, NULL, &store.counts, &owner);
	total = es_entity_total(entity);
	es_entity_release(entity, MAX_XIDS - 1, true, &store.counts);
	return total;
}

static void
check_versions(void)
{
	uint64		events = 0;
	uint64		entities = 0;
	int			gaps = 0;
	int			wrong = 0;

	for (uint32 number = 0; number < HOT_ENTITIES; number++)
	{
		char		name[32];
		EsKey		key;
		EsEntity   *entity = hot_entity(number, &key, name);
		uint32		total = settle(entity);

		wrong += total != es_entity_committed(entity);
		for (uint32 version = 1; version <= MAX_VERSIONS; version++)
		{
			uint32		xid = notes[number][version];
			EsPosting	posting = es_posting_get(pool, entity, version);

			gaps += (version <= total) != (xid != 0);
			wrong += xid != 0 && posting != POSTING(xid, number, version) &&
				(posting != 0 || version > es_entity_in_runs(entity));
		}
		events += total;
		entities += total > 0;
	}
	is_int(gaps, 0, "versions are without gaps: " UINT64_FORMAT " of " UINT64_FORMAT " entities",
		   events, entities);
	is_int(wrong, 0, "and where their writers put them, or in runs");
	is_int(store.counts.events, events, "the count of events is right");
	is_int(store.counts.entities, entities, "the count of entities is right");
}

/* When runs have all and nobody owns anything, nothing is left. */
static void
check_shedding(void)
{
	for (uint32 number = 0; number < HOT_ENTITIES; number++)
	{
		char		name[32];
		EsKey		key;
		EsEntity   *entity = hot_entity(number, &key, name);

		es_entity_note_in_runs(entity, 1, es_entity_committed(entity), &store.counts);
		es_postings_shed(pool, &store.arena, &store.counts, entity, fate_of, NULL);
	}
	ok(noted > 0 && sheds > 0, UINT64_FORMAT " versions were noted as in runs, " UINT64_FORMAT " times memory was shed",
	   noted, sheds);
	is_int(store.counts.posting_bytes, 0, "all postings can be shed in the end");
}

static void
count_visit(void *arg, EsEntity *entity)
{
	uint64	   *sums = arg;

	sums[0]++;
	sums[1] += TYPEALIGN(ES_REF_UNIT, offsetof(EsEntity, key) + entity->entity_id_size + entity->tenant_id_size);
}

static void
check_memory(void)
{
	uint64		sums[2] = {0, 0};
	uint64		wanted = HOT_ENTITIES + (next_cold + 2) / 3;
	uint64		bytes = store.counts.entity_bytes + store.arena.piece_bytes;
	uint32		free_count = es_pool_free_count(pool);

	es_index_visit(pool, &store, count_visit, sums);
	is_int(sums[0], wanted, "each entity is there once");
	sums[0] = 0;
	es_index_visit_tenants(pool, &store, count_visit, sums);
	is_int(sums[0], wanted - HOT_ENTITIES, "each tenant is there once");
	ok(store.counts.entity_bytes > sums[1], "the entities' bytes are accounted for");
	is_int(store.arena.segment_count + free_count, es_pool_segment_count(pool), "every segment is taken or free");
	ok(bytes <= (uint64) store.arena.segment_count * ES_SEGMENT_SIZE, "more was not given out than taken");
	es_index_reset(pool, &store);
	is_int(es_pool_free_count(pool), es_pool_segment_count(pool), "and all comes back");
}

static int
setting(const char *name, int otherwise)
{
	const char *value = getenv(name);

	return value == NULL ? otherwise : atoi(value);
}

static void
test_transactions(void)
{
	pthread_t	threads[MAX_THREADS];
	pthread_t	shedder;
	int			count = Min(setting("ES_STRESS_THREADS", 6), MAX_THREADS);

	es_index_init(pool, &store);
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, run_thread, (void *) (uintptr_t) (i + 1));
	pthread_create(&shedder, NULL, run_shedder, (void *) (uintptr_t) (count + 1));
	sleep_ms(1000 * setting("ES_STRESS_SECONDS", 2));
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_join(shedder, NULL);
	ok(commits > 100, UINT64_FORMAT " transactions of %d threads committed, with " UINT64_FORMAT " waits",
	   commits, count, waits);
	is_int(repeats, 0, "no version was given out twice");
	is_int(bad_reads, 0, "readers found what they should: " UINT64_FORMAT " versions, " UINT64_FORMAT " shed, "
		   UINT64_FORMAT " looked at again", reads, shed_reads, second_looks);
	is_int(bad_finds, 0, "entities were found");
	is_int(failures, 0, "memory sufficed");
	check_versions();
	check_shedding();
	check_memory();
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
	es_pool_init(pool, (size_t) POOL_SEGMENTS * ES_SEGMENT_SIZE);
	test_transactions();
	es_pool_init(pool, 64 * ES_SEGMENT_SIZE);
	for (int i = 0; i < 5; i++)
		test_allocation();
	test_ids();
	es_pool_init(pool, 12 * ES_SEGMENT_SIZE);
	test_churn();
	free(memory);
	return tap_done();
}
