/*-------------------------------------------------------------------------
 *
 * compactor.c
 *	  The background process that compacts a database.
 *
 * It does what there is to do, step by step, vacuums the tables from time to time, so that
 * the room of deleted rows is used again, and ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "commands/extension.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compact/compact.h"
#include "log/stores.h"
#include "log/tail.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/settings.h"
#include "worker/compactor.h"

/* Rows that are deleted before the table is vacuumed, at least, and of all of its rows. */
#define VACUUM_ROWS 20000
#define VACUUM_FRACTION 0.1

/* Rows that are left to autovacuum when there is nothing more to merge. */
#define FEW_ROWS 1000

/* How long the process stays when there is nothing to do, and looks how often. */
#define LINGER_MS 1000
#define LINGER_STEP_MS 50

/* How long it may work for one database while another one has none, in milliseconds. */
#define LONGEST_TURN_MS 10000

/* The database is there. */
static bool connected = false;

/* What waits to be vacuumed. */
typedef struct Deleted
{
	uint64		rows;
	TransactionId xid;			/* of the first step that deleted them */
	double		enough;			/* so many are worth it */
	TransactionId runs_xid;		/* of the step that merged runs last, if it
								 * did */
} Deleted;

/* ------------------------------------------------------------------- vacuum */

/* Would vacuuming free rows that this transaction deleted?  Not while a snapshot may see them. */
static bool
can_be_freed(TransactionId xid)
{
	Relation	blocks = es_blocks_open(AccessShareLock);
	bool		can = TransactionIdPrecedes(xid, GetOldestNonRemovableTransactionId(blocks));

	table_close(blocks, AccessShareLock);
	return can;
}

/* How many deleted rows are worth to go through all of the index for. */
static double
rows_worth_vacuum(void)
{
	Relation	blocks = es_blocks_open(AccessShareLock);
	double		rows = Max(blocks->rd_rel->reltuples, 0);

	table_close(blocks, AccessShareLock);
	return Max(VACUUM_ROWS, rows * VACUUM_FRACTION);
}

/* Vacuums a table of the extension. */
static void
vacuum_table(Oid (*find) (void))
{
	VacuumParams params;
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "eventstore vacuum",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext before;
	VacuumRelation *relation;

	StartTransactionCommand();
	before = MemoryContextSwitchTo(context);
	relation = makeVacuumRelation(NULL, find(), NIL);
	memset(&params, 0, sizeof(params));
	params.options = ES_VACUUM_TABLE | VACOPT_SKIP_LOCKED;
	params.freeze_min_age = params.freeze_table_age = -1;
	params.multixact_freeze_min_age = params.multixact_freeze_table_age = -1;
	params.log_min_duration = -1;
	params.index_cleanup = VACOPTVALUE_AUTO;
	params.truncate = VACOPTVALUE_DISABLED;
	params.nworkers = -1;
	PortalContext = context;
	es_vacuum(list_make1(relation), &params, context);
	PortalContext = NULL;
	MemoryContextSwitchTo(before);
	CommitTransactionCommand();
	MemoryContextDelete(context);
}

/* Vacuums the block table when 'least' rows can be freed. */
static void
vacuum_if_due(Deleted *deleted, double least)
{
	bool		due;

	if (deleted->rows < least)
		return;
	StartTransactionCommand();
	due = can_be_freed(deleted->xid);
	deleted->enough = rows_worth_vacuum();
	CommitTransactionCommand();
	if (!due)
		return;
	vacuum_table(es_blocks_oid);
	deleted->rows = 0;
}

/* Vacuums the tables of sorted runs, when runs have become another. */
static void
vacuum_runs_if_due(Deleted *deleted)
{
	bool		due;

	if (!TransactionIdIsValid(deleted->runs_xid))
		return;
	StartTransactionCommand();
	due = can_be_freed(deleted->runs_xid);
	CommitTransactionCommand();
	if (!due)
		return;
	vacuum_table(es_run_pages_oid);
	vacuum_table(es_runs_oid);
	deleted->runs_xid = InvalidTransactionId;
}

/* -------------------------------------------------------------------- steps */

/* One transaction; false when there is no store, or no longer, or it is not to be changed here. */
static bool
step(EsMergeResult *result, Deleted *deleted)
{
	TransactionId xid;

	StartTransactionCommand();
	es_compact_begin_step();
	if (!OidIsValid(get_extension_oid("eventstore", true)) || es_blocks_are_subscribed())
	{
		pg_atomic_write_u64(&es_store_mine()->compaction.small_blocks, 0);
		es_compact_give_up(es_store_mine());
		deleted->rows = 0;
		CommitTransactionCommand();
		return false;
	}
	es_compact_step(result);
	xid = GetTopTransactionIdIfAny();
	CommitTransactionCommand();
	if (deleted->rows == 0)
		deleted->xid = xid;
	deleted->rows += result->blocks_before;
	if (result->merged_runs)
		deleted->runs_xid = xid;
	pgstat_report_stat(false);
	return true;
}

static void
sleep_ms(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/*
 * Sleeps as long as the rate that is set wants for so many bytes, of a step, unless somebody
 * waits.
 */
static void
keep_rate(EsStore *store, uint64 bytes)
{
	TimestampTz start = GetCurrentTimestamp();

	while (es_compaction && es_compaction_rate_kb > 0 && !es_tail_memory_is_wanted(store) &&
		   !TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   (int) (bytes * 1000 / 1024 / es_compaction_rate_kb)))
		sleep_ms(LINGER_STEP_MS);
}

/* Is the process wanted for another database, after it had some time for this one? */
static bool
must_make_room(TimestampTz start)
{
	return pg_atomic_read_u32(&es_shared->others_wait) != 0 &&
		TimestampDifferenceExceeds(start, GetCurrentTimestamp(), LONGEST_TURN_MS);
}

/* Waits whether small blocks come soon again, so that one process need not follow the other. */
static bool
wait_for_more(EsStore *store)
{
	for (int i = 0; i < LINGER_MS / LINGER_STEP_MS && es_compaction; i++)
	{
		if (pg_atomic_read_u32(&es_shared->others_wait) != 0)
			return false;
		sleep_ms(LINGER_STEP_MS);
		if (pg_atomic_read_u64(&store->compaction.small_blocks) >= (es_compaction_delay_s == 0 ? 1 : ES_TAIL_FULL))
			return true;
	}
	return false;
}

static void
compact_all(EsStore *store)
{
	TimestampTz start = GetCurrentTimestamp();
	Deleted		deleted = {
		.rows = pg_atomic_read_u64(&store->compaction.dead_rows),
		.xid = pg_atomic_read_u32(&store->compaction.dead_xid),
		.enough = VACUUM_ROWS
	};
	EsMergeResult result = {.more = true};

	while (es_compaction && !must_make_room(start) && step(&result, &deleted))
	{
		CHECK_FOR_INTERRUPTS();
		vacuum_if_due(&deleted, deleted.enough);
		vacuum_runs_if_due(&deleted);
		keep_rate(store, result.bytes_read);
		if (!result.more && !wait_for_more(result.store))
			break;
	}
	vacuum_if_due(&deleted, FEW_ROWS);
	pg_atomic_write_u32(&store->compaction.dead_xid, deleted.xid);
	pg_atomic_write_u64(&store->compaction.dead_rows, deleted.rows);
}

/*
 * Counts a failure, for the launcher and for stat_compaction.  Who cannot even connect must
 * not be started again: the database is gone.
 */
static void
at_exit(int code, Datum database)
{
	EsStore    *store = es_store_of(DatumGetObjectId(database));
	uint32		worker = (uint32) MyProcPid;

	if (store == NULL)
		return;
	(void) pg_atomic_compare_exchange_u32(&store->compaction.worker, &worker, 0);
	if (code != 0)
		pg_atomic_fetch_add_u64(&store->compaction.failures, 1);
	if (!connected)
	{
		pg_atomic_write_u64(&store->compaction.small_blocks, 0);
		es_compact_give_up(store);
	}
}

/* An error ends the process, with the error in the log. */
void
es_compactor_main(Datum database)
{
	EsStore    *store = es_store_of(DatumGetObjectId(database));

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	before_shmem_exit(at_exit, database);
	if (store != NULL)
		pg_atomic_write_u32(&store->compaction.worker, (uint32) MyProcPid);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	connected = true;
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "", PGC_SUSET, PGC_S_OVERRIDE);
	pgstat_report_activity(STATE_RUNNING, "eventstore: compaction");
	if (store != NULL)
		compact_all(store);
	proc_exit(0);
}
