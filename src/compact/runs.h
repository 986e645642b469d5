/*-------------------------------------------------------------------------
 *
 * runs.h
 *	  Keeps the sorted runs of the entity index up with the log.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_COMPACT_RUNS_H
#define EVENTSTORE_COMPACT_RUNS_H

#include "postgres.h"

#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "log/store.h"

/* What a step has come to, once its transaction commits. */
typedef struct EsRunsResult
{
	bool		more;			/* there is more to do now */
	bool		merged;			/* runs have become another */
	uint64		events;			/* in the run that was written */
	uint64		bytes;			/* read and written */
} EsRunsResult;

extern bool es_runs_are_due(EsOpenStore *open);
extern bool es_runs_are_far_behind(Relation blocks);
extern void es_runs_step(Relation blocks, Snapshot snapshot, EsRunsResult *result);

#endif							/* EVENTSTORE_COMPACT_RUNS_H */
