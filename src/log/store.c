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
 * cancelled.  What takes longer than clients may be willing to wait is left to a
 * background worker, so that a timeout does not throw away what was done; unless none
 * begins soon, or the session's own lock would keep it out.
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
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/event.h"
#include "log/build.h"
#include "log/entities.h"
#include "log/position.h"
#include "log/runs.h"
#include "log/session.h"
#include "log/store.h"
#include "log/stores.h"
#include "log/tail.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/settings.h"
#include "pg/shmem.h"

/* A table of so many pages is for a worker to read: some tenths of a second. */
#define WORKER_PAGES 8192

/* What the index may need for a page of full blocks, at least a part of it, in bytes. */
#define MEMORY_PER_PAGE 16384

/* How long it is waited for that it begins, and how often looked, in milliseconds. */
#define WORKER_START_MS 3000
#define WORKER_POLL_MS 100

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
	es_tail_tell(store);
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

/* Waits until a worker builds, or for a while until one begins, which may have runs to write first. */
static void
wait_for_builder(EsStore *store)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WORKER_START_MS);

	ConditionVariablePrepareToSleep(&store->state_changed);
	while (pg_atomic_read_u32(&store->state) == ES_STORE_EMPTY &&
		   (GetCurrentTimestamp() < until || pg_atomic_read_u32(&store->builder) != 0))
		(void) ConditionVariableTimedSleep(&store->state_changed, WORKER_POLL_MS, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

/* Does it take a while to read the table, or may more be in it than memory holds? */
static bool
is_large(Relation blocks)
{
	double		memory = (double) es_pool_segment_count(es_pool) * ES_SEGMENT_SIZE;

	return RelationGetNumberOfBlocks(blocks) >= Min(WORKER_PAGES, memory / MEMORY_PER_PAGE);
}

/*
 * Is the build one for a worker, which must get a lock on the table beside ours?  An index
 * of another storage is nobody's any more.
 */
static bool
is_for_worker(EsStore *store, Relation blocks)
{
	uint32		ready = ES_STORE_READY;

	if (es_is_background_worker() || !is_large(blocks) ||
		CheckRelationLockedByMe(blocks, AccessExclusiveLock, true))
		return false;
	if (pg_atomic_read_u32(&store->state) == ES_STORE_READY && !is_of(store, blocks))
		pg_atomic_compare_exchange_u32(&store->state, &ready, ES_STORE_EMPTY);
	return pg_atomic_read_u32(&store->state) == ES_STORE_EMPTY;
}

static void
ensure_built(EsStore *store, Relation blocks)
{
	bool		asked = false;

	while (!is_ready_for(store, blocks))
	{
		int64		reserved = es_sequence_last_value(es_position_sequence());

		/* so that the builder need not wait for them */
		LockRelationOid(es_runs_oid(), AccessShareLock);
		LockRelationOid(es_run_pages_oid(), AccessShareLock);

		if (!asked && is_for_worker(store, blocks) && es_tail_ask_for_build(store))
		{
			asked = true;
			wait_for_builder(store);
		}
		else if (begin_building(store, blocks))
			build(store, blocks, reserved);
		else
			wait_while_building(store);
	}
}

/*
 * Opens the current database's store with this lock on its block table.  Its
 * index is then complete, and stays so while the lock is held; on a standby, and after its
 * promotion, once es_follow() has been called.
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
 * Has the index built, if it is not and no lock has to be waited for: others may wait for
 * this process with a lock that others wait for.
 */
void
es_store_build(void)
{
	EsOpenStore open;

	if (!ConditionalLockRelationOid(es_blocks_oid(), AccessShareLock) ||
		!ConditionalLockRelationOid(es_runs_oid(), AccessShareLock) ||
		!ConditionalLockRelationOid(es_run_pages_oid(), AccessShareLock))
		return;
	es_store_open(&open, AccessShareLock);
	es_store_close(&open);
}

/* The store of this database if its index is there, else NULL. */
static EsStore *
built_store(void)
{
	EsStore    *store = es_store_of(MyDatabaseId);

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
es_store_estimate(double *events, double *entities, double *tenants)
{
	EsStore    *store = built_store();

	if (store == NULL)
		return false;
	*events = (double) __atomic_load_n(&store->index.counts.events, __ATOMIC_RELAXED);
	*entities = (double) __atomic_load_n(&store->index.counts.entities, __ATOMIC_RELAXED);
	*tenants = (double) __atomic_load_n(&store->index.counts.tenants, __ATOMIC_RELAXED) + 1;
	return true;
}

/* How many events an entity has on average. */
static double
usual_events(void)
{
	double		events;
	double		entities;
	double		tenants;

	return es_store_estimate(&events, &entities, &tenants) && entities >= 1 ? events / entities : 1;
}

/*
 * How many events an entity has, for plans; an empty tenant is the default one.  Of those that
 * only runs know that is guessed.  False when it has none, or the index is not there, or is of another storage of the table, which
 * any session may throw away.
 */
bool
es_store_estimate_entity(EsSlice tenant_id, EsSlice entity_id, double *events)
{
	Relation	blocks = es_blocks_open(AccessShareLock);
	EsStore    *store = built_store();
	EsVersions	versions = {0};
	EsHandle	handle;
	bool		found = false;

	if (store != NULL && is_ready_for(store, blocks) &&
		es_handle_find(store, tenant_id, entity_id, &handle))
	{
		found = true;
		*events = es_handle_versions(store, &handle, &versions) ? versions.known : usual_events();
	}
	table_close(blocks, NoLock);
	return found;
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
	es_runs_delete_all(es_store_mine());
	es_session_table_changed(es_store_mine(), RelationGetRelid(blocks));
	es_positions_forget_samples(es_store_mine());
	es_store_mine()->relid = InvalidOid;
}

static object_access_hook_type previous_access_hook = NULL;

static void
on_drop_table(Oid relid)
{
	EsStore    *store = es_store_of(MyDatabaseId);

	if (store != NULL && store->relid == relid)
		es_session_table_dropped(store);
}

/* Rows may have been changed while the trigger was disabled, or may soon be. */
static void
on_alter_trigger(Oid trigger)
{
	Relation	blocks;

	if (es_store_of(MyDatabaseId) == NULL || !es_is_blocks_trigger(trigger))
		return;
	blocks = table_open(es_blocks_oid(), AccessExclusiveLock);
	es_store_rows_changed(blocks);
	table_close(blocks, NoLock);
}

/*
 * Notices DROP EXTENSION, whose lock on the block table keeps others out, and
 * that the table's trigger is disabled or enabled, as a restore may do; and DROP DATABASE.
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
	else if (access == OAT_DROP && class_id == DatabaseRelationId)
		es_tail_give_up(object_id);
}

void
es_store_install(void)
{
	previous_access_hook = object_access_hook;
	object_access_hook = on_object_access;
}

/*
 * Builds the index anew, which also gives memory back that rolled back
 * transactions and others have left behind.  Sorted runs are written anew, too.  What is
 * large is left to who uses it next, and so to a worker, which writes runs before.
 */
void
es_store_rebuild(void)
{
	EsOpenStore open;

	open.blocks = es_blocks_open(AccessExclusiveLock);
	CheckTableNotInUse(open.blocks, "rebuild the index of");
	invalidate(open.blocks);
	es_runs_delete_all(es_store_mine());
	open.store = es_store_mine();
	if (!is_large(open.blocks) || !es_compaction || es_session_is_used())
		ensure_built(open.store, open.blocks);
	es_store_close(&open);
}
