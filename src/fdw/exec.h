/*-------------------------------------------------------------------------
 *
 * exec.h
 *	  The state of a scan of the relation, for those who use what it finds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FDW_EXEC_H
#define EVENTSTORE_FDW_EXEC_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "fdw/plan.h"
#include "filter/scan.h"
#include "log/entity_scan.h"
#include "query/compile.h"
#include "query/fetch.h"

/* An attribute of the scan's tuple: a column, or something of a document. */
typedef struct EsOutput
{
	EsField		field;
	EsExtraction *extraction;	/* NULL: the column */
} EsOutput;

/* Adds paths, and what belongs to them, to a filter that is being compiled. */
typedef void (*EsExtendFilter) (void *arg, EsFilter *filter);

typedef struct EsEventScan
{
	ForeignScanState *node;
	EsPlanChoice choice;
	List	   *conditions;		/* expressions */
	List	   *keys;			/* ExprState */
	bool		many_entities;	/* the first key is an array */
	ExprState  *tests;			/* of names of entities, or NULL */
	ExprState  *recheck;		/* of the conditions; NULL when there are none */

	/* the conditions' program, as parameters are now */
	MemoryContext program;
	EsFilter	filter;
	EsExtendFilter extend;		/* of the node above, or NULL */
	void	   *extend_arg;
	List	   *understood;		/* of each condition, whether any of it was */
	bool		waiting;		/* some constants were not evaluated yet ... */
	List	   *subqueries;		/* ... of these subqueries, by their
								 * parameters */
	bool		passed;			/* an event has passed all conditions */
	bool		outdated;		/* the program can be made with more constants */
	bool		looked;			/* whether there is any event is known: */
	bool		any_event;
	List	   *constants;		/* expressions without columns ... */
	List	   *constant_states;	/* ... and how to evaluate them */

	/* the tuple */
	EsOutput   *outputs;
	int			output_count;
	bool	   *wanted;			/* by what is above the scan */
	bool	   *tested;			/* by conditions */
	bool	   *either;
	bool		heads_only;		/* nobody needs tags or whole documents */
	bool		has_extractions;	/* something out of documents is needed */
	bool		keys_only;		/* nothing but what the entity index has is */
	bool		adjacent;		/* entities of one name are neighbours; set by
								 * the node above */

	/* reading */
	EsSharedScan *shared;		/* with parallel workers, else NULL */
	bool		open;
	bool		done;
	bool		in_block;
	int			event;			/* of the current block */
	uint64		candidates[ES_BLOCK_BIT_WORDS];
	EsScan		blocks;
	EsSlice		entity_id;		/* when it is one */
	EsEntityRange entity_range;
	uint64		viewed;			/* the reader's fetch whose row is in
								 * blocks.view */
	EsEntityScan entity;
} EsEventScan;

extern bool es_evaluate_constant(void *arg, Expr *expr, Datum *value, bool *isnull);
extern bool es_pretend_constant(void *arg, Expr *expr, Datum *value, bool *isnull);
extern bool es_event_scan_reached(void *arg);
extern void es_event_scan_wait(EsEventScan *scan, const EsCompiler *compiler);
extern EsPlanStep es_step_of(const ForeignScanState *node);
extern void es_event_scan_set_outputs(EsEventScan *scan, Index relid);
extern void es_event_scan_fill(EsEventScan *scan, TupleTableSlot *slot,
							   const EsStoredEvent *stored);
extern void es_event_scan_start(EsEventScan *scan);
extern bool es_event_scan_start_entities(EsEventScan *scan);
extern bool es_event_scan_next_block(EsEventScan *scan);
extern void es_event_scan_stop(EsEventScan *scan);
extern bool es_event_scan_matches(EsEventScan *scan, TupleTableSlot *slot, uint32 i);

/* top_n.c */
extern void es_top_n_begin(ForeignScanState *node);
extern TupleTableSlot *es_top_n_iterate(ForeignScanState *node);
extern void es_top_n_end(ForeignScanState *node);

/* aggregate_scan.c */
extern void es_aggregate_begin(ForeignScanState *node, int flags);
extern TupleTableSlot *es_aggregate_iterate(ForeignScanState *node);
extern void es_aggregate_rescan(ForeignScanState *node);
extern void es_aggregate_end(ForeignScanState *node);

#endif							/* EVENTSTORE_FDW_EXEC_H */
