/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Reads the relation: all events, through a tuplestore.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "fdw/fdw.h"
#include "log/read.h"
#include "row/output.h"

#define ROWS_GUESS 1000000

void
es_fdw_rel_size(PlannerInfo *root pg_attribute_unused(), RelOptInfo *rel, Oid relid)
{
	es_fdw_check_relid(relid);
	rel->rows = ROWS_GUESS;
}

void
es_fdw_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid pg_attribute_unused())
{
	add_path(rel, (Path *) create_foreignscan_path(root, rel, NULL, rel->rows, rel->rows,
												   2 * rel->rows, NIL, rel->lateral_relids,
												   NULL, NIL));
}

ForeignScan *
es_fdw_plan(PlannerInfo *root pg_attribute_unused(), RelOptInfo *rel,
			Oid relid pg_attribute_unused(), ForeignPath *path pg_attribute_unused(),
			List *targets, List *clauses, Plan *outer)
{
	return make_foreignscan(targets, extract_actual_clauses(clauses, false), rel->relid,
							NIL, NIL, NIL, NIL, outer);
}

typedef struct EventScan
{
	Tuplestorestate *rows;		/* NULL before the first is fetched */
	TupleTableSlot *slot;
} EventScan;

void
es_fdw_begin_scan(ForeignScanState *node, int flags pg_attribute_unused())
{
	EventScan  *scan;

	es_fdw_check_table(node->ss.ss_currentRelation);
	scan = palloc0(sizeof(EventScan));
	scan->slot = MakeSingleTupleTableSlot(RelationGetDescr(node->ss.ss_currentRelation),
										  &TTSOpsMinimalTuple);
	node->fdw_state = scan;
}

static void
put_row(void *arg, const EsStoredEvent *stored)
{
	EventScan  *scan = arg;
	Datum		values[ES_RECORDED_NATTS];
	bool		nulls[ES_RECORDED_NATTS];

	es_recorded_values(stored, values, nulls);
	tuplestore_putvalues(scan->rows, scan->slot->tts_tupleDescriptor, values, nulls);
}

TupleTableSlot *
es_fdw_iterate_scan(ForeignScanState *node)
{
	EventScan  *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	EsSink		sink = {put_row, scan};

	if (scan->rows == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(node->ss.ps.state->es_query_cxt);

		scan->rows = tuplestore_begin_heap(true, false, work_mem);
		MemoryContextSwitchTo(before);
		es_read_everything(&sink);
	}
	if (!tuplestore_gettupleslot(scan->rows, true, false, scan->slot))
		return ExecClearTuple(slot);
	ExecCopySlot(slot, scan->slot);
	ExecClearTuple(scan->slot);
	return slot;
}

void
es_fdw_rescan(ForeignScanState *node)
{
	EventScan  *scan = node->fdw_state;

	if (scan->rows != NULL)
		tuplestore_rescan(scan->rows);
}

void
es_fdw_end_scan(ForeignScanState *node)
{
	EventScan  *scan = node->fdw_state;

	if (scan->rows != NULL)
		tuplestore_end(scan->rows);
	ExecDropSingleTupleTableSlot(scan->slot);
}
