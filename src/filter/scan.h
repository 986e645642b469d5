/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  Reads blocks of the log and says which of their events match a filter.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_SCAN_H
#define EVENTSTORE_FILTER_SCAN_H

#include "postgres.h"

#include "filter/filter.h"
#include "filter/view.h"
#include "log/block_scan.h"

/* What was done, for EXPLAIN. */
typedef struct EsScanCounts
{
	uint64		blocks;			/* visible blocks that were opened */
	uint64		skipped;		/* of them, by the header alone */
	uint64		events;			/* in blocks that were not skipped */
	uint64		unsure;			/* that PostgreSQL had to test */
	uint64		removed;		/* of them, found not to match */
	uint64		found;
} EsScanCounts;

typedef struct EsScan
{
	EsFilter   *filter;
	EsBlockScan blocks;
	EsView		view;			/* of the current block */
	EsScanCounts counts;
	uint64		sure[ES_BLOCK_BIT_WORDS];	/* events that match */
	uint64		unsure[ES_BLOCK_BIT_WORDS]; /* events that may match */
} EsScan;

extern void es_scan_begin(EsScan *scan, Snapshot snapshot, EsFilter *filter, EsOrder order,
						  const EsRange *range, EsSharedScan *shared);
extern bool es_scan_next(EsScan *scan);
extern void es_scan_end_filter(EsScan *scan);
extern void es_scan_begin_filter(EsScan *scan, EsFilter *filter, const EsRange *range);
extern void es_scan_end(EsScan *scan);

#endif							/* EVENTSTORE_FILTER_SCAN_H */
