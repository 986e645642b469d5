/*-------------------------------------------------------------------------
 *
 * top_n.c
 *	  ORDER BY something of the events, with a LIMIT: sorts keys, and reads only the
 *	  events that are left.
 *
 * Where whole events are asked for, most of the time would be spent on making
 * documents of rows that the LIMIT drops.  So the plan is a node that reads events by
 * their positions, and below it PostgreSQL's own Limit and Sort of a scan that gives
 * nothing but the position and what is sorted by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/tlist.h"
#include "utils/memutils.h"

#include "fdw/exec.h"
#include "fdw/fdw.h"
#include "fdw/needs.h"
#include "fdw/plan.h"
#include "log/position_scan.h"
#include "pg/compat.h"

/* Of more events than these, positions are not collected. */
#define MAX_EVENTS 10000

/* ------------------------------------------------------------------- planning */

/*
 * What the scan below delivers: the position, and what is sorted by.  NULL when that
 * is not to be evaluated once for each event and no more.
 */
static PathTarget *
keys_target(PlannerInfo *root, RelOptInfo *rel)
{
	PathTarget *target = create_empty_pathtarget();
	Expr	   *position = (Expr *) makeVar(rel->relid, ES_FIELD_POSITION, INT8OID, -1, InvalidOid, 0);
	List	   *keys = NIL;
	Index		position_ref = 0;
	ListCell   *cell;

	foreach(cell, root->parse->sortClause)
	{
		Node	   *expr = get_sortgroupclause_expr(lfirst(cell), root->processed_tlist);

		if (contain_volatile_functions(expr) || contain_subplans(expr))
			return NULL;
		if (equal(expr, position))
			position_ref = ((SortGroupClause *) lfirst(cell))->tleSortGroupRef;
		else
			keys = lappend(keys, lfirst(cell));
	}
	add_column_to_pathtarget(target, position, position_ref);
	foreach(cell, keys)
		add_column_to_pathtarget(target, (Expr *) get_sortgroupclause_expr(lfirst(cell), root->processed_tlist),
								 ((SortGroupClause *) lfirst(cell))->tleSortGroupRef);
	return set_pathtarget_cost_width(root, target);
}

/* Is it a query of events alone, of which the first so many are wanted? */
static bool
is_top_n(PlannerInfo *root, RelOptInfo *rel)
{
	const Query *parse = root->parse;

	return rel->reloptkind == RELOPT_BASEREL && root->rowMarks == NIL &&
		root->limit_tuples >= 1 && root->limit_tuples <= MAX_EVENTS &&
		parse->limitOption == LIMIT_OPTION_COUNT && root->sort_pathkeys != NIL &&
		!parse->hasAggs && !parse->hasWindowFuncs && !parse->hasTargetSRFs &&
		parse->groupClause == NIL && parse->groupingSets == NIL && parse->distinctClause == NIL &&
		parse->havingQual == NULL && parse->setOperations == NULL && !es_has_pseudoconstants(rel);
}

/*
 * Does the result have whole documents, which are worth being read late, and nothing of
 * events but columns and what is made of them?
 */
static bool
has_documents(RelOptInfo *rel, const PathTarget *target)
{
	EsNeeds		needs;

	es_needs_begin(&needs, rel->relid);
	es_needs_add(&needs, (Node *) target->exprs);
	return !needs.row && (needs.whole & (1U << ES_FIELD_PAYLOAD | 1U << ES_FIELD_METADATA)) != 0;
}

/* Adds paths that sort keys. */
void
es_top_n_paths(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *ordered)
{
	PathTarget *target;
	ForeignPath *scan = NULL;
	EsPlanChoice choice;
	Path	   *path;
	Node	   *limit;
	ListCell   *cell;

	if (!is_top_n(root, rel) || !has_documents(rel, root->upper_targets[UPPERREL_FINAL]) ||
		(target = keys_target(root, rel)) == NULL)
		return;
	foreach(cell, es_scans_of(rel))
	{
		if (scan == NULL || ((Path *) lfirst(cell))->total_cost < scan->path.total_cost)
			scan = lfirst(cell);
	}
	if (scan == NULL)
		return;
	limit = (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
							   Int64GetDatum((int64) root->limit_tuples), false, FLOAT8PASSBYVAL);
	path = es_scan_of_fields(scan, target);
	path = (Path *) create_sort_path(root, rel, path, root->sort_pathkeys, root->limit_tuples);
	path = (Path *) create_limit_path(root, rel, path, NULL, limit, LIMIT_OPTION_COUNT, 0,
									  (int64) root->limit_tuples);
	choice = es_plan_unpack(scan->fdw_private);
	choice.items[ES_PLAN_STEP] = ES_STEP_TOP_N;
	add_path(ordered, (Path *) es_ordered_path(root, ordered, root->upper_targets[UPPERREL_FINAL],
											   path->rows, path->total_cost,
											   path->total_cost + es_fdw_events_cost(root, rel, path->rows),
											   root->sort_pathkeys, path, es_plan_pack(&choice)));
}

/* ------------------------------------------------------------------ execution */

typedef struct TopN
{
	EsEventScan events;			/* of it, what makes rows of events */
	bool		begun;
	int64	   *positions;
	EsPositionScan scan;
} TopN;

static Index
scanned_relation(PlanState *below)
{
	while (!IsA(below, ForeignScanState))
		below = outerPlanState(below);
	return ((Scan *) below->plan)->scanrelid;
}

void
es_top_n_begin(ForeignScanState *node)
{
	TopN	   *top = palloc0(sizeof(TopN));

	node->fdw_state = top;
	top->events.node = node;
	top->events.choice = es_plan_unpack(((ForeignScan *) node->ss.ps.plan)->fdw_private);
	es_event_scan_set_outputs(&top->events, scanned_relation(outerPlanState(node)));
}

/* Has the keys sorted; the positions of the first ones are what the node below gives. */
static void
begin(TopN *top)
{
	ForeignScanState *node = top->events.node;
	MemoryContext before = MemoryContextSwitchTo(node->ss.ps.state->es_query_cxt);
	TupleTableSlot *slot;
	uint32		count = 0;

	if (top->positions == NULL)
		top->positions = palloc(MAX_EVENTS * sizeof(int64));
	while (count < MAX_EVENTS && (slot = ExecProcNode(outerPlanState(node))) && !TupIsNull(slot))
	{
		bool		isnull;

		top->positions[count++] = DatumGetInt64(slot_getattr(slot, 1, &isnull));
	}
	es_position_scan_begin(&top->scan, node->ss.ps.state->es_snapshot, top->positions, count);
	top->begun = true;
	MemoryContextSwitchTo(before);
}

TupleTableSlot *
es_top_n_iterate(ForeignScanState *node)
{
	TopN	   *top = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	const EsStoredEvent *stored;

	if (!top->begun)
		begin(top);
	stored = es_position_scan_next(&top->scan);
	if (stored == NULL)
		return ExecClearTuple(slot);
	es_event_scan_fill(&top->events, slot, stored);
	return slot;
}

void
es_top_n_end(ForeignScanState *node)
{
	TopN	   *top = node->fdw_state;

	if (top != NULL && top->begun)
		es_position_scan_end(&top->scan);
	if (top != NULL)
		top->begun = false;
}
