/*-------------------------------------------------------------------------
 *
 * position_scan.c
 *	  Reads the events at given positions.
 *
 * The index on first_position leads to the last block that begins at or before a
 * position; whether the event is in it, the block says.  Positions that lie in the
 * block that was read last need no look into the index.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "storage/predicate.h"
#include "utils/memutils.h"

#include "log/position_scan.h"
#include "pg/catalog.h"

/*
 * Begins to read the events at these positions that the snapshot sees, in the order
 * given; ascending order is the cheapest.  The array must stay until the end.
 */
void
es_position_scan_begin(EsPositionScan *scan, Snapshot snapshot, const int64 *positions,
					   uint32 count)
{
	memset(scan, 0, sizeof(*scan));
	scan->blocks = es_blocks_open(AccessShareLock);
	scan->positions = positions;
	scan->count = count;
	PredicateLockRelation(scan->blocks, snapshot);
	es_log_scan_begin(&scan->log, scan->blocks, snapshot, 0, true);
	scan->per_event = AllocSetContextCreate(CurrentMemoryContext, "eventstore event",
											ALLOCSET_DEFAULT_SIZES);
}

/* Does the current block have this position?  It may be damaged, and then it may. */
static bool
is_in_block(const EsPositionScan *scan, int64 position)
{
	const EsBlockRow *row = &scan->log.row;

	return scan->in_block && position >= row->first_position &&
		(row->status != ES_BLOCK_OK || es_block_has_position(&row->block, position));
}

/* Goes to the block that would have this position; is it there? */
static bool
find(EsPositionScan *scan, int64 position)
{
	if (is_in_block(scan, position))
		return true;
	es_log_scan_move(&scan->log, position);
	scan->in_block = es_log_scan_next(&scan->log);
	return is_in_block(scan, position);
}

/* The next event, until the next call; NULL after the last. */
const EsStoredEvent *
es_position_scan_next(EsPositionScan *scan)
{
	MemoryContextReset(scan->per_event);
	while (scan->next < scan->count)
	{
		int64		position = scan->positions[scan->next++];
		EsBlockRow *row = &scan->log.row;
		MemoryContext before;

		if (!find(scan, position))
			continue;
		before = MemoryContextSwitchTo(scan->per_event);
		if (row->status != ES_BLOCK_OK)
			es_report_damage(position, row->status);
		es_row_event_checked(row, es_block_count_before(&row->block, position), &scan->stored);
		MemoryContextSwitchTo(before);
		return &scan->stored;
	}
	return NULL;
}

void
es_position_scan_end(EsPositionScan *scan)
{
	es_log_scan_end(&scan->log);
	MemoryContextDelete(scan->per_event);
	table_close(scan->blocks, NoLock);
}
