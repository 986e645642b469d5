/*-------------------------------------------------------------------------
 *
 * entity.c
 *	  Ownership, versions and postings of one entity.
 *
 * The fields and who may write them:
 *
 * owner	   0 -> X by the transaction X that claims a free entity; O -> X by
 *			   an X that found O ended; X -> 0 by X itself after it ended.
 *			   Always by compare-and-swap.  X is the full xid of the innermost
 *			   subtransaction at the time, so that who waits for it goes on when
 *			   the savepoint is rolled back.  Once an xid has ended and was
 *			   replaced it never comes back.
 * total	   the last version including the owner's uncommitted ones.  Written
 *			   by the owner alone, with release, after the postings up to it.
 *			   Means nothing when owner is 0 or the owner has aborted.
 * committed   the last committed version.  Only ever raised, by
 *			   compare-and-swap, by whoever found the owner committed: then to
 *			   the owner's total, which cannot change any more; or who has seen
 *			   that the row of a version is committed: to that version.
 * postings	   the chunks; reserved by the owner before it writes them.  A
 *			   posting is stored whole, relaxed, and loaded with acquire, so that
 *			   in_runs, which is looked at next, is not older.
 * in_runs	   versions up to here are in sorted runs, committed and on disk.  Only ever
 *			   raised (release), by the one process that has the lock of compaction or
 *			   builds the index, which has raised committed first.  ES_IN_RUNS_UNKNOWN
 *			   when the entity is added to an index that may have let it go before:
 *			   then nothing is known, neither what is committed.  The first owner finds
 *			   it out, who raises committed first (es_entity_resolve).
 * used		   set by whoever looks for it, cleared by who lets entities go; only says
 *			   which go first.
 *
 * Claim: owner O has ended?  If it committed, raise committed to its total
 * first - valid only if owner was still O after total was read, for then total
 * is O's last word.  Then owner O -> X by compare-and-swap, and X sets total
 * to committed.  Every prefix of this is valid: raising committed is right
 * whoever does it and however late, because it never lowers (a settler that
 * was stopped in between finds it raised already); between the swap and the
 * store of total, X has not committed and total means nothing.
 *
 * Readers own nothing.  They take the greater of total and committed, look at
 * the postings up to it, and ask the log for each whether they may see it.
 *
 * Shedding: the process that raises in_runs also takes chunks away of which all versions
 * are in runs.  All but the newest chunk are read by others only, so cutting one off from
 * the newer one is enough.  The newest is the owner's to write; it is taken by an owner of
 * its own, ES_SHEDDING, for some instructions, in which claims wait.  A reader may still be
 * in a chunk that is taken, and read a posting there; so chunks are given back only after
 * all readers have left (guard.h).  When he looks for it again, he does not come there any
 * more, and finds in in_runs (acquire) that runs have it.
 *
 * Leaving: an entity of which all is in runs, or nothing was ever committed, is taken out of
 * the index by the same process, which owns it as ES_SHEDDING from then on; map.c says how.
 * Only an entity that a transaction owns is sure to stay.
 *
 *-------------------------------------------------------------------------
 */
#include "index/entity.h"

/* The owner while the newest chunk is taken away: no transaction. */
#define ES_SHEDDING PG_UINT64_MAX

/*
 * Postings of consecutive versions.  Chunks grow; the newest comes first.  All fields are
 * loaded and stored atomically.
 */
typedef struct Chunk
{
	EsRef		older;
	uint32		first_version;
	uint32		capacity;
	uint32		reserved;
	EsPosting	postings[FLEXIBLE_ARRAY_MEMBER];
} Chunk;

#define FIRST_CHUNK_CAPACITY	2U
#define MAX_CHUNK_CAPACITY		4094	/* two of them fill a segment */

uint32
es_entity_committed(const EsEntity *entity)
{
	return __atomic_load_n(&entity->committed, __ATOMIC_ACQUIRE);
}

uint32
es_entity_total(const EsEntity *entity)
{
	return __atomic_load_n(&entity->total, __ATOMIC_ACQUIRE);
}

/* The last version that a posting may exist for. */
uint32
es_entity_known(const EsEntity *entity)
{
	uint32		committed = es_entity_committed(entity);
	uint32		total = es_entity_total(entity);

	return Max(committed, total);
}

uint64
es_entity_owner(const EsEntity *entity)
{
	return __atomic_load_n(&entity->owner, __ATOMIC_ACQUIRE);
}

void
es_entity_set_total(EsEntity *entity, uint32 total)
{
	__atomic_store_n(&entity->total, total, __ATOMIC_RELEASE);
}

/* Raises committed to 'version' unless it is there already. */
static void
raise_committed(EsEntity *entity, uint32 version, EsCounts *counts)
{
	uint32		before = es_entity_committed(entity);

	while (before < version)
	{
		if (!__atomic_compare_exchange_n(&entity->committed, &before, version, false,
										 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			continue;
		__atomic_fetch_add(&counts->events, version - before, __ATOMIC_RELAXED);
		if (before == 0)
			__atomic_fetch_add(&counts->entities, 1, __ATOMIC_RELAXED);
		return;
	}
}

/* A version of the entity is seen to be committed by somebody else than its writer. */
void
es_entity_note_committed(EsEntity *entity, uint32 version, EsCounts *counts)
{
	raise_committed(entity, version, counts);
}

/*
 * Makes the (sub)transaction 'xid' the entity's owner if it is free, or has an owner that
 * the caller knows to have ended.  Otherwise *owner is whose fate must be known first; 0:
 * it is free again in a moment.  The caller is in the index.
 */
EsClaim
es_entity_try_claim(EsEntity *entity, uint64 xid, EsEnded ended, EsCounts *counts, uint64 *owner)
{
	uint64		now = __atomic_load_n(&entity->owner, __ATOMIC_ACQUIRE);
	uint32		total = es_entity_total(entity);

	*owner = now;
	if (now == xid)
		return ES_CLAIM_HELD;
	if (now == ES_SHEDDING)
	{
		*owner = 0;
		return ES_CLAIM_ASK;
	}
	if (now != 0)
	{
		if (now != ended.xid || __atomic_load_n(&entity->owner, __ATOMIC_ACQUIRE) != now)
			return ES_CLAIM_ASK;
		if (ended.how == ES_FATE_COMMITTED)
			raise_committed(entity, total, counts);
	}
	if (!__atomic_compare_exchange_n(&entity->owner, &now, xid, false,
									 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
	{
		*owner = now == ES_SHEDDING ? 0 : now;
		return ES_CLAIM_ASK;
	}
	es_entity_set_total(entity, es_entity_committed(entity));
	return ES_CLAIM_NEW;
}

/*
 * Ends the ownership of 'xid', which has ended and called itself, or which is
 * rolling back the savepoint in which it claimed.  Another transaction may have
 * done the same already.
 */
void
es_entity_release(EsEntity *entity, uint64 xid, bool committed, EsCounts *counts)
{
	uint32		total = es_entity_total(entity);
	uint64		owner = __atomic_load_n(&entity->owner, __ATOMIC_ACQUIRE);

	if (owner != xid)
		return;
	if (committed)
		raise_committed(entity, total, counts);
	__atomic_compare_exchange_n(&entity->owner, &owner, 0, false,
								__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* -------------------------------------------------------------------- runs */

/*
 * Versions up to here are found in sorted runs, whatever has become of their postings.  The
 * entity is resolved.
 */
uint32
es_entity_in_runs(const EsEntity *entity)
{
	return __atomic_load_n(&entity->in_runs, __ATOMIC_ACQUIRE);
}

/* Is it known how many versions there are of the entity? */
bool
es_entity_is_resolved(const EsEntity *entity)
{
	return es_entity_in_runs(entity) != ES_IN_RUNS_UNKNOWN;
}

/*
 * Sorted runs have so many versions of an entity that is not resolved; there are no
 * others.  The caller owns it, or builds the index.
 */
void
es_entity_resolve(EsEntity *entity, uint32 in_runs)
{
	__atomic_store_n(&entity->committed, in_runs, __ATOMIC_RELEASE);
	es_entity_set_total(entity, in_runs);
	__atomic_store_n(&entity->in_runs, in_runs, __ATOMIC_RELEASE);
}

/* The entity is one of those that are used. */
void
es_entity_note_use(EsEntity *entity)
{
	if (__atomic_load_n(&entity->used, __ATOMIC_RELAXED) == 0)
		__atomic_store_n(&entity->used, 1, __ATOMIC_RELAXED);
}

/*
 * Sorted runs have these versions, which are committed.  They count if all before them are
 * in runs as well.
 */
void
es_entity_note_in_runs(EsEntity *entity, uint32 first, uint32 last, EsCounts *counts)
{
	uint32		before = es_entity_in_runs(entity);

	if (before == ES_IN_RUNS_UNKNOWN)
		return;					/* what it has is in older ones */
	raise_committed(entity, last, counts);
	if (first <= before + 1 && last > before)
		__atomic_store_n(&entity->in_runs, last, __ATOMIC_RELEASE);
}

/* ---------------------------------------------------------------- postings */

#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define STORE(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELEASE)

static Chunk *
chunk_at(const EsPool *pool, EsRef ref)
{
	return ref == 0 ? NULL : es_ref_pointer(pool, ref);
}

static Chunk *
newest_chunk(const EsPool *pool, const EsEntity *entity)
{
	return chunk_at(pool, __atomic_load_n(&entity->postings, __ATOMIC_ACQUIRE));
}

static Chunk *
older_chunk(const EsPool *pool, const Chunk *chunk)
{
	return chunk_at(pool, LOAD(chunk->older));
}

/* The last version that there is room for in a chunk, be it one that can be or not. */
static uint64
last_version(const Chunk *chunk)
{
	return (uint64) LOAD(chunk->first_version) + LOAD(chunk->capacity) - 1;
}

/* Starts loading the newest chunk. */
void
es_postings_prefetch(const EsPool *pool, const EsEntity *entity)
{
	__builtin_prefetch(newest_chunk(pool, entity), 1);
}

static size_t
chunk_size(uint32 capacity)
{
	return offsetof(Chunk, postings) + capacity * sizeof(EsPosting);
}

/* Memory for a chunk of *capacity; of less, when there is just that.  0 when memory is full. */
static EsRef
allocate_chunk(EsPool *pool, EsArena *arena, uint32 *capacity)
{
	EsRef		ref;

	while ((ref = es_arena_alloc(pool, arena, chunk_size(*capacity))) == 0 &&
		   *capacity > FIRST_CHUNK_CAPACITY)
		*capacity /= 2;
	return ref;
}

/*
 * Chunks double, whatever is asked for, so that an index that is built anew
 * from the log needs the same memory.
 */
static bool
add_chunk(EsPool *pool, EsArena *arena, EsCounts *counts, EsEntity *entity)
{
	Chunk	   *newest = newest_chunk(pool, entity);
	uint32		capacity = newest == NULL ? FIRST_CHUNK_CAPACITY :
	Min(newest->capacity * 2, MAX_CHUNK_CAPACITY);
	EsRef		ref = allocate_chunk(pool, arena, &capacity);
	Chunk	   *chunk;

	if (ref == 0)
		return false;
	chunk = es_ref_pointer(pool, ref);
	for (uint32 i = 0; i < capacity; i++)
		es_posting_store(&chunk->postings[i], 0);
	STORE(chunk->reserved, 0);
	STORE(chunk->capacity, capacity);
	STORE(chunk->older, entity->postings);
	STORE(chunk->first_version, newest == NULL ? es_entity_in_runs(entity) + 1 : (uint32) last_version(newest) + 1);
	__atomic_store_n(&entity->postings, ref, __ATOMIC_RELEASE);
	__atomic_fetch_add(&counts->posting_bytes, chunk_size(capacity), __ATOMIC_RELAXED);
	return true;
}

/*
 * Makes room for postings up to version 'total'.  The caller owns the entity.
 * Returns false when memory is full; what was added stays as spare room.
 */
bool
es_postings_reserve(EsPool *pool, EsArena *arena, EsCounts *counts,
					EsEntity *entity, uint32 total)
{
	for (;;)
	{
		Chunk	   *newest = newest_chunk(pool, entity);

		if ((newest == NULL ? es_entity_in_runs(entity) : last_version(newest)) >= total)
			return true;
		if (!add_chunk(pool, arena, counts, entity))
			return false;
	}
}

/*
 * Where the posting of a version is, and in *count those of how many versions
 * from there on; NULL when there is none.
 */
EsPosting *
es_posting_slots(const EsPool *pool, const EsEntity *entity, uint32 version,
				 uint32 *count)
{
	Chunk	   *chunk = newest_chunk(pool, entity);
	uint32		first;
	uint32		capacity;

	while (chunk != NULL && LOAD(chunk->first_version) > version)
		chunk = older_chunk(pool, chunk);
	if (chunk == NULL)
		return NULL;
	first = LOAD(chunk->first_version);
	capacity = LOAD(chunk->capacity);
	if (version - first >= capacity)
		return NULL;
	*count = capacity - (version - first);
	return &chunk->postings[version - first];
}

/* The posting of a version; 0 when there is none. */
EsPosting
es_posting_get(const EsPool *pool, const EsEntity *entity, uint32 version)
{
	uint32		count;
	EsPosting  *slot = es_posting_slots(pool, entity, version, &count);

	return slot == NULL ? 0 : __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/* Sets the posting of a version for which room was reserved. */
void
es_posting_set(const EsPool *pool, EsEntity *entity, uint32 version,
			   EsPosting posting)
{
	uint32		count;

	es_posting_store(es_posting_slots(pool, entity, version, &count), posting);
}

/* Is there room in limbo for a chunk and all that are older, and for the entity? */
static bool
fit_limbo(const EsPool *pool, const Chunk *chunk, const EsLimbo *limbo)
{
	uint32		room = ES_LIMBO_PIECES - Min(limbo->count + 1, ES_LIMBO_PIECES);

	for (; chunk != NULL && room > 0; room--)
		chunk = older_chunk(pool, chunk);
	return chunk == NULL;
}

/* Puts a chunk and all that are older into limbo, where they fit; false when there is none. */
static bool
give_chunks(EsPool *pool, EsCounts *counts, Chunk *chunk, EsLimbo *limbo)
{
	bool		any = chunk != NULL;

	while (chunk != NULL)
	{
		size_t		size = chunk_size(LOAD(chunk->capacity));

		es_limbo_add(limbo, es_pointer_ref(pool, chunk), size);
		__atomic_fetch_sub(&counts->posting_bytes, size, __ATOMIC_RELAXED);
		chunk = older_chunk(pool, chunk);
	}
	return any;
}

/* Becomes the owner as ES_SHEDDING, unless a transaction that runs owns the entity. */
static bool
own_for_shedding(EsCounts *counts, EsEntity *entity, EsFateFunction fate, void *arg)
{
	uint64		owner = es_entity_owner(entity);

	if (owner != 0)
	{
		EsFate		how = fate(arg, owner);
		uint32		total = es_entity_total(entity);

		if (how == ES_FATE_RUNNING || how == ES_FATE_OWN || es_entity_owner(entity) != owner)
			return false;
		if (how == ES_FATE_COMMITTED)
			raise_committed(entity, total, counts);
	}
	return __atomic_compare_exchange_n(&entity->owner, &owner, ES_SHEDDING, false,
									   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Gives up an ownership as ES_SHEDDING: the entity stays. */
void
es_entity_stay(EsEntity *entity)
{
	__atomic_store_n(&entity->owner, 0, __ATOMIC_RELEASE);
}

/* Do runs have all of the entity? */
static bool
is_in_runs(const EsEntity *entity)
{
	return !es_entity_is_resolved(entity) || es_entity_committed(entity) == es_entity_in_runs(entity);
}

/* Does the caller own all of an entity that runs have, with room in limbo for its chunks? */
static bool
own_all(EsPool *pool, EsCounts *counts, EsEntity *entity, EsLimbo *limbo, EsFateFunction fate, void *arg)
{
	if (!is_in_runs(entity) || !own_for_shedding(counts, entity, fate, arg))
		return false;
	if (is_in_runs(entity) && fit_limbo(pool, newest_chunk(pool, entity), limbo))
		return true;
	es_entity_stay(entity);
	return false;
}

/* Takes all chunks of an entity that the caller owns and runs have. */
static bool
shed_all(EsPool *pool, EsCounts *counts, EsEntity *entity, EsLimbo *limbo)
{
	Chunk	   *newest = newest_chunk(pool, entity);

	/* a total of somebody who was rolled back would lead to postings */
	es_entity_set_total(entity, es_entity_committed(entity));
	__atomic_store_n(&entity->postings, 0, __ATOMIC_RELEASE);
	return give_chunks(pool, counts, newest, limbo);
}

/*
 * Takes the chunks away that runs make needless, into limbo, as far as they fit.  The caller
 * has the lock of compaction, and 'fate' tells how owners ended, at least of those that do
 * not run.  Returns whether there were any.
 */
bool
es_postings_shed(EsPool *pool, EsCounts *counts, EsEntity *entity, EsLimbo *limbo,
				 EsFateFunction fate, void *arg)
{
	uint32		in_runs = es_entity_in_runs(entity);
	Chunk	   *kept = newest_chunk(pool, entity);
	Chunk	   *older;
	bool		any;

	if (kept == NULL || in_runs == 0 || in_runs == ES_IN_RUNS_UNKNOWN)
		return false;
	while ((older = older_chunk(pool, kept)) != NULL &&
		   (last_version(older) > in_runs || !fit_limbo(pool, older, limbo)))
		kept = older;
	STORE(kept->older, 0);
	any = give_chunks(pool, counts, older, limbo);
	if (own_all(pool, counts, entity, limbo, fate, arg))
	{
		any |= shed_all(pool, counts, entity, limbo);
		es_entity_stay(entity);
	}
	return any;
}

/*
 * May the entity leave the index?  It may if runs have all of it, nobody writes it, and it
 * was not used since this was last asked.  Then it has an owner for good that is no
 * transaction, and its chunks are in limbo.  The caller is as above.
 */
bool
es_entity_leave(EsPool *pool, EsCounts *counts, EsEntity *entity, EsLimbo *limbo,
				EsFateFunction fate, void *arg)
{
	if (__atomic_exchange_n(&entity->used, 0, __ATOMIC_RELAXED) != 0 ||
		!own_all(pool, counts, entity, limbo, fate, arg))
		return false;
	(void) shed_all(pool, counts, entity, limbo);
	return true;
}

/*
 * While an index is built, by the one process that builds it: accounts for a
 * version that the log has, committed when owner is 0, else written by the
 * running transaction 'owner'.  Versions may come in any order.
 */
void
es_entity_restore(EsEntity *entity, uint32 version, uint64 owner, EsCounts *counts)
{
	if (owner == 0)
		raise_committed(entity, version, counts);
	else
		__atomic_store_n(&entity->owner, owner, __ATOMIC_RELEASE);
	es_entity_set_total(entity, Max(es_entity_total(entity), version));
}
