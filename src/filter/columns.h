/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  What the columns of an event are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_COLUMNS_H
#define EVENTSTORE_FILTER_COLUMNS_H

#include "postgres.h"

#include "core/fields.h"
#include "filter/test.h"

/* A column of eventstore.events and eventstore.recorded_event. */
typedef struct EsColumnForm
{
	Oid			type;			/* in SQL */
	EsValueType value;			/* in tests; of tags, each one's */
	bool		in_body;		/* read with the body of the event, not the
								 * head */
} EsColumnForm;

extern const EsColumnForm es_column_forms[ES_FIELDS + 1];	/* by EsField */

#endif							/* EVENTSTORE_FILTER_COLUMNS_H */
