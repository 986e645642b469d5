/*-------------------------------------------------------------------------
 *
 * block_rows.h
 *	  Blocks in row layout: events one after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_BLOCK_ROWS_H
#define EVENTSTORE_CORE_BLOCK_ROWS_H

#include "core/block_format.h"

/* A block in the making. */
typedef struct EsRowsBuilder
{
	char	   *data;
	uint32		capacity;
	uint32		used;
	EsBlockHeader header;
	uint16		offsets[ES_BLOCK_MAX_EVENTS];
} EsRowsBuilder;

extern void es_rows_begin(EsRowsBuilder *builder, char *data, uint32 capacity,
						  int64 first_position, int64 recorded_at,
						  const EsInflightList *inflight);
extern bool es_rows_add(EsRowsBuilder *builder, const EsEvent *event,
						int64 version, bool large);
extern uint32 es_rows_finish(EsRowsBuilder *builder);
extern uint32 es_rows_event_size(const EsEvent *event, int64 version,
								 int64 recorded_at);

extern EsBlockStatus es_rows_open(EsBlock *block);
extern uint32 es_rows_header_crc(const EsBlock *block);
extern EsBlockStatus es_rows_read_head(const EsBlock *block, uint32 ordinal,
									   EsStoredEvent *stored);
extern EsBlockStatus es_rows_read_body(const EsBlock *block, EsStoredEvent *stored, EsSlice body);
extern EsBlockStatus es_rows_check(const EsBlock *block);
extern EsBlockStatus es_rows_check_heads(const EsBlock *block);

#endif							/* EVENTSTORE_CORE_BLOCK_ROWS_H */
