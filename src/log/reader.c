/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Reads single events by posting.
 *
 * A posting only says where to look.  The line pointer may meanwhile hold
 * another row, so what is found counts only if it is the version of the entity
 * that was looked for, in a row that the snapshot sees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "log/reader.h"
#include "log/verified.h"

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
	reader->fetches++;
	es_row_open(&reader->row, reader->blocks, &reader->tuple, reader->buffer,
				es_page_is_known(reader->blocks, reader->buffer));
	es_row_trust(&reader->row);
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
		es_report_damage(es_row_position(&reader->row, es_posting_ordinal(posting)), status);
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
