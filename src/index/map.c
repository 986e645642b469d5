/*-------------------------------------------------------------------------
 *
 * map.c
 *	  Finds entities by key: a lock-free hash trie.
 *
 * A root of 2^13 slots is indexed by the first bits of the hash, nodes of 16
 * slots by the next four bits each.  A slot holds 0, a node, or an entity; a
 * node is one cache line.  It grows with what is in it, so that one pool can
 * serve databases of any size, and all of it goes back to the pool at once.
 *
 * A slot changes by compare-and-swap only.  Whoever adds changes 0 -> entity, or
 * entity -> node in which that entity stands; what hangs in it was complete before
 * (release).  So a reader that follows slots (acquire) finds every entity whose insertion
 * happened before its look-up, and two inserters of one key meet in the same slot: the
 * loser's compare-and-swap fails, and it finds the winner's entity there.  What the loser
 * had allocated is lost to the arena: a few dozen bytes a collision.
 *
 * Entities whose 64-bit hashes are equal hang on one another by 'next', which
 * is a slot like the others.
 *
 * Entities are taken out by one process at a time, who has the lock of compaction: of an
 * entity that nobody owns (entity.c) it changes next 0 -> FROZEN, so that none can come to
 * hang on it, and then the slot entity -> 0; an inserter may have put a node there
 * meanwhile, and then it does so in the node.  Of a node all of whose slots are 0 it changes
 * each 0 -> FROZEN, and then the slot above node -> 0, which nobody else changes; if one of
 * the slots is not 0, the others are set back.  Who meets FROZEN while adding begins anew;
 * for who looks for something it is 0.
 *
 * Whoever follows slots is in the index (guard.h), and what was taken out is given back when
 * all have left.  Whoever wants to use an entity later loads index->evictions before he looks
 * for it, and remembers it.  That is odd while entities are taken out, which begins and ends with waiting until all have
 * left: so who is in, and finds that it is even and the same as when the entity was found,
 * has the entity before him until he leaves.  Otherwise he finds it anew, or not at all.
 * An entity that is found and owned without leaving in between stays, whatever evictions says:
 * either the owner is first, or who takes it out.
 *
 * A second trie, whose root is a node, has the tenants: entries like entities,
 * but without an entity_id, which no entity lacks, and nothing in them but the
 * name ever changes or is asked for.  Who adds an entity enters its tenant
 * first, as that is one step and the other another; so whoever finds an entity
 * (acquire) finds its tenant too, and a process that stops between the two
 * leaves a tenant without entities, which does no harm.  The default tenant is
 * not entered: it is always there.
 *
 *-------------------------------------------------------------------------
 */
#include <sched.h>

#include "index/map.h"

#define ROOT_BITS	13
#define NODE_BITS	4
#define ROOT_SIZE	(sizeof(EsRef) << ROOT_BITS)
#define NODE_SIZE	(sizeof(EsRef) << NODE_BITS)

StaticAssertDecl(NODE_SIZE == ES_CACHE_LINE, "a node is one cache line");
StaticAssertDecl(ROOT_SIZE <= ES_SEGMENT_SIZE, "the root fits a segment");
StaticAssertDecl(ES_INDEX_PARTS == 1 << ROOT_BITS, "a part is what is in a slot of the root");

/* Marks a slot's value as a node's reference; a pool has at most 2^31 units. */
#define NODE_FLAG		0x80000000U
#define IS_NODE(value)	(((value) & NODE_FLAG) != 0)

/* A slot that is about to go: no reference. */
#define FROZEN			0x7FFFFFFFU
#define IS_ENTITY(value)	((value) != 0 && (value) != FROZEN && !IS_NODE(value))

static EsRef *
root_slot(const EsPool *pool, const EsIndex *index, uint64 hash)
{
	EsRef	   *root = es_ref_pointer(pool, index->root);

	return &root[hash >> (64 - ROOT_BITS)];
}

/* The slot for a hash in a node; 'used' bits of the hash led to the node. */
static EsRef *
node_slot(const EsPool *pool, EsRef node, uint64 hash, int used)
{
	EsRef	   *slots = es_ref_pointer(pool, node & ~NODE_FLAG);

	return &slots[(hash << used) >> (64 - NODE_BITS)];
}

/*
 * The slot with which the search for a key begins, and in *used how many bits
 * of the hash led to it.
 */
static EsRef *
first_slot(const EsPool *pool, const EsIndex *index, const EsKey *key, int *used)
{
	if (key->entity_id.size == 0)
	{
		*used = NODE_BITS;
		return node_slot(pool, index->tenants, key->hash, 0);
	}
	*used = ROOT_BITS;
	return root_slot(pool, index, key->hash);
}

static EsRef
make_root(EsPool *pool, EsIndex *index, size_t size)
{
	EsRef		root = es_arena_alloc_lines(pool, &index->arena, size);

	if (root == 0)
		return 0;
	memset(es_ref_pointer(pool, root), 0, size);
	index->counts.entity_bytes += size;
	return root;
}

/*
 * Gives the index empty roots, and a part of the pool that ids never get.
 * Returns false when memory is full.
 */
bool
es_index_init(EsPool *pool, EsIndex *index)
{
	uint64		evictions = index->evictions;

	memset(index, 0, sizeof(*index));
	index->evictions = evictions;
	index->id_arena.reserve = Max(1, es_pool_segment_count(pool) / 4);
	index->root = make_root(pool, index, ROOT_SIZE);
	index->tenants = make_root(pool, index, NODE_SIZE);
	return index->root != 0 && index->tenants != 0;
}

/*
 * The index was built from the log.  From here on it leaves a part of the pool
 * free, so that what fits now fits again when it is built the next time, in
 * whatever order the log then gives.
 */
void
es_index_built(const EsPool *pool, EsIndex *index)
{
	index->arena.reserve = Max(1, es_pool_segment_count(pool) / 32);
}

/* Gives all memory back.  The caller has the index to itself. */
void
es_index_reset(EsPool *pool, EsIndex *index)
{
	uint64		evictions = (index->evictions | 1) + 1; /* nothing is where it
														 * was */

	es_arena_reset(pool, &index->arena);
	es_arena_reset(pool, &index->id_arena);
	memset(index, 0, sizeof(*index));
	index->evictions = evictions;
}

/*
 * Goes one slot further with each look-up, and starts loading what it will touch
 * next.  Those that met their entity, or nothing, drop out; returns how many
 * are left, as the first in 'slots' and 'hashes'.
 */
static uint32
prefetch_level(const EsPool *pool, EsRef **slots, uint64 *hashes, uint32 count, int used)
{
	uint32		left = 0;

	for (uint32 i = 0; i < count; i++)
	{
		EsRef		value = __atomic_load_n(slots[i], __ATOMIC_ACQUIRE);

		if (IS_NODE(value))
		{
			hashes[left] = hashes[i];
			slots[left] = node_slot(pool, value, hashes[i], used);
			__builtin_prefetch(slots[left++]);
		}
		else if (IS_ENTITY(value))
		{
			const char *entity = es_ref_pointer(pool, value);

			__builtin_prefetch(entity, 1);
			__builtin_prefetch(entity + ES_CACHE_LINE);
		}
	}
	return left;
}

/*
 * Loads what the look-ups of these hashes, at most ES_PREFETCH_WINDOW, will
 * touch: side by side, so that the waiting is shared.
 */
void
es_index_prefetch(const EsPool *pool, const EsIndex *index, const uint64 *hashes,
				  uint32 count)
{
	EsRef	   *slots[ES_PREFETCH_WINDOW];
	uint64		left[ES_PREFETCH_WINDOW];

	es_guard_enter();
	for (uint32 i = 0; i < count; i++)
	{
		left[i] = hashes[i];
		slots[i] = root_slot(pool, index, hashes[i]);
		__builtin_prefetch(slots[i]);
	}
	for (int used = ROOT_BITS; count > 0 && used < 64; used += NODE_BITS)
		count = prefetch_level(pool, slots, left, count, used);
	es_guard_leave();
}

static bool
has_key(const EsEntity *entity, const EsKey *key)
{
	return es_slice_equal(es_entity_id(entity), key->entity_id) &&
		es_slice_equal(es_entity_tenant_id(entity), key->tenant_id);
}

/*
 * Follows slots from the root to the slot that holds the key's entity, or in
 * which it would be put.  *value is what was in that slot, *used how many bits
 * of the hash led to it.
 */
static EsRef *
find_slot(const EsPool *pool, const EsIndex *index, const EsKey *key,
		  EsRef *value, int *used)
{
	EsRef	   *slot = first_slot(pool, index, key, used);

	for (;;)
	{
		EsEntity   *entity;

		*value = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		if (*value == 0 || *value == FROZEN)
			return slot;
		if (IS_NODE(*value))
		{
			slot = node_slot(pool, *value, key->hash, *used);
			*used += NODE_BITS;
			continue;
		}
		entity = es_ref_pointer(pool, *value);
		if (entity->hash != key->hash || has_key(entity, key))
			return slot;
		slot = &entity->next;
	}
}

static EsEntity *
entity_with_key(const EsPool *pool, EsRef value, const EsKey *key)
{
	EsEntity   *entity = IS_ENTITY(value) ? es_ref_pointer(pool, value) : NULL;

	return entity != NULL && entity->hash == key->hash ? entity : NULL;
}

/* Returns the entity, or NULL. */
EsEntity *
es_index_find(const EsPool *pool, const EsIndex *index, const EsKey *key)
{
	EsRef		value;
	int			used;

	find_slot(pool, index, key, &value, &used);
	return entity_with_key(pool, value, key);
}

static EsRef
make_entity(EsPool *pool, EsIndex *index, const EsKey *key)
{
	size_t		size = offsetof(EsEntity, key) + key->tenant_id.size + key->entity_id.size;
	EsRef		ref = es_arena_alloc(pool, &index->arena, size);
	EsEntity   *entity;

	if (ref == 0)
		return 0;
	__atomic_fetch_add(&index->counts.entity_bytes, TYPEALIGN(ES_REF_UNIT, size), __ATOMIC_RELAXED);
	entity = es_ref_pointer(pool, ref);
	memset(entity, 0, offsetof(EsEntity, key));
	entity->hash = key->hash;
	entity->used = 1;
	if (es_index_is_partial(index) && key->entity_id.size > 0)
		entity->in_runs = ES_IN_RUNS_UNKNOWN;
	entity->entity_id_size = (uint16) key->entity_id.size;
	entity->tenant_id_size = (uint8) key->tenant_id.size;
	if (key->tenant_id.size > 0)
		memcpy(entity->key, key->tenant_id.data, key->tenant_id.size);
	if (key->entity_id.size > 0)
		memcpy(entity->key + key->tenant_id.size, key->entity_id.data, key->entity_id.size);
	return ref;
}

/*
 * Puts a node where an entity of another hash stands, with that entity in it.
 * Returns false when memory is full; losing to another process is success.
 */
static bool
push_down(EsPool *pool, EsIndex *index, EsRef *slot, EsRef value, int used)
{
	EsEntity   *entity = es_ref_pointer(pool, value);
	EsRef		node = es_arena_alloc_lines(pool, &index->arena, NODE_SIZE);

	if (node == 0)
		return false;
	__atomic_fetch_add(&index->counts.entity_bytes, NODE_SIZE, __ATOMIC_RELAXED);
	memset(es_ref_pointer(pool, node), 0, NODE_SIZE);
	*node_slot(pool, node, entity->hash, used) = value;
	__atomic_compare_exchange_n(slot, &value, node | NODE_FLAG, false,
								__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	return true;
}

/*
 * Returns the entity, new if need be; NULL when memory is full.  The tenant of a
 * new entity must be there already: the key of a tenant has no entity_id.
 */
EsEntity *
es_index_find_or_add(EsPool *pool, EsIndex *index, const EsKey *key)
{
	EsRef		made = 0;

	for (;;)
	{
		EsRef		value;
		int			used;
		EsRef	   *slot = find_slot(pool, index, key, &value, &used);
		EsEntity   *entity = entity_with_key(pool, value, key);

		if (entity != NULL)
			return entity;
		if (value == FROZEN)
		{
			sched_yield();
			continue;
		}
		if (value != 0)
		{
			if (!push_down(pool, index, slot, value, used))
				return NULL;
			continue;
		}
		if (made == 0 && (made = make_entity(pool, index, key)) == 0)
			return NULL;
		if (__atomic_compare_exchange_n(slot, &value, made, false,
										__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		{
			if (key->entity_id.size == 0)
				__atomic_fetch_add(&index->counts.tenants, 1, __ATOMIC_RELAXED);
			return es_ref_pointer(pool, made);
		}
	}
}

/* May entities have been let go, which only sorted runs know? */
bool
es_index_is_partial(const EsIndex *index)
{
	return __atomic_load_n(&index->partial, __ATOMIC_ACQUIRE) != 0;
}

/* ------------------------------------------------------------- found before */

/* To be remembered before something is looked for. */
uint64
es_index_evictions(const EsIndex *index)
{
	return __atomic_load_n(&index->evictions, __ATOMIC_ACQUIRE);
}

/* Finds an entity, by who is in the index, and remembers when. */
EsEntityRef
es_index_find_ref(const EsPool *pool, const EsIndex *index, const EsKey *key)
{
	EsEntityRef ref = {.evictions = es_index_evictions(index)};

	ref.entity = es_index_find(pool, index, key);
	return ref;
}

/* Is what was found still there? */
static bool
is_there(const EsIndex *index, const EsEntityRef *found)
{
	return found->evictions % 2 == 0 && found->evictions == es_index_evictions(index);
}

/* The entity that was found before, by who is in the index; NULL when it has gone. */
EsEntity *
es_index_again(const EsPool *pool, const EsIndex *index, const EsKey *key, EsEntityRef *found)
{
	if (found->entity != NULL && !is_there(index, found))
		*found = es_index_find_ref(pool, index, key);
	return found->entity;
}

/*
 * The entity if it is still in the index, under its hash, else NULL: for who owned it, but may
 * no longer.  It may have gone and another have come to its place; then its owner is not who
 * it was.
 */
EsEntity *
es_index_still(const EsPool *pool, const EsIndex *index, uint64 hash, EsEntity *entity)
{
	EsRef		wanted = es_pointer_ref(pool, entity);
	EsRef	   *slot = root_slot(pool, index, hash);
	int			used = ROOT_BITS;

	for (;;)
	{
		EsRef		value = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

		if (value == wanted)
			return entity;
		if (IS_NODE(value))
		{
			slot = node_slot(pool, value, hash, used);
			used += NODE_BITS;
		}
		else if (IS_ENTITY(value) && ((EsEntity *) es_ref_pointer(pool, value))->hash == hash)
			slot = &((EsEntity *) es_ref_pointer(pool, value))->next;
		else
			return NULL;
	}
}

/*
 * Makes the (sub)transaction 'xid' the owner of the entity that was found before, if it can
 * be; it stays in the index then.  When the answer is ES_CLAIM_WAIT, *owner is whom to wait
 * for.
 */
EsClaim
es_index_claim(EsPool *pool, EsIndex *index, const EsKey *key, EsEntityRef *found, uint64 xid,
			   EsFateFunction fate, void *arg, uint64 *owner)
{
	EsEnded		ended = {0, ES_FATE_RUNNING};

	for (;;)
	{
		EsClaim		claim = ES_CLAIM_GONE;
		EsEntity   *entity;

		es_guard_enter();
		entity = es_index_again(pool, index, key, found);
		if (entity != NULL)
			claim = es_entity_try_claim(entity, xid, ended, &index->counts, owner);
		es_guard_leave();
		if (claim != ES_CLAIM_ASK)
			return claim;
		if (*owner == 0)
		{
			sched_yield();
			continue;
		}
		ended = (EsEnded)
		{
			*owner, fate(arg, *owner)
		};
		if (ended.how == ES_FATE_OWN)
			return ES_CLAIM_HELD;
		if (ended.how == ES_FATE_RUNNING)
			return ES_CLAIM_WAIT;
	}
}

/* ------------------------------------------------------------- all entities */

/* Entities that are loaded before their turn. */
#define LOAD_AHEAD 16

/* Starts loading what a slot has, which will be asked for soon. */
static void
load_ahead(const EsPool *pool, const EsRef *slot)
{
	EsRef		value = __atomic_load_n(slot, __ATOMIC_RELAXED);

	if (value == 0 || value == FROZEN)
		return;
	__builtin_prefetch(es_ref_pointer(pool, value & ~NODE_FLAG));
	__builtin_prefetch((const char *) es_ref_pointer(pool, value & ~NODE_FLAG) + ES_CACHE_LINE);
}

/* Adds an entity to the window; false when there is no room. */
static bool
add_to_window(EsIndexWalk *walk, EsEntity *entity)
{
	EsSlice		tenant_id = es_entity_tenant_id(entity);
	EsSlice		entity_id = es_entity_id(entity);
	char	   *out = walk->names + walk->names_used;

	if (walk->count == ES_WALK_WINDOW ||
		walk->names_used + tenant_id.size + entity_id.size > ES_WALK_NAMES)
		return false;
	walk->keys[walk->count].hash = entity->hash;
	walk->keys[walk->count].tenant_id = es_slice(out, tenant_id.size);
	out = es_put_slice(out, tenant_id);
	walk->keys[walk->count].entity_id = es_slice(out, entity_id.size);
	out = es_put_slice(out, entity_id);
	walk->names_used = (uint32) (out - walk->names);
	walk->entities[walk->count++] = entity;
	return true;
}

/* Adds an entity and those of the same hash; false when there is no room. */
static bool
add_chain(EsIndexWalk *walk, EsRef value)
{
	EsEntity   *entity = es_ref_pointer(walk->pool, value);
	uint32		met = 0;

	if (entity->hash < walk->from)
		return true;
	if (entity->hash > walk->from)
		walk->skip = 0;
	walk->from = entity->hash;
	while (IS_ENTITY(value))
	{
		entity = es_ref_pointer(walk->pool, value);
		if (met++ >= walk->skip)
		{
			if (!add_to_window(walk, entity))
				return false;
			walk->skip++;
		}
		value = __atomic_load_n(&entity->next, __ATOMIC_ACQUIRE);
	}
	return true;
}

/*
 * Adds what is in slots, which 'used' bits of the hash lead to and 'bits' more tell apart;
 * false when there is no room.  'first' is the slot to begin with.
 */
static bool
add_slots(EsIndexWalk *walk, const EsRef *slots, int used, int bits, bool at_from)
{
	uint32		first = at_from ? (uint32) ((walk->from << used) >> (64 - bits)) : 0;
	uint32		count = 1U << bits;

	for (uint32 i = first; i < count && i < first + LOAD_AHEAD; i++)
		load_ahead(walk->pool, &slots[i]);
	for (uint32 i = first; i < count; i++)
	{
		EsRef		value = __atomic_load_n(&slots[i], __ATOMIC_ACQUIRE);

		if (i + LOAD_AHEAD < count)
			load_ahead(walk->pool, &slots[i + LOAD_AHEAD]);
		if (IS_NODE(value) &&
			!add_slots(walk, es_ref_pointer(walk->pool, value & ~NODE_FLAG), used + bits, NODE_BITS,
					   at_from && i == first))
			return false;
		if (IS_ENTITY(value) && !add_chain(walk, value))
			return false;
	}
	return true;
}

/*
 * Fills the window with what comes next.  An entity that is added meanwhile may be missed;
 * what moves into a node beneath its slot is not met twice, since hashes only go up.
 */
static void
fill_window(EsIndexWalk *walk)
{
	walk->next = walk->count = walk->names_used = 0;
	es_guard_enter();
	walk->evictions = es_index_evictions(walk->index);
	walk->ended = add_slots(walk, es_ref_pointer(walk->pool, walk->root), 0, walk->root_bits, true);
	es_guard_leave();
}

static void
begin_walk(EsIndexWalk *walk, const EsPool *pool, const EsIndex *index, EsRef root, int root_bits)
{
	memset(walk, 0, offsetof(EsIndexWalk, entities));

	walk->pool = pool;
	walk->index = index;
	walk->root = root;
	walk->root_bits = root_bits;
}

/* Begins to walk over the entities; those that are added meanwhile may be missed. */
void
es_index_walk(EsIndexWalk *walk, const EsPool *pool, const EsIndex *index)
{
	begin_walk(walk, pool, index, index->root, ROOT_BITS);
}

/* The same for every tenant but the default one. */
void
es_index_walk_tenants(EsIndexWalk *walk, const EsPool *pool, const EsIndex *index)
{
	begin_walk(walk, pool, index, index->tenants, NODE_BITS);
}

/*
 * The next entity, with its key, whose names are good until the next call; false after the
 * last.
 */
bool
es_index_walk_next(EsIndexWalk *walk, EsKey *key, EsEntityRef *found)
{
	while (walk->next == walk->count)
	{
		if (walk->ended)
			return false;
		fill_window(walk);
	}
	*key = walk->keys[walk->next];
	found->entity = walk->entities[walk->next++];
	found->evictions = walk->evictions;
	return true;
}

/*
 * Is there a tenant but the default one?  The slots say it, and not the count of tenants,
 * which goes up after another process may have added entities of the tenant.
 */
bool
es_index_has_tenants(const EsPool *pool, const EsIndex *index)
{
	const EsRef *slots = es_ref_pointer(pool, index->tenants);

	for (int i = 0; i < 1 << NODE_BITS; i++)
	{
		if (__atomic_load_n(&slots[i], __ATOMIC_ACQUIRE) != 0)
			return true;
	}
	return false;
}

/* -------------------------------------------------------------- letting go */

/*
 * From here on entities are taken out.  Others who were in the index have left, and who
 * comes in knows that what he finds may go.
 */
void
es_index_begin_eviction(EsIndex *index)
{
	/* the last one may have been broken off */
	__atomic_store_n(&index->evictions, es_index_evictions(index) | 1, __ATOMIC_SEQ_CST);
	es_guards_wait();
}

/* Nothing that was taken out can be met any more: it is given back. */
void
es_index_end_eviction(EsPool *pool, EsIndex *index, EsLimbo *limbo)
{
	__atomic_fetch_add(&index->evictions, 1, __ATOMIC_SEQ_CST);
	es_guards_wait();
	es_limbo_empty(pool, &index->arena, limbo);
}

static bool
change_slot(EsRef *slot, EsRef before, EsRef after)
{
	return __atomic_compare_exchange_n(slot, &before, after, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void
note_gone(EsIndex *index, EsLimbo *limbo, EsRef ref, size_t size)
{
	es_limbo_add(limbo, ref, size);
	__atomic_fetch_sub(&index->counts.entity_bytes, TYPEALIGN(ES_REF_UNIT, size), __ATOMIC_RELAXED);
}

/*
 * Takes an entity that may go out of the slot, or out of what an inserter has put there
 * meanwhile.  False when another of its hash hangs on it.
 */
static bool
take_out(EsPool *pool, EsIndex *index, EsRef *slot, EsRef value, int used, EsLimbo *limbo)
{
	EsEntity   *entity = es_ref_pointer(pool, value);

	if (!change_slot(&entity->next, 0, FROZEN))
		return false;
	while (!change_slot(slot, value, 0))
	{
		/* it stands in a node now */
		slot = node_slot(pool, __atomic_load_n(slot, __ATOMIC_ACQUIRE), entity->hash, used);
		used += NODE_BITS;
	}
	note_gone(index, limbo, value,
			  offsetof(EsEntity, key) + entity->tenant_id_size + entity->entity_id_size);
	return true;
}

/* Takes the node out of the slot above it if nothing is in it. */
static void
take_node_out(EsPool *pool, EsIndex *index, EsRef *above, EsRef value, EsLimbo *limbo)
{
	EsRef	   *slots = es_ref_pointer(pool, value & ~NODE_FLAG);
	int			frozen = 0;

	if (limbo->count == ES_LIMBO_PIECES)
		return;
	while (frozen < 1 << NODE_BITS && change_slot(&slots[frozen], 0, FROZEN))
		frozen++;
	if (frozen == 1 << NODE_BITS && change_slot(above, value, 0))
	{
		note_gone(index, limbo, value & ~NODE_FLAG, NODE_SIZE);
		return;
	}
	while (frozen-- > 0)
		__atomic_store_n(&slots[frozen], 0, __ATOMIC_RELEASE);
}

/* Takes out what may go of what is in the slot; false when limbo is too full. */
static bool
evict_slot(EsPool *pool, EsIndex *index, EsRef *slot, int used, EsMayGo may_go, void *arg, EsLimbo *limbo)
{
	EsRef		value = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	bool		all = true;

	if (IS_NODE(value))
	{
		EsRef	   *slots = es_ref_pointer(pool, value & ~NODE_FLAG);

		for (int i = 0; i < 1 << NODE_BITS; i++)
			all &= evict_slot(pool, index, &slots[i], used + NODE_BITS, may_go, arg, limbo);
		take_node_out(pool, index, slot, value, limbo);
	}
	else if (IS_ENTITY(value))
	{
		EsEntity   *entity = es_ref_pointer(pool, value);

		all = evict_slot(pool, index, &entity->next, used, may_go, arg, limbo);
		if (limbo->count + 1 >= ES_LIMBO_PIECES)
			return false;
		if (may_go(arg, entity, limbo) && !take_out(pool, index, slot, value, used, limbo))
			es_entity_stay(entity);
	}
	return all;
}

/*
 * Takes the entities out that may go of a part of the index, from 0 on, into limbo; false when
 * that is too full, and the part is to be gone through again.  The caller has the lock of
 * compaction, and has begun an eviction.
 */
bool
es_index_evict(EsPool *pool, EsIndex *index, uint32 part, EsMayGo may_go, void *arg, EsLimbo *limbo)
{
	EsRef	   *root = es_ref_pointer(pool, index->root);

	return evict_slot(pool, index, &root[part], ROOT_BITS, may_go, arg, limbo);
}
