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

#include "filter/program.h"

extern void es_column_test(const EsTarget *target, const EsTest *test, EsView *view,
						   const uint64 *wanted, EsVerdicts *verdicts);

#endif							/* EVENTSTORE_FILTER_COLUMN_TEST_H */
