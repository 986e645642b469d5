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

#include "index/map.h"
#include "log/shared.h"

/*
 * An entity that is looked at.  Its names are in memory of who looks; the index may let it
 * go meanwhile, whereupon sorted runs have all of it that is committed.
 */
typedef struct EsHandle
{
	EsKey		key;
	EsEntityRef found;			/* NULL: the index does not have it */
	int64		in_runs;		/* then, how many versions runs have; -1: that
								 * was not asked yet */
} EsHandle;

/* How many versions there are of an entity. */
typedef struct EsVersions
{
	uint32		known;			/* that may exist */
	uint32		committed;
	uint32		in_runs;
} EsVersions;

extern EsEntityRef es_store_find_or_add(EsStore *store, const EsKey *key, EsSlice *known_tenant);
extern void es_store_add_tenant(EsStore *store, EsSlice tenant_id);

extern bool es_handle_find(EsStore *store, EsSlice tenant_id, EsSlice entity_id, EsHandle *handle);
extern void es_handle_look_up(EsStore *store, EsHandle *handle);
extern bool es_handle_versions(EsStore *store, EsHandle *handle, EsVersions *versions);
extern EsPosting es_handle_posting(EsStore *store, EsHandle *handle, uint32 version);

#endif							/* EVENTSTORE_LOG_ENTITIES_H */
