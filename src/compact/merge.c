/*-------------------------------------------------------------------------
 *
 * merge.c
 *	  Merges small blocks that lie next to each other in the log into full ones.
 *
 * One transaction deletes the rows of small blocks and inserts others, with the same
 * events at the same positions: so each snapshot sees every event once, in the old row or
 * in the new one.  Only what is settled is merged, below the safe position of a snapshot
 * that the transaction holds: all transactions that had positions there have ended, so
 * who sees the new rows sees all of theirs, and merged blocks need no list of those in
 * flight.
 *
 * Blocks are taken in log order from where the last step has ended.  A group of small ones
 * ends where one comes that is large enough, or cannot be merged: then the blocks before
 * it are done with.  At the end of what is settled, or of a step, the last block of a
 * group is most often not full; it is the first to be merged the next time.
 *
 * Nothing here waits for anybody.  Rows are not locked by others, unless the owner of the
 * table does; then the step fails.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "append/insert.h"
#include "compact/group.h"
#include "compact/merge.h"
#include "log/horizon.h"
#include "log/ids.h"
#include "log/log_scan.h"
#include "log/moves.h"
#include "pg/compat.h"

/* Fewer events than this are no block in columns. */
#define LEAST_EVENTS 3

/* A block is merged with others that have at least this part of its events. */
#define LEAST_GROWTH 4

/* Bytes of blocks that a step looks at. */
#define STEP_MAX_BYTES (64 * 1024 * 1024)

/* Bytes that a row takes besides its block. */
#define ROW_OVERHEAD (sizeof(ItemIdData) + MAXALIGN(SizeofHeapTupleHeader) + sizeof(int64))

/* A block that is packed: which events of the group are in it. */
typedef struct Target
{
	EsNewBlock	block;
	uint32		first;
	uint32		count;
	uint32		size;
} Target;

typedef struct Merge
{
	EsOpenStore *open;
	Snapshot	snapshot;
	EsMergeResult *result;
	int64		safe;			/* the snapshot's safe position */
	EsBlockGroup group;
	Target	   *targets;		/* of the group */
	uint32		target_count;
	EsInserter	inserter;
	bool		inserting;		/* it has begun */
	bool		ends;			/* nothing can be merged with the group's end */
	uint32		moved;			/* events, in this step */
	EsIdBuffer	ids;
} Merge;

/* ----------------------------------------------------------------- packing */

/* Packs the events from 'first' on, up to 'end'; false when no block can be made of them. */
static bool
pack_next(Merge *merge, uint32 first, uint32 end)
{
	EsBlockGroup *group = &merge->group;
	Target	   *target = &merge->targets[merge->target_count];
	char	   *data = es_scratch_alloc(ES_BLOCK_MAX_SIZE);
	EsInflightList nobody = {0};
	EsPackJob	job = {
		.shapes = group->shapes,
		.rows = group->rows + first,
		.row_count = end - first,
		.first_position = group->places[first].position,
		.recorded_at = group->places[first].recorded_at,
		.inflight = &nobody,
		.places = group->places + first
	};

	target->first = first;
	target->count = es_block_merge(es_backend_packer(), &job, data, &target->size);
	if (target->count == 0)
		return false;
	SET_VARSIZE(data, target->size);
	target->block = (EsNewBlock)
	{
		.data = data
	};
	merge->target_count++;
	return true;
}

/*
 * Packs the group's events from 'first' up to 'end', as long as blocks can be made of them,
 * and not less for the last block than it needs.
 */
static void
pack_events(Merge *merge, uint32 first, uint32 end)
{
	while (first < end)
	{
		uint32		left;

		CHECK_FOR_INTERRUPTS();
		if (!pack_next(merge, first, end))
			break;
		left = end - first - merge->targets[merge->target_count - 1].count;
		if (left > 0 && left < LEAST_EVENTS)
		{
			merge->target_count--;
			if (!pack_next(merge, first, end - LEAST_EVENTS))
				break;
		}
		first += merge->targets[merge->target_count - 1].count;
	}
}

/* ------------------------------------------------------------------ storing */

static void
delete_source(Merge *merge, EsSource *source)
{
	TM_FailureData failure;
	TM_Result	result = heap_delete(merge->open->blocks, &source->tid, GetCurrentCommandId(true),
									 InvalidSnapshot, false, &failure, false);

	if (result != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot merge the block at position " INT64_FORMAT " because its row is locked or was changed",
						source->first_position)));
}

/* Has the index lead to the events of a block that was inserted, when the step ends. */
static void
move_events(Merge *merge, Target *target)
{
	ItemPointer tid = &target->block.tid;

	for (uint32 i = 0; i < target->count; i++)
	{
		EsSignpost *signpost = &merge->group.signposts[target->first + i];
		EsPosting	posting = es_posting(ItemPointerGetBlockNumber(tid),
										 ItemPointerGetOffsetNumber(tid), i);

		if (signpost->slot != NULL)
			es_moves_add(signpost->slot, signpost->posting, posting);
		if (signpost->has_entry)
			es_id_buffer_move(&merge->ids, merge->group.events[target->first + i].event_id,
							  signpost->posting, posting);
	}
	merge->moved += target->count;
}

/* Inserts blocks, at most ES_MAX_BLOCK_BUFFERS of them. */
static void
insert_targets(Merge *merge, Target *targets, int count)
{
	EsNewBlock	blocks[ES_MAX_BLOCK_BUFFERS];

	for (int i = 0; i < count; i++)
		blocks[i] = targets[i].block;
	es_inserter_insert(&merge->inserter, blocks, count, true);
	for (int i = 0; i < count; i++)
	{
		targets[i].block.tid = blocks[i].tid;
		move_events(merge, &targets[i]);
	}
}

/* Puts the targets in the place of the sources that have the same events. */
static void
replace(Merge *merge, EsSource *sources, uint32 source_count, Target *targets, uint32 target_count)
{
	EsMergeResult *result = merge->result;

	if (!merge->inserting)
		es_inserter_begin(&merge->inserter, merge->open->blocks);
	merge->inserting = true;
	for (uint32 i = 0; i < source_count; i++)
	{
		delete_source(merge, &sources[i]);
		result->events += sources[i].count;
		result->bytes_before += sources[i].size;
	}
	for (uint32 i = 0; i < target_count; i += ES_MAX_BLOCK_BUFFERS)
		insert_targets(merge, targets + i, Min(ES_MAX_BLOCK_BUFFERS, target_count - i));
	for (uint32 i = 0; i < target_count; i++)
		result->bytes_after += targets[i].size;
	result->blocks_before += source_count;
	result->blocks_after += target_count;
}

/* -------------------------------------------------------------------- groups */

/*
 * The number of the group's block that begins with the event, or that would if there were
 * another; more than that if none does.
 */
static uint32
source_at(const EsBlockGroup *group, uint32 event)
{
	uint32		low = 0;
	uint32		high = group->source_count;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (group->sources[middle].first < event)
			low = middle + 1;
		else
			high = middle;
	}
	return event == (low < group->source_count ? group->sources[low].first : group->event_count) ? low :
		group->source_count + 1;
}

/* Are the targets fewer and smaller than the blocks that they would replace? */
static bool
is_smaller(const EsSource *sources, uint32 source_count, const Target *targets, uint32 target_count)
{
	uint64		before = source_count * ROW_OVERHEAD;
	uint64		after = target_count * ROW_OVERHEAD;

	for (uint32 i = 0; i < source_count; i++)
		before += sources[i].size;
	for (uint32 i = 0; i < target_count; i++)
		after += targets[i].size;
	return target_count < source_count && after < before;
}

/*
 * Does the greatest of the blocks get enough company?  A block that is merged again and
 * again grows by a factor, so that an event is rewritten a few times only.
 */
static bool
is_enough(const EsSource *sources, uint32 source_count)
{
	uint64		events = 0;
	uint32		greatest = 0;

	for (uint32 i = 0; i < source_count; i++)
	{
		events += sources[i].count;
		greatest = Max(greatest, sources[i].count);
	}
	return (events - greatest) * LEAST_GROWTH >= greatest;
}

/* The number of the next block that the index does not lead to; the count of blocks if there is none. */
static uint32
next_unindexed(const EsBlockGroup *group, uint32 source)
{
	while (source < group->source_count && group->sources[source].is_indexed)
		source++;
	return source;
}

/*
 * Merges blocks of the group, from the number 'source' on: as many as the blocks that are
 * packed of their events end with.  Returns the number after them, and in *small_from the
 * position at which a last block begins that may yet be merged with what follows, else 0.
 */
static uint32
merge_from(Merge *merge, uint32 source, int64 *small_from)
{
	EsBlockGroup *group = &merge->group;
	EsSource   *sources = &group->sources[source];
	uint32		end_source = next_unindexed(group, source);
	uint32		end = end_source < group->source_count ? group->sources[end_source].first : group->event_count;
	Target	   *last;
	uint32		count;

	*small_from = 0;
	merge->target_count = 0;
	if (end_source == source)
		return source + 1;
	if (end - sources->first < LEAST_EVENTS)
	{
		*small_from = sources->first_position;
		return end_source;
	}
	pack_events(merge, sources->first, end);
	while (merge->target_count > 0)
	{
		last = &merge->targets[merge->target_count - 1];
		if (source_at(group, last->first + last->count) <= group->source_count)
			break;
		merge->target_count--;
	}
	if (merge->target_count == 0)
		return source + 1;
	count = source_at(group, last->first + last->count) - source;
	if (!merge->ends && !is_enough(sources, count))
	{
		*small_from = sources->first_position;
		return source + count;
	}
	if (es_block_is_small(last->size))
		*small_from = group->places[last->first].position;
	if (is_smaller(sources, count, merge->targets, merge->target_count))
		replace(merge, sources, count, merge->targets, merge->target_count);
	else if (*small_from > 0)	/* with more of them it may be */
		*small_from = sources[merge->target_count == 1 ? 0 : count - 1].first_position;
	return source + count;
}

/*
 * Merges the group, and begins another one.  Returns the position up to which nothing is
 * left to be merged, if what follows may be merged with the group's last blocks.
 */
static int64
merge_group(Merge *merge)
{
	EsBlockGroup *group = &merge->group;
	int64		small_from = 0;
	int64		through;
	uint32		source = 0;

	if (group->source_count == 0)
		return merge->result->through;
	through = group->places[group->event_count - 1].position;
	es_group_find(group);
	while (source < group->source_count)
		source = merge_from(merge, source, &small_from);
	es_group_reset(group);
	return small_from > 0 ? small_from - 1 : through;
}

/* --------------------------------------------------------------------- step */

/*
 * Can the row be merged with others, by what it looks like?  Rows of few events may become
 * smaller, however large they are.
 */
static bool
may_merge(const EsBlockRow *row)
{
	if (row->status != ES_BLOCK_OK || es_row_has_large(row))
		return false;
	return es_block_is_small(row->size) ||
		(!es_block_has_columns(&row->block) && row->block.header.event_count < LEAST_EVENTS);
}

/* The last position that the row is known to have. */
static int64
row_end(const EsBlockRow *row)
{
	return row->status == ES_BLOCK_OK ? es_block_last_position(&row->block) : row->first_position;
}

/*
 * Goes along the log from where the last step has ended, up to the safe position or as
 * far as a step goes.
 */
static void
merge_along_log(Merge *merge)
{
	EsMergeResult *result = merge->result;
	int64		begin = result->through;
	int64		end = begin;
	EsLogScan	scan;

	es_log_scan_begin(&scan, merge->open->blocks, merge->snapshot, result->through + 1, false);
	while (es_log_scan_next(&scan))
	{
		EsBlockRow *row = &scan.row;

		result->unsettled = row_end(row) > merge->safe;
		if (result->unsettled)
			break;
		result->more = merge->moved + merge->group.event_count >= ES_GROUP_MAX_EVENTS ||
			merge->group.bytes >= ES_GROUP_MAX_BYTES || result->bytes_read >= STEP_MAX_BYTES;
		if (result->more)
			break;
		result->bytes_read += row->size;
		end = row_end(row);
		if (may_merge(row) && es_group_add(&merge->group, row))
			continue;
		merge->ends = true;
		(void) merge_group(merge);
		merge->ends = false;
		result->through = end;
	}
	es_log_scan_end(&scan);
	result->through = merge_group(merge);
	if (result->more && result->through <= begin)
		result->through = end;	/* never the same again */
}

/* Moves what the transaction has merged, so that it can commit. */
static void
finish(Merge *merge)
{
	if (!merge->inserting)
		return;
	es_inserter_end(&merge->inserter);
	es_id_buffer_flush(&merge->ids);
	es_moves_apply();
}

/*
 * Merges what the snapshot sees of the store, which is open to be written, from where the
 * last step has ended; not all at once.  The caller has the lock of compaction, and
 * commits when nothing else was done in the transaction.  It has the backend's scratch, too.
 */
void
es_merge(EsOpenStore *open, Snapshot snapshot, EsMergeResult *result)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "eventstore merge",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	Merge		merge = {.open = open,.snapshot = snapshot,.result = result};

	memset(result, 0, sizeof(*result));
	result->store = open->store;
	result->through = open->store->merged_through;
	es_group_begin(&merge.group, open->store);
	merge.targets = es_scratch_alloc((ES_GROUP_MAX_EVENTS + ES_BLOCK_MAX_EVENTS) / LEAST_EVENTS * sizeof(Target));
	merge.safe = es_horizon_undamaged(snapshot);
	es_id_buffer_begin(&merge.ids, &open->store->index);
	es_moves_begin(open->store, 2 * (ES_GROUP_MAX_EVENTS + ES_BLOCK_MAX_EVENTS));
	merge_along_log(&merge);
	finish(&merge);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
}
