/*-------------------------------------------------------------------------
 *
 * block.c
 *	  Blocks in row layout: building, opening, reading, checking.
 *
 * A reader trusts nothing: sizes are checked against the block before bytes
 * are touched, and checksums before fields are believed.  The head of a
 * record (who, what, which version) and its body (tags and JSON) have a
 * checksum each, so that damage to a document does not hide whose it is.
 *
 *-------------------------------------------------------------------------
 */
#include "core/block.h"

#include "core/hash.h"

/* Bits of a record's flags byte. */
#define RECORD_HAS_METADATA		0x01
#define RECORD_HAS_TAGS			0x02
#define RECORD_HAS_OCCURRED_AT	0x04
#define RECORD_HAS_TENANT		0x08
#define RECORD_LARGE			0x10
#define RECORD_ALL				0x1F

/* Sizes of a record's fixed parts, in their order. */
#define RECORD_CRCS_SIZE		8	/* head crc, body crc */
#define RECORD_FIXED_SIZE		(1 + 1 + 2 + ES_UUID_SIZE)	/* flags, sizes, id */
#define MAX_VARINT_SIZE			10

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

/* ---------------------------------------------------------------- varints */

static uint32
varint_size(uint64 value)
{
	uint32		size = 1;

	while (value >= 0x80)
	{
		value >>= 7;
		size++;
	}
	return size;
}

static char *
put_varint(char *out, uint64 value)
{
	while (value >= 0x80)
	{
		*out++ = (char) (value | 0x80);
		value >>= 7;
	}
	*out++ = (char) value;
	return out;
}

/* Reads a varint of at most max; NULL when there is none before end. */
static const char *
take_varint(const char *in, const char *end, uint64 max, uint64 *value)
{
	*value = 0;
	for (int shift = 0; in < end && shift < 64; shift += 7)
	{
		uint64		bits = (unsigned char) *in & 0x7F;

		*value |= bits << shift;
		if (!(*in++ & 0x80))
			return *value <= max ? in : NULL;
	}
	return NULL;
}

/* Signed numbers near zero as small unsigned ones. */
static uint64
zigzag(int64 value)
{
	return ((uint64) value << 1) ^ (uint64) (value >> 63);
}

static int64
unzigzag(uint64 value)
{
	return (int64) (value >> 1) ^ -(int64) (value & 1);
}

/* The inverse wraps around in the same way. */
static int64
time_delta(int64 time, int64 base)
{
	return (int64) ((uint64) time - (uint64) base);
}

/* -------------------------------------------------------------- checksums */

static pg_crc32c
header_crc(const EsBlockHeader *header, const char *inflight, size_t inflight_size,
		   const char *offsets)
{
	EsBlockHeader copy = *header;
	pg_crc32c	crc;

	copy.varlena_size = 0;
	copy.crc = 0;
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &copy, sizeof(copy));
	COMP_CRC32C(crc, inflight, inflight_size);
	COMP_CRC32C(crc, offsets, header->event_count * sizeof(uint16));
	FIN_CRC32C(crc);
	return crc;
}

/* Over the position too, so that a record cannot pass for another. */
static pg_crc32c
head_crc(int64 position, const char *head, size_t size)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &position, sizeof(position));
	COMP_CRC32C(crc, head, size);
	FIN_CRC32C(crc);
	return crc;
}

static pg_crc32c
body_crc(int64 position, const EsEvent *event)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &position, sizeof(position));
	COMP_CRC32C(crc, event->tags.data, event->tags.size);
	COMP_CRC32C(crc, event->payload.data, event->payload.size);
	COMP_CRC32C(crc, event->metadata.data, event->metadata.size);
	FIN_CRC32C(crc);
	return crc;
}

/* --------------------------------------------------------------- building */

static uint32
inflight_size(uint32 count)
{
	return count == 0 ? 0 : sizeof(EsInflightHeader) + count * sizeof(EsInflightEntry);
}

static uint8
record_flags(const EsEvent *event, bool large)
{
	return (event->has & ES_HAS_METADATA ? RECORD_HAS_METADATA : 0) |
		(event->has & ES_HAS_TAGS ? RECORD_HAS_TAGS : 0) |
		(event->has & ES_HAS_OCCURRED_AT ? RECORD_HAS_OCCURRED_AT : 0) |
		(event->tenant_id.size > 0 ? RECORD_HAS_TENANT : 0) |
		(large ? RECORD_LARGE : 0);
}

/* Size of a record, checksums and (unless large) body included. */
static uint32
record_size(const EsEvent *event, int64 version, int64 recorded_at, bool large)
{
	uint32		size = RECORD_CRCS_SIZE + RECORD_FIXED_SIZE;

	size += varint_size(version) + varint_size(event->payload.size);
	if (event->has & ES_HAS_METADATA)
		size += varint_size(event->metadata.size);
	if (event->has & ES_HAS_TAGS)
		size += varint_size(event->tags.size);
	if (event->has & ES_HAS_OCCURRED_AT)
		size += varint_size(zigzag(time_delta(event->occurred_at, recorded_at)));
	if (event->tenant_id.size > 0)
		size += 1 + event->tenant_id.size;
	size += event->entity_id.size + event->event_type.size;
	if (!large)
		size += event->tags.size + event->payload.size + event->metadata.size;
	return size;
}

/* Size of a block that has just this event, in full. */
uint32
es_block_size_of_one(const EsEvent *event, int64 version, int64 recorded_at,
					 const EsInflightList *inflight)
{
	return sizeof(EsBlockHeader) + inflight_size(inflight->count) +
		record_size(event, version, recorded_at, false) + sizeof(uint16);
}

static char *
put_bytes(char *out, const void *bytes, size_t size)
{
	memcpy(out, bytes, size);
	return out + size;
}

static void
put_inflight(EsBlockBuilder *builder, const EsInflightList *list)
{
	char	   *out = builder->data + sizeof(EsBlockHeader);
	EsInflightHeader header = {
		.writer_xid = list->writer_xid,
		.cluster = list->cluster,
		.capped = list->capped
	};

	out = put_bytes(out, &header, sizeof(header));
	for (int i = 0; i < list->count; i++)
	{
		const EsInflight *inflight = &list->entries[i];
		int64		behind = builder->header.first_position - inflight->lower;
		EsInflightEntry entry = {
			.xid_delta = (int32) (list->writer_xid - inflight->xid),
			.position_delta = behind < PG_UINT32_MAX ? (uint32) behind : PG_UINT32_MAX
		};

		out = put_bytes(out, &entry, sizeof(entry));
	}
}

/*
 * Begins a block in the caller's memory of 'capacity' bytes, at most
 * ES_BLOCK_MAX_SIZE.
 */
void
es_block_begin(EsBlockBuilder *builder, char *data, uint32 capacity,
			   int64 first_position, int64 recorded_at,
			   const EsInflightList *inflight)
{
	builder->data = data;
	builder->capacity = capacity;
	builder->used = sizeof(EsBlockHeader) + inflight_size(inflight->count);
	builder->header = (EsBlockHeader)
	{
		.magic = ES_BLOCK_MAGIC,
			.format = ES_BLOCK_FORMAT,
			.layout = ES_BLOCK_LAYOUT_ROWS,
			.inflight_count = inflight->count,
			.first_position = first_position,
			.recorded_at = recorded_at
	};
	if (inflight->count > 0)
		put_inflight(builder, inflight);
}

/* Writes all of the head but its checksums. */
static char *
put_head(char *out, const EsEvent *event, int64 version, int64 recorded_at,
		 bool large)
{
	uint16		entity_id_size = (uint16) event->entity_id.size;

	*out++ = (char) record_flags(event, large);
	*out++ = (char) event->event_type.size;
	out = put_bytes(out, &entity_id_size, sizeof(entity_id_size));
	out = put_bytes(out, event->event_id, ES_UUID_SIZE);
	out = put_varint(out, version);
	out = put_varint(out, event->payload.size);
	if (event->has & ES_HAS_METADATA)
		out = put_varint(out, event->metadata.size);
	if (event->has & ES_HAS_TAGS)
		out = put_varint(out, event->tags.size);
	if (event->has & ES_HAS_OCCURRED_AT)
		out = put_varint(out, zigzag(time_delta(event->occurred_at, recorded_at)));
	if (event->tenant_id.size > 0)
		*out++ = (char) event->tenant_id.size;
	out = es_put_slice(out, event->entity_id);
	out = es_put_slice(out, event->event_type);
	return es_put_slice(out, event->tenant_id);
}

static char *
put_body(char *out, const EsEvent *event)
{
	out = es_put_slice(out, event->tags);
	out = es_put_slice(out, event->payload);
	return es_put_slice(out, event->metadata);
}

/*
 * Adds the next event.  Returns false, changing nothing, when the block is
 * full.  The body of a large event is left to the caller to store.
 */
bool
es_block_add(EsBlockBuilder *builder, const EsEvent *event, int64 version,
			 bool large)
{
	EsBlockHeader *header = &builder->header;
	int64		position = header->first_position + header->event_count;
	uint32		size = record_size(event, version, header->recorded_at, large);
	char	   *record = builder->data + builder->used;
	char	   *head = record + RECORD_CRCS_SIZE;
	char	   *head_end;
	pg_crc32c	crcs[2];

	if (header->event_count == ES_BLOCK_MAX_EVENTS ||
		builder->used + size + sizeof(uint16) * (header->event_count + 1) > builder->capacity)
		return false;
	head_end = put_head(head, event, version, header->recorded_at, large);
	if (!large)
		put_body(head_end, event);
	crcs[0] = head_crc(position, head, head_end - head);
	crcs[1] = body_crc(position, event);
	memcpy(record, crcs, RECORD_CRCS_SIZE);
	header->type_summary |= es_type_bit(event->event_type);
	builder->offsets[header->event_count++] = (uint16) builder->used;
	builder->used += size;
	return true;
}

/*
 * Completes the block; returns its size.  varlena_size is left to the caller.
 */
uint32
es_block_finish(EsBlockBuilder *builder)
{
	EsBlockHeader *header = &builder->header;
	size_t		offsets_size = header->event_count * sizeof(uint16);

	put_bytes(builder->data + builder->used, builder->offsets, offsets_size);
	header->crc = header_crc(header, builder->data + sizeof(EsBlockHeader),
							 inflight_size(header->inflight_count),
							 builder->data + builder->used);
	put_bytes(builder->data, header, sizeof(*header));
	return builder->used + offsets_size;
}

/* ---------------------------------------------------------------- reading */

/* Finds the parts of a block; checks sizes, not checksums. */
static EsBlockStatus
open_structure(EsBlock *block, const char *data, size_t size)
{
	EsBlockHeader *header = &block->header;
	uint32		offsets_size;

	if (size < sizeof(EsBlockHeader) || size > ES_BLOCK_MAX_SIZE)
		return ES_BLOCK_TRUNCATED;
	memcpy(header, data, sizeof(*header));
	block->data = data;
	block->size = (uint32) size;
	if (header->magic != ES_BLOCK_MAGIC)
		return ES_BLOCK_BAD_MAGIC;
	if (header->format != ES_BLOCK_FORMAT)
		return ES_BLOCK_UNKNOWN_FORMAT;
	if (header->layout != ES_BLOCK_LAYOUT_ROWS)
		return ES_BLOCK_UNKNOWN_LAYOUT;
	if (header->event_count == 0 || header->event_count > ES_BLOCK_MAX_EVENTS ||
		header->inflight_count > ES_BLOCK_MAX_INFLIGHT || header->first_position < 1)
		return ES_BLOCK_BAD_STRUCTURE;
	offsets_size = header->event_count * sizeof(uint16);
	block->records_start = sizeof(EsBlockHeader) + inflight_size(header->inflight_count);
	if (block->records_start + offsets_size > size)
		return ES_BLOCK_TRUNCATED;
	block->records_end = block->size - offsets_size;
	return ES_BLOCK_OK;
}

/*
 * Opens a block of 'size' bytes, varlena header included, and checks its
 * header.  The bytes must stay where they are while the block is in use.
 */
EsBlockStatus
es_block_open(EsBlock *block, const char *data, size_t size)
{
	EsBlockStatus status = open_structure(block, data, size);

	if (status != ES_BLOCK_OK)
		return status;
	if (header_crc(&block->header, data + sizeof(EsBlockHeader),
				   inflight_size(block->header.inflight_count),
				   data + block->records_end) != block->header.crc)
		return ES_BLOCK_BAD_HEADER_CRC;
	return ES_BLOCK_OK;
}

static uint32
record_offset(const EsBlock *block, uint32 ordinal)
{
	uint16		offset;

	memcpy(&offset, block->data + block->records_end + ordinal * sizeof(uint16), sizeof(offset));
	return offset;
}

/*
 * Reads the varints and sizes of a head.  Returns the first byte after them,
 * or NULL.  Sets *head_size to the size of the strings of the head.
 */
static const char *
take_head_sizes(const char *in, const char *end, uint8 flags, EsStoredEvent *stored)
{
	EsEvent    *event = &stored->event;
	uint64		value = 0;

	if ((in = take_varint(in, end, PG_INT64_MAX, &value)) == NULL)
		return NULL;
	stored->version = (int64) value;
	if ((in = take_varint(in, end, ES_MAX_JSON_SIZE, &value)) == NULL)
		return NULL;
	event->payload.size = (uint32) value;
	value = 0;
	if ((flags & RECORD_HAS_METADATA) &&
		(in = take_varint(in, end, ES_MAX_JSON_SIZE, &value)) == NULL)
		return NULL;
	event->metadata.size = (uint32) value;
	value = 0;
	if ((flags & RECORD_HAS_TAGS) &&
		(in = take_varint(in, end, ES_MAX_PACKED_TAGS, &value)) == NULL)
		return NULL;
	event->tags.size = (uint32) value;
	value = 0;
	if ((flags & RECORD_HAS_OCCURRED_AT) &&
		(in = take_varint(in, end, PG_UINT64_MAX, &value)) == NULL)
		return NULL;
	event->occurred_at = (int64) ((uint64) stored->recorded_at + (uint64) unzigzag(value));
	if (!(flags & RECORD_HAS_TENANT))
		return in;
	if (in >= end)
		return NULL;
	event->tenant_id.size = (uint8) *in;
	return in + 1;
}

static uint8
has_flags(uint8 flags)
{
	return ES_HAS_EVENT_ID |
		(flags & RECORD_HAS_METADATA ? ES_HAS_METADATA : 0) |
		(flags & RECORD_HAS_TAGS ? ES_HAS_TAGS : 0) |
		(flags & RECORD_HAS_OCCURRED_AT ? ES_HAS_OCCURRED_AT : 0);
}

/* Takes apart the head at 'in'; returns its end, or NULL. */
static const char *
take_head(const char *in, const char *end, EsStoredEvent *stored)
{
	EsEvent    *event = &stored->event;
	uint8		flags;
	uint16		entity_id_size;

	if (end - in < RECORD_FIXED_SIZE)
		return NULL;
	flags = (uint8) in[0];
	if (flags & ~RECORD_ALL)
		return NULL;
	event->event_type.size = (uint8) in[1];
	memcpy(&entity_id_size, in + 2, sizeof(entity_id_size));
	event->entity_id.size = entity_id_size;
	memcpy(event->event_id, in + 4, ES_UUID_SIZE);
	event->has = has_flags(flags);
	stored->large = (flags & RECORD_LARGE) != 0;

	in = take_head_sizes(in + RECORD_FIXED_SIZE, end, flags, stored);
	if (in == NULL ||
		event->entity_id.size + event->event_type.size + event->tenant_id.size > end - in)
		return NULL;
	event->entity_id.data = in;
	event->event_type.data = in + event->entity_id.size;
	event->tenant_id.data = event->event_type.data + event->event_type.size;
	return event->tenant_id.data + event->tenant_id.size;
}

static size_t
body_size(const EsEvent *event)
{
	return (size_t) event->tags.size + event->payload.size + event->metadata.size;
}

/*
 * Reads who and what an event is, by its ordinal in the block.  Tags, payload
 * and metadata have their sizes only, until es_block_read_body().
 */
EsBlockStatus
es_block_read_head(const EsBlock *block, uint32 ordinal, EsStoredEvent *stored)
{
	uint32		offset;
	const char *head;
	const char *head_end;
	const char *end = block->data + block->records_end;
	pg_crc32c	crcs[2];

	if (ordinal >= block->header.event_count)
		return ES_BLOCK_BAD_STRUCTURE;
	offset = record_offset(block, ordinal);
	if (offset < block->records_start || offset + RECORD_CRCS_SIZE > block->records_end)
		return ES_BLOCK_BAD_STRUCTURE;
	memset(stored, 0, sizeof(*stored));
	stored->position = block->header.first_position + ordinal;
	stored->recorded_at = block->header.recorded_at;
	memcpy(crcs, block->data + offset, RECORD_CRCS_SIZE);
	head = block->data + offset + RECORD_CRCS_SIZE;
	head_end = take_head(head, end, stored);
	if (head_end == NULL)
		return ES_BLOCK_BAD_STRUCTURE;
	if (head_crc(stored->position, head, head_end - head) != crcs[0])
		return ES_BLOCK_BAD_HEAD_CRC;
	stored->body_crc = crcs[1];
	if (stored->large)
		return ES_BLOCK_OK;
	if (body_size(&stored->event) > (size_t) (end - head_end))
		return ES_BLOCK_BAD_STRUCTURE;
	stored->body = es_slice(head_end, body_size(&stored->event));
	return ES_BLOCK_OK;
}

static uint8
count_tags(EsSlice tags, bool *valid)
{
	EsSlice		tag;
	int			count = 0;

	*valid = true;
	while (tags.size > 0)
	{
		if ((uint32) 1 + (uint8) tags.data[0] > tags.size || count == ES_MAX_TAGS)
		{
			*valid = false;
			break;
		}
		es_tag_next(&tags, &tag);
		count++;
	}
	return (uint8) count;
}

/*
 * Completes an event whose head was read with its body: stored->body, or, for
 * a large event, the bytes of the tuple's second column.
 */
EsBlockStatus
es_block_read_body(EsStoredEvent *stored, EsSlice body)
{
	EsEvent    *event = &stored->event;
	bool		valid;

	if (body.data == NULL || body.size != body_size(event))
		return ES_BLOCK_LARGE_MISSING;
	event->tags.data = body.data;
	event->payload.data = event->tags.data + event->tags.size;
	event->metadata.data = event->payload.data + event->payload.size;
	if (body_crc(stored->position, event) != stored->body_crc)
		return ES_BLOCK_BAD_BODY_CRC;
	event->tag_count = count_tags(event->tags, &valid);
	return valid ? ES_BLOCK_OK : ES_BLOCK_BAD_STRUCTURE;
}

/* Size that the record has by its own account. */
static uint32
stored_record_size(const EsStoredEvent *stored, const EsBlock *block, uint32 ordinal)
{
	const EsEvent *event = &stored->event;
	const char *head_end = event->tenant_id.data + event->tenant_id.size;
	uint32		size = head_end - (block->data + record_offset(block, ordinal));

	return stored->large ? size : size + body_size(event);
}

/*
 * Opens a block whose header is damaged, if nonetheless every record has a
 * valid head and the records fill the block without a gap: then no event of
 * the block is unaccounted for.  Otherwise returns what is wrong.  Heads can be
 * believed but for times, which depend on the header's.
 */
EsBlockStatus
es_block_salvage(EsBlock *block, const char *data, size_t size)
{
	EsBlockStatus status = open_structure(block, data, size);
	uint32		expected;

	if (status != ES_BLOCK_OK)
		return status;
	expected = block->records_start;
	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		EsStoredEvent stored;

		status = es_block_read_head(block, i, &stored);
		if (status != ES_BLOCK_OK)
			return status;
		if (record_offset(block, i) != expected)
			return ES_BLOCK_BAD_STRUCTURE;
		expected += stored_record_size(&stored, block, i);
	}
	return expected == block->records_end ? ES_BLOCK_OK : ES_BLOCK_BAD_STRUCTURE;
}

/*
 * Checks everything that can be checked of a block by itself.  Bodies of large
 * events are not part of it.
 */
EsBlockStatus
es_block_check(const char *data, size_t size)
{
	EsBlock		block;
	EsBlockStatus status = es_block_open(&block, data, size);

	if (status != ES_BLOCK_OK)
		return status;
	for (uint32 i = 0; i < block.header.event_count; i++)
	{
		EsStoredEvent stored;

		status = es_block_read_head(&block, i, &stored);
		if (status == ES_BLOCK_OK && !stored.large)
			status = es_block_read_body(&stored, stored.body);
		if (status != ES_BLOCK_OK)
			return status;
	}
	return es_block_salvage(&block, data, size);
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
