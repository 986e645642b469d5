/*-------------------------------------------------------------------------
 *
 * learn.c
 *	  What the index learns of sorted runs, and lets go then.
 *
 * After runs have been written, the index is told which versions they have, and when memory
 * is short it lets go what they know: postings, and then entities.  Only one process does
 * this at a time: who has the lock of compaction, or on a standby that of following.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "log/entities.h"
#include "log/entity_walk.h"
#include "log/learn.h"
#include "log/runs.h"
#include "log/stores.h"
#include "log/tail.h"
#include "log/xact.h"

/* Tells the index which events a run has; false when it is damaged. */
static bool
learn_run(EsStore *store, EsRunReader *reader, const EsRun *run)
{
	EsRunCursor *cursor = palloc(sizeof(EsRunCursor));
	EsRunWindow *window = palloc(sizeof(EsRunWindow));

	es_run_cursor_begin(cursor, reader, run);
	while (es_run_cursor_next_window(cursor, &store->index, window))
	{
		for (uint32 i = 0; i < window->count; i++)
		{
			const EsRunEntry *entry = &window->entries[i];
			EsEntity   *entity = es_index_find(es_pool, &store->index, &window->keys[i]);

			if (entity != NULL)
				es_entity_note_in_runs(entity, entry->key.version, entry->key.version + entry->count - 1,
									   &store->index.counts);
		}
	}
	return !cursor->damaged;
}

/* Tells the index of runs that it does not know of; false when damage hides some of it. */
static bool
learn(EsOpenStore *open)
{
	EsStore    *store = open->store;
	const EsRunList *list = es_runs_list(open->blocks);
	int64		through = store->runs_through;
	bool		complete = true;
	EsRunReader reader;

	if (list->count == 0 || list->runs[list->count - 1].last_position <= through)
		return true;
	__atomic_store_n(&store->runs_xid, es_runs_newest_xid(list), __ATOMIC_RELEASE);
	es_run_reader_begin(&reader);
	for (uint32 i = 0; i < list->count; i++)
	{
		if (list->runs[i].last_position > through)
			complete &= learn_run(store, &reader, &list->runs[i]);
	}
	es_run_reader_end(&reader);
	store->runs_through = list->runs[list->count - 1].last_position;
	return complete;
}

/* How an owner ended; who is not known of counts as running. */
static EsFate
fate_of_owner(void *arg pg_attribute_unused(), uint64 xid)
{
	EsFate		fate;

	if (es_xact_is_own(xid))
		return ES_FATE_OWN;
	return es_xact_fate(xid, &fate) ? fate : ES_FATE_RUNNING;
}

/* Gives back what is in limbo, once nobody is in it any more; then the worker may be stopped. */
static void
empty_limbo(EsStore *store, EsLimbo *limbo)
{
	if (limbo->count > 0)
		es_guards_wait();
	es_limbo_empty(es_pool, &store->index.arena, limbo);
	CHECK_FOR_INTERRUPTS();
}

/* Has postings go that runs make needless; returns whether there were any. */
static bool
shed_postings(EsStore *store, EsLimbo *limbo)
{
	EsIndexWalk *walk = palloc(sizeof(EsIndexWalk));
	EsCounts   *counts = &store->index.counts;
	EsEntityRef found;
	EsKey		key;
	bool		any = false;

	es_index_walk(walk, es_pool, &store->index);
	while (es_index_walk_next(walk, &key, &found))
	{
		any |= es_postings_shed(es_pool, counts, found.entity, limbo, fate_of_owner, NULL);
		if (limbo->count >= ES_LIMBO_PIECES / 2)
			empty_limbo(store, limbo);
	}
	empty_limbo(store, limbo);
	pfree(walk);
	return any;
}

static bool
may_go(void *arg, EsEntity *entity, EsLimbo *limbo)
{
	EsStore    *store = arg;

	return es_entity_leave(es_pool, &store->index.counts, entity, limbo, fate_of_owner, NULL);
}

/* Has entities go that were not used since they were last asked; returns whether there were any. */
static bool
evict_entities(EsStore *store, EsLimbo *limbo)
{
	uint64		before = __atomic_load_n(&store->index.counts.entity_bytes, __ATOMIC_RELAXED);
	uint32		part = 0;

	while (part < ES_INDEX_PARTS)
	{
		bool		done = true;

		es_index_begin_eviction(&store->index);
		while (done && part < ES_INDEX_PARTS && limbo->count < ES_LIMBO_PIECES / 2)
		{
			done = es_index_evict(es_pool, &store->index, part, may_go, store, limbo);
			part += done;
		}
		es_index_end_eviction(es_pool, &store->index, limbo);
		CHECK_FOR_INTERRUPTS();
	}
	return __atomic_load_n(&store->index.counts.entity_bytes, __ATOMIC_RELAXED) < before;
}

/* Has memory that was let go serve for anything, also for other databases. */
static bool
join_pieces(EsStore *store)
{
	Size		size = (Size) es_pool_segment_count(es_pool) * ES_SEGMENT_WORDS * sizeof(uint64);
	uint64	   *bitmaps = palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	bool		any = es_arena_join_pieces(es_pool, &store->index.arena, bitmaps);

	pfree(bitmaps);
	return any;
}

/*
 * Has the index let go what runs know, as long as memory is short: postings, and then entities
 * that are not used, with a second chance for each (the clock algorithm; Corbato, 1968).
 */
static bool
let_go(EsStore *store)
{
	EsLimbo    *limbo = palloc(sizeof(EsLimbo));
	bool		any;

	limbo->count = 0;
	any = shed_postings(store, limbo);
	for (int round = 0; round < 2 && (es_index_memory_is_short(store) || !any) && es_entity_walk_forbid(); round++)
		any |= evict_entities(store, limbo);
	if (es_tail_memory_is_wanted(store))
		any |= join_pieces(store);
	pfree(limbo);
	return any;
}

/* Who waits for memory is told that it has been looked for, as far as can be. */
void
es_index_answer(EsStore *store)
{
	pg_atomic_write_u32(&store->memory_wanted, 0);
	ConditionVariableBroadcast(&store->state_changed);
}

/*
 * Tells the index what runs know, and has it let that go when memory is short.  The caller is
 * the only one.  False when runs are damaged, and the index was not told all.
 */
bool
es_index_learn(EsOpenStore *open)
{
	EsStore    *store = open->store;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "eventstore runs",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	bool		complete;

	complete = learn(open);
	if (es_tail_shed_is_due(store))
	{
		bool		any = let_go(store);

		store->shed_through = store->runs_through;
		if (any)
			pg_atomic_fetch_add_u32(&store->sheds, 1);
		if (any || !es_tail_run_is_due(store))
			es_index_answer(store);
	}
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
	return complete;
}
