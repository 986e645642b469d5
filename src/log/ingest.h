/*-------------------------------------------------------------------------
 *
 * ingest.h
 *	  Writes a batch of events.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_INGEST_H
#define EVENTSTORE_LOG_INGEST_H

#include "postgres.h"

#include "core/event.h"

/*
 * What became of a batch.  Positions are those of events that were stored now
 * or, as duplicates, before; 0 for an empty batch.
 */
typedef struct EsIngestResult
{
	int64		first_position;
	int64		last_position;
	int64		ingested;
	int64		duplicates;
	int64		last_version;	/* of the batch's last event */
	int64		recorded_at;	/* of what was stored now, 0 for nothing */
} EsIngestResult;

extern void es_ingest(EsEvent *events, int64 count, EsIngestResult *result);

#endif							/* EVENTSTORE_LOG_INGEST_H */
