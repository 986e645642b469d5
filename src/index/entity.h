/*-------------------------------------------------------------------------
 *
 * entity.h
 *	  An entity in the index: who owns it, how many events it has, and where
 *	  they are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_INDEX_ENTITY_H
#define EVENTSTORE_INDEX_ENTITY_H

#include "core/base.h"
#include "index/pool.h"

/* An entity has at most this many events. */
#define ES_MAX_VERSION	(PG_UINT32_MAX - 1)

/* Of an entity of which it has not been asked yet what sorted runs have of it. */
#define ES_IN_RUNS_UNKNOWN PG_UINT32_MAX

/*
 * Where an event is: heap block (32 bits), line pointer (11), ordinal in the
 * block of events (16).  Never 0, since line pointers start at 1.  What is
 * found there must be compared with what was looked for: an aborted writer's
 * line pointer is soon another's.
 */
typedef uint64 EsPosting;

#define ES_POSTING_MAX_ORDINAL 0xFFFF

static inline EsPosting
es_posting(uint32 heap_block, uint16 heap_offset, uint32 ordinal)
{
	return (uint64) heap_block << 27 | (uint64) (heap_offset & 0x7FF) << 16 | ordinal;
}

/* Or at which position of the log, where places change without the index being told. */
#define ES_POSTING_AT_POSITION (UINT64CONST(1) << 63)

static inline EsPosting
es_posting_at(int64 position)
{
	return ES_POSTING_AT_POSITION | (uint64) position;
}

static inline bool
es_posting_is_position(EsPosting posting)
{
	return (posting & ES_POSTING_AT_POSITION) != 0;
}

static inline int64
es_posting_position(EsPosting posting)
{
	return (int64) (posting & ~ES_POSTING_AT_POSITION);
}

static inline uint32
es_posting_heap_block(EsPosting posting)
{
	return (uint32) (posting >> 27);
}

static inline uint16
es_posting_heap_offset(EsPosting posting)
{
	return (posting >> 16) & 0x7FF;
}

static inline uint32
es_posting_ordinal(EsPosting posting)
{
	return posting & 0xFFFF;
}

/* What identifies an entity.  tenant_id is empty for the default tenant. */
typedef struct EsKey
{
	EsSlice		tenant_id;
	EsSlice		entity_id;
	uint64		hash;
} EsKey;

/*
 * The protocol of these fields is at the top of entity.c.
 */
typedef struct EsEntity
{
	uint64		hash;			/* fixed */
	uint64		owner;			/* full xid of the owning (sub)transaction, or
								 * 0 */
	uint32		committed;		/* versions known to be committed */
	uint32		total;			/* versions with the owner's; see entity.c */
	EsRef		postings;		/* newest chunk */
	EsRef		next;			/* the next entity of the same hash */
	uint32		in_runs;		/* versions that sorted runs know, or
								 * ES_IN_RUNS_UNKNOWN */
	uint16		entity_id_size; /* fixed */
	uint8		tenant_id_size; /* fixed */
	uint8		used;			/* since it was last looked whether it may go */
	char		key[FLEXIBLE_ARRAY_MEMBER]; /* fixed: tenant_id, entity_id */
} EsEntity;

/* How a transaction ended, or that it has not. */
typedef enum EsFate
{
	ES_FATE_RUNNING,
	ES_FATE_OWN,				/* it is ours, or a part of ours */
	ES_FATE_COMMITTED,
	ES_FATE_ABORTED
} EsFate;

/* Is called by who is not in the index, and may leave by longjmp. */
typedef EsFate (*EsFateFunction) (void *arg, uint64 xid);

/* An owner that has ended, and how. */
typedef struct EsEnded
{
	uint64		xid;			/* 0: none */
	EsFate		how;
} EsEnded;

typedef enum EsClaim
{
	ES_CLAIM_NEW,				/* owned from now on */
	ES_CLAIM_HELD,				/* owned already */
	ES_CLAIM_WAIT,				/* another running transaction owns it */
	ES_CLAIM_ASK,				/* another owns it, who may have ended */
	ES_CLAIM_GONE				/* the index has let it go: it is to be added
								 * again */
} EsClaim;

/* Sums over all of an index; any process adds. */
typedef struct EsCounts
{
	uint64		entities;		/* with at least one committed event */
	uint64		events;			/* committed */
	uint64		tenants;		/* besides the default one */
	uint64		entity_bytes;	/* in entities, and nodes to find them */
	uint64		posting_bytes;
	uint64		id_bytes;
} EsCounts;

static inline EsSlice
es_entity_tenant_id(const EsEntity *entity)
{
	return es_slice(entity->key, entity->tenant_id_size);
}

static inline EsSlice
es_entity_id(const EsEntity *entity)
{
	return es_slice(entity->key + entity->tenant_id_size, entity->entity_id_size);
}

/* Stores a posting where a reader may load it. */
static inline void
es_posting_store(EsPosting *slot, EsPosting posting)
{
	__atomic_store_n(slot, posting, __ATOMIC_RELAXED);
}

/* Adds what was counted apart by es_entity_release(). */
static inline void
es_counts_add(EsCounts *counts, const EsCounts *more)
{
	if (more->entities > 0)
		__atomic_fetch_add(&counts->entities, more->entities, __ATOMIC_RELAXED);
	if (more->events > 0)
		__atomic_fetch_add(&counts->events, more->events, __ATOMIC_RELAXED);
}

extern EsClaim es_entity_try_claim(EsEntity *entity, uint64 xid, EsEnded ended,
								   EsCounts *counts, uint64 *owner);
extern void es_entity_release(EsEntity *entity, uint64 xid, bool committed,
							  EsCounts *counts);
extern uint64 es_entity_owner(const EsEntity *entity);
extern void es_entity_note_committed(EsEntity *entity, uint32 version, EsCounts *counts);
extern void es_entity_set_total(EsEntity *entity, uint32 total);
extern uint32 es_entity_committed(const EsEntity *entity);
extern uint32 es_entity_total(const EsEntity *entity);
extern uint32 es_entity_known(const EsEntity *entity);
extern bool es_entity_is_resolved(const EsEntity *entity);
extern void es_entity_note_use(EsEntity *entity);

extern uint32 es_entity_in_runs(const EsEntity *entity);
extern void es_entity_note_in_runs(EsEntity *entity, uint32 first, uint32 last,
								   EsCounts *counts);

extern bool es_postings_reserve(EsPool *pool, EsArena *arena, EsCounts *counts,
								EsEntity *entity, uint32 total);
extern void es_postings_prefetch(const EsPool *pool, const EsEntity *entity);
extern EsPosting es_posting_get(const EsPool *pool, const EsEntity *entity,
								uint32 version);
extern EsPosting *es_posting_slots(const EsPool *pool, const EsEntity *entity,
								   uint32 version, uint32 *count);
extern void es_posting_set(const EsPool *pool, EsEntity *entity, uint32 version,
						   EsPosting posting);
extern bool es_postings_shed(EsPool *pool, EsCounts *counts, EsEntity *entity, EsLimbo *limbo,
							 EsFateFunction fate, void *arg);
extern bool es_entity_leave(EsPool *pool, EsCounts *counts, EsEntity *entity, EsLimbo *limbo,
							EsFateFunction fate, void *arg);
extern void es_entity_stay(EsEntity *entity);
extern void es_entity_resolve(EsEntity *entity, uint32 in_runs);
extern void es_entity_restore(EsEntity *entity, uint32 version, uint64 owner,
							  EsCounts *counts);

#endif							/* EVENTSTORE_INDEX_ENTITY_H */
