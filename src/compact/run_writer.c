/*-------------------------------------------------------------------------
 *
 * run_writer.c
 *	  Writes a sorted run of the entity index.
 *
 * Entries come in the order of their keys.  Those that go on where the last one ends, of
 * the same entity, become one with it.  Pages are written as they are full, and each has
 * its key and number entered into a page of the level above; the last page that is written
 * is the root.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "compact/run_writer.h"
#include "log/xact.h"
#include "pg/catalog.h"
#include "pg/compat.h"

/* -------------------------------------------------------------------- rows */

static void
begin_rows(EsRowInserter *inserter, Oid table)
{
	inserter->table = table_open(table, RowExclusiveLock);
	inserter->executor = CreateExecutorState();
	inserter->indexes = makeNode(ResultRelInfo);
	InitResultRelInfo(inserter->indexes, inserter->table, 1, NULL, 0);
	ExecOpenIndices(inserter->indexes, false);
	inserter->slot = MakeSingleTupleTableSlot(RelationGetDescr(inserter->table), &TTSOpsVirtual);
}

/* Inserts the row of which values are in the slot; none is null. */
static void
insert_row(EsRowInserter *inserter)
{
	TupleTableSlot *slot = inserter->slot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, 0, slot->tts_tupleDescriptor->natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	table_tuple_insert(inserter->table, slot, GetCurrentCommandId(true), 0, NULL);
	es_insert_index_tuples(inserter->indexes, slot, inserter->executor);
	ResetPerTupleExprContext(inserter->executor);
}

static void
end_rows(EsRowInserter *inserter)
{
	ExecDropSingleTupleTableSlot(inserter->slot);
	ExecCloseIndices(inserter->indexes);
	FreeExecutorState(inserter->executor);
	table_close(inserter->table, NoLock);
}

/* ------------------------------------------------------------------- pages */

static void
insert_page(EsRunWriter *writer, EsRunPageWriter *page)
{
	Datum	   *values = writer->pages.slot->tts_values;
	EsSlice		bytes = es_run_page_finish(page, writer->run.run, ++writer->run.pages);
	bytea	   *value = palloc(VARHDRSZ + bytes.size);

	CHECK_FOR_INTERRUPTS();
	SET_VARSIZE(value, VARHDRSZ + bytes.size);
	memcpy(VARDATA(value), bytes.data, bytes.size);
	values[ES_RUN_PAGES_RUN - 1] = Int64GetDatum(writer->run.run);
	values[ES_RUN_PAGES_NUMBER - 1] = Int32GetDatum((int32) writer->run.pages);
	values[ES_RUN_PAGES_PAGE - 1] = PointerGetDatum(value);
	insert_row(&writer->pages);
	writer->bytes += bytes.size;
	pfree(value);
}

static EsRunLevel *
level_at(EsRunWriter *writer, int i)
{
	if (i == ES_RUN_MAX_LEVELS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a sorted run of the entity index is too large")));
	if (i == writer->level_count)
	{
		writer->levels[i] = palloc(sizeof(EsRunLevel));
		writer->levels[i]->previous = 0;
		es_run_page_begin(&writer->levels[i]->page, (uint8) i, 0);
		writer->level_count++;
	}
	return writer->levels[i];
}

/* Writes a level's page, enters it into the level above, and begins another. */
static void
write_page(EsRunWriter *writer, int i)
{
	EsRunLevel *level = writer->levels[i];
	EsRunLevel *above = level_at(writer, i + 1);

	insert_page(writer, &level->page);
	level->previous = writer->run.pages;
	if (!es_run_page_add_child(&above->page, level->first, level->previous))
	{
		write_page(writer, i + 1);
		(void) es_run_page_add_child(&above->page, level->first, level->previous);
	}
	if (above->page.count == 1)
		above->first = level->first;
	es_run_page_begin(&level->page, (uint8) i, level->previous);
}

/* ----------------------------------------------------------------- entries */

/* Writes the entry that was gathered. */
static void
put_entry(EsRunWriter *writer)
{
	EsRunLevel *leaf = level_at(writer, 0);

	if (writer->entry.count == 0)
		return;
	if (!es_run_page_add_entry(&leaf->page, &writer->entry, writer->positions))
	{
		write_page(writer, 0);
		(void) es_run_page_add_entry(&leaf->page, &writer->entry, writer->positions);
	}
	if (leaf->page.count == 1)
		leaf->first = writer->entry.key;
	writer->run.events += writer->entry.count;
	writer->entry.count = 0;
}

/* A name as a key of the table of tenants. */
typedef struct TenantName
{
	uint32		size;
	char		name[ES_MAX_TENANT_ID];
} TenantName;

/* The entity begins in this run. */
static void
note_entity(EsRunWriter *writer, EsSlice tenant_id)
{
	TenantName	name = {.size = tenant_id.size};

	writer->run.entities++;
	if (tenant_id.size == 0)
		return;
	(void) es_put_slice(name.name, tenant_id);
	(void) hash_search(writer->tenants, &name, HASH_ENTER, NULL);
}

/* Begins to gather an entry that begins with this key. */
static void
begin_entry(EsRunWriter *writer, const EsRunEntry *like, EsRunKey key)
{
	char	   *out = writer->names;

	writer->entry.key = key;
	writer->entry.count = 0;
	writer->entry.tenant_id = es_slice(out, like->tenant_id.size);
	out = es_put_slice(out, like->tenant_id);
	writer->entry.entity_id = es_slice(out, like->entity_id.size);
	es_put_slice(out, like->entity_id);
}

/* Does the entry go on where the gathered one ends? */
static bool
goes_on(const EsRunWriter *writer, const EsRunEntry *entry)
{
	const EsRunEntry *last = &writer->entry;

	return last->count > 0 && entry->key.hash == last->key.hash &&
		entry->key.version == last->key.version + last->count &&
		es_slice_equal(entry->entity_id, last->entity_id) &&
		es_slice_equal(entry->tenant_id, last->tenant_id);
}

/* Adds an entry, whose key is not less than that of the one before. */
void
es_run_writer_add(EsRunWriter *writer, const EsRunEntry *entry, const int64 *positions)
{
	EsRunKey	key = entry->key;

	if (!goes_on(writer, entry))
	{
		put_entry(writer);
		begin_entry(writer, entry, key);
		if (key.version == 1)
			note_entity(writer, entry->tenant_id);
	}
	for (uint32 i = 0; i < entry->count; i++, key.version++)
	{
		if (writer->entry.count == ES_RUN_MAX_POSITIONS)
		{
			put_entry(writer);
			writer->entry.key = key;
		}
		writer->positions[writer->entry.count++] = positions[i];
	}
}

/* Begins a run, which the transaction gives its number. */
void
es_run_writer_begin(EsRunWriter *writer, uint64 seed)
{
	HASHCTL		control = {
		.keysize = sizeof(TenantName),
		.entrysize = sizeof(TenantName),
		.hcxt = CurrentMemoryContext
	};

	memset(writer, 0, offsetof(EsRunWriter, positions));
	writer->tenants = hash_create("eventstore tenants", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	writer->run.run = (int64) U64FromFullTransactionId(GetTopFullTransactionId());
	writer->run.seed = seed;
	begin_rows(&writer->pages, es_run_pages_oid());
}

/* The tenants as an array of texts. */
static Datum
tenant_array(HTAB *tenants)
{
	Datum	   *names = palloc_extended((hash_get_num_entries(tenants) + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	HASH_SEQ_STATUS status;
	TenantName *name;
	int			count = 0;

	hash_seq_init(&status, tenants);
	while ((name = hash_seq_search(&status)) != NULL)
		names[count++] = PointerGetDatum(cstring_to_text_with_len(name->name, (int) name->size));
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
insert_run(const EsRun *run, HTAB *tenants, int64 storage)
{
	EsRowInserter runs;
	Datum	   *values;

	begin_rows(&runs, es_runs_oid());
	values = runs.slot->tts_values;
	values[ES_RUNS_RUN - 1] = Int64GetDatum(run->run);
	values[ES_RUNS_LEVEL - 1] = Int32GetDatum(run->level);
	values[ES_RUNS_FIRST_POSITION - 1] = Int64GetDatum(run->first_position);
	values[ES_RUNS_LAST_POSITION - 1] = Int64GetDatum(run->last_position);
	values[ES_RUNS_EVENTS - 1] = Int64GetDatum(run->events);
	values[ES_RUNS_TIMELESS_IDS - 1] = Int64GetDatum(run->timeless_ids);
	values[ES_RUNS_ENTITIES - 1] = Int64GetDatum(run->entities);
	values[ES_RUNS_TENANTS - 1] = tenant_array(tenants);
	values[ES_RUNS_MERGED - 1] = BoolGetDatum(run->merged);
	values[ES_RUNS_PAGES - 1] = Int64GetDatum(run->pages);
	values[ES_RUNS_STORAGE - 1] = Int64GetDatum(storage);
	values[ES_RUNS_CLUSTER - 1] = Int64GetDatum((int64) es_shared->cluster);
	values[ES_RUNS_SEED - 1] = Int64GetDatum((int64) run->seed);
	insert_row(&runs);
	end_rows(&runs);
}

/*
 * Completes the run, of which there was at least one entry, and enters it into the table
 * of runs as one of this storage of the block table.
 */
void
es_run_writer_end(EsRunWriter *writer, int64 storage)
{
	int			level = 0;

	put_entry(writer);
	while (level < writer->level_count - 1)
		write_page(writer, level++);
	insert_page(writer, &writer->levels[level]->page);
	insert_run(&writer->run, writer->tenants, storage);
	end_rows(&writer->pages);
}
