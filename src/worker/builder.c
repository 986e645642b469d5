/*-------------------------------------------------------------------------
 *
 * builder.c
 *	  The background process that builds a database's index.
 *
 * A session that needs the index has the launcher start it (log/store.c), and waits
 * meanwhile.  Of what is far behind sorted runs, those are written first.  When the session gives up, the build goes on, and the next one finds it done.
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
#include "utils/guc.h"

#include "compact/compact.h"
#include "log/store.h"
#include "log/stores.h"
#include "pg/catalog.h"
#include "pg/settings.h"
#include "worker/builder.h"

static void
at_exit(int code pg_attribute_unused(), Datum database)
{
	EsStore    *store = es_store_of(DatumGetObjectId(database));
	uint32		worker = (uint32) MyProcPid;

	if (store != NULL)
		(void) pg_atomic_compare_exchange_u32(&store->builder, &worker, 0);
}

/* Has a sorted run written, of what need not be in memory then; false when there is none. */
static bool
write_run(void)
{
	bool		more;

	StartTransactionCommand();
	es_compact_begin_step();
	more = es_compaction && OidIsValid(get_extension_oid("eventstore", true)) &&
		!es_blocks_are_subscribed() && es_compact_before_build();
	CommitTransactionCommand();
	return more;
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
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "", PGC_SUSET, PGC_S_OVERRIDE);
	pgstat_report_activity(STATE_RUNNING, "eventstore: building the entity index");
	while (write_run())
		;
	StartTransactionCommand();
	if (OidIsValid(get_extension_oid("eventstore", true)))
		es_store_build();
	CommitTransactionCommand();
	proc_exit(0);
}
