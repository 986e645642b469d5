/*-------------------------------------------------------------------------
 *
 * horizon.h
 *	  The safe position: up to where the log is settled for a snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_HORIZON_H
#define EVENTSTORE_LOG_HORIZON_H

#include "postgres.h"

#include "utils/snapshot.h"

extern int64 es_horizon(Snapshot snapshot);
extern int64 es_horizon_undamaged(Snapshot snapshot);

#endif							/* EVENTSTORE_LOG_HORIZON_H */
