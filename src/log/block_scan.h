/*-------------------------------------------------------------------------
 *
 * block_scan.h
 *	  Reads the blocks of the log: all of them, or those of a range of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_BLOCK_SCAN_H
#define EVENTSTORE_LOG_BLOCK_SCAN_H

#include "postgres.h"

#include "core/uuid.h"
#include "log/log_scan.h"
#include "log/page_scan.h"

typedef enum EsOrder
{
	ES_ORDER_NONE,				/* all blocks, as they lie in the table */
	ES_ORDER_RANGE,				/* those of the range, as they lie there */
	ES_ORDER_IDS,				/* those that may have the ids of the range */
	ES_ORDER_POSITIONS,			/* those that may have its positions */
	ES_ORDER_FORWARD,			/* by position */
	ES_ORDER_BACKWARD
} EsOrder;

/* Inclusive limits of the events that are asked for. */
typedef struct EsRange
{
	int64		first_position;
	int64		last_position;
	int64		first_time;		/* of recorded_at */
	int64		last_time;
	int64		first_version;
	int64		last_version;
	bool		some_ids;		/* only events with one of these ids */
	const uint8 (*ids)[ES_UUID_SIZE];
	uint32		id_count;
	bool		some_positions; /* only these, ascending */
	const int64 *positions;
	uint32		position_count;
} EsRange;

typedef struct EsBlockScan
{
	MemoryContext context;		/* in which it was begun */
	Relation	blocks;
	Snapshot	snapshot;
	EsOrder		order;
	EsRange		range;
	bool		log_open;
	EsLogScan	log;			/* by position */
	EsPageScan	page;			/* otherwise */
} EsBlockScan;

extern const EsRange es_range_all;

extern void es_block_scan_begin(EsBlockScan *scan, Snapshot snapshot, EsOrder order,
								const EsRange *range, EsSharedScan *shared);
extern EsBlockRow *es_block_scan_next(EsBlockScan *scan);
extern EsBlockRow *es_block_scan_next_beside(EsBlockScan *scan, uint32 most_events);
extern bool es_block_scan_reads_pages(const EsBlockScan *scan);
extern void es_block_scan_narrow(EsBlockScan *scan, const EsRange *range);
extern bool es_log_has_events(Snapshot snapshot);
extern void es_block_scan_end(EsBlockScan *scan);

#endif							/* EVENTSTORE_LOG_BLOCK_SCAN_H */
