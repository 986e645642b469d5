/*-------------------------------------------------------------------------
 *
 * ingest.h
 *	  Writes a batch of events.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_APPEND_INGEST_H
#define EVENTSTORE_APPEND_INGEST_H

#include "postgres.h"

#include "append/batch.h"

/* Where an event was stored now; position 0: it was stored before. */
typedef struct EsPlacement
{
	int64		position;
	int64		version;
} EsPlacement;

extern void es_ingest(EsEvent *events, int64 count, EsIngestResult *result,
					  EsPlacement *placements);

#endif							/* EVENTSTORE_APPEND_INGEST_H */
