/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  What the columns of an event are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "filter/columns.h"

const EsColumnForm es_column_forms[ES_FIELDS + 1] = {
	[ES_FIELD_POSITION] = {INT8OID, ES_VALUE_INT8, false},
	[ES_FIELD_TENANT_ID] = {TEXTOID, ES_VALUE_TEXT, false},
	[ES_FIELD_ENTITY_ID] = {TEXTOID, ES_VALUE_TEXT, false},
	[ES_FIELD_VERSION] = {INT8OID, ES_VALUE_INT8, false},
	[ES_FIELD_EVENT_TYPE] = {TEXTOID, ES_VALUE_TEXT, false},
	[ES_FIELD_EVENT_ID] = {UUIDOID, ES_VALUE_UUID, false},
	[ES_FIELD_PAYLOAD] = {JSONBOID, ES_VALUE_JSON, true},
	[ES_FIELD_METADATA] = {JSONBOID, ES_VALUE_JSON, true},
	[ES_FIELD_TAGS] = {TEXTARRAYOID, ES_VALUE_TEXT, true},
	[ES_FIELD_OCCURRED_AT] = {TIMESTAMPTZOID, ES_VALUE_TIMESTAMPTZ, false},
	[ES_FIELD_RECORDED_AT] = {TIMESTAMPTZOID, ES_VALUE_TIMESTAMPTZ, false}
};
