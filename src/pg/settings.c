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
#include "pg/settings.h"

int			es_index_memory_mb = 128;
int			es_max_event_size_kb = 16 * 1024;
bool		es_allow_async_commit = false;

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
	MarkGUCPrefixReserved("eventstore");
}
