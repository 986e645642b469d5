/*-------------------------------------------------------------------------
 *
 * session.c
 *	  What this backend's transaction holds in the index, and what happens to
 *	  it when the transaction or a savepoint ends.
 *
 * A list has, in order, every entity that a call has touched, with the total
 * it had before and whether the call claimed it.  Rolling back a savepoint
 * goes back through the list: totals are restored, what was claimed inside is
 * given up.  At the end of the transaction all is released.  Callbacks neither
 * allocate nor raise errors.
 *
 * When a callback runs, others may have seen already that the transaction, or savepoint, has
 * ended, and may have let entities of it go.  So it looks in the index whether they are there.
 *
 * The entities can be touched only while the index is the one in which they
 * were claimed: store->generation tells.  Events that this transaction wrote
 * keep a lock on the block table, so nobody but itself can have had the index
 * built anew, after rewriting the table.  In the new index our own events stand
 * without their savepoints: it is private to us, and marked empty at the next
 * rollback or end.  Nobody else may build one meanwhile, who could not know
 * about our savepoints either; so the ACCESS EXCLUSIVE lock of the rewrite is
 * then kept to the end of the transaction, also when the savepoint in which it
 * was taken is rolled back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "log/position.h"
#include "log/session.h"
#include "log/xact.h"
#include "pg/compat.h"

typedef struct Touched
{
	EsEntity   *entity;
	uint64		hash;			/* of it */
	uint32		total;			/* before the call that touched it */
	uint64		claimed_by;		/* the xid by which that call claimed it, or 0 */
	int			level;			/* nesting level of the call */
} Touched;

typedef struct Session
{
	EsStore    *store;			/* NULL: the transaction wrote no events */
	uint64		generation;
	uint64		evictions;		/* of the index, when the first was touched */
	bool		private;		/* the index holds for this transaction only */
	int			dropped_level;	/* nesting level at which the block table was
								 * dropped, 0: it was not */
	Touched    *touched;
	uint32		count;
	uint32		capacity;
} Session;

static Session session;

/* Entities that are prefetched ahead. */
#define PREFETCH_DISTANCE 8

/* More than this is given back to the system after the transaction. */
#define KEPT_CAPACITY 65536

static bool
index_is_ours(void)
{
	return session.store->generation == session.generation;
}

/*
 * Does this transaction keep all others from the block table of the index?  Then a newer
 * index than the one that the session knows was built by a parallel worker of its own.
 */
static bool
table_is_ours(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, session.store->relid);
	return OidIsValid(session.store->relid) && es_lock_held_by_me(&tag, AccessExclusiveLock);
}

/*
 * A private index ends with the transaction, and begins anew with the rollback
 * of a savepoint; see the top.
 */
static void
empty_private_index(void)
{
	if (session.private && (index_is_ours() || table_is_ours()))
		pg_atomic_write_u32(&session.store->state, ES_STORE_EMPTY);
}

/* The entity that was touched, by who is in the index; NULL when it was let go. */
static EsEntity *
still_there(const Touched *touched)
{
	const EsIndex *index = &session.store->index;

	if (session.evictions % 2 == 0 && es_index_evictions(index) == session.evictions)
		return touched->entity;
	return es_index_still(es_pool, index, touched->hash, touched->entity);
}

/*
 * Undoes what was touched at this nesting level or deeper.  What was claimed
 * there may have another owner already, who saw that the subtransaction had
 * ended; so a total is restored only where an outer level holds the entity.
 */
static void
undo_to_level(int level)
{
	es_guard_enter();
	while (session.count > 0 && session.touched[session.count - 1].level >= level)
	{
		Touched    *last = &session.touched[--session.count];
		EsEntity   *entity;

		if (!index_is_ours() || (entity = still_there(last)) == NULL)
			continue;
		if (last->claimed_by != 0)
			es_entity_release(entity, last->claimed_by, false, &session.store->index.counts);
		else if (es_xact_is_own(es_entity_owner(entity)))
			es_entity_set_total(entity, last->total);
	}
	es_guard_leave();
}

static void
adopt_from_level(int level)
{
	session.dropped_level = Min(session.dropped_level, level - 1);
	for (uint32 i = session.count; i > 0 && session.touched[i - 1].level >= level; i--)
		session.touched[i - 1].level = level - 1;
}

/*
 * The block table is gone, and nobody else can have used the index since the
 * drop locked it: its memory goes back to the pool.
 */
static void
free_dropped_index(void)
{
	if (!index_is_ours())
		return;
	session.store->relid = InvalidOid;
	es_index_reset(es_pool, &session.store->index);
	es_counters_reset(session.store);
	pg_atomic_write_u32(&session.store->state, ES_STORE_EMPTY);
}

static void
forget(void)
{
	session.dropped_level = 0;
	session.store = NULL;
	session.count = 0;
	session.private = false;
	if (session.capacity > KEPT_CAPACITY)
	{
		pfree(session.touched);
		session.touched = NULL;
		session.capacity = 0;
	}
}

/* Counts by itself first: the shared counts are contended. */
static void
release_all(bool committed)
{
	EsCounts	counts = {0};

	es_guard_enter();
	for (uint32 i = 0; i < session.count && index_is_ours(); i++)
	{
		Touched    *touched = &session.touched[i];
		EsEntity   *entity;

		if (i + PREFETCH_DISTANCE < session.count)
			__builtin_prefetch(touched[PREFETCH_DISTANCE].entity, 1);
		if (touched->claimed_by != 0 && (entity = still_there(touched)) != NULL)
			es_entity_release(entity, touched->claimed_by, committed, &counts);
	}
	es_guard_leave();
	es_counts_add(&session.store->index.counts, &counts);
}

static void
end_transaction(void)
{
	empty_private_index();
	es_slot_clear();
	forget();
}

static void
on_transaction(XactEvent event, void *arg pg_attribute_unused())
{
	if (session.store == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (!es_slot_reserve_prepared())
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("no slot for a prepared transaction that wrote events"),
						 errhint("Increase \"max_prepared_transactions\".")));
			break;
		case XACT_EVENT_PREPARE:
			/* the claims stay; who meets them looks at the xid */
			es_slot_move_to_prepared();

			/* COMMIT PREPARED calls nothing; a rollback finds the log */
			if (session.dropped_level != 0)
				free_dropped_index();
			empty_private_index();
			forget();
			break;
		case XACT_EVENT_COMMIT:
			if (session.dropped_level == 0)
				release_all(true);
			else
				free_dropped_index();
			end_transaction();
			break;
		case XACT_EVENT_ABORT:
			release_all(false);
			end_transaction();
			break;
		default:
			break;
	}
}

static void
on_subtransaction(SubXactEvent event, SubTransactionId mine pg_attribute_unused(),
				  SubTransactionId parent pg_attribute_unused(),
				  void *arg pg_attribute_unused())
{
	int			level = GetCurrentTransactionNestLevel();

	if (session.store == NULL)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		adopt_from_level(level);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		undo_to_level(level);
		empty_private_index();
		if (session.dropped_level >= level)
			session.dropped_level = 0;
	}
}

void
es_session_install(void)
{
	RegisterXactCallback(on_transaction, NULL);
	RegisterSubXactCallback(on_subtransaction, NULL);
}

/*
 * From here on the session is about the index that the store has now.  What was
 * touched in an older one is gone with it: it was rolled back, or is there
 * again as found in the log.
 */
static void
attach(EsStore *store)
{
	if (session.store != NULL && !index_is_ours())
	{
		session.count = 0;
		session.private = session.private && table_is_ours();
		session.dropped_level = 0;
	}
	session.store = store;
	session.generation = store->generation;
}

/* Does the transaction have anything to do with an index? */
bool
es_session_is_used(void)
{
	return session.store != NULL;
}

/*
 * Before entities are claimed: makes room for them, since nothing may fail
 * between a claim and its entry.
 */
void
es_session_begin(EsStore *store, uint32 new_claims)
{
	uint32		wanted;

	attach(store);
	if (session.count == 0)
		session.evictions = es_index_evictions(&store->index);
	wanted = session.count + new_claims;
	if (wanted > session.capacity)
	{
		wanted = Max(wanted, session.capacity * 2);
		if (session.touched == NULL)
			session.touched = MemoryContextAllocHuge(TopMemoryContext, wanted * sizeof(Touched));
		else
			session.touched = repalloc_huge(session.touched, wanted * sizeof(Touched));
		session.capacity = wanted;
	}
}

/*
 * Enters an entity that this transaction owns: since before, or claimed just
 * now by the (sub)transaction claimed_by.  Follows the claim without
 * anything between that could fail.
 */
void
es_session_add(EsEntity *entity, uint32 total, uint64 claimed_by)
{
	int			level = GetCurrentTransactionNestLevel();
	Touched    *touched;

	if (claimed_by == 0 && level == 1)
		return;					/* only all of the transaction can undo this */
	touched = &session.touched[session.count++];
	Assert(session.count <= session.capacity);
	touched->entity = entity;
	touched->hash = entity->hash;
	touched->total = total;
	touched->claimed_by = claimed_by;
	touched->level = level;
}

/*
 * Keeps the lock on a table to the end of the transaction if it is held as
 * ACCESS EXCLUSIVE.  That never waits.
 */
static void
keep_exclusive_lock(Oid relid)
{
	ResourceOwner owner = CurrentResourceOwner;
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	if (!OidIsValid(relid) || !es_lock_held_by_me(&tag, AccessExclusiveLock))
		return;
	CurrentResourceOwner = TopTransactionResourceOwner;
	(void) LockAcquire(&tag, AccessExclusiveLock, false, false);
	CurrentResourceOwner = owner;
}

/*
 * This transaction changes the block table by other means than ours, under an
 * ACCESS EXCLUSIVE lock: what the index says after that holds until the next
 * rollback or end only.
 */
void
es_session_table_changed(EsStore *store, Oid relid)
{
	keep_exclusive_lock(relid);
	attach(store);
	session.private = true;
}

/*
 * This backend is about to build the index, for this table and no longer for
 * the one that the store has.
 */
void
es_session_index_leaves(EsStore *store, Oid relid)
{
	if (session.store == NULL)
		return;
	keep_exclusive_lock(relid);
	keep_exclusive_lock(store->relid);
}

/*
 * This backend has built the index; own_events says that uncommitted ones of
 * its own are in it.
 */
void
es_session_index_built(EsStore *store, bool own_events)
{
	bool		private = own_events || (session.store != NULL && session.private);

	if (!private)
		return;
	attach(store);
	session.count = 0;
	session.private = true;
}

/*
 * This transaction has dropped the block table whose index the store has.
 */
void
es_session_table_dropped(EsStore *store)
{
	attach(store);
	session.dropped_level = GetCurrentTransactionNestLevel();
}
