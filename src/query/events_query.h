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

#include "filter/scan.h"
#include "log/entity_scan.h"

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
	EsSlice		entity_prefix;	/* empty: any */
	int64		after_position;
	int64		last_position;	/* inclusive */
	int64		first_time;		/* of recorded_at, inclusive */
	int64		last_time;
	int64		max_count;
	bool		backward;		/* in descending order of position */
} EsEventsQuery;

/* Reads events of a query one at a time. */
typedef struct EsEventsReader
{
	EsEventsQuery query;
	int64		left;			/* events that may still be delivered */
	bool		open;			/* else there is nothing to read */
	EsFilter	filter;
	MemoryContext per_event;
	EsEntityScan entity;		/* of one_entity */
	int64		block;			/* first position of the block last filtered */
	bool		in_block;
	int			event;			/* of the current block */
	uint64		candidates[ES_BLOCK_BIT_WORDS];
	EsScan		scan;			/* of others; its sets serve both */
} EsEventsReader;

/* Reads the event with an id. */
typedef struct EsIdReader
{
	EsOpenStore open;
	EsReader	index;
	EsStoredEvent stored;		/* that was found by the index */
	EsEventsReader blocks;
} EsIdReader;

extern void es_events_begin(EsEventsReader *reader, Snapshot snapshot,
							const EsEventsQuery *query);
extern const EsStoredEvent *es_events_next(EsEventsReader *reader);
extern void es_events_end(EsEventsReader *reader);
extern const EsStoredEvent *es_event_by_id_begin(EsIdReader *reader, Snapshot snapshot,
												 const uint8 *event_id);
extern void es_event_by_id_end(EsIdReader *reader);
extern Datum es_query_state(EsSlice tenant_id, EsSlice entity_id, int64 last_time,
							bool *isnull);

#endif							/* EVENTSTORE_QUERY_EVENTS_QUERY_H */
