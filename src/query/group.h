/*-------------------------------------------------------------------------
 *
 * group.h
 *	  Groups of events by keys; for aggregate.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_GROUP_H
#define EVENTSTORE_QUERY_GROUP_H

#include "postgres.h"

#include "query/accumulator.h"
#include "query/grouping.h"

/* A group; its accumulators are one for each aggregate. */
struct EsGroup
{
	EsGroup    *next;			/* of all groups */
	uint64		hash;
	Datum	   *values;			/* of the keys */
	bool	   *nulls;
	EsAccumulator accumulators[FLEXIBLE_ARRAY_MEMBER];
};

/* The groups of a block's events: of event i, groups[numbers[i]]. */
typedef struct EsBlockGroups
{
	uint16	   *numbers;
	EsGroup   **groups;			/* NULL where no event has the number */
	uint32		count;
} EsBlockGroups;

extern void es_grouping_fill_row(EsGrouping *grouping, EsView *view, uint32 i, uint32 columns);
extern EsGroup *es_group_make(EsGrouping *grouping, uint64 hash);
extern void es_groups_find(EsGrouping *grouping, EsView *view, const uint64 *rows,
						   EsBlockGroups *found);

#endif							/* EVENTSTORE_QUERY_GROUP_H */
