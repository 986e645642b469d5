/*-------------------------------------------------------------------------
 *
 * block_row.c
 *	  A row of the block table: its block, and the events in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "log/block_row.h"
#include "pg/catalog.h"

/*
 * Finds the block in a row.  The two columns before the nullable one lie at
 * fixed offsets, so a damaged tuple cannot lead astray.  Checksums are not looked at
 * when they are known to be right.
 */
void
es_row_open(EsBlockRow *row, Relation blocks, HeapTuple tuple, Buffer buffer, bool verified)
{
	char	   *data = (char *) tuple->t_data + tuple->t_data->t_hoff;
	char	   *end = (char *) tuple->t_data + tuple->t_len;

	memset(row, 0, offsetof(EsBlockRow, block));
	row->tuple = *tuple;
	row->blocks = blocks;
	row->buffer = buffer;
	row->status = ES_BLOCK_TRUNCATED;
	if (end - data < (ptrdiff_t) (sizeof(int64) + sizeof(EsBlockHeader)))
		return;
	memcpy(&row->first_position, data, sizeof(int64));
	row->data = data + sizeof(int64);
	if (VARATT_IS_EXTENDED(row->data) || VARSIZE_4B(row->data) > end - row->data)
		return;
	row->size = VARSIZE_4B(row->data);
	row->status = verified ? es_block_open_verified(&row->block, row->data, row->size) :
		es_block_open(&row->block, row->data, row->size);
	if (row->status == ES_BLOCK_OK && row->block.header.first_position != row->first_position)
		row->status = ES_BLOCK_WRONG_POSITION;
}

/* The position of an event in the row; a guess when the block is damaged. */
int64
es_row_position(const EsBlockRow *row, uint32 ordinal)
{
	return row->status == ES_BLOCK_OK ? es_block_position(&row->block, ordinal) :
		row->first_position + ordinal;
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
	Datum		datum = heap_getattr(&row->tuple, ES_BLOCKS_LARGE,
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
		es_report_damage(es_row_position(row, ordinal), status);
}
