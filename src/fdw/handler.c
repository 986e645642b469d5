/*-------------------------------------------------------------------------
 *
 * handler.c
 *	  What SQL calls of the foreign-data wrapper: its handler and validator.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "fmgr.h"

#include "fdw/fdw.h"
#include "pg/compat.h"

ES_FUNCTION(es_fdw_handler);
ES_FUNCTION(es_fdw_validator);

static void
set_scan(FdwRoutine *routine)
{
	routine->GetForeignRelSize = es_fdw_rel_size;
	routine->GetForeignPaths = es_fdw_paths;
	routine->GetForeignPlan = es_fdw_plan;
	routine->GetForeignUpperPaths = es_fdw_upper_paths;
	routine->BeginForeignScan = es_fdw_begin_scan;
	routine->IterateForeignScan = es_fdw_iterate_scan;
	routine->ReScanForeignScan = es_fdw_rescan;
	routine->EndForeignScan = es_fdw_end_scan;
	routine->RecheckForeignScan = es_fdw_recheck;
	routine->ExplainForeignScan = es_fdw_explain_scan;
	routine->AnalyzeForeignTable = es_fdw_analyze;
	routine->IsForeignScanParallelSafe = es_fdw_is_parallel_safe;
	routine->EstimateDSMForeignScan = es_fdw_estimate_dsm;
	routine->InitializeDSMForeignScan = es_fdw_initialize_dsm;
	routine->ReInitializeDSMForeignScan = es_fdw_reinitialize_dsm;
	routine->InitializeWorkerForeignScan = es_fdw_initialize_worker;
}

static void
set_insert(FdwRoutine *routine)
{
	routine->PlanForeignModify = es_fdw_plan_modify;
	routine->BeginForeignModify = es_fdw_begin_modify;
	routine->EndForeignModify = es_fdw_end_modify;
	routine->BeginForeignInsert = es_fdw_begin_insert;
	routine->EndForeignInsert = es_fdw_end_modify;
	routine->GetForeignModifyBatchSize = es_fdw_batch_size;
	routine->ExecForeignInsert = es_fdw_insert;
	routine->ExecForeignBatchInsert = es_fdw_batch_insert;
}

static void
set_refusals(FdwRoutine *routine)
{
	routine->IsForeignRelUpdatable = es_fdw_is_updatable;
	routine->AddForeignUpdateTargets = es_fdw_refuse_change;
	routine->ExecForeignTruncate = es_fdw_refuse_truncate;
	routine->GetForeignRowMarkType = es_fdw_row_mark;
}

Datum
es_fdw_handler(PG_FUNCTION_ARGS pg_attribute_unused())
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	set_scan(routine);
	set_insert(routine);
	set_refusals(routine);
	PG_RETURN_POINTER(routine);
}

/* There are no options: not of the wrapper, a server, a table, a column. */
Datum
es_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *options = NIL;

	if (!PG_ARGISNULL(0))
		options = untransformRelOptions(PG_GETARG_DATUM(0));
	if (options != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("invalid option \"%s\"", linitial_node(DefElem, options)->defname),
				 errdetail("The foreign-data wrapper \"eventstore\" has no options.")));
	PG_RETURN_VOID();
}
