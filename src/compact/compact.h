/*-------------------------------------------------------------------------
 *
 * compact.h
 *	  Compaction, one transaction after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_COMPACT_COMPACT_H
#define EVENTSTORE_COMPACT_COMPACT_H

#include "postgres.h"

#include "compact/merge.h"

extern void es_compact_install(void);
extern void es_compact_begin_step(void);
extern void es_compact_step(EsMergeResult *result);
extern bool es_compact_before_build(void);
extern void es_compact_try_again(void);
extern void es_compact_give_up(EsStore *store);

#endif							/* EVENTSTORE_COMPACT_COMPACT_H */
