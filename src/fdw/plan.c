/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Plans reading the relation: which ways there are, and what they cost.
 *
 * Events are found by reading all blocks, which workers can share; in log order, from
 * and up to a position or time; on the pages of positions or ids; or through the entity
 * index, by names or all of them, which is enough by itself for who wants nothing but
 * keys.  The conditions are the same in all of them and are left to the executor,
 * which compiles them (query/compile.c): so nothing depends on what the planner
 * understands of them but costs, and the part of the log that is read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

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
#include "optimizer/tlist.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/typcache.h"

#include "fdw/fdw.h"
#include "fdw/keys.h"
#include "fdw/needs.h"
#include "fdw/plan.h"
#include "log/store.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "query/compile.h"
#include "row/input.h"

/* Events of a page, where nothing better is known. */
#define EVENTS_A_PAGE 100

/*
 * What a comparison of a whole column costs for each event, in operators; and that of
 * a column in which nearly all values differ.
 */
#define VECTOR_COST 0.02
#define KEY_VECTOR_COST 1.0

/* What an entity costs to be looked up, in operators; and a scan to begin. */
#define LOOK_UP_COST 2.0
#define SCAN_COST 200.0

/* What an event costs that is read by itself, not with its block; in tuples. */
#define SINGLE_EVENT_COST 20.0

/* What a row of nothing but keys costs, which is not read; in tuples. */
#define KEYS_COST 0.5

/* Entities that are looked up for an estimate; the others are taken as usual ones. */
#define MAX_KNOWN_ENTITIES 100

/* Versions that are left by limits which are not known yet. */
#define FEW_VERSIONS 20.0

/* What is known of the relation while it is planned; rel->fdw_private. */
typedef struct EventRel
{
	double		events;
	double		entities;		/* 0: not known */
	double		average_events; /* of an entity */
	double		tenants;
	double		asked_entities; /* by conditions; 0: by none */
	double		asked_events;	/* that these have */
	double		version_events; /* of these, in the range of versions that is
								 * asked for */
	bool		keys_only;		/* nothing is asked for but what the index
								 * knows */
	double		all_visible;	/* share of the pages */
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

/* ------------------------------------------------------------------- sizes */

static void
count_pages(RelOptInfo *rel, EventRel *events)
{
	Relation	blocks = es_blocks_open(AccessShareLock);

	rel->pages = RelationGetNumberOfBlocks(blocks);
	if (rel->pages > 0)
		events->all_visible = Min((double) blocks->rd_rel->relallvisible / rel->pages, 1);
	table_close(blocks, NoLock);
}

/* Is nothing asked for, by conditions or above, but columns that the entity index knows? */
static bool
asks_for_keys_only(PlannerInfo *root, RelOptInfo *rel)
{
	EsNeeds		needs;

	es_needs_begin(&needs, rel->relid);
	es_needs_add(&needs, (Node *) rel->reltarget->exprs);
	es_needs_add(&needs, (Node *) extract_actual_clauses(rel->baserestrictinfo, false));
	return root->rowMarks == NIL && !needs.row && (needs.columns & ~ES_KEY_COLUMNS) == 0;
}

/* How many events there are, and how many an entity has on average. */
static void
estimate_events(RelOptInfo *rel, EventRel *events)
{
	if (es_store_estimate(&events->events, &events->entities, &events->tenants))
		events->average_events = events->entities > 0 ? events->events / events->entities : 1;
	else
	{
		events->events = (double) rel->pages * EVENTS_A_PAGE;
		events->average_events = Min(events->events, EVENTS_A_PAGE);
		events->tenants = 1;
	}
}

/* The stored name of the tenant that the conditions ask for, if it is known now. */
static EsSlice
asked_tenant(PlannerInfo *root, RelOptInfo *rel)
{
	EsSlice		tenant_id = es_tenant_name(es_slice(NULL, 0));
	EsKeyClause key;

	if (es_find_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_TENANT_ID, &key) != NULL &&
		IsA(key.value, Const) && !((Const *) key.value)->constisnull && !key.many)
		tenant_id = es_text_datum_slice(((Const *) key.value)->constvalue);
	return es_tenant_stored(tenant_id);
}

/* Versions that conditions leave; what is not known yet leaves the last few. */
typedef struct Versions
{
	double		first;
	double		last;
	bool		few;
} Versions;

/* Does the clause limit the version by a comparison?  Narrows it. */
static bool
limit_versions(PlannerInfo *root, RelOptInfo *rel, RestrictInfo *info, Versions *versions)
{
	OpExpr	   *expr = (OpExpr *) info->clause;
	Expr	   *other;
	int			strategy;
	double		value;

	if (!IsA(expr, OpExpr) || (other = es_other_side(root, expr->args, rel->relid, ES_FIELD_VERSION)) == NULL)
		return false;
	strategy = get_op_opfamily_strategy(expr->opno, INTEGER_BTREE_FAM_OID);
	if (strategy == 0)
		return false;
	if (linitial(expr->args) == other)
		strategy = BTMaxStrategyNumber + 1 - strategy;
	if (!IsA(other, Const) || ((Const *) other)->constisnull)
	{
		versions->few = true;
		return true;
	}
	value = (double) DatumGetInt64(es_widen_integer(exprType((Node *) other),
													((Const *) other)->constvalue));
	if (strategy >= BTEqualStrategyNumber)
		versions->first = Max(versions->first, value + (strategy == BTGreaterStrategyNumber));
	if (strategy <= BTEqualStrategyNumber)
		versions->last = Min(versions->last, value - (strategy == BTLessStrategyNumber));
	return true;
}

/* How many of an entity's events are in the range of versions. */
static double
count_versions(const Versions *versions, double events)
{
	double		count = Max(Min(versions->last, events) - versions->first + 1, 0);

	return versions->few ? Min(count, FEW_VERSIONS) : count;
}

/*
 * How many events an entity has.  The number is for those only who may read all
 * events: others, who ask through a view, would learn from a plan how many events
 * there are that the view keeps from them.
 */
static double
estimate_entity(const EventRel *events, EsSlice tenant_id, const Expr *entity_id)
{
	double		known;

	if (IsA(entity_id, Const) && !((Const *) entity_id)->constisnull && es_may_read() &&
		es_store_estimate_entity(tenant_id, es_text_datum_slice(((Const *) entity_id)->constvalue),
								 &known))
		return known;
	return events->average_events;
}

/* Adds up what is known of the entities that the key names. */
static void
estimate_entities(PlannerInfo *root, RelOptInfo *rel, const EsKeyClause *key, const Versions *versions)
{
	EventRel   *events = rel->fdw_private;
	EsSlice		tenant_id = asked_tenant(root, rel);
	List	   *values = key->many ? es_key_elements(key->value) : list_make1(key->value);
	double		rest = key->count;
	ListCell   *cell;

	events->asked_entities = rest;
	foreach(cell, values)
	{
		double		count;

		if (foreach_current_index(cell) == MAX_KNOWN_ENTITIES)
			break;
		count = estimate_entity(events, tenant_id, lfirst(cell));
		events->asked_events += count;
		events->version_events += count_versions(versions, count);
		rest--;
	}
	events->asked_events += rest * events->average_events;
	events->version_events += rest * count_versions(versions, events->average_events);
}

static void
estimate_rows_of_entities(PlannerInfo *root, RelOptInfo *rel, RestrictInfo *info, const EsKeyClause *key)
{
	const EventRel *events = rel->fdw_private;
	Versions	versions = {.first = 1,.last = (double) PG_INT64_MAX};
	List	   *others = NIL;
	ListCell   *cell;

	foreach(cell, rel->baserestrictinfo)
	{
		if (lfirst(cell) != info && !limit_versions(root, rel, lfirst(cell), &versions))
			others = lappend(others, lfirst(cell));
	}
	estimate_entities(root, rel, key, &versions);
	rel->rows = clamp_row_est(events->version_events *
							  clauselist_selectivity(root, others, 0, JOIN_INNER, NULL));
}

void
es_fdw_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	EventRel   *events = palloc0(sizeof(EventRel));
	RestrictInfo *info;
	EsKeyClause key;

	es_fdw_check_relid(relid);
	rel->fdw_private = events;
	count_pages(rel, events);
	events->keys_only = asks_for_keys_only(root, rel);
	estimate_events(rel, events);
	rel->tuples = events->events;
	set_baserel_size_estimates(root, rel);
	if (es_find_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_EVENT_ID, &key) != NULL ||
		es_find_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_POSITION, &key) != NULL)
		rel->rows = clamp_row_est(Min(rel->tuples, key.count));
	info = es_find_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_ENTITY_ID, &key);
	if (info != NULL)
		estimate_rows_of_entities(root, rel, info, &key);
}

/* ------------------------------------------------------------------- costs */

/* What testing the conditions on blocks costs for each event, in operators. */
static double
cost_tests(PlannerInfo *root, RelOptInfo *rel)
{
	double		cost = list_length(rel->baserestrictinfo) * VECTOR_COST;

	if (es_has_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_ENTITY_ID))
		cost += KEY_VECTOR_COST;
	if (es_has_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_EVENT_ID))
		cost += KEY_VECTOR_COST;
	return cost;
}

/* Costs of reading a share of all blocks. */
static void
cost_blocks(PlannerInfo *root, RelOptInfo *rel, double share, double rows, Cost *startup,
			Cost *total)
{
	const EventRel *events = rel->fdw_private;
	double		tests = cost_tests(root, rel);

	*startup = 0;
	*total = share * rel->pages * (seq_page_cost + cpu_tuple_cost) +
		share * events->events * tests * cpu_operator_cost +
		rows * ES_EVENT_COST * cpu_tuple_cost;
	if (share < 1.0)
		*startup = 50 * cpu_operator_cost;
}

/* The cost of a scan of blocks whose events are not delivered one by one. */
Cost
es_fdw_scan_cost(const RelOptInfo *rel, const Path *scan)
{
	return scan->total_cost - rel->rows * ES_EVENT_COST * cpu_tuple_cost;
}

/*
 * How often a scan is repeated for rows of other relations, at least; pages that one
 * repetition reads are in memory for the next.
 */
static double
count_loops(PlannerInfo *root, Relids outer)
{
	double		loops = 0;
	int			relid = -1;

	while ((relid = bms_next_member(outer, relid)) >= 0)
	{
		const RelOptInfo *other = relid < root->simple_rel_array_size ? root->simple_rel_array[relid] : NULL;

		if (other != NULL && other->reloptkind == RELOPT_BASEREL && (loops == 0 || other->rows < loops))
			loops = other->rows;
	}
	return Max(loops, 1);
}

/*
 * What the pages of 'read' events cost that lie anywhere, for one of so many loops.
 * The more of all pages these are, the less they are random, as for a bitmap heap scan.
 */
static Cost
cost_pages(PlannerInfo *root, RelOptInfo *rel, double read, double loops)
{
	double		pages = index_pages_fetched(read * loops, rel->pages, rel->pages, root);
	double		page_cost = random_page_cost - (random_page_cost - seq_page_cost) *
	sqrt(Min(pages / Max(rel->pages, 1), 1));

	return pages * page_cost / loops;
}

/* What it costs to read so many events, one by one, by their positions. */
Cost
es_fdw_events_cost(PlannerInfo *root, RelOptInfo *rel, double events)
{
	return cost_pages(root, rel, events, 1) +
		events * (SINGLE_EVENT_COST * cpu_tuple_cost + cpu_index_tuple_cost);
}

/*
 * What it costs to find out which versions of so many entities are seen: a row of each
 * is looked at, unless the visibility map says that all see its page.
 */
static Cost
cost_look_ups(PlannerInfo *root, RelOptInfo *rel, double entities, double loops)
{
	const EventRel *events = rel->fdw_private;
	double		looks = entities * (1 - events->all_visible);

	return cost_pages(root, rel, looks, loops) + looks * cpu_tuple_cost +
		entities * LOOK_UP_COST * cpu_operator_cost;
}

/*
 * Costs of reading entities: a look into the index for each tenant that may have one
 * of the name, and a page for each block with events of them.  What is known of
 * entities can make them dearer than the average but not cheaper: plans would be no
 * better, and prepared statements would be planned each time.
 */
static void
cost_entities(PlannerInfo *root, RelOptInfo *rel, const ParamPathInfo *outer, double entities,
			  double read, double rows, Cost *startup, Cost *total)
{
	const EventRel *events = rel->fdw_private;
	double		loops = outer == NULL ? 1 : count_loops(root, outer->ppi_req_outer);
	bool		one_tenant = es_has_key(root, rel->baserestrictinfo, rel->relid, ES_FIELD_TENANT_ID) ||
	(outer != NULL && es_has_key(root, outer->ppi_clauses, rel->relid, ES_FIELD_TENANT_ID));

	*startup = SCAN_COST * cpu_operator_cost +
		entities * (one_tenant ? 1 : events->tenants) * LOOK_UP_COST * cpu_operator_cost;
	*total = *startup + rows * list_length(rel->baserestrictinfo) * cpu_operator_cost;
	if (events->keys_only)
		*total += cost_look_ups(root, rel, entities, loops) + read * KEYS_COST * cpu_tuple_cost;
	else
	{
		read = Max(read, Min(events->average_events, FEW_VERSIONS) * entities);
		*total += cost_pages(root, rel, read, loops) + read * SINGLE_EVENT_COST * cpu_tuple_cost;
	}
}

/* ------------------------------------------------------------------- paths */

/* Is this what the pathkey orders by, or equal to it? */
static bool
orders_by(const PathKey *key, Index relid, AttrNumber column)
{
	ListCell   *cell;

	foreach(cell, key->pk_eclass->ec_members)
	{
		if (es_is_column((Node *) ((EquivalenceMember *) lfirst(cell))->em_expr, relid, column))
			return true;
	}
	return false;
}

/* The order that a pathkey wants of this column; none, if it is about something else. */
static EsOrder
order_of(const PathKey *key, Index relid, AttrNumber column)
{
	Oid			type = column == ES_FIELD_RECORDED_AT ? TIMESTAMPTZOID : INT8OID;

	if (key->pk_eclass->ec_has_volatile || !orders_by(key, relid, column) ||
		key->pk_opfamily != lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf)
		return ES_ORDER_NONE;
	return es_is_ascending(key) ? ES_ORDER_FORWARD : ES_ORDER_BACKWARD;
}

/* Is the query ordered by this column first, and in which direction? */
static EsOrder
wanted_order(PlannerInfo *root, RelOptInfo *rel, AttrNumber column)
{
	return root->query_pathkeys == NIL ? ES_ORDER_NONE :
		order_of(linitial(root->query_pathkeys), rel->relid, column);
}

/*
 * The order of the log that the query wants, by position or time of recording, which
 * never decreases along the log.  Sets the pathkeys that it gives: no two events have
 * the same position, so after that also whatever other expressions of events come
 * after it; but not of other relations' columns, which a join may put beside one
 * event several times, nor of functions that make several rows of an event.
 */
static EsOrder
wanted_log_order(PlannerInfo *root, RelOptInfo *rel, List **pathkeys)
{
	EsOrder		order = wanted_order(root, rel, ES_FIELD_POSITION);
	bool		unique = false;
	ListCell   *cell;

	*pathkeys = NIL;
	if (order == ES_ORDER_NONE)
		order = wanted_order(root, rel, ES_FIELD_RECORDED_AT);
	if (order == ES_ORDER_NONE)
		return order;
	foreach(cell, root->query_pathkeys)
	{
		PathKey    *key = lfirst(cell);
		bool		first = cell == list_head(root->query_pathkeys);

		if (!first && (key->pk_eclass->ec_has_volatile || root->parse->hasTargetSRFs ||
					   !bms_is_subset(key->pk_eclass->ec_relids, rel->relids)))
			break;
		if (!unique && order_of(key, rel->relid, ES_FIELD_POSITION) == order)
			unique = true;
		else if (!unique && order_of(key, rel->relid, ES_FIELD_RECORDED_AT) != order)
			break;
		*pathkeys = lappend(*pathkeys, key);
	}
	return order;
}

static ForeignPath *
make_path(PlannerInfo *root, RelOptInfo *rel, const EsPlanChoice *choice, double rows,
		  Cost startup, Cost total, List *pathkeys, Relids outer)
{
	return es_scan_path(root, rel, rows, startup, total, pathkeys, outer, es_plan_pack(choice));
}

/* All blocks. */
ForeignPath *
es_fdw_block_path(PlannerInfo *root, RelOptInfo *rel)
{
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_BLOCKS}};
	Cost		startup;
	Cost		total;

	cost_blocks(root, rel, 1.0, rel->rows, &startup, &total);
	return make_path(root, rel, &choice, rel->rows, startup, total, NIL, rel->lateral_relids);
}

static void
add_block_paths(PlannerInfo *root, RelOptInfo *rel)
{
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_BLOCKS}};
	ForeignPath *path = es_fdw_block_path(root, rel);
	Cost		total = path->path.total_cost;
	int			workers;

	add_path(rel, (Path *) path);
	if (!rel->consider_parallel || rel->lateral_relids != NULL)
		return;
	workers = compute_parallel_worker(rel, rel->pages, -1, max_parallel_workers_per_gather);
	if (workers <= 0)
		return;
	path = make_path(root, rel, &choice, clamp_row_est(rel->rows / (workers + 1)), 0,
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

		if (es_is_column(side, relid, ES_FIELD_POSITION) || es_is_column(side, relid, ES_FIELD_RECORDED_AT))
			return true;
	}
	return false;
}

/* Part of the log, or all of it in order. */
static void
add_log_path(PlannerInfo *root, RelOptInfo *rel)
{
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_BLOCKS}};
	List	   *pathkeys;
	EsOrder		order = wanted_log_order(root, rel, &pathkeys);
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
	cost_blocks(root, rel, share, rel->rows, &startup, &total);
	startup += 50 * cpu_operator_cost;
	total += 50 * cpu_operator_cost + share * rel->pages * cpu_index_tuple_cost;
	choice.items[ES_PLAN_ORDER] = order == ES_ORDER_NONE ? ES_ORDER_RANGE : order;
	add_path(rel, (Path *) make_path(root, rel, &choice, rel->rows, startup, total,
									 pathkeys, rel->lateral_relids));
}

/*
 * Costs of finding events by position or id, each on a page of its own; for an id
 * two pages may have to be looked at.
 */
static void
add_key_path(PlannerInfo *root, RelOptInfo *rel, AttrNumber column, const EsKeyClause *key, Relids outer)
{
	bool		is_id = column == ES_FIELD_EVENT_ID;
	EsPlanChoice choice = {{
			[ES_PLAN_ACCESS] = ES_ACCESS_BLOCKS,
			[ES_PLAN_ORDER] = is_id ? ES_ORDER_IDS : ES_ORDER_POSITIONS
	}};
	double		pages = Min(key->count * (is_id ? 2 : 1), rel->pages);
	double		tests = pages / Max(rel->pages, 1) * rel->tuples * VECTOR_COST;
	double		rows = outer == NULL ? rel->rows : clamp_row_est(Min(rel->tuples, key->count));
	double		loops = outer == NULL ? 1 : count_loops(root, outer);
	Cost		startup = (SCAN_COST + key->count * 50) * cpu_operator_cost;

	add_path(rel, (Path *) make_path(root, rel, &choice, rows, startup,
									 startup + cost_pages(root, rel, pages, loops) + tests * cpu_operator_cost +
									 rows * ES_EVENT_COST * cpu_tuple_cost,
									 NIL, outer == NULL ? rel->lateral_relids : outer));
}

/* Events of the entities that conditions name, in an order that is wanted. */
static void
add_entity_path(PlannerInfo *root, RelOptInfo *rel)
{
	const EventRel *events = rel->fdw_private;
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_ENTITY,[ES_PLAN_ORDER] = ES_ORDER_FORWARD}};
	EsOrder		order = wanted_order(root, rel, ES_FIELD_VERSION);
	List	   *pathkeys = NIL;
	Cost		startup;
	Cost		total;

	if (order != ES_ORDER_NONE)
	{
		pathkeys = list_make1(linitial(root->query_pathkeys));
		choice.items[ES_PLAN_ENTITY_ORDER] = ES_ENTITY_BY_VERSION;
	}
	else if ((order = wanted_log_order(root, rel, &pathkeys)) != ES_ORDER_NONE)
		choice.items[ES_PLAN_ENTITY_ORDER] = ES_ENTITY_BY_POSITION;
	if (order != ES_ORDER_NONE)
		choice.items[ES_PLAN_ORDER] = order;
	cost_entities(root, rel, NULL, events->asked_entities, events->version_events, rel->rows,
				  &startup, &total);
	add_path(rel, (Path *) make_path(root, rel, &choice, rel->rows, startup, total, pathkeys,
									 rel->lateral_relids));
}

/* Is it a pattern that is no error whatever it is compared with? */
static bool
is_valid_pattern(Expr *pattern)
{
	return IsA(pattern, Const) && !((Const *) pattern)->constisnull &&
		!es_pattern_ends_in_escape(es_text_datum_slice(((Const *) pattern)->constvalue));
}

/*
 * Is the clause a test of nothing but the entity's name?  It must be one that cannot
 * fail, since it is made of entities without events that are seen, too; and it is made
 * before others that are to keep events from it.
 */
static bool
tests_entity(PlannerInfo *root, RelOptInfo *rel, RestrictInfo *info)
{
	OpExpr	   *expr = (OpExpr *) info->clause;
	Expr	   *other;

	if (info->pseudoconstant || !IsA(expr, OpExpr) ||
		!restriction_is_securely_promotable(info, rel) ||
		(other = es_other_side(root, expr->args, rel->relid, ES_FIELD_ENTITY_ID)) == NULL)
		return false;
	if (get_opcode(expr->opno) == F_TEXTLIKE || get_opcode(expr->opno) == F_STARTS_WITH)
		return lsecond(expr->args) == other && is_valid_pattern(other);
	return get_op_opfamily_strategy(expr->opno, TEXT_BTREE_FAM_OID) != 0;
}

static List *
entity_tests(PlannerInfo *root, RelOptInfo *rel)
{
	List	   *tests = NIL;
	ListCell   *cell;

	foreach(cell, rel->baserestrictinfo)
	{
		if (tests_entity(root, rel, lfirst(cell)))
			tests = lappend(tests, lfirst(cell));
	}
	return tests;
}

/*
 * Takes the key of a column from the clauses, and the clause out of the list if it
 * says nothing else.
 */
static List *
take_key(PlannerInfo *root, Index relid, AttrNumber column, List *keys, List **clauses)
{
	EsKeyClause key;
	RestrictInfo *info = es_find_key(root, *clauses, relid, column, &key);

	/* entities of one tenant, or of all */
	if (info == NULL || (column == ES_FIELD_TENANT_ID && key.many))
		return keys;
	if (key.exact)
		*clauses = list_delete_ptr(list_copy(*clauses), info);
	return lappend(keys, key.value);
}

/*
 * Takes what the way of access finds by itself from the clauses: the keys, and the tests
 * of names.
 */
static void
take_keys(PlannerInfo *root, RelOptInfo *rel, const EsPlanChoice *choice, List **keys, List **tests,
		  List **clauses)
{
	if (choice->items[ES_PLAN_ACCESS] == ES_ACCESS_ENTITY)
		*keys = take_key(root, rel->relid, ES_FIELD_ENTITY_ID, *keys, clauses);
	if (choice->items[ES_PLAN_ACCESS] != ES_ACCESS_BLOCKS)
		*keys = take_key(root, rel->relid, ES_FIELD_TENANT_ID, *keys, clauses);
	if (choice->items[ES_PLAN_ACCESS] != ES_ACCESS_ENTITIES)
		return;
	*tests = entity_tests(root, rel);
	*clauses = list_difference_ptr(*clauses, *tests);
}

/*
 * The order of names that the query wants, and of versions within them.  Sets the
 * pathkeys that it gives.
 */
static bool
wanted_name_order(PlannerInfo *root, RelOptInfo *rel, EsPlanChoice *choice, List **pathkeys)
{
	const TypeCacheEntry *type = lookup_type_cache(TEXTOID, TYPECACHE_BTREE_OPFAMILY);
	PathKey    *key = root->query_pathkeys == NIL ? NULL : linitial(root->query_pathkeys);
	EsOrder		order = ES_ORDER_NONE;

	if (key == NULL || key->pk_eclass->ec_has_volatile || key->pk_opfamily != type->btree_opf ||
		!OidIsValid(key->pk_eclass->ec_collation) ||
		!get_collation_isdeterministic(key->pk_eclass->ec_collation) ||
		!orders_by(key, rel->relid, ES_FIELD_ENTITY_ID))
		return false;
	*pathkeys = list_make1(key);
	choice->items[ES_PLAN_NAME_OPERATOR] =
		(int) get_opfamily_member(type->btree_opf, TEXTOID, TEXTOID,
								  es_is_ascending(key) ? BTLessStrategyNumber : BTGreaterStrategyNumber);
	choice->items[ES_PLAN_NAME_COLLATION] = (int) key->pk_eclass->ec_collation;
	if (list_length(root->query_pathkeys) > 1)
		order = order_of(lsecond(root->query_pathkeys), rel->relid, ES_FIELD_VERSION);
	if (order != ES_ORDER_NONE)
	{
		*pathkeys = lappend(*pathkeys, lsecond(root->query_pathkeys));
		choice->items[ES_PLAN_ORDER] = order;
		choice->items[ES_PLAN_ENTITY_ORDER] = ES_ENTITY_BY_VERSION;
	}
	return true;
}

/* What sorting the names of so many entities costs, as PostgreSQL reckons a sort. */
static Cost
cost_sort_names(double entities)
{
	return 2 * cpu_operator_cost * entities * log(Max(entities, 2)) / M_LN2;
}

/*
 * Events of all entities, or of all whose names pass tests.  The index has no order of
 * names: they are sorted if an order is wanted.  Without a test that is for those who
 * want nothing but keys; others read blocks.
 */
static void
add_entities_path(PlannerInfo *root, RelOptInfo *rel)
{
	const EventRel *events = rel->fdw_private;
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_ENTITIES,[ES_PLAN_ORDER] = ES_ORDER_FORWARD}};
	List	   *tests = entity_tests(root, rel);
	List	   *pathkeys = NIL;
	double		share;
	Cost		walk;
	Cost		startup;
	Cost		total;

	if (events->entities == 0 || (tests == NIL && !events->keys_only))
		return;
	share = clauselist_selectivity(root, tests, 0, JOIN_INNER, NULL);
	walk = events->entities * (list_length(tests) + LOOK_UP_COST) * cpu_operator_cost;
	cost_entities(root, rel, NULL, 0, share * events->events, rel->rows, &startup, &total);
	if (events->keys_only)
		total += cost_look_ups(root, rel, share * events->entities, 1);
	add_path(rel, (Path *) make_path(root, rel, &choice, rel->rows, startup + walk, total + walk, NIL,
									 rel->lateral_relids));
	if (!wanted_name_order(root, rel, &choice, &pathkeys))
		return;
	walk += cost_sort_names(share * events->entities);
	add_path(rel, (Path *) make_path(root, rel, &choice, rel->rows, startup + walk, total + walk,
									 pathkeys, rel->lateral_relids));
}

/*
 * Does the path read nothing but keys, of entities that it names or tests, so that what
 * is aggregated of these can be told from their versions?  No condition may be left.
 */
bool
es_fdw_reads_keys_only(PlannerInfo *root, RelOptInfo *rel, const ForeignPath *path, double *entities)
{
	const EventRel *events = rel->fdw_private;
	EsPlanChoice choice = es_plan_unpack(path->fdw_private);
	List	   *keys = NIL;
	List	   *tests = NIL;
	List	   *clauses = rel->baserestrictinfo;

	if (!events->keys_only || choice.items[ES_PLAN_ACCESS] == ES_ACCESS_BLOCKS)
		return false;
	take_keys(root, rel, &choice, &keys, &tests, &clauses);
	*entities = choice.items[ES_PLAN_ACCESS] == ES_ACCESS_ENTITY ? events->asked_entities :
		events->entities * clauselist_selectivity(root, tests, 0, JOIN_INNER, NULL);
	return clauses == NIL;
}

/* Events of the entities that another relation names, for each of its rows. */
static void
add_joined_path(PlannerInfo *root, RelOptInfo *rel, const EsKeyClause *key, ParamPathInfo *outer)
{
	const EventRel *events = rel->fdw_private;
	EsPlanChoice choice = {{[ES_PLAN_ACCESS] = ES_ACCESS_ENTITY,[ES_PLAN_ORDER] = ES_ORDER_FORWARD}};
	double		read = key->count * events->average_events;
	double		rows = Min(rel->rows, clamp_row_est(read));
	Cost		startup;
	Cost		total;

	cost_entities(root, rel, outer, key->count, read, rows, &startup, &total);
	add_path(rel, (Path *) make_path(root, rel, &choice, rows, startup, total, NIL,
									 outer->ppi_req_outer));
}

/* What joins with another relation say of a column. */
static bool
is_member_column(PlannerInfo *root pg_attribute_unused(), RelOptInfo *rel,
				 EquivalenceClass *class pg_attribute_unused(), EquivalenceMember *member, void *arg)
{
	return es_is_column((Node *) member->em_expr, rel->relid, *(const AttrNumber *) arg);
}

static List *
join_clauses(PlannerInfo *root, RelOptInfo *rel, AttrNumber column)
{
	List	   *clauses = list_copy(rel->joininfo);

	if (rel->has_eclass_joins)
		clauses = list_concat(clauses,
							  generate_implied_equalities_for_column(root, rel, is_member_column,
																	 &column,
																	 rel->lateral_referencers));
	return clauses;
}

/* Paths for joins in which other relations give the values of the column. */
static void
add_joined_paths(PlannerInfo *root, RelOptInfo *rel, AttrNumber column)
{
	List	   *seen = NIL;
	ListCell   *cell;

	foreach(cell, join_clauses(root, rel, column))
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, cell);
		Relids		others;
		ParamPathInfo *outer;
		EsKeyClause key;

		if (!join_clause_is_movable_to(info, rel))
			continue;
		key = es_key_of_clause(root, info->clause, rel->relid, column);
		others = bms_del_member(bms_union(info->clause_relids, rel->lateral_relids), rel->relid);
		if (key.value == NULL || bms_is_empty(others))
			continue;
		outer = get_baserel_parampathinfo(root, rel, others);
		if (list_member_ptr(seen, outer))
			continue;
		seen = lappend(seen, outer);
		if (column == ES_FIELD_ENTITY_ID)
			add_joined_path(root, rel, &key, outer);
		else
			add_key_path(root, rel, column, &key, outer->ppi_req_outer);
	}
}

void
es_fdw_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid pg_attribute_unused())
{
	static const AttrNumber columns[] = {ES_FIELD_POSITION, ES_FIELD_EVENT_ID};

	add_block_paths(root, rel);
	add_log_path(root, rel);
	if (((EventRel *) rel->fdw_private)->asked_entities > 0)
		add_entity_path(root, rel);
	else
		add_entities_path(root, rel);
	add_joined_paths(root, rel, ES_FIELD_ENTITY_ID);
	for (size_t i = 0; i < lengthof(columns); i++)
	{
		EsKeyClause key;

		if (es_find_key(root, rel->baserestrictinfo, rel->relid, columns[i], &key) != NULL)
			add_key_path(root, rel, columns[i], &key, NULL);
		add_joined_paths(root, rel, columns[i]);
	}
}

bool
es_fdw_is_parallel_safe(PlannerInfo *root pg_attribute_unused(),
						RelOptInfo *rel pg_attribute_unused(),
						RangeTblEntry *entry pg_attribute_unused())
{
	return true;
}

/* -------------------------------------------------------------------- plan */

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

/* The node that reads events by position; those of the scan at the lowest end below it. */
static ForeignScan *
plan_top_n(EsPlanChoice *choice, const ForeignPath *path, List *targets, Plan *outer)
{
	const Path *scan = path->fdw_outerpath;
	EsNeeds		needs;

	while (!IsA(scan, ForeignPath))
		scan = IsA(scan, LimitPath) ? ((LimitPath *) scan)->subpath : ((SortPath *) scan)->subpath;
	es_needs_begin(&needs, scan->parent->relid);
	es_needs_add(&needs, (Node *) path->path.pathtarget->exprs);
	choice->items[ES_PLAN_COLUMNS] = (int) needs.columns;
	return make_foreignscan(targets, NIL, 0, NIL, es_plan_pack(choice),
							make_scan_tlist(scan->parent->relid, es_events_oid(), needs.extractions),
							NIL, outer);
}

ForeignScan *
es_fdw_plan(PlannerInfo *root, RelOptInfo *rel, Oid table, ForeignPath *path, List *targets,
			List *clauses, Plan *outer)
{
	EsPlanChoice choice;
	EsNeeds		needs;
	List	   *keys = NIL;
	List	   *tests = NIL;
	List	   *tlist = NIL;
	List	   *recheck = NIL;

	choice = es_plan_unpack(path->fdw_private);
	if (choice.items[ES_PLAN_STEP] == ES_STEP_TOP_N)
		return plan_top_n(&choice, path, targets, outer);
	if (rel->reloptkind == RELOPT_UPPER_REL)
		return es_fdw_plan_aggregate(rel, path, targets, outer);
	if (root->rowMarks != NIL)	/* a row may be tested again beside others */
		recheck = extract_actual_clauses(clauses, false);
	take_keys(root, rel, &choice, &keys, &tests, &clauses);
	tests = extract_actual_clauses(tests, false);
	clauses = extract_actual_clauses(clauses, false);
	es_needs_begin(&needs, rel->relid);
	if (choice.items[ES_PLAN_FIELDS])
		targets = make_tlist_from_pathtarget(path->path.pathtarget);
	es_needs_add(&needs, (Node *) (choice.items[ES_PLAN_FIELDS] ? path->path.pathtarget : rel->reltarget)->exprs);
	choice.items[ES_PLAN_COLUMNS] = (int) needs.columns;
	es_needs_add(&needs, (Node *) clauses);
	if (needs.row || root->rowMarks != NIL)
		choice.items[ES_PLAN_COLUMNS] = PG_INT32_MAX;
	else
		tlist = make_scan_tlist(rel->relid, table, needs.extractions);
	choice.items[ES_PLAN_KEYS] = list_length(keys);
	choice.items[ES_PLAN_TESTS] = list_length(tests);
	return make_foreignscan(targets, NIL, rel->relid, list_concat(list_concat(clauses, keys), copyObject(tests)),
							es_plan_pack(&choice), tlist, recheck, outer);
}
