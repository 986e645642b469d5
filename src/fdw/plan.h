/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  What the planner decides and the executor carries out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FDW_PLAN_H
#define EVENTSTORE_FDW_PLAN_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "nodes/pg_list.h"
#include "nodes/plannodes.h"

#include "filter/scan.h"
#include "log/entity_scan.h"

/* What an event that is delivered costs, in tuples of a plain table; without documents. */
#define ES_EVENT_COST	3.0
#define ES_FIELDS_COST	1.0

/* What a node does. */
typedef enum EsPlanStep
{
	ES_STEP_SCAN,				/* delivers events */
	ES_STEP_AGGREGATE,			/* aggregates those of a scan below it */
	ES_STEP_TOP_N				/* reads those whose positions a scan, sort
								 * and limit below it give */
} EsPlanStep;

/* The columns that the entity index knows, a bit for each. */
#define ES_KEY_COLUMNS \
	(1U << ES_FIELD_TENANT_ID | 1U << ES_FIELD_ENTITY_ID | 1U << ES_FIELD_VERSION)

/* How events are found. */
typedef enum EsAccess
{
	ES_ACCESS_BLOCKS,			/* all blocks, or a part of the log in order */
	ES_ACCESS_ENTITY,			/* those of entities, through the index */
	ES_ACCESS_ENTITIES			/* the same, of all, or all whose names pass
								 * tests */
} EsAccess;

/*
 * The private list of paths and plans: a constant for each, as Integer.  In
 * plans, fdw_exprs are the conditions to be tested, in the order of their
 * evaluation, and after them the keys: entity_id or an array of them, and perhaps
 * tenant_id; or those of ES_ACCESS_ENTITIES, perhaps tenant_id, and then the tests.
 */
typedef enum EsPlanItem
{
	ES_PLAN_STEP,				/* EsPlanStep */
	ES_PLAN_ACCESS,				/* EsAccess */
	ES_PLAN_ORDER,				/* EsOrder */
	ES_PLAN_ENTITY_ORDER,		/* EsEntityOrder */
	ES_PLAN_NAME_OPERATOR,		/* by which names are ordered, or InvalidOid */
	ES_PLAN_NAME_COLLATION,
	ES_PLAN_COLUMNS,			/* bit for each column that is needed, from 1 */
	ES_PLAN_FIELDS,				/* the path's target is delivered as it is */
	ES_PLAN_KEYS,				/* how many of fdw_exprs are keys */
	ES_PLAN_TESTS,				/* and tests of entities */
	ES_PLAN_ITEMS
} EsPlanItem;

typedef struct EsPlanChoice
{
	int			items[ES_PLAN_ITEMS];
} EsPlanChoice;

extern List *es_plan_pack(const EsPlanChoice *choice);
extern EsPlanChoice es_plan_unpack(const List *private);
extern Cost es_fdw_events_cost(PlannerInfo *root, RelOptInfo *rel, double events);
extern Cost es_fdw_scan_cost(const RelOptInfo *rel, const Path *scan);
extern ForeignPath *es_fdw_block_path(PlannerInfo *root, RelOptInfo *rel);
extern bool es_fdw_reads_keys_only(PlannerInfo *root, RelOptInfo *rel, const ForeignPath *path,
								   double *entities);
extern bool es_has_pseudoconstants(const RelOptInfo *rel);
extern List *es_scans_of(RelOptInfo *rel);
extern Path *es_scan_of_fields(const ForeignPath *path, PathTarget *target);
extern void es_top_n_paths(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *ordered);
extern ForeignScan *es_fdw_plan_aggregate(RelOptInfo *grouped, ForeignPath *path, List *targets,
										  Plan *outer);

#endif							/* EVENTSTORE_FDW_PLAN_H */
