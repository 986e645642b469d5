/*-------------------------------------------------------------------------
 *
 * result.c
 *	  Arguments and results that functions which read events have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/tuplestore.h"

#include "api/result.h"
#include "pg/catalog.h"
#include "row/input.h"
#include "row/output.h"

/* -------------------------------------------------------------- arguments */

/* A tenant as given: empty stands for the default, also when null. */
EsSlice
es_tenant_argument(FunctionCallInfo fcinfo, int n)
{
	EsEvent		holder;

	if (PG_ARGISNULL(n))
		return es_slice(NULL, 0);
	memset(&holder, 0, sizeof(holder));
	es_event_set_tenant_text(&holder, es_text_datum_slice(PG_GETARG_DATUM(n)), 0);
	return holder.tenant_id;
}

EsSlice
es_entity_argument(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		es_report_null("entity_id", 0);
	return es_text_datum_slice(PG_GETARG_DATUM(n));
}

/* A limit; null is no limit. */
int64
es_count_argument(FunctionCallInfo fcinfo, int n)
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

/* Checks the right to read; what the sink receives is the function's result. */
EsSink
es_result_rows(FunctionCallInfo fcinfo)
{
	es_check_may_read();
	InitMaterializedSRF(fcinfo, 0);
	check_columns(((ReturnSetInfo *) fcinfo->resultinfo)->setDesc);
	return (EsSink)
	{
		put_row, fcinfo->resultinfo
	};
}

/* Receives the event of a function that returns one. */
static void
keep_row(void *arg, const EsStoredEvent *stored)
{
	EsResultRow *row = arg;
	Datum		values[ES_RECORDED_NATTS];
	bool		nulls[ES_RECORDED_NATTS];
	MemoryContext before;

	es_recorded_values(stored, values, nulls);
	before = MemoryContextSwitchTo(row->context);
	row->tuple = heap_form_tuple(row->desc, values, nulls);
	MemoryContextSwitchTo(before);
}

/* The same of a function that returns one event, or null. */
EsSink
es_result_one(FunctionCallInfo fcinfo, EsResultRow *row)
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
	return (EsSink)
	{
		keep_row, row
	};
}

Datum
es_result_one_end(FunctionCallInfo fcinfo, EsResultRow *row)
{
	if (row->tuple == NULL)
		PG_RETURN_NULL();
	return HeapTupleGetDatum(row->tuple);
}
