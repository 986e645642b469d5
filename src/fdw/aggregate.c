/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *	  Which aggregates and groups can be computed from blocks, and plans of it.
 *
 * A plan has two nodes: one that aggregates, and below it the scan that says
 * which events.  The upper one does not take rows from the lower one, but the
 * blocks that it goes through, with the sets of events in them that match.  What
 * is aggregated must give exactly what PostgreSQL's functions give; sums of
 * float8, say, depend on the order of their terms and are not computed here.
 *
 * What depends on nothing but which entities there are, and with how many versions, is
 * not computed from events at all: the lower node gives the entities.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "fdw/aggregate.h"
#include "fdw/fdw.h"
#include "fdw/needs.h"
#include "fdw/plan.h"
#include "pg/compat.h"

/* What a group costs, in bytes; for the estimate of whether all fit. */
#define GROUP_SIZE 256

/* ----------------------------------------------------------------- aggregates */

static bool
find_kind(Oid function, EsAggregateKind *kind)
{
	switch (function)
	{
		case F_COUNT_:
		case F_COUNT_ANY:
			*kind = ES_AGGREGATE_COUNT;
			return true;
		case F_SUM_INT2:
		case F_SUM_INT4:
		case F_SUM_INT8:
		case F_SUM_NUMERIC:
			*kind = ES_AGGREGATE_SUM;
			return true;
		case F_AVG_INT2:
		case F_AVG_INT4:
		case F_AVG_INT8:
		case F_AVG_NUMERIC:
			*kind = ES_AGGREGATE_AVERAGE;
			return true;
		case F_MIN_INT2:
		case F_MIN_INT4:
		case F_MIN_INT8:
		case F_MIN_NUMERIC:
		case F_MIN_TIMESTAMPTZ:
			*kind = ES_AGGREGATE_LEAST;
			return true;
		case F_MAX_INT2:
		case F_MAX_INT4:
		case F_MAX_INT8:
		case F_MAX_NUMERIC:
		case F_MAX_TIMESTAMPTZ:
			*kind = ES_AGGREGATE_GREATEST;
			return true;
		default:
			return false;
	}
}

static bool
is_exec_param(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind != PARAM_EXTERN)
		return true;
	return expression_tree_walker(node, is_exec_param, arg);
}

/*
 * Can PostgreSQL evaluate it on a row of events, whenever we want?  Parameters of
 * other nodes can't be here, since a change of them would not be noticed.
 */
static bool
is_plain(Node *expr)
{
	return !contain_volatile_functions(expr) && !contain_subplans(expr) &&
		!contain_agg_clause(expr) && !contain_window_function(expr) &&
		!expression_returns_set(expr) && !is_exec_param(expr, NULL);
}

static bool
is_bytewise_text(Expr *expr)
{
	Oid			collation = exprCollation((Node *) expr);

	return exprType((Node *) expr) == TEXTOID && OidIsValid(collation) &&
		get_collation_isdeterministic(collation);
}

static bool
is_number(const EsOperand *operand)
{
	switch (operand->type)
	{
		case ES_VALUE_INT2:
		case ES_VALUE_INT4:
		case ES_VALUE_INT8:
			return true;
		case ES_VALUE_NUMERIC:
			return operand->in_document;
		case ES_VALUE_TIMESTAMPTZ:
			return !operand->in_document;
		default:
			return false;
	}
}

/* count(x) counts the events in which x is not null. */
static bool
count_form(EsCompiler *compiler, const Aggref *aggregate, Expr *argument, EsAggregateForm *form)
{
	NullTest   *not_null;

	if (aggregate->aggdistinct != NIL)
	{
		form->kind = ES_AGGREGATE_ENTITIES;
		return es_compile_operand(compiler, argument, &form->input) &&
			form->input.field == ES_FIELD_ENTITY_ID && is_bytewise_text(argument);
	}
	if (type_is_rowtype(exprType((Node *) argument)) || !is_plain((Node *) argument))
		return false;
	not_null = makeNode(NullTest);
	not_null->arg = argument;
	not_null->nulltesttype = IS_NOT_NULL;
	form->filter = lappend(form->filter, not_null);
	return true;
}

/* How an aggregate is computed; false when it can't be. */
bool
es_aggregate_form(EsCompiler *compiler, const Aggref *aggregate, EsAggregateForm *form)
{
	Expr	   *argument;

	memset(form, 0, sizeof(*form));
	if (!find_kind(aggregate->aggfnoid, &form->kind) || aggregate->aggorder != NIL ||
		aggregate->aggvariadic || aggregate->agglevelsup != 0 ||
		aggregate->aggkind != AGGKIND_NORMAL || aggregate->aggsplit != AGGSPLIT_SIMPLE ||
		(aggregate->aggfilter != NULL && !is_plain((Node *) aggregate->aggfilter)))
		return false;
	if (aggregate->aggfilter != NULL)
		form->filter = list_make1(aggregate->aggfilter);
	if (aggregate->args == NIL)
		return aggregate->aggdistinct == NIL;
	argument = linitial_node(TargetEntry, aggregate->args)->expr;
	if (form->kind == ES_AGGREGATE_COUNT)
		return count_form(compiler, aggregate, argument, form);
	form->has_input = true;
	return aggregate->aggdistinct == NIL && es_compile_operand(compiler, argument, &form->input) &&
		is_number(&form->input);
}

/* ----------------------------------------------------------------------- keys */

static bool
is_by_value(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return FLOAT8PASSBYVAL;
		default:
			return false;
	}
}

/* Is the operand a column that is never null and has one value an event? */
static bool
is_key_column(const EsOperand *operand)
{
	return !operand->in_document && operand->field != ES_FIELD_TAGS &&
		operand->field != ES_FIELD_EVENT_ID;
}

/* How a key is computed; false when it can't be. */
bool
es_key_form(EsCompiler *compiler, Expr *key, EsKeyForm *form)
{
	List	   *vars;

	memset(form, 0, sizeof(*form));
	form->by_value = is_by_value(exprType((Node *) key));
	if (!form->by_value && !is_bytewise_text(key))
		return false;
	if (es_compile_operand(compiler, key, &form->operand) &&
		(form->operand.in_document ? form->operand.type == ES_VALUE_TEXT : is_key_column(&form->operand)))
		return true;
	form->is_expression = true;
	vars = pull_var_clause((Node *) key, 0);
	if (vars == NIL || !is_plain((Node *) key))
		return false;
	for (int i = 1; i < list_length(vars); i++)
	{
		if (!equal(linitial(vars), list_nth(vars, i)))
			return false;
	}
	return es_compile_operand(compiler, linitial(vars), &form->operand) &&
		is_key_column(&form->operand);
}

/* ------------------------------------------------------------------- planning */

/*
 * Notes where in documents the operand is.  The program of a scan has room for so
 * many places; half of them may be those of columns that the scan delivers.
 */
static bool
add_place(EsCompiler *compiler, const EsOperand *operand)
{
	uint32		number;

	return !operand->in_document ||
		(es_filter_add_path(compiler->filter, &operand->path, &number) &&
		 number < ES_PLACES_MAX_PATHS / 2);
}

/* Adds the aggregates in an expression; false when one of them can't be computed. */
static bool
add_aggregates(EsCompiler *compiler, Node *expr, List **tlist)
{
	ListCell   *cell;

	foreach(cell, pull_var_clause(expr, PVC_INCLUDE_AGGREGATES | PVC_RECURSE_PLACEHOLDERS))
	{
		EsAggregateForm form;

		if (!IsA(lfirst(cell), Aggref))
			continue;
		if (!es_aggregate_form(compiler, lfirst(cell), &form) ||
			(form.has_input && !add_place(compiler, &form.input)))
			return false;
		*tlist = add_to_flat_tlist(*tlist, list_make1(lfirst(cell)));
	}
	return true;
}

/*
 * The tuple that the node gives: keys, then aggregates.  NIL when not all can be
 * computed.
 */
static List *
make_tlist(PlannerInfo *root, Index relid, RelOptInfo *grouped, List *having)
{
	EsFilter	filter = {0};
	EsCompiler	compiler = {.relid = relid,.evaluate = es_evaluate_nothing,.filter = &filter};
	List	   *tlist = NIL;
	int			i = 0;
	ListCell   *cell;

	foreach(cell, grouped->reltarget->exprs)
	{
		Index		group = get_pathtarget_sortgroupref(grouped->reltarget, i++);
		EsKeyForm	form;
		TargetEntry *entry;

		if (group == 0 || get_sortgroupref_clause_noerr(group, root->parse->groupClause) == NULL)
			continue;
		if (!es_key_form(&compiler, lfirst(cell), &form) || !add_place(&compiler, &form.operand))
			return NIL;
		entry = makeTargetEntry(lfirst(cell), list_length(tlist) + 1, NULL, false);
		entry->ressortgroupref = group;
		tlist = lappend(tlist, entry);
	}
	if (list_length(tlist) < list_length(root->parse->groupClause) ||
		!add_aggregates(&compiler, (Node *) grouped->reltarget->exprs, &tlist) ||
		!add_aggregates(&compiler, (Node *) having, &tlist))
		return NIL;
	return tlist;
}

/* The paths of the relation that depend on no other one. */
List *
es_scans_of(RelOptInfo *rel)
{
	List	   *scans = NIL;
	ListCell   *cell;

	foreach(cell, rel->pathlist)
	{
		Path	   *path = lfirst(cell);

		if (IsA(path, ProjectionPath))
			path = ((ProjectionPath *) path)->subpath;
		if (IsA(path, ForeignPath) && path->param_info == NULL)
			scans = lappend(scans, path);
	}
	return scans;
}

/*
 * The cheapest way to go through blocks.  If none is left because another way is cheaper
 * row by row, and all want keys only, blocks may still be cheaper to aggregate.
 */
static ForeignPath *
find_blocks(PlannerInfo *root, RelOptInfo *rel)
{
	ForeignPath *best = NULL;
	bool		keys_only = false;
	ListCell   *cell;

	foreach(cell, es_scans_of(rel))
	{
		ForeignPath *path = lfirst(cell);
		EsPlanChoice choice = es_plan_unpack(path->fdw_private);

		keys_only |= choice.items[ES_PLAN_ACCESS] == ES_ACCESS_ENTITIES;
		if (choice.items[ES_PLAN_ACCESS] == ES_ACCESS_BLOCKS &&
			(best == NULL || path->path.total_cost < best->path.total_cost))
			best = path;
	}
	return best == NULL && keys_only ? es_fdw_block_path(root, rel) : best;
}

/* A condition without columns is a node of its own, between ours. */
bool
es_has_pseudoconstants(const RelOptInfo *rel)
{
	ListCell   *cell;

	foreach(cell, rel->baserestrictinfo)
	{
		if (lfirst_node(RestrictInfo, cell)->pseudoconstant)
			return true;
	}
	return false;
}

static double
estimate_groups(PlannerInfo *root, double rows)
{
	if (root->parse->groupClause == NIL)
		return 1;
	return estimate_num_groups(root, get_sortgrouplist_exprs(root->parse->groupClause,
															 root->processed_tlist),
							   rows, NULL, NULL);
}

static void
add_path_of_blocks(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *grouped, ForeignPath *scan,
				   List *having)
{
	double		groups = estimate_groups(root, rel->rows);
	List	   *aggregates = pull_var_clause((Node *) grouped->reltarget->exprs,
											 PVC_INCLUDE_AGGREGATES | PVC_RECURSE_PLACEHOLDERS);
	Cost		total;

	if (groups * GROUP_SIZE > get_hash_memory_limit())
		return;
	total = es_fdw_scan_cost(rel, &scan->path) +
		rel->rows * 0.1 * cpu_operator_cost * (1 + list_length(aggregates)) +
		groups * cpu_tuple_cost;
	if (having != NIL)
		groups *= clauselist_selectivity(root, having, 0, JOIN_INNER, NULL);
	add_path(grouped, (Path *) es_upper_path(root, grouped, clamp_row_est(groups), total,
											 (Path *) scan, scan->fdw_private));
}

/* ------------------------------------------------ aggregates of keys only */

static bool
is_key_column_of(Node *node, AttrNumber column)
{
	return IsA(node, Var) && ((Var *) node)->varattno == column;
}

/* Is it true of all events, as keys are never null? */
static bool
is_true_of_keys(const List *conditions)
{
	ListCell   *cell;

	foreach(cell, conditions)
	{
		NullTest   *test = lfirst(cell);

		if (!IsA(test, NullTest) || test->nulltesttype != IS_NOT_NULL || !IsA(test->arg, Var) ||
			((Var *) test->arg)->varattno <= 0)
			return false;
	}
	return true;
}

/* Can it be told from the number of an entity's versions? */
static bool
is_of_versions(EsCompiler *compiler, const Aggref *aggregate)
{
	EsAggregateForm form;

	if (!es_aggregate_form(compiler, aggregate, &form) || !is_true_of_keys(form.filter))
		return false;
	switch (form.kind)
	{
		case ES_AGGREGATE_COUNT:
		case ES_AGGREGATE_ENTITIES:
			return true;
		case ES_AGGREGATE_LEAST:
		case ES_AGGREGATE_GREATEST:
			return form.input.field == ES_FIELD_VERSION && form.input.type == ES_VALUE_INT8;
		default:
			return false;
	}
}

/*
 * Can all of the tuple be told from which entities there are, and how many versions each
 * has?  Groups must be entities, or those of one name.  Sets whether there are any.
 */
static bool
is_of_entities(Index relid, const List *tlist, bool *grouped, bool *of_entities)
{
	EsFilter	filter = {0};
	EsCompiler	compiler = {.relid = relid,.evaluate = es_evaluate_nothing,.filter = &filter};
	bool		by_name = false;
	ListCell   *cell;

	*grouped = *of_entities = false;
	foreach(cell, tlist)
	{
		Node	   *expr = (Node *) lfirst_node(TargetEntry, cell)->expr;
		EsAggregateForm form;

		if (IsA(expr, Aggref))
		{
			if (!is_of_versions(&compiler, (Aggref *) expr))
				return false;
			(void) es_aggregate_form(&compiler, (Aggref *) expr, &form);
			*of_entities |= form.kind == ES_AGGREGATE_ENTITIES;
			continue;
		}
		*grouped = true;
		by_name |= is_key_column_of(expr, ES_FIELD_ENTITY_ID);
		if (!is_key_column_of(expr, ES_FIELD_ENTITY_ID) && !is_key_column_of(expr, ES_FIELD_TENANT_ID))
			return false;
	}
	return by_name || !*grouped;
}

/* What it costs to look at an entity, where a page with its blocks costs 1. */
#define ENTITY_COST 0.1

/*
 * Adds the path that aggregates entities instead of events, if it can; false when blocks
 * are to be aggregated.  To go over events costs more than to go over entities, but for
 * counting them, which takes no more than the headers of blocks.
 */
static bool
add_path_of_entities(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *upper, List *tlist, List *having)
{
	ForeignPath *best = NULL;
	double		entities = 0;
	bool		grouped;
	bool		of_entities;
	double		groups;
	ListCell   *cell;

	if (!is_of_entities(rel->relid, tlist, &grouped, &of_entities))
		return false;
	foreach(cell, es_scans_of(rel))
	{
		ForeignPath *path = lfirst(cell);

		if (es_fdw_reads_keys_only(root, rel, path, &entities) &&
			(best == NULL || path->path.startup_cost < best->path.startup_cost))
			best = path;
	}
	if (best == NULL || (!grouped && !of_entities && entities * ENTITY_COST > rel->pages))
		return false;
	groups = grouped ? entities : 1;
	if (having != NIL)
		groups *= clauselist_selectivity(root, having, 0, JOIN_INNER, NULL);
	add_path(upper, (Path *) es_upper_path(root, upper, clamp_row_est(groups),
										   best->path.startup_cost + entities * cpu_tuple_cost,
										   (Path *) best, best->fdw_private));
	return true;
}

/* ------------------------------------------- PostgreSQL's aggregates of fields */

/*
 * The target of a scan that delivers fields in the place of the documents that they
 * are taken from; NULL when the aggregation needs a whole document, or none.
 */
static PathTarget *
fields_target(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *grouped, Node *having)
{
	const uint32 documents = 1U << ES_FIELD_PAYLOAD | 1U << ES_FIELD_METADATA;
	PathTarget *target = create_empty_pathtarget();
	EsNeeds		needs;
	bool		replaced = false;
	int			i = 0;
	ListCell   *cell;

	es_needs_begin(&needs, rel->relid);
	es_needs_add(&needs, (Node *) grouped->reltarget->exprs);
	es_needs_add(&needs, having);
	if (needs.row || (needs.whole & documents))
		return NULL;
	foreach(cell, rel->reltarget->exprs)
	{
		Var		   *var = lfirst(cell);
		Index		group = get_pathtarget_sortgroupref(rel->reltarget, i++);

		if (group == 0 && IsA(var, Var) && var->varattno > 0 && documents >> var->varattno & 1)
			replaced = true;
		else
			add_column_to_pathtarget(target, (Expr *) var, group);
	}
	if (!replaced)
		return NULL;
	add_new_columns_to_pathtarget(target, needs.extractions);
	return set_pathtarget_cost_width(root, target);
}

/*
 * Does the target have all that is sorted by?  Values that are made of it, but are not
 * in it, would be asked of the document.
 */
static bool
has_sort_keys(const PathTarget *target, List *pathkeys)
{
	ListCell   *cell;
	ListCell   *member;

	foreach(cell, pathkeys)
	{
		bool		found = false;

		foreach(member, ((PathKey *) lfirst(cell))->pk_eclass->ec_members)
			found |= list_member(target->exprs, ((EquivalenceMember *) lfirst(member))->em_expr);
		if (!found)
			return false;
	}
	return true;
}

/* The scan with this target; nothing else of it changes. */
Path *
es_scan_of_fields(const ForeignPath *path, PathTarget *target)
{
	ForeignPath *scan = makeNode(ForeignPath);
	EsPlanChoice choice = es_plan_unpack(path->fdw_private);

	memcpy(scan, path, sizeof(ForeignPath));
	choice.items[ES_PLAN_FIELDS] = true;
	scan->fdw_private = es_plan_pack(&choice);
	scan->path.pathtarget = target;
	scan->path.total_cost -= path->path.rows * (ES_EVENT_COST - ES_FIELDS_COST) * cpu_tuple_cost;
	return &scan->path;
}

/*
 * PostgreSQL's own aggregation above the scan, of fields, for 'grouped' or, by workers,
 * a part of it.  Nothing may come between but a sort, which does not ask for the
 * documents.  NULL when the path is none that can deliver them.
 */
static Path *
path_of_fields(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *grouped, Path *path,
			   const GroupPathExtraData *extra, AggSplit split)
{
	bool		partial = split != AGGSPLIT_SIMPLE;
	Node	   *having = partial ? NULL : extra->havingQual;
	List	   *groups = es_group_clause(root);
	bool		hashed = groups != NIL && (extra->flags & GROUPING_CAN_USE_HASH);
	AggClauseCosts costs = {0};
	PathTarget *target;

	if (IsA(path, ProjectionPath))
		path = ((ProjectionPath *) path)->subpath;
	if (!IsA(path, ForeignPath) || path->param_info != NULL || root->parse->hasTargetSRFs)
		return NULL;
	target = fields_target(root, rel, grouped, having);
	if (target == NULL || (!hashed && !has_sort_keys(target, root->group_pathkeys)))
		return NULL;
	path = es_scan_of_fields((ForeignPath *) path, target);
	if (!hashed && root->group_pathkeys != NIL)
		path = (Path *) create_sort_path(root, rel, path, root->group_pathkeys, -1.0);
	get_agg_clause_costs(root, split, &costs);
	return (Path *) create_agg_path(root, grouped, path, grouped->reltarget,
									hashed ? AGG_HASHED : groups != NIL ? AGG_SORTED : AGG_PLAIN,
									split, groups, (List *) having, &costs,
									estimate_groups(root, path->rows));
}

static void
add_path_of_fields(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *grouped,
				   const GroupPathExtraData *extra)
{
	Path	   *path = path_of_fields(root, rel, grouped, rel->cheapest_total_path, extra,
									  AGGSPLIT_SIMPLE);

	if (path != NULL)
		add_path(grouped, path);
}

/* The same for each worker. */
static void
add_partial_path_of_fields(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *grouped,
						   const GroupPathExtraData *extra)
{
	Path	   *path;

	if (rel->partial_pathlist == NIL)
		return;
	path = path_of_fields(root, rel, grouped, linitial(rel->partial_pathlist), extra,
						  AGGSPLIT_INITIAL_SERIAL);
	if (path != NULL)
		add_partial_path(grouped, path);
}

/* ---------------------------------------------------------------------- entry */

void
es_fdw_upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *rel,
				   RelOptInfo *grouped, void *extra)
{
	List	   *having;
	List	   *tlist;
	ForeignPath *scan;

	if (stage == UPPERREL_ORDERED)
		es_top_n_paths(root, rel, grouped);
	if ((stage != UPPERREL_GROUP_AGG && stage != UPPERREL_PARTIAL_GROUP_AGG) ||
		rel->reloptkind != RELOPT_BASEREL || root->parse->groupingSets != NIL ||
		grouped->fdw_private != NULL || es_has_pseudoconstants(rel))
		return;
	if (stage == UPPERREL_PARTIAL_GROUP_AGG)
	{
		add_partial_path_of_fields(root, rel, grouped, extra);
		return;
	}
	add_path_of_fields(root, rel, grouped, extra);
	having = (List *) ((GroupPathExtraData *) extra)->havingQual;
	tlist = make_tlist(root, rel->relid, grouped, having);
	if (tlist == NIL)
		return;
	grouped->fdw_private = list_make2(tlist, having);
	if (!add_path_of_entities(root, rel, grouped, tlist, having) &&
		(scan = find_blocks(root, rel)) != NULL)
		add_path_of_blocks(root, rel, grouped, scan, having);
}

/* The node that aggregates; 'outer' is the scan. */
ForeignScan *
es_fdw_plan_aggregate(RelOptInfo *grouped, ForeignPath *path, List *targets, Plan *outer)
{
	EsPlanChoice choice = es_plan_unpack(path->fdw_private);
	List	   *private = grouped->fdw_private;

	choice.items[ES_PLAN_STEP] = ES_STEP_AGGREGATE;
	return make_foreignscan(targets, lsecond(private), 0, NIL, es_plan_pack(&choice),
							linitial(private), NIL, outer);
}
