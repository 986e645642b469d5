/*-------------------------------------------------------------------------
 *
 * runs.h
 *	  Sorted runs of the entity index: which there are, and what they know.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_RUNS_H
#define EVENTSTORE_LOG_RUNS_H

#include "postgres.h"

#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"

#include "core/event.h"
#include "core/run_page.h"
#include "log/shared.h"

/* Columns of eventstore.runs. */
enum
{
	ES_RUNS_RUN = 1,
	ES_RUNS_LEVEL,
	ES_RUNS_FIRST_POSITION,
	ES_RUNS_LAST_POSITION,
	ES_RUNS_EVENTS,
	ES_RUNS_TIMELESS_IDS,
	ES_RUNS_ENTITIES,
	ES_RUNS_TENANTS,
	ES_RUNS_MERGED,
	ES_RUNS_PAGES,
	ES_RUNS_STORAGE,
	ES_RUNS_CLUSTER,
	ES_RUNS_SEED,
	ES_RUNS_NATTS = ES_RUNS_SEED
};

/* Columns of eventstore.run_pages. */
#define ES_RUN_PAGES_RUN	1
#define ES_RUN_PAGES_NUMBER 2
#define ES_RUN_PAGES_PAGE	3
#define ES_RUN_PAGES_NATTS	3

/* A run, as its row says. */
typedef struct EsRun
{
	int64		run;
	int32		level;
	int64		first_position;
	int64		last_position;
	int64		events;
	int64		timeless_ids;
	int64		entities;		/* whose first event is in it */
	bool		merged;
	uint32		pages;
	uint64		seed;
} EsRun;

/* The runs of a storage of the block table, in the order of their positions. */
typedef struct EsRunList
{
	EsRun	   *runs;
	uint32		count;
} EsRunList;

extern void es_runs_install(void);
extern const EsRunList *es_runs_list(Relation blocks);
extern bool es_runs_are_whole(Relation blocks);
extern void es_runs_forget(void);
extern void es_runs_note_change(EsStore *store);
extern uint32 es_runs_change(void);
extern bool es_runs_have_changed(EsStore *store, uint32 since);
extern uint64 es_runs_newest_xid(const EsRunList *list);

/* Gets the name of a tenant, as it is stored, which is good until it returns. */
typedef void (*EsTenantSink) (void *arg, EsSlice tenant_id);

extern void es_runs_tenants(Relation blocks, EsTenantSink sink, void *arg);
extern void es_runs_delete(int64 run);
extern void es_runs_delete_obsolete(Relation blocks);
extern void es_runs_delete_all(EsStore *store);

/* Reads pages of runs. */
typedef struct EsRunReader
{
	MemoryContext context;		/* of what an index scan keeps */
	Relation	pages;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;		/* has the page that was read last */
	EsRunPage	page;
} EsRunReader;

extern void es_run_reader_begin(EsRunReader *reader);
extern void es_run_reader_end(EsRunReader *reader);

/* The entry of an entity that was found last. */
typedef struct EsRunPositions
{
	uint64		hash;			/* of the entity, with the seed of runs */
	EsSlice		tenant_id;		/* in 'names' */
	EsSlice		entity_id;		/* empty: none */
	uint32		first;			/* version */
	uint32		count;
	int64		positions[ES_RUN_MAX_POSITIONS];
	char		names[ES_MAX_TENANT_ID + ES_MAX_ENTITY_ID];
} EsRunPositions;

extern int64 es_runs_find(EsRunReader *reader, Relation blocks, const EsKey *key, uint32 version,
						  EsRunPositions *positions);

/* Runs that the index relies on are not there. */
#define ES_RUNS_MISSING PG_INT64_MIN

extern int64 es_runs_last_version(EsRunReader *reader, Relation blocks, const EsKey *key);

/* Goes along the entries of a run. */
typedef struct EsRunCursor
{
	EsRunReader *reader;
	EsRun		run;
	int			level;			/* of the root */
	uint32		next[ES_RUN_MAX_LEVELS];	/* on each level, in its page */
	EsRunPage	pages[ES_RUN_MAX_LEVELS];
	char	   *data[ES_RUN_MAX_LEVELS];	/* copies of the pages */
	bool		damaged;		/* something was left out */
	EsRunEntry	entry;			/* the current one */
} EsRunCursor;

extern void es_run_cursor_begin(EsRunCursor *cursor, EsRunReader *reader, const EsRun *run);
extern bool es_run_cursor_next(EsRunCursor *cursor);

/* Entries that are looked at together, with copies of their names. */
typedef struct EsRunWindow
{
	uint32		count;
	EsKey		keys[ES_PREFETCH_WINDOW];
	EsRunEntry	entries[ES_PREFETCH_WINDOW];
	char		names[ES_PREFETCH_WINDOW * (ES_MAX_TENANT_ID + ES_MAX_ENTITY_ID)];
} EsRunWindow;

extern bool es_run_cursor_next_window(EsRunCursor *cursor, const EsIndex *index, EsRunWindow *window);

extern void es_runs_report_damage(int64 run) ES_NORETURN;
extern void es_runs_report_missing(void) ES_NORETURN;

#endif							/* EVENTSTORE_LOG_RUNS_H */
