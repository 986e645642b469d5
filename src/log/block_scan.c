/*-------------------------------------------------------------------------
 *
 * block_scan.c
 *	  Reads the blocks of the log: all of them, or those of a range of it.
 *
 * All blocks are found by reading the table's pages one after the other, also
 * side by side with parallel workers.  A part of the log is found by the index on
 * first_position, in order, or, where the order does not matter, as a list of
 * pages; times are translated to positions by bisection, since recorded_at never
 * decreases along the log.  Single positions and event ids lead to a list of pages,
 * too, ids by their index and the time in them.  Whatever says where to look, a block counts if the
 * snapshot sees its row, and nothing else decides.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/rel.h"

#include "core/uuid.h"
#include "log/block_scan.h"
#include "log/ids.h"
#include "log/position.h"
#include "log/store.h"
#include "log/stores.h"
#include "pg/catalog.h"

/* Positions that the search for a time first goes ahead. */
#define FIRST_STEP 1024

const EsRange es_range_all = {
	.first_position = 1,
	.last_position = PG_INT64_MAX,
	.first_time = PG_INT64_MIN,
	.last_time = PG_INT64_MAX,
	.first_version = 1,
	.last_version = PG_INT64_MAX
};

/* ------------------------------------------------------------------- range */

/* A position behind which the snapshot sees nothing, however much was added since. */
static int64
last_seen(const EsBlockScan *scan)
{
	EsStore    *store = es_store_of(MyDatabaseId);

	return store == NULL ? PG_INT64_MAX : es_positions_limit(store, scan->snapshot);
}

/* Was all of a block recorded at the time or later, or with 'some' its last event? */
static bool
block_is_later(const EsBlock *block, int64 time, bool some)
{
	return es_block_recorded_at(block, some ? block->header.event_count - 1 : 0) >= time;
}

/* Is that so of the block of the position, or the next one? */
static bool
is_later(EsLogScan *probe, int64 position, int64 time, bool some)
{
	es_log_scan_move(probe, position);
	return !es_log_scan_next(probe) || block_is_later(es_log_scan_block(probe), time, some);
}

/*
 * The first position from which on all blocks were recorded at 'time' or later, or with
 * 'some' have such events, if not before 'low'; PG_INT64_MAX when there is none.  Times asked for are often near
 * to those before, so the search begins with steps that grow.
 */
static int64
position_of_time(EsBlockScan *scan, int64 time, bool some, int64 low)
{
	EsLogScan	probe;
	int64		high = low;
	bool		later = true;

	es_log_scan_begin(&probe, scan->blocks, scan->snapshot, last_seen(scan), true);
	if (es_log_scan_next(&probe))
	{
		later = block_is_later(es_log_scan_block(&probe), time, some);
		high = probe.row.first_position;
	}
	es_log_scan_end(&probe);
	if (!later)
		return PG_INT64_MAX;
	es_log_scan_begin(&probe, scan->blocks, scan->snapshot, low, false);
	for (int64 step = FIRST_STEP; step < high - low; step *= 2)
	{
		if (is_later(&probe, low + step, time, some))
			high = low + step;
		else
			low = probe.row.first_position + 1;
	}
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (is_later(&probe, middle, time, some))
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
narrow_by_time(EsBlockScan *scan)
{
	EsRange    *range = &scan->range;

	if (range->first_time > PG_INT64_MIN)
		range->first_position = Max(range->first_position, position_of_time(scan, range->first_time, true, 1));
	if (range->last_time < PG_INT64_MAX)
	{
		int64		after = position_of_time(scan, range->last_time + 1, false,
											 Max(range->first_position, 1));

		if (after < PG_INT64_MAX)
			range->last_position = Min(range->last_position, after - 1);
	}
	return range->first_position <= range->last_position ||
		es_log_block_start(scan->blocks, scan->snapshot, range->first_position) <= range->last_position;
}

static bool
is_empty(const EsRange *range)
{
	return range->first_position > range->last_position || range->first_time > range->last_time;
}

/*
 * Translates the range to positions, behind which an old snapshot need not look; false
 * when it is empty.
 */
static bool
find_positions(EsBlockScan *scan)
{
	scan->range.last_position = Min(scan->range.last_position, last_seen(scan));
	return !is_empty(&scan->range) && narrow_by_time(scan);
}

/* Goes to the first block of the range, unless it is empty. */
static void
begin_in_order(EsBlockScan *scan)
{
	EsRange    *range = &scan->range;

	if (!find_positions(scan))
		return;
	if (scan->order == ES_ORDER_FORWARD)
		es_log_scan_begin(&scan->log, scan->blocks, scan->snapshot,
						  es_log_block_start(scan->blocks, scan->snapshot, range->first_position),
						  false);
	else
		es_log_scan_begin(&scan->log, scan->blocks, scan->snapshot,
						  range->last_position, true);
	scan->log_open = true;
}

/* Adds the pages with blocks of the range. */
static void
add_pages_of_range(EsBlockScan *scan, EsPageList *list)
{
	if (find_positions(scan))
		es_log_pages(scan->blocks, scan->snapshot,
					 es_log_block_start(scan->blocks, scan->snapshot, scan->range.first_position),
					 scan->range.last_position, list);
}

/* Adds the pages of the time in the id, when it has one. */
static void
add_pages_of_time(EsBlockScan *scan, const uint8 *event_id, EsPageList *list)
{
	EsRange		range = scan->range;
	int64		time;

	if (!es_uuid_v7_time(event_id, &time))
		return;
	scan->range.first_time = Max(range.first_time, time - ES_ID_TIME_WINDOW_US);
	scan->range.last_time = Min(range.last_time, time + ES_ID_TIME_WINDOW_US);
	add_pages_of_range(scan, list);
	scan->range = range;
}

/*
 * The pages on which events with the ids can be: those that the index of ids knows,
 * and those of their times.  False if the index lacks ids.
 */
static bool
add_pages_of_ids(EsBlockScan *scan, EsPageList *list)
{
	EsOpenStore open;
	EsReader	reader;
	bool		complete = true;

	es_store_open(&open, AccessShareLock);
	es_reader_begin(&reader, open.blocks, scan->snapshot);
	for (uint32 i = 0; i < scan->range.id_count && complete; i++)
	{
		complete = es_id_pages(&open.store->index, &reader, scan->range.ids[i], list);
		add_pages_of_time(scan, scan->range.ids[i], list);
	}
	es_reader_end(&reader);
	es_store_close(&open);
	return complete;
}

/* The pages of the blocks that have the positions. */
static void
add_pages_of_positions(EsBlockScan *scan, EsPageList *list)
{
	const EsRange *range = &scan->range;
	EsLogScan	probe;
	bool		in_block = false;

	es_log_scan_begin(&probe, scan->blocks, scan->snapshot, 0, true);
	for (uint32 i = 0; i < range->position_count; i++)
	{
		if (in_block && probe.row.status == ES_BLOCK_OK &&
			es_block_has_position(&probe.row.block, range->positions[i]))
			continue;
		es_log_scan_move(&probe, range->positions[i]);
		in_block = es_log_scan_next(&probe);
		if (in_block)
			es_page_list_add(list, ItemPointerGetBlockNumber(&probe.slot->tts_tid));
	}
	es_log_scan_end(&probe);
}

/*
 * Lists the pages with what is asked for.  They are read like all pages, which is
 * faster than going along the index; what else is on them is for the caller.  If it is
 * not known where that is, all pages are read.
 */
static void
begin_list(EsBlockScan *scan)
{
	EsPageList	list = {0};
	bool		known = true;

	if (is_empty(&scan->range))
		;						/* of no pages */
	else if (scan->order == ES_ORDER_RANGE)
		add_pages_of_range(scan, &list);
	else if (scan->order == ES_ORDER_IDS && scan->range.some_ids)
		known = add_pages_of_ids(scan, &list);
	else if (scan->order == ES_ORDER_POSITIONS && scan->range.some_positions)
		add_pages_of_positions(scan, &list);
	else
		known = false;
	if (known)
		es_page_scan_list(&scan->page, &list);
	else if (list.pages != NULL)
		pfree(list.pages);
}

/* Has the scan left the range on its far side? */
static bool
is_beyond(const EsBlockScan *scan, const EsBlockRow *row)
{
	if (scan->order == ES_ORDER_FORWARD)
		return row->first_position > scan->range.last_position;
	return row->status == ES_BLOCK_OK &&
		es_block_last_position(&row->block) < scan->range.first_position;
}

static EsBlockRow *
next_in_order(EsBlockScan *scan)
{
	if (!scan->log_open || !es_log_scan_next(&scan->log) || is_beyond(scan, &scan->log.row))
		return NULL;
	return &scan->log.row;
}

/* -------------------------------------------------------------------- scan */

/* Does the scan read pages, with all that is on them, and not block after block? */
bool
es_block_scan_reads_pages(const EsBlockScan *scan)
{
	return scan->order != ES_ORDER_FORWARD && scan->order != ES_ORDER_BACKWARD;
}

/*
 * Begins to read blocks that may have events of the range, in the current memory
 * context.  Blocks may have other events besides, also before and behind it.  A
 * serializable transaction locks the whole table against being read past: coarse,
 * but never wrong.
 */
void
es_block_scan_begin(EsBlockScan *scan, Snapshot snapshot, EsOrder order, const EsRange *range,
					EsSharedScan *shared)
{
	memset(scan, 0, offsetof(EsBlockScan, page));
	scan->context = CurrentMemoryContext;
	scan->blocks = es_blocks_open(AccessShareLock);
	scan->snapshot = snapshot;
	scan->order = order;
	scan->range = *range;
	PredicateLockRelation(scan->blocks, snapshot);
	if (es_block_scan_reads_pages(scan))
		es_page_scan_begin(&scan->page, scan->blocks, snapshot,
						   order == ES_ORDER_NONE && !is_empty(range) ? shared : NULL);
	if (!es_block_scan_reads_pages(scan))
		begin_in_order(scan);
	else if (order != ES_ORDER_NONE || is_empty(range))
		begin_list(scan);
}

/*
 * The next block; NULL after the last.  An index scan allocates memory that it
 * keeps, when it goes on.
 */
EsBlockRow *
es_block_scan_next(EsBlockScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);
	EsBlockRow *row = es_block_scan_reads_pages(scan) ? es_page_scan_next(&scan->page) : next_in_order(scan);

	MemoryContextSwitchTo(before);
	return row;
}

/*
 * The next block too, if it can be looked at together with the last one, with at most
 * so many events; else NULL, and es_block_scan_next() gives it.
 */
EsBlockRow *
es_block_scan_next_beside(EsBlockScan *scan, uint32 most_events)
{
	return es_block_scan_reads_pages(scan) ? es_page_scan_next_beside(&scan->page, most_events) : NULL;
}

/* Leaves out what is behind the end of a range, in the direction of the scan. */
void
es_block_scan_narrow(EsBlockScan *scan, const EsRange *range)
{
	scan->range.first_position = Max(scan->range.first_position, range->first_position);
	scan->range.last_position = Min(scan->range.last_position, range->last_position);
}

/* Does the snapshot see any event? */
bool
es_log_has_events(Snapshot snapshot)
{
	EsBlockScan scan;
	bool		any;

	es_block_scan_begin(&scan, snapshot, ES_ORDER_FORWARD, &es_range_all, NULL);
	any = es_block_scan_next(&scan) != NULL;
	es_block_scan_end(&scan);
	return any;
}

void
es_block_scan_end(EsBlockScan *scan)
{
	if (es_block_scan_reads_pages(scan))
		es_page_scan_end(&scan->page);
	if (scan->log_open)
		es_log_scan_end(&scan->log);
	table_close(scan->blocks, NoLock);
}
