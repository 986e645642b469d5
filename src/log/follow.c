/*-------------------------------------------------------------------------
 *
 * follow.c
 *	  Keeps the index of a standby up with the replay.
 *
 * On a standby nobody appends to the index; events come with the log that is replayed.  So
 * whoever is about to use the index first enters what has come since somebody did so last,
 * unless nothing was replayed since.  What is entered is what a snapshot sees that is taken
 * after looking where the replay is: so all that any snapshot sees that was taken up to then.
 *
 * Events are entered in the order of their positions, beginning behind the sorted runs that
 * were there when the index was built.  A transaction that commits late has lower positions
 * than what was entered already: gaps between visible blocks are remembered, up to the
 * horizon of the snapshot (horizon.c), and are looked at again each time.  Too many gaps
 * become one, and what is between them is entered again, which changes nothing.  Of an
 * entity, a version is entered after the ones before it: it was written when these had
 * committed.
 *
 * What is entered is the position and not the place of an event, which compaction and VACUUM
 * on the primary change without the index being told.  New runs are learnt, and what they know
 * is let go, as the worker of compaction has it on a primary.
 *
 * One process at a time follows.  It has a heavyweight lock meanwhile, so it can be cancelled,
 * and what it has entered then is entered again.  The lock is of the kind of advisory locks,
 * with a class that their functions do not have: others cannot be had in recovery.
 * store->followed and what is in it are written under that lock only, and followed_lsn after
 * all that had been replayed up to there was entered.  Who finds that no record behind it is
 * being replayed has a snapshot that sees no more than that.
 *
 * After a promotion, the first to open the store reads the rows behind what is settled once
 * more, with those of prepared transactions, and where positions go on; from then on it is
 * a primary's index.  Postings that are positions stay as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/event.h"
#include "log/build.h"
#include "log/entities.h"
#include "log/follow.h"
#include "log/horizon.h"
#include "log/learn.h"
#include "log/log_scan.h"
#include "log/memory.h"
#include "log/runs.h"
#include "log/stores.h"
#include "log/tail.h"
#include "pg/catalog.h"

/* A class of advisory locks that no function gives out. */
#define FOLLOW_LOCK_CLASS 0xE5

/* With less memory than that, the index lets go before more is entered. */
#define LEAST_MEMORY (ES_SEGMENT_SIZE * 2)

typedef struct Follower
{
	EsOpenStore *open;
	Snapshot	snapshot;
	EsFollowed	next;			/* what will have been followed */
	int64		known_through;	/* the index knows of all that runs have up to
								 * there */
	char	   *strings;		/* ES_BLOCK_HEAD_ROOM bytes */
} Follower;

static LOCKTAG
follow_lock(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, es_blocks_oid(), 0, FOLLOW_LOCK_CLASS);
	return tag;
}

/* ---------------------------------------------------------------- entering */

/* Has the index let go what runs know; an error when there is nothing. */
static void
find_memory(EsOpenStore *open)
{
	EsStore    *store = open->store;
	uint32		sheds = pg_atomic_read_u32(&store->sheds);

	pg_atomic_write_u32(&store->memory_wanted, 1);
	(void) es_index_learn(open);
	pg_atomic_write_u32(&store->memory_wanted, 0);
	if (pg_atomic_read_u32(&store->sheds) == sheds)
		es_store_find_memory(store);
}

static void
enter_event(Follower *follower, const EsStoredEvent *stored)
{
	EsStore    *store = follower->open->store;
	EsIndex    *index = &store->index;
	const EsEvent *event = &stored->event;
	uint32		version = (uint32) stored->version;
	EsKey		key = {
		event->tenant_id, event->entity_id, es_key_hash(event->tenant_id, event->entity_id)
	};
	EsSlice		known_tenant = {NULL, 0};
	EsEntity   *entity = es_store_find_or_add(store, &key, &known_tenant).entity;

	/* nobody else takes it out */
	if (!es_entity_is_resolved(entity))
		es_entity_resolve(entity, version - 1);
	if (version <= es_entity_in_runs(entity))
		return;
	while (!es_postings_reserve(es_pool, &index->arena, &index->counts, entity, version))
		find_memory(follower->open);
	es_posting_set(es_pool, entity, version, es_posting_at(stored->position));
	es_entity_note_committed(entity, version, &index->counts);
	es_entity_note_use(entity);
}

/* Enters the events of a block between two positions; what is damaged is left out, and noted. */
static void
enter_block(Follower *follower, EsBlock *block, int64 first, int64 last)
{
	for (uint32 i = es_block_count_before(block, first); i < block->header.event_count; i++)
	{
		EsStoredEvent stored;
		const EsEvent *event = &stored.event;

		if (es_block_read_head(block, i, follower->strings, &stored) != ES_BLOCK_OK ||
			stored.version < 1 || stored.version > ES_MAX_VERSION ||
			event->entity_id.size == 0 || event->entity_id.size > ES_MAX_ENTITY_ID ||
			event->tenant_id.size > ES_MAX_TENANT_ID)
			follower->open->store->damaged = true;
		else if (stored.position <= last)
			enter_event(follower, &stored);
	}
}

/* -------------------------------------------------------------------- gaps */

static void
add_gap(EsFollowed *followed, int64 first, int64 last)
{
	if (first > last)
		return;
	if (followed->gap_count == ES_FOLLOWED_GAPS)
		followed->gaps[ES_FOLLOWED_GAPS - 1].last = last;
	else
		followed->gaps[followed->gap_count++] = (EsGap)
	{
		first, last
	};
}

/*
 * Enters what is visible between two positions, and adds the gaps.  Returns the position behind
 * the last event.
 */
static int64
enter_range(Follower *follower, int64 first, int64 last)
{
	Relation	blocks = follower->open->blocks;
	int64		next = first;
	EsLogScan	scan;

	es_log_scan_begin(&scan, blocks, follower->snapshot, es_log_block_start(blocks, follower->snapshot, first), false);
	while (next <= last && es_log_scan_next(&scan) && scan.row.first_position <= last)
	{
		EsBlock    *block = &scan.row.block;

		if (es_index_memory_left(follower->open->store) < LEAST_MEMORY)
			find_memory(follower->open);
		if (scan.row.status != ES_BLOCK_OK)
		{
			follower->open->store->damaged = true;
			continue;
		}
		if (es_block_last_position(block) < next)
			continue;
		add_gap(&follower->next, next, scan.row.first_position - 1);
		enter_block(follower, block, next, last);
		next = es_block_last_position(block) + 1;
	}
	es_log_scan_end(&scan);
	return next;
}

/* Forgets gaps in which nothing can appear any more. */
static void
settle(EsFollowed *followed, int64 horizon)
{
	uint32		left = 0;

	for (uint32 i = 0; i < followed->gap_count; i++)
	{
		if (followed->gaps[i].last > horizon)
			followed->gaps[left++] = followed->gaps[i];
	}
	followed->gap_count = left;
}

static void
enter_all(Follower *follower)
{
	EsStore    *store = follower->open->store;
	EsFollowed	before = store->followed;

	settle(&before, follower->known_through);
	before.end = Max(before.end, follower->known_through);
	for (uint32 i = 0; i < before.gap_count; i++)
	{
		int64		last = before.gaps[i].last;
		int64		next = enter_range(follower, Max(before.gaps[i].first, follower->known_through + 1), last);

		add_gap(&follower->next, next, last);
	}
	follower->next.end = Max(before.end, enter_range(follower, before.end + 1, PG_INT64_MAX) - 1);
	settle(&follower->next, es_horizon_undamaged(follower->snapshot));
	store->followed = follower->next;
}

/* -------------------------------------------------------------------- follow */

/* The list of runs is read anew; others are told when it has become another one. */
static void
look_at_runs(EsOpenStore *open)
{
	EsStore    *store = open->store;
	uint64		newest;

	es_runs_forget();
	newest = es_runs_newest_xid(es_runs_list(open->blocks));
	if (newest == store->followed_runs)
		return;
	store->followed_runs = newest;
	pg_atomic_fetch_add_u32(&store->runs_changed, 1);
}

static void
follow_locked(EsOpenStore *open, XLogRecPtr replayed)
{
	EsStore    *store = open->store;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "eventstore follow",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	Follower	follower = {.open = open};

	/* with a snapshot, pages of runs stay that are merged meanwhile */
	follower.snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(open->blocks)));
	follower.strings = palloc(ES_BLOCK_HEAD_ROOM);
	look_at_runs(open);
	follower.known_through = es_index_learn(open) ? store->runs_through : 0;
	enter_all(&follower);
	UnregisterSnapshot(follower.snapshot);
	pg_write_barrier();
	pg_atomic_write_u64(&store->followed_lsn, replayed);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
}

/* After a promotion; see at the top. */
static void
take_over(EsOpenStore *open)
{
	EsStore    *store = open->store;
	const EsFollowed *followed = &store->followed;

	if (es_index_memory_is_short(store))
	{
		pg_atomic_write_u32(&store->memory_wanted, 1);
		(void) es_index_learn(open);
		pg_atomic_write_u32(&store->memory_wanted, 0);
	}
	es_index_take_over(store, open->blocks, followed->gap_count > 0 ? followed->gaps[0].first : followed->end + 1,
					   es_sequence_last_value(es_position_sequence()));
	pg_write_barrier();
	pg_atomic_write_u32(&store->follows, 0);
	es_tail_tell(store);
}

/*
 * Has the index of an open store, which was built in recovery, know all that a snapshot may
 * see which was taken until now; after a promotion, has it be a primary's.
 */
void
es_follow(EsOpenStore *open)
{
	EsStore    *store = open->store;
	LOCKTAG		tag = follow_lock();
	XLogRecPtr	replayed;

	if (pg_atomic_read_u32(&store->follows) == 0 ||
		(RecoveryInProgress() &&
		 pg_atomic_read_u64(&store->followed_lsn) == GetCurrentReplayRecPtr(NULL)))
		return;
	pg_read_barrier();
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	replayed = GetXLogReplayRecPtr(NULL);
	if (pg_atomic_read_u32(&store->follows) != 0)
	{
		if (!RecoveryInProgress())
			take_over(open);
		else if (pg_atomic_read_u64(&store->followed_lsn) != replayed)
			follow_locked(open, replayed);
	}
	LockRelease(&tag, ExclusiveLock, false);
}
