/*-------------------------------------------------------------------------
 *
 * column_test.h
 *	  A test of the events of a block, by whole columns where that is possible.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_COLUMN_TEST_H
#define EVENTSTORE_FILTER_COLUMN_TEST_H

#include "postgres.h"

#include "filter/test.h"
#include "filter/view.h"

/* What a test is about: a column, or a place in one of the documents. */
typedef struct EsTarget
{
	EsField		field;
	bool		in_document;	/* field is payload or metadata */
	uint32		path;			/* number of the path in the filter */
	uint32		member_path;	/* of ES_TEST_MEMBER: the same, and the key */
} EsTarget;

extern void es_column_test(const EsTarget *target, const EsTest *test, EsView *view,
						   const uint64 *wanted, EsVerdicts *verdicts);

#endif							/* EVENTSTORE_FILTER_COLUMN_TEST_H */
