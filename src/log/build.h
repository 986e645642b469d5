/*-------------------------------------------------------------------------
 *
 * build.h
 *	  Builds the index of a database from its blocks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_BUILD_H
#define EVENTSTORE_LOG_BUILD_H

#include "postgres.h"

#include "utils/relcache.h"

#include "log/shared.h"

extern void es_index_take_over(EsStore *store, Relation blocks, int64 position, int64 reserved);
extern void es_index_build(EsStore *store, Relation blocks, int64 reserved);

#endif							/* EVENTSTORE_LOG_BUILD_H */
