/*-------------------------------------------------------------------------
 *
 * operate_api.c
 *	  Statistics, verify(), rebuild_index(), and the guard of the block table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "kernel/kernel.h"
#include "log/ids.h"
#include "log/kernel_use.h"
#include "log/store.h"
#include "log/stores.h"
#include "log/verify.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/errors.h"
#include "pg/shmem.h"
#include "row/output.h"

ES_FUNCTION(es_stat_index_sql);
ES_FUNCTION(es_stat_ingest_sql);
ES_FUNCTION(es_stat_kernel_sql);
ES_FUNCTION(es_verify_sql);
ES_FUNCTION(es_rebuild_index_sql);
ES_FUNCTION(es_blocks_changed);

static uint64
load(const uint64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void
put_values(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static const char *
state_name(EsStore *store)
{
	switch ((EsStoreState) pg_atomic_read_u32(&store->state))
	{
		case ES_STORE_EMPTY:
			return "not built";
		case ES_STORE_BUILDING:
			return "building";
		case ES_STORE_READY:
			return store->damaged ? "damaged" : "ready";
	}
	return NULL;
}

static Datum
interval_us(uint64 microseconds)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = (TimeOffset) microseconds;
	return IntervalPGetDatum(interval);
}

Datum
es_stat_index_sql(PG_FUNCTION_ARGS)
{
	EsStore    *store;
	uint32		segments;
	Datum		values[12];
	bool		nulls[12] = {false};

	es_check_may_monitor();
	store = es_store_mine();
	segments = es_pool_segment_count(es_pool);
	InitMaterializedSRF(fcinfo, 0);
	values[0] = CStringGetTextDatum(state_name(store));
	values[1] = Int64GetDatum(load(&store->index.counts.entities));
	values[2] = Int64GetDatum(load(&store->index.counts.events));
	values[3] = Int64GetDatum((int64) (segments - es_pool_free_count(es_pool)) * ES_SEGMENT_SIZE);
	values[4] = Int64GetDatum((int64) segments * ES_SEGMENT_SIZE);
	values[5] = Int64GetDatum(load(&store->index.counts.entity_bytes));
	values[6] = Int64GetDatum(load(&store->index.counts.posting_bytes));
	values[7] = Int64GetDatum(load(&store->index.counts.id_bytes));
	values[8] = BoolGetDatum(es_ids_complete(&store->index));
	values[9] = Int64GetDatum(pg_atomic_read_u64(&store->blocks_read));
	values[10] = Int64GetDatum(pg_atomic_read_u64(&store->blocks_total));
	values[11] = interval_us(pg_atomic_read_u64(&store->built_us));
	put_values(fcinfo, values, nulls);
	return (Datum) 0;
}

Datum
es_stat_ingest_sql(PG_FUNCTION_ARGS)
{
	EsIngestCounters *counters;
	Datum		values[8];
	bool		nulls[8] = {false};

	es_check_may_monitor();
	counters = &es_store_mine()->counters;
	InitMaterializedSRF(fcinfo, 0);
	values[0] = Int64GetDatum(pg_atomic_read_u64(&counters->batches));
	values[1] = Int64GetDatum(pg_atomic_read_u64(&counters->events));
	values[2] = Int64GetDatum(pg_atomic_read_u64(&counters->duplicates));
	values[3] = Int64GetDatum(pg_atomic_read_u64(&counters->event_bytes));
	values[4] = Int64GetDatum(pg_atomic_read_u64(&counters->blocks));
	values[5] = Int64GetDatum(pg_atomic_read_u64(&counters->block_bytes));
	values[6] = Int64GetDatum(pg_atomic_read_u64(&counters->conflicts));
	values[7] = Int64GetDatum(pg_atomic_read_u64(&counters->waits));
	put_values(fcinfo, values, nulls);
	return (Datum) 0;
}

Datum
es_stat_kernel_sql(PG_FUNCTION_ARGS)
{
	es_check_may_monitor();
	es_shmem_check_loaded();
	es_kernel_use_flush();
	InitMaterializedSRF(fcinfo, 0);
	for (int loop = 0; loop < ES_KERNEL_LOOPS; loop++)
	{
		EsKernelCounters *counters = &es_shared->kernel_use[loop];
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = CStringGetTextDatum(es_kernel_loop_name(loop));
		values[1] = CStringGetTextDatum(es_kernel->name);
		values[2] = Int64GetDatum(pg_atomic_read_u64(&counters->calls));
		values[3] = Int64GetDatum(pg_atomic_read_u64(&counters->rows));
		put_values(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

static void
put_problem(void *arg, const EsProblem *problem)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = CStringGetTextDatum(problem->severity);
	nulls[1] = problem->position == 0;
	values[1] = Int64GetDatum(problem->position);
	nulls[2] = problem->entity_id.data == NULL;
	values[2] = nulls[2] ? (Datum) 0 : es_text_datum(problem->entity_id);
	values[3] = CStringGetTextDatum(problem->text);
	put_values(arg, values, nulls);
}

Datum
es_verify_sql(PG_FUNCTION_ARGS)
{
	es_check_may_read();
	InitMaterializedSRF(fcinfo, 0);
	es_verify(put_problem, fcinfo);
	return (Datum) 0;
}

Datum
es_rebuild_index_sql(PG_FUNCTION_ARGS pg_attribute_unused())
{
	es_check_owner("rebuild_index");
	es_store_rebuild();
	PG_RETURN_VOID();
}

/*
 * Trigger on the block table, for changes that do not come from ingest: a
 * restored dump, logical replication, repairs by the owner.
 */
Datum
es_blocks_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !es_is_blocks(trigger->tg_relation))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"blocks_changed\" is the trigger of the block table only")));
	if (es_shared != NULL)
		es_store_rows_changed(trigger->tg_relation);
	return PointerGetDatum(NULL);
}
