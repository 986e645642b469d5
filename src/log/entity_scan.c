/*-------------------------------------------------------------------------
 *
 * entity_scan.c
 *	  Reads the events of entities one at a time, forward or backward.
 *
 * Whatever the index knows, an event is delivered only if the snapshot sees
 * its row.  The versions of an entity that a snapshot sees are always 1 to
 * some n, since they are written by one transaction after another: so a scan
 * forward ends where it meets one that is not visible, and a scan backward
 * begins where it meets one that is.
 *
 * There are several entities when several are asked for, or tenants have one of
 * the same name.  Each has a cursor, and all have one reader, so that no more than
 * one page is pinned however many they are.  Their events come one entity after the
 * other, or merged in an order.  When all entities are asked for, cursors are made for
 * one of them after the other, or for one name.
 *
 * Who asks for nothing but keys, which entities there are and with which versions, gets
 * them from the index: of each entity, only the last version's row is looked at, and
 * not even that when the visibility map says that everybody sees its page.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/visibilitymap.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"

#include "log/entities.h"
#include "log/entity_scan.h"
#include "log/follow.h"
#include "log/xact.h"
#include "pg/errors.h"

/* ---------------------------------------------------------------- cursors */

static void
report_missing(const EsHandle *handle, uint32 version)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("version %u of entity \"%s\" is missing", version,
					es_slice_for_message(handle->key.entity_id)),
			 errhint("eventstore.verify() lists all damage.")));
}

/* Reads the head of a version; false when the snapshot does not see it. */
static bool
read_version(EsEntityScan *scan, EsHandle *handle, uint32 version)
{
	EsVersions	versions;

	CHECK_FOR_INTERRUPTS();
	if (es_reader_head(&scan->reader, handle, version, &scan->stored))
		return true;
	versions = es_reader_versions(&scan->reader, handle);
	if (version <= versions.committed && version > versions.in_runs &&
		es_handle_posting(scan->open.store, handle, version) == 0 &&
		version > es_reader_versions(&scan->reader, handle).in_runs)
		report_missing(handle, version);
	return false;
}

/* Reads the head of the cursor's event; false when the snapshot does not see it. */
static bool
read_head(EsEntityScan *scan, EsEntityCursor *cursor)
{
	return read_version(scan, &cursor->handle, (uint32) cursor->version);
}

/* Does the snapshot see all that is in the sorted runs that the index knows of? */
static bool
sees_runs(const EsEntityScan *scan)
{
	return es_xact_is_seen(__atomic_load_n(&scan->open.store->runs_xid, __ATOMIC_ACQUIRE),
						   scan->reader.snapshot);
}

/*
 * Does the snapshot see this version, whatever is in it?  If all see the page of a version
 * that is known to be committed, it is among what they see.
 *
 * The map is read without a lock.  'committed' is loaded first (acquire), and was stored
 * after the row had been inserted, which had cleared the page's bit: so a bit that is set
 * now was set by a VACUUM that saw the row.  Where the version was moved to, its posting was
 * stored (release) after the same; where it was moved from, the bit was right, too, as long
 * as it was set.  A posting that is the same when it is looked at again was the version's.
 *
 * A run is committed after all transactions had ended that wrote its events; in_runs is
 * loaded before it is asked which runs the snapshot sees, and was stored after that.
 */
static bool
is_visible(EsEntityScan *scan, EsHandle *handle, uint32 version)
{
	EsVersions	versions;
	EsPosting	posting;

	if (!scan->range.keys_only)
		return read_version(scan, handle, version);
	versions = es_reader_versions(&scan->reader, handle);
	if (version > versions.committed)
		return read_version(scan, handle, version);
	if (version <= versions.in_runs && sees_runs(scan))
		return true;
	posting = es_handle_posting(scan->open.store, handle, version);
	return (posting != 0 && !es_posting_is_position(posting) && VM_ALL_VISIBLE(scan->open.blocks, es_posting_heap_block(posting),
																			   &scan->visibility) &&
			es_handle_posting(scan->open.store, handle, version) == posting) ||
		read_version(scan, handle, version);
}

/*
 * The first version that is behind both a position and a time, or that the
 * snapshot does not see.  Both grow with the version.
 */
static int64
first_behind(EsEntityScan *scan, EsHandle *handle, int64 position, int64 time)
{
	int64		low = 1;
	int64		high = (int64) es_reader_versions(&scan->reader, handle).known + 1;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (read_version(scan, handle, (uint32) middle) &&
			(scan->stored.position <= position || scan->stored.recorded_at <= time))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The last version up to 'last' that the snapshot sees.  Those it sees are always 1
 * to some n, so a snapshot that is older than many events finds n by halving; most
 * see the last or nearly the last one.
 */
static int64
last_visible(EsEntityScan *scan, EsHandle *handle, int64 first, int64 last)
{
	int64		step = 1;
	int64		low = last;

	/* gallop down to one that is visible, or below the first */
	for (; low >= first && !is_visible(scan, handle, (uint32) low); low -= step, step *= 2)
		last = low - 1;
	low = Max(low, first - 1);
	while (low < last)
	{
		int64		middle = low + (last - low + 1) / 2;

		if (is_visible(scan, handle, (uint32) middle))
			low = middle;
		else
			last = middle - 1;
	}
	return last;
}

/* Translates what is asked for to versions of this entity. */
static void
find_versions(EsEntityScan *scan, EsHandle *handle, int64 *first, int64 *last)
{
	const EsEntityRange *range = &scan->range;
	bool		since = range->in_time && range->first_time > PG_INT64_MIN;

	*first = Max(range->first_version, 1);
	*last = Min(range->last_version, (int64) es_reader_versions(&scan->reader, handle).known);
	if (range->after_position > 0 || since)
		*first = Max(*first, first_behind(scan, handle, range->after_position,
										  since ? range->first_time - 1 : PG_INT64_MIN));
	if (range->in_time && range->last_time < PG_INT64_MAX)
		*last = Min(*last, first_behind(scan, handle, 0, range->last_time) - 1);
	if (range->backward || range->keys_only)
		*last = last_visible(scan, handle, *first, *last);
}

static EsEntityCursor *
new_cursor(EsEntityScan *scan)
{
	if (scan->cursor_count == scan->cursor_room)
	{
		EsEntityCursor *more = palloc_extended((Size) 2 * scan->cursor_room * sizeof(EsEntityCursor),
											   MCXT_ALLOC_HUGE);

		memcpy(more, scan->cursors, scan->cursor_count * sizeof(EsEntityCursor));
		if (scan->cursors != &scan->single)
			pfree(scan->cursors);
		scan->cursors = more;
		scan->cursor_room *= 2;
	}
	return &scan->cursors[scan->cursor_count++];
}

static void
add_cursor(EsEntityScan *scan, const EsHandle *handle)
{
	EsEntityCursor *cursor = new_cursor(scan);

	cursor->handle = *handle;
	cursor->placed = false;
}

/* Places the cursor before its entity's first event of the range. */
static void
place_at_start(EsEntityScan *scan, EsEntityCursor *cursor)
{
	int64		first;
	int64		last;

	find_versions(scan, &cursor->handle, &first, &last);
	cursor->version = scan->range.backward ? last : first;
	cursor->last = scan->range.backward ? first : last;
	cursor->placed = true;
}

/* Is there a version left that may be visible? */
static bool
is_in_range(const EsEntityScan *scan, const EsEntityCursor *cursor)
{
	return scan->range.backward ? cursor->version >= cursor->last :
		cursor->version <= cursor->last;
}

static void
move(const EsEntityScan *scan, EsEntityCursor *cursor, bool visible)
{
	if (scan->range.backward)
		cursor->version--;
	else if (visible)
		cursor->version++;
	else
		cursor->version = PG_INT64_MAX;
}

/*
 * Sets the key by which the cursor is ordered among others.  False when it has
 * no event left.
 */
static bool
place(EsEntityScan *scan, EsEntityCursor *cursor)
{
	for (; is_in_range(scan, cursor); move(scan, cursor, false))
	{
		cursor->key = cursor->version;
		if (scan->range.order == ES_ENTITY_BY_VERSION)
			return true;
		if (read_head(scan, cursor))
		{
			cursor->key = scan->stored.position;
			return true;
		}
	}
	return false;
}

/* The heap has first what it thinks is greatest. */
static int
compare_cursors(Datum a, Datum b, void *arg)
{
	const EsEntityScan *scan = arg;
	int64		left = ((EsEntityCursor *) DatumGetPointer(a))->key;
	int64		right = ((EsEntityCursor *) DatumGetPointer(b))->key;
	int			order = left < right ? 1 : left > right ? -1 : 0;

	return scan->range.backward ? -order : order;
}

static void
make_heap(EsEntityScan *scan)
{
	scan->heap = binaryheap_allocate(scan->cursor_count, compare_cursors, scan);
	for (uint32 i = 0; i < scan->cursor_count; i++)
	{
		place_at_start(scan, &scan->cursors[i]);
		if (place(scan, &scan->cursors[i]))
			binaryheap_add_unordered(scan->heap, PointerGetDatum(&scan->cursors[i]));
	}
	binaryheap_build(scan->heap);
}

/* The cursor whose event is next, of several. */
static EsEntityCursor *
first_in_heap(EsEntityScan *scan)
{
	binaryheap *heap = scan->heap;

	if (scan->moved)
	{
		Datum		first = binaryheap_first(heap);

		if (place(scan, (EsEntityCursor *) DatumGetPointer(first)))
			binaryheap_replace_first(heap, first);
		else
			(void) binaryheap_remove_first(heap);
		scan->moved = false;
	}
	return binaryheap_empty(heap) ? NULL :
		(EsEntityCursor *) DatumGetPointer(binaryheap_first(heap));
}

/* The cursor whose event is next, one entity after the other. */
static EsEntityCursor *
current_cursor(EsEntityScan *scan)
{
	for (; scan->current < scan->cursor_count; scan->current++)
	{
		EsEntityCursor *cursor = &scan->cursors[scan->current];

		if (!cursor->placed)
			place_at_start(scan, cursor);
		if (is_in_range(scan, cursor))
			return cursor;
	}
	return NULL;
}

/* --------------------------------------------------------------- entities */

static void
add_entity(EsEntityScan *scan, EsSlice tenant_id, EsSlice entity_id)
{
	EsHandle	handle;

	if (es_reader_find(&scan->reader, tenant_id, entity_id, &handle))
		add_cursor(scan, &handle);
}

/* A copy of a tenant's name that lasts as long as the scan. */
static EsSlice
keep_tenant(EsEntityScan *scan, EsSlice tenant_id)
{
	char		name[ES_MAX_TENANT_ID + 1] = "";
	const char *kept;

	(void) es_put_slice(name, tenant_id);
	if (scan->tenants == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(name),.entrysize = sizeof(name),.hcxt = scan->context};

		scan->tenants = hash_create("eventstore tenants", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	kept = hash_search(scan->tenants, name, HASH_ENTER, NULL);
	return es_slice(kept, tenant_id.size);
}

/* Adds the entities of that name of all tenants but the default one. */
static void
add_of_tenants(EsEntityScan *scan, EsSlice entity_id)
{
	EsIndexWalk *walk = palloc(sizeof(EsIndexWalk));
	EsKey		tenant;
	EsEntityRef found;

	es_index_walk_tenants(walk, es_pool, &scan->open.store->index);
	while (es_index_walk_next(walk, &tenant, &found))
	{
		uint32		count = scan->cursor_count;

		CHECK_FOR_INTERRUPTS();
		add_entity(scan, tenant.tenant_id, entity_id);
		if (scan->cursor_count > count)
			scan->cursors[count].handle.key.tenant_id = keep_tenant(scan, tenant.tenant_id);
	}
	pfree(walk);
}

/* Adds the entities of a name. */
static void
add_entities(EsEntityScan *scan, EsSlice entity_id)
{
	const EsEntityRange *range = &scan->range;

	add_entity(scan, range->one_tenant ? range->tenant_id : es_slice(NULL, 0), entity_id);
	if (!range->one_tenant && es_index_has_tenants(es_pool, &scan->open.store->index))
		add_of_tenants(scan, entity_id);
}

/* Several cursors are merged, if they are to be. */
static void
merge_cursors(EsEntityScan *scan)
{
	if (scan->cursor_count > 1 && scan->range.order != ES_ENTITY_ONE_BY_ONE)
		make_heap(scan);
}

/* The next of all entities that pass the test; false after the last. */
static bool
next_in_walk(EsEntityScan *scan, EsHandle *handle)
{
	const EsEntityRange *range = &scan->range;

	while (es_entity_walk_next(scan->walk, handle))
	{
		CHECK_FOR_INTERRUPTS();
		if ((!range->one_tenant || es_slice_equal(handle->key.tenant_id, range->tenant_id)) &&
			(range->test == NULL || range->test(range->test_arg, handle->key.entity_id)))
			return true;
	}
	return false;
}

/*
 * May the scan have several entities of one name?  A tenant is in the index before its
 * first entity is, so those of events that the snapshot sees are found.
 */
static bool
has_namesakes(const EsEntityScan *scan)
{
	return !scan->range.one_tenant && es_index_has_tenants(es_pool, &scan->open.store->index);
}

/* Sorts the names of all entities that pass the test. */
static void
sort_names(EsEntityScan *scan)
{
	EsHandle	handle;

	scan->names = es_entity_names_begin(&scan->range.name_order);
	while (next_in_walk(scan, &handle))
		es_entity_names_add(scan->names, handle.key.entity_id);
	es_entity_names_sort(scan->names);
}

/* Goes on to the next entity of all, or to those of the next name; false after the last. */
static bool
next_entities(EsEntityScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);
	EsSlice		name = {NULL, 0};
	EsHandle	handle;
	bool		any = false;

	scan->cursor_count = scan->current = 0;
	if (scan->heap != NULL)
		binaryheap_free(scan->heap);
	scan->heap = NULL;
	scan->moved = false;
	if (scan->names == NULL && next_in_walk(scan, &handle))
	{
		add_cursor(scan, &handle);
		any = true;
	}
	else if (scan->names != NULL && es_entity_names_next(scan->names, &name))
	{
		add_entities(scan, name);
		merge_cursors(scan);
		any = true;
	}
	MemoryContextSwitchTo(before);
	return any;
}

static EsEntityCursor *
next_cursor(EsEntityScan *scan)
{
	EsEntityCursor *cursor;

	do
	{
		cursor = scan->heap != NULL ? first_in_heap(scan) : current_cursor(scan);
	} while (cursor == NULL && scan->range.all && next_entities(scan));
	return cursor;
}

/* -------------------------------------------------------------------- scan */

/*
 * It is not known whose events are in a damaged block: who reads entities is warned, who
 * counts on them alone gets no answer.
 */
static void
report_damage(const EsEntityScan *scan)
{
	if (scan->open.store->damaged)
		ereport(scan->range.all && scan->range.keys_only ? ERROR : WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("events in damaged blocks are unaccounted for"),
				 errdetail("Entities may have more events than are found."),
				 errhint("eventstore.verify() lists all damage.")));
}

static void
find_entities(EsEntityScan *scan)
{
	const EsEntityRange *range = &scan->range;

	if (range->all)
	{
		scan->walk = es_entity_walk_begin(scan->open.store, &scan->reader);
		if (range->by_name || (range->adjacent && has_namesakes(scan)))
			sort_names(scan);
		return;
	}
	for (uint32 i = 0; i < range->entity_count; i++)
		add_entities(scan, range->entity_ids[i]);
	merge_cursors(scan);
}

/*
 * Begins to read events of the entities that the snapshot sees.  A serializable
 * transaction locks the whole table against being read past: coarse, but never
 * wrong.
 */
void
es_entity_scan_begin(EsEntityScan *scan, Snapshot snapshot, const EsEntityRange *range)
{
	memset(scan, 0, offsetof(EsEntityScan, reader));
	scan->range = *range;
	scan->context = CurrentMemoryContext;
	scan->visibility = InvalidBuffer;
	scan->cursors = &scan->single;
	scan->cursor_room = 1;
	es_store_open(&scan->open, AccessShareLock);
	es_follow(&scan->open);
	PredicateLockRelation(scan->open.blocks, snapshot);
	scan->generation = scan->open.store->generation;
	report_damage(scan);
	scan->per_event = AllocSetContextCreate(CurrentMemoryContext, "eventstore event",
											ALLOCSET_DEFAULT_SIZES);
	es_reader_begin(&scan->reader, scan->open.blocks, snapshot);
	find_entities(scan);
}

/*
 * Between two calls the own session may have changed the block table by other means
 * than appending, and built the index anew.  Nobody else can.
 */
static void
check_generation(const EsEntityScan *scan)
{
	if (scan->generation != scan->open.store->generation)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the entity index was built anew while a query of this session was using it"),
				 errdetail("The block table was changed, and events were looked for, before the query had ended."),
				 errhint("Close cursors on events of an entity before changing \"eventstore.blocks\".")));
}

/* All that is asked for of the cursor's event. */
static void
set_keys(EsEntityScan *scan, const EsEntityCursor *cursor)
{
	scan->stored.version = cursor->version;
	scan->stored.event.entity_id = cursor->handle.key.entity_id;
	scan->stored.event.tenant_id = cursor->handle.key.tenant_id;
}

/* The next event, until the next call; NULL after the last. */
const EsStoredEvent *
es_entity_scan_next(EsEntityScan *scan)
{
	EsEntityCursor *cursor;

	check_generation(scan);
	MemoryContextReset(scan->per_event);
	while ((cursor = next_cursor(scan)) != NULL)
	{
		bool		visible = scan->range.keys_only || read_head(scan, cursor);

		if (scan->range.keys_only)
			set_keys(scan, cursor);

		move(scan, cursor, visible);
		scan->moved = true;
		if (!visible)
			continue;
		if (!scan->range.heads_only && !scan->range.keys_only)
			es_entity_scan_complete(scan);
		return &scan->stored;
	}
	return NULL;
}

/*
 * Goes over the rest of an entity's versions, of a scan of keys only, forward and one
 * by one; false after the last entity.
 */
bool
es_entity_scan_next_entity(EsEntityScan *scan, EsEntityVersions *versions)
{
	EsEntityCursor *cursor;

	check_generation(scan);
	CHECK_FOR_INTERRUPTS();
	cursor = next_cursor(scan);
	if (cursor == NULL)
		return false;
	versions->tenant_id = cursor->handle.key.tenant_id;
	versions->entity_id = cursor->handle.key.entity_id;
	versions->first = cursor->version;
	versions->last = cursor->last;
	cursor->version = cursor->last + 1;
	return true;
}

/* Reads the body of the event that was delivered as a head. */
void
es_entity_scan_complete(EsEntityScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->per_event);

	es_reader_complete(&scan->reader, &scan->stored);
	MemoryContextSwitchTo(before);
}

/*
 * Sums up an entity of the store that the scan has open; false when the snapshot sees
 * no event of it.
 */
bool
es_entity_scan_summary(EsEntityScan *scan, EsSlice tenant_id, EsSlice entity_id, EsEntitySummary *summary)
{
	EsHandle	handle;

	check_generation(scan);
	if (!es_reader_find(&scan->reader, tenant_id, entity_id, &handle))
		return false;
	summary->events = last_visible(scan, &handle, 1, es_reader_versions(&scan->reader, &handle).known);
	if (summary->events == 0)
		return false;
	summary->tenant_id = tenant_id;
	summary->entity_id = entity_id;
	(void) read_version(scan, &handle, (uint32) summary->events);
	summary->last_time = scan->stored.recorded_at;
	(void) read_version(scan, &handle, 1);
	summary->first_time = scan->stored.recorded_at;
	return true;
}

void
es_entity_scan_end(EsEntityScan *scan)
{
	if (scan->heap != NULL)
		binaryheap_free(scan->heap);
	if (scan->cursors != &scan->single)
		pfree(scan->cursors);
	if (scan->names != NULL)
		es_entity_names_end(scan->names);
	if (scan->walk != NULL)
		es_entity_walk_end(scan->walk);
	if (scan->tenants != NULL)
		hash_destroy(scan->tenants);
	if (BufferIsValid(scan->visibility))
		ReleaseBuffer(scan->visibility);
	es_reader_end(&scan->reader);
	MemoryContextDelete(scan->per_event);
	es_store_close(&scan->open);
}

/* Does the snapshot see any event of the range? */
bool
es_entity_has_events(Snapshot snapshot, const EsEntityRange *range)
{
	EsEntityScan scan;
	bool		any;

	es_entity_scan_begin(&scan, snapshot, range);
	any = es_entity_scan_next(&scan) != NULL;
	es_entity_scan_end(&scan);
	return any;
}

/* The last version of an entity that the snapshot sees; 0: none. */
int64
es_entity_last_version(Snapshot snapshot, EsSlice tenant_id, EsSlice entity_id)
{
	EsEntityRange range = {
		.one_tenant = true,
		.tenant_id = tenant_id,
		.entity_ids = &entity_id,
		.entity_count = 1,
		.last_version = PG_INT64_MAX,
		.backward = true,
		.heads_only = true
	};
	EsEntityScan scan;
	const EsStoredEvent *stored;
	int64		version;

	es_entity_scan_begin(&scan, snapshot, &range);
	stored = es_entity_scan_next(&scan);
	version = stored == NULL ? 0 : stored->version;
	es_entity_scan_end(&scan);
	return version;
}
