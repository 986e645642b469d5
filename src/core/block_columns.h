/*-------------------------------------------------------------------------
 *
 * block_columns.h
 *	  Blocks in column layout: what events have in common is kept once.
 *
 * After the header and the in-flight list:
 *
 *		EsColumnsHeader
 *		entries of the body's columns: tags, shapes, then the leaves
 *		entries of the head's columns				|
 *		the head's columns							| head checksum
 *		the body's columns, texts, shapes, bitmaps, symbols	| body checksum
 *		8 zeros
 *
 * What comes before the entries of the head is under the header's checksum.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_BLOCK_COLUMNS_H
#define EVENTSTORE_CORE_BLOCK_COLUMNS_H

#include "core/block_format.h"

/*
 * The columns that are always there.  Integers are in the encoding
 * ES_COLUMN_INTEGER, with a base, and without exceptions.
 */
typedef enum EsColumnSlot
{
	ES_SLOT_ENTITY,				/* strings: entity_id */
	ES_SLOT_TYPE,				/* strings: event_type */
	ES_SLOT_TENANT,				/* strings: tenant_id */
	ES_SLOT_VERSION,			/* integers */
	ES_SLOT_ID_HIGH,			/* integers: the first half of event_id */
	ES_SLOT_ID_LOW,				/* integers: the second */
	ES_SLOT_OCCURRED,			/* integers: occurred_at */
	ES_SLOT_FLAGS,				/* integers: ES_HAS_... */
	ES_HEAD_SLOTS,

	ES_SLOT_TAGS = ES_HEAD_SLOTS,	/* strings: packed tags */
	ES_SLOT_PAYLOAD_SHAPE,		/* integers: index of the payload's shape */
	ES_SLOT_METADATA_SHAPE,		/* integers: that of the metadata */
	ES_FIXED_SLOTS
} EsColumnSlot;

/* Columns of leaves in a block; a shape refers to them by a byte. */
#define ES_MAX_LEAF_COLUMNS	240

/*
 * The columns that only merged blocks have, in their head, behind the others: the
 * place of each event in the log.
 */
typedef enum EsLogSlot
{
	ES_LOG_SLOTS = ES_FIXED_SLOTS + ES_MAX_LEAF_COLUMNS,
	ES_SLOT_POSITION = ES_LOG_SLOTS,	/* integers, ascending */
	ES_SLOT_RECORDED,			/* integers: recorded_at, not descending */
	ES_SLOTS_END
} EsLogSlot;

/* How many entries the directory of the head has. */
static inline uint32
es_columns_head_slots(const EsBlockHeader *header)
{
	return header->layout == ES_BLOCK_LAYOUT_MERGED ?
		ES_HEAD_SLOTS + (ES_SLOTS_END - ES_LOG_SLOTS) : ES_HEAD_SLOTS;
}

/* Bytes at the end that may be read but mean nothing. */
#define ES_COLUMNS_PADDING	8

/* Where to find a column. */
typedef struct EsColumnEntry
{
	uint8		encoding;		/* NONE: a segment that ends its document */
	uint8		width;
	uint8		param;
	uint8		presence;		/* which bitmap has its rows; 0: all rows */
	uint16		data;			/* offset */
	uint16		text;			/* offset of the segment's text and its size */
} EsColumnEntry;

StaticAssertDecl(sizeof(EsColumnEntry) == 8, "EsColumnEntry has no padding");

/* The unit in which integers of a column differ from the least, its param. */
#define ES_UNIT_ONE			0
#define ES_UNIT_THOUSAND	1

/* Bytes after a body that may be overwritten while it is put together. */
#define ES_BODY_SLACK		32

/* Where the parts of an open block end: the padding starts here. */
static inline uint32
es_columns_end(const EsBlock *block)
{
	return block->size - ES_COLUMNS_PADDING;
}

extern uint32 es_columns_checksum(const char *data, size_t size, const EsBlockHeader *header);
extern EsBlockStatus es_columns_open(EsBlock *block);
extern uint32 es_columns_header_crc(const EsBlock *block);
extern EsBlockStatus es_columns_check_head(EsBlock *block);
extern EsBlockStatus es_columns_check_body(EsBlock *block);
extern bool es_columns_open_symbols(EsBlock *block);
extern bool es_columns_find_shape(const EsBlock *block, int64 shape, EsSlice *list);

#endif							/* EVENTSTORE_CORE_BLOCK_COLUMNS_H */
