/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between PostgreSQL versions; the only file that asks for
 *	  PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_PG_COMPAT_H
#define EVENTSTORE_PG_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "commands/explain.h"
#include "commands/vacuum.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/pathnodes.h"
#include "miscadmin.h"
#include "optimizer/pathnode.h"
#include "postmaster/bgworker.h"
#include "storage/bufmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/tuplesort.h"

#if PG_VERSION_NUM < 150000
#error "eventstore needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/* --------------------------------------------------------------- relations */

/* The number that identifies a relation's current storage. */
#if PG_VERSION_NUM >= 160000
#define es_relation_storage(rel)	((rel)->rd_locator.relNumber)
#else
#define es_relation_storage(rel)	((rel)->rd_node.relNode)
#endif

/* Pins a page in the buffer where it may still be; see ReadRecentBuffer(). */
#if PG_VERSION_NUM >= 160000
#define es_pin_recent(rel, page, buffer) \
	ReadRecentBuffer((rel)->rd_locator, MAIN_FORKNUM, page, buffer)
#else
#define es_pin_recent(rel, page, buffer) \
	ReadRecentBuffer((rel)->rd_node, MAIN_FORKNUM, page, buffer)
#endif

/* Until 17, old_snapshot_threshold can make a snapshot too old for a page. */
#if PG_VERSION_NUM >= 170000
#define es_check_snapshot_age(snapshot, rel, page)	((void) 0)
#else
#define es_check_snapshot_age(snapshot, rel, page)	TestForOldSnapshot(snapshot, rel, page)
#endif

/* The index of the primary key, if there is one that is checked at once. */
static inline Oid
es_primary_key_index(Relation rel)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(rel, false);
#else
	return RelationGetPrimaryKeyIndex(rel);
#endif
}

static inline IndexScanDesc
es_index_beginscan(Relation heap, Relation index, Snapshot snapshot, int keys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, NULL, keys, 0);
#else
	return index_beginscan(heap, index, snapshot, keys, 0);
#endif
}

/* Enters a new row into the indexes that were opened for it. */
static inline void
es_insert_index_tuples(ResultRelInfo *indexes, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecInsertIndexTuples(indexes, slot, estate, false, false, NULL, NIL, false);
#else
	(void) ExecInsertIndexTuples(indexes, slot, estate, false, false, NULL, NIL);
#endif
}

static inline bool
es_owns_relation(Oid relid, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, role);
#else
	return pg_class_ownercheck(relid, role);
#endif
}

static inline void
es_analyze_delay_point(void)
{
#if PG_VERSION_NUM >= 180000
	vacuum_delay_point(true);
#else
	vacuum_delay_point();
#endif
}

/* Since 17, functions that others than their owner have called find a safe search_path. */
static inline void
es_restrict_search_path(void)
{
#if PG_VERSION_NUM >= 170000
	RestrictSearchPath();
#endif
}

/* What VACUUM without options does of a table. */
#if PG_VERSION_NUM >= 160000
#define ES_VACUUM_TABLE		(VACOPT_VACUUM | VACOPT_PROCESS_MAIN | VACOPT_PROCESS_TOAST)
#else
#define ES_VACUUM_TABLE		(VACOPT_VACUUM | VACOPT_PROCESS_TOAST)
#endif

/* Vacuums relations, in transactions of its own. */
static inline void
es_vacuum(List *relations, VacuumParams *params, MemoryContext context)
{
#if PG_VERSION_NUM >= 160000
	vacuum(relations, params, NULL, context, true);
#else
	(void) context;
	vacuum(relations, params, NULL, true);
#endif
}

/* ------------------------------------------------- transactions and locks */

/* This backend's number, from 0 to MaxBackends - 1. */
#if PG_VERSION_NUM >= 170000
#define es_my_backend_number()	((int) MyProcNumber)
#else
#define es_my_backend_number()	(MyProc->pgprocno)
#endif

#if PG_VERSION_NUM >= 170000
#define es_is_background_worker()	AmBackgroundWorkerProcess()
#else
#define es_is_background_worker()	IsBackgroundWorker
#endif

/* The oldest xid whose fate is known; the caller holds XactTruncationLock. */
#if PG_VERSION_NUM >= 170000
#define es_oldest_clog_xid()	(TransamVariables->oldestClogXid)
#else
#define es_oldest_clog_xid()	(ShmemVariableCache->oldestClogXid)
#endif

/* Does this backend hold the lock, in just this mode? */
static inline bool
es_lock_held_by_me(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, false);
#else
	return LockHeldByMe(tag, mode);
#endif
}

/* ---------------------------------------------------------------- planner */

/* Does the path key ask for ascending order? */
static inline bool
es_is_ascending(const PathKey *key)
{
#if PG_VERSION_NUM >= 180000
	return key->pk_cmptype == COMPARE_LT;
#else
	return key->pk_strategy == BTLessStrategyNumber;
#endif
}

static inline ForeignPath *
es_scan_path(PlannerInfo *root, RelOptInfo *rel, double rows, Cost startup, Cost total,
			 List *pathkeys, Relids outer, List *private)
{
#if PG_VERSION_NUM >= 180000
	return create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, pathkeys, outer,
								   NULL, NIL, private);
#elif PG_VERSION_NUM >= 170000
	return create_foreignscan_path(root, rel, NULL, rows, startup, total, pathkeys, outer,
								   NULL, NIL, private);
#else
	return create_foreignscan_path(root, rel, NULL, rows, startup, total, pathkeys, outer,
								   NULL, private);
#endif
}

/* The path of a step above the scan, whose path is 'below'. */
static inline ForeignPath *
es_upper_path(PlannerInfo *root, RelOptInfo *rel, double rows, Cost cost, Path *below,
			  List *private)
{
#if PG_VERSION_NUM >= 180000
	return create_foreign_upper_path(root, rel, rel->reltarget, rows, 0, cost, cost, NIL, below,
									 NIL, private);
#elif PG_VERSION_NUM >= 170000
	return create_foreign_upper_path(root, rel, rel->reltarget, rows, cost, cost, NIL, below,
									 NIL, private);
#else
	return create_foreign_upper_path(root, rel, rel->reltarget, rows, cost, cost, NIL, below,
									 private);
#endif
}

/* The same of a step that gives a target in an order. */
static inline ForeignPath *
es_ordered_path(PlannerInfo *root, RelOptInfo *rel, PathTarget *target, double rows, Cost startup,
				Cost total, List *pathkeys, Path *below, List *private)
{
#if PG_VERSION_NUM >= 180000
	return create_foreign_upper_path(root, rel, target, rows, 0, startup, total, pathkeys, below,
									 NIL, private);
#elif PG_VERSION_NUM >= 170000
	return create_foreign_upper_path(root, rel, target, rows, startup, total, pathkeys, below,
									 NIL, private);
#else
	return create_foreign_upper_path(root, rel, target, rows, startup, total, pathkeys, below,
									 private);
#endif
}

/* What rows are grouped by, without what makes no difference. */
static inline List *
es_group_clause(PlannerInfo *root)
{
#if PG_VERSION_NUM >= 160000
	return root->processed_groupClause;
#else
	return root->parse->groupClause;
#endif
}

/* How many elements an array has, or is thought to have. */
static inline double
es_array_length(PlannerInfo *root pg_attribute_unused(), Node *array)
{
#if PG_VERSION_NUM >= 170000
	return estimate_array_length(root, array);
#else
	return estimate_array_length(array);
#endif
}

/* How many relations the explained query has: with one, columns go by their names. */
#if PG_VERSION_NUM >= 180000
#define es_explain_relations(explain)	((explain)->rtable_size)
#else
#define es_explain_relations(explain)	list_length((explain)->rtable)
#endif

/* The next of the values that were sorted, palloc'd; false after the last. */
static inline bool
es_sorted_datum(Tuplesortstate *sort, Datum *datum)
{
	bool		isnull;

#if PG_VERSION_NUM >= 160000
	return tuplesort_getdatum(sort, true, true, datum, &isnull, NULL);
#else
	return tuplesort_getdatum(sort, true, datum, &isnull, NULL);
#endif
}

/* --------------------------------------------------------------- functions */

/*
 * Declares a function that SQL can call.  The library exports nothing else;
 * before 16, PG_FUNCTION_INFO_V1 does not export the function by itself.
 */
#define ES_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* EVENTSTORE_PG_COMPAT_H */
