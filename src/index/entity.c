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
 *			   posting is stored and loaded whole, relaxed.
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
 *-------------------------------------------------------------------------
 */
#include "index/entity.h"

/* Postings of consecutive versions.  Chunks grow; the newest comes first. */
typedef struct Chunk
{
	EsRef		older;
	uint32		first_version;
	uint32		capacity;
	uint32		reserved;
	EsPosting	postings[FLEXIBLE_ARRAY_MEMBER];
} Chunk;

#define FIRST_CHUNK_CAPACITY	2
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
 * Makes the (sub)transaction 'xid' the entity's owner if it can be.  When the answer
 * is ES_CLAIM_WAIT, *owner is whom to wait for.
 */
EsClaim
es_entity_claim(EsEntity *entity, uint64 xid, EsFateFunction fate, void *arg,
				EsCounts *counts, uint64 *owner)
{
	*owner = __atomic_load_n(&entity->owner, __ATOMIC_ACQUIRE);
	for (;;)
	{
		if (*owner == xid)
			return ES_CLAIM_HELD;
		if (*owner != 0)
		{
			EsFate		how = fate(arg, entity, *owner);
			uint32		total = es_entity_total(entity);
			uint64		still = __atomic_load_n(&entity->owner, __ATOMIC_ACQUIRE);

			if (still != *owner)
			{
				*owner = still;
				continue;
			}
			if (how == ES_FATE_OWN)
				return ES_CLAIM_HELD;
			if (how == ES_FATE_RUNNING)
				return ES_CLAIM_WAIT;
			if (how == ES_FATE_COMMITTED)
				raise_committed(entity, total, counts);
		}
		if (__atomic_compare_exchange_n(&entity->owner, owner, xid, false,
										__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		{
			es_entity_set_total(entity, es_entity_committed(entity));
			return ES_CLAIM_NEW;
		}
	}
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

/* ---------------------------------------------------------------- postings */

static Chunk *
newest_chunk(const EsPool *pool, const EsEntity *entity)
{
	EsRef		ref = __atomic_load_n(&entity->postings, __ATOMIC_ACQUIRE);

	return ref == 0 ? NULL : es_ref_pointer(pool, ref);
}

/* Starts loading the newest chunk. */
void
es_postings_prefetch(const EsPool *pool, const EsEntity *entity)
{
	__builtin_prefetch(newest_chunk(pool, entity), 1);
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
	size_t		size = offsetof(Chunk, postings) + capacity * sizeof(EsPosting);
	EsRef		ref = es_arena_alloc(pool, arena, size);
	Chunk	   *chunk;

	if (ref == 0)
		return false;
	chunk = es_ref_pointer(pool, ref);
	memset(chunk, 0, size);
	chunk->older = entity->postings;
	chunk->first_version = newest == NULL ? 1 : newest->first_version + newest->capacity;
	chunk->capacity = capacity;
	__atomic_store_n(&entity->postings, ref, __ATOMIC_RELEASE);
	__atomic_fetch_add(&counts->posting_bytes, size, __ATOMIC_RELAXED);
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
		uint32		end = newest == NULL ? 0 : newest->first_version + newest->capacity - 1;

		if (end >= total)
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

	while (chunk != NULL && chunk->first_version > version)
		chunk = chunk->older == 0 ? NULL : es_ref_pointer(pool, chunk->older);
	if (chunk == NULL || version - chunk->first_version >= chunk->capacity)
		return NULL;
	*count = chunk->first_version + chunk->capacity - version;
	return &chunk->postings[version - chunk->first_version];
}

/* The posting of a version; 0 when there is none. */
EsPosting
es_posting_get(const EsPool *pool, const EsEntity *entity, uint32 version)
{
	uint32		count;
	EsPosting  *slot = es_posting_slots(pool, entity, version, &count);

	return slot == NULL ? 0 : __atomic_load_n(slot, __ATOMIC_RELAXED);
}

/* Sets the posting of a version for which room was reserved. */
void
es_posting_set(const EsPool *pool, EsEntity *entity, uint32 version,
			   EsPosting posting)
{
	uint32		count;

	es_posting_store(es_posting_slots(pool, entity, version, &count), posting);
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
		entity->owner = owner;
	entity->total = Max(entity->total, version);
}
