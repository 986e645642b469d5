/*-------------------------------------------------------------------------
 *
 * build.c
 *	  Builds the index of a database from its blocks.
 *
 * The caller is the only one that uses the store meanwhile.  All rows count
 * that are committed or may yet be: rows of a transaction that is still
 * running - a prepared one that survived a restart, or our own after we
 * rewrote the table - make it the owner of the entities, as if it had just
 * written them.
 *
 * A block whose header is damaged still counts when every record in it is
 * accounted for.  Otherwise some entity has a version that we do not know of,
 * and the next append to it could give out that version again; so the store is
 * marked as damaged, which lets it be read but not written.
 *
 * Sorted runs have all events up to where they end.  Where not all postings fit, only the log
 * behind that is read, and the index knows of no other entities: it is as if it had let them
 * go.  Of an entity in that part of the log, runs have the versions before the first one
 * there.  Only if there are ids before it that the index must have, the rest is read for them.
 *
 * What is read must fit, but for ids: when memory is full, that of ids is given up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/subtrans.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/block.h"
#include "log/block_row.h"
#include "log/build.h"
#include "log/entities.h"
#include "log/ids.h"
#include "log/log_scan.h"
#include "log/memory.h"
#include "log/position.h"
#include "log/runs.h"
#include "log/session.h"
#include "log/stores.h"
#include "log/xact.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/settings.h"

typedef struct Build
{
	EsStore    *store;
	Relation	blocks;
	int64		reserved;		/* no position can be higher */
	int64		last_position;
	int64		last_recorded_at;
	bool		has_runs;		/* not all need be read, if that does not fit
								 * or is damaged */
	bool		overflows;		/* it does not, or is */
	int64		known_through;	/* runs have all events up to this position */
	int64		known_before;	/* and blocks that begin before this one have
								 * no others */
	bool		own_events;		/* our own transaction's are among them */
	uint32		small_blocks;	/* that may be merged */
	EsIdBuffer	ids;
} Build;

/* An event as it enters the index; its key points into the row or 'strings'. */
typedef struct Entry
{
	EsKey		key;
	EsEntity   *entity;
	EsPosting	posting;
	uint64		owner;			/* 0: committed */
	uint32		version;
	bool		known;			/* by runs */
} Entry;

/* Of postings; with short names, entities come on top. */
#define BYTES_PER_EVENT		18

#define MAX_PENDING_ROWS	32
#define MAX_PENDING			1024

/*
 * Events that were read and are not in the index yet.  They are entered many
 * at a time, so that memory can be prefetched; the rows stay pinned until then.
 */
typedef struct Pending
{
	uint32		row_count;
	uint32		count;
	Buffer		buffers[MAX_PENDING_ROWS];
	Entry		entries[MAX_PENDING + ES_BLOCK_MAX_EVENTS];
	size_t		strings_size;
	char		strings[(MAX_PENDING + ES_BLOCK_MAX_EVENTS) * ES_BLOCK_HEAD_ROOM];
} Pending;

/* -------------------------------------------------------- which rows count */

/*
 * Does the row count?  *owner is set to the full top-level xid of its writer
 * while that is running, else to 0.
 */
static bool
row_counts(HeapTuple tuple, Buffer buffer, uint64 *owner)
{
	TransactionId xmin = HeapTupleHeaderGetXmin(tuple->t_data);
	HTSV_Result result;
	TransactionId dead_after;

	*owner = 0;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	result = HeapTupleSatisfiesVacuumHorizon(tuple, buffer, &dead_after);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	switch (result)
	{
		case HEAPTUPLE_LIVE:
			return true;
		case HEAPTUPLE_DELETE_IN_PROGRESS:
			return !TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(tuple->t_data));
		case HEAPTUPLE_INSERT_IN_PROGRESS:
			if (TransactionIdIsCurrentTransactionId(xmin))
				*owner = U64FromFullTransactionId(GetTopFullTransactionId());
			else
				*owner = es_xact_full(SubTransGetTopmostTransaction(xmin));
			return true;
		default:
			return false;
	}
}

/* ----------------------------------------------------------- entering rows */

/*
 * Reads whose event this is, and enters its id.  Returns false when that cannot
 * be known.  Adds to *strings_size what of 'strings' the key needs.
 */
static bool
collect_entry(Build *build, EsBlock *block, uint32 ordinal, ItemPointer tid, Entry *entry, char *strings,
			  size_t *strings_size)
{
	EsStoredEvent stored;
	EsEvent    *event = &stored.event;

	if (es_block_read_head(block, ordinal, strings, &stored) != ES_BLOCK_OK ||
		stored.version < 1 || stored.version > ES_MAX_VERSION ||
		event->entity_id.size == 0 || event->entity_id.size > ES_MAX_ENTITY_ID ||
		event->tenant_id.size > ES_MAX_TENANT_ID)
		return false;
	if (event->entity_id.data == strings)
		*strings_size += event->tenant_id.data + event->tenant_id.size - strings;
	entry->key.tenant_id = event->tenant_id;
	entry->key.entity_id = event->entity_id;
	entry->key.hash = es_key_hash(event->tenant_id, event->entity_id);
	entry->version = (uint32) stored.version;
	entry->known = stored.position <= build->known_through;
	entry->posting = es_posting(ItemPointerGetBlockNumber(tid),
								ItemPointerGetOffsetNumber(tid), ordinal);
	if (!entry->known)
		es_id_buffer_add(&build->ids, event->event_id, stored.recorded_at, entry->posting);
	return true;
}

/*
 * Adds a row's events to the pending ones.  Returns false when some of them
 * could not be read.
 */
static bool
collect_row(Build *build, EsBlockRow *row, uint64 owner, Pending *pending)
{
	bool		complete = true;

	if (row->size == 0 ||
		(row->status != ES_BLOCK_OK &&
		 es_block_salvage(&row->block, row->data, row->size) != ES_BLOCK_OK))
		return false;
	for (uint32 i = 0; i < row->block.header.event_count; i++)
	{
		Entry	   *entry = &pending->entries[pending->count];

		entry->owner = owner;
		if (collect_entry(build, &row->block, i, &row->tuple.t_self, entry,
						  pending->strings + pending->strings_size, &pending->strings_size))
			pending->count++;
		else
			complete = false;
	}
	return complete;
}

/* Finds the entities of so many pending events. */
static void
find_window(Build *build, Entry *entries, uint32 count)
{
	EsIndex    *index = &build->store->index;
	EsSlice		known_tenant = {NULL, 0};
	uint64		hashes[ES_PREFETCH_WINDOW];

	for (uint32 i = 0; i < count; i++)
		hashes[i] = entries[i].key.hash;
	es_index_prefetch(es_pool, index, hashes, count);
	for (uint32 i = 0; i < count; i++)
	{
		Entry	   *entry = &entries[i];

		if (!entry->known)
			entry->entity = es_store_find_or_add(build->store, &entry->key, &known_tenant).entity;
	}
}

/* Finds the entities of all pending events. */
static void
find_entities(Build *build, Pending *pending)
{
	for (uint32 i = 0; i < pending->count; i += ES_PREFETCH_WINDOW)
		find_window(build, pending->entries + i, Min(ES_PREFETCH_WINDOW, pending->count - i));
}

/* Enters all pending events into the index. */
static void
enter_pending(Build *build, Pending *pending)
{
	EsIndex    *index = &build->store->index;

	find_entities(build, pending);
	for (uint32 i = 0; i < pending->count; i++)
	{
		Entry	   *entry = &pending->entries[i];

		if (entry->known)
			continue;
		if (!es_entity_is_resolved(entry->entity))
			es_entity_resolve(entry->entity, entry->version - 1);	/* in log order, the
																	 * first */
		while (!es_postings_reserve(es_pool, &index->arena, &index->counts,
									entry->entity, entry->version))
		{
			build->overflows = build->has_runs;
			if (build->overflows)
				break;
			es_store_find_memory(build->store);
		}
		if (build->overflows)
			break;
		es_posting_set(es_pool, entry->entity, entry->version, entry->posting);
		es_entity_restore(entry->entity, entry->version, entry->owner, &index->counts);
	}
	for (uint32 i = 0; i < pending->row_count; i++)
		ReleaseBuffer(pending->buffers[i]);
	pending->count = pending->row_count = 0;
	pending->strings_size = 0;
	build->overflows |= build->has_runs && es_index_memory_is_short(build->store);
}

/* Accounts for a row's positions, also when its events cannot be read. */
static void
note_positions(Build *build, const EsBlockRow *row)
{
	int64		last = row->first_position;

	if (row->status == ES_BLOCK_OK)
	{
		uint32		newest = row->block.header.event_count - 1;

		last = es_block_position(&row->block, newest);
		build->last_recorded_at = Max(build->last_recorded_at,
									  es_block_recorded_at(&row->block, newest));
	}
	build->last_position = Max(build->last_position, last);
}

static void
read_row(Build *build, HeapTuple tuple, Buffer buffer, Pending *pending)
{
	EsBlockRow	row;
	uint64		owner;

	if (!row_counts(tuple, buffer, &owner))
		return;
	es_row_open(&row, build->blocks, tuple, InvalidBuffer, false);
	note_positions(build, &row);
	build->small_blocks += row.size > 0 && es_block_is_small(row.size) && !es_row_has_large(&row);
	if (!collect_row(build, &row, owner, pending))
	{
		/* runs may know what is damaged */
		build->overflows |= build->has_runs;
		build->store->damaged |= row.first_position <= 0 || row.first_position >= build->known_before;
	}
	if (row.status != ES_BLOCK_OK)
		es_ids_set_incomplete(&build->store->index);	/* what time was it? */
	IncrBufferRefCount(buffer);
	pending->buffers[pending->row_count++] = buffer;
	if (pending->row_count == MAX_PENDING_ROWS || pending->count >= MAX_PENDING)
		enter_pending(build, pending);
	if (owner == 0)
		return;
	if (TransactionIdIsCurrentTransactionId((TransactionId) owner))
		build->own_events = true;
	else
		es_slot_restore_prepared(MyDatabaseId, owner, row.first_position);
}

/* ------------------------------------------------------------------- the log */

/* Reads all of the table, as it lies there. */
static void
read_all_rows(Build *build, Pending *pending)
{
	EsStore    *store = build->store;
	TableScanDesc scan = table_beginscan_strat(build->blocks, SnapshotAny, 0, NULL,
											   true, false);
	HeapScanDesc heap_scan = (HeapScanDesc) scan;
	HeapTuple	tuple;

	pg_atomic_write_u64(&store->blocks_total, heap_scan->rs_nblocks);
	while (!build->overflows && (tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		read_row(build, tuple, heap_scan->rs_cbuf, pending);
		pg_atomic_write_u64(&store->blocks_read, ItemPointerGetBlockNumber(&tuple->t_self) + 1);
	}
	pg_atomic_write_u64(&store->blocks_read, heap_scan->rs_nblocks);
	table_endscan(scan);
}

/* Enters the ids of events that runs have. */
static void
read_old_ids(Build *build)
{
	TableScanDesc scan = table_beginscan_strat(build->blocks, SnapshotAny, 0, NULL, true, false);
	HeapTuple	tuple;

	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		EsBlockRow	row;
		EsStoredEvent stored;
		char		strings[ES_BLOCK_HEAD_ROOM];
		uint64		owner;

		CHECK_FOR_INTERRUPTS();
		if (!row_counts(tuple, ((HeapScanDesc) scan)->rs_cbuf, &owner))
			continue;
		es_row_open(&row, build->blocks, tuple, InvalidBuffer, false);
		if (row.status != ES_BLOCK_OK)
			es_ids_set_incomplete(&build->store->index);
		for (uint32 i = 0; row.status == ES_BLOCK_OK && i < row.block.header.event_count; i++)
		{
			if (es_block_read_head(&row.block, i, strings, &stored) == ES_BLOCK_OK &&
				stored.position <= build->known_through)
				es_id_buffer_add(&build->ids, stored.event.event_id, stored.recorded_at,
								 es_posting(ItemPointerGetBlockNumber(&tuple->t_self),
											ItemPointerGetOffsetNumber(&tuple->t_self), i));
		}
	}
	table_endscan(scan);
}

/* Reads the log from the block on that begins here. */
static void
read_rows_from(Build *build, int64 position, Pending *pending)
{
	EsStore    *store = build->store;
	BlockNumber page = InvalidBlockNumber;
	EsLogScan	scan;

	es_log_scan_begin(&scan, build->blocks, SnapshotAny, position, false);
	while (es_log_scan_next(&scan))
	{
		HeapTuple	tuple = &scan.row.tuple;

		if (ItemPointerGetBlockNumber(&tuple->t_self) != page)
			pg_atomic_fetch_add_u64(&store->blocks_read, 1);
		page = ItemPointerGetBlockNumber(&tuple->t_self);
		read_row(build, tuple, ((BufferHeapTupleTableSlot *) scan.slot)->buffer, pending);
	}
	es_log_scan_end(&scan);
	pg_atomic_write_u64(&store->blocks_total, pg_atomic_read_u64(&store->blocks_read));
}

/* ------------------------------------------------------------------ the runs */

/*
 * Where the last block begins in which runs have an event, which may have been merged with
 * what follows; 0: that cannot be read.
 */
static int64
last_known_block(Build *build)
{
	int64		start = 0;
	EsLogScan	scan;

	es_log_scan_begin(&scan, build->blocks, SnapshotSelf, build->store->runs_through, true);
	if (es_log_scan_next(&scan) && scan.row.status == ES_BLOCK_OK &&
		scan.row.first_position <= build->store->runs_through)
		start = scan.row.first_position;
	es_log_scan_end(&scan);
	return start;
}

static void
add_tenant(void *arg, EsSlice tenant_id)
{
	es_store_add_tenant(((Build *) arg)->store, tenant_id);
}

/*
 * Takes sorted runs for what they know.  Returns whether there are ids among it which the
 * index must have.
 */
static bool
trust_runs(Build *build, const EsRunList *list)
{
	EsStore    *store = build->store;
	EsCounts   *counts = &store->index.counts;
	int64		timeless_ids = 0;

	store->runs_xid = es_runs_newest_xid(list);
	for (uint32 i = 0; i < list->count; i++)
	{
		const EsRun *run = &list->runs[i];

		if (run->merged && store->merged_through == store->runs_through)
			store->merged_through = run->last_position;
		store->runs_through = store->shed_through = run->last_position;
		counts->events += (uint64) run->events;
		counts->entities += (uint64) run->entities;
		timeless_ids += run->timeless_ids;
	}
	store->index.partial = 1;
	es_runs_tenants(build->blocks, add_tenant, build);
	build->last_position = build->known_through = store->runs_through;
	build->known_before = last_known_block(build);
	return timeless_ids > 0;
}

/* Empties the index, for what will be read. */
static void
begin_reading(Build *build, Pending *pending)
{
	EsStore    *store = build->store;

	es_index_reset(es_pool, &store->index);
	store->damaged = false;
	pg_atomic_write_u64(&store->blocks_read, 0);
	while (!es_index_init(es_pool, &store->index))
		es_store_find_memory(store);
	es_id_buffer_begin(&build->ids, &store->index);
	store->runs_through = store->shed_through = store->runs_tried = store->merged_through = 0;
	store->runs_xid = 0;
	build->known_through = build->known_before = 0;
	build->small_blocks = 0;
	pending->count = pending->row_count = 0;
	pending->strings_size = 0;
}

/* Will postings of all that is in runs leave the index enough room? */
static bool
is_much(const EsRunList *list)
{
	double		room = (double) es_pool_segment_count(es_pool) * ES_SEGMENT_SIZE * es_shed_at_percent / 100;
	double		events = 0;

	for (uint32 i = 0; i < list->count; i++)
		events += (double) list->runs[i].events;
	return events * BYTES_PER_EVENT >= room;
}

/* On a standby only runs are taken for what they know; follow.c enters the rest. */
static void
follow_runs(Build *build, const EsRunList *list)
{
	EsStore    *store = build->store;

	(void) trust_runs(build, list);
	es_ids_set_incomplete(&store->index);
	memset(&store->followed, 0, sizeof(store->followed));
	store->followed.end = store->runs_through;
	store->followed_runs = es_runs_newest_xid(list);
	pg_atomic_write_u64(&store->followed_lsn, 0);
	pg_atomic_write_u32(&store->follows, 1);
}

/*
 * Reads all of the log as long as that fits well, so that all postings are there.
 * Otherwise what sorted runs know, and the log behind them.
 */
static void
read_log(Build *build)
{
	Pending    *pending = palloc(sizeof(Pending));
	const EsRunList *list = es_runs_list(build->blocks);

	begin_reading(build, pending);
	pg_atomic_write_u32(&build->store->follows, 0);
	if (RecoveryInProgress())
	{
		follow_runs(build, list);
		pfree(pending);
		return;
	}
	build->has_runs = list->count > 0 && list->runs[list->count - 1].last_position <= build->reserved;
	build->overflows = build->has_runs && is_much(list);
	if (!build->overflows)
		read_all_rows(build, pending);
	if (build->overflows)
	{
		enter_pending(build, pending);
		begin_reading(build, pending);
		build->has_runs = build->overflows = false;
		if (trust_runs(build, list))
			read_old_ids(build);
		read_rows_from(build, build->known_before, pending);
	}
	enter_pending(build, pending);
	es_id_buffer_flush(&build->ids);
	pfree(pending);
}

/* Ids must not be why nothing can be appended. */
static void
make_room(EsStore *store)
{
	if (es_pool_free_count(es_pool) <= store->index.arena.reserve)
		(void) es_ids_give_up(es_pool, &store->index);
}

/*
 * Positions go on after all that may ever have been given out, by this server
 * or, if the sequence was restored, by the one that was dumped.
 */
static void
restore_positions(Build *build, bool same_table, int64 reserved)
{
	EsStore    *store = build->store;

	SpinLockAcquire(&store->position_lock);
	if (!same_table || reserved > store->position_limit)
	{
		store->next_position = reserved + 1;
		store->position_limit = reserved;
	}
	if (!same_table)
	{
		store->last_recorded_at = DT_NOBEGIN;
		store->sample_count = 0;
	}
	if (store->next_position <= build->last_position)
	{
		store->next_position = build->last_position + 1;
		store->position_limit = Max(store->position_limit, build->last_position);
	}
	store->last_recorded_at = Max(store->last_recorded_at, build->last_recorded_at);
	SpinLockRelease(&store->position_lock);
}

/*
 * After a promotion: enters what is in the log from a position on, up to which the index has
 * all, with what prepared transactions own, and has positions go on.  Others may read the index
 * meanwhile, but not write it.
 */
void
es_index_take_over(EsStore *store, Relation blocks, int64 position, int64 reserved)
{
	Build		build = {
		.store = store,.blocks = blocks,.reserved = reserved,.last_recorded_at = DT_NOBEGIN,
		.known_through = position - 1
	};
	Pending    *pending = palloc(sizeof(Pending));
	EsLogScan	scan;

	pending->count = pending->row_count = 0;
	pending->strings_size = 0;
	es_id_buffer_begin(&build.ids, &store->index);
	es_log_scan_begin(&scan, blocks, SnapshotSelf, PG_INT64_MAX, true);
	if (es_log_scan_next(&scan) && scan.row.status == ES_BLOCK_OK)
		note_positions(&build, &scan.row);
	es_log_scan_end(&scan);
	build.known_before = es_log_block_start(blocks, SnapshotSelf, position);
	read_rows_from(&build, build.known_before, pending);
	enter_pending(&build, pending);
	es_id_buffer_flush(&build.ids);
	pfree(pending);
	restore_positions(&build, true, reserved);
	pg_atomic_write_u64(&store->compaction.small_blocks, Max(build.small_blocks, 1));
}

/*
 * Builds the index of the store, of which the caller is the builder.  'reserved'
 * is the last value of the position sequence; to read it may wait for a lock,
 * which a builder must not.  On error the caller empties the index.
 */
void
es_index_build(EsStore *store, Relation blocks, int64 reserved)
{
	Build		build = {.store = store,.blocks = blocks,.reserved = reserved,.last_recorded_at = DT_NOBEGIN};
	bool		same_table = store->relid == RelationGetRelid(blocks);
	instr_time	start;
	instr_time	duration;

	INSTR_TIME_SET_CURRENT(start);
	es_session_index_leaves(store, RelationGetRelid(blocks));
	if (OidIsValid(store->relid) && !same_table)
		es_counters_reset(store);	/* they are of a dropped one */
	store->generation++;
	store->relid = InvalidOid;
	read_log(&build);
	es_index_built(es_pool, &store->index);
	make_room(store);
	restore_positions(&build, same_table, reserved);
	pg_atomic_write_u64(&store->compaction.small_blocks, build.small_blocks);
	store->relid = RelationGetRelid(blocks);
	store->storage = es_relation_storage(blocks);
	es_session_index_built(store, build.own_events);
	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	pg_atomic_write_u64(&store->built_us, INSTR_TIME_GET_MICROSEC(duration));
}
