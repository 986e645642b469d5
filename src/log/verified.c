/*-------------------------------------------------------------------------
 *
 * verified.c
 *	  Which pages in the server's buffers have been verified.
 *
 * A scan reads columns where they lie.  To compute the checksums of all that it
 * passes would cost as much as the scan; but what is in a buffer was right if it was
 * right when it came there, so it is enough to verify a page once while it stays.
 *
 * For each buffer there is a mark: a hash of which page it had when all blocks on it
 * were verified, of the page's LSN, which every change moves on, and of the time, so
 * that a page that was evicted and came back into the same buffer unchanged is soon
 * verified again.  A buffer whose mark is another one counts as not verified.
 *
 * Any backend may write the mark of a buffer that it has pinned, after it has
 * verified the page; 64 bits are written and read as a whole, and nothing else is to
 * be seen with them, so no order is needed.  A mark that is overwritten costs another
 * verification, and one that is read just before it is replaced was right.
 *
 * A block in column layout is verified with its page when its columns are first read.
 * In row layout each event has checksums of its own, so who reads a single one looks
 * at those, unless the page is known to be right; scans of whole pages verify them.
 *
 * Pages of sorted runs have marks, too: a full one is the only row of its page.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "core/block.h"
#include "log/block_row.h"
#include "log/verified.h"
#include "pg/compat.h"
#include "pg/shmem.h"

/* After so long, what is in a buffer is verified again, in microseconds. */
#define EPOCH_US INT64CONST(60000000)

static pg_atomic_uint64 *marks = NULL;	/* of each buffer; 0: none */

static Size
marks_size(void)
{
	return mul_size(NBuffers, sizeof(pg_atomic_uint64));
}

static void
init_marks(void *memory)
{
	for (int i = 0; i < NBuffers; i++)
		pg_atomic_init_u64(&((pg_atomic_uint64 *) memory)[i], 0);
}

static void
attach_marks(void *memory)
{
	marks = memory;
}

void
es_verified_install(void)
{
	static const EsShmemPart part = {
		"eventstore verified pages", marks_size, init_marks, attach_marks
	};

	es_shmem_add(&part);
}

/* Mixes a number into a hash: multiplicative hashing, with the high bits turned down. */
static uint64
mix(uint64 hash, uint64 number)
{
	hash = (hash ^ number) * UINT64CONST(0x9E3779B97F4A7C15);
	return hash ^ (hash >> 32);
}

/* What all marks of a table's pages have in common during a statement. */
static uint64
common_mark(Relation blocks)
{
	static Oid	storage = InvalidOid;
	static TimestampTz statement = 0;
	static uint64 common = 0;

	if (storage != es_relation_storage(blocks) || statement != GetCurrentStatementStartTimestamp())
	{
		storage = es_relation_storage(blocks);
		statement = GetCurrentStatementStartTimestamp();
		common = mix(mix(MyDatabaseId, storage), statement / EPOCH_US);
	}
	return common;
}

/*
 * The mark that the buffer has if its page, as it is, was verified.  An LSN that is
 * read while the page is changed may be neither the old nor the new one, and then
 * the page counts as not verified.
 */
static uint64
mark_of(Relation blocks, Buffer buffer)
{
	uint64		page = mix(common_mark(blocks), BufferGetBlockNumber(buffer));

	return Max(mix(page, PageGetLSN(BufferGetPage(buffer))), 1);
}

/* Are the checksums of the block in this row right, as far as events do not have their own? */
static bool
is_right(Relation blocks, Buffer buffer, OffsetNumber line)
{
	Page		page = BufferGetPage(buffer);
	ItemId		item = PageGetItemId(page, line);
	HeapTupleData tuple;
	EsBlockRow	row;

	if (!ItemIdIsNormal(item))
		return true;
	tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_len = ItemIdGetLength(item);
	es_row_open(&row, blocks, &tuple, buffer, false);
	return row.status == ES_BLOCK_OK && es_block_verify(&row.block) == ES_BLOCK_OK;
}

/* The lock keeps rows from being added meanwhile; pruning is kept off by our pin. */
static bool
verify_page(Relation blocks, Buffer buffer)
{
	OffsetNumber lines;
	bool		right = true;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	lines = PageGetMaxOffsetNumber(BufferGetPage(buffer));
	for (OffsetNumber line = FirstOffsetNumber; line <= lines && right; line++)
		right = is_right(blocks, buffer, line);
	if (right)
		pg_atomic_write_u64(&marks[buffer - 1], mark_of(blocks, buffer));
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return right;
}

/* The only row of the page in this buffer, of whatever table, was found to be right. */
void
es_page_note_verified(Relation relation, Buffer buffer)
{
	if (!BufferIsValid(buffer) || BufferIsLocal(buffer))
		return;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (PageGetMaxOffsetNumber(BufferGetPage(buffer)) == 1)
		pg_atomic_write_u64(&marks[buffer - 1], mark_of(relation, buffer));
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
}

/*
 * Are all blocks on the page in this buffer known to be right, without looking at them?
 * That holds for rows that the caller's snapshot sees; it has the buffer pinned.
 */
bool
es_page_is_known(Relation blocks, Buffer buffer)
{
	return BufferIsValid(buffer) && !BufferIsLocal(buffer) &&
		pg_atomic_read_u64(&marks[buffer - 1]) == mark_of(blocks, buffer);
}

/* The same; if it is not known yet, they are verified.  The buffer is not locked. */
bool
es_page_is_verified(Relation blocks, Buffer buffer)
{
	if (!BufferIsValid(buffer) || BufferIsLocal(buffer))
		return false;
	return es_page_is_known(blocks, buffer) || verify_page(blocks, buffer);
}

/* Spares the reader of the row's columns the checksums, if they are found to be right. */
void
es_row_trust(EsBlockRow *row)
{
	if (row->status == ES_BLOCK_OK && es_block_has_columns(&row->block) &&
		!row->block.verified)
		row->block.verified = es_page_is_verified(row->blocks, row->buffer);
}

/* Raises an error unless columns of the row's block can be read. */
void
es_row_verify(EsBlockRow *row)
{
	EsBlockStatus status;

	es_row_trust(row);
	status = es_block_verify(&row->block);
	if (status != ES_BLOCK_OK)
		es_report_damage(row->first_position, status);
}
