/*-------------------------------------------------------------------------
 *
 * event_value.h
 *	  The SQL value of type event.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_API_EVENT_VALUE_H
#define EVENTSTORE_API_EVENT_VALUE_H

#include "postgres.h"

#include "fmgr.h"

#include "core/event.h"

#define DatumGetEvent(datum) ((EsPackedEvent *) PG_DETOAST_DATUM(datum))
#define PG_GETARG_EVENT(n)	DatumGetEvent(PG_GETARG_DATUM(n))

extern EsPackedEvent *es_event_to_value(const EsEvent *event);

#endif							/* EVENTSTORE_API_EVENT_VALUE_H */
