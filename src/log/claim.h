/*-------------------------------------------------------------------------
 *
 * claim.h
 *	  Claims the entities of a batch and checks their versions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_CLAIM_H
#define EVENTSTORE_LOG_CLAIM_H

#include "postgres.h"

#include "log/batch.h"
#include "log/ingest.h"
#include "log/store.h"

extern void es_claim_batch(EsOpenStore *open, EsBatch *batch,
						   EsIngestResult *result);

#endif							/* EVENTSTORE_LOG_CLAIM_H */
