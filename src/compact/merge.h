/*-------------------------------------------------------------------------
 *
 * merge.h
 *	  Merges small blocks that lie next to each other in the log into full ones.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_COMPACT_MERGE_H
#define EVENTSTORE_COMPACT_MERGE_H

#include "postgres.h"

#include "utils/snapshot.h"

#include "log/store.h"

/* What a step has come to, once its transaction commits. */
typedef struct EsMergeResult
{
	EsStore    *store;
	int64		through;		/* nothing is left to be merged up to here */
	bool		more;			/* there may be more to merge now */
	bool		unsettled;		/* there is more that is not settled yet */
	uint64		small_blocks;	/* counted when it began */
	uint64		events;			/* merged */
	uint64		blocks_before;	/* those they were in, and with their bytes */
	uint64		blocks_after;
	uint64		bytes_before;
	uint64		bytes_after;
	uint64		bytes_read;		/* of all blocks that were looked at, or of
								 * runs */
	bool		merged_runs;	/* into another */
} EsMergeResult;

extern void es_merge(EsOpenStore *open, Snapshot snapshot, EsMergeResult *result);

#endif							/* EVENTSTORE_COMPACT_MERGE_H */
