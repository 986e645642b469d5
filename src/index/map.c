/*-------------------------------------------------------------------------
 *
 * map.c
 *	  Finds entities by key: a lock-free hash trie, insert only.
 *
 * A root of 2^13 slots is indexed by the first bits of the hash, nodes of 16
 * slots by the next four bits each.  A slot holds 0, a node, or an entity; a
 * node is one cache line.  It grows with what is in it, so that one pool can
 * serve databases of any size, and all of it goes back to the pool at once.
 *
 * A slot changes by compare-and-swap only, and only 0 -> entity or
 * entity -> node in which that entity stands; what hangs in it was complete
 * before (release) and is never taken out.  So a reader that follows slots
 * (acquire) finds every entity whose insertion happened before its look-up,
 * and two inserters of one key meet in the same slot: the loser's
 * compare-and-swap fails, and it finds the winner's entity there.  What the
 * loser had allocated is lost to the arena: a few dozen bytes a collision.
 *
 * Entities whose 64-bit hashes are equal hang on one another by 'next', which
 * is a slot like the others.
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
#include "index/map.h"

#define ROOT_BITS	13
#define NODE_BITS	4
#define ROOT_SIZE	(sizeof(EsRef) << ROOT_BITS)
#define NODE_SIZE	(sizeof(EsRef) << NODE_BITS)

StaticAssertDecl(NODE_SIZE == ES_CACHE_LINE, "a node is one cache line");
StaticAssertDecl(ROOT_SIZE <= ES_SEGMENT_SIZE, "the root fits a segment");

/* Marks a slot's value as a node's reference; a pool has at most 2^31 units. */
#define NODE_FLAG		0x80000000U
#define IS_NODE(value)	(((value) & NODE_FLAG) != 0)

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
	memset(index, 0, sizeof(*index));
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
	es_arena_reset(pool, &index->arena);
	es_arena_reset(pool, &index->id_arena);
	memset(index, 0, sizeof(*index));
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
		else if (value != 0)
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

	for (uint32 i = 0; i < count; i++)
	{
		left[i] = hashes[i];
		slots[i] = root_slot(pool, index, hashes[i]);
		__builtin_prefetch(slots[i]);
	}
	for (int used = ROOT_BITS; count > 0 && used < 64; used += NODE_BITS)
		count = prefetch_level(pool, slots, left, count, used);
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
		if (*value == 0)
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
	EsEntity   *entity = value == 0 ? NULL : es_ref_pointer(pool, value);

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

/* Slots of the root whose entities are loaded before their turn. */
#define WALK_AHEAD 16

/* Starts loading what a slot has, which will be asked for soon. */
static void
load_ahead(const EsPool *pool, const EsRef *slot)
{
	EsRef		value = __atomic_load_n(slot, __ATOMIC_RELAXED) & ~NODE_FLAG;

	if (value == 0)
		return;
	__builtin_prefetch(es_ref_pointer(pool, value));
	__builtin_prefetch((const char *) es_ref_pointer(pool, value) + ES_CACHE_LINE);
}

static void
enter_level(EsIndexWalk *walk, const EsRef *slots, uint32 count)
{
	walk->levels[walk->depth].slots = slots;
	walk->levels[walk->depth].next = 0;
	walk->levels[walk->depth].count = count;
	walk->depth++;
	for (uint32 i = 0; i < Min(count, WALK_AHEAD); i++)
		load_ahead(walk->pool, &slots[i]);
}

/* Begins to walk over the entities; those that are added meanwhile may be missed. */
void
es_index_walk(EsIndexWalk *walk, const EsPool *pool, const EsIndex *index)
{
	walk->pool = pool;
	walk->chain = 0;
	walk->depth = 0;
	enter_level(walk, es_ref_pointer(pool, index->root), 1 << ROOT_BITS);
}

/*
 * The next entity, NULL after the last.  Nothing is written; slots are loaded as by any
 * reader (acquire), each once, so an entity that moves into a node beneath its slot
 * meanwhile is not met twice.  What is only prefetched may be anything.
 */
EsEntity *
es_index_walk_next(EsIndexWalk *walk)
{
	EsRef		value = walk->chain;

	while (value == 0 && walk->depth > 0)
	{
		uint32		next = walk->levels[walk->depth - 1].next++;
		const EsRef *slots = walk->levels[walk->depth - 1].slots;

		if (next == walk->levels[walk->depth - 1].count)
		{
			walk->depth--;
			continue;
		}
		if (next + WALK_AHEAD < walk->levels[walk->depth - 1].count)
			load_ahead(walk->pool, &slots[next + WALK_AHEAD]);
		value = __atomic_load_n(&slots[next], __ATOMIC_ACQUIRE);
		if (IS_NODE(value))
		{
			enter_level(walk, es_ref_pointer(walk->pool, value & ~NODE_FLAG), 1 << NODE_BITS);
			value = 0;
		}
	}
	if (value == 0)
		return NULL;
	walk->chain = __atomic_load_n(&((EsEntity *) es_ref_pointer(walk->pool, value))->next,
								  __ATOMIC_ACQUIRE);
	return es_ref_pointer(walk->pool, value);
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

static void
visit_all(EsIndexWalk *walk, EsEntityVisitor visit, void *arg)
{
	EsEntity   *entity;

	while ((entity = es_index_walk_next(walk)) != NULL)
		visit(arg, entity);
}

void
es_index_visit(const EsPool *pool, const EsIndex *index, EsEntityVisitor visit,
			   void *arg)
{
	EsIndexWalk walk;

	es_index_walk(&walk, pool, index);
	visit_all(&walk, visit, arg);
}

/* The same for every tenant but the default one. */
void
es_index_visit_tenants(const EsPool *pool, const EsIndex *index, EsEntityVisitor visit,
					   void *arg)
{
	EsIndexWalk walk = {.pool = pool};

	enter_level(&walk, es_ref_pointer(pool, index->tenants), 1 << NODE_BITS);
	visit_all(&walk, visit, arg);
}
