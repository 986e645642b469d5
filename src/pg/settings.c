/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  The settings of eventstore.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "core/event.h"
#include "kernel/kernel.h"
#include "pg/settings.h"

int			es_index_memory_mb = 128;
int			es_max_event_size_kb = 16 * 1024;
bool		es_allow_async_commit = false;
bool		es_compaction = true;
int			es_compaction_delay_s = 60;
int			es_compaction_rate_kb = 0;
int			es_run_events = 1024 * 1024;
int			es_shed_at_percent = 67;

/* What counts is es_kernel, which follows this. */
static int	kernel_choice = ES_KERNEL_AUTO;

static const struct config_enum_entry kernel_choices[] = {
	{"auto", ES_KERNEL_AUTO, false},
	{"scalar", ES_KERNEL_SCALAR, false},
	{"v128", ES_KERNEL_V128, false},
	{"avx2", ES_KERNEL_AVX2, false},
	{"avx512", ES_KERNEL_AVX512, false},
	{NULL, 0, false}
};

static bool
check_kernel(int *choice, void **extra pg_attribute_unused(),
			 GucSource source pg_attribute_unused())
{
	if (es_kernel_choose(*choice) != NULL)
		return true;
	GUC_check_errdetail("This machine does not have the instructions.");
	GUC_check_errhint("With \"auto\", the widest vectors that it has are used.");
	return false;
}

static void
assign_kernel(int choice, void *extra pg_attribute_unused())
{
	es_kernel = es_kernel_choose(choice);
}

/* Called while the server loads the library; not possible later. */
void
es_settings_define(void)
{
	DefineCustomIntVariable("eventstore.index_memory",
							"Sets the shared memory for the entity index of all databases.",
							NULL,
							&es_index_memory_mb,
							128, 1, 16 * 1024,
							PGC_POSTMASTER, GUC_UNIT_MB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("eventstore.max_event_size",
							"Sets the largest size of one event.",
							"An event's size is that of its strings and JSON texts.",
							&es_max_event_size_kb,
							16 * 1024, 1, ES_MAX_EVENT_SIZE / 1024,
							PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("eventstore.allow_async_commit",
							 "Lets synchronous_commit = off apply to transactions that write events.",
							 "When off, an event whose commit is acknowledged is on disk.",
							 &es_allow_async_commit,
							 false,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("eventstore.compaction",
							 "Has small blocks merged into full ones in the background.",
							 NULL,
							 &es_compaction,
							 true,
							 PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("eventstore.compaction_delay",
							"Sets how long small blocks are left alone when they are few.",
							NULL,
							&es_compaction_delay_s,
							60, 0, 24 * 60 * 60,
							PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("eventstore.compaction_rate",
							"Sets how much compaction reads in a second, for each database.",
							"0 is as much as it can.",
							&es_compaction_rate_kb,
							0, 0, INT_MAX / 1024,
							PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("eventstore.run_events",
							"Sets after how many events the next sorted run of the entity index is written.",
							"When index memory is short it is done earlier.",
							&es_run_events,
							1024 * 1024, 1, INT_MAX,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("eventstore.shed_at",
							"Sets how full index memory is, in percent, when it lets go what sorted runs know.",
							NULL,
							&es_shed_at_percent,
							67, 0, 100,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("eventstore.kernel",
							 "Selects the vector instructions that eventstore uses.",
							 "\"auto\" is the widest that the machine has; results are the same with all.",
							 &kernel_choice,
							 ES_KERNEL_AUTO, kernel_choices,
							 PGC_SUSET, 0,
							 check_kernel, assign_kernel, NULL);
	MarkGUCPrefixReserved("eventstore");
}
