/*-------------------------------------------------------------------------
 *
 * pool.h
 *	  The index's memory: a pool of equal segments, and arenas that take
 *	  segments from it.
 *
 * Everything in it is referred to by an EsRef, an offset, because a reference
 * must mean the same in every process and survive a later move to another
 * mapping.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_INDEX_POOL_H
#define EVENTSTORE_INDEX_POOL_H

#include "core/base.h"

#define ES_SEGMENT_SIZE		65536	/* bytes */
#define ES_REF_UNIT			16	/* bytes that a reference counts in */
#define ES_POOL_MAX_SEGMENTS ((size_t) 1 << 18) /* 16 GB */
#define ES_CACHE_LINE		64	/* bytes */

/*
 * What an arena was given back is kept by its size: a class for each up to 64 units, and one
 * for each power of two above.
 */
#define ES_PIECE_CLASSES	72

/* Offset from the pool's start in units of ES_REF_UNIT; 0 is no reference. */
typedef uint32 EsRef;

typedef struct EsPool EsPool;

/*
 * What one index has allocated.  All fields are written by any process that
 * allocates, with the atomic steps of pool.c; es_arena_reset() needs the arena
 * to itself.
 */
typedef struct EsArena
{
	uint64		bump;			/* current segment + 1, and bytes used in it */
	uint32		segments;		/* list of the segments taken: index + 1 */
	uint32		segment_count;	/* how many, for information */
	uint32		reserve;		/* segments of the pool that it leaves to
								 * others; set while the arena has one user */
	uint64		pieces[ES_PIECE_CLASSES];	/* given back, of each class:
											 * changes << 32 | first one */
	uint64		lines;			/* the same, of whole cache lines */
	uint64		piece_bytes;	/* of all of them, for information */
} EsArena;

/* A bit for each unit of a segment. */
#define ES_SEGMENT_UNITS	(ES_SEGMENT_SIZE / ES_REF_UNIT)
#define ES_SEGMENT_WORDS	(ES_SEGMENT_UNITS / 64)

/* What was taken out of an index and waits until nobody is in it any more. */
#define ES_LIMBO_PIECES 32768

typedef struct EsLimbo
{
	uint32		count;
	struct
	{
		EsRef		ref;
		uint32		size;
	}			pieces[ES_LIMBO_PIECES];
} EsLimbo;

extern size_t es_pool_bytes(size_t index_memory);
extern void es_pool_init(EsPool *pool, size_t index_memory);
extern uint32 es_pool_segment_count(const EsPool *pool);
extern uint32 es_pool_free_count(const EsPool *pool);

extern EsRef es_arena_alloc(EsPool *pool, EsArena *arena, size_t size);
extern EsRef es_arena_alloc_lines(EsPool *pool, EsArena *arena, size_t size);
extern void es_arena_reset(EsPool *pool, EsArena *arena);
extern void es_arena_give(EsPool *pool, EsArena *arena, EsRef ref, size_t size);
extern bool es_arena_join_pieces(EsPool *pool, EsArena *arena, uint64 *bitmaps);
extern void es_limbo_add(EsLimbo *limbo, EsRef ref, size_t size);
extern void es_limbo_empty(EsPool *pool, EsArena *arena, EsLimbo *limbo);

static inline void *
es_ref_pointer(const EsPool *pool, EsRef ref)
{
	return unconstify(char *, (const char *) pool) + (size_t) ref * ES_REF_UNIT;
}

static inline EsRef
es_pointer_ref(const EsPool *pool, const void *pointer)
{
	return (EsRef) (((const char *) pointer - (const char *) pool) / ES_REF_UNIT);
}

#endif							/* EVENTSTORE_INDEX_POOL_H */
