/*-------------------------------------------------------------------------
 *
 * map.h
 *	  Finds entities by key: a lock-free hash trie.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_INDEX_MAP_H
#define EVENTSTORE_INDEX_MAP_H

#include "core/event.h"
#include "index/entity.h"
#include "index/guard.h"

/*
 * An index: its memory, the roots of its two tries and its sums.  The roots are
 * set before the index is used and stay; everything below changes as map.c says,
 * and what is about ids as ids.c does.
 */
typedef struct EsIndex
{
	EsArena		arena;
	EsArena		id_arena;		/* of ids */
	EsRef		root;			/* of entities */
	EsRef		tenants;		/* of tenants */
	EsRef		ids;			/* of ids; 0 before the first */
	uint32		ids_incomplete; /* 1: ids are missing */
	uint32		partial;		/* 1: entities may have been let go, which
								 * sorted runs know */
	uint64		evictions;		/* odd while entities are being taken out */
	EsCounts	counts;
} EsIndex;

extern bool es_index_init(EsPool *pool, EsIndex *index);
extern void es_index_built(const EsPool *pool, EsIndex *index);
extern void es_index_reset(EsPool *pool, EsIndex *index);

/* Look-ups that are prefetched at a time. */
#define ES_PREFETCH_WINDOW 32

extern void es_index_prefetch(const EsPool *pool, const EsIndex *index,
							  const uint64 *hashes, uint32 count);

/* To be called, and what is returned used, by who is in the index (guard.h). */
extern EsEntity *es_index_find(const EsPool *pool, const EsIndex *index,
							   const EsKey *key);
extern EsEntity *es_index_find_or_add(EsPool *pool, EsIndex *index,
									  const EsKey *key);
extern EsEntity *es_index_still(const EsPool *pool, const EsIndex *index, uint64 hash,
								EsEntity *entity);

/*
 * An entity that was found, for who is not in the index all the time; NULL: none was.  What
 * was let go since then is to be found anew.
 */
typedef struct EsEntityRef
{
	EsEntity   *entity;
	uint64		evictions;		/* before it was found */
} EsEntityRef;

extern uint64 es_index_evictions(const EsIndex *index);
extern EsEntityRef es_index_find_ref(const EsPool *pool, const EsIndex *index, const EsKey *key);
extern EsEntity *es_index_again(const EsPool *pool, const EsIndex *index, const EsKey *key,
								EsEntityRef *found);
extern EsClaim es_index_claim(EsPool *pool, EsIndex *index, const EsKey *key, EsEntityRef *found,
							  uint64 xid, EsFateFunction fate, void *arg, uint64 *owner);
extern bool es_index_is_partial(const EsIndex *index);

/* ---------------------------------------------------------------- all entities */

/* So many are looked at together, and so long their names may be. */
#define ES_WALK_WINDOW	64
#define ES_WALK_NAMES	(ES_WALK_WINDOW * (ES_MAX_TENANT_ID + ES_MAX_ENTITY_ID))

/* A walk over all entities, in the order of their hashes. */
typedef struct EsIndexWalk
{
	const EsPool *pool;
	const EsIndex *index;
	EsRef		root;
	int			root_bits;
	uint64		from;			/* hash of the next one */
	uint32		skip;			/* so many of that hash were met */
	bool		ended;
	uint32		next;			/* in the window */
	uint32		count;
	uint64		evictions;		/* when it was filled */
	EsEntity   *entities[ES_WALK_WINDOW];
	EsKey		keys[ES_WALK_WINDOW];
	uint32		names_used;
	char		names[ES_WALK_NAMES];	/* of the keys */
} EsIndexWalk;

extern void es_index_walk(EsIndexWalk *walk, const EsPool *pool, const EsIndex *index);
extern void es_index_walk_tenants(EsIndexWalk *walk, const EsPool *pool, const EsIndex *index);
extern bool es_index_walk_next(EsIndexWalk *walk, EsKey *key, EsEntityRef *found);

/* --------------------------------------------------------------------- letting go */

/* Parts of an index, which are gone through one after the other. */
#define ES_INDEX_PARTS 8192

/* May the entity go?  Then it has an owner that is no transaction (es_entity_leave). */
typedef bool (*EsMayGo) (void *arg, EsEntity *entity, EsLimbo *limbo);

extern void es_index_begin_eviction(EsIndex *index);
extern bool es_index_evict(EsPool *pool, EsIndex *index, uint32 part, EsMayGo may_go,
						   void *arg, EsLimbo *limbo);
extern void es_index_end_eviction(EsPool *pool, EsIndex *index, EsLimbo *limbo);

extern bool es_index_has_tenants(const EsPool *pool, const EsIndex *index);

#endif							/* EVENTSTORE_INDEX_MAP_H */
