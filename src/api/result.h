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

#include "fmgr.h"
#include "nodes/execnodes.h"

#include "core/block.h"

/* The rows of a function that returns events. */
typedef struct EsResult
{
	ReturnSetInfo *set;
	MemoryContext per_row;		/* emptied after each row */
} EsResult;

extern void es_result_check_columns(TupleDesc desc);
extern EsSlice es_tenant_argument(FunctionCallInfo fcinfo, int n);
extern EsSlice es_entity_argument(FunctionCallInfo fcinfo, int n);
extern int64 es_count_argument(FunctionCallInfo fcinfo, int n);
extern void es_result_begin(EsResult *result, FunctionCallInfo fcinfo);
extern void es_result_put(EsResult *result, const EsStoredEvent *stored);
extern Datum es_result_single(FunctionCallInfo fcinfo, const EsStoredEvent *stored);

#endif							/* EVENTSTORE_API_RESULT_H */
