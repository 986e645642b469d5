/*-------------------------------------------------------------------------
 *
 * block_columns_read.h
 *	  Blocks in column layout: events out of their columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_BLOCK_COLUMNS_READ_H
#define EVENTSTORE_CORE_BLOCK_COLUMNS_READ_H

#include "core/block_columns.h"

extern EsBlockStatus es_columns_read_head(EsBlock *block, uint32 ordinal,
										  char *strings, EsStoredEvent *stored);
extern EsBlockStatus es_columns_read_body(EsBlock *block, char *body,
										  EsStoredEvent *stored);
extern EsBlockStatus es_columns_check_heads(EsBlock *block);

#endif							/* EVENTSTORE_CORE_BLOCK_COLUMNS_READ_H */
