/*-------------------------------------------------------------------------
 *
 * xact.c
 *	  What became of a transaction, by its full xid.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"

#include "log/xact.h"
#include "pg/compat.h"

/* Older xids can only be those of transactions that ended. */
#define XID_HORIZON ((uint64) 1 << 31)

static bool
is_recent(uint64 xid)
{
	return xid + XID_HORIZON > U64FromFullTransactionId(ReadNextFullTransactionId());
}

/* Is it our transaction, or a subtransaction of it that was not rolled back? */
bool
es_xact_is_own(uint64 xid)
{
	return is_recent(xid) && TransactionIdIsCurrentTransactionId((TransactionId) xid);
}

bool
es_xact_is_running(uint64 xid)
{
	return is_recent(xid) && TransactionIdIsInProgress((TransactionId) xid);
}

/*
 * Finds how a transaction ended, or that it is running.  Returns false when
 * that has been forgotten: it ended so long ago that the commit log was
 * truncated, for which every table had to be frozen first.
 */
bool
es_xact_fate(uint64 xid, EsFate *fate)
{
	bool		known = false;

	/* in progress first: the commit log is written before the proc array */
	if (es_xact_is_running(xid))
	{
		*fate = ES_FATE_RUNNING;
		return true;
	}
	LWLockAcquire(XactTruncationLock, LW_SHARED);
	if (is_recent(xid) &&
		!TransactionIdPrecedes((TransactionId) xid, es_oldest_clog_xid()))
	{
		known = true;
		*fate = TransactionIdDidCommit((TransactionId) xid) ? ES_FATE_COMMITTED : ES_FATE_ABORTED;
	}
	LWLockRelease(XactTruncationLock);
	return known;
}

/*
 * The full xid of a 32-bit xid that is running or ended recently, or that comes
 * next, as a snapshot's xmin may.
 */
uint64
es_xact_full(TransactionId xid)
{
	uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());
	uint64		full = (next & ~(uint64) PG_UINT32_MAX) | xid;

	return full > next && full > PG_UINT32_MAX ? full - ((uint64) 1 << 32) : full;
}

/* Does the snapshot see what this transaction, which has committed, has done? */
bool
es_xact_is_seen(uint64 xid, Snapshot snapshot)
{
	return IsMVCCSnapshot(snapshot) && xid < es_xact_full(snapshot->xmax) &&
		(xid < es_xact_full(snapshot->xmin) || !XidInMVCCSnapshot((TransactionId) xid, snapshot));
}
