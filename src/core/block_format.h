/*-------------------------------------------------------------------------
 *
 * block_format.h
 *	  The start that blocks of all layouts have, and a block that is open.
 *
 * doc/format.md describes every byte.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_BLOCK_FORMAT_H
#define EVENTSTORE_CORE_BLOCK_FORMAT_H

#include "core/base.h"
#include "core/event.h"
#include "core/integers.h"
#include "core/symbols.h"

#define ES_BLOCK_MAGIC			0x4245	/* "EB" */
#define ES_BLOCK_FORMAT			1
#define ES_BLOCK_LAYOUT_ROWS	1
#define ES_BLOCK_LAYOUT_COLUMNS 2
#define ES_BLOCK_LAYOUT_MERGED	3	/* columns, with places in the log */

/*
 * The largest block: what a page holds beside its own header (24), one line
 * pointer (4), a tuple header with its null bitmap (24) and first_position
 * (8), all in multiples of 8.
 */
#define ES_BLOCK_MAX_SIZE		(((BLCKSZ - 24 - 4) & ~7) - 24 - 8)
#define ES_BLOCK_MAX_EVENTS		4096

/* A block smaller than this had better be merged with its neighbours. */
#define ES_BLOCK_SMALL_SIZE		(ES_BLOCK_MAX_SIZE / 4 * 3)

/* Running transactions that a block lists one by one. */
#define ES_BLOCK_MAX_INFLIGHT	64

typedef struct EsBlockHeader
{
	int32		varlena_size;	/* set and read by the varlena macros only */
	uint16		magic;
	uint8		format;
	uint8		layout;
	uint32		crc;			/* of header, in-flight list and directory */
	uint16		event_count;
	uint16		inflight_count;
	int64		first_position;
	int64		recorded_at;	/* of all events in the block; of the first,
								 * if it was merged */
	uint64		type_summary;	/* es_type_bit() of all event types */
} EsBlockHeader;

StaticAssertDecl(sizeof(EsBlockHeader) == 40, "EsBlockHeader has no padding");

/* Stands after the header when inflight_count > 0. */
typedef struct EsInflightHeader
{
	uint64		writer_xid;		/* full top-level xid of the writer */
	uint32		cluster;		/* tag of the writing cluster; see shared.h */
	uint16		capped;			/* the last entry stands for many */
	uint16		reserved;		/* 0 */
} EsInflightHeader;

typedef struct EsInflightEntry
{
	int32		xid_delta;		/* writer_xid - xid */
	uint32		position_delta; /* first_position - lower, UINT32_MAX: all */
} EsInflightEntry;

StaticAssertDecl(sizeof(EsInflightHeader) == 16, "no padding");
StaticAssertDecl(sizeof(EsInflightEntry) == 8, "no padding");

/* A transaction that held lower positions when a block was written. */
typedef struct EsInflight
{
	uint64		xid;			/* full top-level xid */
	int64		lower;			/* its lowest position, or less */
} EsInflight;

/*
 * The transactions in flight when positions were reserved.  When capped, the
 * last entry stands for several: its xid is their greatest, its lower their
 * least, and they are over only once every xid up to that one is.
 */
typedef struct EsInflightList
{
	uint64		writer_xid;
	uint32		cluster;
	uint16		count;
	bool		capped;
	EsInflight	entries[ES_BLOCK_MAX_INFLIGHT];
} EsInflightList;

/* An event as it is stored: its fields and its place. */
typedef struct EsStoredEvent
{
	EsEvent		event;			/* event.event_id is always set */
	int64		position;
	int64		version;
	int64		recorded_at;
	uint32		ordinal;		/* in its block */
	bool		large;			/* the body lies outside the block */
	uint32		body_crc;
	EsSlice		body;			/* tags, payload, metadata; empty when large */
} EsStoredEvent;

/* When it happened: by the caller, or when it was recorded. */
static inline int64
es_stored_occurred_at(const EsStoredEvent *stored)
{
	return stored->event.has & ES_HAS_OCCURRED_AT ? stored->event.occurred_at : stored->recorded_at;
}

typedef enum EsBlockStatus
{
	ES_BLOCK_OK = 0,
	ES_BLOCK_TRUNCATED,
	ES_BLOCK_BAD_MAGIC,
	ES_BLOCK_UNKNOWN_FORMAT,
	ES_BLOCK_UNKNOWN_LAYOUT,
	ES_BLOCK_BAD_HEADER_CRC,
	ES_BLOCK_WRONG_POSITION,
	ES_BLOCK_BAD_STRUCTURE,
	ES_BLOCK_BAD_HEAD_CRC,
	ES_BLOCK_BAD_BODY_CRC,
	ES_BLOCK_LARGE_MISSING
} EsBlockStatus;

/* What stands after the in-flight list of a block in column layout. */
typedef struct EsColumnsHeader
{
	uint32		head_checksum;
	uint32		body_checksum;
	uint32		body_room;		/* bytes that hold the body of any event */
	uint32		shapes_hash;	/* of texts and shapes */
	uint16		column_count;
	uint16		body_start;		/* offset: columns before it are of the head */
	uint16		shapes;			/* offset of the table of shapes */
	uint16		shape_count;
	uint16		presence;		/* offset of the bitmaps */
	uint16		presence_count;
	uint16		symbols;		/* offset of the symbols, 0 when there are
								 * none */
	uint16		symbols_size;
} EsColumnsHeader;

StaticAssertDecl(sizeof(EsColumnsHeader) == 32, "EsColumnsHeader has no padding");

/*
 * A block that is open for reading; it points into the caller's bytes, which
 * must stay where they are.  What lies between the in-flight list and the
 * first event's bytes or the offset table depends on the layout.
 */
typedef struct EsBlock
{
	const char *data;
	uint32		size;			/* with the varlena header */
	EsBlockHeader header;
	bool		verified;		/* all checksums are known to be right */

	/* rows */
	uint32		records_start;
	uint32		records_end;	/* the offset table starts here */

	/* columns, merged or not */
	EsColumnsHeader columns;
	uint32		directory;		/* offset of the entries of body columns */
	uint32		head_start;		/* offset of the entries of head columns */
	bool		head_checked;	/* the checksum was right */
	bool		body_checked;
	EsSymbolReader symbols;

	/* merged */
	EsIntegers	positions;
	EsIntegers	times;			/* recorded_at */
} EsBlock;

/* Bytes that hold any event's body in column layout, at most. */
#define ES_BLOCK_MAX_BODY_ROOM	(2 * (PG_UINT16_MAX + 1) + ES_MAX_PACKED_TAGS + 64)

/* Bytes that hold the strings of any event's head. */
#define ES_BLOCK_HEAD_ROOM \
	(ES_MAX_ENTITY_ID + ES_MAX_EVENT_TYPE + ES_MAX_TENANT_ID + 64)

static inline bool
es_block_is_small(uint32 size)
{
	return size < ES_BLOCK_SMALL_SIZE;
}

static inline bool
es_block_has_columns(const EsBlock *block)
{
	return block->header.layout != ES_BLOCK_LAYOUT_ROWS;
}

static inline bool
es_block_is_merged(const EsBlock *block)
{
	return block->header.layout == ES_BLOCK_LAYOUT_MERGED;
}

/* ---- where and when the events of a block are ------------------------- */

/* The position of an event, by its ordinal in the block. */
static inline int64
es_block_position(const EsBlock *block, uint32 ordinal)
{
	return es_block_is_merged(block) ? es_integers_value(&block->positions, ordinal) :
		block->header.first_position + ordinal;
}

static inline int64
es_block_last_position(const EsBlock *block)
{
	return es_block_position(block, block->header.event_count - 1);
}

extern uint32 es_block_search(const EsBlock *block, int64 position);

/* How many events of the block lie before a position: the ordinal of the next one. */
static inline uint32
es_block_count_before(const EsBlock *block, int64 position)
{
	if (position > es_block_last_position(block))
		return block->header.event_count;
	if (es_block_is_merged(block))
		return es_block_search(block, position);
	return (uint32) (Max(position, block->header.first_position) - block->header.first_position);
}

/* Does an event of the block have this position? */
static inline bool
es_block_has_position(const EsBlock *block, int64 position)
{
	uint32		ordinal = es_block_count_before(block, position);

	return ordinal < block->header.event_count && es_block_position(block, ordinal) == position;
}

/* When an event was recorded, by its ordinal; it grows along the block, or stays. */
static inline int64
es_block_recorded_at(const EsBlock *block, uint32 ordinal)
{
	return es_block_is_merged(block) ? es_integers_value(&block->times, ordinal) :
		block->header.recorded_at;
}

extern const char *es_block_status_text(EsBlockStatus status);
extern uint32 es_block_start_size(uint32 inflight_count);
extern uint32 es_block_header_crc(const EsBlockHeader *header, const char *list,
								  size_t list_size, const char *directory,
								  size_t directory_size);
extern void es_block_put_inflight(char *data, const EsBlockHeader *header,
								  const EsInflightList *list);
extern bool es_block_count_tags(EsSlice tags, uint8 *count);

#endif							/* EVENTSTORE_CORE_BLOCK_FORMAT_H */
