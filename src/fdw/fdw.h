/*-------------------------------------------------------------------------
 *
 * fdw.h
 *	  The relation eventstore.events: what the server calls for it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FDW_FDW_H
#define EVENTSTORE_FDW_FDW_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* table.c: every entry that is given a table asks here first */
extern void es_fdw_check_table(Relation table);
extern void es_fdw_check_relid(Oid relid);

/* plan.c */
extern void es_fdw_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern void es_fdw_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern ForeignScan *es_fdw_plan(PlannerInfo *root, RelOptInfo *rel, Oid relid,
								ForeignPath *path, List *targets, List *clauses,
								Plan *outer);
extern bool es_fdw_is_parallel_safe(PlannerInfo *root, RelOptInfo *rel,
									RangeTblEntry *entry);

/* aggregate.c */
extern void es_fdw_upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *rel,
							   RelOptInfo *grouped, void *extra);

/* scan.c */
extern void es_fdw_begin_scan(ForeignScanState *node, int flags);
extern TupleTableSlot *es_fdw_iterate_scan(ForeignScanState *node);
extern void es_fdw_rescan(ForeignScanState *node);
extern bool es_fdw_recheck(ForeignScanState *node, TupleTableSlot *slot);
extern void es_fdw_end_scan(ForeignScanState *node);
extern Size es_fdw_estimate_dsm(ForeignScanState *node, ParallelContext *context);
extern void es_fdw_initialize_dsm(ForeignScanState *node, ParallelContext *context,
								  void *coordinate);
extern void es_fdw_reinitialize_dsm(ForeignScanState *node, ParallelContext *context,
									void *coordinate);
extern void es_fdw_initialize_worker(ForeignScanState *node, shm_toc *toc,
									 void *coordinate);

/* explain.c */
extern void es_fdw_explain_scan(ForeignScanState *node, struct ExplainState *explain);

/* analyze.c */
extern bool es_fdw_analyze(Relation table, AcquireSampleRowsFunc *acquire,
						   BlockNumber *pages);

/* modify.c */
extern List *es_fdw_plan_modify(PlannerInfo *root, ModifyTable *plan, Index relation,
								int subplan);
extern void es_fdw_begin_modify(ModifyTableState *state, ResultRelInfo *relation,
								List *private, int subplan, int flags);
extern void es_fdw_begin_insert(ModifyTableState *state, ResultRelInfo *relation);
extern int	es_fdw_batch_size(ResultRelInfo *relation);
extern TupleTableSlot *es_fdw_insert(EState *estate, ResultRelInfo *relation,
									 TupleTableSlot *slot, TupleTableSlot *plan_slot);
extern TupleTableSlot **es_fdw_batch_insert(EState *estate, ResultRelInfo *relation,
											TupleTableSlot **slots,
											TupleTableSlot **plan_slots, int *count);
extern void es_fdw_end_modify(EState *estate, ResultRelInfo *relation);

/* refuse.c */
extern void es_fdw_refuse_change(PlannerInfo *root, Index relation,
								 RangeTblEntry *entry, Relation table);
extern void es_fdw_refuse_truncate(List *tables, DropBehavior behavior, bool restart);
extern RowMarkType es_fdw_row_mark(RangeTblEntry *entry, LockClauseStrength strength);
extern int	es_fdw_is_updatable(Relation table);

#endif							/* EVENTSTORE_FDW_FDW_H */
