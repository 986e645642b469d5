/*-------------------------------------------------------------------------
 *
 * tail.c
 *	  The small blocks that were appended, and who is told of them.
 *
 * The launcher of workers sleeps until it is woken: by the first small block after
 * compaction, from when on time counts, and by the one that makes them many.
 *
 * Shared state: store->compaction.small_blocks is added to by appenders, before they
 * commit, and subtracted from by who has the lock of compaction; it only says when to look
 * at the log, not what is there.  es_shared->launcher is written by the launcher.  A
 * wake-up that is missed since the launcher is just about to start is no loss: it looks at
 * all stores first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "storage/latch.h"
#include "storage/proc.h"

#include "log/stores.h"
#include "log/tail.h"
#include "pg/compat.h"

static void
wake_launcher(void)
{
	uint32		launcher = pg_atomic_read_u32(&es_shared->launcher);

	if (launcher > 0)
		SetLatch(&ProcGlobal->allProcs[launcher - 1].procLatch);
}

/* Counts small blocks that were added. */
void
es_tail_add(EsStore *store, uint32 small_blocks)
{
	uint64		before;

	if (small_blocks == 0)
		return;
	before = pg_atomic_fetch_add_u64(&store->compaction.small_blocks, small_blocks);
	if (before == 0 || (before < ES_TAIL_FULL && before + small_blocks >= ES_TAIL_FULL))
		wake_launcher();
}

/*
 * Compaction has looked at all that was settled when so many had been counted.  What was
 * not settled stays to be looked at, as one.
 */
void
es_tail_take(EsStore *store, uint64 small_blocks, bool unsettled)
{
	if (unsettled && small_blocks > 0)
		small_blocks--;
	pg_atomic_fetch_sub_u64(&store->compaction.small_blocks, small_blocks);
	es_tail_tell(store);
}

/* Has the launcher look at the store, if there is anything to do. */
void
es_tail_tell(EsStore *store)
{
	if (pg_atomic_read_u64(&store->compaction.small_blocks) > 0)
		wake_launcher();
}

/* Has a worker build the store's index; false when there is no launcher. */
bool
es_tail_ask_for_build(EsStore *store)
{
	if (pg_atomic_read_u32(&es_shared->launcher) == 0)
		return false;
	pg_atomic_write_u32(&store->build_wanted, 1);
	wake_launcher();
	return true;
}

static void
end_worker(pg_atomic_uint32 *worker)
{
	uint32		pid = pg_atomic_read_u32(worker);

	if (pid > 0)
		kill((pid_t) pid, SIGTERM);
}

/*
 * The database is about to be dropped: its workers must not keep it, nor be started again.
 */
void
es_tail_give_up(Oid database)
{
	EsStore    *store = es_store_of(database);

	if (store == NULL)
		return;
	pg_atomic_write_u64(&store->compaction.small_blocks, 0);
	end_worker(&store->compaction.worker);
	end_worker(&store->builder);
}

/* The launcher is this process, or is so no longer. */
void
es_tail_watch(bool watching)
{
	pg_atomic_write_u32(&es_shared->launcher, watching ? (uint32) es_my_backend_number() + 1 : 0);
	pg_memory_barrier();
}
