/*-------------------------------------------------------------------------
 *
 * moves.h
 *	  Words of the index that this transaction has led to rows of its own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_MOVES_H
#define EVENTSTORE_LOG_MOVES_H

#include "postgres.h"

#include "log/shared.h"

extern void es_moves_install(void);
extern void es_moves_begin(EsStore *store, uint32 room);
extern void es_moves_add(uint64 *word, uint64 before, uint64 after);
extern void es_moves_apply(void);
extern uint32 es_moves_count(void);
extern bool es_moves_passed(uint32 count);

#endif							/* EVENTSTORE_LOG_MOVES_H */
