/*-------------------------------------------------------------------------
 *
 * grouping.h
 *	  What a grouping is made of: aggregates, keys, and the table of groups.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_GROUPING_H
#define EVENTSTORE_QUERY_GROUPING_H

#include "postgres.h"

#include "executor/executor.h"

#include "filter/scan.h"
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

#endif							/* EVENTSTORE_QUERY_GROUPING_H */
