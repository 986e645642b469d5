/*-------------------------------------------------------------------------
 *
 * fuzz_columns.c
 *	  Blocks in column layout that were changed: nothing outside is read or
 *	  written, neither of single events nor of whole columns, and what is
 *	  remembered of places is what is there.
 *
 * The input is the number of a valid block, flags, and changes to it.  With the
 * flags, checksums are made right again, so that the fuzzer gets past them.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"
#include "fuzz.h"
#include "generate.h"

#include "core/block_vectors.h"
#include "core/path_places.h"

#define FIX_HEADER		0x01
#define FIX_HEAD		0x02
#define FIX_BODY		0x04
#define CUT				0x08	/* the first change is another size */

#define MAX_BLOCKS		16
#define MAX_READ		48		/* events of a block */

static EsExpectations expectations;
static EsPacker packer;

/* ---------------------------------------------------------------- valid blocks */

typedef struct ValidBlock
{
	char		data[ES_BLOCK_MAX_SIZE];
	uint32		size;
} ValidBlock;

/* Packs the first events of a batch whose shapes are known. */
static void
pack_valid(ValidBlock *block, uint32 number)
{
	static const uint8 kinds[] = {BATCH_UNIFORM, BATCH_MIXED, BATCH_STRANGE, BATCH_SHAPES};
	Memory		memory = {0};
	Random		random = {number};
	uint32		count = number < 12 ? 3 + 4 * number : 200;
	EsSlice		text = generate_batch(&random, &memory, kinds[number % lengthof(kinds)], count);
	EsInflightList inflight = {.count = number % 3,.writer_xid = 1000};
	EsPackJob	job = {&expectations.shapes, NULL, 0, 1 + number, 0, &inflight, NULL};
	Batch		batch;
	bool		large;

	es_expectations_init(&expectations);
	(void) read_batch(&memory, text, &expectations);
	batch = read_batch(&memory, text, &expectations);
	job.rows = make_rows(&random, &memory, &batch);
	job.row_count = batch.count;
	memset(&packer, 0, offsetof(EsPacker, job));
	if (number % 3 == 1)
	{
		job.places = make_places(&random, &memory, batch.count);
		job.first_position = job.places[0].position;
		job.recorded_at = job.places[0].recorded_at;
		(void) es_block_merge(&packer, &job, block->data, &block->size);
	}
	else
		es_block_pack(&packer, &job, block->data, &block->size, &large);
	memory_free(&memory);
}

static const ValidBlock *
valid_block(uint32 number)
{
	static ValidBlock blocks[MAX_BLOCKS];
	ValidBlock *block = &blocks[number % MAX_BLOCKS];

	if (block->size == 0)
		pack_valid(block, number % MAX_BLOCKS);
	return block;
}

/* ------------------------------------------------------------------- changing */

/* Makes checksums right, as far as the block has a structure. */
static void
fix_checksums(char *data, uint32 size, int flags)
{
	EsBlock		block = {.data = data,.size = size};
	EsBlockHeader *header = &block.header;
	EsColumnsHeader *columns = &block.columns;
	uint32		start;

	if (size < sizeof(*header))
		return;
	memcpy(header, data, sizeof(*header));
	start = es_block_start_size(header->inflight_count);
	if (header->inflight_count > ES_BLOCK_MAX_INFLIGHT || es_columns_open(&block) != ES_BLOCK_OK)
		return;
	if (flags & FIX_HEAD)
		columns->head_checksum = es_columns_checksum(data + block.head_start, columns->body_start - block.head_start, header);
	if (flags & FIX_BODY)
		columns->body_checksum = es_columns_checksum(data + columns->body_start, size - columns->body_start, header);
	memcpy(data + start, columns, sizeof(*columns));
	header->crc = es_columns_header_crc(&block);
	if (flags & FIX_HEADER)
		memcpy(data, header, sizeof(*header));
}

/* A copy with the changes: where, and which bits. */
static EsSlice
make_block(Memory *memory, const uint8_t *data, size_t size)
{
	const ValidBlock *valid = valid_block(data[0]);
	int			flags = data[1];
	uint32		used = valid->size;
	char	   *bytes;

	data += 2;
	size -= 2;
	if ((flags & CUT) && size >= 2)
	{
		used = (data[0] | data[1] << 8) % (used + 1);
		data += 2;
		size -= 2;
	}
	bytes = unconstify(char *, memory_copy(memory, valid->data, used).data);
	for (; size >= 3 && used > 0; data += 3, size -= 3)
		bytes[(data[0] | data[1] << 8) % used] ^= (char) data[2];
	fix_checksums(bytes, used, flags);
	return es_slice(bytes, used);
}

/* -------------------------------------------------------------------- checking */

static bool
time_is_given(const EsEvent *event)
{
	return (event->has & ES_HAS_OCCURRED_AT) != 0;
}

/* All that is read of an event lies where it may. */
static bool
read_event(EsBlock *block, uint32 ordinal, char *strings, char *body)
{
	const char *end = strings + ES_BLOCK_HEAD_ROOM;
	EsStoredEvent stored;
	EsEvent    *event = &stored.event;

	if (es_block_read_head(block, ordinal, strings, &stored) != ES_BLOCK_OK)
		return false;
	MUST(lies_inside(event->entity_id, strings, end) && lies_inside(event->event_type, strings, end) &&
		 lies_inside(event->tenant_id, strings, end));
	MUST(event->entity_id.size <= ES_MAX_ENTITY_ID && event->event_type.size <= ES_MAX_EVENT_TYPE &&
		 event->tenant_id.size <= ES_MAX_TENANT_ID);
	MUST(!stored.large && (time_is_given(event) || event->occurred_at == 0));
	if (es_block_read_body(block, es_slice(NULL, 0), body, &stored) != ES_BLOCK_OK)
		return false;
	end = body + es_block_body_room(block);
	MUST(lies_inside(event->tags, body, end) && lies_inside(event->payload, body, end) &&
		 lies_inside(event->metadata, body, end) && event->tag_count <= ES_MAX_TAGS);
	return true;
}

static bool
read_all(EsBlock *block)
{
	Memory		memory = {0};
	char	   *strings = memory_take(&memory, ES_BLOCK_HEAD_ROOM);
	char	   *body = memory_take(&memory, es_block_body_room(block));
	uint32		count = block->header.event_count;
	uint32		step = 1 + count / MAX_READ;
	bool		good = true;
	EsInflightList list;

	es_block_inflight(block, &list);
	MUST(list.count == block->header.inflight_count);
	for (uint32 i = 0; i < count; i += step)
		good &= read_event(block, i, strings, body);
	good &= read_event(block, count - 1, strings, body);
	MUST(!read_event(block, count, strings, body));
	if (count <= MAX_READ)
		MUST((es_block_check(block, body) == ES_BLOCK_OK) ==
			 (good && (!es_block_is_merged(block) || es_vectors_check_log(block))));
	memory_free(&memory);
	return good;
}

static void
touch(EsSlice slice)
{
	static volatile uint32 sink;

	for (uint32 i = 0; i < slice.size; i++)
		sink = sink + (uint8) slice.data[i];
}

/* Opens a column; its parts lie inside the block. */
static void
open_strings(const EsBlock *block, uint32 slot)
{
	EsStrings	strings;
	uint64		bits[ES_BLOCK_BIT_WORDS];
	uint32		value;

	(void) es_vector_presence(block, slot, bits);
	if (!es_vector_strings(block, slot, &strings))
		return;
	touch(strings.prefix);
	touch(strings.suffix);
	touch(strings.constant);
	for (uint32 i = 0; i < strings.exceptions.count; i++)
	{
		touch(es_strings_exception(&strings, i, &value));
		MUST(value < strings.count);
	}
	for (uint32 i = 0; strings.ends != NULL && i < (strings.word_count > 0 ? strings.word_count : strings.count); i++)
		touch(es_strings_text(&strings, i));
	for (uint32 i = 0; strings.data != NULL && strings.each == 0 && strings.encoding != ES_COLUMN_HEX && i < strings.count; i++)
		(void) es_integers_get(strings.data, strings.width, i);
	touch(es_slice(strings.data, strings.data == NULL ? 0 : (size_t) strings.count * strings.each));
}

static void
open_columns(const EsBlock *block)
{
	EsIntegers	integers;

	for (uint32 slot = 0; slot < ES_FIXED_SLOTS; slot++)
	{
		if (es_vector_integers(block, slot, &integers))
			(void) es_integers_value(&integers, integers.count - 1);
	}
	for (uint32 slot = 0; slot <= block->columns.column_count; slot++)
		open_strings(block, slot);
}

/* Keys that generated documents have. */
static const EsPath paths[] = {
	{0},
	{1, {{ES_STEP_KEY, {"total", 5}, 0}}},
	{2, {{ES_STEP_KEY, {"customer", 8}, 0}, {ES_STEP_EITHER, {"tier", 4}, 0}}},
	{1, {{ES_STEP_KEY, {"", 0}, 0}}}
};

/* What is remembered from block to block is what this one says. */
static void
check_places(const EsBlock *block)
{
	static EsPlaces places;
	static EsPlace found[ES_MAX_BLOCK_SHAPES];
	bool		known;

	if (places.memory == NULL)
		es_places_init(&places, paths, lengthof(paths), malloc(es_places_size(lengthof(paths))));
	known = es_places_look_up(&places, block);
	for (uint32 i = 0; i < lengthof(paths); i++)
	{
		bool		right = es_path_places(block, &paths[i], found, lengthof(found));

		MUST(right == known);
		MUST(!known || memcmp(found, es_places_get(&places, i), block->columns.shape_count * sizeof(EsPlace)) == 0);
	}
}

static bool
in_columns(const EsBlock *block)
{
	return es_block_has_columns(block);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	EsBlock		block;
	EsSlice		bytes;

	if (size < 2)
		return 0;
	bytes = make_block(&memory, data, size);
	if (es_block_open(&block, bytes.data, bytes.size) == ES_BLOCK_OK && in_columns(&block))
	{
		MUST(read_all(&block) || size > 3);
		open_columns(&block);
		check_places(&block);
	}
	if (es_block_salvage(&block, bytes.data, bytes.size) == ES_BLOCK_OK && in_columns(&block))
		read_all(&block);
	memory_free(&memory);
	return 0;
}
