/*-------------------------------------------------------------------------
 *
 * run_writer.h
 *	  Writes a sorted run of the entity index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_COMPACT_RUN_WRITER_H
#define EVENTSTORE_COMPACT_RUN_WRITER_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/hsearch.h"

#include "core/event.h"
#include "log/runs.h"

/* Inserts rows into a table and its indexes. */
typedef struct EsRowInserter
{
	Relation	table;
	EState	   *executor;
	ResultRelInfo *indexes;
	TupleTableSlot *slot;
} EsRowInserter;

/* A level of the tree: the page that is being filled. */
typedef struct EsRunLevel
{
	EsRunKey	first;			/* of that page */
	uint32		previous;		/* number of the page before it */
	EsRunPageWriter page;
} EsRunLevel;

typedef struct EsRunWriter
{
	EsRowInserter pages;
	EsRun		run;			/* its number and seed, and what was written */
	uint64		bytes;			/* of pages */
	HTAB	   *tenants;		/* whose entities begin in it; but the default
								 * one */
	int			level_count;
	EsRunLevel *levels[ES_RUN_MAX_LEVELS];

	/* the entry that is gathered: of one entity, whose name is copied */
	EsRunEntry	entry;
	int64		positions[ES_RUN_MAX_POSITIONS];
	char		names[ES_MAX_TENANT_ID + ES_MAX_ENTITY_ID];
} EsRunWriter;

extern void es_run_writer_begin(EsRunWriter *writer, uint64 seed);
extern void es_run_writer_add(EsRunWriter *writer, const EsRunEntry *entry, const int64 *positions);
extern void es_run_writer_end(EsRunWriter *writer, int64 storage);

#endif							/* EVENTSTORE_COMPACT_RUN_WRITER_H */
