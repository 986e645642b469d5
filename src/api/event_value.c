/*-------------------------------------------------------------------------
 *
 * event_value.c
 *	  Constructors, accessors and operators of the type event.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "api/event_value.h"
#include "pg/compat.h"
#include "pg/errors.h"
#include "pg/jsonb_builder.h"
#include "row/input.h"
#include "row/output.h"

ES_FUNCTION(es_make_event);
ES_FUNCTION(es_make_event_checked);
ES_FUNCTION(es_event_entity_id);
ES_FUNCTION(es_event_event_type);
ES_FUNCTION(es_event_payload);
ES_FUNCTION(es_event_metadata);
ES_FUNCTION(es_event_event_id);
ES_FUNCTION(es_event_tags);
ES_FUNCTION(es_event_tenant_id);
ES_FUNCTION(es_event_occurred_at);
ES_FUNCTION(es_event_expected_version);
ES_FUNCTION(es_event_get_field);
ES_FUNCTION(es_event_get_field_text);
ES_FUNCTION(es_event_get_element);
ES_FUNCTION(es_event_get_element_text);

EsPackedEvent *
es_event_to_value(const EsEvent *event)
{
	size_t		size = es_event_packed_size(event);
	EsPackedEvent *packed = palloc(size);

	es_event_pack(event, packed);
	SET_VARSIZE(packed, size);
	return packed;
}

/* ----------------------------------------------------------- constructors */

/* The columns that the arguments are for. */
static const int columns[] = {
	ES_RECORDED_ENTITY_ID, ES_RECORDED_EVENT_TYPE, ES_RECORDED_PAYLOAD, ES_RECORDED_METADATA,
	ES_RECORDED_EVENT_ID, ES_RECORDED_TAGS, ES_RECORDED_TENANT_ID, ES_RECORDED_OCCURRED_AT,
	ES_ARGUMENT_EXPECTED_VERSION
};

static Datum
make_event(FunctionCallInfo fcinfo, bool checked)
{
	EsEventList list;

	es_list_init(&list, checked, false);
	es_list_add_arguments(&list, fcinfo->args, columns, lengthof(columns));
	es_list_check_last(&list);
	PG_RETURN_POINTER(es_event_to_value(&list.events[0]));
}

Datum
es_make_event(PG_FUNCTION_ARGS)
{
	return make_event(fcinfo, false);
}

Datum
es_make_event_checked(PG_FUNCTION_ARGS)
{
	return make_event(fcinfo, true);
}

/* -------------------------------------------------------------- accessors */

#define UNPACK_ARGUMENT(event) \
	EsEvent		event; \
	es_event_unpack(PG_GETARG_EVENT(0), &(event))

Datum
es_event_entity_id(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	return es_text_datum(event.entity_id);
}

Datum
es_event_event_type(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	return es_text_datum(event.event_type);
}

Datum
es_event_payload(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	return es_jsonb_datum(event.payload);
}

Datum
es_event_metadata(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	if (!(event.has & ES_HAS_METADATA))
		PG_RETURN_NULL();
	return es_jsonb_datum(event.metadata);
}

Datum
es_event_event_id(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	if (!(event.has & ES_HAS_EVENT_ID))
		PG_RETURN_NULL();
	return es_uuid_datum(event.event_id);
}

Datum
es_event_tags(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	if (!(event.has & ES_HAS_TAGS))
		PG_RETURN_NULL();
	return es_tags_datum(event.tags);
}

Datum
es_event_tenant_id(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	return es_tenant_datum(event.tenant_id);
}

Datum
es_event_occurred_at(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	if (!(event.has & ES_HAS_OCCURRED_AT))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(event.occurred_at);
}

Datum
es_event_expected_version(PG_FUNCTION_ARGS)
{
	UNPACK_ARGUMENT(event);

	if (!(event.has & ES_HAS_EXPECTED_VERSION))
		PG_RETURN_NULL();
	PG_RETURN_INT64(event.expected_version);
}

/* -------------------------------------------------------------- operators */

/*
 * Calls a jsonb operator's function with the payload in the event's place.  Our
 * own arguments stay as they are: the executor may use them again.
 */
static Datum
on_payload(FunctionCallInfo fcinfo, PGFunction function)
{
	LOCAL_FCINFO(call, 2);
	Datum		result;

	UNPACK_ARGUMENT(event);

	InitFunctionCallInfoData(*call, NULL, 2, PG_GET_COLLATION(), NULL, NULL);
	call->args[0].value = es_jsonb_datum(event.payload);
	call->args[0].isnull = false;
	call->args[1] = fcinfo->args[1];
	result = function(call);
	fcinfo->isnull = call->isnull;
	return result;
}

Datum
es_event_get_field(PG_FUNCTION_ARGS)
{
	return on_payload(fcinfo, jsonb_object_field);
}

Datum
es_event_get_field_text(PG_FUNCTION_ARGS)
{
	return on_payload(fcinfo, jsonb_object_field_text);
}

Datum
es_event_get_element(PG_FUNCTION_ARGS)
{
	return on_payload(fcinfo, jsonb_array_element);
}

Datum
es_event_get_element_text(PG_FUNCTION_ARGS)
{
	return on_payload(fcinfo, jsonb_array_element_text);
}
