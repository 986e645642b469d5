/*-------------------------------------------------------------------------
 *
 * compact_api.c
 *	  compact() and its statistics.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "compact/compact.h"
#include "log/stores.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/shmem.h"

ES_FUNCTION(es_compact_sql);
ES_FUNCTION(es_stat_compaction_sql);

/* Each step is a transaction of its own. */
static void
check_may_commit(FunctionCallInfo fcinfo)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("eventstore.compact() cannot be called inside a transaction block or function"),
				 errdetail("It commits as it goes."),
				 errhint("Use CALL eventstore.compact() as a statement of its own.")));
}

/* The publisher compacts, and its changes could not be applied any more. */
static void
check_not_subscribed(void)
{
	if (es_blocks_are_subscribed())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot compact events that a subscription brings"),
				 errdetail("Changes of the publisher could not be applied to blocks that were merged here."),
				 errhint("Call eventstore.compact() at the publisher.")));
}

Datum
es_compact_sql(PG_FUNCTION_ARGS)
{
	EsMergeResult result;

	es_shmem_check_loaded();
	check_may_commit(fcinfo);
	es_check_owner("compact");
	check_not_subscribed();
	PreventCommandDuringRecovery("CALL eventstore.compact()");
	PreventCommandIfReadOnly("CALL eventstore.compact()");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	es_compact_try_again();
	do
	{
		SPI_commit();
		es_compact_begin_step();
		es_compact_step(&result);
		SPI_commit();
	} while (result.more);
	SPI_finish();
	PG_RETURN_VOID();
}

Datum
es_stat_compaction_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	EsCompactionCounters *counters;
	Datum		values[9];
	bool		nulls[9] = {false};

	es_check_may_monitor();
	counters = &es_store_mine()->compaction;
	InitMaterializedSRF(fcinfo, 0);
	values[0] = Int64GetDatum((int64) pg_atomic_read_u64(&counters->small_blocks));
	values[1] = Int64GetDatum((int64) pg_atomic_read_u64(&counters->steps));
	values[2] = Int64GetDatum((int64) pg_atomic_read_u64(&counters->events));
	values[3] = Int64GetDatum((int64) pg_atomic_read_u64(&counters->blocks_before));
	values[4] = Int64GetDatum((int64) pg_atomic_read_u64(&counters->blocks_after));
	values[5] = Int64GetDatum((int64) pg_atomic_read_u64(&counters->bytes_before));
	values[6] = Int64GetDatum((int64) pg_atomic_read_u64(&counters->bytes_after));
	values[7] = TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&counters->last_at));
	values[8] = Int64GetDatum((int64) pg_atomic_read_u64(&counters->failures));
	nulls[7] = pg_atomic_read_u64(&counters->last_at) == 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	return (Datum) 0;
}
