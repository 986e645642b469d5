/*-------------------------------------------------------------------------
 *
 * position.c
 *	  Positions: reserving them, and who else holds lower ones.
 *
 * A transaction that writes events announces itself in a slot before it takes
 * its first positions, so that whoever takes higher ones can write down in its
 * blocks that the lower ones may still appear (horizon.c reads that).  Slot
 * fields are written by the slot's backend alone:
 *
 *	  writer						another writer, with higher positions
 *	  1 slot.database, slot.xid
 *	  2 slot.lower = next_position
 *	  3 next_position += count
 *									4 next_position += its own count
 *									5 for each slot: lower, then xid
 *
 * 2 and 3 happen under position_lock, as 4 does.  So if the other's positions
 * are past a writer's, the writer's lower was stored before and is seen.  lower
 * is stored with release after xid and read with acquire before it: a lower that
 * is seen has its xid there, or that of a later transaction of the same backend,
 * and then too much is listed, which only holds readers up for longer.
 *
 * A slot is cleared after the transaction left the proc array, lower first: who
 * is not listed any more is not running in any snapshot that sees the block.
 * Who is listed may have ended, which a reader's snapshot knows by the xid.
 *
 * PREPARE TRANSACTION copies the slot to one of the prepared transactions'
 * slots, then clears it; readers look at those last, so they meet the entry
 * here or there.  A prepared slot is taken and given back by compare-and-swap
 * of xid; anybody gives back one whose transaction has ended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "catalog/pg_class.h"
#include "common/int.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "log/position.h"
#include "log/xact.h"
#include "pg/catalog.h"
#include "pg/compat.h"

/* Positions that one WAL record of the sequence makes durable. */
#define RESERVATION_STEP 65536

/* The prepared slot that this transaction has reserved, if any. */
static EsSlot *my_prepared_slot = NULL;

static EsSlot *
my_slot(void)
{
	return &es_shared->slots[es_my_backend_number()];
}

static EsSlot *
prepared_slot(int i)
{
	return &es_shared->slots[es_shared->backend_slots + i];
}

/* ------------------------------------------------------------------ slots */

static void
announce_xid(uint64 xid)
{
	EsSlot	   *slot = my_slot();

	if (slot->xid == xid)
		return;
	Assert(slot->lower == 0);
	slot->database = MyDatabaseId;
	__atomic_store_n(&slot->xid, xid, __ATOMIC_RELEASE);
}

/* Gives back a prepared slot whose transaction has ended. */
static void
free_prepared_slot(EsSlot *slot, uint64 xid)
{
	/* the entry goes out of use with its xid; lower is set on reuse */
	__atomic_compare_exchange_n(&slot->xid, &xid, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/*
 * Frees this backend's slot, and the prepared one of a PREPARE that failed; nothing here
 * can fail.  The transaction has ended by now, so another one may already have the
 * prepared slot.
 */
void
es_slot_clear(void)
{
	EsSlot	   *slot = my_slot();

	if (my_prepared_slot != NULL)
		free_prepared_slot(my_prepared_slot, slot->xid);
	my_prepared_slot = NULL;
	__atomic_store_n(&slot->lower, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->xid, 0, __ATOMIC_RELEASE);
}

/* Is there a prepared transaction that has appended to this database? */
bool
es_slots_have_prepared(Oid database)
{
	for (int i = 0; i < es_shared->prepared_slots; i++)
	{
		EsSlot	   *slot = prepared_slot(i);
		uint64		xid = __atomic_load_n(&slot->xid, __ATOMIC_ACQUIRE);

		if (xid != 0 && slot->database == database && es_xact_is_running(xid))
			return true;
	}
	return false;
}

static EsSlot *
take_prepared_slot(uint64 xid)
{
	for (int i = 0; i < es_shared->prepared_slots; i++)
	{
		EsSlot	   *slot = prepared_slot(i);
		uint64		holder = __atomic_load_n(&slot->xid, __ATOMIC_ACQUIRE);

		if (holder != 0 && es_xact_is_running(holder))
			continue;
		if (__atomic_compare_exchange_n(&slot->xid, &holder, xid, false,
										__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return slot;
	}
	return NULL;
}

static void
fill_prepared_slot(EsSlot *slot, Oid database, int64 lower)
{
	slot->database = database;
	__atomic_store_n(&slot->lower, lower, __ATOMIC_RELEASE);
}

/*
 * Before PREPARE TRANSACTION, while it can still fail: enters this transaction
 * among the prepared ones too.  Returns false when there is no room.
 */
bool
es_slot_reserve_prepared(void)
{
	EsSlot	   *slot = my_slot();

	if (slot->lower == 0)
		return true;
	my_prepared_slot = take_prepared_slot(slot->xid);
	if (my_prepared_slot == NULL)
		return false;
	fill_prepared_slot(my_prepared_slot, slot->database, slot->lower);
	return true;
}

/* After PREPARE TRANSACTION: the entry among the prepared ones stays. */
void
es_slot_move_to_prepared(void)
{
	my_prepared_slot = NULL;
	es_slot_clear();
}

/*
 * Enters a prepared transaction that was found in the log after a restart, or
 * lowers its entry.  Called by the builder of the database's index only.
 */
void
es_slot_restore_prepared(Oid database, uint64 xid, int64 lower)
{
	EsSlot	   *slot;

	for (int i = 0; i < es_shared->prepared_slots; i++)
	{
		slot = prepared_slot(i);
		if (slot->xid == xid)
		{
			if (slot->lower == 0 || lower < slot->lower)
				fill_prepared_slot(slot, database, lower);
			return;
		}
	}
	slot = take_prepared_slot(xid);
	if (slot == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("no slot for a prepared transaction that wrote events"),
				 errhint("Increase \"max_prepared_transactions\".")));
	fill_prepared_slot(slot, database, lower);
}

/* ---------------------------------------------------------------- samples */

/* Leaves every second sample out, so that few speak of a long time. */
static void
thin_samples(EsStore *store)
{
	for (int i = 1; 2 * i < store->sample_count; i++)
		store->samples[i] = store->samples[2 * i];
	store->sample_count = (store->sample_count + 1) / 2;
}

/*
 * Notes that no position from next_position on was in use when a snapshot with
 * this xmax was taken.  The caller holds position_lock, and took the snapshot
 * before it.
 */
static void
add_sample(EsStore *store, uint64 xmax)
{
	if (store->sample_count == ES_POSITION_SAMPLES)
		thin_samples(store);
	store->samples[store->sample_count++] = (EsPositionSample)
	{
		xmax, store->next_position
	};
}

/* Forgets the samples: rows may have been given other positions than ours. */
void
es_positions_forget_samples(EsStore *store)
{
	SpinLockAcquire(&store->position_lock);
	store->sample_count = 0;
	SpinLockRelease(&store->position_lock);
}

/*
 * A position from which on the snapshot sees no event: the first one that was not
 * in use when the oldest sample that is younger than the snapshot was taken.  A
 * snapshot whose xmax is lower than another's was taken earlier.
 */
int64
es_positions_limit(EsStore *store, Snapshot snapshot)
{
	uint64		xmax = es_xact_full(snapshot->xmax);
	int64		limit = PG_INT64_MAX;

	if (my_slot()->lower != 0 || IsParallelWorker())
		return limit;			/* it may see our own, which can be anywhere */
	SpinLockAcquire(&store->position_lock);
	for (int i = store->sample_count - 1; i >= 0 && store->samples[i].xmax > xmax; i--)
		limit = store->samples[i].position;
	SpinLockRelease(&store->position_lock);
	return limit;
}

/* ---------------------------------------------------------------- reserve */

/*
 * Takes 'count' positions from those already reserved durably.  Returns false
 * when there are not so many.
 */
static bool
take_positions(EsStore *store, int64 count, EsReservation *reservation)
{
	EsSlot	   *slot = my_slot();
	TimestampTz now = GetCurrentTimestamp();
	bool		enough;

	SpinLockAcquire(&store->position_lock);
	enough = store->position_limit - store->next_position >= count - 1;
	if (enough)
	{
		reservation->first_position = store->next_position;
		if (slot->lower == 0)
			__atomic_store_n(&slot->lower, store->next_position, __ATOMIC_RELEASE);
		store->next_position += count;
		store->last_recorded_at = Max(store->last_recorded_at, now);
		reservation->recorded_at = store->last_recorded_at;
	}
	SpinLockRelease(&store->position_lock);
	return enough;
}

/*
 * Moves the durable limit up.  A heavyweight lock that is held for nothing
 * else keeps the sequence and position_limit in step.
 */
static void
extend_limit(EsStore *store, int64 count)
{
	Oid			sequence = es_position_sequence();
	uint64		xmax;
	int64		limit;

	LockDatabaseObject(RelationRelationId, sequence, 1, ExclusiveLock);
	xmax = es_xact_full(GetLatestSnapshot()->xmax);
	SpinLockAcquire(&store->position_lock);
	add_sample(store, xmax);
	limit = store->next_position - 1;
	if (store->position_limit - limit >= count)
		limit = 0;				/* somebody else did it */
	else if (pg_add_s64_overflow(Max(limit, store->position_limit), Max(count, RESERVATION_STEP), &limit))
		limit = -1;
	SpinLockRelease(&store->position_lock);

	if (limit < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are no more positions"),
				 errdetail("The sequence \"eventstore.position_seq\", or the last event, is at the end of what a bigint can be.")));
	if (limit > 0)
	{
		es_sequence_set(sequence, limit);
		SpinLockAcquire(&store->position_lock);
		store->position_limit = limit;
		SpinLockRelease(&store->position_lock);
	}
	UnlockDatabaseObject(RelationRelationId, sequence, 1, ExclusiveLock);
}

/* Adds to a list that may be full, when the last entry stands for many. */
static void
add_inflight(EsInflightList *list, uint64 xid, int64 lower)
{
	EsInflight *last = &list->entries[ES_BLOCK_MAX_INFLIGHT - 1];

	if (list->count < ES_BLOCK_MAX_INFLIGHT)
	{
		list->entries[list->count++] = (EsInflight)
		{
			xid, lower
		};
		return;
	}
	list->capped = true;
	last->xid = Max(last->xid, xid);
	last->lower = Min(last->lower, lower);
}

/*
 * Lists who else may hold positions below 'position'.  Some of them may have
 * ended meanwhile, which readers find out by the xid.
 */
static void
list_inflight(uint64 xid, int64 position, EsInflightList *list)
{
	int			slots = es_shared->backend_slots + es_shared->prepared_slots;

	list->writer_xid = xid;
	list->cluster = es_shared->cluster;
	list->count = 0;
	list->capped = false;
	for (int i = 0; i < slots; i++)
	{
		EsSlot	   *slot = &es_shared->slots[i];
		int64		lower = __atomic_load_n(&slot->lower, __ATOMIC_ACQUIRE);
		uint64		other = __atomic_load_n(&slot->xid, __ATOMIC_ACQUIRE);

		if (lower == 0 || lower >= position || other == 0 || other == xid ||
			slot->database != MyDatabaseId)
			continue;
		if (i >= es_shared->backend_slots && !es_xact_is_running(other))
			free_prepared_slot(slot, other);
		else
			add_inflight(list, other, lower);
	}
}

/*
 * Reserves 'count' consecutive positions for the transaction 'xid', which the
 * server has assigned already.
 */
void
es_positions_reserve(EsStore *store, uint64 xid, int64 count,
					 EsReservation *reservation)
{
	announce_xid(xid);
	while (!take_positions(store, count, reservation))
		extend_limit(store, count);
	list_inflight(xid, reservation->first_position, &reservation->inflight);
}
