/*-------------------------------------------------------------------------
 *
 * read_api.c
 *	  The functions that read events.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "log/read.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "row/input.h"
#include "row/output.h"

ES_FUNCTION(es_read_entity_sql);
ES_FUNCTION(es_read_all_sql);
ES_FUNCTION(es_entity_version_sql);
ES_FUNCTION(es_last_event_sql);
ES_FUNCTION(es_get_event_sql);
ES_FUNCTION(es_safe_position_sql);

/* -------------------------------------------------------------- arguments */

/* A tenant as given: empty stands for the default, also when null. */
static EsSlice
tenant_argument(FunctionCallInfo fcinfo, int n)
{
	EsEvent		holder;

	memset(&holder, 0, sizeof(holder));
	if (!PG_ARGISNULL(n))
		es_event_set_tenant_text(&holder, es_text_datum_slice(PG_GETARG_DATUM(n)), 0);
	return holder.tenant_id;
}

static EsSlice
entity_argument(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		es_report_null("entity_id", 0);
	return es_text_datum_slice(PG_GETARG_DATUM(n));
}

/* A limit; null is no limit. */
static int64
count_argument(FunctionCallInfo fcinfo, int n)
{
	int64		count = PG_ARGISNULL(n) ? PG_INT64_MAX : PG_GETARG_INT64(n);

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_count must not be negative")));
	return count;
}

/* ---------------------------------------------------------------- results */

/* Receives events as rows of the function's result. */
static void
put_row(void *arg, const EsStoredEvent *stored)
{
	ReturnSetInfo *result = arg;
	Datum		values[ES_RECORDED_NATTS];
	bool		nulls[ES_RECORDED_NATTS];

	es_recorded_values(stored, values, nulls);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
check_columns(TupleDesc desc)
{
	if (desc->natts != ES_RECORDED_NATTS)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("attributes of the type recorded_event were added or dropped"),
				 errhint("The type must be as CREATE EXTENSION made it.")));
}

static EsSink
begin_rows(FunctionCallInfo fcinfo)
{
	es_check_may_read();
	InitMaterializedSRF(fcinfo, 0);
	check_columns(((ReturnSetInfo *) fcinfo->resultinfo)->setDesc);
	return (EsSink)
	{
		put_row, fcinfo->resultinfo
	};
}

/* Receives one event as a row in memory that outlives the read. */
typedef struct OneRow
{
	TupleDesc	desc;
	MemoryContext context;
	HeapTuple	tuple;			/* NULL: no event */
} OneRow;

static void
keep_row(void *arg, const EsStoredEvent *stored)
{
	OneRow	   *row = arg;
	Datum		values[ES_RECORDED_NATTS];
	bool		nulls[ES_RECORDED_NATTS];
	MemoryContext before;

	es_recorded_values(stored, values, nulls);
	before = MemoryContextSwitchTo(row->context);
	row->tuple = heap_form_tuple(row->desc, values, nulls);
	MemoryContextSwitchTo(before);
}

static void
begin_row(FunctionCallInfo fcinfo, OneRow *row)
{
	es_check_may_read();
	if (get_call_result_type(fcinfo, NULL, &row->desc) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function returning record called in context that cannot accept type record")));
	check_columns(row->desc);
	row->desc = BlessTupleDesc(row->desc);
	row->context = CurrentMemoryContext;
	row->tuple = NULL;
}

static Datum
end_row(FunctionCallInfo fcinfo, OneRow *row)
{
	if (row->tuple == NULL)
		PG_RETURN_NULL();
	return HeapTupleGetDatum(row->tuple);
}

/* -------------------------------------------------------------- functions */

Datum
es_read_entity_sql(PG_FUNCTION_ARGS)
{
	EsEntityQuery query = {
		.entity_id = entity_argument(fcinfo, 0),
		.from_version = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1),
		.max_count = count_argument(fcinfo, 2),
		.backward = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3),
		.tenant_id = tenant_argument(fcinfo, 4)
	};
	EsSink		sink = begin_rows(fcinfo);

	if (!query.backward || PG_ARGISNULL(1) || query.from_version > 0)
		es_read_entity(&query, &sink);
	return (Datum) 0;
}

Datum
es_read_all_sql(PG_FUNCTION_ARGS)
{
	EsLogQuery	query = {
		.after_position = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0),
		.max_count = count_argument(fcinfo, 1),
		.one_tenant = !PG_ARGISNULL(2),
		.tenant_id = tenant_argument(fcinfo, 2)
	};
	EsSink		sink = begin_rows(fcinfo);

	es_read_log(&query, &sink);
	return (Datum) 0;
}

Datum
es_entity_version_sql(PG_FUNCTION_ARGS)
{
	EsSlice		entity_id = entity_argument(fcinfo, 0);

	es_check_may_read();
	PG_RETURN_INT64(es_read_entity_version(tenant_argument(fcinfo, 1), entity_id));
}

Datum
es_last_event_sql(PG_FUNCTION_ARGS)
{
	OneRow		row;
	EsSink		sink = {keep_row, &row};
	EsEntityQuery query = {
		.entity_id = entity_argument(fcinfo, 0),
		.max_count = 1,
		.backward = true,
		.tenant_id = tenant_argument(fcinfo, 2)
	};

	begin_row(fcinfo, &row);
	if (!PG_ARGISNULL(1))
	{
		query.event_type = es_text_datum_slice(PG_GETARG_DATUM(1));
		if (query.event_type.size == 0)
			PG_RETURN_NULL();	/* no event has the empty type */
	}
	es_read_entity(&query, &sink);
	return end_row(fcinfo, &row);
}

Datum
es_get_event_sql(PG_FUNCTION_ARGS)
{
	OneRow		row;
	EsSink		sink = {keep_row, &row};

	begin_row(fcinfo, &row);
	if (!PG_ARGISNULL(0))
		es_read_position(PG_GETARG_INT64(0), &sink);
	return end_row(fcinfo, &row);
}

Datum
es_safe_position_sql(PG_FUNCTION_ARGS)
{
	es_check_may_read();
	PG_RETURN_INT64(es_read_safe_position());
}
