/*-------------------------------------------------------------------------
 *
 * block_vectors.h
 *	  The columns of a block in column layout as a whole: what scans read, and
 *	  what reading single events begins with.
 *
 * Opening a column checks that all its bytes lie inside its part of the block,
 * so that a loop over its values need not.  Checksums are the caller's to
 * check: es_columns_check_head() and es_columns_check_body().  What is opened
 * points into the block.  At least ES_COLUMNS_PADDING bytes after any column
 * may be read, whatever they are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_BLOCK_VECTORS_H
#define EVENTSTORE_CORE_BLOCK_VECTORS_H

#include "core/block_columns.h"
#include "core/column.h"
#include "core/integers.h"

/* The slot of a leaf column, whose number is what shapes say. */
#define ES_LEAF_SLOT(column) (ES_FIXED_SLOTS + (uint32) (column))

/* Words of a set of the events of a block. */
#define ES_BLOCK_BIT_WORDS	(ES_BLOCK_MAX_EVENTS / 64)

extern bool es_vector_strings(const EsBlock *block, uint32 slot, EsStrings *strings);
extern bool es_vector_presence(const EsBlock *block, uint32 slot, uint64 *bits);
extern bool es_vectors_open_log(EsBlock *block);
extern bool es_vectors_check_log(const EsBlock *block);

/* Is it one of the columns that the head's checksum covers? */
static inline bool
es_vector_in_head(uint32 slot)
{
	return slot < ES_HEAD_SLOTS || slot >= ES_LOG_SLOTS;
}

/* The directory's entry of a column that there is. */
static inline EsColumnEntry
es_vector_entry(const EsBlock *block, uint32 slot)
{
	EsColumnEntry entry;
	uint32		offset;

	if (slot < ES_HEAD_SLOTS)
		offset = block->head_start + slot * sizeof(entry);
	else if (slot < ES_LOG_SLOTS)
		offset = block->directory + (slot - ES_HEAD_SLOTS) * sizeof(entry);
	else
		offset = block->head_start + (ES_HEAD_SLOTS + slot - ES_LOG_SLOTS) * sizeof(entry);
	memcpy(&entry, block->data + offset, sizeof(entry));
	return entry;
}

/* Makes a column of its entry, with bounds for its data. */
static inline bool
es_vector_column(const EsBlock *block, uint32 slot, const EsColumnEntry *entry,
				 uint32 count, EsColumn *column)
{
	bool		in_head = es_vector_in_head(slot);
	uint32		start = in_head ? block->head_start : block->columns.body_start;
	uint32		end = in_head ? block->columns.body_start : es_columns_end(block);

	if (entry->data < start || entry->data > end)
		return false;
	column->encoding = entry->encoding;
	column->width = entry->width;
	column->param = entry->param;
	column->count = count;
	column->data = block->data + entry->data;
	column->end = block->data + end;
	return true;
}

/*
 * Opens one of the fixed columns of integers, or of those that only merged blocks
 * have; false when its bytes make no
 * sense.
 */
static inline bool
es_vector_integers(const EsBlock *block, uint32 slot, EsIntegers *integers)
{
	EsColumnEntry entry = es_vector_entry(block, slot);
	EsColumn	column;
	uint32		count = block->header.event_count;

	if (!es_vector_column(block, slot, &entry, count, &column) ||
		column.encoding != ES_COLUMN_INTEGER || column.param > ES_UNIT_THOUSAND ||
		!es_integers_width_valid(column.width) ||
		(size_t) (column.end - column.data) < sizeof(int64) + es_integers_size(column.width, count))
		return false;
	memcpy(&integers->base, column.data, sizeof(integers->base));
	integers->unit = column.param == ES_UNIT_THOUSAND ? 1000 : 1;
	integers->width = column.width;
	integers->count = count;
	integers->data = column.data + sizeof(int64);
	return true;
}

/*
 * The bitmap of the events in which a column has a value, (event_count + 7) / 8
 * bytes; NULL when that is all of them.
 */
static inline bool
es_vector_bitmap(const EsBlock *block, const EsColumnEntry *entry, const char **bitmap)
{
	uint32		bytes = (block->header.event_count + 7U) / 8;
	uint32		offset;

	*bitmap = NULL;
	if (entry->presence == 0)
		return true;
	offset = block->columns.presence + (entry->presence - 1) * bytes;
	if (entry->presence > block->columns.presence_count ||
		offset < block->columns.body_start || offset + bytes > es_columns_end(block))
		return false;
	*bitmap = block->data + offset;
	return true;
}

/* The fixed text at an offset. */
static inline bool
es_vector_text(const EsBlock *block, uint32 offset, EsSlice *text)
{
	uint32		end = es_columns_end(block);

	if (offset < block->columns.body_start || offset + sizeof(uint16) > end)
		return false;
	*text = es_slice(block->data + offset + sizeof(uint16), es_get_uint16(block->data + offset));
	return offset + sizeof(uint16) + text->size <= end;
}

#endif							/* EVENTSTORE_CORE_BLOCK_VECTORS_H */
