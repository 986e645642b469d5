/*-------------------------------------------------------------------------
 *
 * page_scan.c
 *	  Reads blocks as they lie in the table: all pages, or a list of them.
 *
 * Parallel workers share the pages.  The page of the current block stays pinned
 * until the next one is asked for, as PostgreSQL's own scans do it.  A few more
 * are pinned before their turn: most of the time would else be spent on waiting
 * for memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/rel.h"

#include "log/page_scan.h"
#include "log/verified.h"
#include "pg/compat.h"

/* Pages that a parallel worker takes at a time. */
#define PAGES_AT_A_TIME 16

/* Cache lines at the start of a page, with the headers of its first block. */
#define PREFETCHED_HEADERS 8

/* How many pages ahead columns are loaded: headers must have come by then. */
#define PAGES_TO_COLUMNS 2

/*
 * How many pages may be pinned ahead: few where there are few buffers, so that
 * many scans, each with its pins, leave some for others.
 */
static uint32
count_ahead(void)
{
	return Max(1, Min(ES_PAGES_AHEAD, NBuffers / (8 * MaxBackends)));
}

/*
 * Does the table have this page?  A table that was vacuumed may have become shorter.  The
 * size that the server last found is forgotten then, when the table is locked: so it is only
 * asked anew when the table may have grown.
 */
bool
es_page_exists(Relation table, BlockNumber page)
{
	BlockNumber known = RelationGetSmgr(table)->smgr_cached_nblocks[MAIN_FORKNUM];

	return (known != InvalidBlockNumber && page < known) ||
		page < RelationGetNumberOfBlocks(table);
}

/* Begins to read all pages of the table, or this process's share of them. */
void
es_page_scan_begin(EsPageScan *scan, Relation blocks, Snapshot snapshot, EsSharedScan *shared)
{
	memset(scan, 0, offsetof(EsPageScan, rows));
	scan->blocks = blocks;
	scan->snapshot = snapshot;
	scan->buffer = InvalidBuffer;
	scan->ahead_limit = count_ahead();
	scan->open = palloc(ES_BLOCKS_TOGETHER * sizeof(EsBlockRow));
	scan->shared = shared;
	scan->pages = shared != NULL ? shared->pages : RelationGetNumberOfBlocks(blocks);
	scan->limit = shared != NULL ? 0 : scan->pages;
	if (scan->pages > (BlockNumber) NBuffers / 4)
		scan->strategy = GetAccessStrategy(BAS_BULKREAD);
}

void
es_page_list_add(EsPageList *list, BlockNumber page)
{
	if (list->pages == NULL)
		list->pages = palloc((list->room = 16) * sizeof(BlockNumber));
	else if (list->count == list->room)
		list->pages = repalloc_huge(list->pages, (Size) (list->room *= 2) * sizeof(BlockNumber));
	list->pages[list->count++] = page;
}

static int
compare_pages(const void *a, const void *b)
{
	BlockNumber x = *(const BlockNumber *) a;
	BlockNumber y = *(const BlockNumber *) b;

	return x < y ? -1 : x > y;
}

/*
 * Of all pages, reads only those of the list, which is the scan's from now on.  The
 * index of ids may know pages that VACUUM has cut off, of what was rolled back.
 */
void
es_page_scan_list(EsPageScan *scan, EsPageList *list)
{
	uint32		kept = 0;

	for (uint32 i = 0; i < list->count; i++)
	{
		if (list->pages[i] < scan->pages)
			list->pages[kept++] = list->pages[i];
	}
	list->count = kept;
	if (list->count > 0)
	{
		qsort(list->pages, list->count, sizeof(BlockNumber), compare_pages);
		list->count = (uint32) qunique(list->pages, list->count, sizeof(BlockNumber), compare_pages);
	}
	scan->list = list->pages;
	scan->next = 0;
	scan->limit = scan->pages = list->count;
}

/* Of all pages, reads only this one with the next calls. */
void
es_page_scan_only(EsPageScan *scan, BlockNumber page)
{
	scan->next = page;
	scan->limit = page + 1;
}

/* The next page for this process, InvalidBlockNumber after the last. */
static BlockNumber
next_page(EsPageScan *scan)
{
	if (scan->next == scan->limit && scan->shared != NULL)
	{
		uint64		first = pg_atomic_fetch_add_u64(&scan->shared->next_page, PAGES_AT_A_TIME);

		scan->next = (BlockNumber) Min(first, scan->pages);
		scan->limit = (BlockNumber) Min(first + PAGES_AT_A_TIME, scan->pages);
	}
	if (scan->next >= scan->limit)
		return InvalidBlockNumber;
	return scan->list == NULL ? scan->next++ : scan->list[scan->next++];
}

/* Points the tuple to a line of the page; false when there is no row. */
static bool
find_tuple(const EsPageScan *scan, Page contents, BlockNumber number, OffsetNumber line,
		   HeapTuple tuple)
{
	ItemId		item = PageGetItemId(contents, line);

	if (!ItemIdIsNormal(item))
		return false;
	tuple->t_tableOid = RelationGetRelid(scan->blocks);
	tuple->t_data = (HeapTupleHeader) PageGetItem(contents, item);
	tuple->t_len = ItemIdGetLength(item);
	ItemPointerSet(&tuple->t_self, number, line);
	return true;
}

/* Notes which rows of the page the snapshot sees. */
static void
find_visible_rows(EsPageScan *scan, BlockNumber number)
{
	HeapTupleData tuple;
	Page		contents;
	OffsetNumber lines;
	bool		all_visible;
	bool		conflicts = CheckForSerializableConflictOutNeeded(scan->blocks, scan->snapshot);

	LockBuffer(scan->buffer, BUFFER_LOCK_SHARE);
	contents = BufferGetPage(scan->buffer);
	es_check_snapshot_age(scan->snapshot, scan->blocks, contents);
	lines = PageGetMaxOffsetNumber(contents);
	all_visible = PageIsAllVisible(contents) && !scan->snapshot->takenDuringRecovery;
	scan->row_count = scan->next_row = 0;
	for (OffsetNumber line = FirstOffsetNumber; line <= lines; line++)
	{
		bool		visible;

		if (!find_tuple(scan, contents, number, line, &tuple))
			continue;
		visible = all_visible ||
			HeapTupleSatisfiesVisibility(&tuple, scan->snapshot, scan->buffer);
		if (conflicts)
			HeapCheckForSerializableConflictOut(visible, scan->blocks, &tuple, scan->buffer,
												scan->snapshot);
		if (visible)
			scan->rows[scan->row_count++] = line;
	}
	LockBuffer(scan->buffer, BUFFER_LOCK_UNLOCK);
}

/*
 * Pins a page.  Pages that were written one after the other are often in
 * buffers one after the other, which saves looking for them.
 */
static Buffer
pin_page(EsPageScan *scan, BlockNumber number)
{
	Buffer		guess = scan->newest + 1;

	if (scan->newest > 0 && guess <= NBuffers && es_pin_recent(scan->blocks, number, guess))
		return guess;
	return ReadBufferExtended(scan->blocks, MAIN_FORKNUM, number, RBM_NORMAL, scan->strategy);
}

/* Pins the pages from here on that may be pinned. */
static void
pin_ahead(EsPageScan *scan)
{
	while (scan->ahead_count < scan->ahead_limit)
	{
		BlockNumber number = next_page(scan);

		if (number == InvalidBlockNumber)
			return;
		scan->newest = pin_page(scan, number);
		es_prefetch(BufferGetPage(scan->newest),
					(char *) BufferGetPage(scan->newest) + PREFETCHED_HEADERS * PG_CACHE_LINE_SIZE);
		scan->ahead[(scan->ahead_first + scan->ahead_count++) % ES_PAGES_AHEAD] = scan->newest;
	}
}

static void
release_page(EsPageScan *scan)
{
	if (BufferIsValid(scan->buffer))
		ReleaseBuffer(scan->buffer);
	scan->buffer = InvalidBuffer;
}

/* Takes the next of the pages that were pinned; false when there is none. */
static bool
take_page(EsPageScan *scan)
{
	release_page(scan);
	if (scan->ahead_count == 0)
		return false;
	scan->buffer = scan->ahead[scan->ahead_first];
	scan->ahead_first = (scan->ahead_first + 1) % ES_PAGES_AHEAD;
	scan->ahead_count--;
	return true;
}

static bool
read_page(EsPageScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	pin_ahead(scan);
	if (!take_page(scan))
		return false;
	if (scan->ahead_count > PAGES_TO_COLUMNS && scan->load_ahead != NULL)
		scan->load_ahead(scan->load_arg,
						 BufferGetPage(scan->ahead[(scan->ahead_first + PAGES_TO_COLUMNS) %
												   ES_PAGES_AHEAD]));
	scan->known = es_page_is_known(scan->blocks, scan->buffer);
	find_visible_rows(scan, BufferGetBlockNumber(scan->buffer));
	return true;
}

/* Opens the next row of the page beside those that are open. */
static EsBlockRow *
open_row(EsPageScan *scan)
{
	EsBlockRow *row = &scan->open[scan->open_count];
	HeapTupleData tuple;

	find_tuple(scan, BufferGetPage(scan->buffer), BufferGetBlockNumber(scan->buffer),
			   scan->rows[scan->next_row], &tuple);
	es_row_open(row, scan->blocks, &tuple, scan->buffer, scan->known);
	return row;
}

/* Goes on behind the row that was opened. */
static EsBlockRow *
take_row(EsPageScan *scan, EsBlockRow *row)
{
	scan->open_count++;
	scan->next_row++;
	return row;
}

/* The next block that the snapshot sees; NULL after the last. */
EsBlockRow *
es_page_scan_next(EsPageScan *scan)
{
	while (scan->next_row == scan->row_count)
	{
		if (!read_page(scan))
			return NULL;
	}
	scan->open_count = 0;
	return take_row(scan, open_row(scan));
}

/*
 * The next block, to be looked at together with those since es_page_scan_next(), if
 * it is on the same page, in row layout and of at most so many events, none of them with
 * a large body, which would be held as long as the others; else NULL, and it is the next
 * one still.
 */
EsBlockRow *
es_page_scan_next_beside(EsPageScan *scan, uint32 most_events)
{
	EsBlockRow *row;

	if (scan->next_row == scan->row_count || scan->open_count == ES_BLOCKS_TOGETHER)
		return NULL;
	row = open_row(scan);
	if (row->status != ES_BLOCK_OK || es_block_has_columns(&row->block) ||
		row->block.header.event_count > most_events || es_row_has_large(row))
		return NULL;
	return take_row(scan, row);
}

void
es_page_scan_end(EsPageScan *scan)
{
	while (take_page(scan))
		;
	pfree(scan->open);
	if (scan->list != NULL)
		pfree(scan->list);
	if (scan->strategy != NULL)
		FreeAccessStrategy(scan->strategy);
}
