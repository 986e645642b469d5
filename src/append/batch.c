/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  Groups a batch's events by entity.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "append/batch.h"
#include "append/memory.h"
#include "log/shared.h"

/* Events whose entities are hashed before the first of them is looked up. */
#define HASH_AHEAD 16

/* An open-addressing table from key to group, for one batch. */
typedef struct GroupTable
{
	uint32		mask;
	uint32	   *slots;			/* group + 1; 0 is free */
} GroupTable;

static void *
allocate(size_t count, size_t size)
{
	return es_scratch_alloc(count * size);
}

static bool
same_entity(const EsGroup *group, const EsEvent *event, uint64 hash)
{
	return group->key.hash == hash &&
		es_slice_equal(group->key.entity_id, event->entity_id) &&
		es_slice_equal(group->key.tenant_id, event->tenant_id);
}

static EsGroup *
add_group(EsBatch *batch, uint32 i, uint64 hash)
{
	EsGroup    *group = &batch->groups[batch->group_count++];

	memset(group, 0, sizeof(*group));
	group->key.tenant_id = batch->events[i].tenant_id;
	group->key.entity_id = batch->events[i].entity_id;
	group->key.hash = hash;
	group->first_event = i;
	group->last_event = i;
	return group;
}

/* Finds or adds the group of event i, whose entity has this hash. */
static EsGroup *
find_group(EsBatch *batch, GroupTable *table, uint32 i, uint64 hash)
{
	EsEvent    *event = &batch->events[i];
	uint32		slot = (uint32) hash & table->mask;

	for (; table->slots[slot] != 0; slot = (slot + 1) & table->mask)
	{
		EsGroup    *group = &batch->groups[table->slots[slot] - 1];

		if (same_entity(group, event, hash))
			return group;
	}
	table->slots[slot] = batch->group_count + 1;
	return add_group(batch, i, hash);
}

/* Puts a group where its hash belongs among those of its bucket before it. */
static void
insert_in_order(const EsBatch *batch, uint32 *order, uint32 first, uint32 at, uint32 group)
{
	uint64		hash = batch->groups[group].key.hash;

	while (at > first && batch->groups[order[at - 1]].key.hash > hash)
	{
		order[at] = order[at - 1];
		at--;
	}
	order[at] = group;
}

/*
 * Orders groups by their hash.  Hashes are evenly spread, by a secret that
 * nobody outside knows, so there are about as many buckets as groups.
 */
static void
order_groups(EsBatch *batch)
{
	uint32		buckets = pg_nextpower2_32(Max(batch->group_count, 2));
	int			shift = 64 - pg_leftmost_one_pos32(buckets);
	uint32	   *firsts = allocate(buckets + 1, sizeof(uint32));
	uint32	   *ends = allocate(buckets, sizeof(uint32));
	uint32	   *order = allocate(batch->group_count, sizeof(uint32));

	memset(firsts, 0, (buckets + 1) * sizeof(uint32));
	for (uint32 i = 0; i < batch->group_count; i++)
		firsts[(batch->groups[i].key.hash >> shift) + 1]++;
	for (uint32 i = 0; i < buckets; i++)
	{
		firsts[i + 1] += firsts[i];
		ends[i] = firsts[i];
	}
	for (uint32 i = 0; i < batch->group_count; i++)
	{
		uint64		bucket = batch->groups[i].key.hash >> shift;

		insert_in_order(batch, order, firsts[bucket], ends[bucket]++, i);
	}
	batch->claim_order = order;
}

/* Hashes the entities of the events from i on, and loads their slots. */
static void
hash_ahead(const EsBatch *batch, const GroupTable *table, uint32 i, uint64 *hashes)
{
	uint32		count = Min(HASH_AHEAD, batch->event_count - i);

	for (uint32 j = 0; j < count; j++)
	{
		const EsEvent *event = &batch->events[i + j];

		hashes[j] = es_key_hash(event->tenant_id, event->entity_id);
		__builtin_prefetch(&table->slots[(uint32) hashes[j] & table->mask], 1);
	}
}

/*
 * Groups the events, at least one, by entity.  Memory is taken from the scratch.
 */
void
es_batch_group(EsBatch *batch, EsEvent *events, uint32 count)
{
	GroupTable	table;
	uint64		hashes[HASH_AHEAD];

	memset(batch, 0, sizeof(*batch));
	batch->events = events;
	batch->event_count = count;
	batch->group_of = allocate(count, sizeof(uint32));
	batch->next_event = allocate(count, sizeof(uint32));
	batch->groups = allocate(count, sizeof(EsGroup));
	table.mask = (count < 4 ? 8 : pg_nextpower2_32(count) * 2) - 1;
	table.slots = allocate((size_t) table.mask + 1, sizeof(uint32));
	memset(table.slots, 0, ((size_t) table.mask + 1) * sizeof(uint32));

	for (uint32 i = 0; i < count; i++)
	{
		EsGroup    *group;

		if (i % HASH_AHEAD == 0)
			hash_ahead(batch, &table, i, hashes);
		group = find_group(batch, &table, i, hashes[i % HASH_AHEAD]);

		if (group->event_count++ > 0)
			batch->next_event[group->last_event] = i;
		group->last_event = i;
		batch->next_event[i] = ES_NO_EVENT;
		batch->group_of[i] = (uint32) (group - batch->groups);
	}
	order_groups(batch);
}
