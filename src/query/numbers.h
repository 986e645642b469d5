/*-------------------------------------------------------------------------
 *
 * numbers.h
 *	  Numbers of the events of a block: columns and values in documents.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_NUMBERS_H
#define EVENTSTORE_QUERY_NUMBERS_H

#include "postgres.h"

#include "filter/view.h"
#include "query/fetch.h"

typedef enum EsNumberState
{
	ES_NUMBER_NULL,
	ES_NUMBER_SCALED,			/* value / 10^scale */
	ES_NUMBER_TEXT				/* only the cast of the text knows */
} EsNumberState;

/* What numbers are asked for: a column's, or those at a place in documents. */
typedef struct EsNumberSource
{
	EsField		field;
	EsValueType type;			/* INT8, TIMESTAMPTZ; in documents what they
								 * are cast to */
	EsExtraction *extraction;	/* of the text that is cast; NULL: the column */
} EsNumberSource;

/* Arrays with a place for each event of the block. */
typedef struct EsNumbers
{
	int64	   *values;
	uint8	   *scales;
	uint8	   *states;
} EsNumbers;

/* A column of numbers that every event of the block has: base + distance. */
typedef struct EsNumberColumn
{
	int64		base;
	uint32		scale;
	int			size_log2;		/* bytes of a distance, for kernels */
	const char *data;
} EsNumberColumn;

extern bool es_numbers_column(EsView *view, EsNumberSource *source, EsNumberColumn *column);
extern void es_numbers_read(EsView *view, EsNumberSource *source, const uint64 *rows,
							EsNumbers *numbers);

#endif							/* EVENTSTORE_QUERY_NUMBERS_H */
