/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  EXPLAIN of reading the relation: what is done by whom, and how much.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "nodes/makefuncs.h"
#include "utils/ruleutils.h"

#include "fdw/exec.h"
#include "fdw/fdw.h"
#include "kernel/kernel.h"
#include "pg/compat.h"

static void
show_expressions(const char *label, List *expressions, const EsEventScan *scan,
				 ExplainState *explain)
{
	List	   *context;
	Node	   *all;

	if (expressions == NIL)
		return;
	context = set_deparse_context_plan(explain->deparse_cxt, scan->node->ss.ps.plan, NIL);
	all = (Node *) make_ands_explicit(expressions);
	ExplainPropertyText(label, deparse_expression(all, context,
												  es_explain_relations(explain) > 1 || explain->verbose,
												  false), explain);
}

/* Conditions by who evaluates them: the program, at least in part, or nobody else. */
static void
show_conditions(const EsEventScan *scan, ExplainState *explain)
{
	List	   *pushed = NIL;
	List	   *others = NIL;
	ListCell   *condition;
	ListCell   *understood;

	if (scan->choice.items[ES_PLAN_ACCESS] != ES_ACCESS_BLOCKS)
	{
		show_expressions("Row Filter", scan->conditions, scan, explain);
		return;
	}
	forboth(condition, scan->conditions, understood, scan->understood)
	{
		if (lfirst_int(understood))
			pushed = lappend(pushed, lfirst(condition));
		else
			others = lappend(others, lfirst(condition));
	}
	show_expressions("Column Filter", pushed, scan, explain);
	show_expressions("Row Filter", others, scan, explain);
}

static const char *
access_text(const EsEventScan *scan)
{
	EsOrder		order = scan->choice.items[ES_PLAN_ORDER];

	if (scan->choice.items[ES_PLAN_ACCESS] != ES_ACCESS_BLOCKS)
		return psprintf("Entity Index%s%s%s",
						scan->choice.items[ES_PLAN_ACCESS] == ES_ACCESS_ENTITIES ? ", All Entities" : "",
						scan->keys_only ? ", Keys Only" : "",
						order == ES_ORDER_BACKWARD ? ", Backward" : "");
	if (order == ES_ORDER_NONE)
		return "All Blocks";
	if (order == ES_ORDER_RANGE)
		return "Part of the Log";
	if (order == ES_ORDER_IDS)
		return "Event Ids";
	if (order == ES_ORDER_POSITIONS)
		return "Positions";
	return order == ES_ORDER_BACKWARD ? "Log Order, Backward" : "Log Order";
}

static void
show_keys(const EsEventScan *scan, ExplainState *explain)
{
	ForeignScan *plan = (ForeignScan *) scan->node->ss.ps.plan;
	int			tests = list_length(plan->fdw_exprs) - scan->choice.items[ES_PLAN_TESTS];
	int			first = list_length(scan->conditions);
	bool		has_entity = scan->choice.items[ES_PLAN_ACCESS] == ES_ACCESS_ENTITY;

	for (int i = first; i < tests; i++)
		show_expressions(has_entity && i == first ? "Entity" : "Tenant",
						 list_make1(list_nth(plan->fdw_exprs, i)), scan, explain);
	show_expressions("Entity Filter", list_copy_tail(plan->fdw_exprs, tests), scan, explain);
}

static void
show_counts(const EsEventScan *scan, ExplainState *explain)
{
	const EsScanCounts *counts = &scan->blocks.counts;

	if (scan->choice.items[ES_PLAN_ACCESS] == ES_ACCESS_BLOCKS)
	{
		ExplainPropertyInteger("Blocks Read", NULL, counts->blocks, explain);
		ExplainPropertyInteger("Blocks Skipped by Header", NULL, counts->skipped, explain);
	}
	ExplainPropertyInteger("Events Scanned", NULL, counts->events, explain);
	ExplainPropertyInteger("Events Tested as Rows", NULL, counts->unsure, explain);
	ExplainPropertyInteger("Events Removed by That", NULL, counts->removed, explain);
	ExplainPropertyInteger("Events Found", NULL, counts->found, explain);
}

void
es_fdw_explain_scan(ForeignScanState *node, ExplainState *explain)
{
	const EsEventScan *scan = node->fdw_state;

	if (es_step_of(node) == ES_STEP_AGGREGATE)
		return;					/* the scan below says it */
	if (es_step_of(node) == ES_STEP_TOP_N)
	{
		ExplainPropertyText("Access", "Positions", explain);
		return;
	}
	ExplainPropertyText("Access", access_text(scan), explain);
	show_keys(scan, explain);
	show_conditions(scan, explain);
	if (explain->analyze)
		show_counts(scan, explain);
	if (explain->verbose)
		ExplainPropertyText("Kernel", es_kernel->name, explain);
}
