/*-------------------------------------------------------------------------
 *
 * block_vectors.c
 *	  The columns of a block in column layout as a whole.
 *
 *-------------------------------------------------------------------------
 */
#include "core/block_vectors.h"

#include "port/pg_bitutils.h"

/* Word i of a bitmap of so many bytes; zeros behind its end. */
static inline uint64
bitmap_word(const char *bitmap, uint32 bytes, uint32 i)
{
	uint64		word = 0;
	uint32		offset = i * sizeof(word);

	memcpy(&word, bitmap + offset, Min(sizeof(word), bytes - offset));
	return word;
}

/* How many values a column with this bitmap has. */
static uint32
count_values(const char *bitmap, uint32 rows)
{
	uint32		bytes = (rows + 7) / 8;
	uint32		count = 0;

	for (uint32 i = 0; i * sizeof(uint64) < bytes; i++)
		count += pg_popcount64(bitmap_word(bitmap, bytes, i));
	return count;
}

/*
 * Opens a column of strings: a fixed one, or that of a leaf by ES_LEAF_SLOT().
 * Its values are those of the events in its bitmap, one after the other; see
 * EsStrings for what may be relied on.  False when there is no such column,
 * when it has no values (ES_COLUMN_NONE), or when its bytes make no sense.
 */
bool
es_vector_strings(const EsBlock *block, uint32 slot, EsStrings *strings)
{
	EsColumnEntry entry;
	EsColumn	column;
	const char *bitmap = NULL;
	uint32		count = block->header.event_count;

	if (slot >= block->columns.column_count)
		return false;
	entry = es_vector_entry(block, slot);
	if (slot >= ES_FIXED_SLOTS && !es_vector_bitmap(block, &entry, &bitmap))
		return false;
	if (bitmap != NULL)
		count = count_values(bitmap, count);
	if (!es_vector_column(block, slot, &entry, count, &column) ||
		!es_column_open(&column, strings))
		return false;
	strings->presence = bitmap;
	return true;
}

/* Opens the columns that tell the place of each event in the log, of a merged block. */
bool
es_vectors_open_log(EsBlock *block)
{
	return es_vector_integers(block, ES_SLOT_POSITION, &block->positions) &&
		es_vector_integers(block, ES_SLOT_RECORDED, &block->times);
}

/*
 * Do the columns of a merged block's places begin with what its header says, and do
 * positions grow and times not decrease?
 */
bool
es_vectors_check_log(const EsBlock *block)
{
	if (es_block_position(block, 0) != block->header.first_position ||
		es_block_recorded_at(block, 0) != block->header.recorded_at)
		return false;
	for (uint32 i = 1; i < block->header.event_count; i++)
	{
		if (es_block_position(block, i) <= es_block_position(block, i - 1) ||
			es_block_recorded_at(block, i) < es_block_recorded_at(block, i - 1))
			return false;
	}
	return true;
}

/*
 * Sets the bits of the events in which a column has a value, and clears the
 * others up to the end of the last word, of (event_count + 63) / 64.
 */
bool
es_vector_presence(const EsBlock *block, uint32 slot, uint64 *bits)
{
	uint32		rows = block->header.event_count;
	uint32		words = (rows + 63) / 64;
	const char *bitmap = NULL;

	if (slot >= block->columns.column_count)
		return false;
	if (slot >= ES_FIXED_SLOTS)
	{
		EsColumnEntry entry = es_vector_entry(block, slot);

		if (!es_vector_bitmap(block, &entry, &bitmap))
			return false;
	}
	for (uint32 i = 0; i < words; i++)
		bits[i] = bitmap == NULL ? PG_UINT64_MAX : bitmap_word(bitmap, (rows + 7) / 8, i);
	if (rows % 64 != 0)
		bits[words - 1] &= (UINT64CONST(1) << (rows % 64)) - 1;
	return true;
}
