/*-------------------------------------------------------------------------
 *
 * aggregate_scan.c
 *	  Executes aggregation of the relation.
 *
 * All is done when the first row is asked for: the scan below says which blocks
 * and which of their events, and groups are made of those.  Then the groups are
 * delivered one by one.
 *
 * Where the scan below gives entities, one that is read is a group or part of the one
 * before it, and groups are delivered as they come.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "executor/instrument.h"
#include "optimizer/optimizer.h"
#include "nodes/makefuncs.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "fdw/aggregate.h"
#include "fdw/exec.h"
#include "fdw/fdw.h"
#include "row/output.h"

/* A group of entities, all of one name unless nothing is grouped. */
typedef struct EntityGroup
{
	EsSlice		tenant_id;		/* of the last one */
	EsSlice		entity_id;
	int64		names;			/* entities, counted by name */
	int64		events;
	int64		least;			/* version */
	int64		greatest;
	char		name_bytes[ES_MAX_TENANT_ID + ES_MAX_ENTITY_ID];	/* of the last one */
} EntityGroup;

typedef struct AggregateScan
{
	ForeignScanState *node;
	EsEventScan *events;		/* of the scan below */
	EsGrouping	grouping;
	List	  **filters;		/* of each aggregate, conditions on events */
	bool		done;
	EsGroup    *group;			/* that was delivered last */

	/* of entities */
	bool		of_entities;
	bool		by_tenant;		/* entities of one name are groups of their
								 * own */
	bool		has_next;
	EsEntityVersions next;		/* the first entity of the next group */
} AggregateScan;

static EsExtraction *
make_extraction(const EsOperand *operand)
{
	EsExtraction *extraction = palloc0(sizeof(EsExtraction));

	extraction->field = operand->field;
	extraction->type = ES_VALUE_TEXT;
	extraction->path = operand->path;
	return extraction;
}

/* Registers the columns that an expression needs of a row. */
static void
need_columns(AggregateScan *scan, Node *expr)
{
	ListCell   *cell;

	foreach(cell, pull_var_clause(expr, 0))
	{
		AttrNumber	column = lfirst_node(Var, cell)->varattno;

		scan->grouping.row_columns |= column > 0 ? 1U << column : PG_UINT32_MAX;
	}
}

static void
set_aggregate(AggregateScan *scan, EsCompiler *compiler, const Aggref *aggregate)
{
	EsGrouping *grouping = &scan->grouping;
	EsAggregate *target = &grouping->aggregates[grouping->aggregate_count];
	EsAggregateForm form;

	if (!es_aggregate_form(compiler, aggregate, &form))
		elog(ERROR, "unexpected aggregate of events");
	target->kind = form.kind;
	target->has_input = form.has_input;
	target->input.field = form.input.field;
	target->input.type = form.input.type;
	if (form.has_input && form.input.in_document)
		target->input.extraction = make_extraction(&form.input);
	target->has_filter = form.filter != NIL;
	target->filter_test = ExecInitQual(form.filter, &scan->node->ss.ps);
	need_columns(scan, (Node *) form.filter);
	scan->filters[grouping->aggregate_count++] = form.filter;
}

static void
set_key(AggregateScan *scan, EsCompiler *compiler, Expr *expr)
{
	EsGroupKey *key = &scan->grouping.keys[scan->grouping.key_count++];
	EsKeyForm	form;

	if (!es_key_form(compiler, expr, &form))
		elog(ERROR, "unexpected grouping of events");
	key->field = form.operand.field;
	key->by_value = form.by_value;
	if (form.is_expression)
		key->expression = ExecInitExpr(expr, &scan->node->ss.ps);
	else if (form.operand.in_document)
		key->extraction = make_extraction(&form.operand);
}

/* The tuple has the keys first; aggregates are the rest. */
static void
set_grouping(AggregateScan *scan)
{
	ForeignScan *plan = (ForeignScan *) scan->node->ss.ps.plan;
	int			count = list_length(plan->fdw_scan_tlist);
	EsFilter	none = {0};
	EsCompiler	compiler = {
		.relid = ((ForeignScan *) scan->events->node->ss.ps.plan)->scan.scanrelid,
		.evaluate = es_pretend_constant,
		.filter = &none
	};
	ListCell   *cell;

	scan->grouping.keys = palloc0(count * sizeof(EsGroupKey));
	scan->grouping.aggregates = palloc0(count * sizeof(EsAggregate));
	scan->filters = palloc0(count * sizeof(List *));
	foreach(cell, plan->fdw_scan_tlist)
	{
		Expr	   *expr = lfirst_node(TargetEntry, cell)->expr;

		if (IsA(expr, Aggref))
			set_aggregate(scan, &compiler, (Aggref *) expr);
		else
			set_key(scan, &compiler, expr);
	}
}

static void
add_extraction(EsFilter *filter, EsExtraction *extraction)
{
	if (extraction != NULL &&
		!es_filter_add_path(filter, &extraction->path, &extraction->path_number))
		elog(ERROR, "too many places in documents to aggregate");
}

/*
 * Compiles the FILTER of an aggregate.  There may be no event for which it is
 * evaluated, so its constants are not worked out where that may fail.
 */
static void
compile_filter(AggregateScan *scan, int number, EsFilter *filter)
{
	List	   *conditions = filter->conditions;
	EsCompiler	compiler = {
		.relid = ((ForeignScan *) scan->events->node->ss.ps.plan)->scan.scanrelid,
		.evaluate = es_evaluate_constant,
		.arg = scan->events,
		.filter = filter,
		.params = scan->events->node->ss.ps.state->es_param_exec_vals,
		.shielded = true
	};

	filter->conditions = NIL;
	(void) es_compile(&compiler, scan->filters[number]);
	es_event_scan_wait(scan->events, &compiler);
	scan->grouping.aggregates[number].filter.conditions = filter->conditions;
	filter->conditions = conditions;
}

/*
 * Makes what is aggregated known to the program of the scan, which has the paths
 * of all; EsExtendFilter.  The planner has left room for those of keys and
 * inputs; conditions do without if there is none for theirs.
 */
static void
extend_filter(void *arg, EsFilter *filter)
{
	AggregateScan *scan = arg;
	EsGrouping *grouping = &scan->grouping;

	for (int k = 0; k < grouping->key_count; k++)
		add_extraction(filter, grouping->keys[k].extraction);
	for (int a = 0; a < grouping->aggregate_count; a++)
		add_extraction(filter, grouping->aggregates[a].input.extraction);
	for (int a = 0; a < grouping->aggregate_count; a++)
		compile_filter(scan, a, filter);
}

/*
 * The entities of a name must come together, unless there is nothing but their number,
 * each as a whole.
 */
static void
set_entity_groups(AggregateScan *scan)
{
	const EsGrouping *grouping = &scan->grouping;

	scan->events->choice.items[ES_PLAN_ORDER] = ES_ORDER_FORWARD;
	scan->events->choice.items[ES_PLAN_ENTITY_ORDER] = ES_ENTITY_ONE_BY_ONE;
	for (int k = 0; k < grouping->key_count; k++)
		scan->by_tenant |= grouping->keys[k].field == ES_FIELD_TENANT_ID;
	scan->events->adjacent = grouping->key_count > 0 && !scan->by_tenant;
	for (int a = 0; a < grouping->aggregate_count; a++)
		scan->events->adjacent |= grouping->aggregates[a].kind == ES_AGGREGATE_ENTITIES;
}

void
es_aggregate_begin(ForeignScanState *node, int flags pg_attribute_unused())
{
	AggregateScan *scan = palloc0(sizeof(AggregateScan));
	ForeignScanState *below = castNode(ForeignScanState, outerPlanState(node));

	node->fdw_state = scan;
	scan->node = node;
	scan->events = below->fdw_state;
	set_grouping(scan);
	if (scan->events == NULL)
		return;
	scan->of_entities = scan->events->choice.items[ES_PLAN_ACCESS] != ES_ACCESS_BLOCKS;
	if (scan->of_entities)
	{
		set_entity_groups(scan);
		return;
	}
	scan->events->extend = extend_filter;
	scan->events->extend_arg = scan;
	scan->grouping.context = CreateExprContext(node->ss.ps.state);
	scan->grouping.row = MakeSingleTupleTableSlot(RelationGetDescr(below->ss.ss_currentRelation),
												  &TTSOpsVirtual);
}

/* Tests what the program of the scan could not decide. */
static void
test_events(EsEventScan *events, uint64 *rows)
{
	EsScan	   *blocks = &events->blocks;
	TupleTableSlot *slot = events->node->ss.ss_ScanTupleSlot;
	ExprContext *context = events->node->ss.ps.ps_ExprContext;
	int			row = -1;

	memcpy(rows, blocks->sure, blocks->view.words * sizeof(uint64));
	while (es_bits_next(blocks->unsure, blocks->view.words, &row))
	{
		MemoryContext before = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);

		if (es_event_scan_matches(events, slot, row))
			rows[row / 64] |= UINT64CONST(1) << (row % 64);
		ExecClearTuple(slot);
		MemoryContextSwitchTo(before);
		ResetExprContext(context);
	}
}

static void
aggregate(AggregateScan *scan)
{
	EsEventScan *events = scan->events;
	Instrumentation *instrument = events->node->ss.ps.instrument;
	uint64		found = events->blocks.counts.found;
	uint64		rows[ES_BLOCK_BIT_WORDS];
	MemoryContext before = MemoryContextSwitchTo(scan->node->ss.ps.state->es_query_cxt);

	if (instrument != NULL)
		InstrStartNode(instrument);
	es_grouping_begin(&scan->grouping);
	es_event_scan_start(events);
	while (es_event_scan_next_block(events))
	{
		EsView	   *view = &events->blocks.view;

		test_events(events, rows);
		events->blocks.counts.found += es_kernel_count_bits(rows, view->words);
		if (es_bits_any(rows, view->words))
			es_grouping_add_block(&scan->grouping, view, rows);
		ResetExprContext(scan->grouping.context);
	}
	es_event_scan_stop(events);
	if (instrument != NULL)
		InstrStopNode(instrument, (double) (events->blocks.counts.found - found));
	MemoryContextSwitchTo(before);
}

/* ---------------------------------------------------------------- entities */

static void
next_entity(AggregateScan *scan)
{
	EsEventScan *events = scan->events;
	Instrumentation *instrument = events->node->ss.ps.instrument;

	if (instrument != NULL)
		InstrStartNode(instrument);
	if (!events->open)
		(void) es_event_scan_start_entities(events);
	scan->has_next = events->open && es_entity_scan_next_entity(&events->entity, &scan->next);
	if (scan->has_next)
		events->blocks.counts.found += scan->next.last - scan->next.first + 1;
	if (instrument != NULL)
		InstrStopNode(instrument, scan->has_next ? (double) (scan->next.last - scan->next.first + 1) : 0);
}

/* Is the next entity of this group? */
static bool
is_of_group(const AggregateScan *scan, const EntityGroup *group)
{
	if (scan->grouping.key_count == 0 || group->events == 0)
		return true;
	return es_slice_equal(scan->next.entity_id, group->entity_id) &&
		(!scan->by_tenant || es_slice_equal(scan->next.tenant_id, group->tenant_id));
}

static void
add_entity(const AggregateScan *scan, EntityGroup *group)
{
	const EsEntityVersions *next = &scan->next;

	if (group->events == 0 || !es_slice_equal(next->entity_id, group->entity_id))
		group->names++;
	group->least = group->events == 0 ? next->first : Min(group->least, next->first);
	group->greatest = Max(group->greatest, next->last);
	group->events += next->last - next->first + 1;
	group->tenant_id = es_slice(group->name_bytes, next->tenant_id.size);
	group->entity_id = es_slice(es_put_slice(group->name_bytes, next->tenant_id), next->entity_id.size);
	(void) es_put_slice(group->name_bytes + next->tenant_id.size, next->entity_id);
}

static Datum
entity_key(const EntityGroup *group, EsField field)
{
	return field == ES_FIELD_ENTITY_ID ? es_text_datum(group->entity_id) : es_tenant_datum(group->tenant_id);
}

static Datum
entity_result(const EntityGroup *group, EsAggregateKind kind, bool *isnull)
{
	*isnull = false;
	if (kind == ES_AGGREGATE_COUNT)
		return Int64GetDatum(group->events);
	if (kind == ES_AGGREGATE_ENTITIES)
		return Int64GetDatum(group->names);
	*isnull = group->events == 0;
	return Int64GetDatum(kind == ES_AGGREGATE_LEAST ? group->least : group->greatest);
}

/* Makes a group of the entities that come next; false after the last one. */
static bool
next_entity_group(AggregateScan *scan, EntityGroup *group)
{
	bool		first = !scan->done;

	memset(group, 0, offsetof(EntityGroup, name_bytes));
	if (first)
		next_entity(scan);
	scan->done = true;
	if (!scan->has_next)
		return first && scan->grouping.key_count == 0;
	for (; scan->has_next && is_of_group(scan, group); next_entity(scan))
		add_entity(scan, group);
	return true;
}

static TupleTableSlot *
iterate_entities(AggregateScan *scan, TupleTableSlot *slot)
{
	const EsGrouping *grouping = &scan->grouping;
	ForeignScan *plan = (ForeignScan *) scan->node->ss.ps.plan;
	EntityGroup group;
	int			key = 0;
	int			aggregate_number = 0;
	int			i = 0;
	ListCell   *cell;

	if (!next_entity_group(scan, &group))
		return slot;
	foreach(cell, plan->fdw_scan_tlist)
	{
		slot->tts_isnull[i] = false;
		if (IsA(lfirst_node(TargetEntry, cell)->expr, Aggref))
			slot->tts_values[i] = entity_result(&group, grouping->aggregates[aggregate_number++].kind,
												&slot->tts_isnull[i]);
		else
			slot->tts_values[i] = entity_key(&group, grouping->keys[key++].field);
		i++;
	}
	return ExecStoreVirtualTuple(slot);
}

/* -------------------------------------------------------------------- entry */

TupleTableSlot *
es_aggregate_iterate(ForeignScanState *node)
{
	AggregateScan *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	int			key = 0;
	int			aggregate_number = 0;
	int			i = 0;
	ListCell   *cell;

	ExecClearTuple(slot);
	if (scan->of_entities)
		return iterate_entities(scan, slot);
	if (!scan->done)
		aggregate(scan);
	else if (scan->group == NULL)
		return slot;
	scan->group = es_grouping_next(&scan->grouping, scan->done ? scan->group : NULL);
	scan->done = true;
	if (scan->group == NULL)
		return slot;
	foreach(cell, plan->fdw_scan_tlist)
	{
		if (IsA(lfirst_node(TargetEntry, cell)->expr, Aggref))
			slot->tts_values[i] = es_group_result(&scan->grouping, scan->group, aggregate_number++,
												  &slot->tts_isnull[i]);
		else
			es_group_key(scan->group, key++, &slot->tts_values[i], &slot->tts_isnull[i]);
		i++;
	}
	return ExecStoreVirtualTuple(slot);
}

static void
forget_groups(AggregateScan *scan)
{
	EsGrouping *grouping = &scan->grouping;

	if (grouping->memory != NULL)
		MemoryContextDelete(grouping->memory);
	grouping->memory = NULL;
	grouping->table = NULL;
	grouping->table_size = grouping->group_count = 0;
	grouping->first = NULL;
	memset(grouping->words, 0, sizeof(grouping->words));
	grouping->entities = NULL;
	scan->group = NULL;
	scan->done = scan->has_next = false;
}

/*
 * The scan below is begun anew with the first row.  Nobody asks it for one, so
 * changed parameters would not have it done.
 */
void
es_aggregate_rescan(ForeignScanState *node)
{
	forget_groups(node->fdw_state);
	ExecReScan(outerPlanState(node));
}

void
es_aggregate_end(ForeignScanState *node)
{
	AggregateScan *scan = node->fdw_state;

	if (scan == NULL || scan->events == NULL)
		return;
	forget_groups(scan);
	if (!scan->of_entities)
		ExecDropSingleTupleTableSlot(scan->grouping.row);
}
