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

/* Raises an error unless it is recorded_event, and as it was made. */
void
es_result_check_columns(TupleDesc desc)
{
	if (desc->natts != ES_RECORDED_NATTS)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("attributes of the type recorded_event were added or dropped"),
				 errhint("The type must be as CREATE EXTENSION made it.")));
}

/* Begins the result of a function that returns a set of events. */
void
es_result_begin(EsResult *result, FunctionCallInfo fcinfo)
{
	InitMaterializedSRF(fcinfo, 0);
	result->set = (ReturnSetInfo *) fcinfo->resultinfo;
	es_result_check_columns(result->set->setDesc);
	result->per_row = AllocSetContextCreate(CurrentMemoryContext, "eventstore row",
											ALLOCSET_DEFAULT_SIZES);
}

void
es_result_put(EsResult *result, const EsStoredEvent *stored)
{
	MemoryContext before = MemoryContextSwitchTo(result->per_row);
	Datum		values[ES_RECORDED_NATTS];
	bool		nulls[ES_RECORDED_NATTS];

	es_recorded_values(stored, values, nulls);
	tuplestore_putvalues(result->set->setResult, result->set->setDesc, values, nulls);
	MemoryContextSwitchTo(before);
	MemoryContextReset(result->per_row);
}

/*
 * The result of a function that returns one event, or no row: a set by its type, but
 * handed over as a value, which saves making one.
 */
Datum
es_result_single(FunctionCallInfo fcinfo, const EsStoredEvent *stored)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	desc;
	Datum		values[ES_RECORDED_NATTS];
	bool		nulls[ES_RECORDED_NATTS];

	if (set == NULL || !IsA(set, ReturnSetInfo) ||
		get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	set->isDone = stored != NULL ? ExprSingleResult : ExprEndResult;
	if (stored == NULL)
		PG_RETURN_NULL();
	es_result_check_columns(desc);
	es_recorded_values(stored, values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
