/*-------------------------------------------------------------------------
 *
 * entity_names.h
 *	  The names of entities, each once, in the order of a collation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_ENTITY_NAMES_H
#define EVENTSTORE_LOG_ENTITY_NAMES_H

#include "postgres.h"

#include "utils/tuplesort.h"

#include "core/event.h"

/* An order of texts; no operator: any in which equal ones are neighbours. */
typedef struct EsNameOrder
{
	Oid			operator;
	Oid			collation;
} EsNameOrder;

typedef struct EsEntityNames
{
	Tuplesortstate *sort;
	uint32		last_size;		/* of the name that was given last; 0: none */
	char		last[ES_MAX_ENTITY_ID + 1 + ES_MAX_TENANT_ID];
} EsEntityNames;

extern EsEntityNames *es_entity_names_begin(const EsNameOrder *order);
extern void es_entity_names_add(EsEntityNames *names, EsSlice name);
extern void es_entity_names_sort(EsEntityNames *names);
extern bool es_entity_names_next(EsEntityNames *names, EsSlice *name);
extern void es_entity_names_end(EsEntityNames *names);

#endif							/* EVENTSTORE_LOG_ENTITY_NAMES_H */
