/*-------------------------------------------------------------------------
 *
 * runs.c
 *	  Keeps the sorted runs of the entity index up with the log.
 *
 * A step is a transaction, of who has the lock of compaction.  It merges the newest runs
 * into one if there are enough of one level, or else writes a run of what was added to the
 * log since the last one ends: events below the safe position of its snapshot, so that all
 * transactions have ended that had positions there.  The log itself is read, not the index
 * in shared memory, which may not even be built.
 *
 * Runs are an LSM tree (O'Neil et al., 1996) in tiers: FANOUT runs of a level, each about
 * as large as the others, become one of the next.  An event is rewritten once a level.
 *
 * Afterwards the index is told what runs know (log/learn.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compact/run_writer.h"
#include "compact/runs.h"
#include "log/entities.h"
#include "log/horizon.h"
#include "log/ids.h"
#include "log/log_scan.h"
#include "log/runs.h"
#include "log/stores.h"
#include "log/tail.h"
#include "log/xact.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/settings.h"

/* Runs of a level that become one of the next; so many may wait while memory is short. */
#define FANOUT 4
#define MOST_RUNS 12

/* Events of a run that is written from the log, at most; and at least, whatever memory allows. */
#define MAX_EVENTS (1 << 20)
#define LEAST_EVENTS (1 << 14)

/* Index memory that an event takes while it is not in a run, at most, with its entity. */
#define BYTES_PER_EVENT 128

/* ------------------------------------------------------------- from the log */

/* An event that is gathered. */
typedef struct Gathered
{
	uint64		hash;
	uint32		version;
	uint32		name;			/* offset in 'names' */
	int64		position;
} Gathered;

typedef struct Gatherer
{
	Relation	blocks;
	int64		safe;			/* position */
	uint64		seed;
	Gathered   *events;
	uint32		count;
	uint32		room;
	char	   *names;			/* sizes and bytes of names */
	size_t		names_used;
	size_t		names_room;
	int64		through;		/* position up to which all is gathered */
	int64		timeless_ids;
	uint64		bytes;			/* of blocks */
	char	   *strings;		/* ES_BLOCK_HEAD_ROOM bytes */
} Gatherer;

#define NAME_START 3			/* sizes: of the entity 2 bytes, of the tenant
								 * 1 */

static int
compare_gathered(const Gathered *a, const Gathered *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->version < b->version ? -1 : a->version > b->version;
}

#define ST_SORT sort_gathered
#define ST_ELEMENT_TYPE Gathered
#define ST_COMPARE(a, b) compare_gathered(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Room for so many more events of a block. */
static void
make_room(Gatherer *gatherer, uint32 count)
{
	size_t		names = (size_t) count * (NAME_START + ES_MAX_TENANT_ID + ES_MAX_ENTITY_ID);

	if (gatherer->count + count > gatherer->room)
	{
		gatherer->room = Max(gatherer->room * 2, gatherer->count + count);
		gatherer->events = repalloc_huge(gatherer->events, gatherer->room * sizeof(Gathered));
	}
	if (gatherer->names_used + names > gatherer->names_room)
	{
		gatherer->names_room = Max(gatherer->names_room * 2, gatherer->names_used + names);
		gatherer->names = repalloc_huge(gatherer->names, gatherer->names_room);
	}
}

static uint32
put_name(Gatherer *gatherer, EsSlice tenant_id, EsSlice entity_id)
{
	uint32		start = (uint32) gatherer->names_used;
	char	   *out = gatherer->names + start;

	out = es_put_uint16(out, entity_id.size);
	*out++ = (char) tenant_id.size;
	out = es_put_slice(out, tenant_id);
	out = es_put_slice(out, entity_id);
	gatherer->names_used = out - gatherer->names;
	return start;
}

static void
get_name(const Gatherer *gatherer, uint32 start, EsRunEntry *entry)
{
	const char *in = gatherer->names + start;

	entry->tenant_id = es_slice(in + NAME_START, (unsigned char) in[2]);
	entry->entity_id = es_slice(in + NAME_START + entry->tenant_id.size, es_get_uint16(in));
}

static bool
gather_event(Gatherer *gatherer, EsBlock *block, uint32 ordinal)
{
	EsStoredEvent stored;
	const EsEvent *event = &stored.event;

	if (es_block_read_head(block, ordinal, gatherer->strings, &stored) != ES_BLOCK_OK ||
		stored.version < 1 || stored.version > ES_MAX_VERSION ||
		event->entity_id.size == 0 || event->entity_id.size > ES_MAX_ENTITY_ID ||
		event->tenant_id.size > ES_MAX_TENANT_ID)
		return false;
	gatherer->events[gatherer->count++] = (Gathered)
	{
		.hash = es_run_hash(gatherer->seed, event->tenant_id, event->entity_id),
			.version = (uint32) stored.version,
			.name = put_name(gatherer, event->tenant_id, event->entity_id),
			.position = stored.position
	};
	gatherer->timeless_ids += !es_id_has_time(event->event_id, stored.recorded_at);
	return true;
}

/*
 * Gathers the events of a row; false when they are not settled, or cannot all be read.  In a
 * block that was merged since, some may have been gathered already.
 */
static bool
gather_row(Gatherer *gatherer, EsBlockRow *row)
{
	uint32		count = gatherer->count;

	if (row->status != ES_BLOCK_OK || es_block_last_position(&row->block) > gatherer->safe)
		return false;
	if (es_block_last_position(&row->block) <= gatherer->through)
		return true;
	make_room(gatherer, row->block.header.event_count);
	for (uint32 i = es_block_count_before(&row->block, gatherer->through + 1);
		 i < row->block.header.event_count; i++)
	{
		if (!gather_event(gatherer, &row->block, i))
		{
			gatherer->count = count;
			return false;
		}
	}
	gatherer->through = es_block_last_position(&row->block);
	gatherer->bytes += row->size;
	return true;
}

/* Is there as much as a run may have, or as memory allows? */
static bool
is_full(const Gatherer *gatherer)
{
	return gatherer->count >= MAX_EVENTS ||
		(gatherer->count >= LEAST_EVENTS &&
		 gatherer->names_used + gatherer->count * sizeof(Gathered) >= (size_t) maintenance_work_mem * 1024 / 2);
}

/* Gathers events from behind a position, up to where blocks are merged if that is not 0. */
static void
gather(Gatherer *gatherer, Relation blocks, Snapshot snapshot, int64 after, int64 merged_through,
	   uint64 seed)
{
	EsLogScan	scan;

	memset(gatherer, 0, sizeof(*gatherer));
	gatherer->safe = es_horizon_undamaged(snapshot);
	if (merged_through > after)
		gatherer->safe = Min(gatherer->safe, merged_through);
	gatherer->seed = seed;
	gatherer->through = after;
	gatherer->events = palloc(sizeof(Gathered));
	gatherer->names = palloc(1);
	gatherer->strings = palloc(ES_BLOCK_HEAD_ROOM);
	es_log_scan_begin(&scan, blocks, snapshot, es_log_block_start(blocks, snapshot, after + 1), false);
	while (!is_full(gatherer) && es_log_scan_next(&scan) && gather_row(gatherer, &scan.row))
		;
	es_log_scan_end(&scan);
}

/* Writes what was gathered, as a run of the lowest level. */
static void
write_gathered(Gatherer *gatherer, Relation blocks, int64 after, bool merged, EsRunsResult *result)
{
	EsRunWriter *writer = palloc(sizeof(EsRunWriter));

	sort_gathered(gatherer->events, gatherer->count);
	es_run_writer_begin(writer, gatherer->seed);
	for (uint32 i = 0; i < gatherer->count; i++)
	{
		const Gathered *event = &gatherer->events[i];
		EsRunEntry	entry = {.key = {event->hash, event->version},.count = 1};

		get_name(gatherer, event->name, &entry);
		es_run_writer_add(writer, &entry, &event->position);
	}
	writer->run.first_position = after + 1;
	writer->run.last_position = gatherer->through;
	writer->run.timeless_ids = gatherer->timeless_ids;
	writer->run.merged = merged;
	es_run_writer_end(writer, es_relation_storage(blocks));
	result->events = writer->run.events;
	result->bytes = gatherer->bytes + writer->bytes;
}

/* ------------------------------------------------------------------- merging */

/* How many of the newest runs are of one level. */
static uint32
count_of_level(const EsRunList *list)
{
	uint32		count = 0;

	while (count < list->count &&
		   list->runs[list->count - count - 1].level == list->runs[list->count - 1].level)
		count++;
	return count;
}

/* The cursor with the least key, the oldest of equal ones; NULL when all have ended. */
static EsRunCursor *
least_cursor(EsRunCursor *cursors, const bool *ended, uint32 count)
{
	EsRunCursor *least = NULL;

	for (uint32 i = 0; i < count; i++)
	{
		if (!ended[i] &&
			(least == NULL || es_run_key_compare(cursors[i].entry.key, least->entry.key) < 0))
			least = &cursors[i];
	}
	return least;
}

static void
merge_entries(EsRunWriter *writer, const EsRun *runs, uint32 count)
{
	EsRunReader reader;
	EsRunCursor *cursors = palloc(count * sizeof(EsRunCursor));
	bool	   *ended = palloc(count * sizeof(bool));
	int64		positions[ES_RUN_MAX_POSITIONS];
	EsRunCursor *least;

	es_run_reader_begin(&reader);
	for (uint32 i = 0; i < count; i++)
	{
		es_run_cursor_begin(&cursors[i], &reader, &runs[i]);
		ended[i] = !es_run_cursor_next(&cursors[i]);
	}
	while ((least = least_cursor(cursors, ended, count)) != NULL)
	{
		if (!es_run_entry_positions(&least->entry, positions))
			es_runs_report_damage(least->run.run);
		es_run_writer_add(writer, &least->entry, positions);
		ended[least - cursors] = !es_run_cursor_next(least);
	}
	for (uint32 i = 0; i < count; i++)
	{
		if (cursors[i].damaged)
			es_runs_report_damage(runs[i].run);
	}
	es_run_reader_end(&reader);
}

/* Merges runs that follow one another into one of the next level, and deletes them. */
static void
merge_runs(Relation blocks, const EsRun *listed, uint32 count, EsRunsResult *result)
{
	EsRunWriter *writer = palloc(sizeof(EsRunWriter));
	EsRun	   *runs = palloc(count * sizeof(EsRun));

	memcpy(runs, listed, count * sizeof(EsRun));
	es_run_writer_begin(writer, runs->seed);
	merge_entries(writer, runs, count);
	writer->run.level = runs->level + 1;
	writer->run.first_position = runs->first_position;
	writer->run.last_position = runs[count - 1].last_position;
	writer->run.merged = true;
	for (uint32 i = 0; i < count; i++)
	{
		writer->run.timeless_ids += runs[i].timeless_ids;
		writer->run.merged &= runs[i].merged;
		es_runs_delete(runs[i].run);
	}
	es_run_writer_end(writer, es_relation_storage(blocks));
	result->events = writer->run.events;
	result->bytes = 2 * writer->bytes;
}

/* --------------------------------------------------------------------- step */

/* All runs have one seed, so that they can be merged. */
static uint64
seed_of_next(const EsRunList *list)
{
	uint64		seed;

	if (list->count > 0)
		return list->runs[0].seed;
	if (!pg_strong_random(&seed, sizeof(seed)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random seed for sorted runs")));
	return seed;
}

/* Is there a run to write, or are there runs to merge? */
bool
es_runs_are_due(EsOpenStore *open)
{
	return es_tail_run_is_due(open->store) || count_of_level(es_runs_list(open->blocks)) >= FANOUT;
}

static int64
last_position(const EsRunList *list)
{
	return list->count > 0 ? list->runs[list->count - 1].last_position : 0;
}

/*
 * Is there a run to write before the index is built?  With less behind the runs, it fits
 * for sure.
 */
bool
es_runs_are_far_behind(Relation blocks)
{
	double		memory = (double) es_pool_segment_count(es_pool) * ES_SEGMENT_SIZE;

	return es_sequence_last_value(es_position_sequence()) - last_position(es_runs_list(blocks)) >=
		Min(es_run_events, memory / BYTES_PER_EVENT);
}

/* Must postings be let go as soon as can be? */
static bool
is_in_hurry(EsStore *store)
{
	return es_tail_memory_is_wanted(store) || es_index_memory_is_short(store);
}

static void
write_or_merge(Relation blocks, Snapshot snapshot, EsRunsResult *result)
{
	EsStore    *store = es_store_mine();
	bool		built = pg_atomic_read_u32(&store->state) == ES_STORE_READY;
	int64		merged_through = built ? store->merged_through : 0;
	bool		hurry = built && is_in_hurry(store) && es_tail_run_is_due(store);
	const EsRunList *list = es_runs_list(blocks);
	int64		after = last_position(list);
	uint32		count = count_of_level(list);
	Gatherer	gatherer;

	if (built && count >= (hurry ? MOST_RUNS : FANOUT))
	{
		merge_runs(blocks, list->runs + list->count - count, count, result);
		result->more = result->merged = true;
		return;
	}
	gather(&gatherer, blocks, snapshot, after, hurry ? 0 : merged_through, seed_of_next(list));
	if (gatherer.count == 0)
		return;
	write_gathered(&gatherer, blocks, after, merged_through >= gatherer.through, result);
	result->more = true;
}

/*
 * Merges runs, or writes another one of what the snapshot sees of the log.  The caller has
 * the lock of compaction, and commits when nothing else was done in the transaction.
 */
void
es_runs_step(Relation blocks, Snapshot snapshot, EsRunsResult *result)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "eventstore runs",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);

	memset(result, 0, sizeof(*result));
	es_runs_delete_obsolete(blocks);
	write_or_merge(blocks, snapshot, result);
	if (result->more)
		es_runs_note_change(es_store_mine());
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
}
