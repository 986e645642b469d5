/*-------------------------------------------------------------------------
 *
 * packer.h
 *	  What packing is given, needs, and remembers from block to block.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_PACKER_H
#define EVENTSTORE_CORE_PACKER_H

#include "core/block_columns.h"
#include "core/block_format.h"
#include "core/block_rows.h"
#include "core/column.h"
#include "core/shape.h"
#include "core/symbols.h"

/* An event to be stored: event->event_id is set. */
typedef struct EsPackRow
{
	const EsEvent *event;
	int64		version;
} EsPackRow;

/* Where an event is in the log. */
typedef struct EsLogPlace
{
	int64		position;
	int64		recorded_at;
} EsLogPlace;

/*
 * Events in the order of their positions, and where the first one goes.  Unless each
 * has a place of its own, they follow it without a gap and were recorded at once.
 */
typedef struct EsPackJob
{
	const EsShapes *shapes;		/* that the events' documents refer to */
	const EsPackRow *rows;
	uint32		row_count;		/* at least 1 */
	int64		first_position;
	int64		recorded_at;
	const EsInflightList *inflight;
	const EsLogPlace *places;	/* of the rows, for es_block_merge(); or NULL */
} EsPackJob;

#define ES_DOCUMENT_KINDS	2	/* payload, metadata */
#define ES_PACK_MAX_VALUES	65536	/* leaves in a block */
#define ES_PACK_MAX_SHAPES	1024	/* shapes in a block */
#define ES_PACK_SCRATCH		(32 * 1024)

/* Leaves of one place in one kind of document, in the block being packed. */
typedef struct EsPackColumn
{
	EsSlice		text;
	EsColumnMemory *memory;
	bool		ends;			/* the end of a document: no leaf */
	uint32		count;
	uint32		start;			/* index of the first value */
	uint32		filled;
} EsPackColumn;

/* How often a shape or a segment occurs in the block being packed. */
typedef struct EsPackUse
{
	uint64		attempt;		/* of another attempt: not at all */
	uint32		rows;
	uint32		place;			/* in the block; PG_UINT32_MAX: none yet */
} EsPackUse;

/*
 * What packing needs, and remembers from block to block: how big events become,
 * which encodings suit which leaves, symbols for their text.  Zeroed at first.
 */
typedef struct EsPacker
{
	uint32		generation;		/* of the shapes that the memory is about */
	double		density;		/* packed bytes for each byte of events */
	uint32		hope_pause;		/* blocks to go until large events are tried */

	/* symbols */
	EsSymbolTable symbol_table;
	bool		has_symbols;
	double		symbols_ratio;	/* of text when they were trained */
	uint32		training_pause; /* blocks to go until they may be again */
	uint32		next_pause;

	/* what is remembered of each place of a leaf */
	EsColumnMemory slots[ES_FIXED_SLOTS];
	EsColumnMemory documents[ES_DOCUMENT_KINDS];	/* without a shape */
	EsColumnMemory leaves[ES_DOCUMENT_KINDS][ES_MAX_SEGMENTS];

	/* the attempt that is being made */
	const EsPackJob *job;
	uint32		row_count;
	uint64		attempt;
	EsPackUse	shape_uses[ES_DOCUMENT_KINDS][ES_MAX_SHAPES];
	EsPackUse	segment_uses[ES_DOCUMENT_KINDS][ES_MAX_SEGMENTS];
	uint32		distinct_count;
	uint32		distinct[ES_BLOCK_MAX_EVENTS];
	uint32		shape_count;
	uint32		shape_ends[ES_PACK_MAX_SHAPES];
	uint32		lists_size;
	uint8		lists[ES_PACK_SCRATCH];
	uint32		column_count;	/* of leaves */
	EsPackColumn columns[ES_MAX_LEAF_COLUMNS];
	uint32		value_count;
	EsSlice		values[ES_PACK_MAX_VALUES];
	uint16		value_rows[ES_PACK_MAX_VALUES];
	EsSlice		entities[ES_BLOCK_MAX_EVENTS];
	EsSlice		strings[ES_BLOCK_MAX_EVENTS];
	int64		numbers[ES_BLOCK_MAX_EVENTS];
	int64		shape_codes[ES_DOCUMENT_KINDS][ES_BLOCK_MAX_EVENTS];
	uint32		presence_count;
	uint8		presence[ES_MAX_LEAF_COLUMNS][ES_BLOCK_MAX_EVENTS / 8];
	EsColumnEntry entries[ES_SLOTS_END];
	EsColumnWork work;
	uint32		text_bytes;		/* in columns of text, as it was given */
	uint32		plain_bytes;	/* of those columns, where text is plain */
	uint32		coded_bytes;	/* where it is symbols */
	EsSymbolSet symbols;
	uint32		used;			/* of scratch */
	char		scratch[ES_PACK_SCRATCH];

	EsRowsBuilder rows;
} EsPacker;

#endif							/* EVENTSTORE_CORE_PACKER_H */
