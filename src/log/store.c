/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The store of the current database: finding it, and making sure that its
 *	  index is built before anything depends on it.
 *
 * The index is a cache of one table's blocks, under one storage (relfilenode)
 * of that table.  Whoever uses it holds a lock on the block table, at least
 * ACCESS SHARE, from before it looks at the store until its transaction (or
 * the savepoint in which it did so) ends.  TRUNCATE, VACUUM FULL, CLUSTER,
 * DROP EXTENSION and rebuild_index() take ACCESS EXCLUSIVE.  It follows that
 * all holders of a lock at one time see the same storage; so a session whose
 * storage is not the store's knows that nobody uses the index that is there,
 * and that it may throw it away - also when the new storage is its own and
 * uncommitted, for after a rollback the next session does the same.
 *
 * Building is a state, not a lock: one session wins EMPTY (or a wrong READY)
 * -> BUILDING, the others sleep on a condition variable, where they can be
 * cancelled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_trigger.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "core/event.h"
#include "index/ids.h"
#include "log/build.h"
#include "log/position.h"
#include "log/session.h"
#include "log/store.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/shmem.h"

/* ---------------------------------------------- which store is whose */

static EsStore *
find_store(Oid database)
{
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
		store->relid = InvalidOid;
		store->database = InvalidOid;
		freed = true;
	}
	LWLockRelease(es_shared->lock);
	return freed;
}

/* Takes back what dropped databases held; returns how many there were. */
static int
reclaim_stores(void)
{
	int			freed = 0;

	for (int i = 0; i < ES_MAX_STORES; i++)
		freed += free_if_dropped(&es_shared->stores[i]);
	return freed;
}

/* While the index is built, which is by us, ids make room for entities. */
static bool
give_up_ids(EsStore *store)
{
	return pg_atomic_read_u32(&store->state) == ES_STORE_BUILDING &&
		es_ids_give_up(es_pool, &store->index);
}

/*
 * When index memory is full: has the caller try again if there was any to take
 * back, else raises the error.
 */
void
es_store_find_memory(EsStore *store)
{
	if (reclaim_stores() == 0 && !give_up_ids(store))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("the entity index is full"),
				 errdetail("Its memory of %u kB serves all databases of the server.",
						   es_pool_segment_count(es_pool) * (ES_SEGMENT_SIZE / 1024)),
				 errhint("Increase \"eventstore.index_memory\" and restart the server.")));
}

static EsStore *
add_store(void)
{
	EsStore    *store;

	reclaim_stores();
	LWLockAcquire(es_shared->lock, LW_EXCLUSIVE);
	store = find_store(MyDatabaseId);
	if (store == NULL && (store = find_store(InvalidOid)) != NULL)
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
	if (mine == NULL)
		mine = find_store(MyDatabaseId);
	if (mine == NULL)
		mine = add_store();
	return mine;
}

/* ----------------------------------------------------------- building */

/* Is the index that is there of this table, as it is now? */
static bool
is_of(EsStore *store, Relation blocks)
{
	return store->relid == RelationGetRelid(blocks) &&
		store->storage == es_relation_storage(blocks);
}

static bool
is_ready_for(EsStore *store, Relation blocks)
{
	if (pg_atomic_read_u32(&store->state) != ES_STORE_READY)
		return false;
	pg_read_barrier();
	return is_of(store, blocks);
}

static void
set_state(EsStore *store, EsStoreState state)
{
	pg_write_barrier();
	pg_atomic_write_u32(&store->state, state);
	ConditionVariableBroadcast(&store->state_changed);
}

/* A build that failed leaves nothing behind. */
static void
give_up_building(int code pg_attribute_unused(), Datum arg)
{
	EsStore    *store = (EsStore *) DatumGetPointer(arg);

	es_index_reset(es_pool, &store->index);
	set_state(store, ES_STORE_EMPTY);
}

static void
build(EsStore *store, Relation blocks, int64 reserved)
{
	PG_ENSURE_ERROR_CLEANUP(give_up_building, PointerGetDatum(store));
	{
		es_index_build(store, blocks, reserved);
	}
	PG_END_ENSURE_ERROR_CLEANUP(give_up_building, PointerGetDatum(store));
	set_state(store, ES_STORE_READY);
}

/*
 * Tries to become the one that builds.  The state may have gone from READY for
 * another table over BUILDING to READY for ours since it was read, so what is
 * there is looked at once more when it cannot change any more.
 */
static bool
begin_building(EsStore *store, Relation blocks)
{
	uint32		state = pg_atomic_read_u32(&store->state);

	if (state == ES_STORE_BUILDING ||
		!pg_atomic_compare_exchange_u32(&store->state, &state, ES_STORE_BUILDING))
		return false;
	if (state == ES_STORE_EMPTY || !is_of(store, blocks))
		return true;
	set_state(store, ES_STORE_READY);
	return false;
}

static void
wait_while_building(EsStore *store)
{
	ConditionVariablePrepareToSleep(&store->state_changed);
	while (pg_atomic_read_u32(&store->state) == ES_STORE_BUILDING)
		ConditionVariableSleep(&store->state_changed, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

static void
ensure_built(EsStore *store, Relation blocks)
{
	while (!is_ready_for(store, blocks))
	{
		int64		reserved = es_sequence_last_value(es_position_sequence());

		if (begin_building(store, blocks))
			build(store, blocks, reserved);
		else
			wait_while_building(store);
	}
}

/*
 * Opens the current database's store with this lock on its block table.  Its
 * index is then complete, and stays so while the lock is held.
 */
void
es_store_open(EsOpenStore *open, LOCKMODE mode)
{
	open->blocks = es_blocks_open(mode);
	open->store = es_store_mine();
	ensure_built(open->store, open->blocks);
}

void
es_store_close(EsOpenStore *open)
{
	table_close(open->blocks, NoLock);
}

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

/* The store of this database if its index is there, else NULL. */
static EsStore *
built_store(void)
{
	EsStore    *store = find_store(MyDatabaseId);

	if (store == NULL || pg_atomic_read_u32(&store->state) != ES_STORE_READY)
		return NULL;
	pg_read_barrier();
	return store;
}

/*
 * How many committed events and entities there are, for plans.  False when that
 * is not known yet.
 */
bool
es_store_estimate(double *events, double *entities)
{
	EsStore    *store = built_store();

	if (store == NULL)
		return false;
	*events = (double) __atomic_load_n(&store->index.counts.events, __ATOMIC_RELAXED);
	*entities = (double) __atomic_load_n(&store->index.counts.entities, __ATOMIC_RELAXED);
	return true;
}

/*
 * How many events an entity has, for plans; an empty tenant is the default one.  False when it
 * has none, or the index is not there, or is of another storage of the table, which
 * any session may throw away.
 */
bool
es_store_estimate_entity(EsSlice tenant_id, EsSlice entity_id, double *events)
{
	Relation	blocks = es_blocks_open(AccessShareLock);
	EsStore    *store = built_store();
	EsEntity   *entity = NULL;

	if (store != NULL && is_ready_for(store, blocks))
		entity = es_store_find(store, tenant_id, entity_id);
	table_close(blocks, NoLock);
	if (entity == NULL)
		return false;
	*events = es_entity_known(entity);
	return true;
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

/*
 * Declares the index wrong, because the block table is changed by other means
 * than ours.  The lock keeps everybody else out until those changes are
 * committed or rolled back.
 */
static void
invalidate(Relation blocks)
{
	EsStore    *store = es_store_mine();
	uint32		ready = ES_STORE_READY;

	LockRelation(blocks, AccessExclusiveLock);
	pg_atomic_compare_exchange_u32(&store->state, &ready, ES_STORE_EMPTY);
}

/*
 * The same for a change of rows that this transaction makes.  They may come
 * from another server, with its sequence, so the store does not go on from the
 * positions that it knows but from the sequence, as for another table.
 */
void
es_store_rows_changed(Relation blocks)
{
	invalidate(blocks);
	es_session_table_changed(es_store_mine(), RelationGetRelid(blocks));
	es_positions_forget_samples(es_store_mine());
	es_store_mine()->relid = InvalidOid;
}

static object_access_hook_type previous_access_hook = NULL;

static void
on_drop_table(Oid relid)
{
	EsStore    *store = find_store(MyDatabaseId);

	if (store != NULL && store->relid == relid)
		es_session_table_dropped(store);
}

/* Rows may have been changed while the trigger was disabled, or may soon be. */
static void
on_alter_trigger(Oid trigger)
{
	Relation	blocks;

	if (find_store(MyDatabaseId) == NULL || !es_is_blocks_trigger(trigger))
		return;
	blocks = table_open(es_blocks_oid(), AccessExclusiveLock);
	es_store_rows_changed(blocks);
	table_close(blocks, NoLock);
}

/*
 * Notices DROP EXTENSION, whose lock on the block table keeps others out, and
 * that the table's trigger is disabled or enabled, as a restore may do.
 */
static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_access_hook)
		previous_access_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_DROP && class_id == RelationRelationId && sub_id == 0)
		on_drop_table(object_id);
	else if (access == OAT_POST_ALTER && class_id == TriggerRelationId)
		on_alter_trigger(object_id);
}

void
es_store_install(void)
{
	previous_access_hook = object_access_hook;
	object_access_hook = on_object_access;
}

/*
 * Builds the index anew, which also gives memory back that rolled back
 * transactions and others have left behind.
 */
void
es_store_rebuild(void)
{
	EsOpenStore open;

	open.blocks = es_blocks_open(AccessExclusiveLock);
	CheckTableNotInUse(open.blocks, "rebuild the index of");
	invalidate(open.blocks);
	open.store = es_store_mine();
	ensure_built(open.store, open.blocks);
	es_store_close(&open);
}
