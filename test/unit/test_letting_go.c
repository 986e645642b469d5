/*-------------------------------------------------------------------------
 *
 * test_letting_go.c
 *	  Entities that leave the index: which of them go, what becomes of references to them,
 *	  and of their memory.
 *
 *-------------------------------------------------------------------------
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "support.h"

#include "index/map.h"
#include "tap.h"

static EsPool *pool;
static EsIndex entities;		/* the index */
static EsLimbo *limbo;			/* of its exact size, so that a piece too many
								 * is seen */
static uint64 empty_bytes;		/* of an index without entities */

/* How each transaction ended, by its xid. */
static EsFate fates[16];

static void
open_index(uint32 segments)
{
	void	   *memory;

	if (posix_memalign(&memory, ES_CACHE_LINE, es_pool_bytes((size_t) segments * ES_SEGMENT_SIZE)) != 0)
		abort();
	memset(memory, 0xA5, es_pool_bytes((size_t) segments * ES_SEGMENT_SIZE));
	pool = memory;
	es_pool_init(pool, (size_t) segments * ES_SEGMENT_SIZE);
	if (!es_index_init(pool, &entities))
		abort();
	empty_bytes = entities.counts.entity_bytes;
	limbo = malloc(sizeof(EsLimbo));
	limbo->count = 0;
	memset(fates, 0, sizeof(fates));
}

static void
close_index(void)
{
	es_index_reset(pool, &entities);
	is_int(es_pool_free_count(pool), es_pool_segment_count(pool), "all memory comes back");
	free(limbo);
	free(pool);
}

/* ------------------------------------------------------------------ entities */

/* A key with its names. */
typedef struct Names
{
	EsKey		key;
	char		tenant_id[ES_MAX_TENANT_ID];
	char		entity_id[ES_MAX_ENTITY_ID + 1];
} Names;

/* An entity_id of so many bytes, at least ten, in which the number stands. */
static Names *
name_of(Names *name, uint32 number, uint32 size, uint64 hash)
{
	memset(name->entity_id, 'x', sizeof(name->entity_id));
	snprintf(name->entity_id, 11, "%010u", number);
	if (size > 10)
		name->entity_id[10] = '-';
	name->key = (EsKey)
	{
		.entity_id = es_slice(name->entity_id, size),
			.hash = hash
	};
	return name;
}

/* The number that stands in an entity_id. */
static uint32
number_in(const EsKey *key)
{
	char		digits[11] = {0};

	memcpy(digits, key->entity_id.data, 10);
	return (uint32) strtoul(digits, NULL, 10);
}

static void
set_tenant(Names *name, const char *tenant_id)
{
	name->key.tenant_id = es_slice(name->tenant_id, strlen(tenant_id));
	memcpy(name->tenant_id, tenant_id, strlen(tenant_id));
}

typedef uint64 (*HashFunction) (uint32 number);

static uint64
spread_hash(uint32 number)
{
	Random		random = {number};

	return random_next(&random);
}

static uint64
one_hash(uint32 number pg_attribute_unused())
{
	return UINT64CONST(0xDEADBEEF12345678);
}

/* The first 54 bits are the same. */
static uint64
last_bits_hash(uint32 number)
{
	return UINT64CONST(0xABCDEF0123456800) | (number & 0x3FF);
}

static uint64
first_bits_hash(uint32 number)
{
	return (uint64) number << 44;
}

/* Hashes of four at a time are equal. */
static uint64
shared_hash(uint32 number)
{
	return spread_hash(number / 4);
}

static EsEntity *
find(const Names *name)
{
	return es_index_find(pool, &entities, &name->key);
}

static EsEntity *
add(const Names *name)
{
	return es_index_find_or_add(pool, &entities, &name->key);
}

static bool
is_entity(const EsEntity *entity, const EsKey *key)
{
	return entity != NULL && entity->hash == key->hash &&
		es_slice_equal(es_entity_id(entity), key->entity_id) &&
		es_slice_equal(es_entity_tenant_id(entity), key->tenant_id);
}

static EsFate
fate_of(void *arg pg_attribute_unused(), uint64 xid)
{
	return fates[xid];
}

static EsClaim
claim_found(const Names *name, EsEntityRef *found, uint64 xid)
{
	uint64		owner;

	return es_index_claim(pool, &entities, &name->key, found, xid, fate_of, NULL, &owner);
}

/* Claims the entity, which is added if need be. */
static EsClaim
claim(const Names *name, uint64 xid)
{
	EsEntityRef found = {add(name), es_index_evictions(&entities)};

	return claim_found(name, &found, xid);
}

static void
release(const Names *name, uint64 xid, bool committed)
{
	es_entity_release(find(name), xid, committed, &entities.counts);
}

/* Appends as an owner does; false when memory is full. */
static bool
append(EsEntity *entity, uint32 count)
{
	uint32		total = es_entity_total(entity);

	if (!es_postings_reserve(pool, &entities.arena, &entities.counts, entity, total + count))
		return false;
	for (uint32 version = total + 1; version <= total + count; version++)
		es_posting_set(pool, entity, version, version);
	es_entity_set_total(entity, total + count);
	return true;
}

/* Appends in a transaction of its own. */
static bool
commit(const Names *name, uint32 count)
{
	bool		appended;

	claim(name, 1);
	appended = append(find(name), count);
	release(name, 1, true);
	return appended;
}

/* Runs have all that is committed. */
static void
note_all(const Names *name)
{
	EsEntity   *entity = find(name);

	es_entity_note_in_runs(entity, 1, es_entity_committed(entity), &entities.counts);
}

/* -------------------------------------------------------------------- letting go */

static bool
may_go(void *arg pg_attribute_unused(), EsEntity *entity, EsLimbo *into)
{
	return es_entity_leave(pool, &entities.counts, entity, into, fate_of, NULL);
}

/* One round over all of the index, as compaction does it. */
static void
evict(void)
{
	uint32		part = 0;

	entities.partial = 1;
	while (part < ES_INDEX_PARTS)
	{
		bool		done = true;

		es_index_begin_eviction(&entities);
		while (done && part < ES_INDEX_PARTS && limbo->count < ES_LIMBO_PIECES / 2)
		{
			done = es_index_evict(pool, &entities, part, may_go, NULL, limbo);
			part += done;
		}
		es_index_end_eviction(pool, &entities, limbo);
	}
}

/* All that may go goes, also what was used of late. */
static void
evict_all(void)
{
	evict();
	evict();
}

/* Nothing is left, and what was taken is in pieces. */
static void
is_empty(const char *name)
{
	is_int(entities.counts.entity_bytes, empty_bytes, "%s: no entity and no node is left", name);
	is_int(entities.counts.posting_bytes, 0, "%s: nor any posting", name);
}

/* An entity goes when runs have all of it and it was not used. */
static void
test_goes(void)
{
	Names		name;

	open_index(16);
	commit(name_of(&name, 1, 20, 1), 30);
	note_all(&name);
	evict();
	ok(find(&name) != NULL, "an entity that was used stays");
	es_entity_note_use(find(&name));
	evict();
	ok(find(&name) != NULL, "used again, it stays again");
	evict();
	ok(find(&name) == NULL, "then it goes");
	is_empty("it");
	is_int(entities.arena.piece_bytes, 32 + 48 + 80 + 144 + 64, "its memory is given back");
	ok(entities.counts.events == 30 && entities.counts.entities == 1, "it is still counted");
	close_index();
}

/* What keeps an entity in the index. */
static void
test_stays(void)
{
	Names		name;

	open_index(16);
	commit(name_of(&name, 1, 20, 1), 3);
	evict_all();
	ok(find(&name) != NULL && es_posting_get(pool, find(&name), 1) == 1, "what runs do not have stays");
	es_entity_note_in_runs(find(&name), 1, 2, &entities.counts);
	evict_all();
	ok(find(&name) != NULL && es_posting_get(pool, find(&name), 3) == 3, "also when they lack a part of it");
	note_all(&name);
	claim(&name, 2);
	evict_all();
	ok(find(&name) != NULL && es_entity_owner(find(&name)) == 2, "what a transaction owns stays");
	fates[2] = ES_FATE_OWN;
	evict_all();
	ok(find(&name) != NULL && es_entity_owner(find(&name)) == 2, "also when that is our own");
	append(find(&name), 2);
	fates[2] = ES_FATE_COMMITTED;
	evict_all();
	ok(find(&name) != NULL && es_entity_committed(find(&name)) == 5 && es_posting_get(pool, find(&name), 5) == 5,
	   "what it has committed, without a release, stays");
	note_all(&name);
	claim(&name, 3);
	append(find(&name), 2);
	fates[3] = ES_FATE_ABORTED;
	evict_all();
	ok(find(&name) == NULL, "what was rolled back keeps nothing");
	is_empty("rolled back");
	is_int(entities.counts.events, 5, "the events are counted once");
	close_index();
}

/* Who only ever was rolled back leaves nothing behind. */
static void
test_never_committed(void)
{
	Names		name;

	open_index(16);
	for (uint32 i = 0; i < 1000; i++)
	{
		claim(name_of(&name, i, 10 + i % 100, spread_hash(i)), 1);
		append(find(&name), 1 + i % 20);
		if (i % 2)
			release(&name, 1, false);
	}
	evict_all();
	is_int(entities.counts.entity_bytes > empty_bytes, true, "while the owner runs its entities stay");
	fates[1] = ES_FATE_ABORTED;
	evict_all();
	is_empty("never committed");
	ok(entities.counts.entities == 0 && entities.counts.events == 0, "and nothing is counted");
	close_index();
}

/* Of equal hashes the last goes first; those that others hang on stay. */
static void
test_chains(void)
{
	Names		name;
	int			failures = 0;

	open_index(16);
	for (uint32 i = 0; i < 8; i++)
	{
		commit(name_of(&name, i, 20, 7), 3);
		if (i != 4)
			note_all(&name);
	}
	evict_all();
	for (uint32 i = 0; i < 8; i++)
		failures += (find(name_of(&name, i, 20, 7)) != NULL) != (i <= 4);
	is_int(failures, 0, "of a chain those go that none hangs on");
	for (uint32 i = 0; i < 4; i++)
	{
		EsEntity   *entity = find(name_of(&name, i, 20, 7));

		failures += es_entity_owner(entity) != 0 || es_entity_committed(entity) != 3 || es_entity_in_runs(entity) != 3 ||
			es_posting_get(pool, entity, 3) != 0 || !commit(&name, 2) || es_posting_get(pool, entity, 5) != 5;
	}
	is_int(failures, 0, "the others are as before, without postings, and can be written");
	for (uint32 i = 5; i < 8; i++)
		failures += claim(name_of(&name, i, 20, 7), 2) != ES_CLAIM_NEW || es_entity_is_resolved(find(&name));
	is_int(failures, 0, "others come to hang on them");
	fates[2] = ES_FATE_ABORTED;
	for (uint32 i = 0; i < 5; i++)
		note_all(name_of(&name, i, 20, 7));
	evict_all();
	is_empty("a chain");
	close_index();
}

/* Entities of tenants, of the default one and of others, go; tenants stay. */
static void
test_tenants(void)
{
	static const char *const tenants[] = {"", "a", "bc"};
	Names		name;
	Names		tenant;
	EsIndexWalk walk;
	EsKey		key;
	EsEntityRef found;
	int			failures = 0;
	uint64		bytes;

	open_index(16);
	for (uint32 i = 1; i < lengthof(tenants); i++)
	{
		tenant.key = (EsKey)
		{
			.hash = i
		};
		set_tenant(&tenant, tenants[i]);
		add(&tenant);
	}
	bytes = entities.counts.entity_bytes;
	for (uint32 i = 0; i < 300; i++)
	{
		name_of(&name, i / 3, 20, shared_hash(i));
		set_tenant(&name, tenants[i % 3]);
		commit(&name, 1);
		if (i % 3 != 2)
			note_all(&name);
	}
	evict_all();
	for (uint32 i = 0; i < 300; i++)
	{
		name_of(&name, i / 3, 20, shared_hash(i));
		set_tenant(&name, tenants[i % 3]);

		/* others of its hash may hang on it */
		failures += find(&name) == NULL ? i % 3 == 2 : !is_entity(find(&name), &name.key);
		if (i % 3 == 2)
			note_all(&name);
	}
	is_int(failures, 0, "the names of tenants and entities are told apart");
	evict_all();
	is_int(entities.counts.entity_bytes, bytes, "entities of all tenants go");
	es_index_walk_tenants(&walk, pool, &entities);
	while (es_index_walk_next(&walk, &key, &found))
		failures += key.entity_id.size != 0 || !es_slice_equal(key.tenant_id, text_slice(tenants[key.hash]));
	ok(failures == 0 && entities.counts.tenants == 2 && es_index_has_tenants(pool, &entities), "tenants stay");
	close_index();
}

/* Nodes go when nothing is in them any more. */
static void
test_nodes(const char *title, HashFunction hash, uint32 count)
{
	Names		name;
	int			failures = 0;

	open_index(1024);
	for (uint32 i = 0; i < count; i++)
	{
		commit(name_of(&name, i, 10 + i % 40, hash(i)), 1 + i % 3);
		if (i % 5 != 0)
			note_all(&name);
	}
	evict_all();
	for (uint32 i = 0; i < count; i++)
	{
		EsEntity   *entity = find(name_of(&name, i, 10 + i % 40, hash(i)));

		failures += entity == NULL ? i % 5 == 0 : !is_entity(entity, &name.key);
		if (i % 5 == 0)
			note_all(&name);
	}
	is_int(failures, 0, "%s: others go, those stay which runs do not have", title);
	evict_all();
	is_empty(title);
	ok(entities.counts.events > count && entities.counts.entities == count, "%s: all are counted", title);
	close_index();
}

/* ------------------------------------------------------------------- references */

static void
test_again(void)
{
	Names		name;
	Names		other;
	Names		never;
	EsEntityRef found;
	EsEntityRef nothing = {NULL, 0};

	open_index(16);
	commit(name_of(&name, 1, 20, 1), 3);
	name_of(&other, 2, 20, 2);
	name_of(&never, 3, 20, 3);
	found = es_index_find_ref(pool, &entities, &name.key);
	ok(es_index_again(pool, &entities, &name.key, &found) == find(&name), "what is there is found again");
	is_int(es_index_again(pool, &entities, &name.key, &nothing) == NULL, true, "what was not found is not");
	evict_all();
	ok(es_index_again(pool, &entities, &name.key, &found) == find(&name) &&
	   found.evictions == entities.evictions, "also when others may have gone");
	note_all(&name);
	evict_all();
	ok(es_index_again(pool, &entities, &name.key, &found) == NULL && found.entity == NULL, "what has gone is not");
	add(&name);
	ok(es_index_again(pool, &entities, &name.key, &found) == NULL, "nor when it comes again, by who knows that it had gone");

	found = es_index_find_ref(pool, &entities, &name.key);
	evict_all();
	ok(add(&other) == found.entity, "another may come to its place");
	ok(es_index_again(pool, &entities, &name.key, &found) == NULL, "which is not taken for it");

	found = es_index_find_ref(pool, &entities, &other.key);
	evict_all();
	add(&never);
	add(&other);
	ok(find(&other) != found.entity && find(&never) == found.entity, "it may come to another place");
	ok(es_index_again(pool, &entities, &other.key, &found) == find(&other), "where it is found");
	close_index();
}

/* What is found while entities are taken out is not relied on later. */
static void
test_found_meanwhile(void)
{
	Names		name;
	EsEntityRef found;

	open_index(16);
	add(name_of(&name, 1, 20, 1));
	evict();
	entities.partial = 1;
	es_index_begin_eviction(&entities);
	found = es_index_find_ref(pool, &entities, &name.key);
	for (uint32 part = 0; part < ES_INDEX_PARTS; part++)
		es_index_evict(pool, &entities, part, may_go, NULL, limbo);
	ok(found.entity != NULL && es_index_again(pool, &entities, &name.key, &found) == NULL,
	   "what goes during an eviction is missed in it");
	es_index_end_eviction(pool, &entities, limbo);

	add(&name);
	evict();
	es_index_begin_eviction(&entities);
	found = es_index_find_ref(pool, &entities, &name.key);
	for (uint32 part = 0; part < ES_INDEX_PARTS; part++)
		es_index_evict(pool, &entities, part, may_go, NULL, limbo);
	es_index_end_eviction(pool, &entities, limbo);
	ok(es_index_again(pool, &entities, &name.key, &found) == NULL, "or after it");
	close_index();
}

/* An eviction that an error ended is followed by another. */
static void
test_broken_off(void)
{
	Names		name;
	EsEntityRef found;

	open_index(16);
	add(name_of(&name, 1, 20, 1));
	evict();
	es_index_begin_eviction(&entities); /* the error comes here */
	es_index_begin_eviction(&entities);
	found = es_index_find_ref(pool, &entities, &name.key);
	for (uint32 part = 0; part < ES_INDEX_PARTS; part++)
		es_index_evict(pool, &entities, part, may_go, NULL, limbo);
	ok(found.entity != NULL && es_index_again(pool, &entities, &name.key, &found) == NULL,
	   "during the eviction after one that was broken off, references are not relied on");
	es_index_end_eviction(pool, &entities, limbo);
	add(&name);
	found = es_index_find_ref(pool, &entities, &name.key);
	ok(found.evictions % 2 == 0 && es_index_again(pool, &entities, &name.key, &found) == find(&name),
	   "after it they are");
	close_index();
}

/* References of before an index was built anew. */
static void
test_reset(void)
{
	Names		name;
	EsEntityRef found;
	EsEntityRef odd;

	open_index(16);
	add(name_of(&name, 1, 20, 1));
	found = es_index_find_ref(pool, &entities, &name.key);
	es_index_begin_eviction(&entities);
	odd = es_index_find_ref(pool, &entities, &name.key);
	es_index_reset(pool, &entities);
	if (!es_index_init(pool, &entities))
		abort();
	ok(es_index_again(pool, &entities, &name.key, &found) == NULL &&
	   es_index_again(pool, &entities, &name.key, &odd) == NULL, "references into an older index lead to nothing");
	add(&name);
	found = es_index_find_ref(pool, &entities, &name.key);
	ok(es_index_again(pool, &entities, &name.key, &found) == find(&name) && found.evictions % 2 == 0,
	   "those into the new one are relied on");
	close_index();
}

static void
test_still(void)
{
	Names		name;
	int			failures = 0;
	EsEntity   *refs[200];

	open_index(64);
	for (uint32 i = 0; i < 200; i++)
		refs[i] = add(name_of(&name, i, 10 + i, shared_hash(i)));
	for (uint32 i = 0; i < 200; i++)
	{
		failures += es_index_still(pool, &entities, shared_hash(i), refs[i]) != refs[i];
		failures += es_index_still(pool, &entities, shared_hash(i) ^ 1, refs[i]) == refs[i] && i % 4 > 0;
	}
	is_int(failures, 0, "entities are found by hash and place");
	for (uint32 i = 0; i < 200; i += 4)
		claim(name_of(&name, i, 10 + i, shared_hash(i)), 1);
	evict_all();
	for (uint32 i = 0; i < 200; i++)
		failures += es_index_still(pool, &entities, shared_hash(i), refs[i]) != (i % 4 == 0 ? refs[i] : NULL);
	is_int(failures, 0, "those that have gone are not");
	for (uint32 i = 0; i < 200; i++)
		add(name_of(&name, i + 1000, 10 + 199 - i, shared_hash(i)));
	for (uint32 i = 0; i < 200; i++)
	{
		EsEntity   *still = es_index_still(pool, &entities, shared_hash(i), refs[i]);

		if (i % 4 == 0)
			failures += still != refs[i] || es_entity_owner(still) != 1;
		else
			failures += still != NULL && es_entity_owner(still) != 0;
	}
	is_int(failures, 0, "another in that place has another owner");
	close_index();
}

static void
test_claims(void)
{
	Names		name;
	Names		other;
	EsEntityRef found;
	EsEntityRef nothing = {NULL, 0};

	open_index(16);
	add(name_of(&name, 1, 20, 1));
	name_of(&other, 2, 20, 2);
	is_int(claim_found(&name, &nothing, 1), ES_CLAIM_GONE, "what was not found cannot be claimed");
	found = es_index_find_ref(pool, &entities, &name.key);
	evict_all();
	is_int(claim_found(&name, &found, 1), ES_CLAIM_GONE, "nor what has gone");
	ok(found.entity == NULL, "which the claimer knows then");
	add(&name);
	found = es_index_find_ref(pool, &entities, &name.key);
	evict_all();
	add(&other);
	ok(claim_found(&name, &found, 1) == ES_CLAIM_GONE && es_entity_owner(find(&other)) == 0,
	   "nor the other that is in its place");
	add(&name);
	found = es_index_find_ref(pool, &entities, &name.key);
	evict_all();
	add(&other);
	add(&name);
	ok(claim_found(&name, &found, 1) == ES_CLAIM_NEW && found.entity == find(&name) &&
	   es_entity_owner(find(&name)) == 1 && es_entity_owner(find(&other)) == 0, "what came again is claimed where it is");
	evict_all();
	ok(find(&name) == found.entity && find(&other) == NULL, "and stays, as the only one");
	is_int(claim_found(&name, &found, 1), ES_CLAIM_HELD, "which is held");
	close_index();
}

/* ------------------------------------------------------- whoever is in meanwhile */

#define GUARDS 2

static EsGuards *guards;
static Names reader_name;
static EsEntityRef reader_found;
static int	step;				/* atomic */

static void
wait_for_step(int wanted)
{
	while (__atomic_load_n(&step, __ATOMIC_SEQ_CST) != wanted)
		sched_yield();
}

static void
sleep_ms(int ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000L};

	nanosleep(&time, NULL);
}

/* Comes in, finds the entity, and stays until the eviction is about to end. */
static void *
run_late_finder(void *arg)
{
	EsEntity   *entity;

	es_guard_attach(guards, 1);
	es_guard_enter();
	reader_found = es_index_find_ref(pool, &entities, &reader_name.key);
	entity = reader_found.entity;
	__atomic_store_n(&step, 1, __ATOMIC_SEQ_CST);
	wait_for_step(2);
	for (int i = 0; i < 50 && __atomic_load_n(&entities.evictions, __ATOMIC_SEQ_CST) % 2 == 1; i++)
		sleep_ms(1);
	if (is_entity(entity, &reader_name.key))
		*(bool *) arg = true;
	es_guard_leave();
	return NULL;
}

/*
 * Who found an entity that was then taken out, and remembers it while the eviction ends, may
 * not rely on it.
 */
static void
test_end_of_eviction(void)
{
	pthread_t	finder;
	Names		other;
	bool		intact = false;

	open_index(16);
	guards = calloc(1, es_guards_size(GUARDS));
	es_guards_init(guards, GUARDS);
	es_guard_attach(guards, 0);
	step = 0;
	add(name_of(&reader_name, 1, 20, 1));
	evict();
	es_index_begin_eviction(&entities);
	pthread_create(&finder, NULL, run_late_finder, &intact);
	wait_for_step(1);
	for (uint32 part = 0; part < ES_INDEX_PARTS; part++)
		es_index_evict(pool, &entities, part, may_go, NULL, limbo);
	ok(find(&reader_name) == NULL, "an entity is taken out that somebody is in");
	__atomic_store_n(&step, 2, __ATOMIC_SEQ_CST);
	es_index_end_eviction(pool, &entities, limbo);
	pthread_join(finder, NULL);
	ok(intact, "its memory was not used while he was");
	add(name_of(&other, 2, 20, 2));
	ok(es_index_again(pool, &entities, &reader_name.key, &reader_found) == NULL, "then he does not take it for the entity");
	es_guards = NULL;
	es_guard = NULL;
	free(guards);
	close_index();
}

/* ----------------------------------------------------------------------- walks */

#define WALK_ENTITIES 3000

/* Entities that stay are met once each, in the order of hashes, whatever goes meanwhile. */
static void
test_walk(const char *title, HashFunction hash, uint32 every)
{
	static uint8 met[WALK_ENTITIES];
	Names		name;
	EsIndexWalk walk;
	EsKey		key;
	EsEntityRef found;
	uint64		last = 0;
	uint32		count = 0;
	int			wrong = 0;
	int			missed = 0;
	int			twice = 0;

	open_index(64);
	memset(met, 0, sizeof(met));
	for (uint32 i = 0; i < WALK_ENTITIES; i++)
	{
		commit(name_of(&name, i, 10 + i % 50, hash(i)), 1);
		if (i % 3 != 0)
			note_all(&name);
	}
	evict();
	es_index_walk(&walk, pool, &entities);
	while (es_index_walk_next(&walk, &key, &found))
	{
		uint32		number = number_in(&key);

		wrong += key.hash < last || key.hash != hash(number) || key.entity_id.size != 10 + number % 50;
		last = key.hash;
		twice += met[number];
		met[number] = 1;
		if (es_index_again(pool, &entities, &key, &found) == NULL)
			wrong += number % 3 == 0;
		else
			wrong += !is_entity(found.entity, &key);
		if (++count % every == 0)
		{
			evict();
			for (uint32 i = 0; i < 10; i++)
				add(name_of(&name, (count * 7 + i) * 3 % WALK_ENTITIES, 10 + (count * 7 + i) * 3 % WALK_ENTITIES % 50,
							hash((count * 7 + i) * 3 % WALK_ENTITIES)));
		}
	}
	for (uint32 i = 0; i < WALK_ENTITIES; i += 3)
		missed += !met[i];
	is_int(wrong, 0, "%s: a walk meets what there is or has been", title);
	is_int(missed, 0, "%s: all that stay", title);
	is_int(twice, 0, "%s: and none twice", title);
	close_index();
}

/* Walks that take up an equal hash where they left it, after some of it have gone. */
static void
test_walk_in_chain(void)
{
	Names		name;
	EsIndexWalk walk;
	EsKey		key;
	EsEntityRef found;
	uint32		count = 0;
	uint32		first = 0;

	open_index(64);
	for (uint32 i = 0; i < 200; i++)
		claim(name_of(&name, i, 20, 5), i < 150 ? 2 : 1);
	es_index_walk(&walk, pool, &entities);
	for (; count < 70; count++)
		first += es_index_walk_next(&walk, &key, &found) && number_in(&key) == count;
	is_int(first, 70, "a chain is met from its beginning on");
	fates[1] = ES_FATE_ABORTED;
	evict_all();
	while (es_index_walk_next(&walk, &key, &found))
		first += number_in(&key) == count++;
	ok(count == 150 && first == 150, "and then the rest that there still is");
	close_index();
}

/* ------------------------------------------------------------------- unresolved */

static void
test_unresolved(void)
{
	Names		name;
	Names		tenant;
	EsEntity   *entity;

	open_index(16);
	commit(name_of(&name, 1, 20, 1), 5);
	ok(es_entity_is_resolved(find(&name)) && !es_index_is_partial(&entities), "in a whole index all is known of a new entity");
	note_all(&name);
	evict_all();
	ok(es_index_is_partial(&entities), "in one that lets entities go it is not");
	tenant.key = (EsKey)
	{
		.hash = 1
	};
	set_tenant(&tenant, "tenant");
	ok(es_entity_is_resolved(add(&tenant)), "of a tenant all is known");
	entity = add(&name);
	ok(!es_entity_is_resolved(entity) && es_entity_known(entity) == 0, "of an entity nothing");
	es_entity_note_in_runs(entity, 1, 5, &entities.counts);
	ok(!es_entity_is_resolved(entity) && es_entity_committed(entity) == 0 && entities.counts.events == 5,
	   "what is said of runs does not count");
	is_int(es_postings_shed(pool, &entities.counts, entity, limbo, fate_of, NULL), false, "it has nothing to shed");
	is_int(claim(&name, 2), ES_CLAIM_NEW, "it can be claimed");
	ok(es_entity_total(entity) == 0 && !es_entity_is_resolved(entity), "by who knows nothing either");
	evict_all();
	ok(find(&name) == entity && es_entity_owner(entity) == 2, "and stays");
	es_entity_resolve(entity, 5);
	ok(es_entity_is_resolved(entity) && es_entity_committed(entity) == 5 && es_entity_total(entity) == 5 &&
	   es_entity_in_runs(entity) == 5, "runs tell which version it has");
	ok(append(entity, 3) && es_posting_get(pool, entity, 5) == 0 && es_posting_get(pool, entity, 6) == 6,
	   "then it is appended to");
	release(&name, 2, true);
	ok(es_entity_committed(entity) == 8 && entities.counts.events == 8 && entities.counts.entities == 1,
	   "what is new is counted");
	note_all(&name);
	evict_all();
	ok(find(&name) == NULL && entities.counts.events == 8, "and it goes again");

	claim(&name, 3);
	fates[3] = ES_FATE_ABORTED;
	ok(claim(&name, 4) == ES_CLAIM_NEW && !es_entity_is_resolved(find(&name)) && es_entity_total(find(&name)) == 0,
	   "an owner that ended before it asked leaves it to the next");
	es_entity_resolve(find(&name), 8);
	fates[4] = ES_FATE_COMMITTED;
	ok(claim(&name, 5) == ES_CLAIM_NEW && es_entity_committed(find(&name)) == 8 && entities.counts.events == 8,
	   "one that asked and wrote nothing changes nothing");
	release(&name, 5, false);
	es_entity_note_in_runs(find(&name), 1, 9, &entities.counts);
	is_int(es_entity_in_runs(find(&name)), 9, "when it is known, what is said of runs counts");

	claim(name_of(&name, 2, 20, 2), 6);
	es_entity_resolve(find(&name), 0);
	append(find(&name), 2);
	release(&name, 6, true);
	ok(es_entity_committed(find(&name)) == 2 && entities.counts.entities == 2 && entities.counts.events == 11,
	   "one that runs do not have is a new one");
	add(name_of(&name, 3, 20, 3));
	evict();
	ok(find(&name) != NULL, "one of which nothing is known stays while it was used");
	evict();
	ok(find(&name) == NULL, "and goes");
	close_index();
}

/* ------------------------------------------------------------------------ limbo */

/* Puts pieces into limbo until so many more fit. */
static void
fill_limbo(uint32 room)
{
	while (limbo->count < ES_LIMBO_PIECES - room)
		es_limbo_add(limbo, es_arena_alloc(pool, &entities.arena, ES_REF_UNIT), ES_REF_UNIT);
}

/* Chunks of all of an entity that fit go, and the others stay and go the next time. */
static void
test_shed_to_full_limbo(uint32 room)
{
	Names		name;
	uint64		all = 32 + 48 + 80 + 144;
	uint64		bytes;
	uint64		filled;

	open_index(64);
	commit(name_of(&name, 1, 20, 1), 30);
	note_all(&name);
	fill_limbo(room);
	filled = limbo->count * ES_REF_UNIT;
	es_postings_shed(pool, &entities.counts, find(&name), limbo, fate_of, NULL);
	bytes = entities.counts.posting_bytes;
	ok(limbo->count <= ES_LIMBO_PIECES, "with room for %u chunks %u bytes stay", room, (uint32) bytes);
	for (uint32 version = 1, first = bytes == 0 ? 31 : bytes == 144 ? 15 : bytes == 224 ? 7 : bytes == 272 ? 3 : 1;
		 version <= 30; version++)
	{
		if (es_posting_get(pool, find(&name), version) != (version >= first ? version : 0))
			bytes = 1;
	}
	ok(bytes != 1, "whole chunks, with what is in them");
	es_limbo_empty(pool, &entities.arena, limbo);
	is_int(entities.arena.piece_bytes + entities.counts.posting_bytes, filled + all, "none is lost");
	es_postings_shed(pool, &entities.counts, find(&name), limbo, fate_of, NULL);
	is_int(entities.counts.posting_bytes, 0, "the next time all go");
	es_limbo_empty(pool, &entities.arena, limbo);
	is_int(entities.arena.piece_bytes, filled + all, "and none is lost");
	close_index();
}

/* Entities and nodes go as far as they fit; the rest goes when the part is gone through again. */
static void
test_evict_to_full_limbo(uint32 room)
{
	Names		name;
	uint64		bytes;
	bool		done = false;
	int			rounds = 0;

	open_index(64);
	entities.partial = 1;
	for (uint32 i = 0; i < 20; i++)
	{
		claim(name_of(&name, i, 10 + i, last_bits_hash(i * 13 / 2)), 1);
		es_entity_resolve(find(&name), 0);
		append(find(&name), i);
		release(&name, 1, true);
		note_all(&name);
	}
	evict();
	bytes = entities.counts.entity_bytes + entities.counts.posting_bytes;
	while (!done && rounds++ < 100)
	{
		es_index_begin_eviction(&entities);
		es_limbo_empty(pool, &entities.arena, limbo);
		fill_limbo(room);
		done = es_index_evict(pool, &entities, last_bits_hash(0) >> 51, may_go, NULL, limbo);
		if (limbo->count > ES_LIMBO_PIECES)
			abort();
		es_index_end_eviction(pool, &entities, limbo);
	}
	ok(done || room < 2, "with room for %u pieces it takes %d rounds", room, rounds);
	evict_all();
	is_empty("after others");
	is_int(entities.arena.piece_bytes, bytes - empty_bytes + (ES_LIMBO_PIECES - room) * ES_REF_UNIT, "none is lost");
	close_index();
}

/* Takes all that is left of the arena. */
static void
fill_memory(void)
{
	for (size_t size = ES_SEGMENT_SIZE; size >= ES_REF_UNIT; size /= 2)
	{
		while (es_arena_alloc(pool, &entities.arena, size) != 0)
			;
	}
}

#define MANY_CHUNKS (ES_LIMBO_PIECES + 3000)

/* More chunks than limbo has room for, since memory was short when they were made. */
static void
test_many_chunks(void)
{
	Names		name;
	EsRef	   *pieces = malloc(MANY_CHUNKS * sizeof(EsRef));
	uint32		versions = 2 * MANY_CHUNKS;
	uint64		before;
	uint32		count;

	open_index(128);
	claim(name_of(&name, 1, 20, 1), 1);
	for (uint32 i = 0; i < MANY_CHUNKS; i++)
		pieces[i] = es_arena_alloc(pool, &entities.arena, 32);
	fill_memory();
	for (uint32 i = 0; i < MANY_CHUNKS; i++)
		es_arena_give(pool, &entities.arena, pieces[i], 32);
	before = entities.arena.piece_bytes;
	ok(append(find(&name), versions) && !append(find(&name), 1), "an entity has %u chunks", MANY_CHUNKS);
	release(&name, 1, true);
	note_all(&name);
	evict_all();
	ok(find(&name) != NULL && es_posting_get(pool, find(&name), 1) == 1, "it stays as long as they do not fit into limbo");
	fill_limbo(100);
	es_postings_shed(pool, &entities.counts, find(&name), limbo, fate_of, NULL);
	ok(limbo->count <= ES_LIMBO_PIECES, "limbo is not too full");
	es_limbo_empty(pool, &entities.arena, limbo);
	es_postings_shed(pool, &entities.counts, find(&name), limbo, fate_of, NULL);
	ok(limbo->count <= ES_LIMBO_PIECES && limbo->count > ES_LIMBO_PIECES / 2, "most go at a time");
	ok(es_posting_get(pool, find(&name), versions) == versions && es_posting_slots(pool, find(&name), versions, &count) != NULL,
	   "the newest stay");
	es_limbo_empty(pool, &entities.arena, limbo);
	es_postings_shed(pool, &entities.counts, find(&name), limbo, fate_of, NULL);
	is_int(entities.counts.posting_bytes, 0, "then the rest");
	es_limbo_empty(pool, &entities.arena, limbo);
	ok(entities.arena.piece_bytes >= before, "none is lost");
	evict_all();
	is_empty("its end");
	free(pieces);
	close_index();
}

/* ----------------------------------------------------------------------- pieces */

/* Pieces of all sizes serve again what has their size. */
static void
test_sizes(void)
{
	EsArena		arena = {0};
	int			again = 0;
	int			failures = 0;
	uint32		units = ES_SEGMENT_SIZE / ES_REF_UNIT;
	uint64		bump;

	open_index(64);
	for (uint32 i = 1; i <= units; i = i < 130 ? i + 1 : i * 5 / 4)
	{
		size_t		size = i * (size_t) ES_REF_UNIT;
		EsRef		ref = es_arena_alloc(pool, &arena, size);
		EsRef		next;

		failures += ref == 0;
		memset(es_ref_pointer(pool, ref), 0xFF, size);
		es_arena_give(pool, &arena, ref, size);
		failures += arena.piece_bytes != size;
		bump = arena.bump;
		next = es_arena_alloc(pool, &arena, size - i % ES_REF_UNIT);
		again += next == ref;
		failures += i <= 64 && (next != ref || bump != arena.bump) && i != 4;
		failures += next == ref ? arena.piece_bytes != 0 : arena.piece_bytes < size;
		if (next != ref)
			es_arena_give(pool, &arena, next, size);
		es_arena_reset(pool, &arena);
	}
	is_int(failures, 0, "pieces of all sizes are taken back and accounted for");
	ok(again >= 60, "%d of them serve at once, before new ones", again);
	close_index();
}

/* When the pool has nothing else, large pieces are cut, and all of them is used. */
static void
test_cutting(uint32 from, uint32 into)
{
	EsArena		arena = {0};
	EsRef		refs[4];
	uint32		count = 0;
	uint8	   *map = calloc(1, ES_POOL_MAX_SEGMENTS);
	uint32		wanted = 4 * (from / into);
	int			overlaps = 0;
	EsRef		first = PG_UINT32_MAX;
	EsRef		ref;

	open_index(8);
	for (int i = 0; i < 4; i++)
	{
		refs[i] = es_arena_alloc(pool, &arena, from);
		first = Min(first, refs[i]);
	}
	while (es_arena_alloc(pool, &arena, ES_SEGMENT_SIZE) != 0)
		;
	while (es_arena_alloc(pool, &arena, ES_REF_UNIT) != 0)
		;
	for (int i = 0; i < 4; i++)
		es_arena_give(pool, &arena, refs[i], from);
	while (arena.piece_bytes > 0 && (ref = es_arena_alloc(pool, &arena, into)) != 0)
	{
		memset(es_ref_pointer(pool, ref), 0xFF, into);
		for (uint32 i = 0; i < into / ES_REF_UNIT; i++)
			overlaps += map[ref - first + i]++;
		count++;
	}
	is_int(overlaps, 0, "pieces of %u bytes are cut into some of %u, which lie apart", from, into);
	is_int(count, wanted, "as many as there can be");
	is_int(arena.piece_bytes, 4 * (uint64) from - count * (uint64) into, "the rest is accounted for");
	es_arena_reset(pool, &arena);
	free(map);
	close_index();
}

/* Cache lines come back as such; in need, others serve for them, and they for others. */
static void
test_lines(void)
{
	EsArena		arena = {0};
	EsRef		line;
	EsRef		piece;
	EsRef		between;

	open_index(8);
	line = es_arena_alloc_lines(pool, &arena, ES_CACHE_LINE);
	between = es_arena_alloc(pool, &arena, ES_REF_UNIT);
	piece = es_arena_alloc(pool, &arena, ES_CACHE_LINE);
	ok(line * (size_t) ES_REF_UNIT % ES_CACHE_LINE == 0 && piece * (size_t) ES_REF_UNIT % ES_CACHE_LINE != 0 && between != 0,
	   "a line, and as much that is none");
	es_arena_give(pool, &arena, line, ES_CACHE_LINE);
	es_arena_give(pool, &arena, piece, ES_CACHE_LINE);
	is_int(es_arena_alloc_lines(pool, &arena, ES_CACHE_LINE), line, "a line is a line again");
	ok(es_arena_alloc_lines(pool, &arena, ES_CACHE_LINE) % (ES_CACHE_LINE / ES_REF_UNIT) == 0, "another is a new one");
	is_int(es_arena_alloc(pool, &arena, ES_CACHE_LINE), piece, "what is none serves for others");
	while (es_arena_alloc(pool, &arena, ES_SEGMENT_SIZE) != 0)
		;
	while (es_arena_alloc(pool, &arena, ES_REF_UNIT) != 0)
		;
	es_arena_give(pool, &arena, piece, ES_CACHE_LINE);
	is_int(es_arena_alloc_lines(pool, &arena, ES_CACHE_LINE), piece, "when there is nothing else, for a line, too");
	es_arena_give(pool, &arena, line, ES_CACHE_LINE);
	is_int(es_arena_alloc(pool, &arena, ES_CACHE_LINE), line, "and a line for others");
	es_arena_give(pool, &arena, line, ES_CACHE_LINE);
	is_int(es_arena_alloc(pool, &arena, ES_CACHE_LINE + 1), 0, "but not for what is larger");
	is_int(es_arena_alloc(pool, &arena, ES_REF_UNIT), line, "for what is smaller it is cut");
	is_int(arena.piece_bytes, 48, "with the rest given back");
	es_arena_reset(pool, &arena);
	close_index();
}

#define RANDOM_PIECES 3000

/* Pieces come and go in a pool that is full all the time. */
static void
test_random_pieces(void)
{
	static EsRef refs[RANDOM_PIECES];
	static uint32 sizes[RANDOM_PIECES];
	EsArena		arena = {0};
	Random		random = {5};
	uint64		in_use = 0;
	int			wrong = 0;
	int			full = 0;

	open_index(20);
	memset(refs, 0, sizeof(refs));
	for (int round = 0; round < 100000; round++)
	{
		uint32		i = random_below(&random, RANDOM_PIECES);
		uint8	   *bytes = es_ref_pointer(pool, refs[i]);

		if (refs[i] != 0)
		{
			wrong += bytes[0] != (i & 0xFF) || bytes[sizes[i] - 1] != (i & 0xFF) || bytes[sizes[i] / 2] != (i & 0xFF);
			es_arena_give(pool, &arena, refs[i], sizes[i]);
			in_use -= TYPEALIGN(ES_REF_UNIT, sizes[i]);
			refs[i] = 0;
			continue;
		}
		sizes[i] = random_chance(&random, 30) ? ES_CACHE_LINE :
			1 + random_below(&random, random_chance(&random, 3) ? 20000 : 600);
		refs[i] = sizes[i] == ES_CACHE_LINE ? es_arena_alloc_lines(pool, &arena, sizes[i]) :
			es_arena_alloc(pool, &arena, sizes[i]);
		full += refs[i] == 0;
		if (refs[i] == 0)
			continue;
		memset(es_ref_pointer(pool, refs[i]), i & 0xFF, sizes[i]);
		in_use += TYPEALIGN(ES_REF_UNIT, sizes[i]);
	}
	is_int(wrong, 0, "pieces that come and go lie apart");
	ok(full > 0, "also when memory is full, as %d times", full);
	ok(in_use + arena.piece_bytes <= (uint64) arena.segment_count * ES_SEGMENT_SIZE &&
	   in_use + arena.piece_bytes >= (uint64) arena.segment_count * (ES_SEGMENT_SIZE - 21000), "and are all accounted for");
	es_arena_reset(pool, &arena);
	close_index();
}

/* ----------------------------------------------------------------------- memory */

/* Adds entities with names of about this length, as many as there is memory for. */
static uint32
fill(uint32 first, uint32 size, uint32 events)
{
	Names		name;
	uint32		count = 0;

	for (;; count++)
	{
		uint32		number = first + count;
		EsEntity   *entity = add(name_of(&name, number, size + number % 3, spread_hash(number)));

		if (entity == NULL)
			return count;
		claim(&name, 1);
		es_entity_resolve(entity, 0);
		if (!append(entity, events))
		{
			release(&name, 1, false);
			return count;
		}
		release(&name, 1, true);
		note_all(&name);
	}
}

/* Joins pieces that lie side by side, as is done when memory is wanted. */
static bool
join_pieces(EsArena *arena)
{
	uint64	   *bitmaps = calloc(es_pool_segment_count(pool) * ES_SEGMENT_WORDS, sizeof(uint64));
	bool		any = es_arena_join_pieces(pool, arena, bitmaps);

	free(bitmaps);
	return any;
}

/* How many there is memory for in a pool that is new. */
static uint32
fill_new(uint32 size, uint32 events)
{
	uint32		count;

	open_index(16);
	entities.partial = 1;
	count = fill(0, size, events);
	close_index();
	return count;
}

/* Memory that was full of entities that are gone holds as many of others, in any order of lengths. */
static void
test_filled_again(const char *title, const uint32 *sizes, uint32 size_count, uint32 events, uint32 rounds)
{
	uint32		least = 100;	/* percent of what fits into a new pool */
	uint32		wanted[8];
	uint32		first = 0;
	uint32		worst = 0;

	for (uint32 i = 0; i < size_count; i++)
		wanted[i] = fill_new(sizes[i], events);
	open_index(16);
	entities.partial = 1;
	for (uint32 round = 0; round < rounds; round++)
	{
		uint32		i = round % size_count;
		uint32		count = fill(first, sizes[i], events);

		first += count + 1;
		if (count * UINT64CONST(100) / wanted[i] < least)
		{
			least = count * UINT64CONST(100) / wanted[i];
			worst = round;
		}
		evict_all();
		join_pieces(&entities.arena);
		if (entities.counts.entity_bytes != empty_bytes || entities.counts.posting_bytes != 0)
			break;
	}
	is_empty(title);
	ok(least >= 80, "%s: %u rounds, of at least %u %% of what fits into a new pool (round %u)", title, rounds, least, worst);
	close_index();
}

/* Entities of all lengths come and go, in a pool that is full; none fails as long as others can go. */
static void
test_churn(uint32 additions)
{
	Random		random = {77};
	Names		name;
	uint32		evictions = 0;
	int			failures = 0;
	uint32		first_failure = 0;

	open_index(16);
	entities.partial = 1;
	for (uint32 i = 0; i < additions; i++)
	{
		uint32		size = 10 + random_below(&random, random_chance(&random, 10) ? ES_MAX_ENTITY_ID - 9 : 40);
		uint32		events = random_chance(&random, 5) ? random_below(&random, 100) : 1 + random_below(&random, 3);

		name_of(&name, i, size, spread_hash(i));
		for (int attempt = 0;; attempt++)
		{
			EsEntity   *entity = add(&name);

			if (entity != NULL)
			{
				claim(&name, 1);
				if (!es_entity_is_resolved(entity))
					es_entity_resolve(entity, 0);
				if (append(entity, events))
				{
					release(&name, 1, true);
					note_all(&name);
					break;
				}
				release(&name, 1, false);
			}
			if (attempt == 1)
			{
				if (failures++ == 0)
					first_failure = i;
				break;
			}
			evict_all();
			evictions++;
		}
	}
	is_int(failures, 0, "%u entities of all lengths come and go, with %u evictions (first failure: %u)", additions, evictions, first_failure);
	evict_all();
	is_empty("churn");
	close_index();
}

static void
test_memory(void)
{
	static const uint32 one[] = {20};
	static const uint32 growing[] = {12, 30, 60, 120, 240, 480};
	static const uint32 shrinking[] = {480, 240, 120, 60, 30, 12};
	static const uint32 two[] = {12, 500};

	test_filled_again("equal lengths", one, lengthof(one), 1, 10);
	test_filled_again("equal lengths and many events", one, lengthof(one), 100, 10);
	test_filled_again("lengths that shrink", shrinking, lengthof(shrinking), 1, 6);
	test_filled_again("lengths that grow", growing, lengthof(growing), 1, 12);
	test_filled_again("short and long ones", two, lengthof(two), 3, 20);
	test_churn(100000);
}

int
main(void)
{
	test_goes();
	test_stays();
	test_never_committed();
	test_chains();
	test_tenants();
	test_nodes("spread hashes", spread_hash, 50000);
	test_nodes("one hash", one_hash, 500);
	test_nodes("hashes equal but for their end", last_bits_hash, 3000);
	test_nodes("hashes equal but for their beginning", first_bits_hash, 20000);
	test_nodes("every hash four times", shared_hash, 20000);
	test_again();
	test_found_meanwhile();
	test_broken_off();
	test_reset();
	test_still();
	test_claims();
	test_end_of_eviction();
	test_walk("spread hashes", spread_hash, 100);
	test_walk("every hash four times", shared_hash, 31);
	test_walk("hashes equal but for their end", last_bits_hash, 100);
	test_walk_in_chain();
	test_unresolved();
	for (uint32 room = 0; room < 7; room++)
		test_shed_to_full_limbo(room);
	for (uint32 room = 0; room < 12; room++)
		test_evict_to_full_limbo(room);
	test_many_chunks();
	test_sizes();
	test_cutting(ES_SEGMENT_SIZE, 80);
	test_cutting(ES_SEGMENT_SIZE, 32768);
	test_cutting(32768, 64);
	test_cutting(2000, 1040);
	test_cutting(1040, 1040);
	test_cutting(16400, 16400);
	test_cutting(32, 16);
	test_lines();
	test_random_pieces();
	test_memory();
	return tap_done();
}
