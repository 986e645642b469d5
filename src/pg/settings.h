/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  The settings of eventstore.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_PG_SETTINGS_H
#define EVENTSTORE_PG_SETTINGS_H

#include "postgres.h"

extern int	es_index_memory_mb;
extern int	es_max_event_size_kb;
extern bool es_allow_async_commit;
extern bool es_compaction;
extern int	es_compaction_delay_s;
extern int	es_compaction_rate_kb;
extern int	es_run_events;
extern int	es_shed_at_percent;

extern void es_settings_define(void);

#endif							/* EVENTSTORE_PG_SETTINGS_H */
