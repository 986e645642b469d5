/*-------------------------------------------------------------------------
 *
 * tail.h
 *	  The small blocks that were appended, and who is told of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_TAIL_H
#define EVENTSTORE_LOG_TAIL_H

#include "postgres.h"

#include "log/shared.h"

/* So many small blocks are worth a worker at once. */
#define ES_TAIL_FULL 4096

extern void es_tail_install(void);
extern bool es_tail_run_is_due(EsStore *store);
extern bool es_tail_memory_is_wanted(EsStore *store);
extern bool es_tail_shed_is_due(EsStore *store);
extern bool es_tail_index_is_due(EsStore *store);
extern bool es_tail_ask_for_memory(EsStore *store);
extern void es_tail_add(EsStore *store, uint32 small_blocks);
extern void es_tail_take(EsStore *store, uint64 small_blocks, bool unsettled);
extern void es_tail_tell(EsStore *store);
extern bool es_tail_ask_for_build(EsStore *store);
extern void es_tail_give_up(Oid database);
extern void es_tail_watch(bool watching);

#endif							/* EVENTSTORE_LOG_TAIL_H */
