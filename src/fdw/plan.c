/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Plans reading the relation: which ways there are, and what they cost.
 *
 * Events are found in three ways: by reading all blocks, which workers can share;
 * in log order, from and up to a position or time; or through the entity
 * index.  The conditions are the same in all of them and are left to the executor,
 * which compiles them (query/compile.c): so nothing depends on what the planner
 * understands of them but costs, and the part of the log that is read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "fdw/fdw.h"
#include "fdw/plan.h"
#include "log/store.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "query/compile.h"
#include "row/input.h"

/* Events of a page, where nothing better is known. */
#define EVENTS_A_PAGE 100

/* What a comparison of a whole column costs for each event, in operators. */
#define VECTOR_COST 0.02

/* What an event that is delivered costs, in tuples of a plain table. */
#define EVENT_COST 3.0

/* What is known of the relation while it is planned; rel->fdw_private. */
typedef struct EventRel
{
	double		events;
	double		average_events; /* of an entity */
	double		entity_events;	/* of the one that is asked for, if that is
								 * known */
} EventRel;

List *
es_plan_pack(const EsPlanChoice *choice)
{
	List	   *private = NIL;

	for (int i = 0; i < ES_PLAN_ITEMS; i++)
		private = lappend(private, makeInteger(choice->items[i]));
	return private;
}

EsPlanChoice
es_plan_unpack(const List *private)
{
	EsPlanChoice choice;

	for (int i = 0; i < ES_PLAN_ITEMS; i++)
		choice.items[i] = intVal(list_nth(private, i));
	return choice;
}

/* -------------------------------------------------------------------- keys */

static bool
is_column(Node *expr, Index relid, AttrNumber column)
{
	return IsA(expr, Var) && ((Var *) expr)->varno == (int) relid &&
		((Var *) expr)->varattno == column && ((Var *) expr)->varlevelsup == 0;
}

/* The side of the comparison that is not the column, when it has a value of its own. */
static Expr *
other_side(PlannerInfo *root, const OpExpr *expr, Index relid, AttrNumber column)
{
	Expr	   *other;

	if (list_length(expr->args) != 2)
		return NULL;
	if (is_column(linitial(expr->args), relid, column))
		other = lsecond(expr->args);
	else if (is_column(lsecond(expr->args), relid, column))
		other = linitial(expr->args);
	else
		return NULL;
	if (bms_is_member(relid, pull_varnos(root, (Node *) other)) ||
		contain_volatile_functions((Node *) other) || contain_subplans((Node *) other))
		return NULL;
	return other;
}

/*
 * What the column must be equal to, by this clause; NULL when it says no such
 * thing.  It has no column of the relation in it.
 */
static Expr *
key_of_clause(PlannerInfo *root, Expr *clause, Index relid, AttrNumber column)
{
	OpExpr	   *expr = (OpExpr *) clause;

	if (!IsA(clause, OpExpr) || expr->opno != TextEqualOperator ||
		!get_collation_isdeterministic(expr->inputcollid))
		return NULL;
	return other_side(root, expr, relid, column);
}

/* The clause, of these RestrictInfos, that gives the column's key. */
static RestrictInfo *
find_key(PlannerInfo *root, List *clauses, Index relid, AttrNumber column)
{
	ListCell   *cell;

	foreach(cell, clauses)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, cell);

		if (!info->pseudoconstant && key_of_clause(root, info->clause, relid, column) != NULL)
			return info;
	}
	return NULL;
}

/* Does one of the clauses ask for one event_id? */
static bool
asks_for_id(PlannerInfo *root, RelOptInfo *rel)
{
	ListCell   *cell;

	foreach(cell, rel->baserestrictinfo)
	{
		OpExpr	   *expr = (OpExpr *) lfirst_node(RestrictInfo, cell)->clause;

		if (IsA(expr, OpExpr) && get_opcode(expr->opno) == F_UUID_EQ &&
			other_side(root, expr, rel->relid, ES_FIELD_EVENT_ID) != NULL)
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------- sizes */

static BlockNumber
count_pages(void)
{
	Relation	blocks = es_blocks_open(AccessShareLock);
	BlockNumber pages = RelationGetNumberOfBlocks(blocks);

	table_close(blocks, NoLock);
	return pages;
}

/* How many events there are, and how many an entity has on average. */
static void
estimate_events(RelOptInfo *rel, EventRel *events)
{
	double		entities;

	if (es_store_estimate(&events->events, &entities))
		events->average_events = entities > 0 ? events->events / entities : 1;
	else
	{
		events->events = (double) rel->pages * EVENTS_A_PAGE;
		events->average_events = Min(events->events, EVENTS_A_PAGE);
	}
	events->entity_events = events->average_events;
}

/* The text that a condition asks for, if that is known now. */
static bool
asked_text(PlannerInfo *root, RelOptInfo *rel, EsField field, EsSlice *text)
{
	RestrictInfo *key = find_key(root, rel->baserestrictinfo, rel->relid, field);
	const Expr *value;

	if (key == NULL)
		return false;
	value = key_of_clause(root, key->clause, rel->relid, field);
	if (!IsA(value, Const) || ((Const *) value)->constisnull)
		return false;
	*text = es_text_datum_slice(((Const *) value)->constvalue);
	return true;
}

/*
 * Events of the entity that the conditions name.  The number is for those only who
 * may read all events: others, who ask through a view, would learn from a plan how
 * many events there are that the view keeps from them.
 */
static void
estimate_entity(PlannerInfo *root, RelOptInfo *rel, EventRel *events)
{
	EsSlice		tenant_id = es_tenant_name(es_slice(NULL, 0));
	EsSlice		entity_id;
	double		known;

	if (!es_may_read() || !asked_text(root, rel, ES_FIELD_ENTITY_ID, &entity_id))
		return;
	(void) asked_text(root, rel, ES_FIELD_TENANT_ID, &tenant_id);
	if (es_store_estimate_entity(es_tenant_stored(tenant_id), entity_id, &known))
		events->entity_events = known;
}

void
es_fdw_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	EventRel   *events = palloc0(sizeof(EventRel));
	RestrictInfo *key;

	es_fdw_check_relid(relid);
	rel->fdw_private = events;
	rel->pages = count_pages();
	estimate_events(rel, events);
	rel->tuples = events->events;
	set_baserel_size_estimates(root, rel);
	if (asks_for_id(root, rel))
		rel->rows = 1;
	key = find_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_ENTITY_ID);
	if (key != NULL)
	{
		List	   *others = list_delete_ptr(list_copy(rel->baserestrictinfo), key);

		estimate_entity(root, rel, events);
		rel->rows = clamp_row_est(events->entity_events *
								  clauselist_selectivity(root, others, 0, JOIN_INNER, NULL));
	}
}

/* ------------------------------------------------------------------- costs */

/* Costs of reading a share of all blocks. */
static void
cost_blocks(RelOptInfo *rel, double share, double rows, Cost *startup, Cost *total)
{
	const EventRel *events = rel->fdw_private;
	double		tests = list_length(rel->baserestrictinfo) * VECTOR_COST;

	*startup = 0;
	*total = share * rel->pages * (seq_page_cost + cpu_tuple_cost) +
		share * events->events * tests * cpu_operator_cost +
		rows * EVENT_COST * cpu_tuple_cost;
	if (share < 1.0)
		*startup = 50 * cpu_operator_cost;
}

/* The cost of a scan of blocks whose events are not delivered one by one. */
Cost
es_fdw_scan_cost(const RelOptInfo *rel, const Path *scan)
{
	return scan->total_cost - rel->rows * EVENT_COST * cpu_tuple_cost;
}

/*
 * Costs of reading an entity: a page for each block with events of it.  What is
 * known of an entity can make it dearer than the average but not cheaper: plans
 * would be no better, and prepared statements would be planned each time.
 */
static void
cost_entity(PlannerInfo *root, RelOptInfo *rel, double rows, Cost *startup, Cost *total)
{
	const EventRel *events = rel->fdw_private;
	double		read = Max(events->entity_events, events->average_events);
	double		pages = index_pages_fetched(read, rel->pages, rel->pages, root);

	*startup = 10 * cpu_operator_cost;
	*total = *startup + pages * random_page_cost + read * EVENT_COST * cpu_tuple_cost +
		rows * list_length(rel->baserestrictinfo) * cpu_operator_cost;
}

/* ------------------------------------------------------------------- paths */

/* Is this what the pathkey orders by, or equal to it? */
static bool
orders_by(const PathKey *key, Index relid, AttrNumber column)
{
	ListCell   *cell;

	foreach(cell, key->pk_eclass->ec_members)
	{
		if (is_column((Node *) ((EquivalenceMember *) lfirst(cell))->em_expr, relid, column))
			return true;
	}
	return false;
}

/* Is the query ordered by this column first, and in which direction? */
static EsOrder
wanted_order(PlannerInfo *root, RelOptInfo *rel, AttrNumber column)
{
	PathKey    *first;

	if (root->query_pathkeys == NIL)
		return ES_ORDER_NONE;
	first = linitial(root->query_pathkeys);
	if (first->pk_eclass->ec_has_volatile || first->pk_opfamily != INTEGER_BTREE_FAM_OID ||
		!orders_by(first, rel->relid, column))
		return ES_ORDER_NONE;
	return es_is_ascending(first) ? ES_ORDER_FORWARD : ES_ORDER_BACKWARD;
}

/*
 * The pathkeys of events in the order of their positions.  No two events have
 * the same one, so they are also in the order of whatever other expressions of
 * events come after it; but not of other relations' columns, which a join may
 * put beside one event several times.
 */
static List *
position_pathkeys(PlannerInfo *root, RelOptInfo *rel)
{
	List	   *pathkeys = NIL;
	ListCell   *cell;

	foreach(cell, root->query_pathkeys)
	{
		EquivalenceClass *class = ((PathKey *) lfirst(cell))->pk_eclass;

		if (class->ec_has_volatile || !bms_is_subset(class->ec_relids, rel->relids))
			break;
		pathkeys = lappend(pathkeys, lfirst(cell));
	}
	return pathkeys == NIL ? list_make1(linitial(root->query_pathkeys)) : pathkeys;
}

static ForeignPath *
make_path(PlannerInfo *root, RelOptInfo *rel, const EsPlanChoice *choice, double rows,
		  Cost startup, Cost total, List *pathkeys, Relids outer)
{
	return es_scan_path(root, rel, rows, startup, total, pathkeys, outer, es_plan_pack(choice));
}

static void
add_block_paths(PlannerInfo *root, RelOptInfo *rel)
{
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_BLOCKS}};
	Cost		startup;
	Cost		total;
	ForeignPath *path;
	int			workers;

	cost_blocks(rel, 1.0, rel->rows, &startup, &total);
	add_path(rel, (Path *) make_path(root, rel, &choice, rel->rows, startup, total, NIL,
									 rel->lateral_relids));
	if (!rel->consider_parallel || rel->lateral_relids != NULL)
		return;
	workers = compute_parallel_worker(rel, rel->pages, -1, max_parallel_workers_per_gather);
	if (workers <= 0)
		return;
	path = make_path(root, rel, &choice, clamp_row_est(rel->rows / (workers + 1)), startup,
					 total / (workers + 1), NIL, NULL);
	path->path.parallel_aware = true;
	path->path.parallel_workers = workers;
	add_partial_path(rel, (Path *) path);
}

/* Does the clause limit positions or times of recording? */
static bool
limits_log(RestrictInfo *info, Index relid)
{
	OpExpr	   *expr = (OpExpr *) info->clause;

	if (!IsA(expr, OpExpr) || list_length(expr->args) != 2 ||
		!(get_oprrest(expr->opno) == F_SCALARLTSEL || get_oprrest(expr->opno) == F_SCALARLESEL ||
		  get_oprrest(expr->opno) == F_SCALARGTSEL || get_oprrest(expr->opno) == F_SCALARGESEL ||
		  get_oprrest(expr->opno) == F_EQSEL))
		return false;
	for (int i = 0; i < 2; i++)
	{
		Node	   *side = list_nth(expr->args, i);

		if (is_column(side, relid, ES_FIELD_POSITION) || is_column(side, relid, ES_FIELD_RECORDED_AT))
			return true;
	}
	return false;
}

/* Part of the log, or all of it in order. */
static void
add_log_path(PlannerInfo *root, RelOptInfo *rel)
{
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_BLOCKS}};
	EsOrder		order = wanted_order(root, rel, ES_FIELD_POSITION);
	List	   *limits = NIL;
	double		share;
	Cost		startup;
	Cost		total;
	ListCell   *cell;

	foreach(cell, rel->baserestrictinfo)
	{
		if (limits_log(lfirst(cell), rel->relid))
			limits = lappend(limits, lfirst(cell));
	}
	if (limits == NIL && order == ES_ORDER_NONE)
		return;
	share = clauselist_selectivity(root, limits, 0, JOIN_INNER, NULL);
	cost_blocks(rel, share, rel->rows, &startup, &total);
	startup += 50 * cpu_operator_cost;
	total += 50 * cpu_operator_cost + share * rel->pages * cpu_index_tuple_cost;
	choice.items[ES_PLAN_ORDER] = order == ES_ORDER_NONE ? ES_ORDER_RANGE : order;
	add_path(rel, (Path *) make_path(root, rel, &choice, rel->rows, startup, total,
									 order == ES_ORDER_NONE ? NIL : position_pathkeys(root, rel),
									 rel->lateral_relids));
}

/* An id, or rarely a few events with the same one: a page for each. */
static void
add_id_path(PlannerInfo *root, RelOptInfo *rel)
{
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_BLOCKS,[ES_PLAN_ORDER] = ES_ORDER_ID}};
	Cost		startup = 50 * cpu_operator_cost;

	add_path(rel, (Path *) make_path(root, rel, &choice, rel->rows, startup,
									 startup + 2 * random_page_cost + EVENT_COST * cpu_tuple_cost,
									 NIL, rel->lateral_relids));
}

static void
add_entity_path(PlannerInfo *root, RelOptInfo *rel, ParamPathInfo *outer)
{
	const EventRel *events = rel->fdw_private;
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_ENTITY,[ES_PLAN_BY_VERSION] = true}};
	EsOrder		order = wanted_order(root, rel, ES_FIELD_VERSION);
	List	   *pathkeys = NIL;
	double		rows = rel->rows;
	Cost		startup;
	Cost		total;

	if (outer != NULL)
		rows = Min(rel->rows, clamp_row_est(events->entity_events));
	else if (order != ES_ORDER_NONE)
		pathkeys = list_make1(linitial(root->query_pathkeys));
	else
	{
		order = wanted_order(root, rel, ES_FIELD_POSITION);
		pathkeys = order == ES_ORDER_NONE ? NIL : position_pathkeys(root, rel);
		choice.items[ES_PLAN_BY_VERSION] = order == ES_ORDER_NONE;
	}
	choice.items[ES_PLAN_ORDER] = order == ES_ORDER_NONE || outer != NULL ? ES_ORDER_FORWARD : order;
	cost_entity(root, rel, rows, &startup, &total);
	add_path(rel, (Path *) make_path(root, rel, &choice, rows, startup, total, pathkeys,
									 outer != NULL ? outer->ppi_req_outer : rel->lateral_relids));
}

/* Joins in which another relation gives the entity. */
static bool
is_entity_member(PlannerInfo *root pg_attribute_unused(), RelOptInfo *rel,
				 EquivalenceClass *class pg_attribute_unused(), EquivalenceMember *member,
				 void *arg pg_attribute_unused())
{
	return is_column((Node *) member->em_expr, rel->relid, ES_FIELD_ENTITY_ID);
}

static void
add_joined_paths(PlannerInfo *root, RelOptInfo *rel)
{
	List	   *clauses = list_copy(rel->joininfo);
	List	   *outers = NIL;
	ListCell   *cell;

	if (rel->has_eclass_joins)
		clauses = list_concat(clauses,
							  generate_implied_equalities_for_column(root, rel, is_entity_member, NULL,
																	 rel->lateral_referencers));
	foreach(cell, clauses)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, cell);
		Relids		outer;

		if (!join_clause_is_movable_to(info, rel) ||
			key_of_clause(root, info->clause, rel->relid, ES_FIELD_ENTITY_ID) == NULL)
			continue;
		outer = bms_del_member(bms_union(info->clause_relids, rel->lateral_relids), rel->relid);
		if (!bms_is_empty(outer))
			outers = list_append_unique_ptr(outers, get_baserel_parampathinfo(root, rel, outer));
	}
	foreach(cell, outers)
		add_entity_path(root, rel, lfirst(cell));
}

void
es_fdw_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid pg_attribute_unused())
{
	add_block_paths(root, rel);
	add_log_path(root, rel);
	if (asks_for_id(root, rel))
		add_id_path(root, rel);
	if (find_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_ENTITY_ID) != NULL)
		add_entity_path(root, rel, NULL);
	add_joined_paths(root, rel);
}

bool
es_fdw_is_parallel_safe(PlannerInfo *root pg_attribute_unused(),
						RelOptInfo *rel pg_attribute_unused(),
						RangeTblEntry *entry pg_attribute_unused())
{
	return true;
}

/* -------------------------------------------------------------------- plan */

/* What the expressions above the scan need of it. */
typedef struct Needs
{
	EsCompiler	compiler;
	uint32		columns;		/* a bit for each, from 1 */
	List	   *extractions;	/* expressions that take something out of JSON */
	bool		row;			/* a whole row, or a system column */
} Needs;

/* While planning, only what is written out is known. */
static bool
not_known(void *arg pg_attribute_unused(), Expr *expr pg_attribute_unused(),
		  Datum *value pg_attribute_unused(), bool *isnull pg_attribute_unused())
{
	return false;
}

/* Is it worth a place of its own in the scan's tuple? */
static bool
is_extraction(Needs *needs, Node *node, EsOperand *operand)
{
	return (IsA(node, OpExpr) || IsA(node, FuncExpr)) &&
		es_compile_operand(&needs->compiler, (Expr *) node, operand) &&
		operand->path.step_count > 0 && list_length(needs->extractions) < ES_PLACES_MAX_PATHS / 2;
}

/*
 * The document of an extraction counts as needed, too: what is above the scan may
 * ask for it and take the value out itself.
 */
static bool
collect_needs(Node *node, void *arg)
{
	Needs	   *needs = arg;
	EsOperand	operand;

	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varno == (int) needs->compiler.relid)
	{
		AttrNumber	column = ((Var *) node)->varattno;

		if (column > 0)
			needs->columns |= 1U << column;
		else
			needs->row = true;
		return false;
	}
	if (is_extraction(needs, node, &operand))
	{
		needs->extractions = list_append_unique(needs->extractions, node);
		needs->columns |= 1U << operand.field;
		return false;
	}
	return expression_tree_walker(node, collect_needs, arg);
}

/* The scan's tuple: all columns, and what is taken out of documents. */
static List *
make_scan_tlist(Index relid, Oid table, List *extractions)
{
	List	   *tlist = NIL;
	ListCell   *cell;

	for (AttrNumber column = 1; column <= ES_FIELDS; column++)
	{
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(table, column, &type, &typmod, &collation);
		tlist = lappend(tlist, makeTargetEntry((Expr *) makeVar(relid, column, type, typmod, collation, 0),
											   column, NULL, false));
	}
	foreach(cell, extractions)
		tlist = lappend(tlist, makeTargetEntry(copyObject(lfirst(cell)), list_length(tlist) + 1,
											   NULL, false));
	return tlist;
}

/* Takes the clauses that are keys out of the list; returns the keys. */
static List *
take_keys(PlannerInfo *root, Index relid, List **clauses)
{
	static const AttrNumber columns[] = {ES_FIELD_ENTITY_ID, ES_FIELD_TENANT_ID};
	List	   *keys = NIL;

	for (size_t i = 0; i < lengthof(columns); i++)
	{
		RestrictInfo *info = find_key(root, *clauses, relid, columns[i]);

		if (info == NULL)
			break;
		keys = lappend(keys, key_of_clause(root, info->clause, relid, columns[i]));
		*clauses = list_delete_ptr(list_copy(*clauses), info);
	}
	return keys;
}

ForeignScan *
es_fdw_plan(PlannerInfo *root, RelOptInfo *rel, Oid table, ForeignPath *path, List *targets,
			List *clauses, Plan *outer)
{
	EsPlanChoice choice;
	Needs		needs = {.compiler = {.relid = rel->relid,.evaluate = not_known}};
	EsFilter	filter = {0};
	List	   *keys = NIL;
	List	   *tlist = NIL;
	List	   *recheck = NIL;

	if (rel->reloptkind == RELOPT_UPPER_REL)
		return es_fdw_plan_aggregate(rel, path, targets, outer);
	choice = es_plan_unpack(path->fdw_private);
	needs.compiler.filter = &filter;
	if (root->rowMarks != NIL)	/* a row may be tested again beside others */
		recheck = extract_actual_clauses(clauses, false);
	if (choice.items[ES_PLAN_ACCESS] == ES_ACCESS_ENTITY)
		keys = take_keys(root, rel->relid, &clauses);
	clauses = extract_actual_clauses(clauses, false);
	collect_needs((Node *) rel->reltarget->exprs, &needs);
	collect_needs((Node *) clauses, &needs);
	if (!needs.row && root->rowMarks == NIL)
	{
		/* what only conditions need is fetched when they are evaluated */
		needs.columns = 0;
		needs.extractions = NIL;
		collect_needs((Node *) rel->reltarget->exprs, &needs);
		tlist = make_scan_tlist(rel->relid, table, needs.extractions);
	}
	choice.items[ES_PLAN_COLUMNS] = tlist == NIL ? PG_INT32_MAX : (int) needs.columns;
	choice.items[ES_PLAN_KEYS] = list_length(keys);
	return make_foreignscan(targets, NIL, rel->relid, list_concat(clauses, keys),
							es_plan_pack(&choice), tlist, recheck, outer);
}
