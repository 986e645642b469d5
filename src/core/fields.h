/*-------------------------------------------------------------------------
 *
 * fields.h
 *	  What an event has: the columns of the relation and of the record type.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_FIELDS_H
#define EVENTSTORE_CORE_FIELDS_H

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

/* The columns as attribute numbers, which count from 1. */
typedef enum EsField
{
	ES_FIELD_POSITION = ES_RECORDED_POSITION + 1,
	ES_FIELD_TENANT_ID = ES_RECORDED_TENANT_ID + 1,
	ES_FIELD_ENTITY_ID = ES_RECORDED_ENTITY_ID + 1,
	ES_FIELD_VERSION = ES_RECORDED_VERSION + 1,
	ES_FIELD_EVENT_TYPE = ES_RECORDED_EVENT_TYPE + 1,
	ES_FIELD_EVENT_ID = ES_RECORDED_EVENT_ID + 1,
	ES_FIELD_PAYLOAD = ES_RECORDED_PAYLOAD + 1,
	ES_FIELD_METADATA = ES_RECORDED_METADATA + 1,
	ES_FIELD_TAGS = ES_RECORDED_TAGS + 1,
	ES_FIELD_OCCURRED_AT = ES_RECORDED_OCCURRED_AT + 1,
	ES_FIELD_RECORDED_AT = ES_RECORDED_RECORDED_AT + 1
} EsField;

#define ES_FIELDS ES_RECORDED_NATTS

#endif							/* EVENTSTORE_CORE_FIELDS_H */
