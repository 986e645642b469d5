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

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "append/memory.h"
#include "compact/compact.h"
#include "compact/runs.h"
#include "log/follow.h"
#include "log/learn.h"
#include "log/position.h"
#include "log/stores.h"
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
 * This backend has merged blocks as far as the log was settled.  Sorted runs are written
 * after that, so that who has runs to begin with need not look at those blocks again.
 */
static bool merged_all = false;

/* Has sorted runs written or merged; there is more to do after that in any case. */
static void
step_of_runs(EsOpenStore *open, EsMergeResult *result)
{
	EsStore    *store = open->store;
	int64		end = store->next_position - 1;
	EsRunsResult runs;

	es_runs_step(open->blocks, GetActiveSnapshot(), &runs);
	if (!runs.more)
	{
		store->runs_tried = end;
		es_index_answer(store);
	}
	else
		ereport(DEBUG1,
				(errmsg_internal("eventstore wrote a sorted run of " UINT64_FORMAT " events", runs.events)));
	memset(result, 0, sizeof(*result));
	result->store = store;
	result->through = store->merged_through;
	result->more = true;
	result->bytes_read = runs.bytes;
	result->merged_runs = runs.merged;
}

/* What was before the owner's rights were taken. */
typedef struct Before
{
	Oid			user;
	int			context;
	int			level;			/* of settings */
} Before;

/*
 * Functions of the owner may be called as rows enter the tables' indexes; they run with the
 * owner's rights, as they do when a table is vacuumed.
 */
static Before
begin_as_owner(Relation blocks)
{
	Before		before = {.level = NewGUCNestLevel()};

	GetUserIdAndSecContext(&before.user, &before.context);
	SetUserIdAndSecContext(blocks->rd_rel->relowner, before.context | SECURITY_RESTRICTED_OPERATION);
	es_restrict_search_path();
	PushActiveSnapshot(GetTransactionSnapshot());
	return before;
}

static void
end_as_owner(Before before)
{
	PopActiveSnapshot();
	AtEOXact_GUC(false, before.level);
	SetUserIdAndSecContext(before.user, before.context);
}

/* Merges blocks, or has runs written once there are none to be merged, or memory is short. */
static void
step(EsOpenStore *open, EsMergeResult *result)
{
	Before		before = begin_as_owner(open->blocks);

	if ((merged_all || es_tail_memory_is_wanted(open->store) || es_index_memory_is_short(open->store)) &&
		es_runs_are_due(open))
		step_of_runs(open, result);
	else
	{
		es_merge(open, GetActiveSnapshot(), result);
		merged_all = !result->more;
		result->more |= es_runs_are_due(open);
	}
	end_as_owner(before);
}

static bool
lock_compaction(bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, es_position_sequence(), COMPACTION_LOCK_SUB_ID);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

static void
step_locked(EsMergeResult *result)
{
	EsOpenStore open;
	uint64		small_blocks;

	es_store_open(&open, RowExclusiveLock); /* a worker may have runs to write
											 * first */
	es_follow(&open);
	(void) lock_compaction(true);
	small_blocks = pg_atomic_read_u64(&open.store->compaction.small_blocks);
	pg_atomic_write_u32(&open.store->run_wanted, 0);	/* what is due from here
														 * on is told */
	(void) es_index_learn(&open);
	step(&open, result);
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

/* Does some of what there is to do.  The caller commits next. */
void
es_compact_step(EsMergeResult *result)
{
	es_scratch_reset();
	es_scratch_hold();
	PG_TRY();
	{
		step_locked(result);
	}
	PG_FINALLY();
	{
		es_scratch_release();
	}
	PG_END_TRY();
}

/* Who asks for compaction has what was tried in vain tried again. */
void
es_compact_try_again(void)
{
	es_store_mine()->runs_tried = 0;
}

/* Nothing can be done in this database: nobody need ask again for a while. */
void
es_compact_give_up(EsStore *store)
{
	store->runs_tried = store->next_position - 1;
	store->shed_through = store->runs_through;
	es_index_answer(store);
}

/*
 * Before the index is built, of a log of which it need not have all in memory: writes a
 * sorted run.  False when there is nothing to do, or a lock would have to be waited for: who
 * waits for the index may have one that the others wait for.  The caller commits next.
 */
bool
es_compact_before_build(void)
{
	EsStore    *store = es_store_mine();
	Relation	blocks;
	EsRunsResult result = {.more = false};

	if (!ConditionalLockRelationOid(es_blocks_oid(), RowExclusiveLock) ||
		!ConditionalLockRelationOid(es_runs_oid(), RowExclusiveLock) ||
		!ConditionalLockRelationOid(es_run_pages_oid(), RowExclusiveLock) ||
		!lock_compaction(false))
		return false;
	blocks = es_blocks_open(NoLock);
	if (pg_atomic_read_u32(&store->state) == ES_STORE_EMPTY && es_runs_are_far_behind(blocks))
	{
		Before		before = begin_as_owner(blocks);

		es_runs_step(blocks, GetActiveSnapshot(), &result);
		end_as_owner(before);
	}
	table_close(blocks, NoLock);
	return result.more;
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
