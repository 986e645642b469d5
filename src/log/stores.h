/*-------------------------------------------------------------------------
 *
 * stores.h
 *	  The stores of all databases of the server: which one is whose.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_STORES_H
#define EVENTSTORE_LOG_STORES_H

#include "postgres.h"

#include "log/shared.h"

extern EsStore *es_store_of(Oid database);
extern EsStore *es_store_mine(void);
extern uint64 es_index_memory_left(const EsStore *store);
extern bool es_index_memory_is_short(const EsStore *store);
extern int	es_stores_reclaim(void);

#endif							/* EVENTSTORE_LOG_STORES_H */
