/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  What is done when index memory is full.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/wait_event.h"

#include "index/ids.h"
#include "log/memory.h"
#include "log/stores.h"
#include "log/tail.h"

/* How often who waits for memory looks, in milliseconds. */
#define POLL_MS 100

/* While the index is built, which is by us, ids make room for entities. */
static bool
give_up_ids(EsStore *store)
{
	return pg_atomic_read_u32(&store->state) == ES_STORE_BUILDING &&
		es_ids_give_up(es_pool, &store->index);
}

/*
 * Waits, when compaction can have the index let postings go, until it has.  False when
 * there is nothing to wait for, or it failed meanwhile.
 */
static bool
wait_for_compaction(EsStore *store)
{
	int64		before = store->shed_through;
	uint64		failures = pg_atomic_read_u64(&store->compaction.failures);

	if (pg_atomic_read_u32(&store->state) != ES_STORE_READY)
		return false;
	ConditionVariablePrepareToSleep(&store->state_changed);
	while (store->shed_through == before && es_tail_will_shed(store) &&
		   pg_atomic_read_u64(&store->compaction.failures) == failures)
	{
		es_tail_tell(store);
		(void) ConditionVariableTimedSleep(&store->state_changed, POLL_MS, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return store->shed_through != before;
}

/*
 * When index memory is full: has the caller try again if there was any to take
 * back, else raises the error.
 */
void
es_store_find_memory(EsStore *store)
{
	if (es_stores_reclaim() == 0 && !give_up_ids(store) && !wait_for_compaction(store))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("the entity index is full"),
				 errdetail("Its memory of %u kB serves all databases of the server.",
						   es_pool_segment_count(es_pool) * (ES_SEGMENT_SIZE / 1024)),
				 errhint("Increase \"eventstore.index_memory\" and restart the server. eventstore.rebuild_index() gives back what rolled back transactions of a database have left; eventstore.stat_index tells what each database takes.")));
}
