/*-------------------------------------------------------------------------
 *
 * fetch.h
 *	  Single values of the events of a block, as SQL has them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_FETCH_H
#define EVENTSTORE_QUERY_FETCH_H

#include "postgres.h"

#include "filter/view.h"
#include "query/compile.h"

/* The values at a place in the documents: jsonb, or the text that ->> gives. */
typedef struct EsExtraction
{
	EsField		field;			/* payload or metadata */
	EsValueType type;			/* JSON or TEXT */
	EsPath		path;
	uint32		path_number;	/* in the view's places */

	/* of the block with this number */
	uint64		block;
	EsIntegers	shapes;
	EsIntegers	flags;
	int			column;			/* of leaves, whose values are open; -1: none */
	EsStrings	strings;
	uint64		presence[ES_BLOCK_BIT_WORDS];
} EsExtraction;

extern Datum es_fetch_column(EsView *view, uint32 i, EsField field, bool *isnull);
extern Datum es_fetch_stored_extraction(const EsStoredEvent *stored,
										const EsExtraction *extraction, bool *isnull);
extern EsFound es_fetch_json(EsView *view, uint32 i, EsExtraction *extraction, EsSlice *json);
extern uint32 es_fetch_code(EsView *view, uint32 i, const EsExtraction *extraction);
extern Datum es_fetch_extraction(EsView *view, uint32 i, EsExtraction *extraction, bool *isnull);

#endif							/* EVENTSTORE_QUERY_FETCH_H */
