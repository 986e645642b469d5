/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  What is done when index memory is full.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "index/ids.h"
#include "log/memory.h"
#include "log/stores.h"
#include "log/tail.h"
#include "pg/catalog.h"
#include "pg/compat.h"

/* How often who waits for memory looks, in milliseconds. */
#define POLL_MS 100

/* How long it is waited for that a worker begins. */
#define WORKER_START_MS 10000

/* While the index is built, which is by us, ids make room for entities. */
static bool
give_up_ids(EsStore *store)
{
	return pg_atomic_read_u32(&store->state) == ES_STORE_BUILDING &&
		es_ids_give_up(es_pool, &store->index);
}

/* Would the worker wait for us, or for somebody who does? */
static bool
holds_up_worker(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, es_blocks_oid());
	return es_lock_held_by_me(&tag, AccessExclusiveLock) || LockWaiterCount(&tag) > 0;
}

/* Have postings been let go since this backend last found memory full? */
static bool
was_shed(EsStore *store)
{
	static uint32 known = 0;
	uint32		sheds = pg_atomic_read_u32(&store->sheds);
	bool		was = sheds != known;

	known = sheds;
	return was;
}

/*
 * Waits, when compaction can have the index let postings go, until it has looked for some.
 * False when it found none, or when no worker comes.  The caller has the block table open to
 * be written, and no buffer pinned.
 */
static bool
wait_for_compaction(EsStore *store)
{
	uint64		failures = pg_atomic_read_u64(&store->compaction.failures);
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WORKER_START_MS);

	if (pg_atomic_read_u32(&store->state) != ES_STORE_READY ||
		pg_atomic_read_u32(&store->follows) != 0 || holds_up_worker() ||
		!es_tail_ask_for_memory(store))
		return false;
	ConditionVariablePrepareToSleep(&store->state_changed);
	while (es_tail_memory_is_wanted(store) && !holds_up_worker() &&
		   pg_atomic_read_u64(&store->compaction.failures) == failures &&
		   (GetCurrentTimestamp() < until || pg_atomic_read_u32(&store->compaction.worker) != 0))
		(void) ConditionVariableTimedSleep(&store->state_changed, POLL_MS, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	return was_shed(store);
}

/*
 * When index memory is full: has the caller try again if there was any to take
 * back, else raises the error.
 */
void
es_store_find_memory(EsStore *store)
{
	if (es_stores_reclaim() == 0 && !give_up_ids(store) && !was_shed(store) && !wait_for_compaction(store))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("the entity index is full"),
				 errdetail("Its memory of %u kB serves all databases of the server.",
						   es_pool_segment_count(es_pool) * (ES_SEGMENT_SIZE / 1024)),
				 errhint("Increase \"eventstore.index_memory\" and restart the server, or set \"eventstore.compaction\" to on if it is off. eventstore.rebuild_index() gives back what rolled back transactions of a database have left; eventstore.stat_index tells what each database takes.")));
}
