/*-------------------------------------------------------------------------
 *
 * block.h
 *	  Blocks: the packed form in which events are stored.
 *
 * doc/format.md describes every byte.  A block is one heap tuple's datum of
 * type eventstore.block; it explains itself and needs no other row to be
 * read, but for the body of an event too large for a page, which lies in the
 * tuple's second column.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_BLOCK_H
#define EVENTSTORE_CORE_BLOCK_H

#include "core/base.h"
#include "core/event.h"

#define ES_BLOCK_MAGIC			0x4245	/* "EB" */
#define ES_BLOCK_FORMAT			1
#define ES_BLOCK_LAYOUT_ROWS	1

/*
 * The largest block: what a page holds beside its own header (24), one line
 * pointer (4), a tuple header with its null bitmap (24) and first_position
 * (8), all in multiples of 8.
 */
#define ES_BLOCK_MAX_SIZE		(((BLCKSZ - 24 - 4) & ~7) - 24 - 8)
#define ES_BLOCK_MAX_EVENTS		4096

/* Running transactions that a block lists one by one. */
#define ES_BLOCK_MAX_INFLIGHT	64

typedef struct EsBlockHeader
{
	int32		varlena_size;	/* set and read by the varlena macros only */
	uint16		magic;
	uint8		format;
	uint8		layout;
	uint32		crc;			/* of header, in-flight list and offset table */
	uint16		event_count;
	uint16		inflight_count;
	int64		first_position;
	int64		recorded_at;	/* of all events in the block */
	uint64		type_summary;	/* es_type_bit() of all event types */
} EsBlockHeader;

StaticAssertDecl(sizeof(EsBlockHeader) == 40, "EsBlockHeader has no padding");

/* Stands after the header when inflight_count > 0. */
typedef struct EsInflightHeader
{
	uint64		writer_xid;		/* full top-level xid of the writer */
	uint32		cluster;		/* es_cluster_tag() of the writing cluster */
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
	bool		large;			/* the body lies outside the block */
	uint32		body_crc;
	EsSlice		body;			/* tags, payload, metadata; empty when large */
} EsStoredEvent;

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

/* A block that is open for reading; it points into the caller's bytes. */
typedef struct EsBlock
{
	const char *data;
	uint32		size;			/* with the varlena header */
	EsBlockHeader header;
	uint32		records_start;
	uint32		records_end;	/* the offset table starts here */
} EsBlock;

/* A block in the making. */
typedef struct EsBlockBuilder
{
	char	   *data;
	uint32		capacity;
	uint32		used;
	EsBlockHeader header;
	uint16		offsets[ES_BLOCK_MAX_EVENTS];
} EsBlockBuilder;

extern const char *es_block_status_text(EsBlockStatus status);

extern void es_block_begin(EsBlockBuilder *builder, char *data, uint32 capacity,
						   int64 first_position, int64 recorded_at,
						   const EsInflightList *inflight);
extern bool es_block_add(EsBlockBuilder *builder, const EsEvent *event,
						 int64 version, bool large);
extern uint32 es_block_finish(EsBlockBuilder *builder);
extern uint32 es_block_size_of_one(const EsEvent *event, int64 version,
								   int64 recorded_at,
								   const EsInflightList *inflight);

extern EsBlockStatus es_block_open(EsBlock *block, const char *data, size_t size);
extern EsBlockStatus es_block_salvage(EsBlock *block, const char *data, size_t size);
extern EsBlockStatus es_block_read_head(const EsBlock *block, uint32 ordinal,
										EsStoredEvent *stored);
extern EsBlockStatus es_block_read_body(EsStoredEvent *stored, EsSlice body);
extern EsBlockStatus es_block_check(const char *data, size_t size);
extern void es_block_inflight(const EsBlock *block, EsInflightList *list);

#endif							/* EVENTSTORE_CORE_BLOCK_H */
