/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Reads events from the block table, by posting or in log order.
 *
 * A posting only says where to look.  The line pointer may meanwhile hold
 * another row, so what is found counts only if it is the version of the entity
 * that was looked for, in a row that the snapshot sees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "log/reader.h"
#include "pg/catalog.h"

/* ------------------------------------------------------------------- rows */

/*
 * Finds the block in a row.  The two columns before the nullable one lie at
 * fixed offsets, so a damaged tuple cannot lead astray.
 */
void
es_row_open(EsBlockRow *row, Relation blocks, HeapTuple tuple)
{
	char	   *data = (char *) tuple->t_data + tuple->t_data->t_hoff;
	char	   *end = (char *) tuple->t_data + tuple->t_len;

	memset(row, 0, sizeof(*row));
	row->tuple = tuple;
	row->blocks = blocks;
	row->status = ES_BLOCK_TRUNCATED;
	if (end - data < (ptrdiff_t) (sizeof(int64) + sizeof(EsBlockHeader)))
		return;
	memcpy(&row->first_position, data, sizeof(int64));
	row->data = data + sizeof(int64);
	if (VARATT_IS_EXTENDED(row->data) || VARSIZE_4B(row->data) > end - row->data)
		return;
	row->size = VARSIZE_4B(row->data);
	row->status = es_block_open(&row->block, row->data, row->size);
	if (row->status == ES_BLOCK_OK && row->block.header.first_position != row->first_position)
		row->status = ES_BLOCK_WRONG_POSITION;
}

void
es_report_damage(int64 position, EsBlockStatus status)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("event or block at position " INT64_FORMAT " is damaged", position),
			 errdetail("The %s.", es_block_status_text(status)),
			 errhint("eventstore.verify() lists all damage.")));
	pg_unreachable();
}

/* The body of a large event, from the row's second column. */
static EsSlice
large_body(EsBlockRow *row)
{
	bool		isnull;
	Datum		datum = heap_getattr(row->tuple, ES_BLOCKS_LARGE,
									 RelationGetDescr(row->blocks), &isnull);
	bytea	   *body;

	if (isnull)
		return es_slice(NULL, 0);
	body = DatumGetByteaPP(datum);
	return es_slice(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body));
}

/*
 * Completes an event whose head was read.  'body' has es_block_body_room()
 * bytes.  What is large is palloc'd.
 */
EsBlockStatus
es_row_body(EsBlockRow *row, char *body, EsStoredEvent *stored)
{
	return es_block_read_body(&row->block, stored->large ? large_body(row) : es_slice(NULL, 0),
							  body, stored);
}

/* Reads an event whole.  Its fields point into the row, or are palloc'd. */
EsBlockStatus
es_row_event(EsBlockRow *row, uint32 ordinal, EsStoredEvent *stored)
{
	EsBlockStatus status = row->status;

	if (status == ES_BLOCK_OK)
		status = es_block_read_head(&row->block, ordinal, palloc(ES_BLOCK_HEAD_ROOM), stored);
	if (status == ES_BLOCK_OK)
		status = es_row_body(row, palloc(es_block_body_room(&row->block)), stored);
	return status;
}

/* The same; raises an error when there is damage. */
void
es_row_event_checked(EsBlockRow *row, uint32 ordinal, EsStoredEvent *stored)
{
	EsBlockStatus status = es_row_event(row, ordinal, stored);

	if (status != ES_BLOCK_OK)
		es_report_damage(row->first_position + ordinal, status);
}

/* ---------------------------------------------------------------- postings */

void
es_reader_begin(EsReader *reader, Relation blocks, Snapshot snapshot)
{
	memset(reader, 0, offsetof(EsReader, strings));
	reader->blocks = blocks;
	reader->snapshot = snapshot;
	reader->buffer = InvalidBuffer;
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
}

/*
 * A table that was vacuumed may have become shorter.  The size that the server
 * last found is forgotten then, when the table is locked: so it is only asked
 * anew when the table may have grown.
 */
static bool
block_exists(Relation blocks, BlockNumber block)
{
	BlockNumber known = RelationGetSmgr(blocks)->smgr_cached_nblocks[MAIN_FORKNUM];

	return (known != InvalidBlockNumber && block < known) ||
		block < RelationGetNumberOfBlocks(blocks);
}

/* Pins the row that a posting points to, if the snapshot sees it. */
static bool
fetch_row(EsReader *reader, EsPosting posting)
{
	ItemPointerData tid;

	if (posting == 0)
		return false;
	ItemPointerSet(&tid, es_posting_heap_block(posting), es_posting_heap_offset(posting));
	if (BufferIsValid(reader->buffer) && ItemPointerEquals(&tid, &reader->tuple.t_self))
		return true;
	unpin(reader);
	if (!block_exists(reader->blocks, ItemPointerGetBlockNumber(&tid)))
		return false;
	reader->tuple.t_self = tid;
	if (!heap_fetch(reader->blocks, reader->snapshot, &reader->tuple, &reader->buffer, false))
		return false;
	es_row_open(&reader->row, reader->blocks, &reader->tuple);
	return true;
}

static bool
is_wanted(const EsStoredEvent *stored, const EsEntity *entity, uint32 version)
{
	return stored->version == version &&
		es_slice_equal(stored->event.entity_id, es_entity_id(entity)) &&
		es_slice_equal(stored->event.tenant_id, es_entity_tenant_id(entity));
}

/*
 * Reads the head of whichever event is there and visible to the snapshot.  False
 * when there is none, with a *status that is not ES_BLOCK_OK when damage hides
 * the answer.
 */
bool
es_reader_any(EsReader *reader, EsPosting posting, EsStoredEvent *stored, EsBlockStatus *status)
{
	uint32		ordinal = es_posting_ordinal(posting);

	*status = ES_BLOCK_OK;
	if (!fetch_row(reader, posting))
		return false;
	*status = reader->row.status;
	if (*status != ES_BLOCK_OK || ordinal >= reader->row.block.header.event_count)
		return false;
	*status = es_block_read_head(&reader->row.block, ordinal, reader->strings, stored);
	return *status == ES_BLOCK_OK;
}

/* The same, when it is this version of the entity. */
bool
es_reader_look(EsReader *reader, EsPosting posting, const EsEntity *entity,
			   uint32 version, EsStoredEvent *stored, EsBlockStatus *status)
{
	return es_reader_any(reader, posting, stored, status) && is_wanted(stored, entity, version);
}

/* The same, with an error when there is damage. */
bool
es_reader_head(EsReader *reader, EsPosting posting, const EsEntity *entity,
			   uint32 version, EsStoredEvent *stored)
{
	EsBlockStatus status;
	bool		visible = es_reader_look(reader, posting, entity, version, stored, &status);

	if (status != ES_BLOCK_OK)
		es_report_damage(reader->row.first_position + es_posting_ordinal(posting), status);
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

/* --------------------------------------------------------------- log order */

static Relation
open_log_index(Relation blocks)
{
	Oid			index = RelationGetPrimaryKeyIndex(blocks);

	if (!OidIsValid(index))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the block table has lost its primary key")));
	return index_open(index, AccessShareLock);
}

/*
 * Begins with the first block whose first_position is at least 'position', or
 * going backward, with the last one that is at most 'position'.
 */
void
es_log_scan_begin(EsLogScan *scan, Relation blocks, Snapshot snapshot,
				  int64 position, bool backward)
{
	scan->blocks = blocks;
	scan->index = open_log_index(blocks);
	scan->direction = backward ? BackwardScanDirection : ForwardScanDirection;
	scan->slot = table_slot_create(blocks, NULL);
	scan->scan = index_beginscan(blocks, scan->index, snapshot, 1, 0);
	es_log_scan_move(scan, position);
}

/* Begins again, at another position. */
void
es_log_scan_move(EsLogScan *scan, int64 position)
{
	bool		backward = ScanDirectionIsBackward(scan->direction);
	ScanKeyData key;

	ScanKeyInit(&key, 1,
				backward ? BTLessEqualStrategyNumber : BTGreaterEqualStrategyNumber,
				backward ? F_INT8LE : F_INT8GE, Int64GetDatum(position));
	index_rescan(scan->scan, &key, 1, NULL, 0);
}

/* Moves to the next visible block; scan->row is then set. */
bool
es_log_scan_next(EsLogScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	if (!index_getnext_slot(scan->scan, scan->direction, scan->slot))
		return false;
	es_row_open(&scan->row, scan->blocks, ExecFetchSlotHeapTuple(scan->slot, false, NULL));
	return true;
}

/* Did the own transaction write this block? */
bool
es_log_scan_is_own(EsLogScan *scan)
{
	return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(scan->row.tuple->t_data));
}

/* The current block; raises an error when it is damaged. */
EsBlock *
es_log_scan_block(EsLogScan *scan)
{
	if (scan->row.status != ES_BLOCK_OK)
		es_report_damage(scan->row.first_position, scan->row.status);
	return &scan->row.block;
}

void
es_log_scan_end(EsLogScan *scan)
{
	index_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	index_close(scan->index, AccessShareLock);
}

/* The first position of the visible block that a scan from 'position' begins with. */
int64
es_log_block_start(Relation blocks, Snapshot snapshot, int64 position)
{
	EsLogScan	scan;
	int64		start = position;

	es_log_scan_begin(&scan, blocks, snapshot, position, true);
	if (es_log_scan_next(&scan))
		start = scan.row.first_position;
	es_log_scan_end(&scan);
	return start;
}

static int
compare_pages(const void *a, const void *b)
{
	BlockNumber x = *(const BlockNumber *) a;
	BlockNumber y = *(const BlockNumber *) b;

	return x < y ? -1 : x > y;
}

/* Makes the pages ascending, and each one of them single; returns how many. */
uint32
es_pages_sort(BlockNumber *pages, uint32 count)
{
	qsort(pages, count, sizeof(BlockNumber), compare_pages);
	return count == 0 ? 0 : qunique(pages, count, sizeof(BlockNumber), compare_pages);
}

/*
 * The pages of the table that have rows, visible or not, whose first_position is
 * in this range; ascending and palloc'd.
 */
BlockNumber *
es_log_pages(Relation blocks, Snapshot snapshot, int64 first, int64 last, uint32 *count)
{
	uint32		room = 64;
	BlockNumber *pages = palloc(room * sizeof(BlockNumber));
	ScanKeyData keys[2];
	Relation	index = open_log_index(blocks);
	IndexScanDesc scan = index_beginscan(blocks, index, snapshot, lengthof(keys), 0);
	ItemPointer tid;
	uint32		found = 0;

	ScanKeyInit(&keys[0], 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(first));
	ScanKeyInit(&keys[1], 1, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(last));
	index_rescan(scan, keys, lengthof(keys), NULL, 0);
	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		BlockNumber page = ItemPointerGetBlockNumber(tid);

		if (found > 0 && pages[found - 1] == page)
			continue;
		CHECK_FOR_INTERRUPTS();
		if (found == room)
			pages = repalloc_huge(pages, (Size) (room *= 2) * sizeof(BlockNumber));
		pages[found++] = page;
	}
	index_endscan(scan);
	index_close(index, AccessShareLock);
	*count = es_pages_sort(pages, found);
	return pages;
}
