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

#include "row/jsonb_builder.h"
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
	if (tenant_id.size == 0)
		return CStringGetTextDatum(ES_DEFAULT_TENANT);
	return es_text_datum(tenant_id);
}

/* Fills in the columns of eventstore.recorded_event. */
void
es_recorded_values(const EsStoredEvent *stored, Datum *values, bool *nulls)
{
	const EsEvent *event = &stored->event;

	memset(nulls, false, ES_RECORDED_NATTS * sizeof(bool));
	values[0] = Int64GetDatum(stored->position);
	values[1] = es_tenant_datum(event->tenant_id);
	values[2] = es_text_datum(event->entity_id);
	values[3] = Int64GetDatum(stored->version);
	values[4] = es_text_datum(event->event_type);
	values[5] = es_uuid_datum(event->event_id);
	values[6] = es_jsonb_datum(event->payload);
	nulls[7] = !(event->has & ES_HAS_METADATA);
	values[7] = nulls[7] ? (Datum) 0 : es_jsonb_datum(event->metadata);
	nulls[8] = !(event->has & ES_HAS_TAGS);
	values[8] = nulls[8] ? (Datum) 0 : es_tags_datum(event->tags);
	values[9] = TimestampTzGetDatum(event->has & ES_HAS_OCCURRED_AT ?
									event->occurred_at : stored->recorded_at);
	values[10] = TimestampTzGetDatum(stored->recorded_at);
}
