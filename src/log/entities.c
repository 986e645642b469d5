/*-------------------------------------------------------------------------
 *
 * entities.c
 *	  The entities of a store, by name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/event.h"
#include "log/entities.h"
#include "log/memory.h"
#include "log/stores.h"

/*
 * Finds an entity of the open store; NULL when there is none of that name,
 * also for names that no entity can have.
 */
EsEntity *
es_store_find(EsStore *store, EsSlice tenant_id, EsSlice entity_id)
{
	EsKey		key = {tenant_id, entity_id, 0};

	if (entity_id.size == 0 || entity_id.size > ES_MAX_ENTITY_ID ||
		tenant_id.size > ES_MAX_TENANT_ID)
		return NULL;
	key.hash = es_key_hash(tenant_id, entity_id);
	return es_index_find(es_pool, &store->index, &key);
}

static void
add_tenant(EsStore *store, EsSlice tenant_id)
{
	EsKey		key = {tenant_id, {NULL, 0}, es_key_hash(tenant_id, es_slice(NULL, 0))};

	while (es_index_find_or_add(es_pool, &store->index, &key) == NULL)
		es_store_find_memory(store);
}

/*
 * Finds or adds an entity, and its tenant before it.  *known_tenant is one that
 * the caller knows to be there, so that of the entities of one tenant only the
 * first has it looked up; empty at first.
 */
EsEntity *
es_store_find_or_add(EsStore *store, const EsKey *key, EsSlice *known_tenant)
{
	EsEntity   *entity;

	if (key->tenant_id.size > 0 && !es_slice_equal(key->tenant_id, *known_tenant))
	{
		entity = es_index_find(es_pool, &store->index, key);
		if (entity != NULL)
			return entity;
		add_tenant(store, key->tenant_id);
		*known_tenant = key->tenant_id;
	}
	while ((entity = es_index_find_or_add(es_pool, &store->index, key)) == NULL)
		es_store_find_memory(store);
	return entity;
}

typedef struct TenantSearch
{
	EsStore    *store;
	EsSlice		entity_id;
	EsEntityVisitor visit;
	void	   *arg;
} TenantSearch;

static void
visit_in_tenant(void *arg, EsEntity *tenant)
{
	TenantSearch *search = arg;
	EsEntity   *entity = es_store_find(search->store, es_entity_tenant_id(tenant),
									   search->entity_id);

	if (entity != NULL)
		search->visit(search->arg, entity);
}

/* Calls visit for the entities of that name, of all tenants. */
void
es_store_visit_tenants(EsStore *store, EsSlice entity_id, EsEntityVisitor visit, void *arg)
{
	TenantSearch search = {store, entity_id, visit, arg};
	EsEntity   *entity = es_store_find(store, es_slice(NULL, 0), entity_id);

	if (entity != NULL)
		visit(arg, entity);
	es_index_visit_tenants(es_pool, &store->index, visit_in_tenant, &search);
}
