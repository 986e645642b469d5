/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Goes through blocks: all of them, or those of a part of the log in order.
 *
 * All blocks are found by reading the table's pages one after the other, also
 * side by side with parallel workers.  A part of the log is found by the index on
 * first_position, in order, or, where the order does not matter, as a list of
 * pages; times are translated to positions by bisection, since recorded_at never
 * decreases along the log.  An event_id leads to a list of pages, too, by the index
 * of ids and the time in it.  Whatever says where to look, a block counts if the
 * snapshot sees its row, and nothing else decides.
 *
 * The page of the current block stays pinned until the next one is asked for, as
 * PostgreSQL's own scans do it.  A few more are pinned before their turn: most of
 * the time would else be spent on waiting for memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/rel.h"

#include "core/uuid.h"
#include "log/ids.h"
#include "log/kernel_use.h"
#include "log/store.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "query/scan.h"

/* Pages that a parallel worker takes at a time. */
#define PAGES_AT_A_TIME 16

/* Cache lines at the start of a page, with the headers of its first block. */
#define PREFETCHED_HEADERS 8

/* How many pages ahead columns are loaded: headers must have come by then. */
#define PAGES_TO_COLUMNS 2

/* Where the block starts in a row: after the header and first_position. */
#define BLOCK_IN_TUPLE (MAXALIGN(SizeofHeapTupleHeader) + sizeof(int64))

const EsRange es_range_all = {
	.first_position = 1,
	.last_position = PG_INT64_MAX,
	.first_time = PG_INT64_MIN,
	.last_time = PG_INT64_MAX,
	.first_version = 1,
	.last_version = PG_INT64_MAX
};

/* ------------------------------------------------------------------- pages */

/*
 * How many pages may be pinned ahead: few where there are few buffers, so that
 * many scans, each with its pins, leave some for others.
 */
static uint32
count_ahead(void)
{
	return Max(1, Min(ES_PAGES_AHEAD, NBuffers / (8 * MaxBackends)));
}

static void
begin_pages(EsScan *scan, EsSharedScan *shared)
{
	EsPageScan *page = &scan->page;

	memset(page, 0, offsetof(EsPageScan, rows));
	page->buffer = InvalidBuffer;
	page->ahead_limit = count_ahead();
	page->shared = shared;
	page->pages = shared != NULL ? shared->pages : RelationGetNumberOfBlocks(scan->blocks);
	page->limit = shared != NULL ? 0 : page->pages;
	if (page->pages > (BlockNumber) NBuffers / 4)
		page->strategy = GetAccessStrategy(BAS_BULKREAD);
}

/* The next page for this process, InvalidBlockNumber after the last. */
static BlockNumber
next_page(EsPageScan *page)
{
	if (page->next == page->limit && page->shared != NULL)
	{
		uint64		first = pg_atomic_fetch_add_u64(&page->shared->next_page, PAGES_AT_A_TIME);

		page->next = (BlockNumber) Min(first, page->pages);
		page->limit = (BlockNumber) Min(first + PAGES_AT_A_TIME, page->pages);
	}
	if (page->next >= page->limit)
		return InvalidBlockNumber;
	return page->list == NULL ? page->next++ : page->list[page->next++];
}

/* Points the tuple to a line of the page; false when there is no row. */
static bool
find_tuple(EsScan *scan, Page contents, BlockNumber number, OffsetNumber line)
{
	HeapTuple	tuple = &scan->page.tuple;
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
find_visible_rows(EsScan *scan, BlockNumber number)
{
	EsPageScan *page = &scan->page;
	Page		contents;
	OffsetNumber lines;
	bool		all_visible;

	LockBuffer(page->buffer, BUFFER_LOCK_SHARE);
	contents = BufferGetPage(page->buffer);
	TestForOldSnapshot(scan->snapshot, scan->blocks, contents);
	lines = PageGetMaxOffsetNumber(contents);
	all_visible = PageIsAllVisible(contents) && !scan->snapshot->takenDuringRecovery;
	page->row_count = page->next_row = 0;
	for (OffsetNumber line = FirstOffsetNumber; line <= lines; line++)
	{
		bool		visible;

		if (!find_tuple(scan, contents, number, line))
			continue;
		visible = all_visible ||
			HeapTupleSatisfiesVisibility(&page->tuple, scan->snapshot, page->buffer);
		HeapCheckForSerializableConflictOut(visible, scan->blocks, &page->tuple, page->buffer,
											scan->snapshot);
		if (visible)
			page->rows[page->row_count++] = line;
	}
	LockBuffer(page->buffer, BUFFER_LOCK_UNLOCK);
}

/*
 * Pins a page.  Pages that were written one after the other are often in
 * buffers one after the other, which saves looking for them.
 */
static Buffer
pin_page(EsScan *scan, BlockNumber number)
{
	EsPageScan *page = &scan->page;
	Buffer		guess = page->newest + 1;

	if (page->newest > 0 && guess <= NBuffers && es_pin_recent(scan->blocks, number, guess))
		return guess;
	return ReadBufferExtended(scan->blocks, MAIN_FORKNUM, number, RBM_NORMAL, page->strategy);
}

static void
prefetch(const char *from, const char *to)
{
	for (const char *p = from; p < to; p += PG_CACHE_LINE_SIZE)
		__builtin_prefetch(p);
}

/*
 * Starts loading the columns that were looked at in the last block, if the page is
 * one with a block of the same kind.  The page is not locked: what is read here
 * may be anything, and leads to nothing but loads inside the page.
 */
static void
prefetch_columns(const EsScan *scan, Buffer buffer)
{
	const char *contents = BufferGetPage(buffer);
	uint32		start = ItemIdGetOffset(PageGetItemId(contents, FirstOffsetNumber)) +
	BLOCK_IN_TUPLE;
	EsBlock		block = {.data = contents + start};

	if (start + sizeof(EsBlockHeader) + sizeof(EsColumnsHeader) > BLCKSZ)
		return;
	memcpy(&block.header, block.data, sizeof(block.header));
	if (block.header.layout != ES_BLOCK_LAYOUT_COLUMNS)
		return;
	block.size = BLCKSZ - start;
	if (es_columns_open(&block) != ES_BLOCK_OK)
		return;
	for (uint32 i = 0; i < scan->view.viewed_count; i++)
	{
		const EsViewedColumn *viewed = &scan->view.viewed[i];
		uint32		offset;

		if (viewed->slot >= block.columns.column_count)
			continue;
		offset = es_vector_entry(&block, viewed->slot).data;
		prefetch(block.data + offset, block.data + Min(offset + viewed->size + 1, block.size));
	}
	if (scan->view.placed && block.columns.column_count > ES_FIXED_SLOTS)
		prefetch(block.data + es_vector_entry(&block, ES_FIXED_SLOTS).text,
				 block.data + Min(block.columns.presence, block.size));
}

/* Pins the pages from here on that may be pinned. */
static void
pin_ahead(EsScan *scan)
{
	EsPageScan *page = &scan->page;

	while (page->ahead_count < page->ahead_limit)
	{
		BlockNumber number = next_page(page);

		if (number == InvalidBlockNumber)
			return;
		page->newest = pin_page(scan, number);
		prefetch(BufferGetPage(page->newest),
				 (char *) BufferGetPage(page->newest) + PREFETCHED_HEADERS * PG_CACHE_LINE_SIZE);
		page->ahead[(page->ahead_first + page->ahead_count++) % ES_PAGES_AHEAD] = page->newest;
	}
}

static void
release_page(EsPageScan *page)
{
	if (BufferIsValid(page->buffer))
		ReleaseBuffer(page->buffer);
	page->buffer = InvalidBuffer;
}

/* Takes the next of the pages that were pinned; false when there is none. */
static bool
take_page(EsPageScan *page)
{
	release_page(page);
	if (page->ahead_count == 0)
		return false;
	page->buffer = page->ahead[page->ahead_first];
	page->ahead_first = (page->ahead_first + 1) % ES_PAGES_AHEAD;
	page->ahead_count--;
	return true;
}

static bool
read_page(EsScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	pin_ahead(scan);
	if (!take_page(&scan->page))
		return false;
	if (scan->page.ahead_count > PAGES_TO_COLUMNS)
		prefetch_columns(scan, scan->page.ahead[(scan->page.ahead_first + PAGES_TO_COLUMNS) % ES_PAGES_AHEAD]);
	find_visible_rows(scan, BufferGetBlockNumber(scan->page.buffer));
	return true;
}

static EsBlockRow *
next_page_row(EsScan *scan)
{
	EsPageScan *page = &scan->page;

	while (page->next_row == page->row_count)
	{
		if (!read_page(scan))
			return NULL;
	}
	find_tuple(scan, BufferGetPage(page->buffer), BufferGetBlockNumber(page->buffer),
			   page->rows[page->next_row++]);
	es_row_open(&scan->page_row, scan->blocks, &page->tuple);
	return &scan->page_row;
}

/* --------------------------------------------------------------- log order */

/*
 * The first position from which on all blocks were recorded at 'time' or later;
 * PG_INT64_MAX when there is none.
 */
static int64
position_of_time(EsScan *scan, int64 time)
{
	EsLogScan	probe;
	int64		low = 1;
	int64		high = 1;
	bool		later = true;

	es_log_scan_begin(&probe, scan->blocks, scan->snapshot, PG_INT64_MAX, true);
	if (es_log_scan_next(&probe))
	{
		later = es_log_scan_block(&probe)->header.recorded_at >= time;
		high = probe.row.first_position;
	}
	es_log_scan_end(&probe);
	if (!later)
		return PG_INT64_MAX;
	es_log_scan_begin(&probe, scan->blocks, scan->snapshot, low, false);
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		es_log_scan_move(&probe, middle);
		if (!es_log_scan_next(&probe) || es_log_scan_block(&probe)->header.recorded_at >= time)
			high = middle;
		else
			low = probe.row.first_position + 1;
	}
	es_log_scan_end(&probe);
	return low;
}

/*
 * Translates the range of times; false when no block can be in it.  What is found
 * for its end is where the last block begins, so the range may begin behind that.
 */
static bool
narrow_by_time(EsScan *scan)
{
	EsRange    *range = &scan->range;

	if (range->first_time > PG_INT64_MIN)
		range->first_position = Max(range->first_position, position_of_time(scan, range->first_time));
	if (range->last_time < PG_INT64_MAX)
	{
		int64		after = position_of_time(scan, range->last_time + 1);

		if (after < PG_INT64_MAX)
			range->last_position = Min(range->last_position, after - 1);
	}
	return range->first_position <= range->last_position ||
		es_log_block_start(scan->blocks, scan->snapshot, range->first_position) <= range->last_position;
}

static bool
reads_pages(const EsScan *scan)
{
	return scan->order == ES_ORDER_NONE || scan->order == ES_ORDER_RANGE ||
		scan->order == ES_ORDER_ID;
}

/* Translates the range to positions; false when it is empty. */
static bool
find_positions(EsScan *scan)
{
	const EsRange *range = &scan->range;

	return range->first_position <= range->last_position && range->first_time <= range->last_time &&
		narrow_by_time(scan);
}

/* Goes to the first block of the range, unless it is empty. */
static void
begin_log(EsScan *scan)
{
	EsRange    *range = &scan->range;

	if (!find_positions(scan))
		return;
	if (scan->order == ES_ORDER_FORWARD)
		es_log_scan_begin(&scan->log, scan->blocks, scan->snapshot,
						  es_log_block_start(scan->blocks, scan->snapshot, range->first_position),
						  false);
	else
		es_log_scan_begin(&scan->log, scan->blocks, scan->snapshot, range->last_position, true);
	scan->log_open = true;
}

/*
 * Lists the pages of the range.  They are read like all pages, which is faster
 * than going along the index; what else is on them is for the filter.
 */
static void
begin_range(EsScan *scan)
{
	EsPageScan *page = &scan->page;
	uint32		count = 0;

	begin_pages(scan, NULL);
	if (find_positions(scan))
		page->list = es_log_pages(scan->blocks, scan->snapshot,
								  es_log_block_start(scan->blocks, scan->snapshot,
													 scan->range.first_position),
								  scan->range.last_position, &count);
	page->limit = page->pages = count;
}

/* Lists the pages of the time in the id, when it has one. */
static void
add_pages_of_time(EsScan *scan, uint32 *count)
{
	EsPageScan *page = &scan->page;
	BlockNumber *pages;
	uint32		found;
	int64		time;

	if (!es_uuid_v7_time(scan->range.event_id, &time))
		return;
	scan->range.first_time = Max(scan->range.first_time, time - ES_ID_TIME_WINDOW_US);
	scan->range.last_time = Min(scan->range.last_time, time + ES_ID_TIME_WINDOW_US);
	if (!find_positions(scan))
		return;
	pages = es_log_pages(scan->blocks, scan->snapshot,
						 es_log_block_start(scan->blocks, scan->snapshot, scan->range.first_position),
						 scan->range.last_position, &found);
	page->list = repalloc_huge(page->list, ((Size) *count + found + 1) * sizeof(BlockNumber));
	memcpy(page->list + *count, pages, found * sizeof(BlockNumber));
	*count += found;
	pfree(pages);
}

/*
 * Lists the pages on which events with the id can be: those that the index of ids
 * knows, and those of its time.  All pages if the index lacks ids.
 */
static void
begin_id(EsScan *scan)
{
	EsPageScan *page = &scan->page;
	EsOpenStore open;
	BlockNumber *pages;
	uint32		count = 0;
	bool		complete;

	begin_pages(scan, NULL);
	if (!scan->range.one_id)
		return;
	es_store_open(&open, AccessShareLock);
	complete = es_id_pages(&open.store->index, scan->range.event_id, &pages, &count);
	es_store_close(&open);
	if (!complete)
	{
		pfree(pages);
		return;
	}
	page->list = pages;
	add_pages_of_time(scan, &count);
	page->limit = page->pages = es_pages_sort(page->list, count);
}

/* Has the scan left the range on its far side? */
static bool
is_beyond(const EsScan *scan, const EsBlockRow *row)
{
	if (scan->order == ES_ORDER_FORWARD)
		return row->first_position > scan->range.last_position;
	return row->status == ES_BLOCK_OK &&
		row->first_position + row->block.header.event_count - 1 < scan->range.first_position;
}

static EsBlockRow *
next_log_row(EsScan *scan)
{
	if (!scan->log_open || !es_log_scan_next(&scan->log) || is_beyond(scan, &scan->log.row))
		return NULL;
	return &scan->log.row;
}

/* -------------------------------------------------------------------- scan */

/*
 * Begins to read blocks, in the current memory context.  The range is for scans of
 * a part of the log; the filter must say the same, since events outside of it are
 * delivered too.
 */
void
es_scan_begin(EsScan *scan, Snapshot snapshot, EsFilter *filter, EsOrder order,
			  const EsRange *range, EsSharedScan *shared)
{
	memset(scan, 0, offsetof(EsScan, sure));
	scan->context = CurrentMemoryContext;
	scan->blocks = es_blocks_open(AccessShareLock);
	scan->snapshot = snapshot;
	scan->filter = filter;
	scan->order = order;
	scan->range = *range;
	PredicateLockRelation(scan->blocks, snapshot);
	es_view_begin(&scan->view, filter->paths, filter->path_count);
	if (order == ES_ORDER_NONE)
		begin_pages(scan, shared);
	else if (order == ES_ORDER_RANGE)
		begin_range(scan);
	else if (order == ES_ORDER_ID)
		begin_id(scan);
	else
		begin_log(scan);
}

/* Of all pages, reads only this one with the next calls. */
void
es_scan_only_page(EsScan *scan, BlockNumber page)
{
	scan->page.next = page;
	scan->page.limit = page + 1;
}

static bool
next_match(EsScan *scan)
{
	EsBlockRow *row;

	while ((row = reads_pages(scan) ? next_page_row(scan) : next_log_row(scan)) != NULL)
	{
		bool		any;

		es_view_open(&scan->view, row);
		es_bits_fill(scan->sure, scan->view.count);
		any = es_filter_run(scan->filter, &scan->view, scan->sure, scan->unsure);
		scan->counts.blocks++;
		if (any || scan->view.touched)
			scan->counts.events += scan->view.count;
		else
			scan->counts.skipped++;
		if (any)
			return true;
	}
	return false;
}

/*
 * Moves to the next block with events that are, or may be, what the filter asks
 * for: scan->view, and the sets scan->sure and scan->unsure.  An index scan
 * allocates memory that it keeps, when it goes on.
 */
bool
es_scan_next(EsScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);
	bool		any = next_match(scan);

	MemoryContextSwitchTo(before);
	return any;
}

void
es_scan_end(EsScan *scan)
{
	while (reads_pages(scan) && take_page(&scan->page))
		;
	if (scan->page.list != NULL)
		pfree(scan->page.list);
	if (scan->page.strategy != NULL)
		FreeAccessStrategy(scan->page.strategy);
	if (scan->log_open)
		es_log_scan_end(&scan->log);
	es_view_end(&scan->view);
	table_close(scan->blocks, NoLock);
	es_kernel_use_flush();
}
