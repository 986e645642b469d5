/*-------------------------------------------------------------------------
 *
 * result.h
 *	  Arguments and results that functions which read events have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_API_RESULT_H
#define EVENTSTORE_API_RESULT_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"

#include "log/read.h"

/* One event as a row, in memory that outlives the read. */
typedef struct EsResultRow
{
	TupleDesc	desc;
	MemoryContext context;
	HeapTuple	tuple;			/* NULL: no event */
} EsResultRow;

extern EsSlice es_tenant_argument(FunctionCallInfo fcinfo, int n);
extern EsSlice es_entity_argument(FunctionCallInfo fcinfo, int n);
extern int64 es_count_argument(FunctionCallInfo fcinfo, int n);
extern EsSink es_result_rows(FunctionCallInfo fcinfo);
extern EsSink es_result_one(FunctionCallInfo fcinfo, EsResultRow *row);
extern Datum es_result_one_end(FunctionCallInfo fcinfo, EsResultRow *row);

#endif							/* EVENTSTORE_API_RESULT_H */
