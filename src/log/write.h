/*-------------------------------------------------------------------------
 *
 * write.h
 *	  Packs events into blocks and inserts those into the block table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_WRITE_H
#define EVENTSTORE_LOG_WRITE_H

#include "postgres.h"

#include "log/batch.h"
#include "log/position.h"
#include "log/store.h"

extern void es_write_batch(EsOpenStore *open, EsBatch *batch,
						   const EsReservation *reservation);

#endif							/* EVENTSTORE_LOG_WRITE_H */
