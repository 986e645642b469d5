/*-------------------------------------------------------------------------
 *
 * fuzz_block.c
 *	  Blocks in row layout of arbitrary bytes: nothing outside is read, nothing
 *	  that is accepted contradicts itself.
 *
 * The first byte of the input is a set of flags that says how the rest becomes
 * a block: as it is, or with its checksums made right, so that the fuzzer gets
 * past them; or as a list of changes to a valid block.  To make checksums right
 * this file needs what block.c and block_rows.c keep to themselves, so it includes
 * them.
 *
 *-------------------------------------------------------------------------
 */
#include "core/block.c"
#include "core/block_rows.c"

#include "core/timestamp.h"
#include "fuzz.h"

#define FIX_HEADER_CRC	0x01
#define FIX_HEAD_CRCS	0x02
#define FIX_BODY_CRCS	0x04
#define CHANGE_VALID	0x08

static EsRowsBuilder builder;
static char strings[ES_BLOCK_HEAD_ROOM];

/* ---------------------------------------------------------- making checksums */

/* Makes the checksums of one record right, as far as it has a structure. */
static void
fix_record(char *data, const EsBlock *block, uint32 ordinal, int flags)
{
	uint32		offset = record_offset(block, ordinal);
	char	   *head = data + offset + RECORD_CRCS_SIZE;
	const char *end = data + block->records_end;
	const char *head_end;
	EsStoredEvent stored = {.position = block->header.first_position + ordinal};
	EsEvent    *event = &stored.event;
	pg_crc32c	crc;

	if (offset < block->records_start || offset + RECORD_CRCS_SIZE > block->records_end ||
		(head_end = take_head(head, end, &stored)) == NULL)
		return;
	crc = head_crc(stored.position, head, head_end - head);
	if (flags & FIX_HEAD_CRCS)
		memcpy(data + offset, &crc, sizeof(crc));
	if (!(flags & FIX_BODY_CRCS) || stored.large || body_size(event) > (size_t) (end - head_end))
		return;
	event->tags.data = head_end;
	event->payload.data = event->tags.data + event->tags.size;
	event->metadata.data = event->payload.data + event->payload.size;
	crc = body_crc(stored.position, event);
	memcpy(data + offset + sizeof(crc), &crc, sizeof(crc));
}

static void
fix_checksums(char *data, size_t size, int flags)
{
	EsBlock		block;
	EsBlockHeader *header = &block.header;

	if (size >= sizeof(EsBlockHeader))
	{
		memcpy(header, data, sizeof(*header));
		header->magic = ES_BLOCK_MAGIC;
		header->format = ES_BLOCK_FORMAT;
		header->layout = ES_BLOCK_LAYOUT_ROWS;
		header->first_position &= INT64CONST(0xFFFFFFFFFFFF);
		memcpy(data, header, sizeof(*header));
	}
	if (open_structure(&block, data, size) != ES_BLOCK_OK)
		return;
	for (uint32 i = 0; i < header->event_count; i++)
		fix_record(data, &block, i, flags);
	header->crc = actual_header_crc(&block);
	memcpy(data + offsetof(EsBlockHeader, crc), &header->crc, sizeof(header->crc));
}

/* --------------------------------------------------------------- making blocks */

/* A valid block of random events, changed at the places that the input names. */
static EsSlice
changed_block(Memory *memory, const uint8_t *data, size_t size)
{
	Random		random = {size > 0 ? data[0] : 0};
	EsInflightList inflight = {.count = random_below(&random, 4),.writer_xid = 1000};
	char		block[ES_BLOCK_MAX_SIZE];
	EsEvent		event;
	uint32		wanted = 1 + random_below(&random, 4);
	uint32		used;

	es_rows_begin(&builder, block, sizeof(block), 1 + random_below(&random, 1000), 0, &inflight);
	for (uint32 i = 0; i < wanted;)
	{
		random_event(&random, memory, &event);
		i += es_rows_add(&builder, &event, 1 + random_below(&random, 1000), random_chance(&random, 10));
	}
	used = es_rows_finish(&builder);
	for (size_t i = 1; i + 2 < size; i += 3)
		block[(data[i] | data[i + 1] << 8) % used] ^= (char) data[i + 2];
	return memory_copy(memory, block, used);
}

static EsSlice
make_block(Memory *memory, const uint8_t *data, size_t size)
{
	int			flags = data[0];
	EsSlice		block = flags & CHANGE_VALID ? changed_block(memory, data + 1, size - 1) :
	memory_copy(memory, data + 1, size - 1);

	if (flags & FIX_HEADER_CRC)
		fix_checksums(unconstify(char *, block.data), block.size, flags);
	return block;
}

/* -------------------------------------------------------------------- checking */

/* All that a record says lies inside the block. */
static EsBlockStatus
read_record(EsSlice bytes, EsBlock *block, uint32 ordinal, EsStoredEvent *stored)
{
	EsEvent    *event = &stored->event;
	const char *end = bytes.data + block->records_end;
	EsBlockStatus status = es_block_read_head(block, ordinal, strings, stored);

	if (status != ES_BLOCK_OK)
		return status;
	MUST(lies_inside(event->entity_id, bytes.data, end) && lies_inside(event->event_type, bytes.data, end) &&
		 lies_inside(event->tenant_id, bytes.data, end) && lies_inside(stored->body, bytes.data, end));
	if (stored->large)
	{
		MUST(es_block_read_body(block, stored->body, NULL, stored) == ES_BLOCK_LARGE_MISSING);
		return ES_BLOCK_OK;
	}
	status = es_block_read_body(block, stored->body, NULL, stored);
	if (status == ES_BLOCK_OK)
	{
		MUST(lies_inside(event->tags, bytes.data, end) && lies_inside(event->payload, bytes.data, end) &&
			 lies_inside(event->metadata, bytes.data, end) && event->tag_count <= ES_MAX_TAGS);
	}
	return status;
}

static bool
read_all(EsSlice bytes, EsBlock *block)
{
	EsInflightList list;
	bool		good = true;

	es_block_inflight(block, &list);
	MUST(list.count == block->header.inflight_count);
	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		EsStoredEvent stored;

		good &= read_record(bytes, block, i, &stored) == ES_BLOCK_OK;
	}
	return good;
}

static bool
time_in_range(int64 time)
{
	return time >= ES_TIMESTAMP_MIN && time < ES_TIMESTAMP_END;
}

/* The events of a block that passed every check make the same events again. */
static void
check_rebuilt(EsSlice bytes, EsBlock *block)
{
	static char data[ES_BLOCK_MAX_SIZE];
	EsInflightList list;
	EsBlock		rebuilt;
	EsStoredEvent stored;
	EsStoredEvent again;
	EsSlice		copy = {data, 0};

	es_block_inflight(block, &list);
	es_rows_begin(&builder, data, sizeof(data), block->header.first_position, block->header.recorded_at, &list);
	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		read_record(bytes, block, i, &stored);
		if (stored.large || !time_in_range(stored.recorded_at) || !time_in_range(stored.event.occurred_at))
			return;				/* no writer makes such times */
		MUST(es_rows_add(&builder, &stored.event, stored.version, false));
	}
	copy.size = es_rows_finish(&builder);
	MUST(copy.size <= bytes.size && es_block_open(&rebuilt, copy.data, copy.size) == ES_BLOCK_OK);
	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		MUST(read_record(bytes, block, i, &stored) == ES_BLOCK_OK);
		MUST(read_record(copy, &rebuilt, i, &again) == ES_BLOCK_OK);
		MUST(events_equal(&stored.event, &again.event) && stored.version == again.version);
	}
}

/* The other layout has a target of its own. */
static bool
in_rows(const EsBlock *block)
{
	return block->header.layout == ES_BLOCK_LAYOUT_ROWS;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	EsBlock		block;
	EsSlice		bytes;
	bool		good = false;

	if (size == 0)
		return 0;
	bytes = make_block(&memory, data, size);
	if (es_block_open(&block, bytes.data, bytes.size) == ES_BLOCK_OK && in_rows(&block))
	{
		good = read_all(bytes, &block);
		if (es_block_check(&block, NULL) == ES_BLOCK_OK)
		{
			MUST(good);
			check_rebuilt(bytes, &block);
		}
	}
	if (es_block_salvage(&block, bytes.data, bytes.size) == ES_BLOCK_OK && in_rows(&block))
		read_all(bytes, &block);
	memory_free(&memory);
	return 0;
}
