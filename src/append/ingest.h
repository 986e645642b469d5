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

extern void es_ingest(EsEvent *events, int64 count, EsIngestResult *result);

#endif							/* EVENTSTORE_APPEND_INGEST_H */
