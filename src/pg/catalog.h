/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  The extension's own relations, and who may use them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_PG_CATALOG_H
#define EVENTSTORE_PG_CATALOG_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/relcache.h"

/* Columns of eventstore.blocks. */
#define ES_BLOCKS_FIRST_POSITION	1
#define ES_BLOCKS_BLOCK				2
#define ES_BLOCKS_LARGE				3
#define ES_BLOCKS_NATTS				3

extern void es_check_encoding(void);
extern Relation es_blocks_open(LOCKMODE mode);
extern Oid	es_blocks_oid(void);
extern bool es_is_blocks_trigger(Oid trigger);
extern bool es_is_blocks(Relation relation);
extern bool es_is_events_oid(Oid relid);
extern bool es_is_blocks_oid(Oid relid);
extern bool es_is_own_oid(Oid relid);
extern bool es_is_schema_oid(Oid schema);
extern bool es_blocks_are_subscribed(void);
extern Oid	es_blocks_changed_oid(void);
extern Oid	es_events_oid(void);
extern Oid	es_position_sequence(void);
extern Oid	es_runs_oid(void);
extern Oid	es_run_pages_oid(void);

extern int64 es_sequence_last_value(Oid sequence);
extern void es_sequence_set(Oid sequence, int64 value);

extern void es_check_may_write(const char *function);
extern bool es_may_read(void);
extern void es_check_may_read(void);
extern void es_check_may_monitor(void);
extern void es_check_owner(const char *function);

#endif							/* EVENTSTORE_PG_CATALOG_H */
