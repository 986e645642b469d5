/*-------------------------------------------------------------------------
 *
 * read.c
 *	  Reads events: of an entity, along the log, one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "log/entity_scan.h"
#include "log/log_scan.h"
#include "log/position.h"
#include "log/read.h"
#include "log/store.h"

/* A read in progress. */
typedef struct Reading
{
	EsOpenStore open;
	Snapshot	snapshot;
	EsSink	   *sink;
	MemoryContext per_event;
	int64		delivered;
} Reading;

/*
 * Opens the store for reading with this snapshot.  A serializable transaction
 * locks the whole table against being read past: coarse, but never wrong.
 */
static void
begin_reading(Reading *reading, EsSink *sink)
{
	memset(reading, 0, sizeof(*reading));
	es_store_open(&reading->open, AccessShareLock);
	reading->snapshot = GetActiveSnapshot();
	reading->sink = sink;
	reading->per_event = AllocSetContextCreate(CurrentMemoryContext, "eventstore event",
											   ALLOCSET_DEFAULT_SIZES);
	PredicateLockRelation(reading->open.blocks, reading->snapshot);
}

static void
end_reading(Reading *reading)
{
	MemoryContextDelete(reading->per_event);
	es_store_close(&reading->open);
}

static void
deliver(Reading *reading, const EsStoredEvent *stored)
{
	reading->sink->receive(reading->sink->arg, stored);
	reading->delivered++;
}

/* Reads an event of a row and delivers it. */
static void
deliver_from_row(Reading *reading, EsBlockRow *row, uint32 ordinal)
{
	MemoryContext before = MemoryContextSwitchTo(reading->per_event);
	EsStoredEvent stored;

	es_row_event_checked(row, ordinal, &stored);
	deliver(reading, &stored);
	MemoryContextSwitchTo(before);
	MemoryContextReset(reading->per_event);
}

/* --------------------------------------------------------------- entities */

/*
 * Delivers events of an entity in the order of their versions, or backward.
 */
void
es_read_entity(const EsEntityQuery *query, EsSink *sink)
{
	EsEntityRange range = {
		.one_tenant = true,
		.tenant_id = query->tenant_id,
		.entity_id = query->entity_id,
		.first_version = query->backward ? 1 : query->from_version,
		.last_version = query->backward && query->from_version > 0 ? query->from_version : PG_INT64_MAX,
		.backward = query->backward,
		.heads_only = true
	};
	EsEntityScan scan;
	const EsStoredEvent *stored;
	MemoryContext before = CurrentMemoryContext;
	int64		left = query->max_count;

	es_entity_scan_begin(&scan, GetActiveSnapshot(), &range);
	while (left > 0 && (stored = es_entity_scan_next(&scan)) != NULL)
	{
		if (query->event_type.size > 0 &&
			!es_slice_equal(query->event_type, stored->event.event_type))
			continue;
		es_entity_scan_complete(&scan);
		MemoryContextSwitchTo(scan.per_event);
		sink->receive(sink->arg, stored);
		MemoryContextSwitchTo(before);
		left--;
	}
	es_entity_scan_end(&scan);
}

/* The last version of an entity that the snapshot sees; 0: none. */
int64
es_read_entity_version(EsSlice tenant_id, EsSlice entity_id)
{
	EsEntityRange range = {
		.one_tenant = true,
		.tenant_id = tenant_id,
		.entity_id = entity_id,
		.last_version = PG_INT64_MAX,
		.backward = true,
		.heads_only = true
	};
	EsEntityScan scan;
	const EsStoredEvent *stored;
	int64		version;

	es_entity_scan_begin(&scan, GetActiveSnapshot(), &range);
	stored = es_entity_scan_next(&scan);
	version = stored == NULL ? 0 : stored->version;
	es_entity_scan_end(&scan);
	return version;
}

/* ---------------------------------------------------------------- the log */

/*
 * Takes the position up to which the log is settled, and the snapshot that
 * sees all of it.  Where the transaction renews its snapshots, the snapshot is
 * taken after the position; see position.c.
 */
static int64
settle(Reading *reading)
{
	int64		horizon;

	if (IsolationUsesXactSnapshot())
	{
		reading->snapshot = RegisterSnapshot(reading->snapshot);
		return es_positions_snapshot_horizon(reading->open.blocks, reading->snapshot);
	}
	horizon = es_positions_horizon(reading->open.store);
	reading->snapshot = RegisterSnapshot(GetLatestSnapshot());
	return horizon;
}

static bool
is_of_tenant(EsBlock *block, uint32 ordinal, EsSlice tenant_id)
{
	EsStoredEvent stored;
	char		strings[ES_BLOCK_HEAD_ROOM];
	EsBlockStatus status = es_block_read_head(block, ordinal, strings, &stored);

	if (status != ES_BLOCK_OK)
		es_report_damage(block->header.first_position + ordinal, status);
	return es_slice_equal(stored.event.tenant_id, tenant_id);
}

/* Delivers what is wanted of the scan's current block. */
static void
deliver_block(Reading *reading, EsLogScan *scan, const EsLogQuery *query, int64 horizon)
{
	EsBlock    *block = es_log_scan_block(scan);

	for (uint32 i = 0; i < block->header.event_count &&
		 reading->delivered < query->max_count; i++)
	{
		int64		position = block->header.first_position + i;

		if (position <= query->after_position)
			continue;
		if (position > horizon)
			break;
		if (!query->one_tenant || is_of_tenant(block, i, query->tenant_id))
			deliver_from_row(reading, &scan->row, i);
	}
}

static bool
is_before(EsLogScan *scan, int64 position)
{
	return scan->row.status == ES_BLOCK_OK &&
		scan->row.first_position + scan->row.block.header.event_count <= position;
}

/*
 * Delivers events in log order, never past the position up to which the log is
 * settled.
 */
void
es_read_log(const EsLogQuery *query, EsSink *sink)
{
	Reading		reading;
	EsLogScan	scan;
	int64		horizon;

	begin_reading(&reading, sink);
	horizon = settle(&reading);
	if (query->after_position < horizon)
	{
		es_log_scan_begin(&scan, reading.open.blocks, reading.snapshot,
						  es_log_block_start(reading.open.blocks, reading.snapshot,
											 query->after_position + 1), false);
		while (reading.delivered < query->max_count && es_log_scan_next(&scan) &&
			   scan.row.first_position <= horizon)
		{
			if (!is_before(&scan, query->after_position + 1))
				deliver_block(&reading, &scan, query, horizon);
		}
		es_log_scan_end(&scan);
	}
	UnregisterSnapshot(reading.snapshot);
	end_reading(&reading);
}

int64
es_read_safe_position(void)
{
	Reading		reading;
	int64		horizon;

	begin_reading(&reading, NULL);
	horizon = settle(&reading);
	UnregisterSnapshot(reading.snapshot);
	end_reading(&reading);
	return horizon;
}

/* Delivers the event at this position, if the snapshot sees one. */
void
es_read_position(int64 position, EsSink *sink)
{
	Reading		reading;
	EsLogScan	scan;

	begin_reading(&reading, sink);
	es_log_scan_begin(&scan, reading.open.blocks, reading.snapshot, position, true);
	if (es_log_scan_next(&scan) && !is_before(&scan, position))
	{
		const EsBlock *block = es_log_scan_block(&scan);

		deliver_from_row(&reading, &scan.row, (uint32) (position - block->header.first_position));
	}
	es_log_scan_end(&scan);
	end_reading(&reading);
}

/* Delivers all events that the snapshot sees, in no order. */
void
es_read_everything(EsSink *sink)
{
	Reading		reading;
	TableScanDesc scan;
	HeapTuple	tuple;

	begin_reading(&reading, sink);
	scan = table_beginscan(reading.open.blocks, reading.snapshot, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		EsBlockRow	row;

		CHECK_FOR_INTERRUPTS();
		es_row_open(&row, reading.open.blocks, tuple);
		if (row.status != ES_BLOCK_OK)
			es_report_damage(row.first_position, row.status);
		for (uint32 i = 0; i < row.block.header.event_count; i++)
			deliver_from_row(&reading, &row, i);
	}
	table_endscan(scan);
	end_reading(&reading);
}
