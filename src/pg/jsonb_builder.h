/*-------------------------------------------------------------------------
 *
 * jsonb_builder.h
 *	  Makes jsonb of JSON text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_PG_JSONB_BUILDER_H
#define EVENTSTORE_PG_JSONB_BUILDER_H

#include "postgres.h"

#include "core/base.h"

extern Datum es_jsonb_datum(EsSlice json);

#endif							/* EVENTSTORE_PG_JSONB_BUILDER_H */
