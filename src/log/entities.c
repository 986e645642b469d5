/*-------------------------------------------------------------------------
 *
 * entities.c
 *	  The entities of a store, by name.
 *
 * Each function is in the index for some instructions only (index/guard.h), so what it
 * found may have been let go when the next one is called: a handle remembers the name, and
 * is looked up again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/event.h"
#include "log/entities.h"
#include "log/memory.h"
#include "log/stores.h"

/* ----------------------------------------------------------------- to write */

/* Finds or adds what has this key, and starts loading where its postings are. */
static EsEntityRef
find_or_add(EsStore *store, const EsKey *key)
{
	EsEntityRef found;

	for (;;)
	{
		es_guard_enter();
		found.evictions = es_index_evictions(&store->index);
		found.entity = es_index_find_or_add(es_pool, &store->index, key);
		if (found.entity != NULL)
			es_postings_prefetch(es_pool, found.entity);
		es_guard_leave();
		if (found.entity != NULL)
			return found;
		es_store_find_memory(store);
	}
}

/* Enters a tenant, before its first entity. */
void
es_store_add_tenant(EsStore *store, EsSlice tenant_id)
{
	EsKey		key = {tenant_id, {NULL, 0}, es_key_hash(tenant_id, es_slice(NULL, 0))};

	(void) find_or_add(store, &key);
}

/*
 * Finds or adds an entity, and its tenant before it.  *known_tenant is one that
 * the caller knows to be there, so that of the entities of one tenant only the
 * first has it looked up; empty at first.
 */
EsEntityRef
es_store_find_or_add(EsStore *store, const EsKey *key, EsSlice *known_tenant)
{
	if (key->tenant_id.size > 0 && !es_slice_equal(key->tenant_id, *known_tenant))
	{
		es_store_add_tenant(store, key->tenant_id);
		*known_tenant = key->tenant_id;
	}
	return find_or_add(store, key);
}

/* ------------------------------------------------------------------ to read */

static void
look_up(EsStore *store, EsHandle *handle, bool note_use)
{
	es_guard_enter();
	handle->found = es_index_find_ref(es_pool, &store->index, &handle->key);
	if (note_use && handle->found.entity != NULL)
		es_entity_note_use(handle->found.entity);
	handle->in_runs = es_index_is_partial(&store->index) ? -1 : 0;
	es_guard_leave();
}

/* Looks the handle's key up, of an entity that there is, without its counting as used. */
void
es_handle_look_up(EsStore *store, EsHandle *handle)
{
	look_up(store, handle, false);
}

/*
 * Looks for an entity of the open store.  False when there is none of that name, also for
 * names that no entity can have.  Otherwise it is in the index, or in sorted runs, or
 * nowhere: es_handle_versions() tells.
 */
bool
es_handle_find(EsStore *store, EsSlice tenant_id, EsSlice entity_id, EsHandle *handle)
{
	if (entity_id.size == 0 || entity_id.size > ES_MAX_ENTITY_ID ||
		tenant_id.size > ES_MAX_TENANT_ID)
		return false;
	handle->key = (EsKey)
	{
		tenant_id, entity_id, es_key_hash(tenant_id, entity_id)
	};
	look_up(store, handle, true);
	return handle->found.entity != NULL || handle->in_runs < 0;
}

/* The handle's entity, by who is in the index; NULL when only runs know how much there is of it. */
static EsEntity *
entity_of(EsStore *store, EsHandle *handle)
{
	EsEntity   *entity = es_index_again(es_pool, &store->index, &handle->key, &handle->found);

	if (entity != NULL && !es_entity_is_resolved(entity))
		handle->found.entity = entity = NULL;
	return entity;
}

/* How many versions there are; false when runs must be asked, which is then noted in the handle. */
bool
es_handle_versions(EsStore *store, EsHandle *handle, EsVersions *versions)
{
	EsEntity   *entity;

	es_guard_enter();
	entity = entity_of(store, handle);
	if (entity != NULL)
	{
		versions->in_runs = es_entity_in_runs(entity);
		versions->committed = es_entity_committed(entity);
		versions->known = Max(versions->committed, es_entity_total(entity));
	}
	es_guard_leave();
	if (entity == NULL && handle->in_runs >= 0)
		versions->in_runs = versions->committed = versions->known = (uint32) handle->in_runs;
	return entity != NULL || handle->in_runs >= 0;
}

/* The posting of a version; 0 when there is none. */
EsPosting
es_handle_posting(EsStore *store, EsHandle *handle, uint32 version)
{
	EsPosting	posting = 0;
	EsEntity   *entity;

	es_guard_enter();
	entity = entity_of(store, handle);
	if (entity != NULL)
		posting = es_posting_get(es_pool, entity, version);
	es_guard_leave();
	return posting;
}
