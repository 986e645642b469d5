/*-------------------------------------------------------------------------
 *
 * block_columns.c
 *	  Blocks in column layout: opening, checksums, shapes.
 *
 * Memory safety does not depend on the checksums: offsets and sizes are checked
 * wherever they are used.
 *
 *-------------------------------------------------------------------------
 */
#include "core/block_columns.h"

#include "core/hash.h"
#include "kernel/kernel.h"

/*
 * A checksum of part of a block.  It depends on the place in the log too, so
 * that what is right in one block cannot pass for part of another.
 */
uint32
es_columns_checksum(const char *data, size_t size, const EsBlockHeader *header)
{
	uint64		place = (uint64) header->first_position * ES_BLOCK_MAX_EVENTS + header->event_count;

	return (uint32) ((es_kernel->hash(data, size) ^ place) * UINT64CONST(0x9E3779B97F4A7C15) >> 32);
}

/* ---------------------------------------------------------------- opening */

/* Finds the parts of a block whose header makes sense. */
EsBlockStatus
es_columns_open(EsBlock *block)
{
	EsColumnsHeader *columns = &block->columns;
	uint32		start = es_block_start_size(block->header.inflight_count);

	if (block->size < start + sizeof(*columns) + ES_COLUMNS_PADDING)
		return ES_BLOCK_TRUNCATED;
	memcpy(columns, block->data + start, sizeof(*columns));
	block->directory = start + sizeof(*columns);
	if (columns->column_count < ES_FIXED_SLOTS ||
		columns->column_count > ES_FIXED_SLOTS + ES_MAX_LEAF_COLUMNS)
		return ES_BLOCK_BAD_STRUCTURE;
	block->head_start = block->directory +
		(columns->column_count - ES_HEAD_SLOTS) * sizeof(EsColumnEntry);
	if (columns->body_start < block->head_start + es_columns_head_slots(&block->header) * sizeof(EsColumnEntry) ||
		columns->body_start > block->size - ES_COLUMNS_PADDING ||
		columns->body_room > ES_BLOCK_MAX_BODY_ROOM)
		return ES_BLOCK_BAD_STRUCTURE;
	block->head_checked = block->body_checked = false;
	return ES_BLOCK_OK;
}

/* The checksum that the header should have. */
uint32
es_columns_header_crc(const EsBlock *block)
{
	return es_block_header_crc(&block->header, block->data + sizeof(EsBlockHeader),
							   block->head_start - sizeof(EsBlockHeader), NULL, 0);
}

/* Checks, once, what the columns of the head are covered by. */
EsBlockStatus
es_columns_check_head(EsBlock *block)
{
	if (!block->verified && !block->head_checked &&
		es_columns_checksum(block->data + block->head_start,
							block->columns.body_start - block->head_start,
							&block->header) != block->columns.head_checksum)
		return ES_BLOCK_BAD_HEAD_CRC;
	block->head_checked = true;
	return ES_BLOCK_OK;
}

/* Opens the symbols, if the block has any; no column can be read with them before. */
bool
es_columns_open_symbols(EsBlock *block)
{
	const EsColumnsHeader *columns = &block->columns;

	return columns->symbols == 0 ||
		(columns->symbols >= columns->body_start &&
		 columns->symbols + columns->symbols_size <= es_columns_end(block) &&
		 es_symbols_open(&block->symbols, block->data + columns->symbols, columns->symbols_size));
}

/* Checks, once, what all but the head is covered by, and opens the symbols. */
EsBlockStatus
es_columns_check_body(EsBlock *block)
{
	const EsColumnsHeader *columns = &block->columns;

	if (block->body_checked)
		return ES_BLOCK_OK;
	if (!block->verified &&
		es_columns_checksum(block->data + columns->body_start,
							block->size - columns->body_start,
							&block->header) != columns->body_checksum)
		return ES_BLOCK_BAD_BODY_CRC;
	if (!es_columns_open_symbols(block))
		return ES_BLOCK_BAD_STRUCTURE;
	block->body_checked = true;
	return ES_BLOCK_OK;
}

/* The list of columns that a shape is. */
bool
es_columns_find_shape(const EsBlock *block, int64 shape, EsSlice *list)
{
	const EsColumnsHeader *columns = &block->columns;
	uint32		lists = columns->shapes + columns->shape_count * sizeof(uint16);
	uint32		start;
	uint32		end;

	if (shape < 0 || shape >= columns->shape_count ||
		columns->shapes < columns->body_start || lists > es_columns_end(block))
		return false;
	start = shape == 0 ? 0 : es_get_uint16(block->data + columns->shapes + (shape - 1) * sizeof(uint16));
	end = es_get_uint16(block->data + columns->shapes + shape * sizeof(uint16));
	if (end < start || end - start > ES_MAX_LEAVES + 1 || lists + end > es_columns_end(block))
		return false;
	*list = es_slice(block->data + lists + start, end - start);
	return true;
}
