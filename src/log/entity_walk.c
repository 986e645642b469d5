/*-------------------------------------------------------------------------
 *
 * entity_walk.c
 *	  Goes over all entities of a store.
 *
 * As long as the index has let no entity go, it has them all.  Afterwards it need not be
 * asked which there are: sorted runs have all entities that had an event where they end, and
 * of the others, the first version is in the log behind that.  So runs are merged by their
 * keys, which gives each entity once, and then the log behind them is read for first
 * versions that the snapshot sees, of which an entity has one.
 *
 * Which of the two it is must not change under a walk.  A walk over the index holds a
 * heavyweight lock, until it ends or the transaction does; without having had it for a
 * moment for itself, compaction does not let the first entity go.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "log/entity_walk.h"
#include "log/log_scan.h"
#include "log/runs.h"
#include "log/stores.h"
#include "pg/catalog.h"
#include "pg/errors.h"

/* Of the lock: an object lock on the sequence, used for nothing else. */
#define WALK_LOCK_SUB_ID 3

struct EsEntityWalk
{
	EsStore    *store;
	EsReader   *reader;
	EsIndexWalk *index;			/* NULL: it has not all */

	/* the runs */
	EsRunReader pages;
	uint32		run_count;
	EsRunCursor *cursors;
	bool	   *ended;
	int64		through;		/* position up to which they have all */
	uint32		change;			/* which list it is */

	/* the log behind them */
	bool		in_log;
	EsLogScan	log;
	uint32		ordinal;		/* the next one in its block */
	uint32		event_count;	/* of that block */

	char		names[ES_MAX_TENANT_ID + ES_MAX_ENTITY_ID]; /* of the entity */
};

static LOCKTAG
walk_lock(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, es_position_sequence(), WALK_LOCK_SUB_ID);
	return tag;
}

/*
 * Sees to it that the index is no longer what walks go over; false when one is going on.  The
 * caller then has it let entities go.
 */
bool
es_entity_walk_forbid(void)
{
	LOCKTAG		tag = walk_lock();
	EsIndex    *index = &es_store_mine()->index;

	if (es_index_is_partial(index))
		return true;
	if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	__atomic_store_n(&index->partial, 1, __ATOMIC_SEQ_CST);
	LockRelease(&tag, ExclusiveLock, false);
	return true;
}

/* Places a cursor before the first entry of each run. */
static void
begin_runs(EsEntityWalk *walk)
{
	const EsRunList *list;
	EsRun	   *runs;

	if (!es_runs_are_whole(walk->reader->blocks))
		es_runs_report_missing();
	list = es_runs_list(walk->reader->blocks);
	runs = palloc(Max(list->count, 1) * sizeof(EsRun));

	walk->run_count = list->count;
	walk->change = es_runs_change();
	memcpy(runs, list->runs, list->count * sizeof(EsRun));
	walk->cursors = palloc0(Max(list->count, 1) * sizeof(EsRunCursor));
	walk->ended = palloc0(Max(list->count, 1) * sizeof(bool));
	es_run_reader_begin(&walk->pages);
	for (uint32 i = 0; i < walk->run_count; i++)
	{
		es_run_cursor_begin(&walk->cursors[i], &walk->pages, &runs[i]);
		walk->ended[i] = !es_run_cursor_next(&walk->cursors[i]);
		walk->through = runs[i].last_position;
	}
	pfree(runs);
}

/*
 * Begins to go over the entities, in the current memory context.  Those that have events
 * which the reader's snapshot sees are met, each once, and perhaps others.
 */
EsEntityWalk *
es_entity_walk_begin(EsStore *store, EsReader *reader)
{
	EsEntityWalk *walk = palloc0(sizeof(EsEntityWalk));
	LOCKTAG		tag = walk_lock();

	walk->store = store;
	walk->reader = reader;
	if (!es_index_is_partial(&store->index))
	{
		(void) LockAcquire(&tag, ShareLock, false, false);
		if (!es_index_is_partial(&store->index))
		{
			walk->index = palloc(sizeof(EsIndexWalk));
			es_index_walk(walk->index, es_pool, &store->index);
			return walk;
		}
		LockRelease(&tag, ShareLock, false);
	}
	begin_runs(walk);
	return walk;
}

/* ---------------------------------------------------------------------- runs */

/* The cursor with the least key; NULL when all have ended. */
static EsRunCursor *
least_cursor(EsEntityWalk *walk)
{
	EsRunCursor *least = NULL;

	for (uint32 i = 0; i < walk->run_count; i++)
	{
		EsRunCursor *cursor = &walk->cursors[i];

		if (!walk->ended[i] &&
			(least == NULL || es_run_key_compare(cursor->entry.key, least->entry.key) < 0))
			least = cursor;
	}
	return least;
}

/* Has the walk another entity's names for the key. */
static void
take_names(EsEntityWalk *walk, EsSlice tenant_id, EsSlice entity_id, EsKey *key)
{
	char	   *out = walk->names;

	key->tenant_id = es_slice(out, tenant_id.size);
	out = es_put_slice(out, tenant_id);
	key->entity_id = es_slice(out, entity_id.size);
	(void) es_put_slice(out, entity_id);
	key->hash = es_key_hash(key->tenant_id, key->entity_id);
}

static bool
is_same(const EsKey *key, const EsRunEntry *entry)
{
	return es_slice_equal(entry->entity_id, key->entity_id) &&
		es_slice_equal(entry->tenant_id, key->tenant_id);
}

/*
 * The next entity of the runs, which begins with version 1, and how many versions they have
 * of it; 0 when entries of another entity with the same hash stand in between, or may.  False
 * after the last.
 */
static bool
next_in_runs(EsEntityWalk *walk, EsKey *key, int64 *versions)
{
	EsRunCursor *least;
	uint64		hash = 0;
	bool		any = false;

	while ((least = least_cursor(walk)) != NULL)
	{
		const EsRunEntry *entry = &least->entry;

		if (any && !is_same(key, entry))
		{
			if (entry->key.hash == hash)
				*versions = 0;
			break;
		}
		if (!any && entry->key.version == 1)
		{
			take_names(walk, entry->tenant_id, entry->entity_id, key);
			hash = entry->key.hash;
			any = true;
		}
		if (any)
			*versions = (int64) entry->key.version + entry->count - 1;
		walk->ended[least - walk->cursors] = !es_run_cursor_next(least);
		if (least->damaged)
			es_runs_report_damage(least->run.run);
	}
	return any;
}

/* ----------------------------------------------------------------------- log */

static void
begin_log(EsEntityWalk *walk)
{
	Relation	blocks = walk->reader->blocks;
	Snapshot	snapshot = walk->reader->snapshot;

	walk->in_log = true;
	walk->ordinal = walk->event_count = 0;
	es_log_scan_begin(&walk->log, blocks, snapshot,
					  es_log_block_start(blocks, snapshot, walk->through + 1), false);
}

/* The next entity whose first version is in the log behind the runs; false after the last. */
static bool
next_in_log(EsEntityWalk *walk, EsKey *key)
{
	for (;;)
	{
		EsStoredEvent stored;
		EsBlockStatus status;
		char		strings[ES_BLOCK_HEAD_ROOM];

		if (walk->ordinal == walk->event_count)
		{
			CHECK_FOR_INTERRUPTS();
			if (!es_log_scan_next(&walk->log))
				return false;
			walk->event_count = es_log_scan_block(&walk->log)->header.event_count;
			walk->ordinal = 0;
			continue;
		}
		status = es_block_read_head(&walk->log.row.block, walk->ordinal, strings, &stored);
		if (status != ES_BLOCK_OK)
			es_report_damage(es_row_position(&walk->log.row, walk->ordinal), status);
		walk->ordinal++;
		if (stored.version == 1 && stored.position > walk->through)
		{
			take_names(walk, stored.event.tenant_id, stored.event.entity_id, key);
			return true;
		}
	}
}

/* ---------------------------------------------------------------------- walk */

/*
 * What is known of an entity of the runs.  If the index does not have it, the runs have all of
 * it; which are those that are gone through, as long as there are no others.
 */
static void
look_up(EsEntityWalk *walk, EsHandle *handle, int64 versions)
{
	es_handle_look_up(walk->store, handle);
	if (handle->found.entity == NULL && versions > 0 && !es_runs_have_changed(walk->store, walk->change))
		handle->in_runs = versions;
}

/* The next entity; false after the last.  Its names are good until the next call. */
bool
es_entity_walk_next(EsEntityWalk *walk, EsHandle *handle)
{
	int64		versions = 0;

	if (walk->index != NULL)
	{
		handle->in_runs = -1;
		return es_index_walk_next(walk->index, &handle->key, &handle->found);
	}
	if (!walk->in_log && !next_in_runs(walk, &handle->key, &versions))
		begin_log(walk);
	if (walk->in_log && !next_in_log(walk, &handle->key))
		return false;
	look_up(walk, handle, versions);
	return true;
}

void
es_entity_walk_end(EsEntityWalk *walk)
{
	LOCKTAG		tag = walk_lock();

	if (walk->index != NULL)
		LockRelease(&tag, ShareLock, false);
	else
		es_run_reader_end(&walk->pages);
	if (walk->in_log)
		es_log_scan_end(&walk->log);
	pfree(walk);
}
