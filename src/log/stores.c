/*-------------------------------------------------------------------------
 *
 * stores.c
 *	  The stores of all databases of the server: which one is whose, and the
 *	  memory of those that are gone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "utils/syscache.h"

#include "log/stores.h"
#include "pg/settings.h"
#include "pg/shmem.h"

/* The store of this database, or of none, that is, one that is free; NULL: none. */
EsStore *
es_store_of(Oid database)
{
	es_shared_attach_guard();
	for (int i = 0; i < ES_MAX_STORES; i++)
	{
		if (es_shared->stores[i].database == database)
			return &es_shared->stores[i];
	}
	return NULL;
}

/* Empties the store of a database that no longer exists. */
static bool
free_if_dropped(EsStore *store)
{
	Oid			database = store->database;
	bool		freed = false;

	if (!OidIsValid(database) || database == MyDatabaseId ||
		SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database)))
		return false;
	LWLockAcquire(es_shared->lock, LW_EXCLUSIVE);
	if (store->database == database)
	{
		es_index_reset(es_pool, &store->index);
		pg_atomic_write_u32(&store->state, ES_STORE_EMPTY);
		es_counters_reset(store);
		store->relid = InvalidOid;
		store->database = InvalidOid;
		freed = true;
	}
	LWLockRelease(es_shared->lock);
	return freed;
}

/* Takes back what dropped databases held; returns how many there were. */
int
es_stores_reclaim(void)
{
	int			freed = 0;

	for (int i = 0; i < ES_MAX_STORES; i++)
		freed += free_if_dropped(&es_shared->stores[i]);
	return freed;
}

/* Bytes of index memory that are left for postings. */
uint64
es_index_memory_left(const EsStore *store)
{
	uint64		left = (uint64) es_pool_free_count(es_pool) * ES_SEGMENT_SIZE;

	return left + __atomic_load_n(&store->index.arena.piece_bytes, __ATOMIC_RELAXED);
}

/* Is index memory as full as it may become before postings are let go? */
bool
es_index_memory_is_short(const EsStore *store)
{
	uint64		total = (uint64) es_pool_segment_count(es_pool) * ES_SEGMENT_SIZE;

	return es_index_memory_left(store) * 100 <= total * (100 - es_shed_at_percent);
}

static EsStore *
add_store(void)
{
	EsStore    *store;

	es_stores_reclaim();
	LWLockAcquire(es_shared->lock, LW_EXCLUSIVE);
	store = es_store_of(MyDatabaseId);
	if (store == NULL && (store = es_store_of(InvalidOid)) != NULL)
	{
		store->relid = InvalidOid;
		store->database = MyDatabaseId;
	}
	LWLockRelease(es_shared->lock);
	if (store == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases use eventstore"),
				 errdetail("At most %d databases of a server can.", ES_MAX_STORES)));
	return store;
}

/* The store of this database, whatever its state. */
EsStore *
es_store_mine(void)
{
	static EsStore *mine = NULL;

	es_shmem_check_loaded();
	if (mine != NULL)
		return mine;
	mine = es_store_of(MyDatabaseId);
	if (mine == NULL)
		mine = add_store();
	pg_atomic_write_u32(&mine->dropping, 0);
	return mine;
}
