/*-------------------------------------------------------------------------
 *
 * numeric_writer.h
 *	  Writes the stored form of a numeric from the text of a JSON number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_PG_NUMERIC_WRITER_H
#define EVENTSTORE_PG_NUMERIC_WRITER_H

#include "postgres.h"

#include "core/base.h"

/* Bytes that es_numeric_write() needs at most, beyond those of the text. */
#define ES_NUMERIC_OVERHEAD 12

extern size_t es_numeric_write(EsSlice number, char *out);

#endif							/* EVENTSTORE_PG_NUMERIC_WRITER_H */
