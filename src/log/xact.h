/*-------------------------------------------------------------------------
 *
 * xact.h
 *	  What became of a transaction, by its full xid.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_XACT_H
#define EVENTSTORE_LOG_XACT_H

#include "postgres.h"

#include "utils/snapshot.h"

#include "index/entity.h"

extern bool es_xact_is_own(uint64 xid);
extern bool es_xact_is_running(uint64 xid);
extern bool es_xact_fate(uint64 xid, EsFate *fate);
extern uint64 es_xact_full(TransactionId xid);
extern bool es_xact_is_seen(uint64 xid, Snapshot snapshot);

#endif							/* EVENTSTORE_LOG_XACT_H */
