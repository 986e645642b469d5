/*-------------------------------------------------------------------------
 *
 * entity_list.h
 *	  Lists entities in the order of their names, with what a snapshot sees of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_ENTITY_LIST_H
#define EVENTSTORE_LOG_ENTITY_LIST_H

#include "postgres.h"

#include "lib/binaryheap.h"
#include "utils/snapshot.h"

#include "log/entity_scan.h"

/* Which entities to list.  The slices must stay until the list ends. */
typedef struct EsEntityListRange
{
	EsSlice		prefix;			/* of the name */
	bool		has_after;
	EsSlice		after;			/* the name comes behind it, in the order of
								 * bytes */
	bool		one_tenant;
	EsSlice		tenant_id;		/* as it is stored */
} EsEntityListRange;

typedef struct EsEntityList
{
	EsEntityListRange range;
	EsEntityScan scan;			/* of no entity; opens the store, and reads */
	EsEntity  **found;			/* until the heap is made */
	uint32		found_count;
	uint32		found_room;
	binaryheap *heap;			/* of EsEntity */
} EsEntityList;

extern void es_entity_list_begin(EsEntityList *list, Snapshot snapshot,
								 const EsEntityListRange *range);
extern bool es_entity_list_next(EsEntityList *list, EsEntitySummary *summary);
extern void es_entity_list_end(EsEntityList *list);

#endif							/* EVENTSTORE_LOG_ENTITY_LIST_H */
