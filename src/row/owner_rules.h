/*-------------------------------------------------------------------------
 *
 * owner_rules.h
 *	  Stores the events of functions as the owner of the relation wants it: with
 *	  the constraints and triggers that are on "events".
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_ROW_OWNER_RULES_H
#define EVENTSTORE_ROW_OWNER_RULES_H

#include "postgres.h"

#include "append/ingest.h"
#include "row/input.h"

extern void es_store_events(EsEventList *list, EsIngestResult *result);

#endif							/* EVENTSTORE_ROW_OWNER_RULES_H */
