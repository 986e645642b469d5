/*-------------------------------------------------------------------------
 *
 * entities.h
 *	  The entities of a store, by name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_ENTITIES_H
#define EVENTSTORE_LOG_ENTITIES_H

#include "postgres.h"

#include "log/shared.h"

extern EsEntity *es_store_find_or_add(EsStore *store, const EsKey *key,
									  EsSlice *known_tenant);
extern void es_store_visit_tenants(EsStore *store, EsSlice entity_id,
								   EsEntityVisitor visit, void *arg);
extern EsEntity *es_store_find(EsStore *store, EsSlice tenant_id, EsSlice entity_id);

#endif							/* EVENTSTORE_LOG_ENTITIES_H */
