/*-------------------------------------------------------------------------
 *
 * runs.c
 *	  Sorted runs of the entity index: which there are, and what they know.
 *
 * A run says at which positions the events of entities are, of a part of the log that was
 * settled when it was written.  So what it says is true for ever and for everyone, as long
 * as the block table has the same storage; which of those events a snapshot sees, the log
 * tells.  Hence runs are read as they are now, with whatever snapshot their rows need.
 *
 * A backend remembers the list of runs.  store->runs_changed tells that it has become
 * another one: it is raised after a transaction that changed the list has ended, and loaded
 * (acquire) before the list is read under a new snapshot; a list that is read in between is
 * the new one already, and read once more.  Pages of a run that has been merged into
 * another stay until they are vacuumed; a reader who does not find one looks at the list
 * again.
 *
 * Where pages are in the table, a backend remembers of some, in a table by their numbers: so
 * the index of the table is not needed for those that are read all the time, the upper
 * levels.  It is a hint, as a row that was deleted may be another now; a page says of which
 * run it is, and which one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "log/page_scan.h"
#include "log/runs.h"
#include "log/stores.h"
#include "log/verified.h"
#include "pg/catalog.h"
#include "pg/compat.h"

/* -------------------------------------------------------------------- list */

#define FIRST_ROOM 16

/* What the backend remembers. */
static EsRunList known_list = {NULL, 0};
static bool is_whole;			/* each begins where the one before ends */
static uint32 room = 0;
static bool is_known = false;
static uint32 known_change;		/* of store->runs_changed */
static Oid	known_storage;

/* Adds a run to the list, in its place. */
static void
add_run(const EsRun *run)
{
	uint32		i;

	if (known_list.runs == NULL)
	{
		known_list.runs = MemoryContextAlloc(TopMemoryContext, FIRST_ROOM * sizeof(EsRun));
		room = FIRST_ROOM;
	}
	if (known_list.count == room)
	{
		known_list.runs = repalloc(known_list.runs, 2 * room * sizeof(EsRun));
		room *= 2;
	}
	for (i = known_list.count++; i > 0 && known_list.runs[i - 1].first_position > run->first_position; i--)
		known_list.runs[i] = known_list.runs[i - 1];
	known_list.runs[i] = *run;
}

/* Reads a row of the table of runs. */
static EsRun
read_run(TupleTableSlot *slot)
{
	Datum	   *values = slot->tts_values;

	return (EsRun)
	{
		.run = DatumGetInt64(values[ES_RUNS_RUN - 1]),
			.level = DatumGetInt32(values[ES_RUNS_LEVEL - 1]),
			.first_position = DatumGetInt64(values[ES_RUNS_FIRST_POSITION - 1]),
			.last_position = DatumGetInt64(values[ES_RUNS_LAST_POSITION - 1]),
			.events = DatumGetInt64(values[ES_RUNS_EVENTS - 1]),
			.timeless_ids = DatumGetInt64(values[ES_RUNS_TIMELESS_IDS - 1]),
			.entities = DatumGetInt64(values[ES_RUNS_ENTITIES - 1]),
			.merged = DatumGetBool(values[ES_RUNS_MERGED - 1]),
			.pages = (uint32) DatumGetInt64(values[ES_RUNS_PAGES - 1]),
			.seed = (uint64) DatumGetInt64(values[ES_RUNS_SEED - 1])
	};
}

/* Is the row about this cluster's block table, as it is? */
static bool
is_about(TupleTableSlot *slot, Oid storage)
{
	return DatumGetInt64(slot->tts_values[ES_RUNS_STORAGE - 1]) == (int64) storage &&
		DatumGetInt64(slot->tts_values[ES_RUNS_CLUSTER - 1]) == (int64) es_shared->cluster;
}

/* Do the runs have the log from its beginning on, without a gap? */
static bool
check_list(void)
{
	int64		end = 0;

	for (uint32 i = 0; i < known_list.count; i++)
	{
		const EsRun *run = &known_list.runs[i];

		if (run->run <= 0 || run->first_position != end + 1 || run->last_position <= end)
			return false;
		end = run->last_position;
	}
	return true;
}

/* Is called for each row of the table of runs. */
typedef void (*RowSink) (void *arg, TupleTableSlot *slot);

static void
read_rows(RowSink sink, void *arg)
{
	Relation	runs = table_open(es_runs_oid(), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(runs)));
	TableScanDesc scan = table_beginscan(runs, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(runs, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		slot_getallattrs(slot);
		sink(arg, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(runs, AccessShareLock);
}

static void
add_row(void *arg, TupleTableSlot *slot)
{
	EsRun		run = read_run(slot);

	if (is_about(slot, *(Oid *) arg))
		add_run(&run);
}

static void
read_list(Oid storage)
{
	known_list.count = 0;
	read_rows(add_row, &storage);
	is_whole = check_list();
	if (!is_whole)
		known_list.count = 0;
}

/* The runs that there are now of the block table; good until it is called again. */
const EsRunList *
es_runs_list(Relation blocks)
{
	EsStore    *store = es_store_mine();
	uint32		change = pg_atomic_read_u32(&store->runs_changed);
	Oid			storage = es_relation_storage(blocks);

	pg_read_barrier();
	if (is_known && change == known_change && storage == known_storage)
		return &known_list;
	is_known = false;			/* in case of an error */
	read_list(storage);
	known_change = change;
	known_storage = storage;
	is_known = true;
	return &known_list;
}

/*
 * Do runs have all that the index may have let go?  Only who changes the table of runs by hand
 * can have taken some away.
 */
bool
es_runs_are_whole(Relation blocks)
{
	const EsRunList *list = es_runs_list(blocks);

	return es_store_mine()->runs_through <= (list->count > 0 ? list->runs[list->count - 1].last_position : 0);
}

/* Has the list be read anew the next time. */
void
es_runs_forget(void)
{
	is_known = false;
}

/* Says which list it was that was asked for last. */
uint32
es_runs_change(void)
{
	return known_change;
}

/* Has the list of runs become another one since? */
bool
es_runs_have_changed(EsStore *store, uint32 since)
{
	return pg_atomic_read_u32(&store->runs_changed) != since;
}

typedef struct TenantSearch
{
	Oid			storage;
	EsTenantSink sink;
	void	   *arg;
} TenantSearch;

static void
read_tenants(void *arg, TupleTableSlot *slot)
{
	TenantSearch *search = arg;
	Datum	   *tenants;
	int			count;

	if (!is_about(slot, search->storage))
		return;
	deconstruct_array(DatumGetArrayTypeP(slot->tts_values[ES_RUNS_TENANTS - 1]), TEXTOID, -1, false,
					  TYPALIGN_INT, &tenants, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		text	   *name = DatumGetTextPP(tenants[i]);

		search->sink(search->arg, es_slice(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)));
	}
}

/* The tenants, but for the default one, of which runs have events; some more than once. */
void
es_runs_tenants(Relation blocks, EsTenantSink sink, void *arg)
{
	TenantSearch search = {es_relation_storage(blocks), sink, arg};

	read_rows(read_tenants, &search);
}

/* Of the transaction that is open. */
static EsStore *changed_store = NULL;

static void
raise_changed(EsStore *store)
{
	pg_write_barrier();
	pg_atomic_fetch_add_u32(&store->runs_changed, 1);
}

/* The transaction has changed the list; others are told when it has ended. */
void
es_runs_note_change(EsStore *store)
{
	changed_store = store;
	raise_changed(store);		/* for this backend */
}

static void
at_end(XactEvent event, void *arg pg_attribute_unused())
{
	if (changed_store == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			raise_changed(changed_store);
			changed_store = NULL;
			break;
		default:
			break;
	}
}

static void
at_end_of_sub(SubXactEvent event, SubTransactionId mine pg_attribute_unused(),
			  SubTransactionId parent pg_attribute_unused(), void *arg pg_attribute_unused())
{
	if (changed_store != NULL && event == SUBXACT_EVENT_ABORT_SUB)
		raise_changed(changed_store);
}

void
es_runs_install(void)
{
	RegisterXactCallback(at_end, NULL);
	RegisterSubXactCallback(at_end_of_sub, NULL);
}

/* The newest of the transactions that wrote the runs. */
uint64
es_runs_newest_xid(const EsRunList *list)
{
	uint64		newest = 0;

	for (uint32 i = 0; i < list->count; i++)
		newest = Max(newest, (uint64) list->runs[i].run);
	return newest;
}

/* ----------------------------------------------------------------- deleting */

/* Deletes the pages of a run. */
static void
delete_pages(int64 run)
{
	Relation	pages = table_open(es_run_pages_oid(), RowExclusiveLock);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(pages)));
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, ES_RUN_PAGES_RUN, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(run));
	scan = systable_beginscan(pages, es_primary_key_index(pages), true, snapshot, 1, &key);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		CHECK_FOR_INTERRUPTS();
		simple_heap_delete(pages, &row->t_self);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(pages, NoLock);
}

/* Deletes the rows of runs that are to be deleted, and their pages. */
static uint32
delete_rows(bool (*is_meant) (TupleTableSlot *slot, void *arg), void *arg)
{
	Relation	runs = table_open(es_runs_oid(), RowExclusiveLock);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(runs)));
	TableScanDesc scan = table_beginscan(runs, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(runs, NULL);
	uint32		count = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		int64		run;

		slot_getallattrs(slot);
		if (!is_meant(slot, arg))
			continue;
		run = DatumGetInt64(slot->tts_values[ES_RUNS_RUN - 1]);
		simple_heap_delete(runs, &slot->tts_tid);
		delete_pages(run);
		count++;
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(runs, NoLock);
	return count;
}

static bool
is_run(TupleTableSlot *slot, void *arg)
{
	return DatumGetInt64(slot->tts_values[ES_RUNS_RUN - 1]) == *(int64 *) arg;
}

/* Deletes a run. */
void
es_runs_delete(int64 run)
{
	(void) delete_rows(is_run, &run);
}

static bool
is_obsolete(TupleTableSlot *slot, void *arg)
{
	return !is_whole || !is_about(slot, *(Oid *) arg);
}

/* Deletes runs of a storage that the block table no longer has; all, if there are gaps. */
void
es_runs_delete_obsolete(Relation blocks)
{
	Oid			storage = es_relation_storage(blocks);

	(void) es_runs_list(blocks);
	if (delete_rows(is_obsolete, &storage) > 0)
		CommandCounterIncrement();
}

static bool
is_any(TupleTableSlot *slot pg_attribute_unused(), void *arg pg_attribute_unused())
{
	return true;
}

/* Deletes all runs, since the log was changed by other means than ours; they are gone at once. */
void
es_runs_delete_all(EsStore *store)
{
	if (delete_rows(is_any, NULL) == 0)
		return;
	CommandCounterIncrement();
	es_runs_note_change(store);
}

/* ------------------------------------------------------------------- pages */

void
es_run_reader_begin(EsRunReader *reader)
{
	reader->context = CurrentMemoryContext;
	reader->pages = table_open(es_run_pages_oid(), AccessShareLock);
	if (!OidIsValid(es_primary_key_index(reader->pages)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the table \"eventstore.run_pages\" has lost its primary key"),
				 errhint("ALTER TABLE eventstore.run_pages ADD CONSTRAINT run_pages_pkey PRIMARY KEY (run, number) makes it again.")));
	reader->index = index_open(es_primary_key_index(reader->pages), AccessShareLock);
	reader->slot = table_slot_create(reader->pages, NULL);
	reader->scan = es_index_beginscan(reader->pages, reader->index, SnapshotAny, 2);
}

void
es_run_reader_end(EsRunReader *reader)
{
	index_endscan(reader->scan);
	ExecDropSingleTupleTableSlot(reader->slot);
	index_close(reader->index, AccessShareLock);
	table_close(reader->pages, AccessShareLock);
}

/* The bytes of the page in the slot; none where it is not stored as it must be. */
static EsSlice
page_bytes(TupleTableSlot *slot)
{
	struct varlena *page;
	bool		null;

	page = (struct varlena *) DatumGetPointer(slot_getattr(slot, ES_RUN_PAGES_PAGE, &null));
	if (null || VARATT_IS_EXTERNAL(page) || VARATT_IS_COMPRESSED(page))
		return es_slice(NULL, 0);
	return es_slice(VARDATA_ANY(page), VARSIZE_ANY_EXHDR(page));
}

/* Where pages were found. */
#define KNOWN_PLACES 4096

typedef struct Place
{
	int64		run;
	uint32		number;			/* 0: none */
	ItemPointerData tid;
} Place;

static Place places[KNOWN_PLACES];
static Oid	places_storage = InvalidOid;	/* of the table of pages */

static Place *
place_of(EsRunReader *reader, int64 run, uint32 number)
{
	Oid			storage = es_relation_storage(reader->pages);

	if (storage != places_storage)
		memset(places, 0, sizeof(places));
	places_storage = storage;
	return &places[hash_combine64((uint64) run, murmurhash32(number)) % KNOWN_PLACES];
}

/* Opens the page in the slot; false when it is another or damaged. */
static bool
open_slot(EsRunReader *reader, int64 run, uint32 number)
{
	Buffer		buffer = ((BufferHeapTupleTableSlot *) reader->slot)->buffer;
	bool		known = es_page_is_known(reader->pages, buffer);

	if (!es_run_page_open(&reader->page, page_bytes(reader->slot), run, number, !known))
		return false;
	if (!known)
		es_page_note_verified(reader->pages, buffer);
	return true;
}

static bool
read_at_place(EsRunReader *reader, Place *place, int64 run, uint32 number)
{
	return place->number == number && place->run == run &&
		es_page_exists(reader->pages, ItemPointerGetBlockNumber(&place->tid)) &&
		table_tuple_fetch_row_version(reader->pages, &place->tid, SnapshotAny, reader->slot) &&
		open_slot(reader, run, number);
}

/*
 * Reads a page of a run into reader->page; false when it is not there or damaged.  No
 * two transactions write the same run, so whose row it is does not matter.
 */
static bool
read_page(EsRunReader *reader, int64 run, uint32 number)
{
	Place	   *place = place_of(reader, run, number);
	MemoryContext before;
	ScanKeyData keys[2];
	bool		found;

	if (read_at_place(reader, place, run, number))
		return true;
	before = MemoryContextSwitchTo(reader->context);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(run));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum((int32) number));
	index_rescan(reader->scan, keys, lengthof(keys), NULL, 0);
	found = index_getnext_slot(reader->scan, ForwardScanDirection, reader->slot);
	MemoryContextSwitchTo(before);
	if (!found || !open_slot(reader, run, number))
		return false;
	*place = (Place)
	{
		run, number, reader->slot->tts_tid
	};
	return true;
}

void
es_runs_report_damage(int64 run)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("sorted run " INT64_FORMAT " of the entity index is damaged", run),
			 errhint("eventstore.rebuild_index() makes the sorted runs again from the log.")));
}

void
es_runs_report_missing(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("sorted runs of the entity index are missing"),
			 errhint("eventstore.rebuild_index() makes the sorted runs again from the log.")));
}

/* ----------------------------------------------------------------- look-ups */

typedef enum Found
{
	FOUND,
	NOT_FOUND,
	FOUND_DAMAGE				/* or the run is gone */
} Found;

/* Goes down to the leaf that may have the key; its page is read then. */
static Found
descend(EsRunReader *reader, const EsRun *run, EsRunKey key)
{
	uint32		number = run->pages;
	int			level = ES_RUN_MAX_LEVELS;

	for (;;)
	{
		uint32		below;

		CHECK_FOR_INTERRUPTS();
		if (!read_page(reader, run->run, number) || reader->page.level >= level)
			return FOUND_DAMAGE;
		level = reader->page.level;
		if (level == 0)
			return FOUND;
		below = es_run_page_search(&reader->page, key);
		if (below == 0)
			return NOT_FOUND;
		if (!es_run_page_child(&reader->page, below - 1, &number))
			return FOUND_DAMAGE;
	}
}

static bool
is_of(const EsRunEntry *entry, const EsKey *key)
{
	return es_slice_equal(entry->entity_id, key->entity_id) &&
		es_slice_equal(entry->tenant_id, key->tenant_id);
}

/*
 * Looks for the last entry of an entity in a run that begins at or before a version; others
 * of the same hash may stand behind it.
 */
static Found
find_entry(EsRunReader *reader, const EsRun *run, const EsKey *entity, EsRunKey key, EsRunEntry *entry)
{
	Found		found = descend(reader, run, key);
	uint32		i;

	if (found != FOUND)
		return found;
	i = es_run_page_search(&reader->page, key);
	for (;;)
	{
		uint32		previous = reader->page.previous;

		while (i-- > 0)
		{
			if (!es_run_page_entry(&reader->page, i, entry))
				return FOUND_DAMAGE;
			if (entry->key.hash != key.hash)
				return NOT_FOUND;
			if (is_of(entry, entity))
				return FOUND;
		}
		if (previous == 0)
			return NOT_FOUND;
		CHECK_FOR_INTERRUPTS();
		if (!read_page(reader, run->run, previous) || reader->page.level != 0)
			return FOUND_DAMAGE;
		i = reader->page.count;
	}
}

/*
 * The same in all runs, the newest first, as events of late are asked for most; or the first
 * that has an entry with the version, unless that is UINT32_MAX.
 */
static Found
find_in_list(EsRunReader *reader, const EsRunList *list, const EsKey *entity, uint32 version,
			 EsRunEntry *entry, int64 *damaged)
{
	EsRunKey	key = {.version = version};

	if (list->count > 0)
		key.hash = es_run_hash(list->runs[0].seed, entity->tenant_id, entity->entity_id);
	for (uint32 i = list->count; i-- > 0;)
	{
		Found		found = find_entry(reader, &list->runs[i], entity, key, entry);

		if (found == FOUND_DAMAGE)
			*damaged = list->runs[i].run;
		if (found == FOUND_DAMAGE ||
			(found == FOUND && (version == PG_UINT32_MAX || version - entry->key.version < entry->count)))
			return found;
	}
	return NOT_FOUND;
}

static bool
is_known_entry(const EsRunPositions *positions, const EsKey *entity, uint32 version)
{
	return version - positions->first < positions->count &&
		es_slice_equal(positions->entity_id, entity->entity_id) &&
		es_slice_equal(positions->tenant_id, entity->tenant_id);
}

/* Remembers the entry; false when it is damaged. */
static bool
take_entry(const EsRunEntry *entry, EsRunPositions *positions)
{
	char	   *out = positions->names;

	positions->count = 0;		/* in case of damage */
	if (!es_run_entry_positions(entry, positions->positions))
		return false;
	positions->tenant_id = es_slice(out, entry->tenant_id.size);
	out = es_put_slice(out, entry->tenant_id);
	positions->entity_id = es_slice(out, entry->entity_id.size);
	(void) es_put_slice(out, entry->entity_id);
	positions->first = entry->key.version;
	positions->count = entry->count;
	return true;
}

/*
 * The position of a version of the entity that runs have; 0 when they do not have it, the
 * negative number of a run that is damaged where it may be.  *positions is what was found
 * last, and is looked at first.
 */
int64
es_runs_find(EsRunReader *reader, Relation blocks, const EsKey *entity, uint32 version,
			 EsRunPositions *positions)
{
	int64		damaged = 0;
	EsRunEntry	entry;
	Found		found;

	if (is_known_entry(positions, entity, version))
		return positions->positions[version - positions->first];
	found = find_in_list(reader, es_runs_list(blocks), entity, version, &entry, &damaged);
	if (found != FOUND || !take_entry(&entry, positions))
	{
		/* the list may have become another while it was gone through */
		is_known = false;
		found = find_in_list(reader, es_runs_list(blocks), entity, version, &entry, &damaged);
		if (found == FOUND && !take_entry(&entry, positions))
			return -es_runs_list(blocks)->runs[0].run;
	}
	if (found == FOUND_DAMAGE)
		return -damaged;
	return found == FOUND ? positions->positions[version - positions->first] : 0;
}

/*
 * How many versions of an entity runs have, of one that the index has let go, or may have:
 * the newest run that has any tells.  Negative as above, or ES_RUNS_MISSING.
 */
int64
es_runs_last_version(EsRunReader *reader, Relation blocks, const EsKey *entity)
{
	int64		damaged = 0;
	EsRunEntry	entry;
	Found		found = find_in_list(reader, es_runs_list(blocks), entity, PG_UINT32_MAX, &entry, &damaged);

	if (found == FOUND_DAMAGE)
	{
		is_known = false;
		found = find_in_list(reader, es_runs_list(blocks), entity, PG_UINT32_MAX, &entry, &damaged);
	}
	if (found == NOT_FOUND && !es_runs_are_whole(blocks))
		return ES_RUNS_MISSING;
	if (found == FOUND_DAMAGE)
		return -damaged;
	return found == FOUND ? (int64) entry.key.version + entry.count - 1 : 0;
}

/* ------------------------------------------------------------------ cursors */

/* Reads a page and keeps a copy of it; false when it is damaged. */
static bool
open_page(EsRunCursor *cursor, uint32 number, int level)
{
	EsRunReader *reader = cursor->reader;
	EsRunPage  *page = &cursor->pages[level];

	CHECK_FOR_INTERRUPTS();
	if (!read_page(reader, cursor->run.run, number) || reader->page.level != level)
		return false;
	if (cursor->data[level] == NULL)
		cursor->data[level] = palloc(ES_RUN_PAGE_SIZE);
	memcpy(cursor->data[level], reader->page.data, reader->page.size);
	*page = reader->page;
	page->data = cursor->data[level];
	cursor->next[level] = 0;
	return true;
}

/* Begins before the first entry of the run, in the current memory context. */
void
es_run_cursor_begin(EsRunCursor *cursor, EsRunReader *reader, const EsRun *run)
{
	memset(cursor, 0, sizeof(*cursor));
	cursor->reader = reader;
	cursor->run = *run;
	if (read_page(reader, run->run, run->pages))
		cursor->level = reader->page.level;
	cursor->damaged = !open_page(cursor, run->pages, cursor->level);
	if (cursor->damaged)
		cursor->level = 0;		/* of no entries */
}

/*
 * Opens the next page of a level that is not damaged, below those that are open; false when
 * there is none.
 */
static bool
next_page(EsRunCursor *cursor, int level)
{
	uint32		number;

	while (level < cursor->level)
	{
		EsRunPage  *above = &cursor->pages[level + 1];

		if (cursor->next[level + 1] == above->count)
		{
			if (!next_page(cursor, level + 1))
				return false;
			continue;
		}
		if (es_run_page_child(above, cursor->next[level + 1]++, &number) && open_page(cursor, number, level))
			return true;
		cursor->damaged = true;
	}
	return false;
}

/* Moves to the next entry; false after the last.  What is damaged is left out. */
bool
es_run_cursor_next(EsRunCursor *cursor)
{
	for (;;)
	{
		if (cursor->next[0] == cursor->pages[0].count)
		{
			if (!next_page(cursor, 0))
				return false;
			continue;
		}
		if (es_run_page_entry(&cursor->pages[0], cursor->next[0]++, &cursor->entry))
			return true;
		cursor->damaged = true;
	}
}

/*
 * Moves over the next entries, of which the index then has begun to load what finding their
 * entities will touch; false after the last.
 */
bool
es_run_cursor_next_window(EsRunCursor *cursor, const EsIndex *index, EsRunWindow *window)
{
	uint64		hashes[ES_PREFETCH_WINDOW];
	char	   *out = window->names;

	window->count = 0;
	while (window->count < ES_PREFETCH_WINDOW && es_run_cursor_next(cursor))
	{
		EsRunEntry *entry = &window->entries[window->count];

		*entry = cursor->entry;
		entry->tenant_id.data = out;
		out = es_put_slice(out, cursor->entry.tenant_id);
		entry->entity_id.data = out;
		out = es_put_slice(out, cursor->entry.entity_id);
		hashes[window->count] = es_key_hash(entry->tenant_id, entry->entity_id);
		window->keys[window->count] = (EsKey)
		{
			entry->tenant_id, entry->entity_id, hashes[window->count]
		};
		window->count++;
	}
	es_index_prefetch(es_pool, index, hashes, window->count);
	return window->count > 0;
}
