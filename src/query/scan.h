/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  Goes through blocks: all of them, or those of a part of the log in order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_SCAN_H
#define EVENTSTORE_QUERY_SCAN_H

#include "postgres.h"

#include "access/htup.h"
#include "port/atomics.h"
#include "storage/buf.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/snapshot.h"

#include "filter/filter.h"
#include "filter/view.h"
#include "log/reader.h"

typedef enum EsOrder
{
	ES_ORDER_NONE,				/* all blocks, as they lie in the table */
	ES_ORDER_RANGE,				/* those of the range, as they lie there */
	ES_ORDER_ID,				/* those that may have the id of the range */
	ES_ORDER_FORWARD,			/* by position */
	ES_ORDER_BACKWARD
} EsOrder;

/* What parallel workers share: pages are handed out, a few at a time. */
typedef struct EsSharedScan
{
	pg_atomic_uint64 next_page; /* fetch_add, by any worker; nothing depends
								 * on its order with other memory */
	BlockNumber pages;			/* set before the workers start */
} EsSharedScan;

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

/* Pages that are pinned before they are read, so that memory gets loaded. */
#define ES_PAGES_AHEAD 6

/* The heap page that is being read. */
typedef struct EsPageScan
{
	BufferAccessStrategy strategy;
	EsSharedScan *shared;		/* NULL: this process reads all pages */
	BlockNumber next;
	BlockNumber limit;			/* of the pages that were handed out */
	BlockNumber pages;
	BlockNumber *list;			/* RANGE, ID: which pages, and 'pages' is how
								 * many */
	Buffer		buffer;			/* pinned */
	Buffer		ahead[ES_PAGES_AHEAD];	/* of the pages after it; a ring */
	uint32		ahead_first;
	uint32		ahead_count;
	uint32		ahead_limit;
	Buffer		newest;			/* that was pinned last */
	HeapTupleData tuple;
	uint32		row_count;
	uint32		next_row;
	OffsetNumber rows[MaxHeapTuplesPerPage];	/* that the snapshot sees */
} EsPageScan;

typedef struct EsScan
{
	MemoryContext context;		/* in which it was begun */
	Relation	blocks;
	Snapshot	snapshot;
	EsOrder		order;
	EsRange		range;
	EsFilter   *filter;
	EsPageScan	page;			/* ES_ORDER_NONE */
	EsBlockRow	page_row;
	EsLogScan	log;			/* otherwise */
	bool		log_open;
	EsView		view;			/* of the current block */
	EsScanCounts counts;
	uint64		sure[ES_BLOCK_BIT_WORDS];
	uint64		unsure[ES_BLOCK_BIT_WORDS];
} EsScan;

extern const EsRange es_range_all;

extern void es_scan_begin(EsScan *scan, Snapshot snapshot, EsFilter *filter, EsOrder order,
						  const EsRange *range, EsSharedScan *shared);
extern void es_scan_only_page(EsScan *scan, BlockNumber page);
extern bool es_scan_next(EsScan *scan);
extern void es_scan_end(EsScan *scan);

#endif							/* EVENTSTORE_QUERY_SCAN_H */
