/*-------------------------------------------------------------------------
 *
 * block_row.h
 *	  A row of the block table: its block, and the events in it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_BLOCK_ROW_H
#define EVENTSTORE_LOG_BLOCK_ROW_H

#include "postgres.h"

#include "access/htup_details.h"
#include "storage/buf.h"
#include "utils/relcache.h"

#include "core/block.h"

/* A row of the block table; it points into the tuple. */
typedef struct EsBlockRow
{
	HeapTupleData tuple;
	Relation	blocks;
	int64		first_position;
	const char *data;			/* of the block */
	uint32		size;
	EsBlockStatus status;		/* of opening the block */
	Buffer		buffer;			/* the page, pinned; or InvalidBuffer */
	EsBlock		block;			/* when the status is OK */
} EsBlockRow;

extern void es_row_open(EsBlockRow *row, Relation blocks, HeapTuple tuple, Buffer buffer,
						bool verified);

/* Does a large event of the row have its body beside the block? */
static inline bool
es_row_has_large(const EsBlockRow *row)
{
	return !HeapTupleHasNulls(&row->tuple);
}

extern EsBlockStatus es_row_body(EsBlockRow *row, char *body, EsStoredEvent *stored);
extern EsBlockStatus es_row_event(EsBlockRow *row, uint32 ordinal,
								  EsStoredEvent *stored);
extern void es_row_event_checked(EsBlockRow *row, uint32 ordinal,
								 EsStoredEvent *stored);
extern int64 es_row_position(const EsBlockRow *row, uint32 ordinal);
extern void es_report_damage(int64 position, EsBlockStatus status) ES_NORETURN;

#endif							/* EVENTSTORE_LOG_BLOCK_ROW_H */
