/*-------------------------------------------------------------------------
 *
 * page_scan.h
 *	  Reads blocks as they lie in the table: all pages, or a list of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_PAGE_SCAN_H
#define EVENTSTORE_LOG_PAGE_SCAN_H

#include "postgres.h"

#include "access/htup_details.h"
#include "port/atomics.h"
#include "storage/buf.h"
#include "storage/bufmgr.h"
#include "utils/snapshot.h"

#include "log/block_row.h"

/* What parallel workers share: pages are handed out, a few at a time. */
typedef struct EsSharedScan
{
	pg_atomic_uint64 next_page; /* fetch_add, by any worker; nothing depends
								 * on its order with other memory */
	BlockNumber pages;			/* set before the workers start */
} EsSharedScan;

/* Pages of the table, in no order, perhaps some twice; palloc'd. */
typedef struct EsPageList
{
	BlockNumber *pages;			/* NULL: none */
	uint32		count;
	uint32		room;
} EsPageList;

/* Pages that are pinned before they are read, so that memory gets loaded. */
#define ES_PAGES_AHEAD 6

/* Blocks of a page that can be looked at together. */
#define ES_BLOCKS_TOGETHER 64

/*
 * Starts loading from a page that is read soon what will be looked at.  The page
 * is pinned, but not locked.
 */
typedef void (*EsLoadAhead) (void *arg, const char *page);

typedef struct EsPageScan
{
	Relation	blocks;
	Snapshot	snapshot;
	BufferAccessStrategy strategy;
	EsSharedScan *shared;		/* NULL: this process reads all pages */
	BlockNumber next;
	BlockNumber limit;			/* of the pages that were handed out */
	BlockNumber pages;
	BlockNumber *list;			/* which pages, ascending, and 'pages' is how
								 * many; NULL: all */
	EsLoadAhead load_ahead;		/* set by the caller, or NULL */
	void	   *load_arg;
	Buffer		buffer;			/* pinned */
	Buffer		ahead[ES_PAGES_AHEAD];	/* of the pages after it; a ring */
	uint32		ahead_first;
	uint32		ahead_count;
	uint32		ahead_limit;
	Buffer		newest;			/* that was pinned last */
	bool		known;			/* the page's checksums are known to be right */
	EsBlockRow *open;			/* ES_BLOCKS_TOGETHER, on the page */
	uint32		open_count;
	uint32		row_count;
	uint32		next_row;
	OffsetNumber rows[MaxHeapTuplesPerPage];	/* that the snapshot sees */
} EsPageScan;

extern bool es_page_exists(Relation table, BlockNumber page);
extern void es_page_scan_begin(EsPageScan *scan, Relation blocks, Snapshot snapshot,
							   EsSharedScan *shared);
extern void es_page_list_add(EsPageList *list, BlockNumber page);
extern void es_page_scan_list(EsPageScan *scan, EsPageList *list);
extern void es_page_scan_only(EsPageScan *scan, BlockNumber page);
extern EsBlockRow *es_page_scan_next(EsPageScan *scan);
extern EsBlockRow *es_page_scan_next_beside(EsPageScan *scan, uint32 most_events);
extern void es_page_scan_end(EsPageScan *scan);

static inline void
es_prefetch(const char *from, const char *to)
{
	for (const char *p = from; p < to; p += PG_CACHE_LINE_SIZE)
		__builtin_prefetch(p);
}

#endif							/* EVENTSTORE_LOG_PAGE_SCAN_H */
