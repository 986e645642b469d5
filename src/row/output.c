/*-------------------------------------------------------------------------
 *
 * output.c
 *	  Turns stored events into SQL values and rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "pg/jsonb_builder.h"
#include "row/output.h"

Datum
es_text_datum(EsSlice slice)
{
	return PointerGetDatum(cstring_to_text_with_len(slice.data, slice.size));
}

Datum
es_uuid_datum(const uint8 *uuid)
{
	pg_uuid_t  *copy = palloc(sizeof(pg_uuid_t));

	memcpy(copy->data, uuid, UUID_LEN);
	return UUIDPGetDatum(copy);
}

Datum
es_tags_datum(EsSlice tags)
{
	Datum		elements[ES_MAX_TAGS];
	int			count = 0;
	EsSlice		tag;

	while (count < ES_MAX_TAGS && es_tag_next(&tags, &tag))
		elements[count++] = es_text_datum(tag);
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
es_tenant_datum(EsSlice tenant_id)
{
	return es_text_datum(es_tenant_name(tenant_id));
}

/* A column of an event that was read, in the current memory context. */
Datum
es_stored_value(const EsStoredEvent *stored, EsField field, bool *isnull)
{
	const EsEvent *event = &stored->event;

	*isnull = (field == ES_FIELD_METADATA && !(event->has & ES_HAS_METADATA)) ||
		(field == ES_FIELD_TAGS && !(event->has & ES_HAS_TAGS));
	if (*isnull)
		return (Datum) 0;
	switch (field)
	{
		case ES_FIELD_POSITION:
			return Int64GetDatum(stored->position);
		case ES_FIELD_TENANT_ID:
			return es_tenant_datum(event->tenant_id);
		case ES_FIELD_ENTITY_ID:
			return es_text_datum(event->entity_id);
		case ES_FIELD_VERSION:
			return Int64GetDatum(stored->version);
		case ES_FIELD_EVENT_TYPE:
			return es_text_datum(event->event_type);
		case ES_FIELD_EVENT_ID:
			return es_uuid_datum(event->event_id);
		case ES_FIELD_PAYLOAD:
			return es_jsonb_datum(event->payload);
		case ES_FIELD_METADATA:
			return es_jsonb_datum(event->metadata);
		case ES_FIELD_TAGS:
			return es_tags_datum(event->tags);
		case ES_FIELD_OCCURRED_AT:
			return TimestampTzGetDatum(es_stored_occurred_at(stored));
		case ES_FIELD_RECORDED_AT:
			return TimestampTzGetDatum(stored->recorded_at);
	}
	return (Datum) 0;
}

/* Fills in the columns of eventstore.recorded_event. */
void
es_recorded_values(const EsStoredEvent *stored, Datum *values, bool *nulls)
{
	for (int i = 0; i < ES_RECORDED_NATTS; i++)
		values[i] = es_stored_value(stored, i + 1, &nulls[i]);
}
