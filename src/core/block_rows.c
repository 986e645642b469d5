/*-------------------------------------------------------------------------
 *
 * block_rows.c
 *	  Blocks in row layout: building, reading, checking.
 *
 * The head of a record (who, what, which version) and its body (tags and JSON)
 * have a checksum each, so that damage to a document does not hide whose it is.
 *
 *-------------------------------------------------------------------------
 */
#include "core/block_rows.h"

#include "core/hash.h"
#include "core/varint.h"

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

	size += es_varint_size(version) + es_varint_size(event->payload.size);
	if (event->has & ES_HAS_METADATA)
		size += es_varint_size(event->metadata.size);
	if (event->has & ES_HAS_TAGS)
		size += es_varint_size(event->tags.size);
	if (event->has & ES_HAS_OCCURRED_AT)
		size += es_varint_size(zigzag(time_delta(event->occurred_at, recorded_at)));
	if (event->tenant_id.size > 0)
		size += 1 + event->tenant_id.size;
	size += event->entity_id.size + event->event_type.size;
	if (!large)
		size += event->tags.size + event->payload.size + event->metadata.size;
	return size;
}

/* Bytes that an event takes, in full, of a block in row layout. */
uint32
es_rows_event_size(const EsEvent *event, int64 version, int64 recorded_at)
{
	return record_size(event, version, recorded_at, false) + sizeof(uint16);
}

static char *
put_bytes(char *out, const void *bytes, size_t size)
{
	memcpy(out, bytes, size);
	return out + size;
}

/*
 * Begins a block in the caller's memory of 'capacity' bytes, at most
 * ES_BLOCK_MAX_SIZE.
 */
void
es_rows_begin(EsRowsBuilder *builder, char *data, uint32 capacity,
			  int64 first_position, int64 recorded_at,
			  const EsInflightList *inflight)
{
	builder->data = data;
	builder->capacity = capacity;
	builder->used = es_block_start_size(inflight->count);
	builder->header = (EsBlockHeader)
	{
		.magic = ES_BLOCK_MAGIC,
			.format = ES_BLOCK_FORMAT,
			.layout = ES_BLOCK_LAYOUT_ROWS,
			.inflight_count = inflight->count,
			.first_position = first_position,
			.recorded_at = recorded_at
	};
	es_block_put_inflight(data, &builder->header, inflight);
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
	out = es_varint_put(out, version);
	out = es_varint_put(out, event->payload.size);
	if (event->has & ES_HAS_METADATA)
		out = es_varint_put(out, event->metadata.size);
	if (event->has & ES_HAS_TAGS)
		out = es_varint_put(out, event->tags.size);
	if (event->has & ES_HAS_OCCURRED_AT)
		out = es_varint_put(out, zigzag(time_delta(event->occurred_at, recorded_at)));
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
es_rows_add(EsRowsBuilder *builder, const EsEvent *event, int64 version,
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
es_rows_finish(EsRowsBuilder *builder)
{
	EsBlockHeader *header = &builder->header;
	size_t		offsets_size = header->event_count * sizeof(uint16);

	put_bytes(builder->data + builder->used, builder->offsets, offsets_size);
	header->crc = es_block_header_crc(header, builder->data + sizeof(EsBlockHeader),
									  es_block_start_size(header->inflight_count) - sizeof(EsBlockHeader),
									  builder->data + builder->used, offsets_size);
	put_bytes(builder->data, header, sizeof(*header));
	return builder->used + offsets_size;
}

/* ---------------------------------------------------------------- reading */

/* Finds the offset table of a block whose header makes sense. */
EsBlockStatus
es_rows_open(EsBlock *block)
{
	uint32		offsets_size = block->header.event_count * sizeof(uint16);

	block->records_start = es_block_start_size(block->header.inflight_count);
	if (block->records_start + offsets_size > block->size)
		return ES_BLOCK_TRUNCATED;
	block->records_end = block->size - offsets_size;
	return ES_BLOCK_OK;
}

/* The checksum that the header should have. */
uint32
es_rows_header_crc(const EsBlock *block)
{
	return es_block_header_crc(&block->header, block->data + sizeof(EsBlockHeader),
							   block->records_start - sizeof(EsBlockHeader),
							   block->data + block->records_end,
							   block->size - block->records_end);
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

	if ((in = es_varint_take(in, end, PG_INT64_MAX, &value)) == NULL)
		return NULL;
	stored->version = (int64) value;
	if ((in = es_varint_take(in, end, ES_MAX_JSON_SIZE, &value)) == NULL)
		return NULL;
	event->payload.size = (uint32) value;
	value = 0;
	if ((flags & RECORD_HAS_METADATA) &&
		(in = es_varint_take(in, end, ES_MAX_JSON_SIZE, &value)) == NULL)
		return NULL;
	event->metadata.size = (uint32) value;
	value = 0;
	if ((flags & RECORD_HAS_TAGS) &&
		(in = es_varint_take(in, end, ES_MAX_PACKED_TAGS, &value)) == NULL)
		return NULL;
	event->tags.size = (uint32) value;
	value = 0;
	if ((flags & RECORD_HAS_OCCURRED_AT) &&
		(in = es_varint_take(in, end, PG_UINT64_MAX, &value)) == NULL)
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
 * Reads the head of an event.  Tags, payload and metadata have their sizes
 * only, until es_rows_read_body().
 */
EsBlockStatus
es_rows_read_head(const EsBlock *block, uint32 ordinal, EsStoredEvent *stored)
{
	uint32		offset;
	const char *head;
	const char *head_end;
	const char *end = block->data + block->records_end;
	pg_crc32c	crcs[2];

	offset = record_offset(block, ordinal);
	if (offset < block->records_start || offset + RECORD_CRCS_SIZE > block->records_end)
		return ES_BLOCK_BAD_STRUCTURE;
	memcpy(crcs, block->data + offset, RECORD_CRCS_SIZE);
	head = block->data + offset + RECORD_CRCS_SIZE;
	head_end = take_head(head, end, stored);
	if (head_end == NULL)
		return ES_BLOCK_BAD_STRUCTURE;
	if (!block->verified && head_crc(stored->position, head, head_end - head) != crcs[0])
		return ES_BLOCK_BAD_HEAD_CRC;
	stored->body_crc = crcs[1];
	if (stored->large)
		return ES_BLOCK_OK;
	if (body_size(&stored->event) > (size_t) (end - head_end))
		return ES_BLOCK_BAD_STRUCTURE;
	stored->body = es_slice(head_end, body_size(&stored->event));
	return ES_BLOCK_OK;
}

/*
 * Completes an event whose head was read with its body: stored->body, or, for
 * a large event, the bytes of the tuple's second column.
 */
EsBlockStatus
es_rows_read_body(const EsBlock *block, EsStoredEvent *stored, EsSlice body)
{
	EsEvent    *event = &stored->event;

	if (body.data == NULL || body.size != body_size(event))
		return ES_BLOCK_LARGE_MISSING;
	event->tags.data = body.data;
	event->payload.data = event->tags.data + event->tags.size;
	event->metadata.data = event->payload.data + event->payload.size;
	if ((!block->verified || stored->large) &&
		body_crc(stored->position, event) != stored->body_crc)
		return ES_BLOCK_BAD_BODY_CRC;
	return es_block_count_tags(event->tags, &event->tag_count) ? ES_BLOCK_OK : ES_BLOCK_BAD_STRUCTURE;
}

/* Checks the checksums of every event, but for the bodies of large ones. */
EsBlockStatus
es_rows_check(const EsBlock *block)
{
	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		EsStoredEvent stored = {
			.position = es_block_position(block, i),
			.recorded_at = es_block_recorded_at(block, i)
		};
		EsBlockStatus status = es_rows_read_head(block, i, &stored);

		if (status == ES_BLOCK_OK && !stored.large)
			status = es_rows_read_body(block, &stored, stored.body);
		if (status != ES_BLOCK_OK)
			return status;
	}
	return ES_BLOCK_OK;
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
 * Checks that every event has a valid head and that the records fill the block
 * without a gap.
 */
EsBlockStatus
es_rows_check_heads(const EsBlock *block)
{
	uint32		expected = block->records_start;

	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		EsStoredEvent stored = {.position = es_block_position(block, i)};
		EsBlockStatus status = es_rows_read_head(block, i, &stored);

		if (status != ES_BLOCK_OK)
			return status;
		if (record_offset(block, i) != expected)
			return ES_BLOCK_BAD_STRUCTURE;
		expected += stored_record_size(&stored, block, i);
	}
	return expected == block->records_end ? ES_BLOCK_OK : ES_BLOCK_BAD_STRUCTURE;
}
