/*-------------------------------------------------------------------------
 *
 * claim.h
 *	  Claims the entities of a batch and checks their versions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_APPEND_CLAIM_H
#define EVENTSTORE_APPEND_CLAIM_H

#include "postgres.h"

#include "append/batch.h"
#include "log/store.h"

extern void es_claim_batch(EsOpenStore *open, EsBatch *batch,
						   EsIngestResult *result);

#endif							/* EVENTSTORE_APPEND_CLAIM_H */
