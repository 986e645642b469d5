/*-------------------------------------------------------------------------
 *
 * read.c
 *	  Reads events: of an entity, along the log, one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "log/log_scan.h"
#include "log/horizon.h"
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

/* ---------------------------------------------------------------- the log */

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
	horizon = es_horizon(reading.snapshot);
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
	end_reading(&reading);
}
