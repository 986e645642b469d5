/*-------------------------------------------------------------------------
 *
 * map.h
 *	  Finds entities by key: a lock-free hash trie.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_INDEX_MAP_H
#define EVENTSTORE_INDEX_MAP_H

#include "index/entity.h"

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
	EsCounts	counts;
} EsIndex;

extern bool es_index_init(EsPool *pool, EsIndex *index);
extern void es_index_built(const EsPool *pool, EsIndex *index);
extern void es_index_reset(EsPool *pool, EsIndex *index);

/* Look-ups that are prefetched at a time. */
#define ES_PREFETCH_WINDOW 32

extern void es_index_prefetch(const EsPool *pool, const EsIndex *index,
							  const uint64 *hashes, uint32 count);
extern EsEntity *es_index_find(const EsPool *pool, const EsIndex *index,
							   const EsKey *key);
extern EsEntity *es_index_find_or_add(EsPool *pool, EsIndex *index,
									  const EsKey *key);

/* Levels of a trie: a root, and nodes of four bits of the hash each. */
#define ES_WALK_LEVELS 17

/* A walk over all entities, in no order. */
typedef struct EsIndexWalk
{
	const EsPool *pool;
	EsRef		chain;			/* the next entity of the last one's hash, or
								 * 0 */
	int			depth;			/* levels that are open */
	struct
	{
		const EsRef *slots;
		uint32		next;
		uint32		count;
	}			levels[ES_WALK_LEVELS];
} EsIndexWalk;

extern void es_index_walk(EsIndexWalk *walk, const EsPool *pool, const EsIndex *index);
extern EsEntity *es_index_walk_next(EsIndexWalk *walk);

extern bool es_index_has_tenants(const EsPool *pool, const EsIndex *index);

/* Calls visit for every entity; those added meanwhile may be missed. */
typedef void (*EsEntityVisitor) (void *arg, EsEntity *entity);
extern void es_index_visit(const EsPool *pool, const EsIndex *index,
						   EsEntityVisitor visit, void *arg);
extern void es_index_visit_tenants(const EsPool *pool, const EsIndex *index,
								   EsEntityVisitor visit, void *arg);

#endif							/* EVENTSTORE_INDEX_MAP_H */
