/*-------------------------------------------------------------------------
 *
 * output.h
 *	  Turns stored events into SQL values and rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_ROW_OUTPUT_H
#define EVENTSTORE_ROW_OUTPUT_H

#include "postgres.h"

#include "core/block.h"
#include "core/fields.h"

extern Datum es_text_datum(EsSlice slice);
extern Datum es_uuid_datum(const uint8 *uuid);
extern Datum es_tags_datum(EsSlice tags);
extern Datum es_tenant_datum(EsSlice tenant_id);
extern Datum es_stored_value(const EsStoredEvent *stored, EsField field, bool *isnull);
extern void es_recorded_values(const EsStoredEvent *stored, Datum *values, bool *nulls);

#endif							/* EVENTSTORE_ROW_OUTPUT_H */
