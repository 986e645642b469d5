/*-------------------------------------------------------------------------
 *
 * log_scan.c
 *	  Reads blocks in the order of the log, through the index on first_position.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "log/log_scan.h"
#include "log/verified.h"
#include "pg/compat.h"

/* Positions that a full block mostly does not exceed. */
#define NEARBY 1024

static Relation
open_log_index(Relation blocks)
{
	Oid			index = es_primary_key_index(blocks);

	if (!OidIsValid(index))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the block table has lost its primary key"),
				 errhint("ALTER TABLE eventstore.blocks ADD CONSTRAINT blocks_pkey PRIMARY KEY (first_position) makes it again.")));
	return index_open(index, AccessShareLock);
}

/*
 * Begins with the first block whose first_position is at least 'position', or
 * going backward, with the last one that is at most 'position'.
 */
void
es_log_scan_begin(EsLogScan *scan, Relation blocks, Snapshot snapshot,
				  int64 position, bool backward)
{
	scan->context = CurrentMemoryContext;
	scan->blocks = blocks;
	scan->index = open_log_index(blocks);
	scan->direction = backward ? BackwardScanDirection : ForwardScanDirection;
	scan->slot = table_slot_create(blocks, NULL);
	scan->anew = false;
	scan->scan = es_index_beginscan(blocks, scan->index, snapshot, 2);
	es_log_scan_move(scan, position);
}

/* Begins again, at these positions. */
static void
move_between(EsLogScan *scan, int64 first, int64 last)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(first));
	ScanKeyInit(&keys[1], 1, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(last));
	index_rescan(scan->scan, keys, lengthof(keys), NULL, 0);
	MemoryContextSwitchTo(before);
}

/* Begins again, at another position. */
void
es_log_scan_move(EsLogScan *scan, int64 position)
{
	if (ScanDirectionIsBackward(scan->direction))
		move_between(scan, PG_INT64_MIN, position);
	else
		move_between(scan, position, PG_INT64_MAX);
}

/*
 * Moves to the last visible block that begins at or before the position, of a scan that
 * goes backward; false when there is none.  A btree scan looks at all that is on a page and
 * within its bounds, so that block is first looked for nearby.
 */
bool
es_log_scan_find(EsLogScan *scan, int64 position)
{
	move_between(scan, position - NEARBY, position);
	if (es_log_scan_next(scan))
		return true;
	es_log_scan_move(scan, position);
	return es_log_scan_next(scan);
}

/*
 * Moves to the next visible block; scan->row is then set.  An index scan allocates memory
 * that it keeps when it goes on, and when it meets rows that are dead to all.
 */
bool
es_log_scan_next(EsLogScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);
	Buffer		buffer;
	bool		found;

	CHECK_FOR_INTERRUPTS();
	found = index_getnext_slot(scan->scan, scan->direction, scan->slot);
	MemoryContextSwitchTo(before);
	if (!found)
		return false;
	buffer = ((BufferHeapTupleTableSlot *) scan->slot)->buffer;
	es_row_open(&scan->row, scan->blocks, ExecFetchSlotHeapTuple(scan->slot, false, NULL), buffer,
				!scan->anew && IsMVCCSnapshot(scan->scan->xs_snapshot) &&
				es_page_is_known(scan->blocks, buffer));
	return true;
}

/* Did the own transaction write this block? */
bool
es_log_scan_is_own(EsLogScan *scan)
{
	return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(scan->row.tuple.t_data));
}

/* The current block; raises an error when it is damaged. */
EsBlock *
es_log_scan_block(EsLogScan *scan)
{
	if (scan->row.status != ES_BLOCK_OK)
		es_report_damage(scan->row.first_position, scan->row.status);
	return &scan->row.block;
}

void
es_log_scan_end(EsLogScan *scan)
{
	index_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	index_close(scan->index, AccessShareLock);
}

/* The first position of the visible block that a scan from 'position' begins with. */
int64
es_log_block_start(Relation blocks, Snapshot snapshot, int64 position)
{
	EsLogScan	scan;
	int64		start = position;

	es_log_scan_begin(&scan, blocks, snapshot, position, true);
	if (es_log_scan_next(&scan))
		start = scan.row.first_position;
	es_log_scan_end(&scan);
	return start;
}

/*
 * Adds the pages of the table that have rows, visible or not, whose first_position
 * is in this range.
 */
void
es_log_pages(Relation blocks, Snapshot snapshot, int64 first, int64 last, EsPageList *list)
{
	ScanKeyData keys[2];
	Relation	index = open_log_index(blocks);
	IndexScanDesc scan = es_index_beginscan(blocks, index, snapshot, lengthof(keys));
	ItemPointer tid;

	ScanKeyInit(&keys[0], 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(first));
	ScanKeyInit(&keys[1], 1, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(last));
	index_rescan(scan, keys, lengthof(keys), NULL, 0);
	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		BlockNumber page = ItemPointerGetBlockNumber(tid);

		if (list->count > 0 && list->pages[list->count - 1] == page)
			continue;
		CHECK_FOR_INTERRUPTS();
		es_page_list_add(list, page);
	}
	index_endscan(scan);
	index_close(index, AccessShareLock);
}
