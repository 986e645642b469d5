/*-------------------------------------------------------------------------
 *
 * session.h
 *	  What this backend's transaction holds in the index, and what happens to
 *	  it when the transaction or a savepoint ends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_SESSION_H
#define EVENTSTORE_LOG_SESSION_H

#include "postgres.h"

#include "index/entity.h"
#include "log/shared.h"

extern void es_session_install(void);
extern bool es_session_is_used(void);
extern void es_session_begin(EsStore *store, uint32 new_claims);
extern void es_session_add(EsEntity *entity, uint32 total, uint64 claimed_by);
extern void es_session_table_changed(EsStore *store, Oid relid);
extern void es_session_table_dropped(EsStore *store);
extern void es_session_index_leaves(EsStore *store, Oid relid);
extern void es_session_index_built(EsStore *store, bool own_events);

#endif							/* EVENTSTORE_LOG_SESSION_H */
