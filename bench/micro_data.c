/*
 * micro_data.c
 *		The events that bench/micro measures on: as text, parsed, and in blocks.
 *
 * A batch is parsed and packed as the server does it, with the same memory of
 * the batches before. When the data is made, every event is packed and read
 * back once and must be what it was: a wrong result is not worth measuring.
 */
#include "micro.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE (64 << 20)

/* When the first batch was recorded: a year after the first events occurred. */
#define FIRST_RECORDED_AT	INT64CONST(852076800000000)
#define BATCH_TIME_US		INT64CONST(10000)

/* The parser's memory for one batch. */
static char arena[ARENA_SIZE];
static size_t arena_used;

/* ------------------------------------------------------------------ parsing */

/* Give the parser memory that lives as long as the batch. */
static void *
arena_take(void *arg, size_t size)
{
	char	   *memory = arena + arena_used;

	(void) arg;
	if (size > ARENA_SIZE - arena_used)
		die("a batch needs more memory than expected");
	arena_used += MAXALIGN(size);
	return memory;
}

/* What the scanner leaves to the server is not measured: believe it. */
static bool
believe(void *arg, EsSlice value)
{
	(void) arg;
	(void) value;
	return true;
}

/* Parse a batch. */
void
data_parse(Data *data, int64_t batch)
{
	static const EsParserHooks hooks = {arena_take, believe, NULL};
	const Buffer *text = &data->batches[batch];
	int64_t		left;
	EsParser	parser;
	EsParseResult result = ES_PARSE_ERROR;

	arena_used = 0;
	data->first_event = batch * data->batch_events;
	data->row_count = 0;
	left = data->event_count - data->first_event;
	es_shapes_renew(&data->expectations->shapes);
	es_parser_init(&parser, &hooks, data->expectations);
	es_parser_begin(&parser, es_slice(text->data, text->length));
	if (es_parse_batch_start(&parser))
	{
		while ((result = es_parse_batch_next(&parser, &data->events[data->row_count])) == ES_PARSE_EVENT)
			data->row_count++;
	}
	if (result != ES_PARSE_END)
		die("the parser refuses event " INT64_FORMAT " of a batch", parser.ordinal);
	if (data->row_count != Min(left, data->batch_events))
		die("the parser found other events than there are");
}

/* ------------------------------------------------------------------ packing */

/* Tell when the batch that was parsed is recorded. */
static int64_t
recorded_at(const Data *data)
{
	return FIRST_RECORDED_AT + data->first_event / data->batch_events * BATCH_TIME_US;
}

/*
 * Give the events of the batch that was parsed their versions and ids: those
 * ascend by random steps as the server's do.
 */
void
data_number_events(Data *data)
{
	Random		random = {.state = data->seed + (uint64_t) data->first_event};
	uint64		tail = random_next(&random);

	for (uint32 i = 0; i < data->row_count; i++)
	{
		EsEvent    *event = &data->events[i];

		tail += 1 + random_below(&random, PG_UINT16_MAX + 1);
		es_uuid_v7(recorded_at(data), i, tail, event->event_id);
		event->has |= ES_HAS_EVENT_ID;
		data->rows[i].event = event;
		data->rows[i].version = data->versions[data->first_event + i];
	}
}

/*
 * Pack as many events as fit into a block of ES_BLOCK_MAX_SIZE bytes, from this
 * one of the batch; returns how many.
 */
uint32
data_pack(Data *data, uint32 next_row, char *out, uint32 *size, bool *large)
{
	static const EsInflightList nobody;
	EsPackJob	job = {
		.shapes = &data->expectations->shapes,
		.rows = data->rows + next_row,
		.row_count = data->row_count - next_row,
		.first_position = data->first_event + next_row + 1,
		.recorded_at = recorded_at(data),
		.inflight = &nobody
	};

	return es_block_pack(data->packer, &job, out, size, large);
}

/*
 * The same, but as rows whatever the events are like; the yardstick for packing.
 */
uint32
data_pack_rows(Data *data, uint32 next_row, char *out, uint32 *size)
{
	static const EsInflightList nobody;
	static EsRowsBuilder builder;
	const EsPackRow *row = data->rows + next_row;
	const EsPackRow *end = data->rows + data->row_count;
	bool		large = es_block_start_size(0) +
	es_rows_event_size(row->event, row->version, recorded_at(data)) > ES_BLOCK_MAX_SIZE;

	es_rows_begin(&builder, out, ES_BLOCK_MAX_SIZE, data->first_event + next_row + 1,
				  recorded_at(data), &nobody);
	while (row < end && es_rows_add(&builder, row->event, row->version, large))
	{
		row++;
		if (large)
			break;
	}
	*size = es_rows_finish(&builder);
	return (uint32) (row - data->rows) - next_row;
}

/* Copy the body of a large event, which lies beside the block. */
static void
keep_large(StoredBlock *stored, const EsEvent *event)
{
	char	   *out;

	stored->large_size = (size_t) event->tags.size + event->payload.size + event->metadata.size;
	stored->large = out = allocate(stored->large_size);
	out = es_put_slice(out, event->tags);
	out = es_put_slice(out, event->payload);
	es_put_slice(out, event->metadata);
}

/* Make room for another block. */
static StoredBlock *
add_block(Data *data)
{
	if (data->block_count == data->block_capacity)
	{
		data->block_capacity = data->block_capacity > 0 ? 2 * data->block_capacity : 1024;
		data->blocks = reallocate(data->blocks, data->block_capacity * sizeof(StoredBlock));
	}
	return &data->blocks[data->block_count++];
}

/* Pack the next block of a batch and keep it. */
static const StoredBlock *
store_block(Data *data, uint32 next_row)
{
	char		packed[ES_BLOCK_MAX_SIZE];
	StoredBlock *stored = add_block(data);
	bool		large;

	stored->event_count = data_pack(data, next_row, packed, &stored->size, &large);
	stored->data = allocate(stored->size);
	memcpy(stored->data, packed, stored->size);
	stored->large = NULL;
	stored->large_size = 0;
	if (large)
		keep_large(stored, data->rows[next_row].event);
	return stored;
}

/* ------------------------------------------------------------------ reading */

/* End the program when a block can't be read. */
static void
expect_ok(EsBlockStatus status)
{
	if (status != ES_BLOCK_OK)
		die("a block cannot be read: %s", es_block_status_text(status));
}

/* Open a block. */
void
block_open(const StoredBlock *stored, EsBlock *block)
{
	expect_ok(es_block_open(block, stored->data, stored->size));
}

/* Read the head of an event; strings has ES_BLOCK_HEAD_ROOM bytes. */
void
block_read_head(EsBlock *block, uint32 ordinal, char *strings, EsStoredEvent *event)
{
	expect_ok(es_block_read_head(block, ordinal, strings, event));
}

/* Read the rest of it; body has ES_BLOCK_MAX_BODY_ROOM bytes. */
void
block_read_body(const StoredBlock *stored, EsBlock *block, char *body, EsStoredEvent *event)
{
	expect_ok(es_block_read_body(block, es_slice(stored->large, stored->large_size), body, event));
}

/* Is the event that was read the one that was packed? */
static bool
is_same(const EsStoredEvent *stored, const EsPackRow *row)
{
	const EsEvent *a = &stored->event;
	const EsEvent *b = row->event;

	return stored->version == row->version && a->has == b->has &&
		a->occurred_at == b->occurred_at && a->tag_count == b->tag_count &&
		memcmp(a->event_id, b->event_id, ES_UUID_SIZE) == 0 &&
		es_slice_equal(a->entity_id, b->entity_id) &&
		es_slice_equal(a->event_type, b->event_type) &&
		es_slice_equal(a->tenant_id, b->tenant_id) && es_slice_equal(a->tags, b->tags) &&
		es_slice_equal(a->payload, b->payload) && es_slice_equal(a->metadata, b->metadata);
}

/* Read a block and compare its events with those of the batch. */
static void
check_block(const Data *data, uint32 next_row, const StoredBlock *stored)
{
	static char body[ES_BLOCK_MAX_BODY_ROOM];
	char		strings[ES_BLOCK_HEAD_ROOM];
	EsBlock		block;

	block_open(stored, &block);
	for (uint32 i = 0; i < stored->event_count; i++)
	{
		int64		position = data->first_event + next_row + i + 1;
		EsStoredEvent event;

		block_read_head(&block, i, strings, &event);
		block_read_body(stored, &block, body, &event);
		if (event.position != position || event.recorded_at != recorded_at(data) ||
			!is_same(&event, &data->rows[next_row + i]))
			die("event " INT64_FORMAT " is read as another one than it was", position);
	}
}

/* Pack the events of a batch, keep the blocks, and check them. */
static void
store_batch(Data *data, int64_t batch)
{
	data_parse(data, batch);
	data_number_events(data);
	for (uint32 next_row = 0; next_row < data->row_count;)
	{
		const StoredBlock *stored = store_block(data, next_row);

		check_block(data, next_row, stored);
		next_row += stored->event_count;
	}
}

/* ------------------------------------------------------------ the workload */

/* Render the events. */
static void
render(Data *data, const MicroOptions *options)
{
	Workload   *workload = workload_create(data->kind, options->events, options->seed);
	Event		event;

	for (int64_t i = 0; workload_next(workload, &event); i++)
	{
		event_render_ndjson(&event, &data->batches[i / data->batch_events]);
		data->versions[i] = event.version;
	}
	workload_free(workload);
}

/* Make the data of a workload. */
void
data_create(Data *data, const Kind *kind, const MicroOptions *options)
{
	memset(data, 0, sizeof(*data));
	data->kind = kind;
	data->seed = options->seed;
	data->event_count = options->events;
	data->batch_events = Min(options->batch, options->events);
	data->batch_count = (data->event_count + data->batch_events - 1) / data->batch_events;
	data->batches = allocate(data->batch_count * sizeof(Buffer));
	data->versions = allocate(data->event_count * sizeof(int64_t));
	/* the parser looks for an event after the last one, too */
	data->events = allocate((data->batch_events + 1) * sizeof(EsEvent));
	data->rows = allocate(data->batch_events * sizeof(EsPackRow));
	data->packer = allocate(sizeof(EsPacker));
	data->expectations = allocate(sizeof(EsExpectations));
	es_expectations_init(data->expectations);
	render(data, options);
	for (int64_t batch = 0; batch < data->batch_count; batch++)
		store_batch(data, batch);
}

/* Free the data of a workload. */
void
data_free(Data *data)
{
	for (int64_t i = 0; i < data->batch_count; i++)
		buffer_free(&data->batches[i]);
	for (size_t i = 0; i < data->block_count; i++)
	{
		free(data->blocks[i].data);
		free(data->blocks[i].large);
	}
	free(data->batches);
	free(data->versions);
	free(data->events);
	free(data->rows);
	free(data->packer);
	free(data->expectations);
	free(data->blocks);
}
