/*-------------------------------------------------------------------------
 *
 * shared.c
 *	  Makes what all backends share.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/ipc.h"

#include "core/event.h"
#include "core/hash.h"
#include "index/guard.h"
#include "log/shared.h"
#include "pg/compat.h"
#include "pg/settings.h"
#include "pg/shmem.h"

EsShared   *es_shared = NULL;
EsPool	   *es_pool = NULL;

StaticAssertDecl(sizeof(((EsShared *) 0)->hash_secret) >= XXH3_SECRET_SIZE_MIN,
				 "XXH3 takes the secret");

/*
 * A prepared transaction needs a slot beside the one its backend reuses; a
 * backend takes it just before it prepares.
 */
static int
prepared_slot_count(void)
{
	return max_prepared_xacts > 0 ? max_prepared_xacts + MaxBackends : 0;
}

static Size
shared_size(void)
{
	return add_size(offsetof(EsShared, slots),
					mul_size(MaxBackends + prepared_slot_count(), sizeof(EsSlot)));
}

static void
init_store(EsStore *store)
{
	pg_atomic_init_u32(&store->state, ES_STORE_EMPTY);
	ConditionVariableInit(&store->state_changed);
	SpinLockInit(&store->position_lock);
	pg_atomic_init_u64(&store->blocks_read, 0);
	pg_atomic_init_u64(&store->blocks_total, 0);
	pg_atomic_init_u64(&store->built_us, 0);
	pg_atomic_init_u64(&store->counters.batches, 0);
	pg_atomic_init_u64(&store->counters.events, 0);
	pg_atomic_init_u64(&store->counters.duplicates, 0);
	pg_atomic_init_u64(&store->counters.event_bytes, 0);
	pg_atomic_init_u64(&store->counters.blocks, 0);
	pg_atomic_init_u64(&store->counters.block_bytes, 0);
	pg_atomic_init_u64(&store->counters.conflicts, 0);
	pg_atomic_init_u64(&store->counters.waits, 0);
	pg_atomic_init_u32(&store->build_wanted, 0);
	pg_atomic_init_u32(&store->builder, 0);
	pg_atomic_init_u32(&store->moving, 0);
	pg_atomic_init_u32(&store->follows, 0);
	pg_atomic_init_u64(&store->followed_lsn, 0);
	pg_atomic_init_u64(&store->compaction.small_blocks, 0);
	pg_atomic_init_u64(&store->compaction.steps, 0);
	pg_atomic_init_u64(&store->compaction.events, 0);
	pg_atomic_init_u64(&store->compaction.blocks_before, 0);
	pg_atomic_init_u64(&store->compaction.blocks_after, 0);
	pg_atomic_init_u64(&store->compaction.bytes_before, 0);
	pg_atomic_init_u64(&store->compaction.bytes_after, 0);
	pg_atomic_init_u64(&store->compaction.last_at, 0);
	pg_atomic_init_u64(&store->compaction.failures, 0);
	pg_atomic_init_u32(&store->compaction.worker, 0);
	pg_atomic_init_u64(&store->compaction.dead_rows, 0);
	pg_atomic_init_u32(&store->compaction.dead_xid, 0);
}

/* What was counted is that of a store before, in this database or another. */
void
es_counters_reset(EsStore *store)
{
	EsIngestCounters *counters = &store->counters;
	EsCompactionCounters *compaction = &store->compaction;

	pg_atomic_write_u64(&counters->batches, 0);
	pg_atomic_write_u64(&counters->events, 0);
	pg_atomic_write_u64(&counters->duplicates, 0);
	pg_atomic_write_u64(&counters->event_bytes, 0);
	pg_atomic_write_u64(&counters->blocks, 0);
	pg_atomic_write_u64(&counters->block_bytes, 0);
	pg_atomic_write_u64(&counters->conflicts, 0);
	pg_atomic_write_u64(&counters->waits, 0);
	pg_atomic_write_u64(&compaction->steps, 0);
	pg_atomic_write_u64(&compaction->events, 0);
	pg_atomic_write_u64(&compaction->blocks_before, 0);
	pg_atomic_write_u64(&compaction->blocks_after, 0);
	pg_atomic_write_u64(&compaction->bytes_before, 0);
	pg_atomic_write_u64(&compaction->bytes_after, 0);
	pg_atomic_write_u64(&compaction->last_at, 0);
	pg_atomic_write_u64(&compaction->failures, 0);
}

static void
init_shared(void *memory)
{
	EsShared   *shared = memory;
	uint64		identifier = GetSystemIdentifier();

	memset(shared, 0, shared_size());
	shared->lock = es_shmem_lock();
	shared->cluster = (uint32) XXH3_64bits(&identifier, sizeof(identifier));
	shared->backend_slots = MaxBackends;
	shared->prepared_slots = prepared_slot_count();
	if (!pg_strong_random(shared->hash_secret, sizeof(shared->hash_secret)))
		ereport(FATAL,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random bytes for the entity index")));
	pg_atomic_init_u32(&shared->launcher, 0);
	pg_atomic_init_u32(&shared->others_wait, 0);
	for (int loop = 0; loop < ES_KERNEL_LOOPS; loop++)
	{
		pg_atomic_init_u64(&shared->kernel_use[loop].calls, 0);
		pg_atomic_init_u64(&shared->kernel_use[loop].rows, 0);
	}
	for (int i = 0; i < ES_MAX_STORES; i++)
		init_store(&shared->stores[i]);
}

static void
attach_shared(void *memory)
{
	es_shared = memory;
}

static Size
pool_size(void)
{
	return es_pool_bytes((size_t) es_index_memory_mb << 20);
}

static void
init_pool(void *memory)
{
	es_pool_init(memory, (size_t) es_index_memory_mb << 20);
}

static void
attach_pool(void *memory)
{
	es_pool = memory;
}

static EsGuards *all_guards = NULL;

/* One for each process that there may be. */
static uint32
guard_count(void)
{
	return (uint32) MaxBackends;
}

static Size
guards_size(void)
{
	return es_guards_size(guard_count());
}

static void
init_guards(void *memory)
{
	es_guards_init(memory, guard_count());
}

static void
attach_guards(void *memory)
{
	all_guards = memory;
}

void
es_shared_attach_guard(void)
{
	if (es_guard == NULL)
		es_guard_attach(all_guards, es_my_backend_number());
}

void
es_shared_install(void)
{
	static const EsShmemPart guards_part = {
		"eventstore guards", guards_size, init_guards, attach_guards
	};
	static const EsShmemPart shared_part = {
		"eventstore shared", shared_size, init_shared, attach_shared
	};
	static const EsShmemPart pool_part = {
		"eventstore index", pool_size, init_pool, attach_pool
	};

	es_shmem_add(&shared_part);
	es_shmem_add(&pool_part);
	es_shmem_add(&guards_part);
}

/* A hash for tables in memory whose keys users choose. */
uint64
es_secret_hash(EsSlice text)
{
	return XXH3_64bits_withSecret(text.data, text.size, es_shared->hash_secret,
								  sizeof(es_shared->hash_secret));
}

/*
 * The hash under which the index keeps an entity: XXH3 with this server run's
 * secret, so that nobody can choose keys that collide.
 */
uint64
es_key_hash(EsSlice tenant_id, EsSlice entity_id)
{
	char		buffer[ES_MAX_TENANT_ID + 1 + ES_MAX_ENTITY_ID];

	Assert(tenant_id.size <= ES_MAX_TENANT_ID && entity_id.size <= ES_MAX_ENTITY_ID);

	if (tenant_id.size == 0)
		return es_secret_hash(entity_id);
	memcpy(buffer, tenant_id.data, tenant_id.size);
	buffer[tenant_id.size] = '\0';
	(void) es_put_slice(buffer + tenant_id.size + 1, entity_id);
	return es_secret_hash(es_slice(buffer, tenant_id.size + 1 + entity_id.size));
}
