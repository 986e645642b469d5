/*-------------------------------------------------------------------------
 *
 * query_api.c
 *	  The functions that find events by what they are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "api/result.h"
#include "log/entity_list.h"
#include "log/horizon.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "query/events_query.h"
#include "row/input.h"
#include "row/output.h"

ES_FUNCTION(es_query_events_sql);
ES_FUNCTION(es_read_all_sql);
ES_FUNCTION(es_entity_state_sql);
ES_FUNCTION(es_get_event_by_id_sql);
ES_FUNCTION(es_entities_sql);

#define MAX_ELEMENTS 10000		/* of an array of what is asked for */

/* The elements of an array of text; 'name' is for the message about a null. */
static EsSlice *
text_elements(Datum array, const char *name, uint32 *count)
{
	Datum	   *elements;
	bool	   *nulls;
	int			size;
	EsSlice    *slices;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &size);
	if (size > MAX_ELEMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s must not have more than %d elements", name, MAX_ELEMENTS)));
	slices = palloc(Max(size, 1) * sizeof(EsSlice));
	for (int i = 0; i < size; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not contain nulls", name)));
		slices[i] = es_text_datum_slice(elements[i]);
	}
	*count = size;
	return slices;
}

/* An element that ends in ".*" stands for all types that begin like it. */
static void
set_types(EsEventsQuery *query, Datum array)
{
	EsSlice    *slices = text_elements(array, "event_types", &query->type_count);

	query->types = palloc(Max(query->type_count, 1) * sizeof(EsTypePattern));
	for (uint32 i = 0; i < query->type_count; i++)
	{
		EsSlice		text = slices[i];
		bool		prefix = text.size >= 2 && memcmp(text.data + text.size - 2, ".*", 2) == 0;

		query->types[i].prefix = prefix;
		query->types[i].text = es_slice(text.data, text.size - prefix);
	}
}

static int64
time_argument(FunctionCallInfo fcinfo, int n, int64 otherwise)
{
	return PG_ARGISNULL(n) ? otherwise : PG_GETARG_TIMESTAMPTZ(n);
}

/* What is asked for when nothing is said. */
static EsEventsQuery
all_events(void)
{
	return (EsEventsQuery)
	{
		.any_type = true,
			.last_position = PG_INT64_MAX,
			.first_time = PG_INT64_MIN,
			.last_time = PG_INT64_MAX
	};
}

/* Sets what is asked for of an event itself, from the arguments at these places. */
static void
set_conditions(FunctionCallInfo fcinfo, EsEventsQuery *query, int tenant_id, int event_types,
			   int tags, int payload_filter)
{
	query->one_tenant = !PG_ARGISNULL(tenant_id);
	query->tenant_id = es_tenant_argument(fcinfo, tenant_id);
	query->any_type = PG_ARGISNULL(event_types);
	if (!query->any_type)
		set_types(query, PG_GETARG_DATUM(event_types));
	if (!PG_ARGISNULL(tags))
		query->tags = text_elements(PG_GETARG_DATUM(tags), "tags", &query->tag_count);
	if (!PG_ARGISNULL(payload_filter))
		query->payload_filter = PG_GETARG_JSONB_P(payload_filter);
}

static int64
position_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? 0 : Max(PG_GETARG_INT64(n), 0);
}

/* Returns the events of a query. */
static Datum
answer(FunctionCallInfo fcinfo, const EsEventsQuery *query)
{
	EsResult	result;
	EsEventsReader *reader = palloc(sizeof(EsEventsReader));
	const EsStoredEvent *stored;

	es_result_begin(&result, fcinfo);
	es_events_begin(reader, GetActiveSnapshot(), query);
	while ((stored = es_events_next(reader)) != NULL)
		es_result_put(&result, stored);
	es_events_end(reader);
	return (Datum) 0;
}

Datum
es_query_events_sql(PG_FUNCTION_ARGS)
{
	EsEventsQuery query = all_events();

	es_check_may_read();
	set_conditions(fcinfo, &query, 10, 1, 6, 5);
	query.one_entity = !PG_ARGISNULL(0);
	if (query.one_entity)
		query.entity_id = es_text_datum_slice(PG_GETARG_DATUM(0));
	query.one_tenant = query.one_tenant || query.one_entity;
	query.first_time = time_argument(fcinfo, 2, PG_INT64_MIN);
	query.last_time = Min(time_argument(fcinfo, 3, PG_INT64_MAX),
						  time_argument(fcinfo, 4, PG_INT64_MAX));
	query.after_position = position_argument(fcinfo, 7);
	query.max_count = es_count_argument(fcinfo, 8);
	query.backward = !PG_ARGISNULL(9) && PG_GETARG_BOOL(9);
	return answer(fcinfo, &query);
}

/* The log in order, up to where it is settled for the statement's snapshot. */
Datum
es_read_all_sql(PG_FUNCTION_ARGS)
{
	EsEventsQuery query = all_events();

	es_check_may_read();
	query.after_position = position_argument(fcinfo, 0);
	query.max_count = es_count_argument(fcinfo, 1);
	set_conditions(fcinfo, &query, 2, 3, 5, 6);
	if (!PG_ARGISNULL(4))
		query.entity_prefix = es_text_datum_slice(PG_GETARG_DATUM(4));
	query.last_position = es_horizon(GetActiveSnapshot());
	if (!PG_ARGISNULL(7))
		query.last_position = Min(query.last_position, PG_GETARG_INT64(7));
	return answer(fcinfo, &query);
}

Datum
es_entity_state_sql(PG_FUNCTION_ARGS)
{
	Datum		state;
	bool		isnull;

	es_check_may_read();
	state = es_query_state(es_tenant_argument(fcinfo, 2), es_entity_argument(fcinfo, 0),
						   time_argument(fcinfo, 1, PG_INT64_MAX), &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(state);
}

Datum
es_get_event_by_id_sql(PG_FUNCTION_ARGS)
{
	EsIdReader *reader;
	Datum		row;

	es_check_may_read();
	if (PG_ARGISNULL(0))
		return es_result_single(fcinfo, NULL);
	reader = palloc(sizeof(EsIdReader));
	row = es_result_single(fcinfo, es_event_by_id_begin(reader, GetActiveSnapshot(),
														PG_GETARG_UUID_P(0)->data));
	es_event_by_id_end(reader);
	return row;
}

/* ---------------------------------------------------------------- entities */

static void
put_summary(ReturnSetInfo *result, const EsEntitySummary *summary)
{
	Datum		values[] = {
		es_tenant_datum(summary->tenant_id),
		es_text_datum(summary->entity_id),
		Int64GetDatum(summary->events),
		TimestampTzGetDatum(summary->first_time),
		TimestampTzGetDatum(summary->last_time)
	};
	bool		nulls[lengthof(values)] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * Puts up to 'count' entities into the result, and those that have the same name as
 * the last one.
 */
static void
put_entities(ReturnSetInfo *result, const EsEntityListRange *range, int64 count)
{
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext, "eventstore row",
												  ALLOCSET_DEFAULT_SIZES);
	EsSlice		last = es_slice(NULL, 0);
	char		name[ES_MAX_ENTITY_ID];
	EsEntityList list;
	EsEntitySummary summary;

	es_entity_list_begin(&list, GetActiveSnapshot(), range);
	while (es_entity_list_next(&list, &summary) &&
		   (count > 0 || es_slice_equal(summary.entity_id, last)))
	{
		MemoryContext before = MemoryContextSwitchTo(per_row);

		put_summary(result, &summary);
		MemoryContextSwitchTo(before);
		MemoryContextReset(per_row);
		last = es_slice(name, summary.entity_id.size);
		(void) es_put_slice(name, summary.entity_id);
		count--;
	}
	es_entity_list_end(&list);
	MemoryContextDelete(per_row);
}

Datum
es_entities_sql(PG_FUNCTION_ARGS)
{
	EsEntityListRange range = {.has_after = !PG_ARGISNULL(1),.one_tenant = !PG_ARGISNULL(3)};
	int64		count;

	es_check_may_read();
	count = es_count_argument(fcinfo, 2);
	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(0))
		range.prefix = es_text_datum_slice(PG_GETARG_DATUM(0));
	if (range.has_after)
		range.after = es_text_datum_slice(PG_GETARG_DATUM(1));
	if (range.one_tenant)
		range.tenant_id = es_text_datum_slice(PG_GETARG_DATUM(3));
	if (range.one_tenant && range.tenant_id.size == 0)
		count = 0;				/* no tenant has this name */
	range.tenant_id = es_tenant_stored(range.tenant_id);
	if (count > 0)
		put_entities((ReturnSetInfo *) fcinfo->resultinfo, &range, count);
	return (Datum) 0;
}
