/*-------------------------------------------------------------------------
 *
 * program.h
 *	  What a filter is made of: nodes, tests and the paths that they need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_PROGRAM_H
#define EVENTSTORE_FILTER_PROGRAM_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "filter/test.h"
#include "filter/view.h"

typedef enum EsNodeKind
{
	ES_NODE_AND,
	ES_NODE_OR,
	ES_NODE_NOT,
	ES_NODE_SAYS,				/* IS TRUE and the like: of one child */
	ES_NODE_VERDICT,			/* the same for all events */
	ES_NODE_TEST
} EsNodeKind;

/* What a test is about: a column, or a place in one of the documents. */
typedef struct EsTarget
{
	EsField		field;
	bool		in_document;	/* field is payload or metadata */
	uint32		path;			/* number of the path in the filter */
	uint32		member_path;	/* of ES_TEST_MEMBER: the same, and the key */
} EsTarget;

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

#endif							/* EVENTSTORE_FILTER_PROGRAM_H */
