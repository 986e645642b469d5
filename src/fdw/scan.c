/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Executes reading the relation.
 *
 * The conditions are compiled when the first row is asked for, and again with
 * other parameters.  Blocks are looked at as a whole; then rows are made of the
 * events that were found, one at a time, with the columns that somebody needs.
 * Where the program could not decide, the conditions are evaluated as PostgreSQL
 * would, on a row with the columns that they need.
 *
 * Through the entity index events come one by one, and all conditions besides
 * the keys are evaluated on rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "fdw/exec.h"
#include "fdw/fdw.h"
#include "filter/columns.h"
#include "pg/catalog.h"
#include "row/input.h"
#include "row/output.h"

/* -------------------------------------------------------------- expressions */

/* Evaluates an expression without columns; EsEvaluate. */
bool
es_evaluate_constant(void *arg, Expr *expr, Datum *value, bool *isnull)
{
	EsEventScan *scan = arg;
	ExprState  *state = NULL;
	ListCell   *known;
	ListCell   *cell;

	forboth(known, scan->constants, cell, scan->constant_states)
	{
		if (lfirst(known) == expr)
			state = lfirst(cell);
	}
	if (state == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(scan->node->ss.ps.state->es_query_cxt);

		state = ExecInitExpr(expr, &scan->node->ss.ps);
		scan->constants = lappend(scan->constants, expr);
		scan->constant_states = lappend(scan->constant_states, state);
		MemoryContextSwitchTo(before);
	}
	*value = ExecEvalExpr(state, scan->node->ss.ps.ps_ExprContext, isnull);
	return true;
}

/* The same while a plan is only explained: parameters have no values yet. */
bool
es_pretend_constant(void *arg pg_attribute_unused(), Expr *expr pg_attribute_unused(), Datum *value,
					bool *isnull)
{
	*value = (Datum) 0;
	*isnull = true;
	return true;
}

/*
 * Is there an event that conditions are evaluated for?  Looked up once for a scan,
 * and only if there are constants whose evaluation could be noticed; EsReached.
 */
bool
es_event_scan_reached(void *arg)
{
	EsEventScan *scan = arg;
	Snapshot	snapshot = scan->node->ss.ps.state->es_snapshot;
	EsEntityRange range = scan->entity_range;

	range.by_name = range.adjacent = false; /* any event will do */
	if (!scan->looked)
		scan->any_event = scan->choice.items[ES_PLAN_ACCESS] != ES_ACCESS_BLOCKS ?
			es_entity_has_events(snapshot, &range) : es_log_has_events(snapshot);
	scan->looked = true;
	return scan->any_event;
}

/* Notes the constants that a compilation could not have yet. */
void
es_event_scan_wait(EsEventScan *scan, const EsCompiler *compiler)
{
	scan->waiting |= compiler->waiting;
	scan->subqueries = list_concat_unique_int(scan->subqueries, compiler->subqueries);
}

/*
 * Compiles the conditions, with the values that parameters have now and that can be
 * had without evaluating what PostgreSQL would not evaluate.
 */
static void
compile(EsEventScan *scan, bool explain_only)
{
	ForeignScan *plan = (ForeignScan *) scan->node->ss.ps.plan;
	EsCompiler	compiler = {
		.relid = plan->scan.scanrelid,
		.scan_tlist = plan->fdw_scan_tlist,
		.evaluate = explain_only ? es_pretend_constant : es_evaluate_constant,
		.arg = scan,
		.filter = &scan->filter,
		.params = explain_only ? NULL : scan->node->ss.ps.state->es_param_exec_vals,
		.reached = explain_only ? NULL : es_event_scan_reached,
		.passed = scan->passed
	};
	MemoryContext before;

	before = MemoryContextSwitchTo(scan->program);
	memset(&scan->filter, 0, sizeof(scan->filter));
	for (int i = 0; i < scan->output_count; i++)
	{
		EsOutput   *output = &scan->outputs[i];

		if (output->extraction != NULL)
			es_filter_add_path(&scan->filter, &output->extraction->path,
							   &output->extraction->path_number);
	}
	scan->waiting = false;
	scan->subqueries = NIL;
	if (scan->extend != NULL)
		scan->extend(scan->extend_arg, &scan->filter);
	scan->understood = es_compile(&compiler, scan->conditions);
	es_event_scan_wait(scan, &compiler);
	scan->outdated = false;
	MemoryContextSwitchTo(before);
}

static bool
is_evaluated(const EsEventScan *scan)
{
	const ParamExecData *params = scan->node->ss.ps.state->es_param_exec_vals;
	ListCell   *cell;

	foreach(cell, scan->subqueries)
	{
		if (params[lfirst_int(cell)].execPlan == NULL)
			return true;
	}
	return false;
}

/*
 * Notes what is known after PostgreSQL has evaluated the conditions on a row: all
 * constants in them when it passed, else the subqueries that were evaluated.
 */
static void
note_evaluation(EsEventScan *scan, bool passed)
{
	if (scan->waiting && ((passed && !scan->passed) || is_evaluated(scan)))
	{
		scan->passed |= passed;
		scan->outdated = true;
	}
}

/* ------------------------------------------------------------------- begin */

/* What a slot's attribute is, by the expression in its place. */
static void
set_output(Index relid, EsOutput *output, Expr *expr)
{
	EsFilter	none = {0};
	EsCompiler	compiler = {.evaluate = es_pretend_constant,.filter = &none};
	EsOperand	operand;

	if (IsA(expr, Var))
	{
		output->field = ((Var *) expr)->varattno;
		return;
	}
	compiler.relid = relid;
	if (!es_compile_operand(&compiler, expr, &operand))
		elog(ERROR, "unexpected expression in the tuple of a scan of events");
	output->extraction = palloc0(sizeof(EsExtraction));
	output->extraction->field = operand.field;
	output->extraction->type = operand.type;
	output->extraction->path = operand.path;
}

/* The attributes of the scan's tuple that an expression refers to. */
static void
mark_needed(EsEventScan *scan, Node *expr, bool *needed)
{
	ForeignScan *plan = (ForeignScan *) scan->node->ss.ps.plan;
	Index		varno = plan->fdw_scan_tlist == NIL ? plan->scan.scanrelid : INDEX_VAR;
	Bitmapset  *attributes = NULL;
	int			i = -1;

	pull_varattnos(expr, varno, &attributes);
	while ((i = bms_next_member(attributes, i)) >= 0)
	{
		AttrNumber	attribute = i + FirstLowInvalidHeapAttributeNumber;

		if (attribute == 0)
			memset(needed, true, scan->output_count * sizeof(bool));
		else if (attribute > 0 && attribute <= scan->output_count)
			needed[attribute - 1] = true;
	}
}

static bool
is_of_body(const EsOutput *output)
{
	return output->extraction == NULL && es_column_forms[output->field].in_body;
}

/* Does the entity index know it? */
static bool
is_key(const EsOutput *output)
{
	return output->extraction == NULL && (ES_KEY_COLUMNS >> output->field & 1) != 0;
}

/* Finds out what the tuples of the node have, which are of events of this relation. */
void
es_event_scan_set_outputs(EsEventScan *scan, Index relid)
{
	ForeignScan *plan = (ForeignScan *) scan->node->ss.ps.plan;
	int			columns = scan->choice.items[ES_PLAN_COLUMNS];
	ListCell   *cell;
	int			i = 0;

	scan->output_count = scan->node->ss.ss_ScanTupleSlot->tts_tupleDescriptor->natts;
	scan->outputs = palloc0(scan->output_count * sizeof(EsOutput));
	scan->wanted = palloc0(scan->output_count * sizeof(bool));
	scan->tested = palloc0(scan->output_count * sizeof(bool));
	for (i = 0; i < Min(scan->output_count, ES_FIELDS); i++)
		scan->outputs[i].field = i + 1;
	i = 0;
	foreach(cell, plan->fdw_scan_tlist)
		set_output(relid, &scan->outputs[i++], lfirst_node(TargetEntry, cell)->expr);
	mark_needed(scan, (Node *) plan->scan.plan.targetlist, scan->wanted);
	for (i = 0; i < Min(scan->output_count, ES_FIELDS); i++)
		scan->wanted[i] = scan->wanted[i] && (columns >> (i + 1) & 1);
	mark_needed(scan, (Node *) scan->conditions, scan->tested);
	if (plan->fdw_scan_tlist == NIL)	/* whole rows and row marks are
										 * possible */
		memset(scan->wanted, true, scan->output_count * sizeof(bool));
	scan->either = palloc(scan->output_count * sizeof(bool));
	scan->heads_only = true;
	scan->keys_only = scan->choice.items[ES_PLAN_ENTITY_ORDER] != ES_ENTITY_BY_POSITION;
	for (i = 0; i < scan->output_count; i++)
	{
		scan->either[i] = scan->wanted[i] || scan->tested[i];
		if (scan->either[i] && is_of_body(&scan->outputs[i]))
			scan->heads_only = false;
		if (scan->either[i] && scan->outputs[i].extraction != NULL)
			scan->has_extractions = true;
		if (scan->either[i] && !is_key(&scan->outputs[i]))
			scan->keys_only = false;
	}
}

static EsEventScan *
make_scan(ForeignScanState *node)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	EsEventScan *scan = palloc0(sizeof(EsEventScan));
	int			key_count;
	int			tests;

	scan->node = node;
	scan->choice = es_plan_unpack(plan->fdw_private);
	key_count = scan->choice.items[ES_PLAN_KEYS];
	tests = list_length(plan->fdw_exprs) - scan->choice.items[ES_PLAN_TESTS];
	scan->conditions = list_truncate(list_copy(plan->fdw_exprs), tests - key_count);
	scan->tests = ExecInitQual(list_copy_tail(plan->fdw_exprs, tests), &node->ss.ps);
	for (int i = list_length(scan->conditions); i < tests; i++)
		scan->keys = lappend(scan->keys, ExecInitExpr(list_nth(plan->fdw_exprs, i), &node->ss.ps));
	scan->many_entities = key_count > 0 &&
		type_is_array_domain(exprType(list_nth(plan->fdw_exprs, list_length(scan->conditions))));
	scan->recheck = ExecInitQual(scan->conditions, &node->ss.ps);
	scan->program = AllocSetContextCreate(CurrentMemoryContext, "eventstore filter",
										  ALLOCSET_DEFAULT_SIZES);
	return scan;
}

EsPlanStep
es_step_of(const ForeignScanState *node)
{
	return es_plan_unpack(((ForeignScan *) node->ss.ps.plan)->fdw_private).items[ES_PLAN_STEP];
}

void
es_fdw_begin_scan(ForeignScanState *node, int flags)
{
	EsEventScan *scan;

	if (es_step_of(node) == ES_STEP_TOP_N)
	{
		es_top_n_begin(node);
		return;
	}
	if (es_step_of(node) == ES_STEP_AGGREGATE)
	{
		es_aggregate_begin(node, flags);
		return;
	}
	es_fdw_check_table(node->ss.ss_currentRelation);
	scan = make_scan(node);
	node->fdw_state = scan;
	es_event_scan_set_outputs(scan, ((ForeignScan *) node->ss.ps.plan)->scan.scanrelid);
	if ((flags & EXEC_FLAG_EXPLAIN_ONLY) && scan->choice.items[ES_PLAN_ACCESS] == ES_ACCESS_BLOCKS)
		compile(scan, true);
}

/* -------------------------------------------------------------------- rows */

static void
fill(EsEventScan *scan, TupleTableSlot *slot, const bool *needed, const bool *present, uint32 i)
{
	for (int k = 0; k < scan->output_count; k++)
	{
		const EsOutput *output = &scan->outputs[k];

		if (!needed[k] || (present != NULL && present[k]))
			continue;
		slot->tts_values[k] = output->extraction != NULL ?
			es_fetch_extraction(&scan->blocks.view, i, output->extraction, &slot->tts_isnull[k]) :
			es_fetch_column(&scan->blocks.view, i, output->field, &slot->tts_isnull[k]);
	}
}

static void
clear_row(EsEventScan *scan, TupleTableSlot *slot)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, scan->output_count * sizeof(bool));
}

static bool
passes(EsEventScan *scan, TupleTableSlot *slot)
{
	ExprContext *context = scan->node->ss.ps.ps_ExprContext;
	bool		passed;

	context->ecxt_scantuple = slot;
	passed = ExecQual(scan->recheck, context);
	note_evaluation(scan, passed);
	return passed;
}

/*
 * Is event i of the current block one that is asked for, if need be by
 * evaluating the conditions?  The slot then has the columns that they need.
 */
bool
es_event_scan_matches(EsEventScan *scan, TupleTableSlot *slot, uint32 i)
{
	EsScan	   *blocks = &scan->blocks;

	if (!es_bit(blocks->unsure, i))
		return true;
	fill(scan, slot, scan->tested, NULL, i);
	ExecStoreVirtualTuple(slot);
	blocks->counts.unsure++;
	if (passes(scan, slot))
		return true;
	blocks->counts.removed++;
	return false;
}

/* Before a scan with other parameters. */
static void
forget_program(EsEventScan *scan)
{
	MemoryContextReset(scan->program);
	scan->passed = scan->looked = scan->waiting = false;
	scan->subqueries = NIL;
}

/* What the conditions say of where events are; lasts as long as the program. */
static void
find_range(EsEventScan *scan, EsRange *range)
{
	MemoryContext before = MemoryContextSwitchTo(scan->program);

	es_filter_range(&scan->filter, range);
	MemoryContextSwitchTo(before);
}

/* Begins to read blocks; the conditions are compiled anew. */
void
es_event_scan_start(EsEventScan *scan)
{
	ForeignScanState *node = scan->node;
	MemoryContext before = MemoryContextSwitchTo(node->ss.ps.state->es_query_cxt);
	EsRange		range = es_range_all;
	EsScanCounts counts = scan->blocks.counts;

	forget_program(scan);
	compile(scan, false);
	find_range(scan, &range);
	es_scan_begin(&scan->blocks, node->ss.ps.state->es_snapshot, &scan->filter,
				  scan->choice.items[ES_PLAN_ORDER], &range, scan->shared);
	scan->blocks.counts = counts;
	scan->open = true;
	MemoryContextSwitchTo(before);
}

/* Goes on with a program that knows more constants, in the range that it leaves. */
static void
recompile(EsEventScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->node->ss.ps.state->es_query_cxt);
	EsRange		range = es_range_all;

	es_scan_end_filter(&scan->blocks);
	MemoryContextReset(scan->program);
	compile(scan, false);
	find_range(scan, &range);
	es_scan_begin_filter(&scan->blocks, &scan->filter, &range);
	MemoryContextSwitchTo(before);
}

/* Moves to the next block with events that match, or may match. */
bool
es_event_scan_next_block(EsEventScan *scan)
{
	if (scan->outdated || is_evaluated(scan))
		recompile(scan);
	return es_scan_next(&scan->blocks);
}

/* The same, and to the place before its first event. */
static bool
next_block(EsEventScan *scan)
{
	EsScan	   *blocks = &scan->blocks;

	if (!es_event_scan_next_block(scan))
		return false;
	for (uint32 i = 0; i < blocks->view.words; i++)
		scan->candidates[i] = blocks->sure[i] | blocks->unsure[i];
	scan->event = scan->choice.items[ES_PLAN_ORDER] == ES_ORDER_BACKWARD ?
		(int) blocks->view.count : -1;
	return true;
}

/* Moves to the next event that may match. */
static bool
next_event(EsEventScan *scan)
{
	while (!scan->done)
	{
		if (scan->in_block &&
			(scan->choice.items[ES_PLAN_ORDER] == ES_ORDER_BACKWARD ?
			 es_bits_previous(scan->candidates, &scan->event) :
			 es_bits_next(scan->candidates, scan->blocks.view.words, &scan->event)))
			return true;
		scan->in_block = next_block(scan);
		scan->done = !scan->in_block;
	}
	return false;
}

static TupleTableSlot *
next_of_blocks(EsEventScan *scan, TupleTableSlot *slot)
{
	if (!scan->open)
		es_event_scan_start(scan);
	while (next_event(scan))
	{
		uint32		i = (uint32) scan->event;
		bool		unsure = es_bit(scan->blocks.unsure, i);

		clear_row(scan, slot);
		if (!es_event_scan_matches(scan, slot, i))
		{
			ResetExprContext(scan->node->ss.ps.ps_ExprContext);
			continue;
		}
		fill(scan, slot, scan->wanted, unsure ? scan->tested : NULL, i);
		scan->blocks.counts.found++;
		if (TTS_EMPTY(slot))
			ExecStoreVirtualTuple(slot);
		return slot;
	}
	return ExecClearTuple(slot);
}

/* ------------------------------------------------------------------ entity */

static bool
key_value(EsEventScan *scan, int key, Datum *value)
{
	bool		isnull;

	*value = ExecEvalExpr((ExprState *) list_nth(scan->keys, key),
						  scan->node->ss.ps.ps_ExprContext, &isnull);
	return !isnull;
}

static int
compare_slices(const void *a, const void *b)
{
	const EsSlice *left = a;
	const EsSlice *right = b;
	int			order = memcmp(left->data, right->data, Min(left->size, right->size));

	return order != 0 ? order : (left->size > right->size) - (left->size < right->size);
}

/* The elements of an array of texts that are not null, each once. */
static EsSlice *
distinct_texts(Datum array, uint32 *count)
{
	ArrayType  *value = DatumGetArrayTypeP(array);
	Datum	   *elements;
	bool	   *nulls;
	int			element_count;
	EsSlice    *texts;
	uint32		used = 0;

	deconstruct_array(value, ARR_ELEMTYPE(value), -1, false, TYPALIGN_INT, &elements, &nulls,
					  &element_count);
	texts = palloc(Max(element_count, 1) * sizeof(EsSlice));
	for (int i = 0; i < element_count; i++)
	{
		if (!nulls[i])
			texts[used++] = es_text_datum_slice(elements[i]);
	}
	qsort(texts, used, sizeof(EsSlice), compare_slices);
	*count = (uint32) qunique(texts, used, sizeof(EsSlice), compare_slices);
	return texts;
}

/* Does an entity of this name pass the tests?  EsEntityTest. */
static bool
passes_tests(void *arg, EsSlice entity_id)
{
	EsEventScan *scan = arg;
	ExprContext *context = scan->node->ss.ps.ps_ExprContext;
	TupleTableSlot *slot = scan->node->ss.ss_ScanTupleSlot;
	MemoryContext before = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);

	clear_row(scan, slot);
	slot->tts_values[ES_FIELD_ENTITY_ID - 1] = es_text_datum(entity_id);
	slot->tts_isnull[ES_FIELD_ENTITY_ID - 1] = false;
	ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(before);
	context->ecxt_scantuple = slot;
	return ExecQualAndReset(scan->tests, context);
}

/* The entities of the keys; false when there can be none. */
static bool
take_keys(EsEventScan *scan, EsEntityRange *range)
{
	Datum		value;

	if (range->all)
	{
		range->test = scan->tests == NULL ? NULL : passes_tests;
		range->test_arg = scan;
	}
	else if (!key_value(scan, 0, &value))
		return false;
	else if (scan->many_entities)
		range->entity_ids = distinct_texts(value, &range->entity_count);
	else
	{
		scan->entity_id = es_text_datum_slice(value);
		range->entity_ids = &scan->entity_id;
		range->entity_count = 1;
	}
	if (!range->one_tenant)
		return true;
	if (!key_value(scan, list_length(scan->keys) - 1, &value))
		return false;
	range->tenant_id = es_text_datum_slice(value);
	if (range->tenant_id.size == 0)
		return false;
	range->tenant_id = es_tenant_stored(range->tenant_id);
	return true;
}

static EsEntityRange
whole_entities(EsEventScan *scan)
{
	bool		all = scan->choice.items[ES_PLAN_ACCESS] == ES_ACCESS_ENTITIES;
	EsNameOrder order = {
		(Oid) scan->choice.items[ES_PLAN_NAME_OPERATOR],
		(Oid) scan->choice.items[ES_PLAN_NAME_COLLATION]
	};

	return (EsEntityRange)
	{
		.one_tenant = list_length(scan->keys) > (all ? 0 : 1),
			.all = all,
			.adjacent = scan->adjacent,
			.by_name = OidIsValid(order.operator),
			.name_order = order,
			.heads_only = scan->heads_only,
			.keys_only = scan->keys_only,
			.first_version = 1,
			.last_version = PG_INT64_MAX,
			.order = scan->choice.items[ES_PLAN_ENTITY_ORDER],
			.backward = scan->choice.items[ES_PLAN_ORDER] == ES_ORDER_BACKWARD
	};
}

/* Narrows by what conditions say; false when no event can be left. */
static bool
limit_range(EsEntityRange *range, const EsRange *limits)
{
	range->first_version = limits->first_version;
	range->last_version = limits->last_version;
	range->after_position = limits->first_position - 1;
	range->in_time = limits->first_time > PG_INT64_MIN || limits->last_time < PG_INT64_MAX;
	range->first_time = limits->first_time;
	range->last_time = limits->last_time;
	return limits->first_version <= limits->last_version &&
		limits->first_position <= limits->last_position && limits->first_time <= limits->last_time;
}

/*
 * Begins with the entities.  The conditions are compiled only for what they say of
 * versions, positions and times.  Keys are evaluated in memory that lasts as long
 * as the scan.
 */
bool
es_event_scan_start_entities(EsEventScan *scan)
{
	EsRange		limits = es_range_all;
	MemoryContext before;

	forget_program(scan);
	scan->entity_range = whole_entities(scan);
	before = MemoryContextSwitchTo(scan->program);
	scan->open = take_keys(scan, &scan->entity_range);
	MemoryContextSwitchTo(before);
	if (!scan->open)
		return false;
	if (scan->conditions != NIL || scan->has_extractions)
	{
		compile(scan, false);
		find_range(scan, &limits);
	}
	before = MemoryContextSwitchTo(scan->program);
	scan->open = limit_range(&scan->entity_range, &limits);
	if (scan->open)
	{
		es_entity_scan_begin(&scan->entity, scan->node->ss.ps.state->es_snapshot,
							 &scan->entity_range);
		es_view_begin(&scan->blocks.view, scan->filter.paths, scan->filter.path_count);
		scan->viewed = 0;
	}
	MemoryContextSwitchTo(before);
	return scan->open;
}

/*
 * Makes a row of an event that was read; 'view' has its block open, or is NULL if the
 * body was read as well.
 */
static void
fill_stored(EsEventScan *scan, TupleTableSlot *slot, const EsStoredEvent *stored, EsView *view)
{
	clear_row(scan, slot);
	for (int k = 0; k < scan->output_count; k++)
	{
		const EsOutput *output = &scan->outputs[k];

		if (!scan->either[k])
			continue;
		if (output->extraction == NULL)
			slot->tts_values[k] = es_stored_value(stored, output->field, &slot->tts_isnull[k]);
		else if (view == NULL)
			slot->tts_values[k] = es_fetch_stored_extraction(stored, output->extraction,
															 &slot->tts_isnull[k]);
		else
			slot->tts_values[k] = es_fetch_extraction(view, scan->entity.reader.ordinal, output->extraction,
													  &slot->tts_isnull[k]);
	}
	ExecStoreVirtualTuple(slot);
}

/* Makes a row of an event that was read as a whole. */
void
es_event_scan_fill(EsEventScan *scan, TupleTableSlot *slot, const EsStoredEvent *stored)
{
	fill_stored(scan, slot, stored, NULL);
}

/*
 * Opens the block of the entity scan's event, for what is to be taken out of its
 * documents; NULL in row layout, where the body is all there.
 */
static EsView *
view_event(EsEventScan *scan)
{
	EsReader   *reader = &scan->entity.reader;

	if (!scan->has_extractions)
		return NULL;
	if (!es_block_has_columns(&reader->row.block))
	{
		if (scan->heads_only)
			es_entity_scan_complete(&scan->entity);
		return NULL;
	}
	if (scan->viewed != reader->fetches)
		es_view_open(&scan->blocks.view, &reader->row);
	scan->viewed = reader->fetches;
	return &scan->blocks.view;
}

static TupleTableSlot *
next_of_entity(EsEventScan *scan, TupleTableSlot *slot)
{
	const EsStoredEvent *stored;

	if (!scan->open && !es_event_scan_start_entities(scan))
		return ExecClearTuple(slot);
	while ((stored = es_entity_scan_next(&scan->entity)) != NULL)
	{
		fill_stored(scan, slot, stored, view_event(scan));
		scan->blocks.counts.events++;
		if (scan->recheck == NULL || passes(scan, slot))
		{
			scan->blocks.counts.found++;
			return slot;
		}
		ResetExprContext(scan->node->ss.ps.ps_ExprContext);
	}
	return ExecClearTuple(slot);
}

/* -------------------------------------------------------------------- entry */

TupleTableSlot *
es_fdw_iterate_scan(ForeignScanState *node)
{
	EsEventScan *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	if (node->ss.ss_currentRelation == NULL)
		return es_step_of(node) == ES_STEP_TOP_N ? es_top_n_iterate(node) : es_aggregate_iterate(node);
	if (scan->choice.items[ES_PLAN_ACCESS] != ES_ACCESS_BLOCKS)
		return next_of_entity(scan, slot);
	return next_of_blocks(scan, slot);
}

/* Ends reading; what was counted is kept. */
void
es_event_scan_stop(EsEventScan *scan)
{
	if (!scan->open)
		return;
	if (scan->choice.items[ES_PLAN_ACCESS] != ES_ACCESS_BLOCKS)
	{
		es_entity_scan_end(&scan->entity);
		es_view_end(&scan->blocks.view);
	}
	else
		es_scan_end(&scan->blocks);
	scan->open = scan->in_block = false;
}

void
es_fdw_rescan(ForeignScanState *node)
{
	EsEventScan *scan = node->fdw_state;

	if (es_step_of(node) == ES_STEP_TOP_N)
	{
		es_top_n_end(node);
		return;
	}
	if (node->ss.ss_currentRelation == NULL)
	{
		es_aggregate_rescan(node);
		return;
	}
	es_event_scan_stop(scan);
	scan->done = false;
}

/*
 * While PostgreSQL tests a changed row again, its older minor versions ask here
 * for the next row of an aggregation, also in a subquery that has nothing to do
 * with the row.
 */
bool
es_fdw_recheck(ForeignScanState *node, TupleTableSlot *slot pg_attribute_unused())
{
	return node->ss.ss_currentRelation != NULL || !TupIsNull(es_fdw_iterate_scan(node));
}

void
es_fdw_end_scan(ForeignScanState *node)
{
	EsEventScan *scan = node->fdw_state;

	if (es_step_of(node) == ES_STEP_TOP_N)
		es_top_n_end(node);
	else if (node->ss.ss_currentRelation == NULL)
		es_aggregate_end(node);
	else if (scan != NULL)
		es_event_scan_stop(scan);
}

/* ---------------------------------------------------------------- parallel */

Size
es_fdw_estimate_dsm(ForeignScanState *node pg_attribute_unused(),
					ParallelContext *context pg_attribute_unused())
{
	return sizeof(EsSharedScan);
}

static void
reset_shared(EsSharedScan *shared)
{
	Relation	blocks = es_blocks_open(AccessShareLock);

	pg_atomic_write_u64(&shared->next_page, 0);
	shared->pages = RelationGetNumberOfBlocks(blocks);
	table_close(blocks, NoLock);
}

void
es_fdw_initialize_dsm(ForeignScanState *node, ParallelContext *context pg_attribute_unused(),
					  void *coordinate)
{
	EsEventScan *scan = node->fdw_state;

	scan->shared = coordinate;
	pg_atomic_init_u64(&scan->shared->next_page, 0);
	reset_shared(scan->shared);
}

void
es_fdw_reinitialize_dsm(ForeignScanState *node, ParallelContext *context pg_attribute_unused(),
						void *coordinate)
{
	es_fdw_rescan(node);
	reset_shared(coordinate);
}

void
es_fdw_initialize_worker(ForeignScanState *node, shm_toc *toc pg_attribute_unused(),
						 void *coordinate)
{
	((EsEventScan *) node->fdw_state)->shared = coordinate;
}
