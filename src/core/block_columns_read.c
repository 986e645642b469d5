/*-------------------------------------------------------------------------
 *
 * block_columns_read.c
 *	  Blocks in column layout: events out of their columns.
 *
 * An event is put together from its columns.  The checksums of the head's
 * columns and of the body's are checked when one of them is first read.
 *
 *-------------------------------------------------------------------------
 */
#include "core/block_columns_read.h"

#include "core/block_vectors.h"
#include "core/column.h"

#include "port/pg_bitutils.h"

/* A document or a list of tags that is being put together. */
typedef struct Assembly
{
	EsBlock    *block;
	uint32		row;
	EsSlice		entity_id;
	char	   *out;
	char	   *out_end;
} Assembly;

/* Reads an integer of one of the fixed columns. */
static bool
get_integer(const EsBlock *block, uint32 slot, uint32 row, int64 *value)
{
	EsIntegers	integers;

	if (!es_vector_integers(block, slot, &integers))
		return false;
	*value = es_integers_value(&integers, row);
	return true;
}

/* Reads a string of one of the fixed columns into *out, which moves on. */
static bool
get_string(EsBlock *block, uint32 slot, uint32 row, char **out, uint32 room, EsSlice *string)
{
	EsColumnEntry entry = es_vector_entry(block, slot);
	EsColumn	column;
	uint32		size;

	if (!es_vector_column(block, slot, &entry, block->header.event_count, &column) ||
		!es_column_get(&column, row, es_slice(NULL, 0), NULL, *out, room, &size))
		return false;
	*string = es_slice(*out, size);
	*out += size;
	return true;
}

/* -------------------------------------------------------------------- head */

static void
put_big_endian(uint64 value, uint8 *out)
{
	value = pg_hton64(value);
	memcpy(out, &value, sizeof(value));
}

static bool
read_numbers(const EsBlock *block, uint32 row, EsStoredEvent *stored)
{
	int64		id_high;
	int64		id_low;
	int64		flags;

	if (!get_integer(block, ES_SLOT_VERSION, row, &stored->version) ||
		!get_integer(block, ES_SLOT_ID_HIGH, row, &id_high) ||
		!get_integer(block, ES_SLOT_ID_LOW, row, &id_low) ||
		!get_integer(block, ES_SLOT_OCCURRED, row, &stored->event.occurred_at) ||
		!get_integer(block, ES_SLOT_FLAGS, row, &flags) ||
		(flags & ~(int64) ES_HAS_STORED) != 0 || stored->version < 1)
		return false;
	put_big_endian((uint64) id_high, stored->event.event_id);
	put_big_endian((uint64) id_low, stored->event.event_id + sizeof(uint64));
	stored->event.has = (uint8) flags | ES_HAS_EVENT_ID;
	if (!(flags & ES_HAS_OCCURRED_AT))
		stored->event.occurred_at = 0;
	return true;
}

/*
 * Reads the head of an event; its strings go to 'strings'.
 */
EsBlockStatus
es_columns_read_head(EsBlock *block, uint32 ordinal, char *strings, EsStoredEvent *stored)
{
	EsEvent    *event = &stored->event;
	EsBlockStatus status = es_columns_check_head(block);

	if (status != ES_BLOCK_OK)
		return status;
	if (!read_numbers(block, ordinal, stored) ||
		!get_string(block, ES_SLOT_ENTITY, ordinal, &strings, ES_MAX_ENTITY_ID, &event->entity_id) ||
		!get_string(block, ES_SLOT_TYPE, ordinal, &strings, ES_MAX_EVENT_TYPE, &event->event_type) ||
		!get_string(block, ES_SLOT_TENANT, ordinal, &strings, ES_MAX_TENANT_ID, &event->tenant_id))
		return ES_BLOCK_BAD_STRUCTURE;
	return ES_BLOCK_OK;
}

/* -------------------------------------------------------------------- body */

/* Counts the bits before 'row'; *all is how many there are. */
static uint32
count_present(const char *bitmap, uint32 row, uint32 rows, uint32 *all)
{
	uint32		before = 0;
	uint32		bytes = (rows + 7) / 8;

	*all = 0;
	for (uint32 i = 0; i < bytes; i += sizeof(uint64))
	{
		uint64		bits = 0;
		uint32		first = i * 8;

		memcpy(&bits, bitmap + i, Min(sizeof(bits), bytes - i));
		*all += pg_popcount64(bits);
		if (row >= first + 64)
			before += pg_popcount64(bits);
		else if (row > first)
			before += pg_popcount64(bits & ((UINT64CONST(1) << (row - first)) - 1));
	}
	return before;
}

/*
 * Finds which of the column's values is that of the row, and how many it has.
 */
static bool
find_rank(const EsBlock *block, const EsColumnEntry *entry, uint32 row, uint32 *rank,
		  uint32 *count)
{
	uint32		rows = block->header.event_count;
	const char *bitmap;

	*rank = row;
	*count = rows;
	if (!es_vector_bitmap(block, entry, &bitmap))
		return false;
	if (bitmap == NULL)
		return true;
	if (!((uint8) bitmap[row / 8] >> (row % 8) & 1))
		return false;
	*rank = count_present(bitmap, row, rows, count);
	return true;
}

/* Copies the fixed text of a segment. */
static bool
put_text(Assembly *assembly, uint32 offset)
{
	const EsBlock *block = assembly->block;
	EsSlice		text;

	if (!es_vector_text(block, offset, &text) ||
		text.size > (size_t) (assembly->out_end - assembly->out))
		return false;
	if (text.size <= 16 && assembly->out_end - assembly->out >= 16 &&
		offset + sizeof(uint16) + 16 <= block->size)
		memcpy(assembly->out, text.data, 16);
	else
		memcpy(assembly->out, text.data, text.size);
	assembly->out += text.size;
	return true;
}

/* Appends a segment and its leaf, if it has one. */
static bool
put_segment(Assembly *assembly, uint32 slot)
{
	EsBlock    *block = assembly->block;
	EsColumnEntry entry;
	EsColumn	column;
	uint32		rank;
	uint32		count;
	uint32		size;

	if (slot >= block->columns.column_count)
		return false;
	entry = es_vector_entry(block, slot);
	if (!put_text(assembly, entry.text))
		return false;
	if (entry.encoding == ES_COLUMN_NONE)
		return true;
	if (!find_rank(block, &entry, assembly->row, &rank, &count) ||
		!es_vector_column(block, slot, &entry, count, &column) ||
		!es_column_get(&column, rank, assembly->entity_id,
					   block->columns.symbols == 0 ? NULL : &block->symbols,
					   assembly->out, assembly->out_end - assembly->out, &size))
		return false;
	assembly->out += size;
	return true;
}

/* Puts together the document whose shape is in this column. */
static bool
put_document(Assembly *assembly, uint32 shape_slot, EsSlice *document)
{
	char	   *start = assembly->out;
	int64		shape;
	EsSlice		list;

	if (!get_integer(assembly->block, shape_slot, assembly->row, &shape) ||
		!es_columns_find_shape(assembly->block, shape, &list))
		return false;
	for (uint32 i = 0; i < list.size; i++)
	{
		if (!put_segment(assembly, ES_FIXED_SLOTS + (uint8) list.data[i]))
			return false;
	}
	*document = es_slice(start, assembly->out - start);
	return true;
}

static bool
put_tags(Assembly *assembly, EsEvent *event)
{
	return get_string(assembly->block, ES_SLOT_TAGS, assembly->row, &assembly->out,
					  assembly->out_end - assembly->out, &event->tags) &&
		es_block_count_tags(event->tags, &event->tag_count);
}

/*
 * Puts together the body of an event whose head was read.
 */
EsBlockStatus
es_columns_read_body(EsBlock *block, char *body, EsStoredEvent *stored)
{
	EsEvent    *event = &stored->event;
	EsBlockStatus status = es_columns_check_body(block);
	Assembly	assembly = {
		.block = block,
		.row = stored->ordinal,
		.entity_id = event->entity_id,
		.out = body,
		.out_end = body + block->columns.body_room
	};

	if (status != ES_BLOCK_OK)
		return status;
	if (((event->has & ES_HAS_TAGS) && !put_tags(&assembly, event)) ||
		!put_document(&assembly, ES_SLOT_PAYLOAD_SHAPE, &event->payload) ||
		((event->has & ES_HAS_METADATA) &&
		 !put_document(&assembly, ES_SLOT_METADATA_SHAPE, &event->metadata)))
		return ES_BLOCK_BAD_STRUCTURE;
	return ES_BLOCK_OK;
}

/* Checks that every event has a valid head. */
EsBlockStatus
es_columns_check_heads(EsBlock *block)
{
	char		strings[ES_BLOCK_HEAD_ROOM];

	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		EsStoredEvent stored = {.position = es_block_position(block, i)};
		EsBlockStatus status = es_columns_read_head(block, i, strings, &stored);

		if (status != ES_BLOCK_OK)
			return status;
	}
	return ES_BLOCK_OK;
}
