/*-------------------------------------------------------------------------
 *
 * tail.c
 *	  What was appended and is to be compacted, and who is told of it.
 *
 * The launcher of workers sleeps until it is woken: by the first small block after
 * compaction, from when on time counts, and by the one that makes them many.
 *
 * Shared state: store->compaction.small_blocks is added to by appenders, after they have
 * committed, and subtracted from by who has the lock of compaction; it only says when to
 * look at the log, not what is there.  es_shared->launcher is written by the launcher.  A
 * wake-up that is missed since the launcher is just about to start is no loss: it looks at
 * all stores first.  store->compaction.worker and store->builder are the pids of the
 * workers, written by them as they begin, and set to 0 by compare-and-swap as they end; who
 * drops the database reads them, only to send a signal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "storage/latch.h"
#include "storage/proc.h"

#include "log/stores.h"
#include "log/tail.h"
#include "pg/compat.h"
#include "pg/settings.h"

/*
 * So many events are worth a sorted run when memory is short, or such a part of all that it
 * has room for when it is full; and it leaves so much for each.
 */
#define LEAST_EVENTS	16384
#define LEAST_PART		8
#define BYTES_PER_EVENT 128

static void
wake_launcher(void)
{
	uint32		launcher = pg_atomic_read_u32(&es_shared->launcher);

	if (launcher > 0)
		SetLatch(&ProcGlobal->allProcs[launcher - 1].procLatch);
}

/* Of the transaction that is open; NULL: it added no blocks. */
static EsStore *added_store = NULL;
static uint64 added = 0;		/* small ones */

/* Counts small blocks that were added, among others, once the transaction commits. */
void
es_tail_add(EsStore *store, uint32 small_blocks)
{
	if (added_store != store)
		added = 0;
	added_store = store;
	added += small_blocks;
}

static void
count_added(void)
{
	uint64		before;

	if (added == 0)
		return;
	before = pg_atomic_fetch_add_u64(&added_store->compaction.small_blocks, added);
	if (before == 0 || (before < ES_TAIL_FULL && before + added >= ES_TAIL_FULL))
		wake_launcher();
}

/* Does somebody wait for memory? */
bool
es_tail_memory_is_wanted(EsStore *store)
{
	return pg_atomic_read_u32(&store->memory_wanted) != 0;
}

/*
 * Are there so many events behind the last sorted run, or behind what was tried in vain,
 * that another is due?  When memory is short that is as soon as it frees a good part of
 * what is left; when somebody waits for memory, what was tried is tried again.  Positions
 * are counted, of which some may be gaps; they are read without a lock, as the answer is
 * about now.
 */
bool
es_tail_run_is_due(EsStore *store)
{
	int64		room = (int64) es_pool_segment_count(es_pool) * ES_SEGMENT_SIZE / BYTES_PER_EVENT;
	int64		all = store->next_position - 1 - store->runs_through;
	int64		behind = store->next_position - 1 - Max(store->runs_through, store->runs_tried);

	return behind >= es_run_events ||
		(es_tail_memory_is_wanted(store) && all >= Min(LEAST_EVENTS, room / LEAST_PART)) ||
		(es_index_memory_is_short(store) &&
		 behind >= Max(LEAST_EVENTS, (int64) (es_index_memory_left(store) / BYTES_PER_EVENT)));
}

/*
 * Is anything to be let go that runs make needless?  When somebody waits for memory it is
 * looked for it anew: rolled back transactions may have left some.
 */
bool
es_tail_shed_is_due(EsStore *store)
{
	return (store->shed_through < store->runs_through && es_index_memory_is_short(store)) ||
		es_tail_memory_is_wanted(store);
}

/* Is a run due, or are there postings to be let go? */
bool
es_tail_index_is_due(EsStore *store)
{
	return es_tail_run_is_due(store) || es_tail_shed_is_due(store);
}

/* Who appends keeps the database from being dropped. */
static void
note_use(EsStore *store)
{
	if (pg_atomic_read_u32(&store->dropping) != 0)
		pg_atomic_write_u32(&store->dropping, 0);
}

/*
 * Asks compaction to have the index let postings go; false when it cannot.  Then, or when
 * it has looked for them, memory_wanted is 0 again.
 */
bool
es_tail_ask_for_memory(EsStore *store)
{
	if (!es_compaction || pg_atomic_read_u32(&es_shared->launcher) == 0)
		return false;
	note_use(store);
	pg_atomic_write_u32(&store->memory_wanted, 1);
	if (es_tail_index_is_due(store))
	{
		wake_launcher();
		return true;
	}
	pg_atomic_write_u32(&store->memory_wanted, 0);
	return false;
}

/* Tells the launcher once that a sorted run is due. */
static void
ask_for_run(void)
{
	if (es_compaction && pg_atomic_read_u32(&added_store->run_wanted) == 0 &&
		es_tail_index_is_due(added_store) &&
		pg_atomic_exchange_u32(&added_store->run_wanted, 1) == 0)
		wake_launcher();
}

static void
at_end(XactEvent event, void *arg pg_attribute_unused())
{
	if (added_store == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			note_use(added_store);
			count_added();
			ask_for_run();
			break;
		case XACT_EVENT_ABORT:
			break;
		default:
			return;
	}
	added_store = NULL;
	added = 0;
}

void
es_tail_install(void)
{
	RegisterXactCallback(at_end, NULL);
}

/*
 * Compaction has looked at all that was settled when so many had been counted.  What was
 * not settled stays to be looked at, as one.
 */
void
es_tail_take(EsStore *store, uint64 small_blocks, bool unsettled)
{
	uint64		before = pg_atomic_read_u64(&store->compaction.small_blocks);
	uint64		after;

	do
		after = Max(before - Min(before, small_blocks), unsettled ? 1 : 0);
	while (!pg_atomic_compare_exchange_u64(&store->compaction.small_blocks, &before, after));
	es_tail_tell(store);
}

/* Has the launcher look at the store, if there is anything to do. */
void
es_tail_tell(EsStore *store)
{
	if (pg_atomic_read_u64(&store->compaction.small_blocks) > 0 || es_tail_index_is_due(store))
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

/* The database is about to be dropped, if nothing else keeps it: its workers must not. */
void
es_tail_give_up(Oid database)
{
	EsStore    *store = es_store_of(database);

	if (store == NULL)
		return;
	pg_atomic_write_u32(&store->dropping, 1);
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
