/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  Groups of events, and what is aggregated over them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_AGGREGATE_H
#define EVENTSTORE_QUERY_AGGREGATE_H

#include "postgres.h"

#include "query/grouping.h"

extern void es_grouping_begin(EsGrouping *grouping);
extern void es_grouping_add_block(EsGrouping *grouping, EsView *view, const uint64 *rows);
extern EsGroup *es_grouping_next(EsGrouping *grouping, EsGroup *group);
extern void es_group_key(const EsGroup *group, int key, Datum *value, bool *isnull);
extern Datum es_group_result(const EsGrouping *grouping, const EsGroup *group, int aggregate,
							 bool *isnull);

#endif							/* EVENTSTORE_QUERY_AGGREGATE_H */
