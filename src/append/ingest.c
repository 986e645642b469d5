/*-------------------------------------------------------------------------
 *
 * ingest.c
 *	  Writes a batch of events: claim, reserve, store, publish.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "storage/predicate.h"

#include "append/batch.h"
#include "append/claim.h"
#include "append/ingest.h"
#include "append/memory.h"
#include "append/write.h"
#include "log/follow.h"
#include "log/position.h"
#include "log/store.h"
#include "pg/settings.h"

/* Makes the batch's versions known; what was stored is found from here on. */
static void
publish(EsBatch *batch)
{
	for (uint32 i = 0; i < batch->group_count; i++)
	{
		EsGroup    *group = &batch->groups[i];

		if (!group->duplicate)
			es_entity_set_total(group->entity, group->base + group->event_count);
	}
}

static void
count_batch(EsStore *store, const EsBatch *batch)
{
	EsIngestCounters *counters = &store->counters;
	uint64		bytes = 0;

	for (uint32 i = 0; i < batch->event_count; i++)
	{
		if (!batch->groups[batch->group_of[i]].duplicate)
			bytes += es_event_text_size(&batch->events[i]);
	}
	pg_atomic_fetch_add_u64(&counters->batches, 1);
	pg_atomic_fetch_add_u64(&counters->events, batch->event_count - batch->duplicates);
	pg_atomic_fetch_add_u64(&counters->duplicates, batch->duplicates);
	pg_atomic_fetch_add_u64(&counters->event_bytes, bytes);
}

static void
store_new_events(EsOpenStore *open, uint64 xid, EsBatch *batch, EsIngestResult *result)
{
	EsReservation reservation;

	es_positions_reserve(open->store, xid, result->ingested, &reservation);
	es_write_batch(open, batch, &reservation);
	result->recorded_at = reservation.recorded_at;
	publish(batch);

	/*
	 * a serializable reader could miss the events until now, not only the
	 * rows
	 */
	CheckForSerializableConflictIn(open->blocks, NULL, InvalidBlockNumber);
	if (result->first_position == 0 || reservation.first_position < result->first_position)
		result->first_position = reservation.first_position;
	result->last_position = Max(result->last_position,
								reservation.first_position + result->ingested - 1);
}

/* Says where each event was stored: in the order of the batch, without duplicates. */
static void
fill_placements(const EsBatch *batch, int64 first_position, EsPlacement *placements)
{
	uint32	   *seen = palloc0(batch->group_count * sizeof(uint32));

	for (uint32 i = 0; i < batch->event_count; i++)
	{
		uint32		number = batch->group_of[i];
		const EsGroup *group = &batch->groups[number];

		placements[i].position = group->duplicate ? 0 : first_position++;
		placements[i].version = (int64) group->base + ++seen[number];
	}
	pfree(seen);
}

static void
check_undamaged(EsStore *store)
{
	if (store->damaged)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("cannot append because events in damaged blocks are unaccounted for"),
				 errdetail("The version that an entity has reached may be among them."),
				 errhint("eventstore.verify() lists damaged blocks. Restore them, or delete their rows and call eventstore.rebuild_index().")));
}

static void
ingest_events(EsEvent *events, int64 count, EsIngestResult *result, EsPlacement *placements)
{
	EsOpenStore open;
	EsBatch		batch;
	const EsGroup *last;
	uint64		xid;

	memset(result, 0, sizeof(*result));
	es_store_open(&open, RowExclusiveLock);
	es_follow(&open);
	if (count > 0)
	{
		check_undamaged(open.store);
		xid = U64FromFullTransactionId(GetTopFullTransactionId());
		es_batch_group(&batch, events, (uint32) count);
		es_claim_batch(&open, &batch, result);
		result->duplicates = batch.duplicates;
		result->ingested = count - batch.duplicates;
		if (result->ingested > 0)
			store_new_events(&open, xid, &batch, result);
		if (placements != NULL)
			fill_placements(&batch, result->last_position - result->ingested + 1, placements);
		last = &batch.groups[batch.group_of[count - 1]];
		if (!last->duplicate)
			result->last_version = (int64) last->base + last->event_count;
		count_batch(open.store, &batch);
		if (!es_allow_async_commit)
			ForceSyncCommit();
	}
	es_store_close(&open);
}

/*
 * Writes a batch that keeps all limits, whole or, on error, not at all.  Makes
 * the events' ids where none are given.  'placements' has room for each event, or
 * is NULL.
 */
void
es_ingest(EsEvent *events, int64 count, EsIngestResult *result, EsPlacement *placements)
{
	es_scratch_hold();
	PG_TRY();
	{
		ingest_events(events, count, result, placements);
	}
	PG_FINALLY();
	{
		es_scratch_release();
	}
	PG_END_TRY();
}
