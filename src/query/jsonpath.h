/*-------------------------------------------------------------------------
 *
 * jsonpath.h
 *	  JSON paths, as @@ and @? take them, to filters.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_JSONPATH_H
#define EVENTSTORE_QUERY_JSONPATH_H

#include "postgres.h"

#include "query/nodes.h"

extern EsNode *es_compile_jsonpath(EsFilter *filter, const EsOperand *operand, Datum path,
								   bool exists);

#endif							/* EVENTSTORE_QUERY_JSONPATH_H */
