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
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "api/result.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "query/events_query.h"
#include "row/input.h"

ES_FUNCTION(es_query_events_sql);
ES_FUNCTION(es_entity_state_sql);
ES_FUNCTION(es_get_event_by_id_sql);

/* The arguments of query_events(), in their order. */
enum
{
	ARG_ENTITY_ID,
	ARG_EVENT_TYPES,
	ARG_SINCE,
	ARG_UNTIL,
	ARG_AS_OF,
	ARG_PAYLOAD_FILTER,
	ARG_TAGS,
	ARG_AFTER_POSITION,
	ARG_MAX_COUNT,
	ARG_BACKWARD,
	ARG_TENANT_ID
};

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

static void
take_arguments(FunctionCallInfo fcinfo, EsEventsQuery *query)
{
	memset(query, 0, sizeof(*query));
	query->one_entity = !PG_ARGISNULL(ARG_ENTITY_ID);
	if (query->one_entity)
		query->entity_id = es_text_datum_slice(PG_GETARG_DATUM(ARG_ENTITY_ID));
	query->one_tenant = query->one_entity || !PG_ARGISNULL(ARG_TENANT_ID);
	query->tenant_id = es_tenant_argument(fcinfo, ARG_TENANT_ID);
	query->any_type = PG_ARGISNULL(ARG_EVENT_TYPES);
	if (!query->any_type)
		set_types(query, PG_GETARG_DATUM(ARG_EVENT_TYPES));
	if (!PG_ARGISNULL(ARG_TAGS))
		query->tags = text_elements(PG_GETARG_DATUM(ARG_TAGS), "tags", &query->tag_count);
	if (!PG_ARGISNULL(ARG_PAYLOAD_FILTER))
		query->payload_filter = PG_GETARG_JSONB_P(ARG_PAYLOAD_FILTER);
	if (!PG_ARGISNULL(ARG_AFTER_POSITION))
		query->after_position = Max(PG_GETARG_INT64(ARG_AFTER_POSITION), 0);
	query->first_time = time_argument(fcinfo, ARG_SINCE, PG_INT64_MIN);
	query->last_time = Min(time_argument(fcinfo, ARG_UNTIL, PG_INT64_MAX),
						   time_argument(fcinfo, ARG_AS_OF, PG_INT64_MAX));
	query->max_count = es_count_argument(fcinfo, ARG_MAX_COUNT);
	query->backward = !PG_ARGISNULL(ARG_BACKWARD) && PG_GETARG_BOOL(ARG_BACKWARD);
}

Datum
es_query_events_sql(PG_FUNCTION_ARGS)
{
	EsResult	result;
	EsSink		sink = {(void (*) (void *, const EsStoredEvent *)) es_result_put, &result};
	EsEventsQuery query;

	es_check_may_read();
	es_result_begin(&result, fcinfo);
	take_arguments(fcinfo, &query);
	es_query_events(&query, &sink);
	return (Datum) 0;
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

typedef struct SingleRow
{
	FunctionCallInfo fcinfo;
	MemoryContext context;		/* outlives the event */
	Datum		datum;
} SingleRow;

static void
keep_row(void *arg, const EsStoredEvent *stored)
{
	SingleRow  *row = arg;
	MemoryContext before = MemoryContextSwitchTo(row->context);

	row->datum = es_result_single(row->fcinfo, stored);
	row->fcinfo->isnull = false;
	MemoryContextSwitchTo(before);
}

Datum
es_get_event_by_id_sql(PG_FUNCTION_ARGS)
{
	SingleRow	row = {fcinfo, CurrentMemoryContext, (Datum) 0};
	EsSink		sink = {keep_row, &row};

	es_check_may_read();
	fcinfo->isnull = true;
	if (!PG_ARGISNULL(0))
		es_query_event_id(PG_GETARG_UUID_P(0)->data, &sink);
	return row.datum;
}
