/*-------------------------------------------------------------------------
 *
 * write.h
 *	  Packs events into blocks and inserts those into the block table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_APPEND_WRITE_H
#define EVENTSTORE_APPEND_WRITE_H

#include "postgres.h"

#include "append/batch.h"
#include "log/position.h"
#include "log/store.h"

extern void es_write_batch(EsOpenStore *open, EsBatch *batch,
						   const EsReservation *reservation);

#endif							/* EVENTSTORE_APPEND_WRITE_H */
