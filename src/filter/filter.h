/*-------------------------------------------------------------------------
 *
 * filter.h
 *	  Conditions on events as a program that looks at whole blocks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_FILTER_H
#define EVENTSTORE_FILTER_FILTER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "filter/column_test.h"
#include "log/block_scan.h"

typedef enum EsNodeKind
{
	ES_NODE_AND,
	ES_NODE_OR,
	ES_NODE_NOT,
	ES_NODE_SAYS,				/* IS TRUE and the like: of one child */
	ES_NODE_VERDICT,			/* the same for all events */
	ES_NODE_TEST
} EsNodeKind;

typedef struct EsNode
{
	EsNodeKind	kind;
	List	   *children;		/* AND, OR, NOT, SAYS */
	EsVerdict	verdict;		/* VERDICT; SAYS: what makes it true */
	EsTarget	target;			/* TEST */
	EsTest		test;
} EsNode;

/*
 * A list of conditions that must all be true, in the order in which PostgreSQL
 * would evaluate them.
 */
typedef struct EsFilter
{
	List	   *conditions;		/* EsNode */
	EsPath		paths[ES_PLACES_MAX_PATHS];
	uint32		path_count;
} EsFilter;

extern EsNode *es_node_make(EsNodeKind kind, List *children);
extern EsNode *es_node_verdict(EsVerdict verdict);
extern bool es_filter_add_path(EsFilter *filter, const EsPath *path, uint32 *number);
extern void es_filter_range(const EsFilter *filter, EsRange *range);
extern bool es_filter_run(EsFilter *filter, EsView *view, uint64 *sure, uint64 *unsure);

#endif							/* EVENTSTORE_FILTER_FILTER_H */
