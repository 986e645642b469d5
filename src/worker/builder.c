/*-------------------------------------------------------------------------
 *
 * builder.c
 *	  The background process that builds a database's index.
 *
 * A session that needs the index has the launcher start it (log/store.c), and waits
 * meanwhile.  When the session gives up, the build goes on, and the next one finds it done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"

#include "log/store.h"
#include "log/stores.h"
#include "worker/builder.h"

static void
at_exit(int code pg_attribute_unused(), Datum database)
{
	EsStore    *store = es_store_of(DatumGetObjectId(database));
	uint32		worker = (uint32) MyProcPid;

	if (store != NULL)
		(void) pg_atomic_compare_exchange_u32(&store->builder, &worker, 0);
}

/* An error ends the process; the sessions that wait then build, and get it, too. */
void
es_builder_main(Datum database)
{
	EsStore    *store = es_store_of(DatumGetObjectId(database));

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	before_shmem_exit(at_exit, database);
	if (store != NULL)
		pg_atomic_write_u32(&store->builder, (uint32) MyProcPid);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	pgstat_report_activity(STATE_RUNNING, "eventstore: building the entity index");
	StartTransactionCommand();
	if (OidIsValid(get_extension_oid("eventstore", true)))
		es_store_build();
	CommitTransactionCommand();
	proc_exit(0);
}
