/*-------------------------------------------------------------------------
 *
 * block_format.c
 *	  The start that blocks of all layouts have: sizes, checksum, the list of
 *	  transactions in flight.
 *
 *-------------------------------------------------------------------------
 */
#include "core/block_format.h"

#include "core/hash.h"

const char *
es_block_status_text(EsBlockStatus status)
{
	switch (status)
	{
		case ES_BLOCK_OK:
			return "no problem";
		case ES_BLOCK_TRUNCATED:
			return "block is truncated";
		case ES_BLOCK_BAD_MAGIC:
			return "block does not begin with its magic number";
		case ES_BLOCK_UNKNOWN_FORMAT:
			return "block has an unknown format version";
		case ES_BLOCK_UNKNOWN_LAYOUT:
			return "block has an unknown layout";
		case ES_BLOCK_BAD_HEADER_CRC:
			return "checksum of the block header does not match";
		case ES_BLOCK_WRONG_POSITION:
			return "first_position of block and row differ";
		case ES_BLOCK_BAD_STRUCTURE:
			return "sizes inside the block contradict each other";
		case ES_BLOCK_BAD_HEAD_CRC:
			return "checksum of the event's head does not match";
		case ES_BLOCK_BAD_BODY_CRC:
			return "checksum of the event's body does not match";
		case ES_BLOCK_LARGE_MISSING:
			return "body of the large event is missing";
	}
	return "unknown problem";
}

/* ---------------------------------------------------------------- writing */

/* Size of the header and a list of so many transactions. */
uint32
es_block_start_size(uint32 inflight_count)
{
	if (inflight_count == 0)
		return sizeof(EsBlockHeader);
	return sizeof(EsBlockHeader) + sizeof(EsInflightHeader) + inflight_count * sizeof(EsInflightEntry);
}

/*
 * Over the header, without length and checksum, over the in-flight list and
 * whatever follows it without a gap, and over the directory.
 */
uint32
es_block_header_crc(const EsBlockHeader *header, const char *list, size_t list_size,
					const char *directory, size_t directory_size)
{
	EsBlockHeader copy = *header;
	pg_crc32c	crc;

	copy.varlena_size = 0;
	copy.crc = 0;
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &copy, sizeof(copy));
	COMP_CRC32C(crc, list, list_size);
	COMP_CRC32C(crc, directory, directory_size);
	FIN_CRC32C(crc);
	return crc;
}

/* Writes the in-flight list, which stands after the header. */
void
es_block_put_inflight(char *data, const EsBlockHeader *header, const EsInflightList *list)
{
	char	   *out = data + sizeof(EsBlockHeader);
	EsInflightHeader inflight_header = {
		.writer_xid = list->writer_xid,
		.cluster = list->cluster,
		.capped = list->capped
	};

	if (list->count == 0)
		return;
	memcpy(out, &inflight_header, sizeof(inflight_header));
	out += sizeof(inflight_header);
	for (int i = 0; i < list->count; i++, out += sizeof(EsInflightEntry))
	{
		const EsInflight *inflight = &list->entries[i];
		int64		behind = header->first_position - inflight->lower;
		EsInflightEntry entry = {
			.xid_delta = (int32) (list->writer_xid - inflight->xid),
			.position_delta = behind < PG_UINT32_MAX ? (uint32) behind : PG_UINT32_MAX
		};

		memcpy(out, &entry, sizeof(entry));
	}
}

/* How many events of a merged block lie before a position that is not behind its last. */
uint32
es_block_search(const EsBlock *block, int64 position)
{
	uint32		low = 0;
	uint32		high = block->header.event_count - 1;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (es_integers_value(&block->positions, middle) < position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Counts packed tags; false when they cannot be taken apart.
 */
bool
es_block_count_tags(EsSlice tags, uint8 *count)
{
	EsSlice		tag;

	for (*count = 0; tags.size > 0; (*count)++)
	{
		if ((uint32) 1 + (uint8) tags.data[0] > tags.size || *count == ES_MAX_TAGS)
			return false;
		es_tag_next(&tags, &tag);
	}
	return true;
}
