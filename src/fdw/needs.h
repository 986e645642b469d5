/*-------------------------------------------------------------------------
 *
 * needs.h
 *	  What expressions need of a scan: columns, and fields of documents.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FDW_NEEDS_H
#define EVENTSTORE_FDW_NEEDS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "query/compile.h"

typedef struct EsNeeds
{
	EsCompiler	compiler;
	EsFilter	filter;
	uint32		columns;		/* a bit for each, from 1 */
	uint32		whole;			/* of these, documents not just for fields */
	List	   *extractions;	/* expressions that take a field out of JSON */
	bool		row;			/* a whole row, or a system column */
} EsNeeds;

extern void es_needs_begin(EsNeeds *needs, Index relid);
extern void es_needs_add(EsNeeds *needs, Node *expr);

#endif							/* EVENTSTORE_FDW_NEEDS_H */
