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
 * There are two layouts: rows keep events one after the other, columns keep
 * what they have in common once.  This file is about both; block_rows.h and
 * block_columns.h are about one each, and pack.h chooses between them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_BLOCK_H
#define EVENTSTORE_CORE_BLOCK_H

#include "core/block_format.h"

extern EsBlockStatus es_block_open(EsBlock *block, const char *data, size_t size);
extern EsBlockStatus es_block_open_verified(EsBlock *block, const char *data, size_t size);
extern EsBlockStatus es_block_verify(EsBlock *block);
extern EsBlockStatus es_block_salvage(EsBlock *block, const char *data, size_t size);
extern EsBlockStatus es_block_read_head(EsBlock *block, uint32 ordinal,
										char *strings, EsStoredEvent *stored);
extern uint32 es_block_body_room(const EsBlock *block);
extern EsBlockStatus es_block_read_body(EsBlock *block, EsSlice large, char *body,
										EsStoredEvent *stored);
extern EsBlockStatus es_block_check(EsBlock *block, char *body);
extern void es_block_inflight(const EsBlock *block, EsInflightList *list);

#endif							/* EVENTSTORE_CORE_BLOCK_H */
