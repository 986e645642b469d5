/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The store of the current database: open it to read or write events.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_STORE_H
#define EVENTSTORE_LOG_STORE_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/relcache.h"

#include "log/shared.h"

/* An open store; the lock on the block table stays until the transaction ends. */
typedef struct EsOpenStore
{
	EsStore    *store;
	Relation	blocks;
} EsOpenStore;

extern void es_store_open(EsOpenStore *open, LOCKMODE mode);
extern void es_store_close(EsOpenStore *open);
extern void es_store_build(void);
extern bool es_store_estimate(double *events, double *entities, double *tenants);
extern bool es_store_estimate_entity(EsSlice tenant_id, EsSlice entity_id, double *events);
extern void es_store_install(void);
extern void es_store_rows_changed(Relation blocks);
extern void es_store_rebuild(void);

#endif							/* EVENTSTORE_LOG_STORE_H */
