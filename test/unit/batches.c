/*-------------------------------------------------------------------------
 *
 * batches.c
 *	  Batches of events: parsed, packed, read back, compared.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"

#include "core/hash.h"

/* ------------------------------------------------------------------- parsing */

static void
append_event(Batch *batch, Memory *memory, const EsEvent *event)
{
	if ((batch->count & (batch->count - 1)) == 0)	/* the room is used up */
	{
		EsEvent    *more = memory_take(memory, Max(1, 2 * batch->count) * sizeof(EsEvent));

		if (batch->count > 0)
			memcpy(more, batch->events, batch->count * sizeof(EsEvent));
		batch->events = more;
	}
	batch->events[batch->count++] = *event;
}

/*
 * Parses all events of the text, which must live as long as the memory.
 * expectations may be NULL.
 */
Batch
read_batch(Memory *memory, EsSlice text, EsExpectations *expectations)
{
	EsParserHooks hooks = parser_hooks(memory);
	EsParser	parser;
	Batch		batch = {.result = ES_PARSE_ERROR};
	EsEvent		event;

	es_parser_init(&parser, &hooks, expectations);
	es_parser_begin(&parser, text);
	if (es_parse_batch_start(&parser))
	{
		while ((batch.result = es_parse_batch_next(&parser, &event)) == ES_PARSE_EVENT)
			append_event(&batch, memory, &event);
	}
	batch.error = parser.error;
	batch.ordinal = parser.ordinal;
	batch.parsed = parser.p - parser.start;
	return batch;
}

/* Compares what error messages are made of. */
static const char *
compare_errors(const EsError *a, const EsError *b)
{
	bool		has_place = a->code == ES_ERR_EXPECTED || a->code == ES_ERR_JSON || a->code == ES_ERR_SAME_LINE;
	bool		has_expected = a->code == ES_ERR_EXPECTED || a->code == ES_ERR_WRONG_TYPE;

	if (a->code != b->code)
		return "codes of errors differ";
	if (a->offset != b->offset)
		return "places of errors differ";
	if (has_expected && strcmp(a->expected, b->expected) != 0)
		return "errors expect different things";
	if (a->limit != b->limit)
		return "limits of errors differ";
	if (!has_place && (!es_slice_equal(a->key, b->key) || !es_slice_equal(a->value, b->value)))
		return "keys or values of errors differ";
	return NULL;
}

/* Were the same events, and the same end, found? */
const char *
compare_batches(const Batch *a, const Batch *b)
{
	if (a->result != b->result)
		return "only one parsing ends with an error";
	if (a->count != b->count || a->ordinal != b->ordinal)
		return "numbers of events differ";
	for (uint32 i = 0; i < a->count; i++)
	{
		const EsEvent *one = &a->events[i];
		const EsEvent *other = &b->events[i];

		if (!events_equal(one, other) || one->has != other->has ||
			one->occurred_at != other->occurred_at ||
			one->expected_version != other->expected_version)
			return "events differ";
	}
	if (a->result == ES_PARSE_ERROR)
		return compare_errors(&a->error, &b->error);
	return a->parsed == b->parsed ? NULL : "ends differ";
}

/* A document is its segments and leaves in turn. */
const char *
check_document(const EsShapes *shapes, EsSlice text, const EsDocument *document)
{
	const EsShape *shape = &shapes->shapes[document->shape];
	const uint16 *segments = es_shape_segments(shapes, document->shape);
	uint32		at = 0;
	uint32		text_size = 0;

	if (document->shape == 0)
		return NULL;
	if (document->shape >= shapes->shape_count || shape->segment_count == 0)
		return "there is no such shape";
	for (uint32 i = 0; i < shape->segment_count; i++)
	{
		EsSlice		segment = es_segment_text(shapes, segments[i]);

		if (segment.size > text.size - at ||
			!es_slice_equal(segment, es_slice(text.data + at, segment.size)))
			return "a segment is not the document's text";
		at += segment.size;
		text_size += segment.size;
		if (i + 1 == shape->segment_count)
			break;
		if (document->leaves[i].offset != at || document->leaves[i].size > text.size - at)
			return "a leaf does not follow its segment";
		at += document->leaves[i].size;
	}
	if (text_size != shape->text_size)
		return "the size of a shape's text is wrong";
	return at == text.size ? NULL : "segments and leaves are not the whole document";
}

const char *
check_documents(const EsShapes *shapes, const Batch *batch)
{
	const char *problem = NULL;

	for (uint32 i = 0; i < batch->count && problem == NULL; i++)
	{
		const EsEvent *event = &batch->events[i];

		problem = check_document(shapes, event->payload, &event->payload_document);
		if (problem == NULL && (event->has & ES_HAS_METADATA))
			problem = check_document(shapes, event->metadata, &event->metadata_document);
	}
	return problem;
}

/* ------------------------------------------------------------------- packing */

/* Drops events that break a limit. */
void
keep_storable(Batch *batch, size_t max_size)
{
	uint32		kept = 0;
	EsError		error;

	for (uint32 i = 0; i < batch->count; i++)
	{
		if (es_event_check_limits(&batch->events[i], max_size, &error))
			batch->events[kept++] = batch->events[i];
	}
	batch->count = kept;
}

/* Makes the batch's events such as are stored: with ids, without wishes. */
EsPackRow *
make_rows(Random *random, Memory *memory, Batch *batch)
{
	EsPackRow  *rows = memory_take(memory, batch->count * sizeof(EsPackRow));
	uint64		tail = random_next(random);
	uint32		bits = random_below(random, 40);

	for (uint32 i = 0; i < batch->count; i++)
	{
		EsEvent    *event = &batch->events[i];

		if (!(event->has & ES_HAS_EVENT_ID))
			es_uuid_v7(INT64CONST(852000000000000), i, tail + i * UINT64CONST(7919), event->event_id);
		event->has = (event->has | ES_HAS_EVENT_ID) & ~ES_HAS_EXPECTED_VERSION;
		rows[i] = (EsPackRow)
		{
			event, 1 + (int64) (random_next(random) & ((UINT64CONST(1) << bits) - 1))
		};
	}
	return rows;
}

/* The body of a large event, as the tuple's second column has it. */
static EsSlice
large_body(Memory *memory, const EsEvent *event)
{
	char	   *body = memory_take(memory, event->tags.size + event->payload.size + event->metadata.size);
	char	   *end = es_put_slice(es_put_slice(es_put_slice(body, event->tags), event->payload), event->metadata);

	return es_slice(body, end - body);
}

/* Places in the log, with and without gaps, at the same time and later. */
EsLogPlace *
make_places(Random *random, Memory *memory, uint32 count)
{
	EsLogPlace *places = memory_take(memory, count * sizeof(EsLogPlace));
	EsLogPlace	place = {1 + random_below(random, 100000), INT64CONST(852000000000000)};
	uint32		gap = 1 + random_below(random, 3) * random_below(random, 1000);
	uint32		pause = 1 + random_below(random, 3) * random_below(random, 1000000);

	for (uint32 i = 0; i < count; i++)
	{
		places[i] = place;
		place.position += 1 + (random_below(random, 3) == 0 ? random_below(random, gap) : 0);
		place.recorded_at += random_below(random, pause);
	}
	return places;
}

static int64
position_of(const EsPackJob *job, uint32 i)
{
	return job->places == NULL ? job->first_position + i : job->places[i].position;
}

static int64
time_of(const EsPackJob *job, uint32 i)
{
	return job->places == NULL ? job->recorded_at : job->places[i].recorded_at;
}

/* Are the block's events found by their positions, and no others? */
static const char *
compare_positions(const EsPackJob *job, const EsBlock *block)
{
	uint32		before = 0;
	uint32		count = block->header.event_count;
	int64		last = position_of(job, count - 1);
	int64		step = 1 + (last - position_of(job, 0)) / 10000;

	for (int64 position = position_of(job, 0) - 1; position <= last + 1; position += step)
	{
		while (before < count && position_of(job, before) < position)
			before++;
		if (es_block_count_before(block, position) != before)
			return "events are counted wrong up to a position";
		if (es_block_has_position(block, position) !=
			(before < count && position_of(job, before) == position))
			return "a position is said to be in the block, or not to be, and the contrary is true";
	}
	return NULL;
}

/* Reads one event, into memory of exactly the size that is asked for. */
static const char *
compare_event(const EsPackJob *job, EsBlock *block, uint32 i)
{
	Memory		memory = {0};
	const EsEvent *event = job->rows[i].event;
	char	   *strings = memory_take(&memory, ES_BLOCK_HEAD_ROOM);
	char	   *body = memory_take(&memory, es_block_body_room(block));
	EsStoredEvent stored;
	const char *problem = NULL;

	if (es_block_read_head(block, i, strings, &stored) != ES_BLOCK_OK)
		problem = "a head cannot be read";
	else if (es_block_read_body(block, stored.large ? large_body(&memory, event) : es_slice(NULL, 0),
								body, &stored) != ES_BLOCK_OK)
		problem = "a body cannot be read";
	else if (!events_equal(&stored.event, event) || stored.version != job->rows[i].version ||
			 stored.position != position_of(job, i) || stored.recorded_at != time_of(job, i))
		problem = "an event comes back as another";
	memory_free(&memory);
	return problem;
}

static const char *
compare_inflight(const EsPackJob *job, const EsBlock *block)
{
	EsInflightList list;

	es_block_inflight(block, &list);
	if (list.count != job->inflight->count)
		return "the list of transactions comes back with another length";
	for (uint32 i = 0; i < list.count; i++)
	{
		if (list.entries[i].xid != job->inflight->entries[i].xid ||
			list.entries[i].lower != job->inflight->entries[i].lower)
			return "the list of transactions comes back as another";
	}
	return NULL;
}

static uint64
summary_of(const EsPackJob *job, uint32 count)
{
	uint64		summary = 0;

	for (uint32 i = 0; i < count; i++)
		summary |= es_type_bit(job->rows[i].event->event_type);
	return summary;
}

/* Opens a block and compares all its events, the last one first. */
static const char *
compare_open_block(const EsPackJob *job, uint32 count, EsSlice bytes, EsBlock *block)
{
	const char *problem = NULL;

	if (es_block_open(block, bytes.data, bytes.size) != ES_BLOCK_OK)
		return "a block cannot be opened";
	if (block->header.event_count != count || block->header.first_position != job->first_position ||
		block->header.recorded_at != job->recorded_at)
		return "a block's header is wrong";
	if (block->header.type_summary != summary_of(job, count))
		return "a block's summary of types is wrong";
	for (uint32 i = count; i-- > 0 && problem == NULL;)
		problem = compare_event(job, block, i);
	if (problem == NULL)
		problem = compare_positions(job, block);
	return problem == NULL ? compare_inflight(job, block) : problem;
}

static const char *
compare_block(const EsPackJob *job, uint32 count, EsSlice data, PackTotals *totals)
{
	Memory		memory = {0};
	EsSlice		bytes = memory_copy(&memory, data.data, data.size);
	EsBlock		block;
	const char *problem = compare_open_block(job, count, bytes, &block);

	if (problem == NULL && es_block_check(&block, memory_take(&memory, es_block_body_room(&block))) != ES_BLOCK_OK)
		problem = "a block does not pass its check";
	if (problem == NULL && es_block_salvage(&block, bytes.data, bytes.size) != ES_BLOCK_OK)
		problem = "a block cannot be salvaged";
	totals->column_blocks += problem == NULL && es_block_has_columns(&block);
	memory_free(&memory);
	return problem;
}

/* What the same events come to in rows. */
static void
count_rows(const EsPackJob *job, PackTotals *totals)
{
	uint64		start = es_block_start_size(job->inflight->count);
	uint64		used = 0;
	uint32		count = 0;

	for (uint32 i = 0; i < job->row_count; i++)
	{
		uint64		size = es_rows_event_size(job->rows[i].event, job->rows[i].version, job->recorded_at);

		size = Min(size, ES_BLOCK_MAX_SIZE - start);	/* of a large one */
		if (used == 0 || used + size > ES_BLOCK_MAX_SIZE || count == ES_BLOCK_MAX_EVENTS)
		{
			totals->row_blocks++;
			totals->row_bytes += start;
			used = start;
			count = 0;
		}
		used += size;
		count++;
		totals->row_bytes += size;
	}
}

/* Bytes of a block; a large event's body counts as in rows. */
static uint32
bytes_of(uint32 size, bool large)
{
	return large ? ES_BLOCK_MAX_SIZE : size;
}

/* The job without its first events. */
static EsPackJob
rest_of(const EsPackJob *job, uint32 count)
{
	EsPackJob	rest = *job;

	rest.rows += count;
	rest.row_count -= count;
	rest.first_position += count;
	if (rest.places != NULL && rest.row_count > 0)
	{
		rest.places += count;
		rest.first_position = rest.places[0].position;
		rest.recorded_at = rest.places[0].recorded_at;
	}
	return rest;
}

/* Packs all events of the job as rows, and compares what comes back. */
const char *
pack_rows_and_compare(const EsPackJob *job)
{
	static EsRowsBuilder builder;
	static char data[ES_BLOCK_MAX_SIZE];
	EsPackJob	rest = *job;
	PackTotals	totals = {0};
	const char *problem = NULL;

	while (rest.row_count > 0 && problem == NULL)
	{
		const EsPackRow *row = rest.rows;
		uint32		count = 0;
		bool		large = es_block_start_size(rest.inflight->count) +
		es_rows_event_size(row->event, row->version, rest.recorded_at) > ES_BLOCK_MAX_SIZE;

		es_rows_begin(&builder, data, sizeof(data), rest.first_position, rest.recorded_at, rest.inflight);
		while (count < (large ? 1 : rest.row_count) &&
			   es_rows_add(&builder, row[count].event, row[count].version, large))
			count++;
		problem = compare_block(&rest, count, es_slice(data, es_rows_finish(&builder)), &totals);
		rest = rest_of(&rest, count);
	}
	return problem;
}

/*
 * Merges all events of the job that can be, block by block, and compares what comes
 * back.  Adds to *totals.
 */
const char *
merge_and_compare(EsPacker *packer, const EsPackJob *job, PackTotals *totals)
{
	EsPackJob	rest = *job;
	const char *problem = NULL;

	while (rest.row_count > 0 && problem == NULL)
	{
		char	   *data = malloc(ES_BLOCK_MAX_SIZE);
		uint32		size;
		uint32		count = es_block_merge(packer, &rest, data, &size);

		if (count > rest.row_count || (count > 0 && size > ES_BLOCK_MAX_SIZE))
			problem = "a merged block is too large";
		else if (count > 0)
			problem = compare_block(&rest, count, es_slice(data, size), totals);
		totals->merged += count;
		rest = rest_of(&rest, Max(count, 1));
		free(data);
	}
	return problem;
}

/*
 * Packs all events of the job, block by block, and compares what comes back.
 * Adds to *totals.
 */
const char *
pack_and_compare(EsPacker *packer, const EsPackJob *job, PackTotals *totals)
{
	EsPackJob	rest = *job;
	const char *problem = NULL;

	count_rows(job, totals);
	while (rest.row_count > 0 && problem == NULL)
	{
		char	   *data = malloc(ES_BLOCK_MAX_SIZE);
		uint32		size;
		bool		large;
		uint32		count = es_block_pack(packer, &rest, data, &size, &large);

		if (count == 0 || count > rest.row_count)
			problem = "a block takes no or too many events";
		else if (size > ES_BLOCK_MAX_SIZE)
			problem = "a block is too large";
		else if (large && count != 1)
			problem = "a large event is not alone";
		else
			problem = compare_block(&rest, count, es_slice(data, size), totals);
		totals->events += count;
		totals->blocks++;
		totals->bytes += bytes_of(size, large);
		rest = rest_of(&rest, count);
		free(data);
	}
	return problem;
}
