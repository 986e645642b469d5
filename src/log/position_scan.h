/*-------------------------------------------------------------------------
 *
 * position_scan.h
 *	  Reads the events at given positions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_POSITION_SCAN_H
#define EVENTSTORE_LOG_POSITION_SCAN_H

#include "postgres.h"

#include "utils/snapshot.h"

#include "log/log_scan.h"

typedef struct EsPositionScan
{
	Relation	blocks;
	const int64 *positions;
	uint32		count;
	uint32		next;
	EsLogScan	log;
	bool		in_block;		/* log.row is a block that the scan moved to */
	MemoryContext per_event;
	EsStoredEvent stored;
} EsPositionScan;

extern void es_position_scan_begin(EsPositionScan *scan, Snapshot snapshot,
								   const int64 *positions, uint32 count);
extern const EsStoredEvent *es_position_scan_next(EsPositionScan *scan);
extern void es_position_scan_end(EsPositionScan *scan);

#endif							/* EVENTSTORE_LOG_POSITION_SCAN_H */
