/*-------------------------------------------------------------------------
 *
 * eventstore.c
 *	  Module magic and _PG_init; src/README.md is the map of the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "compact/compact.h"
#include "fdw/guard.h"
#include "fdw/stats.h"
#include "log/moves.h"
#include "log/runs.h"
#include "log/session.h"
#include "log/shared.h"
#include "log/store.h"
#include "log/tail.h"
#include "log/verified.h"
#include "pg/settings.h"
#include "pg/shmem.h"
#include "worker/launcher.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/*
 * Without preloading there is no shared memory; functions that need it say so
 * when they are called.
 */
void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	es_settings_define();
	es_shared_install();
	es_verified_install();
	es_shmem_install();
	es_session_install();
	es_moves_install();
	es_tail_install();
	es_runs_install();
	es_compact_install();
	es_store_install();
	es_guard_install();
	es_stats_install();
	es_launcher_install();
}
