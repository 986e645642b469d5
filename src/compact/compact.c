/*-------------------------------------------------------------------------
 *
 * compact.c
 *	  Compaction, one transaction after the other.
 *
 * Who compacts holds an object lock for the transaction, which nobody else takes.  Its
 * snapshot is taken after the lock was got, so that it sees what another has merged.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "append/memory.h"
#include "compact/compact.h"
#include "log/tail.h"
#include "pg/catalog.h"

/* Of the position sequence, for the lock of compaction. */
#define COMPACTION_LOCK_SUB_ID 2

/*
 * To be called when the transaction of a step has begun, and nothing was done in it: its
 * isolation level does not depend on settings, and nobody waits for it to be on disk, since
 * what is lost in a crash is merged again.
 */
void
es_compact_begin_step(void)
{
	XactIsoLevel = XACT_READ_COMMITTED;
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

static void
merge_locked(EsMergeResult *result)
{
	EsOpenStore open;
	uint64		small_blocks;

	LockDatabaseObject(RelationRelationId, es_position_sequence(), COMPACTION_LOCK_SUB_ID,
					   ExclusiveLock);
	es_store_open(&open, RowExclusiveLock);
	small_blocks = pg_atomic_read_u64(&open.store->compaction.small_blocks);
	PushActiveSnapshot(GetTransactionSnapshot());
	es_merge(&open, GetActiveSnapshot(), result);
	result->small_blocks = small_blocks;
	PopActiveSnapshot();
	es_store_close(&open);
}

/* Merges some of what can be merged.  The caller commits next. */
void
es_compact_step(EsMergeResult *result)
{
	es_scratch_reset();
	es_scratch_hold();
	PG_TRY();
	{
		merge_locked(result);
	}
	PG_FINALLY();
	{
		es_scratch_release();
	}
	PG_END_TRY();
}

/* Notes what a step has come to, after its transaction has committed. */
void
es_compact_step_committed(const EsMergeResult *result)
{
	EsStore    *store = result->store;
	EsCompactionCounters *counters = &store->compaction;

	store->merged_through = Max(store->merged_through, result->through);
	if (!result->more)
		es_tail_take(store, result->small_blocks, result->unsettled);
	if (result->blocks_before == 0)
		return;
	pg_atomic_fetch_add_u64(&counters->steps, 1);
	pg_atomic_fetch_add_u64(&counters->events, result->events);
	pg_atomic_fetch_add_u64(&counters->blocks_before, result->blocks_before);
	pg_atomic_fetch_add_u64(&counters->blocks_after, result->blocks_after);
	pg_atomic_fetch_add_u64(&counters->bytes_before, result->bytes_before);
	pg_atomic_fetch_add_u64(&counters->bytes_after, result->bytes_after);
	pg_atomic_write_u64(&counters->last_at, (uint64) GetCurrentTimestamp());
}
