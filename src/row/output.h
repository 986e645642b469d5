/*-------------------------------------------------------------------------
 *
 * output.h
 *	  Turns stored events into SQL values and rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_ROW_OUTPUT_H
#define EVENTSTORE_ROW_OUTPUT_H

#include "postgres.h"

#include "core/block.h"

/* Columns of eventstore.recorded_event and eventstore.events, from 0. */
typedef enum EsRecordedColumn
{
	ES_RECORDED_POSITION,
	ES_RECORDED_TENANT_ID,
	ES_RECORDED_ENTITY_ID,
	ES_RECORDED_VERSION,
	ES_RECORDED_EVENT_TYPE,
	ES_RECORDED_EVENT_ID,
	ES_RECORDED_PAYLOAD,
	ES_RECORDED_METADATA,
	ES_RECORDED_TAGS,
	ES_RECORDED_OCCURRED_AT,
	ES_RECORDED_RECORDED_AT
} EsRecordedColumn;

#define ES_RECORDED_NATTS (ES_RECORDED_RECORDED_AT + 1)

extern Datum es_text_datum(EsSlice slice);
extern Datum es_uuid_datum(const uint8 *uuid);
extern Datum es_tags_datum(EsSlice tags);
extern Datum es_tenant_datum(EsSlice tenant_id);
extern void es_recorded_values(const EsStoredEvent *stored, Datum *values, bool *nulls);

#endif							/* EVENTSTORE_ROW_OUTPUT_H */
