/*-------------------------------------------------------------------------
 *
 * test_vectors.c
 *	  Columns of packed blocks opened as a whole, against the same events read
 *	  one by one.
 *
 * What an open column of strings holds is tested in test_column.c; here it is
 * which column, and which of its values.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"
#include "generate.h"

#include "core/block_vectors.h"
#include "tap.h"

#include "port/pg_bswap.h"

static EsExpectations expectations;
static EsPacker packer;

/* What was compared. */
static uint64 events;
static uint64 leaves[ES_COLUMN_SYMBOLS + 1];

static int64
get_big_endian(const uint8 *bytes)
{
	uint64		value;

	memcpy(&value, bytes, sizeof(value));
	return (int64) pg_ntoh64(value);
}

static bool
is_integer(const EsBlock *block, uint32 slot, uint32 row, int64 wanted)
{
	EsIntegers	integers;

	return es_vector_integers(block, slot, &integers) && integers.count == block->header.event_count &&
		es_integers_value(&integers, row) == wanted;
}

static bool
is_string(const EsBlock *block, uint32 slot, uint32 row, EsSlice wanted)
{
	static char value[ES_MAX_PACKED_TAGS + 64];
	EsStrings	strings;
	uint32		size;

	return es_vector_strings(block, slot, &strings) && strings.count == block->header.event_count &&
		strings.presence == NULL &&
		es_column_get(&strings.column, row, wanted, NULL, value, sizeof(value), &size) &&
		es_slice_equal(es_slice(value, size), wanted);
}

/* The fixed columns of an event. */
static bool
fixed_agree(const EsBlock *block, uint32 row, const EsStoredEvent *stored)
{
	const EsEvent *event = &stored->event;
	uint8		has = event->has & ES_HAS_STORED;

	return is_integer(block, ES_SLOT_VERSION, row, stored->version) &&
		is_integer(block, ES_SLOT_FLAGS, row, has) &&
		is_integer(block, ES_SLOT_ID_HIGH, row, get_big_endian(event->event_id)) &&
		is_integer(block, ES_SLOT_ID_LOW, row, get_big_endian(event->event_id + 8)) &&
		(!(has & ES_HAS_OCCURRED_AT) || is_integer(block, ES_SLOT_OCCURRED, row, event->occurred_at)) &&
		is_string(block, ES_SLOT_ENTITY, row, event->entity_id) &&
		is_string(block, ES_SLOT_TYPE, row, event->event_type) &&
		is_string(block, ES_SLOT_TENANT, row, event->tenant_id) &&
		(!(has & ES_HAS_TAGS) || is_string(block, ES_SLOT_TAGS, row, event->tags));
}

static uint32
bits_before(const uint64 *bits, uint32 row)
{
	uint32		count = 0;

	for (uint32 i = 0; i < row; i++)
		count += bits[i / 64] >> (i % 64) & 1;
	return count;
}

/* Appends a leaf's value, found by the bits of its column. */
static bool
append_leaf(const EsBlock *block, uint32 slot, uint32 row, EsSlice entity_id, char **out, uint32 room)
{
	EsStrings	strings;
	uint64		bits[ES_BLOCK_BIT_WORDS];
	uint32		size;

	if (!es_vector_strings(block, slot, &strings) || !es_vector_presence(block, slot, bits) ||
		!(bits[row / 64] >> (row % 64) & 1) || strings.count != bits_before(bits, block->header.event_count) ||
		!es_column_get(&strings.column, bits_before(bits, row), entity_id, &block->symbols, *out, room, &size))
		return false;
	leaves[strings.encoding]++;
	*out += size;
	return true;
}

/* Is this document what its shape's texts and leaves make? */
static bool
document_agrees(const EsBlock *block, uint32 shape_slot, uint32 row, EsSlice entity_id, EsSlice wanted)
{
	static char document[ES_BLOCK_MAX_BODY_ROOM];
	char	   *out = document;
	EsIntegers	shapes;
	EsSlice		list;

	if (!es_vector_integers(block, shape_slot, &shapes) ||
		!es_columns_find_shape(block, es_integers_value(&shapes, row), &list))
		return false;
	for (uint32 i = 0; i < list.size; i++)
	{
		uint32		slot = ES_LEAF_SLOT((uint8) list.data[i]);
		EsColumnEntry entry = es_vector_entry(block, slot);
		EsSlice		text;
		EsStrings	strings;

		if (!es_vector_text(block, entry.text, &text))
			return false;
		out = es_put_slice(out, text);
		if (entry.encoding == ES_COLUMN_NONE ? es_vector_strings(block, slot, &strings) :
			!append_leaf(block, slot, row, entity_id, &out, sizeof(document) - (out - document)))
			return false;
	}
	return es_slice_equal(es_slice(document, out - document), wanted);
}

static bool
event_agrees(EsBlock *block, uint32 row, char *body)
{
	char		strings[ES_BLOCK_HEAD_ROOM];
	EsStoredEvent stored;
	const EsEvent *event = &stored.event;

	events++;
	return es_block_read_head(block, row, strings, &stored) == ES_BLOCK_OK &&
		es_block_read_body(block, es_slice(NULL, 0), body, &stored) == ES_BLOCK_OK &&
		fixed_agree(block, row, &stored) &&
		document_agrees(block, ES_SLOT_PAYLOAD_SHAPE, row, event->entity_id, event->payload) &&
		(!(event->has & ES_HAS_METADATA) ||
		 document_agrees(block, ES_SLOT_METADATA_SHAPE, row, event->entity_id, event->metadata));
}

/* Compares the block of the job's first events; returns how many those are. */
static uint32
compare_block(const EsPackJob *job, int *failures)
{
	Memory		memory = {0};
	char	   *data = memory_take(&memory, ES_BLOCK_MAX_SIZE);
	EsStrings	none;
	EsBlock		block;
	uint32		size;
	bool		large;
	uint32		count = es_block_pack(&packer, job, data, &size, &large);
	EsSlice		bytes = memory_copy(&memory, data, size);

	if (es_block_open(&block, bytes.data, bytes.size) != ES_BLOCK_OK)
		(*failures)++;
	else if (es_block_has_columns(&block))
	{
		char	   *body = memory_take(&memory, es_block_body_room(&block));

		for (uint32 i = 0; i < count; i++)
			*failures += !event_agrees(&block, i, body);
		*failures += es_vector_strings(&block, block.columns.column_count, &none);
	}
	memory_free(&memory);
	return count;
}

static void
test_kind(BatchKind kind)
{
	Random		random = {600 + kind};
	int			failures = 0;

	es_expectations_init(&expectations);
	memset(&packer, 0, sizeof(packer));
	events = 0;
	for (int i = 0; i < 8; i++)
	{
		Memory		memory = {0};
		EsInflightList inflight = {0};
		EsSlice		text = generate_batch(&random, &memory, kind, 1 + random_below(&random, 400));
		Batch		batch;
		EsPackJob	job = {&expectations.shapes, NULL, 0, 1000, INT64CONST(852000000000000), &inflight, NULL};

		es_expectations_renew(&expectations);
		batch = read_batch(&memory, text, &expectations);
		keep_storable(&batch, ES_MAX_EVENT_SIZE);
		job.rows = make_rows(&random, &memory, &batch);
		job.row_count = batch.count;
		while (job.row_count > 0)
		{
			uint32		count = compare_block(&job, &failures);

			job.rows += count;
			job.row_count -= count;
		}
		memory_free(&memory);
	}
	is_int(failures, 0, UINT64_FORMAT " events of kind %d out of columns as a whole", events, kind);
}

int
main(void)
{
	for (int kind = 0; kind < BATCH_KINDS; kind++)
		test_kind(kind);
	for (int i = ES_COLUMN_CONSTANT; i <= ES_COLUMN_SYMBOLS; i++)
		ok(leaves[i] > 0 || i == ES_COLUMN_ENTITY, UINT64_FORMAT " leaves in encoding %d", leaves[i], i);
	return tap_done();
}
