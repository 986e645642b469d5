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
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "append/memory.h"
#include "compact/compact.h"
#include "log/position.h"
#include "log/tail.h"
#include "pg/catalog.h"
#include "pg/compat.h"

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

/* What the transaction has come to, to be noted when it commits. */
static EsMergeResult pending;
static bool is_pending = false;

/*
 * Functions of the owner may be called as rows enter the table's indexes; they run with the
 * owner's rights, as they do when a table is vacuumed.
 */
static void
merge_as_owner(EsOpenStore *open, EsMergeResult *result)
{
	Oid			user;
	int			context;
	int			level = NewGUCNestLevel();

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(open->blocks->rd_rel->relowner, context | SECURITY_RESTRICTED_OPERATION);
	es_restrict_search_path();
	PushActiveSnapshot(GetTransactionSnapshot());
	es_merge(open, GetActiveSnapshot(), result);
	PopActiveSnapshot();
	AtEOXact_GUC(false, level);
	SetUserIdAndSecContext(user, context);
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
	merge_as_owner(&open, result);
	if (result->blocks_before > 0)
		ereport(DEBUG1,
				(errmsg_internal("eventstore merged " UINT64_FORMAT " blocks with " UINT64_FORMAT " events into " UINT64_FORMAT,
								 result->blocks_before, result->events, result->blocks_after)));
	result->small_blocks = small_blocks;
	result->unsettled |= es_slots_have_prepared(MyDatabaseId);
	pending = *result;
	is_pending = true;
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

/* Notes what a step has come to; its locks are still held. */
static void
note_step(const EsMergeResult *result)
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

static void
at_end(XactEvent event, void *arg pg_attribute_unused())
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (is_pending && event == XACT_EVENT_COMMIT)
		note_step(&pending);
	is_pending = false;
}

void
es_compact_install(void)
{
	RegisterXactCallback(at_end, NULL);
}
