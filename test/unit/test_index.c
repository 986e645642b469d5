/*-------------------------------------------------------------------------
 *
 * test_index.c
 *	  The entity index by one thread: memory, trie, postings, and every state
 *	  that the protocol of entity.c can be left in.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "index/map.h"
#include "tap.h"

/* An index in a pool of its own. */
typedef struct Store
{
	EsPool	   *pool;
	EsIndex		index;
} Store;

static void
open_store(Store *store, size_t index_memory)
{
	void	   *memory;

	if (posix_memalign(&memory, ES_CACHE_LINE, es_pool_bytes(index_memory)) != 0)
		abort();
	memset(memory, 0xA5, es_pool_bytes(index_memory));
	store->pool = memory;
	es_pool_init(store->pool, index_memory);
	if (!es_index_init(store->pool, &store->index))
		abort();
}

static void
close_store(Store *store)
{
	free(store->pool);
}

/* The names of a numbered entity; they stay until the next call. */
static EsKey
numbered_key(uint32 number, uint64 hash)
{
	static char entity_id[32];
	static char tenant_id[32];
	bool		has_tenant = number % 3 == 1;

	snprintf(entity_id, sizeof(entity_id), "entity-%u", number / 3 * 3);
	snprintf(tenant_id, sizeof(tenant_id), "tenant-%u", number % 3);
	if (number % 3 == 2)
		snprintf(entity_id, sizeof(entity_id), "entity-%u", number);
	return (EsKey)
	{
		.entity_id = text_slice(entity_id),
			.tenant_id = has_tenant ? text_slice(tenant_id) : es_slice(NULL, 0),
			.hash = hash
	};
}

static EsEntity *
add(Store *store, const EsKey *key)
{
	return es_index_find_or_add(store->pool, &store->index, key);
}

static EsEntity *
find(Store *store, const EsKey *key)
{
	return es_index_find(store->pool, &store->index, key);
}

static bool
is_entity(const EsEntity *entity, const EsKey *key)
{
	return entity != NULL && entity->hash == key->hash &&
		es_slice_equal(es_entity_id(entity), key->entity_id) &&
		es_slice_equal(es_entity_tenant_id(entity), key->tenant_id);
}

/* What a walk meets; -1 if it is not in the order of hashes, or not what the keys say. */
static int
count_walk(Store *store, bool tenants)
{
	EsIndexWalk walk;
	EsKey		key;
	EsEntityRef found;
	uint64		hash = 0;
	int			count = 0;

	if (tenants)
		es_index_walk_tenants(&walk, store->pool, &store->index);
	else
		es_index_walk(&walk, store->pool, &store->index);
	while (es_index_walk_next(&walk, &key, &found))
	{
		if (!is_entity(found.entity, &key) || key.hash < hash ||
			es_index_again(store->pool, &store->index, &key, &found) != find(store, &key))
			return -1;
		hash = key.hash;
		count++;
	}
	return es_index_walk_next(&walk, &key, &found) ? -1 : count;
}

/* ----------------------------------------------------------------------- pool */

static void
test_pool(void)
{
	Store		store;
	EsArena		arena = {0};
	EsArena		other = {0};
	uint32		all;
	uint32		taken = 0;

	open_store(&store, 10 * ES_SEGMENT_SIZE + 17);
	all = es_pool_segment_count(store.pool);
	is_int(all, 10, "memory is whole segments");
	is_int(es_pool_free_count(store.pool), 9, "one of them has the root");
	while (es_arena_alloc(store.pool, taken % 2 ? &arena : &other, ES_SEGMENT_SIZE) != 0)
		taken++;
	is_int(taken, 9, "all others can be taken");
	is_int(es_pool_free_count(store.pool), 0, "then none is free");
	is_int(es_arena_alloc(store.pool, &arena, 16), 0, "and nothing more to be had");
	is_int(arena.segment_count + other.segment_count, 9, "the arenas know what they have");
	es_arena_reset(store.pool, &arena);
	es_arena_reset(store.pool, &other);
	is_int(es_pool_free_count(store.pool), 9, "what they give back is free");
	ok(arena.bump == 0 && arena.segments == 0 && arena.segment_count == 0, "and they are as new");
	close_store(&store);
}

/* Pieces of many sizes lie apart, inside segments, and aligned. */
static void
test_alloc(void)
{
	Store		store;
	EsArena		arena = {0};
	Random		random = {10};
	EsRef		refs[1000];
	uint32		sizes[1000];
	int			count = 0;
	int			failures = 0;

	open_store(&store, 64 * ES_SEGMENT_SIZE);
	for (; count < 1000; count++)
	{
		sizes[count] = 1 + random_below(&random, random_chance(&random, 5) ? 5000 : 200);
		refs[count] = sizes[count] % ES_CACHE_LINE == 0 ? es_arena_alloc_lines(store.pool, &arena, sizes[count]) :
			es_arena_alloc(store.pool, &arena, sizes[count]);
		if (refs[count] == 0)
			break;
		memset(es_ref_pointer(store.pool, refs[count]), count & 0xFF, sizes[count]);
		failures += sizes[count] % ES_CACHE_LINE == 0 &&
			(uintptr_t) es_ref_pointer(store.pool, refs[count]) % ES_CACHE_LINE != 0;
		failures += es_pointer_ref(store.pool, es_ref_pointer(store.pool, refs[count])) != refs[count];
	}
	for (int i = 0; i < count; i++)
	{
		uint8	   *bytes = es_ref_pointer(store.pool, refs[i]);

		for (uint32 j = 0; j < sizes[i]; j++)
			failures += bytes[j] != (i & 0xFF);
	}
	ok(count == 1000 && failures == 0, "1000 pieces lie apart and whole cache lines on one");
	close_store(&store);
}

/* ----------------------------------------------------------------------- trie */

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

static void
test_trie(const char *name, HashFunction hash, uint32 count)
{
	Store		store;
	EsEntity  **entities = malloc(count * sizeof(EsEntity *));
	int			failures = 0;

	open_store(&store, 1024 * ES_SEGMENT_SIZE);
	for (uint32 i = 0; i < count; i++)
	{
		EsKey		key = numbered_key(i, hash(i));

		failures += find(&store, &key) != NULL;
		entities[i] = add(&store, &key);
		failures += !is_entity(entities[i], &key);
	}
	is_int(failures, 0, "%s: %u new entities are added", name, count);
	for (uint32 i = 0; i < count; i++)
	{
		EsKey		key = numbered_key(i, hash(i));

		es_index_prefetch(store.pool, &store.index, &key.hash, i % 2);
		failures += find(&store, &key) != entities[i] || add(&store, &key) != entities[i];
	}
	is_int(failures, 0, "%s: and found again", name);
	is_int(count_walk(&store, false), count, "%s: and walked over once each, in the order of hashes", name);
	free(entities);
	close_store(&store);
}

/* The same names in another order of parts are another entity. */
static void
test_keys(void)
{
	Store		store;
	EsKey		a = {.tenant_id = text_slice("ab"),.entity_id = text_slice("c"),.hash = 1};
	EsKey		b = {.tenant_id = text_slice("a"),.entity_id = text_slice("bc"),.hash = 1};
	EsKey		c = {.tenant_id = text_slice(""),.entity_id = text_slice("abc"),.hash = 1};

	open_store(&store, 16 * ES_SEGMENT_SIZE);
	ok(add(&store, &a) != add(&store, &b) && add(&store, &b) != add(&store, &c) &&
	   add(&store, &a) == find(&store, &a), "tenant and entity are told apart");
	close_store(&store);
}

/* Two hashes that differ in one bit, for each bit. */
static void
test_single_bits(void)
{
	int			failures = 0;

	for (int bit = 0; bit < 64; bit++)
	{
		Store		store;
		EsKey		a = numbered_key(0, UINT64CONST(0x5555AAAA5555AAAA));
		EsKey		b = a;

		b.hash ^= UINT64CONST(1) << bit;
		open_store(&store, 16 * ES_SEGMENT_SIZE);
		failures += add(&store, &a) == add(&store, &b);
		failures += !is_entity(find(&store, &a), &a) || !is_entity(find(&store, &b), &b);
		close_store(&store);
	}
	is_int(failures, 0, "hashes that differ in any one bit");
}

/* Tenants, many with one hash, are told apart and from entities. */
static void
test_tenants(void)
{
	Store		store;
	int			failures = 0;

	open_store(&store, 64 * ES_SEGMENT_SIZE);
	for (uint32 i = 0; i < 5000; i++)
	{
		char		name[32];
		EsKey		tenant = {.hash = shared_hash(i)};
		EsKey		entity = {.entity_id = text_slice("entity"),.hash = shared_hash(i)};
		EsEntity   *added;

		tenant.tenant_id = entity.tenant_id = es_slice(name, snprintf(name, sizeof(name), "tenant-%u", i));
		failures += find(&store, &tenant) != NULL;
		added = add(&store, &tenant);
		failures += add(&store, &tenant) != added || !is_entity(added, &tenant);
		failures += find(&store, &entity) != NULL || add(&store, &entity) == added;
	}
	is_int(failures, 0, "tenants are added once each");
	is_int(count_walk(&store, true), 5000, "and all listed");
	is_int(count_walk(&store, false), 5000, "apart from entities");
	close_store(&store);
}

static void
test_full_memory(void)
{
	Store		store;
	uint32		count = 0;
	int			failures = 0;
	uint64		bytes;
	EsKey		key;

	open_store(&store, 8 * ES_SEGMENT_SIZE);
	for (;; count++)
	{
		key = numbered_key(count, spread_hash(count));
		if (add(&store, &key) == NULL)
			break;
	}
	bytes = store.index.counts.entity_bytes;
	ok(count > 1000 && find(&store, &key) == NULL, "memory is full after %u entities", count);
	ok(bytes > 7 * ES_SEGMENT_SIZE && bytes <= 8 * ES_SEGMENT_SIZE, "and accounted for: " UINT64_FORMAT " bytes", bytes);
	for (uint32 i = 0; i < count; i++)
	{
		key = numbered_key(i, spread_hash(i));
		failures += !is_entity(add(&store, &key), &key);
	}
	is_int(failures, 0, "those that are in it are still found");
	es_index_reset(store.pool, &store.index);
	is_int(es_pool_free_count(store.pool), 8, "a reset gives all memory back");
	key = numbered_key(0, spread_hash(0));
	ok(es_index_init(store.pool, &store.index) && find(&store, &key) == NULL && add(&store, &key) != NULL,
	   "and the index starts anew");
	close_store(&store);
}

static void
test_no_memory(void)
{
	void	   *pool;
	EsIndex		index;

	if (posix_memalign(&pool, ES_CACHE_LINE, ES_SEGMENT_SIZE) != 0)
		abort();
	es_pool_init(pool, ES_SEGMENT_SIZE - 1);
	is_int(es_pool_segment_count(pool), 0, "too little for a segment");
	ok(!es_index_init(pool, &index), "is too little for an index");
	free(pool);
}

/* ------------------------------------------------------------------- postings */

static bool
reserve(Store *store, EsEntity *entity, uint32 total)
{
	return es_postings_reserve(store->pool, &store->index.arena, &store->index.counts, entity, total);
}

static void
test_posting_fields(void)
{
	EsPosting	posting = es_posting(PG_UINT32_MAX, 0x7FF, ES_POSTING_MAX_ORDINAL);

	ok(es_posting_heap_block(posting) == PG_UINT32_MAX && es_posting_heap_offset(posting) == 0x7FF &&
	   es_posting_ordinal(posting) == ES_POSTING_MAX_ORDINAL, "the greatest posting");
	posting = es_posting(7, 1, 3);
	ok(es_posting_heap_block(posting) == 7 && es_posting_heap_offset(posting) == 1 &&
	   es_posting_ordinal(posting) == 3 && posting != 0, "a small one");
	ok(es_posting(0, 1, 0) != 0, "the first is not 0");
}

/* Versions are added 'step' at a time up to 'total'. */
static void
test_postings(uint32 step, uint32 total)
{
	Store		store;
	EsKey		key = numbered_key(1, 1);
	EsEntity   *entity;
	int			failures = 0;
	uint64		bytes;

	open_store(&store, 256 * ES_SEGMENT_SIZE);
	entity = add(&store, &key);
	for (uint32 version = 0; version < total;)
	{
		uint32		next = Min(version + step, total);

		failures += !reserve(&store, entity, next);
		while (version++ < next)
			es_posting_set(store.pool, entity, version, version * INT64CONST(77));
		version = next;
	}
	for (uint32 version = 1; version <= total; version++)
		failures += es_posting_get(store.pool, entity, version) != version * UINT64CONST(77);
	failures += es_posting_get(store.pool, entity, 0) != 0;
	failures += es_posting_get(store.pool, entity, total * 3 + 10000) != 0;
	bytes = store.index.counts.posting_bytes;
	is_int(failures, 0, "%u postings, %u at a time", total, step);
	ok(bytes <= 40 * (uint64) total, "take " UINT64_FORMAT " bytes", bytes);
	ok(bytes <= (uint64) store.index.arena.segment_count * ES_SEGMENT_SIZE, "which were allocated");
	close_store(&store);
}

static void
test_postings_full(void)
{
	Store		store;
	EsKey		key = numbered_key(1, 1);
	EsEntity   *entity;
	uint32		total = 1;

	open_store(&store, 4 * ES_SEGMENT_SIZE);
	entity = add(&store, &key);
	while (reserve(&store, entity, total))
	{
		es_posting_set(store.pool, entity, total, total);
		total++;
	}
	ok(total > 8000, "memory is full after %u postings", total - 1);
	ok(es_posting_get(store.pool, entity, total - 1) == total - 1 && es_posting_get(store.pool, entity, total) == 0 &&
	   es_posting_get(store.pool, entity, 1) == 1, "those that are there stay");
	ok(!reserve(&store, entity, PG_UINT32_MAX), "the greatest version is refused in peace");
	close_store(&store);
}

/* A run of postings is written in place if it lies in one chunk. */
static void
test_posting_slots(void)
{
	Store		store;
	EsKey		key = numbered_key(1, 1);
	EsEntity   *entity;
	uint32		in_place = 0;
	uint32		count;
	int			failures = 0;

	open_store(&store, 16 * ES_SEGMENT_SIZE);
	entity = add(&store, &key);
	ok(es_posting_slots(store.pool, entity, 1, &count) == NULL, "no postings, no slots");
	for (uint32 version = 1; version <= 1000; version += 5)
	{
		EsPosting  *slots;

		reserve(&store, entity, version + 4);
		slots = es_posting_slots(store.pool, entity, version, &count);
		in_place += count >= 5;
		for (uint32 i = 0; i < 5; i++)
		{
			if (i < count)
				es_posting_store(&slots[i], version + i);
			else
				es_posting_set(store.pool, entity, version + i, version + i);
		}
	}
	for (uint32 version = 1; version <= 1000; version++)
		failures += es_posting_get(store.pool, entity, version) != version;
	ok(failures == 0 && in_place > 150, "runs of postings, %u of 200 in place", in_place);
	ok(es_posting_slots(store.pool, entity, 1, &count) != NULL && count == 2,
	   "slots end with their chunk");
	ok(es_posting_slots(store.pool, entity, 5000, &count) == NULL, "and are never beyond the last");
	close_store(&store);
}

/* What an index of this many entities of this many events takes, its root aside. */
static void
test_footprint(uint32 entities, uint32 events)
{
	Store		store;
	uint64		root;
	double		per_entity;
	double		per_event;
	double		allocated;

	open_store(&store, 2048 * ES_SEGMENT_SIZE);
	root = store.index.counts.entity_bytes;
	for (uint32 i = 0; i < entities; i++)
	{
		char		name[32];
		EsKey		key = {.entity_id = es_slice(name, snprintf(name, sizeof(name), "customer-%012u", i)),
		.tenant_id = text_slice("acme"),.hash = spread_hash(i)};
		EsEntity   *entity = add(&store, &key);

		for (uint32 version = 1; version <= events; version++)
			reserve(&store, entity, version);
	}
	per_entity = (double) (store.index.counts.entity_bytes - root) / entities;
	per_event = (double) store.index.counts.posting_bytes / entities / events;
	ok(per_entity <= 160, "%u entities: %.1f bytes each", entities, per_entity);
	ok(per_event <= 40, "of %u events: %.1f bytes an event", events, per_event);
	allocated = (double) store.index.arena.segment_count * ES_SEGMENT_SIZE / entities;
	ok(allocated <= 1.2 * (per_entity + per_event * events) + 2.0 * ES_SEGMENT_SIZE / entities, "hardly more was allocated: %.1f bytes an entity", allocated);
	close_store(&store);
}

/* ------------------------------------------------------------------- protocol */

/* How each transaction ended, by its xid. */
static EsFate fates[16];

static EsFate
fate_of(void *arg, uint64 xid)
{
	if (arg != NULL)
		++* (int *) arg;
	return fates[xid];
}

static void
open_entity(Store *store, EsEntity **entity)
{
	EsKey		key = numbered_key(1, 1);

	open_store(store, 16 * ES_SEGMENT_SIZE);
	*entity = add(store, &key);
	memset(fates, 0, sizeof(fates));
}

/* Claims it as who found it before; *asked goes up for each question for a fate. */
static EsClaim
claim_asking(Store *store, EsEntity *entity, uint64 xid, uint64 *owner, int *asked)
{
	EsKey		key = {es_entity_tenant_id(entity), es_entity_id(entity), entity->hash};
	EsEntityRef found = {entity, es_index_evictions(&store->index)};

	return es_index_claim(store->pool, &store->index, &key, &found, xid, fate_of, asked, owner);
}

static EsClaim
claim(Store *store, EsEntity *entity, uint64 xid, uint64 *owner)
{
	return claim_asking(store, entity, xid, owner, NULL);
}

/* Appends as an owner does: postings first, then the total. */
static void
append(Store *store, EsEntity *entity, uint64 xid, uint32 count)
{
	uint32		total = es_entity_total(entity);

	reserve(store, entity, total + count);
	for (uint32 version = total + 1; version <= total + count; version++)
		es_posting_set(store->pool, entity, version, xid * 1000 + version);
	es_entity_set_total(entity, total + count);
}

static void
test_claim(void)
{
	Store		store;
	EsEntity   *entity;
	uint64		owner;
	int			asked = 0;

	open_entity(&store, &entity);
	is_int(claim(&store, entity, 1, &owner), ES_CLAIM_NEW, "a free entity is claimed");
	is_int(claim(&store, entity, 1, &owner), ES_CLAIM_HELD, "and then held");
	ok(claim(&store, entity, 2, &owner) == ES_CLAIM_WAIT && owner == 1, "others wait for its owner");
	fates[1] = ES_FATE_OWN;
	ok(claim(&store, entity, 2, &owner) == ES_CLAIM_HELD && entity->owner == 1, "unless it is a part of themselves");
	fates[1] = ES_FATE_RUNNING;
	append(&store, entity, 1, 3);
	ok(es_entity_committed(entity) == 0 && es_entity_known(entity) == 3, "what it appends is known, not committed");
	fates[1] = ES_FATE_COMMITTED;
	es_entity_release(entity, 1, true, &store.index.counts);
	ok(es_entity_committed(entity) == 3 && entity->owner == 0, "commit");
	ok(store.index.counts.events == 3 && store.index.counts.entities == 1, "counts");
	claim_asking(&store, entity, 2, &owner, &asked);
	ok(asked == 0 && entity->owner == 2 && es_entity_total(entity) == 3, "after a release nobody asks for fates");
	append(&store, entity, 2, 2);
	es_entity_release(entity, 2, false, &store.index.counts);
	ok(es_entity_committed(entity) == 3 && entity->owner == 0, "abort");
	ok(claim(&store, entity, 3, &owner) == ES_CLAIM_NEW && es_entity_total(entity) == 3, "the next begins at what is committed");
	ok(store.index.counts.events == 3 && store.index.counts.entities == 1, "counts stay");
	close_store(&store);
}

/* One step of a claim, by who knows or does not know how an owner ended. */
static void
test_try_claim(void)
{
	static const EsEnded nobody = {0, ES_FATE_RUNNING};
	EsEnded		ended = {1, ES_FATE_COMMITTED};
	Store		store;
	EsEntity   *entity;
	EsCounts   *counts = &store.index.counts;
	uint64		owner;

	open_entity(&store, &entity);
	is_int(es_entity_try_claim(entity, 1, nobody, counts, &owner), ES_CLAIM_NEW, "a step is enough for a free entity");
	is_int(es_entity_try_claim(entity, 1, nobody, counts, &owner), ES_CLAIM_HELD, "and for one that is owned");
	append(&store, entity, 1, 2);
	ok(es_entity_try_claim(entity, 2, nobody, counts, &owner) == ES_CLAIM_ASK && owner == 1,
	   "of another's it is asked who that is");
	ended.xid = 3;
	ok(es_entity_try_claim(entity, 2, ended, counts, &owner) == ES_CLAIM_ASK && owner == 1 &&
	   es_entity_committed(entity) == 0, "also by who knows how somebody else ended");
	ended.xid = 1;
	ok(es_entity_try_claim(entity, 2, ended, counts, &owner) == ES_CLAIM_NEW && es_entity_committed(entity) == 2 &&
	   es_entity_total(entity) == 2 && es_entity_owner(entity) == 2, "who knows how he ended settles it");
	ok(es_entity_try_claim(entity, 3, ended, counts, &owner) == ES_CLAIM_ASK && owner == 2,
	   "which says nothing of the next owner");
	close_store(&store);
}

/* An owner that ended without release: prepared, or its process was slow. */
static void
test_settle(EsFate fate)
{
	Store		store;
	EsEntity   *entity;
	uint64		owner;
	uint32		wanted = fate == ES_FATE_COMMITTED ? 2 : 0;

	open_entity(&store, &entity);
	claim(&store, entity, 1, &owner);
	append(&store, entity, 1, 2);
	fates[1] = fate;
	is_int(claim(&store, entity, 2, &owner), ES_CLAIM_NEW, "the owner has ended (%d): claimed", fate);
	ok(es_entity_committed(entity) == wanted && es_entity_total(entity) == wanted &&
	   store.index.counts.events == wanted, "and settled to %u", wanted);
	append(&store, entity, 2, 1);
	es_entity_release(entity, 1, fate == ES_FATE_COMMITTED, &store.index.counts);
	ok(entity->owner == 2 && es_entity_committed(entity) == wanted && es_entity_total(entity) == wanted + 1,
	   "the release that comes late changes nothing");
	fates[2] = ES_FATE_COMMITTED;
	es_entity_release(entity, 2, true, &store.index.counts);
	es_entity_release(entity, 2, true, &store.index.counts);
	ok(es_entity_committed(entity) == wanted + 1 && store.index.counts.events == wanted + 1 &&
	   store.index.counts.entities == 1, "a release counts once");
	close_store(&store);
}

/* A savepoint is rolled back: in it claimed, or before it. */
static void
test_savepoint(void)
{
	Store		store;
	EsEntity   *entity;
	uint64		owner;

	open_entity(&store, &entity);
	claim(&store, entity, 1, &owner);
	append(&store, entity, 1, 2);
	append(&store, entity, 1, 3);	/* in the savepoint */
	es_entity_set_total(entity, 2);
	append(&store, entity, 1, 1);
	is_int(es_entity_total(entity), 3, "after a rollback to a savepoint versions go on from there");
	es_entity_set_total(entity, 0);
	es_entity_release(entity, 1, false, &store.index.counts);
	is_int(claim(&store, entity, 2, &owner), ES_CLAIM_NEW, "what was claimed in it is free for others");
	es_entity_release(entity, 2, false, &store.index.counts);
	is_int(claim(&store, entity, 1, &owner), ES_CLAIM_NEW, "and for the same transaction");
	append(&store, entity, 1, 1);
	es_entity_release(entity, 1, true, &store.index.counts);
	ok(es_entity_committed(entity) == 1 && store.index.counts.events == 1, "of which the last word counts");
	close_store(&store);
}

/* ------------------------------------------------------ prefixes of the writes */

/* Where a process can stop: after the writes up to this one. */
typedef enum StoppedAfter
{
	STOPPED_CLAIM_NOTHING,
	STOPPED_CLAIM_RAISED,		/* committed raised, the owner as before */
	STOPPED_CLAIM_OWNED,		/* owner swapped, total as before */
	STOPPED_CLAIM_DONE,
	STOPPED_APPEND_RESERVED,
	STOPPED_APPEND_POSTED,		/* postings set, total as before */
	STOPPED_APPEND_DONE
} StoppedAfter;

/*
 * Transaction 2 takes over from 1, which had committed versions 1 and 2, and
 * stops on the way.  The steps are those of es_entity_try_claim() and append().
 */
static void
stop_after(Store *store, EsEntity *entity, StoppedAfter stop)
{
	if (stop >= STOPPED_CLAIM_RAISED)
	{
		entity->committed = 2;
		store->index.counts.events += 2;
		store->index.counts.entities++;
	}
	if (stop >= STOPPED_CLAIM_OWNED)
		entity->owner = 2;
	if (stop >= STOPPED_CLAIM_DONE)
		es_entity_set_total(entity, 2);
	if (stop >= STOPPED_APPEND_RESERVED)
		reserve(store, entity, 5);
	if (stop >= STOPPED_APPEND_POSTED)
	{
		for (uint32 version = 3; version <= 5; version++)
			es_posting_set(store->pool, entity, version, 2000 + version);
	}
	if (stop >= STOPPED_APPEND_DONE)
		es_entity_set_total(entity, 5);
}

/* Transaction 2 aborts wherever it stopped; 3 goes on. */
static void
test_stopped(StoppedAfter stop)
{
	Store		store;
	EsEntity   *entity;
	uint64		owner;
	EsClaim		while_running;

	open_entity(&store, &entity);
	claim(&store, entity, 1, &owner);
	append(&store, entity, 1, 2);
	fates[1] = ES_FATE_COMMITTED;
	stop_after(&store, entity, stop);
	ok(es_entity_known(entity) >= 2 && es_posting_get(store.pool, entity, 1) == 1001 &&
	   es_posting_get(store.pool, entity, 2) == 1002, "stopped after step %d: readers find what is committed", stop);
	if (stop >= STOPPED_CLAIM_OWNED)
	{
		while_running = claim(&store, entity, 3, &owner);
		ok(while_running == ES_CLAIM_WAIT && owner == 2, "while it runs others wait");
		fates[2] = ES_FATE_ABORTED;
	}
	is_int(claim(&store, entity, 3, &owner), ES_CLAIM_NEW, "then another claims");
	ok(es_entity_committed(entity) == 2 && es_entity_total(entity) == 2, "and goes on after what is committed");
	append(&store, entity, 3, 1);
	es_entity_release(entity, 2, false, &store.index.counts);
	es_entity_release(entity, 1, true, &store.index.counts);
	es_entity_release(entity, 3, true, &store.index.counts);
	ok(es_entity_committed(entity) == 3 && es_posting_get(store.pool, entity, 3) == 3003 && entity->owner == 0 &&
	   store.index.counts.events == 3 && store.index.counts.entities == 1, "to the right versions and counts");
	close_store(&store);
}

/* A release that stops after raising committed. */
static void
test_stopped_release(void)
{
	Store		store;
	EsEntity   *entity;
	uint64		owner;

	open_entity(&store, &entity);
	claim(&store, entity, 1, &owner);
	append(&store, entity, 1, 2);
	fates[1] = ES_FATE_COMMITTED;
	entity->committed = 2;
	store.index.counts.events = 2;
	store.index.counts.entities = 1;
	ok(claim(&store, entity, 2, &owner) == ES_CLAIM_NEW && es_entity_committed(entity) == 2 &&
	   es_entity_total(entity) == 2 && store.index.counts.events == 2, "a release that stopped half way");
	close_store(&store);
}

/* ------------------------------------------------------------------ rebuilding */

/* Versions of one entity, entered in any order; those above 'committed' are 7's. */
static void
test_restore(void)
{
	static const uint32 orders[][5] = {{1, 2, 3, 4, 5}, {5, 4, 3, 2, 1}, {3, 5, 1, 4, 2}, {4, 1, 5, 2, 3}};

	for (size_t i = 0; i < lengthof(orders); i++)
	{
		Store		store;
		EsEntity   *entity;
		uint64		owner;

		open_entity(&store, &entity);
		for (int j = 0; j < 5; j++)
			es_entity_restore(entity, orders[i][j], orders[i][j] <= 3 ? 0 : 7, &store.index.counts);
		ok(es_entity_committed(entity) == 3 && es_entity_total(entity) == 5 && entity->owner == 7 &&
		   store.index.counts.events == 3 && store.index.counts.entities == 1, "restored in order %zu", i);
		ok(claim(&store, entity, 8, &owner) == ES_CLAIM_WAIT && owner == 7, "with its running owner");
		fates[7] = ES_FATE_COMMITTED;
		ok(claim(&store, entity, 8, &owner) == ES_CLAIM_NEW && es_entity_committed(entity) == 5, "who commits");
		close_store(&store);
	}
}

int
main(void)
{
	test_pool();
	test_alloc();
	test_trie("spread hashes", spread_hash, 100000);
	test_trie("one hash", one_hash, 1000);
	test_trie("hashes equal but for their end", last_bits_hash, 3000);
	test_trie("hashes equal but for their beginning", first_bits_hash, 50000);
	test_trie("every hash four times", shared_hash, 20000);
	test_keys();
	test_single_bits();
	test_tenants();
	test_full_memory();
	test_no_memory();
	test_posting_fields();
	test_postings(1, 100000);
	test_postings(1, 4);
	test_postings(7, 5000);
	test_postings(20000, 100000);
	test_postings_full();
	test_posting_slots();
	test_footprint(50000, 1);
	test_footprint(50000, 3);
	test_footprint(50000, 20);
	test_footprint(20, 50000);
	test_claim();
	test_try_claim();
	test_settle(ES_FATE_COMMITTED);
	test_settle(ES_FATE_ABORTED);
	test_savepoint();
	for (int stop = STOPPED_CLAIM_NOTHING; stop <= STOPPED_APPEND_DONE; stop++)
		test_stopped(stop);
	test_stopped_release();
	test_restore();
	return tap_done();
}
