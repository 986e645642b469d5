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

/* Fills in the columns of eventstore.recorded_event. */
void
es_recorded_values(const EsStoredEvent *stored, Datum *values, bool *nulls)
{
	const EsEvent *event = &stored->event;

	memset(nulls, false, ES_RECORDED_NATTS * sizeof(bool));
	values[ES_RECORDED_POSITION] = Int64GetDatum(stored->position);
	values[ES_RECORDED_TENANT_ID] = es_tenant_datum(event->tenant_id);
	values[ES_RECORDED_ENTITY_ID] = es_text_datum(event->entity_id);
	values[ES_RECORDED_VERSION] = Int64GetDatum(stored->version);
	values[ES_RECORDED_EVENT_TYPE] = es_text_datum(event->event_type);
	values[ES_RECORDED_EVENT_ID] = es_uuid_datum(event->event_id);
	values[ES_RECORDED_PAYLOAD] = es_jsonb_datum(event->payload);
	nulls[ES_RECORDED_METADATA] = !(event->has & ES_HAS_METADATA);
	values[ES_RECORDED_METADATA] = event->has & ES_HAS_METADATA ?
		es_jsonb_datum(event->metadata) : (Datum) 0;
	nulls[ES_RECORDED_TAGS] = !(event->has & ES_HAS_TAGS);
	values[ES_RECORDED_TAGS] = event->has & ES_HAS_TAGS ?
		es_tags_datum(event->tags) : (Datum) 0;
	values[ES_RECORDED_OCCURRED_AT] = TimestampTzGetDatum(es_stored_occurred_at(stored));
	values[ES_RECORDED_RECORDED_AT] = TimestampTzGetDatum(stored->recorded_at);
}
