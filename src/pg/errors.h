/*-------------------------------------------------------------------------
 *
 * errors.h
 *	  Words and SQLSTATEs for what can go wrong.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_PG_ERRORS_H
#define EVENTSTORE_PG_ERRORS_H

#include "postgres.h"

#include "core/error.h"

#define ES_ERRCODE_WRONG_EXPECTED_VERSION	MAKE_SQLSTATE('Z', 'E', '0', '0', '1')
#define ES_ERRCODE_PARTIALLY_REPEATED		MAKE_SQLSTATE('Z', 'E', '0', '0', '3')

/*
 * Raises the error.  'ordinal' is the event's place in its batch, 0 when there
 * is no batch.
 */
extern void es_error_report(const EsError *error, int64 ordinal) ES_NORETURN;

/* The slice as a palloc'd string for a message, cut where it is too long. */
extern char *es_slice_for_message(EsSlice slice);

#endif							/* EVENTSTORE_PG_ERRORS_H */
