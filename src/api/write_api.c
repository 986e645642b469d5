/*-------------------------------------------------------------------------
 *
 * write_api.c
 *	  ingest_batch() in its forms, and append().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "api/event_value.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "row/input.h"
#include "row/owner_rules.h"

ES_FUNCTION(es_ingest_text);
ES_FUNCTION(es_ingest_jsonb);
ES_FUNCTION(es_ingest_events);
ES_FUNCTION(es_ingest_columns);
ES_FUNCTION(es_append);
ES_FUNCTION(es_append_text);

#define INGEST "ingest_batch()"

static Datum
make_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	desc;

	/* in FROM the executor knows the type already; finding it out takes time */
	if (result != NULL && IsA(result, ReturnSetInfo) && result->expectedDesc != NULL)
		desc = result->expectedDesc;
	else if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function returning record called in context that cannot accept type record")));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Writes the batch and makes the result row. */
static Datum
ingest(FunctionCallInfo fcinfo, EsEventList *list)
{
	EsIngestResult result;
	Datum		values[4];
	bool		nulls[4] = {false};

	es_store_events(list, &result);
	nulls[0] = nulls[1] = list->count == 0;
	values[0] = Int64GetDatum(result.first_position);
	values[1] = Int64GetDatum(result.last_position);
	values[2] = Int64GetDatum(result.ingested);
	values[3] = Int64GetDatum(result.duplicates);
	return make_row(fcinfo, values, nulls);
}

/* Begins any form: checks rights, and the arguments that all have. */
static void
begin_ingest(FunctionCallInfo fcinfo, EsEventList *list, int checked_argument)
{
	es_check_may_write(INGEST);
	if (PG_ARGISNULL(checked_argument))
		es_report_null("checked", 0);
	es_list_init(list, PG_GETARG_BOOL(checked_argument), true);
}

/* The forms that are JSON; text_of makes text of the argument. */
static Datum
ingest_json(FunctionCallInfo fcinfo, EsSlice (*text_of) (Datum))
{
	EsEventList list;

	begin_ingest(fcinfo, &list, 1);
	if (PG_ARGISNULL(0))
		es_report_null("events", 0);
	es_list_parse_batch(&list, text_of(PG_GETARG_DATUM(0)));
	return ingest(fcinfo, &list);
}

Datum
es_ingest_text(PG_FUNCTION_ARGS)
{
	return ingest_json(fcinfo, es_text_datum_slice);
}

Datum
es_ingest_jsonb(PG_FUNCTION_ARGS)
{
	return ingest_json(fcinfo, es_jsonb_slice);
}

Datum
es_ingest_events(PG_FUNCTION_ARGS)
{
	EsEventList list;
	ArrayType  *array;
	ArrayIterator iterator;
	Datum		element;
	bool		isnull;

	begin_ingest(fcinfo, &list, 1);
	if (PG_ARGISNULL(0))
		es_report_null("events", 0);
	array = PG_GETARG_ARRAYTYPE_P(0);
	iterator = array_create_iterator(array, 0, NULL);
	while (array_iterate(iterator, &element, &isnull))
	{
		EsEvent    *event = es_list_add(&list);

		if (isnull)
			es_report_null("event", list.count);
		es_event_unpack(DatumGetEvent(element), event);
		es_list_take_apart(&list, event);
		es_list_check_last(&list);
	}
	return ingest(fcinfo, &list);
}

/* ---------------------------------------------------------------- columns */

/* One argument of the column form, taken apart. */
typedef struct Column
{
	const char *name;
	Datum	   *values;			/* NULL: the argument is null */
	bool	   *nulls;
	int			count;
} Column;

enum
{
	ENTITY_IDS, EVENT_TYPES, PAYLOADS, METADATA, EVENT_IDS, EXPECTED_VERSIONS,
	TENANT_IDS, OCCURRED_AT, TAGS, COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
	"entity_ids", "event_types", "payloads", "metadata", "event_ids",
	"expected_versions", "tenant_ids", "occurred_at", "tags"
};

static void
take_column(FunctionCallInfo fcinfo, int i, Oid type, Column *column)
{
	ArrayType  *array;
	int16		size = type == TEXTOID ? -1 : type == UUIDOID ? UUID_LEN : 8;
	char		align = type == TEXTOID ? TYPALIGN_INT : type == UUIDOID ? TYPALIGN_CHAR : TYPALIGN_DOUBLE;

	memset(column, 0, sizeof(*column));
	column->name = column_names[i];
	if (PG_ARGISNULL(i))
		return;
	array = PG_GETARG_ARRAYTYPE_P(i);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s must be a one-dimensional array", column->name)));
	deconstruct_array(array, type, size, size == 8, align,
					  &column->values, &column->nulls, &column->count);
}

static void
take_columns(FunctionCallInfo fcinfo, Column *columns)
{
	static const Oid types[COLUMN_COUNT] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, INT8OID, TEXTOID, TIMESTAMPTZOID, TEXTOID
	};

	for (int i = 0; i < COLUMN_COUNT; i++)
	{
		take_column(fcinfo, i, types[i], &columns[i]);
		if (i <= PAYLOADS && columns[i].values == NULL && PG_ARGISNULL(i))
			es_report_null(columns[i].name, 0);
		if (!PG_ARGISNULL(i) && columns[i].count != columns[0].count)
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("arrays must have the same length, but entity_ids has %d elements and %s has %d",
							columns[0].count, columns[i].name, columns[i].count)));
	}
}

static bool
has_value(const Column *column, int row)
{
	return column->count > 0 && !column->nulls[row];
}

static EsSlice
required_text(const Column *column, int row, const char *field)
{
	if (!has_value(column, row))
		es_report_null(field, row + 1);
	return es_text_datum_slice(column->values[row]);
}

static void
set_from_columns(EsEventList *list, const Column *columns, int row)
{
	EsEvent    *event = es_list_add(list);
	int64		ordinal = row + 1;

	memset(event, 0, sizeof(*event));
	event->entity_id = required_text(&columns[ENTITY_IDS], row, "entity_id");
	event->event_type = required_text(&columns[EVENT_TYPES], row, "event_type");
	event->payload = es_list_document(list, required_text(&columns[PAYLOADS], row, "payload"),
									  "payload", &event->payload_document);
	if (has_value(&columns[METADATA], row))
		es_event_set_metadata(event,
							  es_list_document(list,
											   es_text_datum_slice(columns[METADATA].values[row]),
											   "metadata", &event->metadata_document),
							  ordinal);
	if (has_value(&columns[EVENT_IDS], row))
		es_event_set_id(event, columns[EVENT_IDS].values[row]);
	if (has_value(&columns[EXPECTED_VERSIONS], row))
		es_event_set_expected_version(event, columns[EXPECTED_VERSIONS].values[row]);
	if (has_value(&columns[TENANT_IDS], row))
		es_event_set_tenant_text(event, es_text_datum_slice(columns[TENANT_IDS].values[row]), ordinal);
	if (has_value(&columns[OCCURRED_AT], row))
		es_event_set_occurred_at(event, columns[OCCURRED_AT].values[row]);
	if (has_value(&columns[TAGS], row))
		es_list_take_tags(list, event, es_text_datum_slice(columns[TAGS].values[row]));
}

Datum
es_ingest_columns(PG_FUNCTION_ARGS)
{
	EsEventList list;
	Column		columns[COLUMN_COUNT];

	begin_ingest(fcinfo, &list, COLUMN_COUNT);
	take_columns(fcinfo, columns);
	for (int row = 0; row < columns[0].count; row++)
	{
		set_from_columns(&list, columns, row);
		es_list_check_last(&list);
	}
	return ingest(fcinfo, &list);
}

/* ----------------------------------------------------------------- append */

/* Appends the one event of the arguments, which are for these columns. */
static Datum
append(FunctionCallInfo fcinfo, const int *columns, int count)
{
	EsEventList list;
	EsIngestResult result;
	Datum		values[2];
	bool		nulls[2] = {false};

	es_check_may_write("append()");
	es_list_init(&list, false, false);
	es_list_add_arguments(&list, fcinfo->args, columns, count);
	es_list_check_last(&list);
	es_store_events(&list, &result);
	nulls[0] = nulls[1] = list.count == 0;	/* a trigger of the owner's
											 * skipped it */
	values[0] = Int64GetDatum(result.last_position);
	values[1] = Int64GetDatum(result.last_version);
	return make_row(fcinfo, values, nulls);
}

Datum
es_append(PG_FUNCTION_ARGS)
{
	static const int columns[] = {
		ES_RECORDED_ENTITY_ID, ES_RECORDED_EVENT_TYPE, ES_RECORDED_PAYLOAD, ES_RECORDED_METADATA,
		ES_ARGUMENT_EXPECTED_VERSION, ES_RECORDED_EVENT_ID, ES_RECORDED_TAGS,
		ES_RECORDED_TENANT_ID, ES_RECORDED_OCCURRED_AT
	};

	return append(fcinfo, columns, lengthof(columns));
}

Datum
es_append_text(PG_FUNCTION_ARGS)
{
	static const int columns[] = {
		ES_RECORDED_ENTITY_ID, ES_RECORDED_EVENT_TYPE, ES_ARGUMENT_PAYLOAD_TEXT,
		ES_RECORDED_METADATA, ES_ARGUMENT_EXPECTED_VERSION, ES_RECORDED_EVENT_ID,
		ES_RECORDED_TAGS, ES_RECORDED_TENANT_ID, ES_RECORDED_OCCURRED_AT
	};

	return append(fcinfo, columns, lengthof(columns));
}
