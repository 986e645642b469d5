/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The background process that starts workers where there is work.
 *
 * It is connected to no database, so none is kept from being dropped by it.  It sleeps
 * until there are small blocks (log/tail.c), and then until they are many or have been
 * there for eventstore.compaction_delay; or until a sorted run is due.  A database has one worker at a time.  One that
 * failed is started again after a pause, which grows as long as it fails.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "log/shared.h"
#include "log/tail.h"
#include "pg/settings.h"
#include "worker/launcher.h"

/* Workers of all databases at a time. */
#define MAX_RUNNING 3

/* Milliseconds until a worker is started again that failed, or could not be started. */
#define FIRST_PAUSE 5000
#define LONGEST_PAUSE (10 * 60 * 1000)

/* What the launcher knows of a store's worker. */
typedef struct Watched
{
	Oid			database;		/* whose store it was */
	TimestampTz due;			/* when it will be compacted; 0: nothing to do */
	BackgroundWorkerHandle *handle; /* of the running worker, or NULL */
	BackgroundWorkerHandle *builder;	/* of that which builds the index */
	uint64		failures;		/* counted when it was started */
	int			pause;			/* ms until the next try; 0: all is well */
	TimestampTz not_before;		/* it is not tried */
} Watched;

static Watched watched[ES_MAX_STORES];
static int	running = 0;
static bool others_wait = false;	/* a store was not given a worker */
static bool said_no_slot = false;

/* Forgets what concerned another database's store. */
static void
note_database(Watched *one, const EsStore *store)
{
	if (one->database == store->database)
		return;
	one->database = store->database;
	one->due = one->not_before = 0;
	one->pause = 0;
}

/* Notices that the worker has ended. */
static void
reap(Watched *one, EsStore *store)
{
	pid_t		pid;

	if (one->handle == NULL || GetBackgroundWorkerPid(one->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(one->handle);
	one->handle = NULL;
	running--;
	one->due = 0;
	if (pg_atomic_read_u64(&store->compaction.failures) == one->failures)
		one->pause = 0;
	else
	{
		one->pause = one->pause == 0 ? FIRST_PAUSE : Min(2 * one->pause, LONGEST_PAUSE);
		one->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), one->pause);
	}
}

/* Starts a worker; false when there is no process for it. */
static bool
start(const EsStore *store, const char *function, const char *what, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_main_arg = ObjectIdGetDatum(store->database),
		.bgw_notify_pid = MyProcPid
	};

	strlcpy(worker.bgw_library_name, "eventstore", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, function, sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_type, sizeof(worker.bgw_type), "eventstore %s", what);
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "eventstore %s of database %u", what,
			 store->database);
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

/* Says it once, until it goes well again. */
static void
report_no_slot(void)
{
	if (!said_no_slot)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("eventstore has no background worker for compaction or for building an index"),
				 errhint("Increase \"max_worker_processes\".")));
	said_no_slot = true;
}

static void
try_to_start(Watched *one, EsStore *store, TimestampTz now)
{
	one->failures = pg_atomic_read_u64(&store->compaction.failures);
	pg_atomic_write_u32(&store->run_wanted, 0);
	if (start(store, "es_compactor_main", "compaction", &one->handle))
	{
		running++;
		said_no_slot = false;
		return;
	}
	report_no_slot();
	one->not_before = TimestampTzPlusMilliseconds(now, FIRST_PAUSE);
}

/*
 * Starts the worker that builds the store's index, if a session wants it.  If there is no
 * process for it, the session builds.
 */
static void
look_at_build(Watched *one, EsStore *store)
{
	pid_t		pid;

	if (one->builder != NULL && GetBackgroundWorkerPid(one->builder, &pid) == BGWH_STOPPED)
	{
		pfree(one->builder);
		one->builder = NULL;
	}
	if (!OidIsValid(store->database) || one->builder != NULL ||
		pg_atomic_exchange_u32(&store->build_wanted, 0) == 0)
		return;
	if (!start(store, "es_builder_main", "index build", &one->builder))
		report_no_slot();
}

/*
 * Looks at a store, and starts its worker if it is time.  Returns when to look again; 0:
 * when it is woken.
 */
static TimestampTz
look_at(Watched *one, EsStore *store, TimestampTz now)
{
	uint64		small;

	reap(one, store);
	note_database(one, store);
	if (OidIsValid(store->database) && pg_atomic_read_u32(&store->dropping) != 0)
		return TimestampTzPlusMilliseconds(now, FIRST_PAUSE);	/* no worker could
																 * connect */
	look_at_build(one, store);
	small = pg_atomic_read_u64(&store->compaction.small_blocks);
	if (!OidIsValid(store->database) || pg_atomic_read_u32(&store->state) != ES_STORE_READY ||
		one->handle != NULL || !es_compaction || (small == 0 && !es_tail_index_is_due(store)))
	{
		one->due = 0;
		return 0;
	}
	if (one->due == 0 || one->due > TimestampTzPlusMilliseconds(now, es_compaction_delay_s * INT64CONST(1000)))
		one->due = TimestampTzPlusMilliseconds(now, es_compaction_delay_s * INT64CONST(1000));
	if (small >= ES_TAIL_FULL || es_tail_index_is_due(store))
		one->due = now;
	if (Max(one->due, one->not_before) > now)
		return Max(one->due, one->not_before);
	if (running >= MAX_RUNNING)
	{
		others_wait = true;
		return 0;				/* the end of a worker wakes */
	}
	try_to_start(one, store, now);
	return one->handle != NULL ? 0 : one->not_before;
}

/* Looks at all stores; returns for how many milliseconds to sleep, -1: until woken. */
static long
look_at_all(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = 0;

	others_wait = false;
	for (int i = 0; i < ES_MAX_STORES; i++)
	{
		TimestampTz again = look_at(&watched[i], &es_shared->stores[i], now);

		if (again > 0 && (next == 0 || again < next))
			next = again;
	}
	pg_atomic_write_u32(&es_shared->others_wait, others_wait);
	return next == 0 ? -1 : TimestampDifferenceMilliseconds(now, next) + 1;
}

static void
leave(int code pg_attribute_unused(), Datum arg pg_attribute_unused())
{
	es_tail_watch(false);
}

/* The end of a worker; what the server has here wakes only who has a database. */
static void
on_worker_ended(SIGNAL_ARGS)
{
	int			save_errno = errno;

	SetLatch(MyLatch);
	errno = save_errno;
}

void
es_launcher_main(Datum arg pg_attribute_unused())
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGUSR1, on_worker_ended);
	BackgroundWorkerUnblockSignals();
	before_shmem_exit(leave, (Datum) 0);
	es_tail_watch(true);
	while (!ShutdownRequestPending)
	{
		long		timeout;

		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		timeout = look_at_all();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0),
						 timeout, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	proc_exit(1);				/* so that it is started again */
}

/* Only while the library is loaded. */
void
es_launcher_install(void)
{
	BackgroundWorker worker = {
		.bgw_flags = BGWORKER_SHMEM_ACCESS,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = 5
	};

	strlcpy(worker.bgw_library_name, "eventstore", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "es_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "eventstore launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "eventstore launcher", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}
