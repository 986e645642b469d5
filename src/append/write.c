/*-------------------------------------------------------------------------
 *
 * write.c
 *	  Packs events into blocks and inserts those into the block table.
 *
 * Blocks are inserted a group at a time.  Then their events' postings are set, and
 * ids that need it entered.  Nobody looks at postings before es_entity_set_total(), and
 * an id only says where to look, so an error on the way needs no undoing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "append/insert.h"
#include "append/write.h"
#include "core/block.h"
#include "log/ids.h"
#include "log/tail.h"

#define PREFETCH_DISTANCE 8		/* events whose postings are prefetched ahead */
#define RANDOM_POOL_SIZE 2048	/* bytes of randomness drawn at a time */

/* Which events are in a block that is packed. */
typedef struct Packed
{
	uint32		first_row;		/* index into rows */
	uint32		row_count;
} Packed;

typedef struct Writer
{
	EsOpenStore *open;
	EsBatch    *batch;
	const EsReservation *reservation;
	EsPacker   *packer;
	EsPackRow  *rows;			/* the batch's events, but those stored before */
	EsGroup   **row_groups;		/* and the group of each */
	uint32		row_count;
	uint32		next_row;

	Packed		packed[ES_MAX_BLOCK_BUFFERS];
	EsNewBlock	blocks[ES_MAX_BLOCK_BUFFERS];
	int			packed_count;
	EsInserter	inserter;
	bool		enters_ids;		/* some ids have to be in the index */
	EsIdBuffer	ids;
} Writer;

/* --------------------------------------------------------------- event ids */

/*
 * Takes random bytes.  They are drawn many at a time, and what a call leaves
 * over serves the next one of this backend.
 */
static void
take_random(void *out, size_t size)
{
	static uint8 pool[RANDOM_POOL_SIZE];
	static size_t used = sizeof(pool);

	if (used + size > sizeof(pool))
	{
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random bytes for event ids")));
		used = 0;
	}
	memcpy(out, pool + used, size);
	used += size;
}

/*
 * Gives ids to the events that have none.  The random part starts anywhere and
 * goes on by random steps (RFC 9562, section 6.2, "Monotonic Random"), which a
 * block keeps in a few bytes each.  Returns whether there are ids that are not
 * found by their time: those that are made move on with their number, so the
 * last one tells for all.
 */
static bool
make_event_ids(EsBatch *batch, int64 recorded_at)
{
	uint64		tail = 0;
	uint32		made = 0;
	const EsEvent *last_made = NULL;
	bool		timeless = false;

	for (uint32 i = 0; i < batch->event_count; i++)
	{
		EsEvent    *event = &batch->events[i];
		uint16		step;

		if (event->has & ES_HAS_EVENT_ID)
		{
			timeless = timeless || !es_id_has_time(event->event_id, recorded_at);
			continue;
		}
		if (made == 0)
			take_random(&tail, sizeof(tail));
		take_random(&step, sizeof(step));
		tail += 1 + (uint64) step;
		es_uuid_v7(recorded_at, made++, tail, event->event_id);
		event->has |= ES_HAS_EVENT_ID;
		last_made = event;
	}
	return timeless || (last_made != NULL && !es_id_has_time(last_made->event_id, recorded_at));
}

/* ------------------------------------------------------------------ packing */

/* Lists the events to be stored, with their versions. */
static void
list_rows(Writer *writer)
{
	EsBatch    *batch = writer->batch;

	writer->rows = es_scratch_alloc(batch->event_count * sizeof(EsPackRow));
	writer->row_groups = es_scratch_alloc(batch->event_count * sizeof(EsGroup *));
	for (uint32 i = 0; i < batch->event_count; i++)
	{
		EsGroup    *group = &batch->groups[batch->group_of[i]];

		if (group->duplicate)
			continue;
		writer->rows[writer->row_count] = (EsPackRow)
		{
			&batch->events[i], (int64) group->base + ++group->packed
		};
		writer->row_groups[writer->row_count++] = group;
	}
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

#ifdef USE_ASSERT_CHECKING
/* Is the event that was read back the one that was packed? */
static bool
is_same_event(const EsStoredEvent *stored, const EsPackRow *row, int64 position)
{
	const EsEvent *a = &stored->event;
	const EsEvent *b = row->event;

	return stored->position == position && stored->version == row->version &&
		es_slice_equal(a->tenant_id, b->tenant_id) && es_slice_equal(a->entity_id, b->entity_id) &&
		es_slice_equal(a->event_type, b->event_type) && es_slice_equal(a->tags, b->tags) &&
		es_slice_equal(a->payload, b->payload) && es_slice_equal(a->metadata, b->metadata) &&
		memcmp(a->event_id, b->event_id, ES_UUID_SIZE) == 0 &&
		a->has == (b->has & ~ES_HAS_EXPECTED_VERSION) &&
		(!(b->has & ES_HAS_OCCURRED_AT) || a->occurred_at == b->occurred_at);
}

/* Reads a block back: what is stored must be what was given. */
static void
check_packed(const Writer *writer, const Packed *packed, const EsNewBlock *new_block)
{
	char	   *strings = palloc(ES_BLOCK_HEAD_ROOM);
	EsSlice		large = es_slice(NULL, 0);
	EsBlock		block;
	char	   *body;

	Assert(es_block_open(&block, new_block->data, VARSIZE(new_block->data)) == ES_BLOCK_OK);
	Assert(block.header.event_count == packed->row_count);
	if (new_block->large != NULL)
		large = es_slice(VARDATA(new_block->large), VARSIZE(new_block->large) - VARHDRSZ);
	body = palloc(es_block_body_room(&block));
	for (uint32 i = 0; i < packed->row_count; i++)
	{
		EsStoredEvent stored;

		Assert(es_block_read_head(&block, i, strings, &stored) == ES_BLOCK_OK);
		Assert(es_block_read_body(&block, large, body, &stored) == ES_BLOCK_OK);
		Assert(is_same_event(&stored, &writer->rows[packed->first_row + i],
							 block.header.first_position + i));
	}
	pfree(body);
	pfree(strings);
}
#endif

/* Packs the next block. */
static void
pack_block(Writer *writer)
{
	const EsPackRow *rows = writer->rows + writer->next_row;
	Packed	   *packed = &writer->packed[writer->packed_count];
	EsNewBlock *block = &writer->blocks[writer->packed_count];
	EsPackJob	job = {
		.shapes = es_backend_shapes(),
		.rows = rows,
		.row_count = writer->row_count - writer->next_row,
		.first_position = writer->reservation->first_position + writer->next_row,
		.recorded_at = writer->reservation->recorded_at,
		.inflight = &writer->reservation->inflight
	};
	uint32		size;
	bool		large;

	block->data = es_backend_block_buffer(writer->packed_count++);
	packed->first_row = writer->next_row;
	packed->row_count = es_block_pack(writer->packer, &job, block->data, &size, &large);
	block->large = large ? make_large_body(rows->event) : NULL;
	SET_VARSIZE(block->data, size);
#ifdef USE_ASSERT_CHECKING
	check_packed(writer, packed, block);
#endif
	writer->next_row += packed->row_count;
}

/* ---------------------------------------------------------------- inserting */

/* Loads the groups of rows ahead, and then where their postings go. */
static void
prefetch_slots(const Writer *writer, uint32 row)
{
	if (row + 2 * PREFETCH_DISTANCE < writer->row_count)
		__builtin_prefetch(writer->row_groups[row + 2 * PREFETCH_DISTANCE], 1);
	if (row + PREFETCH_DISTANCE < writer->row_count)
		__builtin_prefetch(writer->row_groups[row + PREFETCH_DISTANCE]->slots, 1);
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

/* Sets the postings of a block's events. */
static void
post_block(Writer *writer, const Packed *packed, ItemPointer tid)
{
	for (uint32 ordinal = 0; ordinal < packed->row_count; ordinal++)
	{
		uint32		row = packed->first_row + ordinal;

		prefetch_slots(writer, row);
		post_event(writer->row_groups[row], es_posting(ItemPointerGetBlockNumber(tid),
													   ItemPointerGetOffsetNumber(tid), ordinal));
	}
}

/* Enters the ids of a block's events into the index, where they have to be. */
static void
enter_ids(Writer *writer, const Packed *packed, ItemPointer tid)
{
	for (uint32 ordinal = 0; ordinal < packed->row_count; ordinal++)
		es_id_buffer_add(&writer->ids,
						 writer->rows[packed->first_row + ordinal].event->event_id,
						 writer->reservation->recorded_at,
						 es_posting(ItemPointerGetBlockNumber(tid),
									ItemPointerGetOffsetNumber(tid), ordinal));
	es_id_buffer_flush(&writer->ids);
}

static void
count_blocks(Writer *writer)
{
	EsStore    *store = writer->open->store;
	uint64		bytes = 0;
	uint32		small = 0;

	for (int i = 0; i < writer->packed_count; i++)
	{
		bytes += VARSIZE(writer->blocks[i].data);
		small += es_block_is_small(VARSIZE(writer->blocks[i].data)) && writer->blocks[i].large == NULL;
	}
	pg_atomic_fetch_add_u64(&store->counters.blocks, writer->packed_count);
	pg_atomic_fetch_add_u64(&store->counters.block_bytes, bytes);
	es_tail_add(store, small);
}

/* Inserts the blocks that are packed. */
static void
flush_blocks(Writer *writer)
{
	es_inserter_insert(&writer->inserter, writer->blocks, writer->packed_count,
					   writer->next_row < writer->row_count);
	for (int i = 0; i < writer->packed_count; i++)
	{
		EsNewBlock *block = &writer->blocks[i];

		post_block(writer, &writer->packed[i], &block->tid);
		if (writer->enters_ids)
			enter_ids(writer, &writer->packed[i], &block->tid);
		if (block->large != NULL)
			pfree(block->large);
	}
	count_blocks(writer);
	writer->packed_count = 0;
}

static Writer *
begin_writing(EsOpenStore *open, EsBatch *batch, const EsReservation *reservation)
{
	Writer	   *writer = palloc0(sizeof(Writer));

	writer->open = open;
	writer->batch = batch;
	writer->reservation = reservation;
	writer->packer = es_backend_packer();
	es_id_buffer_begin(&writer->ids, &open->store->index);
	es_inserter_begin(&writer->inserter, open->blocks);
	return writer;
}

/*
 * Stores the batch's events, less those in duplicate groups, at the reserved
 * positions.  The entities are claimed.
 */
void
es_write_batch(EsOpenStore *open, EsBatch *batch, const EsReservation *reservation)
{
	Writer	   *writer = begin_writing(open, batch, reservation);

	writer->enters_ids = make_event_ids(batch, reservation->recorded_at);
	list_rows(writer);
	while (writer->next_row < writer->row_count)
	{
		pack_block(writer);
		if (writer->packed_count == ES_MAX_BLOCK_BUFFERS)
			flush_blocks(writer);
	}
	if (writer->packed_count > 0)
		flush_blocks(writer);
	es_inserter_end(&writer->inserter);
}
