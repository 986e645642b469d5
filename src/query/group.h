/*-------------------------------------------------------------------------
 *
 * group.h
 *	  Groups of events by keys, with an accumulator for each aggregate.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_GROUP_H
#define EVENTSTORE_QUERY_GROUP_H

#include "postgres.h"

#include "executor/executor.h"

#include "filter/filter.h"
#include "query/accumulator.h"
#include "query/numbers.h"

typedef enum EsAggregateKind
{
	ES_AGGREGATE_COUNT,			/* of events, or of values that are not null */
	ES_AGGREGATE_ENTITIES,		/* count(DISTINCT entity_id) */
	ES_AGGREGATE_SUM,
	ES_AGGREGATE_AVERAGE,
	ES_AGGREGATE_LEAST,
	ES_AGGREGATE_GREATEST
} EsAggregateKind;

typedef struct EsAggregate
{
	EsAggregateKind kind;
	bool		has_input;		/* else events are counted */
	EsNumberSource input;
	bool		has_filter;
	EsFilter	filter;			/* its paths are in the scan's filter */
	ExprState  *filter_test;	/* the same for PostgreSQL, on a row */
} EsAggregate;

/* By what is grouped: something of a document, or an expression of one column. */
typedef struct EsGroupKey
{
	EsExtraction *extraction;	/* as text; NULL: the column */
	EsField		field;
	ExprState  *expression;		/* of a row that has the column; NULL: the
								 * column */
	bool		by_value;		/* else it is text */
} EsGroupKey;

typedef struct EsGroup EsGroup;

/* Groups of one key that were found by a word lately. */
#define ES_WORD_GROUPS 256

typedef struct EsWordGroup
{
	uint64		hash;
	EsSlice		word;			/* the group's own */
	EsGroup    *group;			/* NULL: the entry is free */
} EsWordGroup;

/* What is needed to aggregate a scan. */
typedef struct EsGrouping
{
	EsGroupKey *keys;
	int			key_count;
	EsAggregate *aggregates;
	int			aggregate_count;

	/* rows for PostgreSQL's expressions */
	ExprContext *context;
	TupleTableSlot *row;		/* with all columns */
	uint32		row_columns;	/* a bit for each that expressions may need */

	MemoryContext memory;		/* of the groups */
	EsGroup   **table;			/* by hash; size is a power of two */
	uint32		table_size;
	uint32		group_count;
	EsGroup    *first;			/* of a list of all */
	EsWordGroup words[ES_WORD_GROUPS];
	struct EntitySet *entities;
} EsGrouping;

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

extern EsGroup *es_group_make(EsGrouping *grouping, uint64 hash);
extern void es_grouping_fill_row(EsGrouping *grouping, EsView *view, uint32 i, uint32 columns);
extern void es_groups_find(EsGrouping *grouping, EsView *view, const uint64 *rows,
						   EsBlockGroups *found);

#endif							/* EVENTSTORE_QUERY_GROUP_H */
