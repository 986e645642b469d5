/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Proves that blocks, log and index agree, or says where they do not.
 *
 * One pass over the log in order checks every checksum, that positions and
 * times do not go back, and that the index finds each event where it is; then
 * every entity's versions must be as many as the last one says, and the index
 * must not know of more than the log has.  Writers may go on meanwhile: what
 * they commit is not visible to the snapshot of the pass, and is looked up
 * before it is called missing.
 *
 * Sorted runs must have the events of their positions, each once, and no others.  Looking
 * each up would take long; so of all that the log has, and of all that the runs have,
 * hashes are added up, and only if the sums differ is each looked up.  Entities are told apart
 * by their hash, whose secret nobody knows; so even of those that the index has let go it is
 * known what was seen.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/block_vectors.h"
#include "core/hash.h"
#include "log/entities.h"
#include "log/follow.h"
#include "log/ids.h"
#include "log/log_scan.h"
#include "log/reader.h"
#include "log/runs.h"
#include "log/store.h"
#include "log/verify.h"
#include "log/xact.h"

/* What the pass has seen of an entity. */
typedef struct Seen
{
	uint64		hash;			/* of the entity: the key */
	uint32		count;
	uint32		last_version;
	int64		last_position;	/* of that version */
} Seen;

typedef struct Verifier
{
	EsOpenStore open;
	Snapshot	snapshot;
	EsProblemSink sink;
	void	   *arg;
	HTAB	   *seen;
	MemoryContext per_event;
	EsReader	reader;			/* sees what is committed by now */
	EsReader	snapshot_reader;
	EsRunList	runs;			/* that the snapshot sees; a copy */
	int64		runs_end;		/* last position of those; 0: there are none */
	uint64		log_sum;		/* of the log's events up to there */
	uint64		run_sum;		/* of the runs' */
	bool		runs_damaged;
	bool		log_damaged;
	int64		rows;
	int64		last_position;
	int64		last_recorded_at;
} Verifier;

static void
report(Verifier *verifier, const char *severity, int64 position, EsSlice entity_id,
	   const char *text)
{
	EsProblem	problem = {severity, position, entity_id, text};

	verifier->sink(verifier->arg, &problem);
}

static const EsSlice no_entity = {NULL, 0};

/* ---------------------------------------------------------------- the log */

static void
note_seen(Verifier *verifier, uint64 hash, const EsStoredEvent *stored)
{
	uint32		version = (uint32) stored->version;
	bool		found;
	Seen	   *seen = hash_search(verifier->seen, &hash, HASH_ENTER, &found);

	if (!found)
		seen->count = seen->last_version = 0;
	seen->count++;
	if (version < seen->last_version)
		return;
	seen->last_version = version;
	seen->last_position = stored->position;
}

/* How many versions the index knows, or runs; false when damage of runs hides it. */
static bool
find_versions(Verifier *verifier, EsHandle *handle, EsVersions *versions)
{
	while (!es_handle_versions(verifier->open.store, handle, versions))
	{
		int64		last = es_reader_ask_runs(&verifier->reader, &handle->key);

		if (last < 0)
			return false;
		handle->in_runs = last;
	}
	return true;
}

/*
 * Does the index lead to the version where the snapshot of the pass sees it?  When it was
 * merged since, not to this place, but from the other one to its position.
 */
static bool
leads_to(Verifier *verifier, EsHandle *handle, const EsStoredEvent *stored, EsPosting place)
{
	EsReader   *reader = &verifier->snapshot_reader;
	uint32		version = (uint32) stored->version;
	EsPosting	posting = es_handle_posting(verifier->open.store, handle, version);
	EsVersions	versions;
	EsStoredEvent found;
	EsBlockStatus status;

	if (posting == 0 && (stored->position <= verifier->runs_end || !find_versions(verifier, handle, &versions)))
		return true;			/* that is for verify_runs() */
	if (posting == 0 && version <= versions.in_runs)
		return es_reader_runs_have(reader, handle, version, stored->position);
	return posting == place ||
		(es_reader_look(reader, handle, version, &found, &status) && found.position == stored->position);
}

/* The same of the event's id. */
static bool
id_leads_to(Verifier *verifier, const EsStoredEvent *stored, EsPosting place)
{
	const EsIndex *index = &verifier->open.store->index;

	return es_id_has_time(stored->event.event_id, stored->recorded_at) ||
		es_id_is_indexed(index, stored->event.event_id, place) ||
		es_id_leads_to(index, &verifier->snapshot_reader, stored->event.event_id, stored->position);
}

/* An event and its place, for sums. */
static uint64
hash_of_place(uint64 entity, int64 version, int64 position)
{
	int64		words[] = {(int64) entity, version, position};

	return es_stable_hash(es_slice((const char *) words, sizeof(words)));
}

/*
 * Does the index know of the version?  If it has let the entity go, runs do; of a position
 * that they have, and of damage in them, verify_runs() tells.
 */
static bool
is_known(Verifier *verifier, EsHandle *handle, const EsStoredEvent *stored)
{
	EsVersions	versions;

	return (handle->found.entity == NULL && stored->position <= verifier->runs_end) ||
		!find_versions(verifier, handle, &versions) || stored->version <= versions.known;
}

/* The index must find the event here. */
static void
verify_posting(Verifier *verifier, const EsBlockRow *row, uint32 ordinal,
			   const EsStoredEvent *stored)
{
	const EsEvent *event = &stored->event;
	ItemPointerData tid = row->tuple.t_self;
	EsPosting	expected = es_posting(ItemPointerGetBlockNumber(&tid),
									  ItemPointerGetOffsetNumber(&tid), ordinal);
	EsHandle	handle;

	if (!es_handle_find(verifier->open.store, event->tenant_id, event->entity_id, &handle) ||
		stored->version < 1 || stored->version > ES_MAX_VERSION ||
		!is_known(verifier, &handle, stored))
		report(verifier, "error", stored->position, event->entity_id,
			   psprintf("version " INT64_FORMAT " is not in the entity index", stored->version));
	else if (!leads_to(verifier, &handle, stored, expected))
		report(verifier, "error", stored->position, event->entity_id,
			   psprintf("the entity index has another place for version " INT64_FORMAT, stored->version));
	if (!id_leads_to(verifier, stored, expected))
		report(verifier, "error", stored->position, event->entity_id,
			   "the event's id is not in the entity index");
	if (event->entity_id.size == 0 || event->entity_id.size > ES_MAX_ENTITY_ID)
		return;
	note_seen(verifier, handle.key.hash, stored);
	if (stored->position <= verifier->runs_end)
		verifier->log_sum += hash_of_place(handle.key.hash, stored->version, stored->position);
}

static void
verify_event(Verifier *verifier, EsBlockRow *row, uint32 ordinal)
{
	EsStoredEvent stored;
	EsBlockStatus status = es_row_event(row, ordinal, &stored);
	bool		has_head = status == ES_BLOCK_OK || status == ES_BLOCK_BAD_BODY_CRC ||
	status == ES_BLOCK_LARGE_MISSING;

	if (status != ES_BLOCK_OK)
		report(verifier, "error", es_row_position(row, ordinal),
			   has_head ? stored.event.entity_id : no_entity, es_block_status_text(status));
	verifier->log_damaged |= !has_head;
	if (has_head)
		verify_posting(verifier, row, ordinal, &stored);
}

/* Positions and times only grow along the log. */
static void
verify_order(Verifier *verifier, const EsBlockRow *row)
{
	const EsBlock *block = &row->block;

	if (row->first_position <= verifier->last_position)
		report(verifier, "error", row->first_position, no_entity,
			   "block overlaps the block before it");
	if (es_block_recorded_at(block, 0) < verifier->last_recorded_at)
		report(verifier, "error", row->first_position, no_entity,
			   "recorded_at is earlier than that of the block before");
	verifier->last_position = es_block_last_position(block);
	verifier->last_recorded_at = es_block_recorded_at(block, block->header.event_count - 1);
}

static void
verify_row(Verifier *verifier, EsBlockRow *row)
{
	verifier->rows++;
	row->block.verified = false;	/* all checksums are computed anew */
	if (row->status != ES_BLOCK_OK)
	{
		verifier->log_damaged = true;
		report(verifier, "error", row->first_position, no_entity,
			   es_block_status_text(row->status));
		return;
	}
	verify_order(verifier, row);
	if (es_block_is_merged(&row->block) && !es_vectors_check_log(&row->block))
		report(verifier, "error", row->first_position, no_entity,
			   "positions or times in the block go back");
	for (uint32 i = 0; i < row->block.header.event_count; i++)
	{
		MemoryContext before = MemoryContextSwitchTo(verifier->per_event);

		verify_event(verifier, row, i);
		MemoryContextSwitchTo(before);
		MemoryContextReset(verifier->per_event);
	}
}

static void
verify_log(Verifier *verifier)
{
	EsLogScan	scan;

	es_log_scan_begin(&scan, verifier->open.blocks, verifier->snapshot, 0, false);
	scan.anew = true;
	while (es_log_scan_next(&scan))
		verify_row(verifier, &scan.row);
	es_log_scan_end(&scan);
}

/* The index on first_position must lead to every row. */
static void
verify_row_count(Verifier *verifier)
{
	TableScanDesc scan = table_beginscan(verifier->open.blocks, verifier->snapshot, 0, NULL);
	int64		rows = 0;

	while (heap_getnext(scan, ForwardScanDirection) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		rows++;
	}
	table_endscan(scan);
	if (rows != verifier->rows)
		report(verifier, "error", 0, no_entity,
			   psprintf("the index on first_position leads to " INT64_FORMAT " of " INT64_FORMAT " blocks",
						verifier->rows, rows));
}

/* ---------------------------------------------------------------- the runs */

/* Adds up an entry; false when it is not as it must be. */
static bool
add_entry(Verifier *verifier, const EsRun *run, const EsRunEntry *entry)
{
	int64		positions[ES_RUN_MAX_POSITIONS];
	uint64		entity;

	if (entry->entity_id.size == 0 || entry->entity_id.size > ES_MAX_ENTITY_ID ||
		entry->tenant_id.size > ES_MAX_TENANT_ID || !es_run_entry_positions(entry, positions) ||
		positions[0] < run->first_position || positions[entry->count - 1] > run->last_position ||
		entry->key.hash != es_run_hash(run->seed, entry->tenant_id, entry->entity_id))
		return false;
	entity = es_key_hash(entry->tenant_id, entry->entity_id);
	for (uint32 i = 0; i < entry->count; i++)
		verifier->run_sum += hash_of_place(entity, (int64) entry->key.version + i, positions[i]);
	return true;
}

static bool
verify_run(Verifier *verifier, EsRunReader *reader, const EsRun *run)
{
	EsRunCursor *cursor = palloc(sizeof(EsRunCursor));
	EsRunKey	before = {0, 0};
	int64		events = 0;

	es_run_cursor_begin(cursor, reader, run);
	while (es_run_cursor_next(cursor))
	{
		CHECK_FOR_INTERRUPTS();
		if (es_run_key_compare(cursor->entry.key, before) < 0 ||
			!add_entry(verifier, run, &cursor->entry))
			return false;
		before = cursor->entry.key;
		events += cursor->entry.count;
	}
	return !cursor->damaged && events == run->events;
}

/* Looks up each event that runs should have; returns how many they do not have there. */
static uint64
look_up_in_runs(Verifier *verifier)
{
	EsLogScan	scan;
	uint64		missing = 0;

	es_log_scan_begin(&scan, verifier->open.blocks, verifier->snapshot, 0, false);
	while (es_log_scan_next(&scan) && scan.row.first_position <= verifier->runs_end)
	{
		EsBlock    *block = &scan.row.block;

		for (uint32 i = 0; scan.row.status == ES_BLOCK_OK && i < block->header.event_count; i++)
		{
			char		strings[ES_BLOCK_HEAD_ROOM];
			EsStoredEvent stored;
			EsHandle	handle = {.key = {.hash = 0}};

			if (es_block_read_head(block, i, strings, &stored) != ES_BLOCK_OK)
				continue;
			handle.key.tenant_id = stored.event.tenant_id;
			handle.key.entity_id = stored.event.entity_id;
			if (es_reader_runs_have(&verifier->snapshot_reader, &handle, (uint32) stored.version, stored.position))
				continue;
			report(verifier, "error", stored.position, stored.event.entity_id,
				   psprintf("the sorted runs have another place for version " INT64_FORMAT, stored.version));
			missing++;
		}
	}
	es_log_scan_end(&scan);
	return missing;
}

static void
verify_runs(Verifier *verifier)
{
	EsRunReader reader;

	if (!es_runs_are_whole(verifier->open.blocks))
		report(verifier, "error", 0, no_entity, "sorted runs of the entity index are missing");
	if (verifier->runs_end == 0)
		return;
	es_run_reader_begin(&reader);
	for (uint32 i = 0; i < verifier->runs.count; i++)
	{
		const EsRun *run = &verifier->runs.runs[i];

		if (verify_run(verifier, &reader, run))
			continue;
		verifier->runs_damaged = true;
		report(verifier, "error", run->first_position, no_entity,
			   psprintf("sorted run " INT64_FORMAT " of the entity index is damaged", run->run));
	}
	es_run_reader_end(&reader);
	if (!verifier->runs_damaged && !verifier->log_damaged && verifier->run_sum != verifier->log_sum &&
		look_up_in_runs(verifier) == 0)
		report(verifier, "error", 0, no_entity, "the sorted runs have events that the log has not");
}

/* Copies the list of runs, if the snapshot sees all of them. */
static void
list_runs(Verifier *verifier)
{
	const EsRunList *list = es_runs_list(verifier->open.blocks);

	if (list->count == 0 || !es_xact_is_seen(es_runs_newest_xid(list), verifier->snapshot))
		return;
	verifier->runs.count = list->count;
	verifier->runs.runs = palloc(list->count * sizeof(EsRun));
	memcpy(verifier->runs.runs, list->runs, list->count * sizeof(EsRun));
	verifier->runs_end = list->runs[list->count - 1].last_position;
}

/* -------------------------------------------------------------- the index */

/* A version past the log that was seen: committed meanwhile, or an error. */
static void
verify_later_version(Verifier *verifier, EsHandle *handle, uint32 version)
{
	EsVersions	versions;
	EsStoredEvent stored;
	EsBlockStatus status;

	if (es_handle_posting(verifier->open.store, handle, version) == 0 &&
		find_versions(verifier, handle, &versions) && version <= versions.in_runs &&
		es_reader_runs_have(&verifier->reader, handle, version, 0))
	{
		report(verifier, "error", 0, handle->key.entity_id,
			   psprintf("version %u is missing in the sorted runs", version));
		return;
	}

	/* damage was reported with the log */
	if (!es_reader_look(&verifier->reader, handle, version, &stored, &status) &&
		status == ES_BLOCK_OK)
		report(verifier, "error", 0, handle->key.entity_id,
			   psprintf("the entity index has version %u, the log has not", version));
}

static void
verify_tenant(Verifier *verifier, const EsHandle *handle)
{
	EsSlice		tenant_id = handle->key.tenant_id;
	EsKey		key = {tenant_id, {NULL, 0}, 0};
	bool		found;

	if (tenant_id.size == 0)
		return;
	key.hash = es_key_hash(tenant_id, key.entity_id);
	es_guard_enter();
	found = es_index_find(es_pool, &verifier->open.store->index, &key) != NULL;
	es_guard_leave();
	if (!found)
		report(verifier, "error", 0, handle->key.entity_id,
			   "the entity index does not list the entity's tenant");
}

/* What the index has of an entity. */
static void
verify_entity(Verifier *verifier, EsHandle *handle)
{
	Seen	   *seen = hash_search(verifier->seen, &handle->key.hash, HASH_FIND, NULL);
	uint32		last_version = seen == NULL ? 0 : seen->last_version;
	EsVersions	versions = {.committed = 0};

	CHECK_FOR_INTERRUPTS();
	verify_tenant(verifier, handle);
	(void) find_versions(verifier, handle, &versions);
	for (uint32 version = last_version + 1; version <= versions.committed; version++)
		verify_later_version(verifier, handle, version);
}

static void
verify_index(Verifier *verifier)
{
	EsIndexWalk *walk = palloc(sizeof(EsIndexWalk));
	EsHandle	handle = {.in_runs = -1};

	es_index_walk(walk, es_pool, &verifier->open.store->index);
	while (es_index_walk_next(walk, &handle.key, &handle.found))
	{
		verify_entity(verifier, &handle);
		handle.in_runs = -1;
	}
	pfree(walk);
}

/* Each entity must have had all versions up to its last one. */
static void
verify_continuity(Verifier *verifier)
{
	HASH_SEQ_STATUS status;
	Seen	   *seen;

	hash_seq_init(&status, verifier->seen);
	while ((seen = hash_seq_search(&status)) != NULL)
	{
		EsLogScan	scan;
		EsStoredEvent stored;
		char		strings[ES_BLOCK_HEAD_ROOM];
		EsSlice		entity_id = no_entity;

		if (seen->count == seen->last_version)
			continue;
		es_log_scan_begin(&scan, verifier->open.blocks, verifier->snapshot, seen->last_position, true);
		if (es_log_scan_next(&scan) && scan.row.status == ES_BLOCK_OK &&
			es_block_has_position(&scan.row.block, seen->last_position) &&
			es_block_read_head(&scan.row.block, es_block_count_before(&scan.row.block, seen->last_position),
							   strings, &stored) == ES_BLOCK_OK)
			entity_id = stored.event.entity_id;
		report(verifier, "error", 0, entity_id,
			   psprintf("versions are not continuous: %u events up to version %u",
						seen->count, seen->last_version));
		es_log_scan_end(&scan);
	}
}

static void
begin_verifying(Verifier *verifier, EsProblemSink sink, void *arg)
{
	HASHCTL		control = {
		.keysize = sizeof(uint64),
		.entrysize = sizeof(Seen),
		.hcxt = CurrentMemoryContext
	};

	memset(verifier, 0, sizeof(*verifier));
	es_store_open(&verifier->open, AccessShareLock);
	es_follow(&verifier->open);
	verifier->snapshot = GetActiveSnapshot();
	verifier->sink = sink;
	verifier->arg = arg;
	verifier->seen = hash_create("eventstore verify", 1024, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	verifier->per_event = AllocSetContextCreate(CurrentMemoryContext, "eventstore event",
												ALLOCSET_DEFAULT_SIZES);
	verifier->last_recorded_at = PG_INT64_MIN;
	list_runs(verifier);
	es_reader_begin(&verifier->reader, verifier->open.blocks, SnapshotSelf);
	es_reader_begin(&verifier->snapshot_reader, verifier->open.blocks, verifier->snapshot);
}

/*
 * Checks everything; calls sink for every problem found.
 */
void
es_verify(EsProblemSink sink, void *arg)
{
	Verifier	verifier;

	begin_verifying(&verifier, sink, arg);
	verify_log(&verifier);
	verify_row_count(&verifier);
	verify_runs(&verifier);
	verify_continuity(&verifier);
	verify_index(&verifier);
	es_reader_end(&verifier.reader);
	es_reader_end(&verifier.snapshot_reader);
	hash_destroy(verifier.seen);
	MemoryContextDelete(verifier.per_event);
	es_store_close(&verifier.open);
}
