/*-------------------------------------------------------------------------
 *
 * events_query.h
 *	  Answers questions about events that are not asked in SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_EVENTS_QUERY_H
#define EVENTSTORE_QUERY_EVENTS_QUERY_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "log/read.h"

/* An event type, or the beginning that types have. */
typedef struct EsTypePattern
{
	EsSlice		text;
	bool		prefix;
} EsTypePattern;

/* Which events are asked for: those for which all of it is true. */
typedef struct EsEventsQuery
{
	bool		one_entity;
	EsSlice		entity_id;
	bool		one_tenant;		/* always of one_entity */
	EsSlice		tenant_id;		/* when one_tenant; empty: the default */
	const uint8 *event_id;		/* NULL: any */
	bool		any_type;
	EsTypePattern *types;
	uint32		type_count;
	EsSlice    *tags;			/* all of them */
	uint32		tag_count;
	Jsonb	   *payload_filter; /* NULL, or what the payload contains */
	int64		after_position;
	int64		first_time;		/* of recorded_at, inclusive */
	int64		last_time;
	int64		max_count;
	bool		backward;		/* in descending order of position */
} EsEventsQuery;

extern void es_query_events(const EsEventsQuery *query, EsSink *sink);
extern void es_query_event_id(const uint8 *event_id, EsSink *sink);
extern Datum es_query_state(EsSlice tenant_id, EsSlice entity_id, int64 last_time,
							bool *isnull);

#endif							/* EVENTSTORE_QUERY_EVENTS_QUERY_H */
