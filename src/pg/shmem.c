/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Parts of shared memory, and the check that there is any.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "pg/shmem.h"

#define MAX_PARTS 8
#define TRANCHE "eventstore"

static const EsShmemPart *parts[MAX_PARTS];
static int	part_count = 0;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* Only while the library is loaded. */
void
es_shmem_add(const EsShmemPart *part)
{
	Assert(part_count < MAX_PARTS);
	parts[part_count++] = part;
}

static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestNamedLWLockTranche(TRANCHE, 1);
	for (int i = 0; i < part_count; i++)
		RequestAddinShmemSpace(add_size(parts[i]->size(), PG_CACHE_LINE_SIZE));
}

static void
attach_memory(void)
{
	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < part_count; i++)
	{
		bool		found;
		void	   *memory = ShmemInitStruct(parts[i]->name, parts[i]->size(), &found);

		if (!found)
			parts[i]->init(memory);
		parts[i]->attach(memory);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
es_shmem_install(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
}

/* The one lock of the extension's tranche. */
LWLock *
es_shmem_lock(void)
{
	return &GetNamedLWLockTranche(TRANCHE)->lock;
}

/* Raises the error that names the remedy when there is no shared memory. */
void
es_shmem_check_loaded(void)
{
	if (part_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("eventstore must be loaded via \"shared_preload_libraries\""),
				 errhint("Add eventstore to \"shared_preload_libraries\" in postgresql.conf and restart the server.")));
}
