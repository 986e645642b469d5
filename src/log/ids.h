/*-------------------------------------------------------------------------
 *
 * ids.h
 *	  Event ids: which of them lead to their events by time, and the index of
 *	  the others.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_IDS_H
#define EVENTSTORE_LOG_IDS_H

#include "postgres.h"

#include "index/ids.h"
#include "log/page_scan.h"
#include "log/reader.h"
#include "log/shared.h"

/*
 * How far recorded_at may be from the time in an id that is found by it, in
 * microseconds.  All blocks of that time are looked at, thousands in a second on a
 * busy server; and a batch of 100,000 events has ids of its server's up to 25 ms on.
 */
#define ES_ID_TIME_WINDOW_US INT64CONST(25000)

/* Ids on their way into the index, so many at a time that loading is shared. */
typedef struct EsIdBuffer
{
	EsIndex    *index;
	uint32		count;
	uint64		hashes[ES_PREFETCH_WINDOW];
	EsPosting	postings[ES_PREFETCH_WINDOW];
} EsIdBuffer;

extern bool es_id_has_time(const uint8 *event_id, int64 recorded_at);

extern void es_id_buffer_begin(EsIdBuffer *buffer, EsIndex *index);
extern void es_id_buffer_add(EsIdBuffer *buffer, const uint8 *event_id,
							 int64 recorded_at, EsPosting posting);
extern void es_id_buffer_move(EsIdBuffer *buffer, const uint8 *event_id, EsPosting before,
							  EsPosting after);
extern void es_id_buffer_flush(EsIdBuffer *buffer);

extern bool es_id_find(const EsIndex *index, EsReader *reader, const uint8 *event_id,
					   EsStoredEvent *stored, bool *complete);
extern bool es_id_pages(const EsIndex *index, EsReader *reader, const uint8 *event_id,
						EsPageList *list);
extern bool es_id_leads_to(const EsIndex *index, EsReader *reader, const uint8 *event_id,
						   int64 position);
extern bool es_id_is_indexed(const EsIndex *index, const uint8 *event_id,
							 EsPosting posting);

#endif							/* EVENTSTORE_LOG_IDS_H */
