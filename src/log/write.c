/*-------------------------------------------------------------------------
 *
 * write.c
 *	  Packs events into blocks and inserts those into the block table.
 *
 * Blocks are inserted a group at a time: one heap_multi_insert(), whose WAL
 * needs no full-page images since every block fills a new page, and then their
 * entries in all indexes of the table: beside the one on first_position there
 * is another while REINDEX CONCURRENTLY replaces it.  Then the events' postings are set.
 * Nobody looks at those before es_entity_set_total(), so an error on the way
 * needs no undoing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/hio.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/block.h"
#include "log/write.h"
#include "pg/catalog.h"

#define PREFETCH_DISTANCE 8		/* events whose postings are prefetched ahead */
#define MAX_BLOCKS		64		/* inserted at a time */
#define RANDOM_EVENTS	1024	/* event ids made from one read of randomness */

StaticAssertDecl(ES_BLOCK_MAX_SIZE + sizeof(int64) + MAXALIGN(SizeofHeapTupleHeader + 1) <=
				 MaxHeapTupleSize, "a full block fits a page");

/* A block that is packed, and which events are in it. */
typedef struct Packed
{
	char	   *data;			/* ES_BLOCK_MAX_SIZE bytes */
	bytea	   *large;			/* body of its only event, or NULL */
	int64		first_position;
	uint32		first_event;	/* index into the batch */
	uint32		event_count;	/* those stored, duplicates not counted */
} Packed;

typedef struct Writer
{
	EsOpenStore *open;
	EsBatch    *batch;
	const EsReservation *reservation;
	int64		next_position;
	uint32		next_event;		/* index into the batch */
	uint32		event_ids;		/* event ids made so far */
	EsBlockBuilder builder;

	Packed		packed[MAX_BLOCKS];
	int			packed_count;
	TupleTableSlot *slots[MAX_BLOCKS];
	int			slot_count;
	BulkInsertStateData bulk;
	ResultRelInfo *indexes;		/* all indexes of the block table */
	EState	   *executor;		/* for what they need to be evaluated */
	MemoryContext flush_context;	/* what the server allocates as it inserts */
} Writer;

/* ------------------------------------------------------------------ packing */

/*
 * Random bytes for one event id.  They are drawn many at a time, and what a
 * call leaves over serves the next one of this backend.
 */
static const uint8 *
random_bytes(void)
{
	static uint8 bytes[RANDOM_EVENTS * ES_UUID_RANDOM_SIZE];
	static size_t used = sizeof(bytes);

	if (used == sizeof(bytes))
	{
		if (!pg_strong_random(bytes, sizeof(bytes)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random bytes for event ids")));
		used = 0;
	}
	used += ES_UUID_RANDOM_SIZE;
	return bytes + used - ES_UUID_RANDOM_SIZE;
}

/* Gives the event an id of our own making. */
static void
make_event_id(Writer *writer, EsEvent *event)
{
	es_uuid_v7(writer->reservation->recorded_at, writer->event_ids++, random_bytes(),
			   event->event_id);
	event->has |= ES_HAS_EVENT_ID;
}

/* The next event that is not stored already; NULL at the end. */
static EsEvent *
next_event(Writer *writer)
{
	EsBatch    *batch = writer->batch;

	while (writer->next_event < batch->event_count &&
		   batch->groups[batch->group_of[writer->next_event]].duplicate)
		writer->next_event++;
	return writer->next_event < batch->event_count ? &batch->events[writer->next_event] : NULL;
}

static bytea *
make_large_body(const EsEvent *event)
{
	size_t		size = (size_t) event->tags.size + event->payload.size + event->metadata.size;
	bytea	   *body = palloc(VARHDRSZ + size);
	char	   *out = VARDATA(body);

	SET_VARSIZE(body, VARHDRSZ + size);
	out = es_put_slice(out, event->tags);
	out = es_put_slice(out, event->payload);
	es_put_slice(out, event->metadata);
	return body;
}

/* Adds the event to the block being built; false when the block is full. */
static bool
pack_event(Writer *writer, Packed *packed, EsEvent *event)
{
	EsBatch    *batch = writer->batch;
	EsGroup    *group = &batch->groups[batch->group_of[writer->next_event]];
	int64		version = (int64) group->base + group->packed + 1;
	bool		large = false;

	if (packed->event_count == 0)
		large = es_block_size_of_one(event, version, writer->reservation->recorded_at,
									 &writer->reservation->inflight) > ES_BLOCK_MAX_SIZE;
	if (packed->large != NULL ||
		!es_block_add(&writer->builder, event, version, large))
		return false;
	if (large)
		packed->large = make_large_body(event);
	packed->event_count++;
	group->packed++;
	writer->next_event++;
	writer->next_position++;
	return true;
}

/* Builds the next block from at least one event. */
static void
pack_block(Writer *writer, EsEvent *event)
{
	Packed	   *packed = &writer->packed[writer->packed_count++];

	if (packed->data == NULL)
		packed->data = palloc(ES_BLOCK_MAX_SIZE);
	packed->large = NULL;
	packed->first_position = writer->next_position;
	packed->first_event = writer->next_event;
	packed->event_count = 0;
	es_block_begin(&writer->builder, packed->data, ES_BLOCK_MAX_SIZE, writer->next_position,
				   writer->reservation->recorded_at, &writer->reservation->inflight);
	do
	{
		if (!(event->has & ES_HAS_EVENT_ID))
			make_event_id(writer, event);
		if (!pack_event(writer, packed, event))
			break;
	} while ((event = next_event(writer)) != NULL);
	SET_VARSIZE(packed->data, es_block_finish(&writer->builder));
}

/* ---------------------------------------------------------------- inserting */

static TupleTableSlot *
fill_slot(Writer *writer, int i)
{
	const Packed *packed = &writer->packed[i];
	TupleTableSlot *slot;

	if (i == writer->slot_count)
		writer->slots[writer->slot_count++] =
			MakeSingleTupleTableSlot(RelationGetDescr(writer->open->blocks), &TTSOpsVirtual);
	slot = writer->slots[i];
	ExecClearTuple(slot);
	slot->tts_values[ES_BLOCKS_FIRST_POSITION - 1] = Int64GetDatum(packed->first_position);
	slot->tts_values[ES_BLOCKS_BLOCK - 1] = PointerGetDatum(packed->data);
	slot->tts_values[ES_BLOCKS_LARGE - 1] = PointerGetDatum(packed->large);
	slot->tts_isnull[ES_BLOCKS_FIRST_POSITION - 1] = false;
	slot->tts_isnull[ES_BLOCKS_BLOCK - 1] = false;
	slot->tts_isnull[ES_BLOCKS_LARGE - 1] = packed->large == NULL;
	return ExecStoreVirtualTuple(slot);
}

static void
prefetch_slots(const EsBatch *batch, uint32 i)
{
	if (i < batch->event_count)
	{
		const EsGroup *group = &batch->groups[batch->group_of[i]];

		__builtin_prefetch(group->slots, 1);
	}
}

/* Sets the posting of the group's next event. */
static void
post_event(EsGroup *group, EsPosting posting)
{
	if (group->slot_count == 0)
		group->slots = es_posting_slots(es_pool, group->entity, group->base + group->posted + 1,
										&group->slot_count);
	es_posting_store(group->slots++, posting);
	group->slot_count--;
	group->posted++;
}

/* Sets the postings of a block's events, in the order they were packed. */
static void
post_block(Writer *writer, const Packed *packed, ItemPointer tid)
{
	EsBatch    *batch = writer->batch;
	uint32		i = packed->first_event;

	for (uint32 ordinal = 0; ordinal < packed->event_count; i++)
	{
		EsGroup    *group = &batch->groups[batch->group_of[i]];

		prefetch_slots(batch, i + PREFETCH_DISTANCE);
		if (!group->duplicate)
			post_event(group, es_posting(ItemPointerGetBlockNumber(tid),
										 ItemPointerGetOffsetNumber(tid), ordinal++));
	}
}

static void
count_blocks(Writer *writer)
{
	EsIngestCounters *counters = &writer->open->store->counters;
	uint64		bytes = 0;

	for (int i = 0; i < writer->packed_count; i++)
		bytes += VARSIZE(writer->packed[i].data);
	pg_atomic_fetch_add_u64(&counters->blocks, writer->packed_count);
	pg_atomic_fetch_add_u64(&counters->block_bytes, bytes);
}

/* Inserts the blocks that are packed. */
static void
flush_blocks(Writer *writer)
{
	MemoryContext before;

	for (int i = 0; i < writer->packed_count; i++)
		fill_slot(writer, i);
	before = MemoryContextSwitchTo(writer->flush_context);
	heap_multi_insert(writer->open->blocks, writer->slots, writer->packed_count,
					  GetCurrentCommandId(true), 0, &writer->bulk);
	for (int i = 0; i < writer->packed_count; i++)
	{
		Packed	   *packed = &writer->packed[i];

		(void) ExecInsertIndexTuples(writer->indexes, writer->slots[i], writer->executor,
									 false, false, NULL, NIL);
		post_block(writer, packed, &writer->slots[i]->tts_tid);
		ExecClearTuple(writer->slots[i]);
		if (packed->large != NULL)
			pfree(packed->large);
	}
	MemoryContextSwitchTo(before);
	ResetPerTupleExprContext(writer->executor);
	MemoryContextReset(writer->flush_context);
	count_blocks(writer);
	writer->packed_count = 0;

	/* have the WAL written behind us, so that the commit finds less to do */
	if (writer->next_event < writer->batch->event_count)
		XLogSetAsyncXactLSN(XactLastRecEnd);
}

static Writer *
begin_writing(EsOpenStore *open, EsBatch *batch, const EsReservation *reservation)
{
	Writer	   *writer = palloc0(sizeof(Writer));

	writer->open = open;
	writer->batch = batch;
	writer->reservation = reservation;
	writer->next_position = reservation->first_position;
	writer->bulk.strategy = NULL;	/* no 16 MB ring: blocks are read soon */
	writer->bulk.current_buf = InvalidBuffer;
	writer->executor = CreateExecutorState();
	writer->indexes = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->indexes, open->blocks, 1, NULL, 0);
	ExecOpenIndices(writer->indexes, false);
	writer->flush_context = AllocSetContextCreate(CurrentMemoryContext, "eventstore flush",
												  ALLOCSET_DEFAULT_SIZES);
	return writer;
}

static void
end_writing(Writer *writer)
{
	if (BufferIsValid(writer->bulk.current_buf))
		ReleaseBuffer(writer->bulk.current_buf);
	for (int i = 0; i < writer->slot_count; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	ExecCloseIndices(writer->indexes);
	FreeExecutorState(writer->executor);
	MemoryContextDelete(writer->flush_context);
}

/*
 * Stores the batch's events, less those in duplicate groups, at the reserved
 * positions.  The entities are claimed.
 */
void
es_write_batch(EsOpenStore *open, EsBatch *batch, const EsReservation *reservation)
{
	Writer	   *writer = begin_writing(open, batch, reservation);
	EsEvent    *event;

	while ((event = next_event(writer)) != NULL)
	{
		pack_block(writer, event);
		if (writer->packed_count == MAX_BLOCKS)
			flush_blocks(writer);
	}
	if (writer->packed_count > 0)
		flush_blocks(writer);
	end_writing(writer);
}
