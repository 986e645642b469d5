/*-------------------------------------------------------------------------
 *
 * log_scan.h
 *	  Reads blocks in the order of the log, through the index on first_position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_LOG_SCAN_H
#define EVENTSTORE_LOG_LOG_SCAN_H

#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/sdir.h"
#include "executor/tuptable.h"
#include "storage/block.h"
#include "utils/snapshot.h"

#include "log/block_row.h"
#include "log/page_scan.h"

/* Reads blocks in log order, through the index on first_position. */
typedef struct EsLogScan
{
	MemoryContext context;		/* of what the index scan keeps */
	Relation	blocks;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	ScanDirection direction;
	bool		anew;			/* checksums are computed although the page is
								 * known */
	EsBlockRow	row;
} EsLogScan;

extern void es_log_scan_begin(EsLogScan *scan, Relation blocks, Snapshot snapshot,
							  int64 position, bool backward);
extern void es_log_scan_move(EsLogScan *scan, int64 position);
extern bool es_log_scan_find(EsLogScan *scan, int64 position);
extern bool es_log_scan_next(EsLogScan *scan);
extern bool es_log_scan_is_own(EsLogScan *scan);
extern EsBlock *es_log_scan_block(EsLogScan *scan);
extern void es_log_scan_end(EsLogScan *scan);
extern void es_log_pages(Relation blocks, Snapshot snapshot, int64 first, int64 last,
						 EsPageList *list);
extern int64 es_log_block_start(Relation blocks, Snapshot snapshot, int64 position);

#endif							/* EVENTSTORE_LOG_LOG_SCAN_H */
