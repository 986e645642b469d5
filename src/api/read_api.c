/*-------------------------------------------------------------------------
 *
 * read_api.c
 *	  The functions that read events.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/snapmgr.h"

#include "api/result.h"
#include "log/entity_scan.h"
#include "log/horizon.h"
#include "log/position_scan.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "row/input.h"

ES_FUNCTION(es_read_entity_sql);
ES_FUNCTION(es_entity_version_sql);
ES_FUNCTION(es_last_event_sql);
ES_FUNCTION(es_get_event_sql);
ES_FUNCTION(es_safe_position_sql);
ES_FUNCTION(es_recorded_event_sql);

/* Puts up to 'count' events of an entity into the result. */
static void
put_entity(EsResult *result, const EsEntityRange *range, int64 count)
{
	EsEntityScan scan;
	const EsStoredEvent *stored;

	es_entity_scan_begin(&scan, GetActiveSnapshot(), range);
	while (count-- > 0 && (stored = es_entity_scan_next(&scan)) != NULL)
		es_result_put(result, stored);
	es_entity_scan_end(&scan);
}

/* Backward, from_version is the last one to be read, and null the entity's. */
Datum
es_read_entity_sql(PG_FUNCTION_ARGS)
{
	bool		backward = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	EsSlice		entity_id;
	EsEntityRange range = {
		.one_tenant = true,
		.entity_ids = &entity_id,
		.entity_count = 1,
		.first_version = backward || PG_ARGISNULL(1) ? 1 : PG_GETARG_INT64(1),
		.last_version = backward && !PG_ARGISNULL(1) ? PG_GETARG_INT64(1) : PG_INT64_MAX,
		.backward = backward
	};
	EsResult	result;

	es_check_may_read();
	entity_id = es_entity_argument(fcinfo, 0);
	range.tenant_id = es_tenant_argument(fcinfo, 4);
	es_result_begin(&result, fcinfo);
	put_entity(&result, &range, es_count_argument(fcinfo, 2));
	return (Datum) 0;
}

Datum
es_entity_version_sql(PG_FUNCTION_ARGS)
{
	EsSlice		entity_id;

	es_check_may_read();
	entity_id = es_entity_argument(fcinfo, 0);
	PG_RETURN_INT64(es_entity_last_version(GetActiveSnapshot(), es_tenant_argument(fcinfo, 1),
										   entity_id));
}

/* The last event of an entity, or its last one of a type. */
Datum
es_last_event_sql(PG_FUNCTION_ARGS)
{
	EsSlice		entity_id;
	EsEntityRange range = {
		.one_tenant = true,
		.entity_ids = &entity_id,
		.entity_count = 1,
		.last_version = PG_INT64_MAX,
		.backward = true,
		.heads_only = true
	};
	EsEntityScan scan;
	const EsStoredEvent *stored;
	EsSlice		event_type = {NULL, 0};
	Datum		row;

	es_check_may_read();
	entity_id = es_entity_argument(fcinfo, 0);
	range.tenant_id = es_tenant_argument(fcinfo, 2);
	if (!PG_ARGISNULL(1))
		event_type = es_text_datum_slice(PG_GETARG_DATUM(1));
	es_entity_scan_begin(&scan, GetActiveSnapshot(), &range);
	do
		stored = es_entity_scan_next(&scan);
	while (stored != NULL && !PG_ARGISNULL(1) &&
		   !es_slice_equal(event_type, stored->event.event_type));
	if (stored != NULL)
		es_entity_scan_complete(&scan);
	row = es_result_single(fcinfo, stored);
	es_entity_scan_end(&scan);
	return row;
}

Datum
es_get_event_sql(PG_FUNCTION_ARGS)
{
	int64		position = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	EsPositionScan scan;
	Datum		row;

	es_check_may_read();
	es_position_scan_begin(&scan, GetActiveSnapshot(), &position, 1);
	row = es_result_single(fcinfo, es_position_scan_next(&scan));
	es_position_scan_end(&scan);
	return row;
}

Datum
es_safe_position_sql(PG_FUNCTION_ARGS)
{
	es_check_may_read();
	PG_RETURN_INT64(es_horizon(GetActiveSnapshot()));
}

/* The type that the function returns, looked up once for a call's place. */
static TupleDesc
result_desc(FunctionCallInfo fcinfo)
{
	FmgrInfo   *call = fcinfo->flinfo;
	TupleDesc	desc = call->fn_extra;
	MemoryContext before;

	if (desc != NULL)
		return desc;
	before = MemoryContextSwitchTo(call->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function returning record called in context that cannot accept type record")));
	desc = call->fn_extra = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(before);
	return desc;
}

/*
 * A row of "events" as recorded_event: both types have the same columns, and
 * fdw/guard.c keeps it so.
 */
Datum
es_recorded_event_sql(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row),.t_data = row};
	TupleDesc	desc = result_desc(fcinfo);
	Datum		values[ES_RECORDED_NATTS];
	bool		nulls[ES_RECORDED_NATTS];

	es_result_check_columns(desc);
	heap_deform_tuple(&tuple, desc, values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
