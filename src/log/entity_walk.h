/*-------------------------------------------------------------------------
 *
 * entity_walk.h
 *	  Goes over all entities of a store.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_ENTITY_WALK_H
#define EVENTSTORE_LOG_ENTITY_WALK_H

#include "postgres.h"

#include "log/entities.h"
#include "log/reader.h"

typedef struct EsEntityWalk EsEntityWalk;

extern EsEntityWalk *es_entity_walk_begin(EsStore *store, EsReader *reader);
extern bool es_entity_walk_next(EsEntityWalk *walk, EsHandle *handle);
extern void es_entity_walk_end(EsEntityWalk *walk);
extern bool es_entity_walk_forbid(void);

#endif							/* EVENTSTORE_LOG_ENTITY_WALK_H */
