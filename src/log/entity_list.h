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

typedef struct EsListedName EsListedName;

typedef struct EsEntityList
{
	EsEntityListRange range;
	MemoryContext context;		/* in which it was begun */
	binaryheap *heap;			/* of EsListedName */
	EsListedName **first;		/* the first ones, in order */
	uint32		count;
	uint32		next;
	bool		more;			/* there are others, ... */
	EsEntityNames *others;		/* ... which are sorted when they are wanted */
	EsEntityScan scan;			/* of no entity; opens the store, and reads */
} EsEntityList;

extern void es_entity_list_begin(EsEntityList *list, Snapshot snapshot,
								 const EsEntityListRange *range);
extern bool es_entity_list_next(EsEntityList *list, EsEntitySummary *summary);
extern void es_entity_list_end(EsEntityList *list);

#endif							/* EVENTSTORE_LOG_ENTITY_LIST_H */
