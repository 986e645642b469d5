/*-------------------------------------------------------------------------
 *
 * moves.h
 *	  Words of the index that this transaction has lead to rows of its own.
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
extern bool es_moves_are_open(void);
extern void es_moves_wait(void);

#endif							/* EVENTSTORE_LOG_MOVES_H */
