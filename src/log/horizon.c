/*-------------------------------------------------------------------------
 *
 * horizon.c
 *	  The safe position: up to where the log is settled for a snapshot.
 *
 * A position is settled for a snapshot when no event at it or below can appear to
 * a later snapshot that this one does not see.  The answer is that of the snapshot
 * alone, however old it is: so a statement can join what it says with anything
 * else that it reads.  Blocks are the witnesses.  Each lists the transactions that
 * held lower positions and ran when its own were reserved.  Who is not in the list
 * of a block and has lower positions had ended by then.
 *
 * The last block of another transaction that the snapshot sees was written by one
 * that had committed when the snapshot was taken.  Who ended before it was written
 * had ended as well, so the snapshot sees all of it; who is listed is asked of the
 * snapshot.
 *
 * A block of the own transaction may be younger than the snapshot, and then those
 * who ended between the two are neither listed nor seen.  But they have inserted
 * their rows: so from the last foreign block on, all rows are looked at, visible or
 * not, up to the first whose writer the snapshot sees as running and which has not
 * been rolled back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "storage/predicate.h"
#include "utils/snapmgr.h"

#include "log/horizon.h"
#include "log/log_scan.h"
#include "log/position.h"
#include "log/shared.h"
#include "log/store.h"
#include "log/stores.h"
#include "log/xact.h"
#include "pg/catalog.h"

/* Does the snapshot see this full xid as running? */
static bool
runs_in_snapshot(uint64 xid, Snapshot snapshot)
{
	if (!RecoveryInProgress() && xid >= U64FromFullTransactionId(ReadNextFullTransactionId()))
		return false;			/* it was lost in a crash or a promotion */
	if (xid < es_xact_full(snapshot->xmin))
		return false;
	return XidInMVCCSnapshot((TransactionId) xid, snapshot);
}

/* The last settled position of a block and below it, by the block's list. */
static int64
settled_by_block(const EsBlock *block, Snapshot snapshot)
{
	int64		next = es_block_last_position(block) + 1;
	EsInflightList list;

	es_block_inflight(block, &list);
	if (list.count == 0 || list.cluster != es_shared->cluster)
		return next - 1;
	for (int i = 0; i < list.count; i++)
	{
		EsInflight *inflight = &list.entries[i];
		bool		many = list.capped && i == list.count - 1;

		if (many ? inflight->xid >= es_xact_full(snapshot->xmin) :
			runs_in_snapshot(inflight->xid, snapshot))
			next = Min(next, Max(inflight->lower, 1));
	}
	return next - 1;
}

/*
 * Settles up to the last block of another transaction that the snapshot sees, or the last
 * that is not damaged.  *last is where that block ends, and *own whether there are own ones
 * behind it.
 */
static int64
settled_by_others(Relation blocks, Snapshot snapshot, bool skip_damaged, int64 *last, bool *own)
{
	EsLogScan	scan;
	int64		settled = 0;

	*last = 0;
	*own = false;
	es_log_scan_begin(&scan, blocks, snapshot,
					  es_positions_limit(es_store_mine(), snapshot), true);
	while (es_log_scan_next(&scan))
	{
		const EsBlock *block;

		if (es_log_scan_is_own(&scan))
		{
			*own = true;
			continue;
		}
		if (skip_damaged && scan.row.status != ES_BLOCK_OK)
			continue;
		block = es_log_scan_block(&scan);
		*last = es_block_last_position(block);
		settled = settled_by_block(block, snapshot);
		break;
	}
	es_log_scan_end(&scan);
	return settled;
}

/* Can the row still appear, to the own transaction or to others? */
static bool
may_appear(const EsLogScan *scan, Snapshot snapshot)
{
	HeapTupleHeader header = scan->row.tuple.t_data;
	TransactionId xmin = HeapTupleHeaderGetXmin(header);
	EsFate		fate;

	if (!TransactionIdIsNormal(xmin))
		return false;
	if (TransactionIdIsCurrentTransactionId(xmin))
		return HeapTupleHeaderGetCmin(header) >= snapshot->curcid;
	return XidInMVCCSnapshot(xmin, snapshot) &&
		(!es_xact_fate(es_xact_full(xmin), &fate) || fate != ES_FATE_ABORTED);
}

/* Goes on from a settled position along the own blocks that the snapshot sees. */
static int64
settled_by_own(Relation blocks, Snapshot snapshot, int64 settled)
{
	EsLogScan	scan;

	es_log_scan_begin(&scan, blocks, SnapshotAny, settled + 1, false);
	while (es_log_scan_next(&scan) && !may_appear(&scan, snapshot))
	{
		const EsBlock *block;
		int64		end;

		if (!es_log_scan_is_own(&scan))
			continue;
		block = es_log_scan_block(&scan);
		end = es_block_last_position(block);
		settled = Max(settled, settled_by_block(block, snapshot));
		if (settled < end)
			break;
	}
	es_log_scan_end(&scan);
	return settled;
}

/*
 * The last position up to which no event can appear that the snapshot does not
 * see; 0 when the log is empty.
 */
int64
es_horizon(Snapshot snapshot)
{
	Relation	blocks = es_blocks_open(AccessShareLock);
	int64		last;
	int64		settled;
	bool		own;

	PredicateLockRelation(blocks, snapshot);
	settled = settled_by_others(blocks, snapshot, false, &last, &own);
	if (own && settled == last)
		settled = settled_by_own(blocks, snapshot, settled);
	table_close(blocks, NoLock);
	return settled;
}

/*
 * A position that is settled, too, for who has appended nothing, and goes on where the last
 * blocks are damaged: those before them are witnesses for less.
 */
int64
es_horizon_undamaged(Snapshot snapshot)
{
	Relation	blocks = es_blocks_open(AccessShareLock);
	int64		last;
	bool		own;
	int64		settled = settled_by_others(blocks, snapshot, true, &last, &own);

	table_close(blocks, NoLock);
	return settled;
}
