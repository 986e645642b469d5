/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Reads single events by posting.
 *
 * A posting only says where to look.  The line pointer may meanwhile hold
 * another row, so what is found counts only if it is the version of the entity
 * that was looked for, in a row that the snapshot sees.
 *
 * Compaction merges rows into others.  It has postings lead to the new rows before it
 * commits, so whoever sees them is led to them; who does not finds there, in a row that
 * he does not see, at which position the event is, and with it, through the index on
 * first_position, the row that he sees.  If compaction fails the postings go back after
 * its rows are dead to all.  So if a version is not found that has been committed, the
 * posting is looked at again until nothing is being moved; what is not known to be
 * committed is never moved.
 *
 * What is in sorted runs may have no posting any more.  Then a run tells the position, and
 * the same index leads to the row.
 *
 * The index on first_position would lead an old snapshot back over all that was added
 * since.  So what lies behind the last block that it sees is not looked for; which one that
 * is, a backend remembers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/hash.h"
#include "log/moves.h"
#include "log/position.h"
#include "log/reader.h"
#include "log/stores.h"
#include "log/verified.h"
#include "pg/errors.h"

/* What looking at a place has come to. */
typedef enum Look
{
	LOOK_SEEN,					/* an event that the snapshot sees */
	LOOK_UNSEEN,				/* one that it does not see, or none */
	LOOK_DAMAGED
} Look;

void
es_reader_begin(EsReader *reader, Relation blocks, Snapshot snapshot)
{
	memset(reader, 0, offsetof(EsReader, log));
	reader->store = es_store_mine();
	reader->blocks = blocks;
	reader->snapshot = snapshot;
	reader->buffer = InvalidBuffer;
	reader->context = CurrentMemoryContext;
	reader->fetches = 0;
}

static void
unpin(EsReader *reader)
{
	if (BufferIsValid(reader->buffer))
		ReleaseBuffer(reader->buffer);
	reader->buffer = InvalidBuffer;
}

void
es_reader_end(EsReader *reader)
{
	unpin(reader);
	if (reader->log_open)
		es_log_scan_end(&reader->log);
	reader->log_open = reader->at_row = false;
	if (reader->runs_open)
	{
		es_run_reader_end(&reader->runs);
		pfree(reader->positions);
	}
	reader->runs_open = false;
}

/* Pins the row that a posting points to; false when there is none. */
static bool
fetch_row(EsReader *reader, EsPosting posting)
{
	ItemPointerData tid;

	if (posting == 0)
		return false;
	ItemPointerSet(&tid, es_posting_heap_block(posting), es_posting_heap_offset(posting));
	if (BufferIsValid(reader->buffer) && reader->seen && ItemPointerEquals(&tid, &reader->tuple.t_self))
		return true;
	unpin(reader);
	if (!es_page_exists(reader->blocks, ItemPointerGetBlockNumber(&tid)))
		return false;
	reader->tuple.t_self = tid;
	reader->seen = heap_fetch(reader->blocks, reader->snapshot, &reader->tuple, &reader->buffer, false);
	if (!reader->seen &&
		!heap_fetch(reader->blocks, SnapshotAny, &reader->tuple, &reader->buffer, false))
		return false;
	reader->fetches++;
	es_row_open(&reader->row, reader->blocks, &reader->tuple, reader->buffer,
				es_page_is_known(reader->blocks, reader->buffer));
	if (reader->seen)
		es_row_trust(&reader->row);
	return true;
}

/* Reads the head of the event at the ordinal of the row. */
static Look
read_head(EsReader *reader, EsStoredEvent *stored, EsBlockStatus *status)
{
	*status = es_block_read_head(&reader->row.block, reader->ordinal, reader->strings, stored);
	return *status == ES_BLOCK_OK ? LOOK_SEEN : LOOK_DAMAGED;
}

/* Goes to the last block that the snapshot sees and that begins at or before a position. */
static bool
find_block(EsReader *reader, int64 position)
{
	unpin(reader);
	if (reader->at_row && reader->log.row.status == ES_BLOCK_OK &&
		es_block_has_position(&reader->log.row.block, position))
		return true;
	if (!reader->log_open)
	{
		MemoryContext before = MemoryContextSwitchTo(reader->context);

		es_log_scan_begin(&reader->log, reader->blocks, reader->snapshot, position, true);
		MemoryContextSwitchTo(before);
		reader->log_open = true;
	}
	reader->at_row = false;		/* in case of an error */
	reader->at_row = es_log_scan_find(&reader->log, position);
	if (reader->at_row && IsMVCCSnapshot(reader->snapshot))
		es_row_trust(&reader->log.row);
	return reader->at_row;
}

/* What a snapshot sees of others, as far as that can be told from another one. */
typedef struct SeenByOthers
{
	uint64		generation;		/* of the index; raised when the table is
								 * another */
	uint64		own;			/* full xid, which is in no list of those that
								 * run; 0: none */
	TransactionId xmin;
	TransactionId xmax;
	uint64		running;		/* hash of the transactions between them */
} SeenByOthers;

/* No two snapshots of which this is the same see different rows of others. */
static SeenByOthers
seen_by_others(Snapshot snapshot)
{
	SeenByOthers key;
	EsSlice		running = {(const char *) snapshot->xip, snapshot->xcnt * sizeof(TransactionId)};
	EsSlice		parts = {(const char *) snapshot->subxip, Max(snapshot->subxcnt, 0) * sizeof(TransactionId)};

	memset(&key, 0, sizeof(key));
	key.generation = es_store_mine()->generation;
	key.own = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	key.xmin = snapshot->xmin;
	key.xmax = snapshot->xmax;
	key.running = es_stable_hash(running) ^ (es_stable_hash(parts) << 1) ^ snapshot->suboverflowed;
	return key;
}

/* The last position of the last block of another transaction that the snapshot sees; 0: none. */
static int64
find_last_seen(Relation blocks, Snapshot snapshot)
{
	EsLogScan	scan;
	int64		last = 0;

	es_log_scan_begin(&scan, blocks, snapshot, es_positions_limit(es_store_mine(), snapshot), true);
	while (last == 0 && es_log_scan_next(&scan))
	{
		if (scan.row.status != ES_BLOCK_OK)
			last = PG_INT64_MAX;
		else if (!es_log_scan_is_own(&scan))
			last = es_block_last_position(&scan.row.block);
	}
	es_log_scan_end(&scan);
	return last;
}

/* May the snapshot see what another transaction has stored at this position? */
static bool
is_in_sight(const EsReader *reader, int64 position)
{
	static SeenByOthers known;
	static bool is_known = false;
	static int64 last_seen;
	SeenByOthers key;

	if (!IsMVCCSnapshot(reader->snapshot))
		return true;
	key = seen_by_others(reader->snapshot);
	if (!is_known || memcmp(&key, &known, sizeof(key)) != 0)
	{
		is_known = false;		/* in case of an error */
		last_seen = find_last_seen(reader->blocks, reader->snapshot);
		known = key;
		is_known = true;
	}
	return position <= last_seen;
}

/* Reads the head of the event at this position, if the snapshot sees one. */
static Look
look_in_log(EsReader *reader, int64 position, EsStoredEvent *stored, EsBlockStatus *status)
{
	if (!is_in_sight(reader, position) || !find_block(reader, position))
		return LOOK_UNSEEN;
	reader->row = reader->log.row;
	reader->fetches++;
	*status = reader->row.status;
	if (*status != ES_BLOCK_OK)
		return LOOK_DAMAGED;
	if (!es_block_has_position(&reader->row.block, position))
		return LOOK_UNSEEN;
	reader->ordinal = es_block_count_before(&reader->row.block, position);
	return read_head(reader, stored, status);
}

/*
 * Reads the head of the event that a posting leads to, wherever the snapshot sees it.
 * A snapshot that changes may see what was merged as soon as it was found not to.
 */
static Look
look(EsReader *reader, EsPosting posting, EsStoredEvent *stored, EsBlockStatus *status)
{
	Look		result;

	*status = ES_BLOCK_OK;
	if (es_posting_is_position(posting))
		return look_in_log(reader, es_posting_position(posting), stored, status);
	for (int attempt = 0;; attempt++)
	{
		if (!fetch_row(reader, posting))
			return LOOK_UNSEEN;
		reader->ordinal = es_posting_ordinal(posting);
		if (reader->seen)
			*status = reader->row.status;
		if (reader->row.status != ES_BLOCK_OK)
			return reader->seen ? LOOK_DAMAGED : LOOK_UNSEEN;
		if (reader->ordinal >= reader->row.block.header.event_count)
			return LOOK_UNSEEN;
		if (reader->seen)
			return read_head(reader, stored, status);
		if (!es_block_is_merged(&reader->row.block))
			return LOOK_UNSEEN;
		result = look_in_log(reader, es_block_position(&reader->row.block, reader->ordinal),
							 stored, status);
		if (result != LOOK_UNSEEN || IsMVCCSnapshot(reader->snapshot) || attempt > 0)
			return result;
	}
}

static void
open_runs(EsReader *reader)
{
	MemoryContext before;

	if (reader->runs_open)
		return;
	before = MemoryContextSwitchTo(reader->context);
	es_run_reader_begin(&reader->runs);
	reader->positions = palloc(sizeof(EsRunPositions));
	reader->positions->count = 0;
	reader->runs_open = true;
	MemoryContextSwitchTo(before);
}

/* What runs say of a version, as es_runs_find() does. */
static int64
find_in_runs(EsReader *reader, const EsKey *key, uint32 version)
{
	open_runs(reader);
	return es_runs_find(&reader->runs, reader->blocks, key, version, reader->positions);
}

/* Do runs have the version at this position? */
bool
es_reader_runs_have(EsReader *reader, const EsHandle *handle, uint32 version, int64 position)
{
	return find_in_runs(reader, &handle->key, version) == position;
}

/* How many versions of an entity runs have, as es_runs_last_version() says it. */
int64
es_reader_ask_runs(EsReader *reader, const EsKey *key)
{
	open_runs(reader);
	return es_runs_last_version(&reader->runs, reader->blocks, key);
}

/* The same, with an error when there is damage. */
int64
es_reader_last_in_runs(EsReader *reader, const EsKey *key)
{
	int64		last = es_reader_ask_runs(reader, key);

	if (last == ES_RUNS_MISSING)
		es_runs_report_missing();
	if (last < 0)
		es_runs_report_damage(-last);
	return last;
}

/* How many versions there are of an entity, wherever that stands. */
EsVersions
es_reader_versions(EsReader *reader, EsHandle *handle)
{
	EsVersions	versions;

	while (!es_handle_versions(reader->store, handle, &versions))
		handle->in_runs = es_reader_last_in_runs(reader, &handle->key);
	return versions;
}

/* Looks for an entity; false when there is none of that name. */
bool
es_reader_find(EsReader *reader, EsSlice tenant_id, EsSlice entity_id, EsHandle *handle)
{
	return es_handle_find(reader->store, tenant_id, entity_id, handle) &&
		(handle->found.entity != NULL || es_reader_versions(reader, handle).known > 0);
}

/* The position of a version that runs know; an error when they do not. */
static int64
position_in_runs(EsReader *reader, const EsKey *key, uint32 version)
{
	int64		position = find_in_runs(reader, key, version);

	if (position < 0)
		es_runs_report_damage(-position);
	if (position == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version %u of entity \"%s\" is missing in the sorted runs", version,
						es_slice_for_message(key->entity_id)),
				 errhint("eventstore.rebuild_index() makes the sorted runs again from the log.")));
	return position;
}

/* Reads the head of a version that runs know, wherever the snapshot sees it. */
static Look
look_in_runs(EsReader *reader, const EsKey *key, uint32 version, EsStoredEvent *stored,
			 EsBlockStatus *status)
{
	int64		position = position_in_runs(reader, key, version);
	Look		result = look_in_log(reader, position, stored, status);

	if (result == LOOK_UNSEEN && !IsMVCCSnapshot(reader->snapshot))
		result = look_in_log(reader, position, stored, status); /* it was being merged */
	return result;
}

/*
 * Reads the head of whichever event is there and visible to the snapshot.  False
 * when there is none, with a *status that is not ES_BLOCK_OK when damage hides
 * the answer.
 */
bool
es_reader_any(EsReader *reader, EsPosting posting, EsStoredEvent *stored, EsBlockStatus *status)
{
	return look(reader, posting, stored, status) == LOOK_SEEN;
}

/* The page of the table on which the event lies that was read last. */
BlockNumber
es_reader_page(const EsReader *reader)
{
	return ItemPointerGetBlockNumber(&reader->row.tuple.t_self);
}

static bool
is_wanted(const EsStoredEvent *stored, const EsKey *key, uint32 version)
{
	return stored->version == version &&
		es_slice_equal(stored->event.entity_id, key->entity_id) &&
		es_slice_equal(stored->event.tenant_id, key->tenant_id);
}

/* The same, of this version of the entity. */
bool
es_reader_look(EsReader *reader, EsHandle *handle, uint32 version, EsStoredEvent *stored,
			   EsBlockStatus *status)
{
	for (;;)
	{
		uint32		moves = es_moves_count();
		EsPosting	posting = es_handle_posting(reader->store, handle, version);
		Look		result = look(reader, posting, stored, status);
		EsVersions	versions;

		if (result == LOOK_SEEN && is_wanted(stored, &handle->key, version))
			return true;
		if (result == LOOK_DAMAGED)
			return false;
		versions = es_reader_versions(reader, handle);
		if (posting == 0 && version <= versions.in_runs)
			return look_in_runs(reader, &handle->key, version, stored, status) == LOOK_SEEN &&
				is_wanted(stored, &handle->key, version);
		if (es_handle_posting(reader->store, handle, version) != posting)
			continue;			/* it was taken away or moved meanwhile */
		if (version > versions.committed || !es_moves_passed(moves))
			return false;
	}
}

/* The same, with an error when there is damage. */
bool
es_reader_head(EsReader *reader, EsHandle *handle, uint32 version, EsStoredEvent *stored)
{
	EsBlockStatus status;
	bool		visible = es_reader_look(reader, handle, version, stored, &status);

	if (status != ES_BLOCK_OK)
		es_report_damage(es_row_position(&reader->row, reader->ordinal), status);
	return visible;
}

/*
 * Completes an event whose head was read.  Its fields are good until the
 * reader's next call, and until the current memory context, in which they are
 * put together, is reset.
 */
void
es_reader_complete(EsReader *reader, EsStoredEvent *stored)
{
	EsBlockStatus status = es_row_body(&reader->row, palloc(es_block_body_room(&reader->row.block)),
									   stored);

	if (status != ES_BLOCK_OK)
		es_report_damage(stored->position, status);
}
