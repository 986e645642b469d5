/*-------------------------------------------------------------------------
 *
 * block.c
 *	  Blocks of any layout: the way in for readers.
 *
 * A reader trusts nothing: sizes are checked against the block before bytes
 * are touched, and checksums before fields are believed.
 *
 *-------------------------------------------------------------------------
 */
#include "core/block.h"

#include "core/block_columns_read.h"
#include "core/block_rows.h"
#include "core/block_vectors.h"

/* Finds the parts of a block; checks sizes, not checksums. */
static EsBlockStatus
open_structure(EsBlock *block, const char *data, size_t size)
{
	EsBlockHeader *header = &block->header;
	EsBlockStatus status;

	if (size < sizeof(EsBlockHeader) || size > ES_BLOCK_MAX_SIZE)
		return ES_BLOCK_TRUNCATED;
	memcpy(header, data, sizeof(*header));
	block->data = data;
	block->size = (uint32) size;
	block->verified = false;
	if (header->magic != ES_BLOCK_MAGIC)
		return ES_BLOCK_BAD_MAGIC;
	if (header->format != ES_BLOCK_FORMAT)
		return ES_BLOCK_UNKNOWN_FORMAT;
	if (header->layout < ES_BLOCK_LAYOUT_ROWS || header->layout > ES_BLOCK_LAYOUT_MERGED)
		return ES_BLOCK_UNKNOWN_LAYOUT;
	if (header->event_count == 0 || header->event_count > ES_BLOCK_MAX_EVENTS ||
		header->inflight_count > ES_BLOCK_MAX_INFLIGHT || header->first_position < 1)
		return ES_BLOCK_BAD_STRUCTURE;
	if (es_block_start_size(header->inflight_count) > size)
		return ES_BLOCK_TRUNCATED;
	if (header->layout == ES_BLOCK_LAYOUT_ROWS)
		return es_rows_open(block);
	status = es_columns_open(block);
	if (status == ES_BLOCK_OK && es_block_is_merged(block) && !es_vectors_open_log(block))
		status = ES_BLOCK_BAD_STRUCTURE;
	return status;
}

static uint32
actual_header_crc(const EsBlock *block)
{
	if (block->header.layout == ES_BLOCK_LAYOUT_ROWS)
		return es_rows_header_crc(block);
	return es_columns_header_crc(block);
}

/*
 * Opens a block of 'size' bytes, varlena header included, and checks its
 * header and what else says where in the log its events are.  The bytes must stay
 * where they are while the block is in use.
 */
EsBlockStatus
es_block_open(EsBlock *block, const char *data, size_t size)
{
	EsBlockStatus status = open_structure(block, data, size);

	if (status == ES_BLOCK_OK && actual_header_crc(block) != block->header.crc)
		status = ES_BLOCK_BAD_HEADER_CRC;
	if (status == ES_BLOCK_OK && es_block_is_merged(block))
		status = es_columns_check_head(block);
	return status;
}

/* The same of a block whose checksums are known to be right. */
EsBlockStatus
es_block_open_verified(EsBlock *block, const char *data, size_t size)
{
	EsBlockStatus status = open_structure(block, data, size);

	block->verified = status == ES_BLOCK_OK;
	return status;
}

/*
 * Checks all checksums of an open block.  From then on nothing that is read of it
 * is compared with them, but for the bodies of large events, which are not part of it.
 */
EsBlockStatus
es_block_verify(EsBlock *block)
{
	EsBlockStatus status;

	if (block->verified)
		return ES_BLOCK_OK;
	if (block->header.layout == ES_BLOCK_LAYOUT_ROWS)
		status = es_rows_check(block);
	else if ((status = es_columns_check_head(block)) == ES_BLOCK_OK)
		status = es_columns_check_body(block);
	block->verified = status == ES_BLOCK_OK;
	return status;
}

/*
 * Opens a block whose header is damaged, if nonetheless the head of every event
 * is valid and no event of the block is unaccounted for.  Otherwise returns what
 * is wrong.  Heads can be believed but for times, which depend on the header's;
 * bodies must not be read, since the header's checksum covers where they are.
 */
EsBlockStatus
es_block_salvage(EsBlock *block, const char *data, size_t size)
{
	EsBlockStatus status = open_structure(block, data, size);

	if (status != ES_BLOCK_OK)
		return status;
	if (block->header.layout == ES_BLOCK_LAYOUT_ROWS)
		return es_rows_check_heads(block);
	return es_columns_check_heads(block);
}

/*
 * Reads who and what an event is, by its ordinal in the block.  Its strings are
 * put into 'strings', which has ES_BLOCK_HEAD_ROOM bytes, or lie in the block.
 * What belongs to the body is to be read by es_block_read_body().
 */
EsBlockStatus
es_block_read_head(EsBlock *block, uint32 ordinal, char *strings, EsStoredEvent *stored)
{
	if (ordinal >= block->header.event_count)
		return ES_BLOCK_BAD_STRUCTURE;
	memset(stored, 0, sizeof(*stored));
	stored->ordinal = ordinal;
	stored->position = es_block_position(block, ordinal);
	stored->recorded_at = es_block_recorded_at(block, ordinal);
	if (block->header.layout == ES_BLOCK_LAYOUT_ROWS)
		return es_rows_read_head(block, ordinal, stored);
	return es_columns_read_head(block, ordinal, strings, stored);
}

/* Bytes that es_block_read_body() needs for any event of the block. */
uint32
es_block_body_room(const EsBlock *block)
{
	return block->header.layout == ES_BLOCK_LAYOUT_ROWS ? 0 : block->columns.body_room;
}

/*
 * Completes an event whose head was read.  'large' is what the tuple's second
 * column has when the event is large; 'body' has es_block_body_room() bytes,
 * where the event's fields will lie unless they lie in the block.
 */
EsBlockStatus
es_block_read_body(EsBlock *block, EsSlice large, char *body, EsStoredEvent *stored)
{
	if (block->header.layout == ES_BLOCK_LAYOUT_ROWS)
		return es_rows_read_body(block, stored, stored->large ? large : stored->body);
	return es_columns_read_body(block, body, stored);
}

/*
 * Checks everything that can be checked of an open block by itself; 'body' has
 * es_block_body_room() bytes.  Bodies of large events are not part of it.
 */
EsBlockStatus
es_block_check(EsBlock *block, char *body)
{
	char		strings[ES_BLOCK_HEAD_ROOM];

	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		EsStoredEvent stored;
		EsBlockStatus status = es_block_read_head(block, i, strings, &stored);

		if (status == ES_BLOCK_OK && !stored.large)
			status = es_block_read_body(block, stored.body, body, &stored);
		if (status != ES_BLOCK_OK)
			return status;
	}
	if (block->header.layout == ES_BLOCK_LAYOUT_ROWS)
		return es_rows_check_heads(block);
	return es_block_is_merged(block) && !es_vectors_check_log(block) ? ES_BLOCK_BAD_STRUCTURE :
		ES_BLOCK_OK;
}

/*
 * Reads the list of transactions that were in flight when the block was
 * written.
 */
void
es_block_inflight(const EsBlock *block, EsInflightList *list)
{
	const char *in = block->data + sizeof(EsBlockHeader);
	EsInflightHeader header;

	memset(list, 0, offsetof(EsInflightList, entries));
	list->count = block->header.inflight_count;
	if (list->count == 0)
		return;
	memcpy(&header, in, sizeof(header));
	list->writer_xid = header.writer_xid;
	list->cluster = header.cluster;
	list->capped = header.capped != 0;
	in += sizeof(header);
	for (int i = 0; i < list->count; i++, in += sizeof(EsInflightEntry))
	{
		EsInflightEntry entry;

		memcpy(&entry, in, sizeof(entry));
		list->entries[i].xid = header.writer_xid - (int64) entry.xid_delta;
		list->entries[i].lower = entry.position_delta == PG_UINT32_MAX ? 0 :
			block->header.first_position - (int64) entry.position_delta;
	}
}
