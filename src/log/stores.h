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
extern bool es_index_memory_is_short(const EsStore *store);
extern void es_store_find_memory(EsStore *store);

#endif							/* EVENTSTORE_LOG_STORES_H */
