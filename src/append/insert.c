/*-------------------------------------------------------------------------
 *
 * insert.c
 *	  Inserts packed blocks into the block table, a group at a time.
 *
 * One heap_multi_insert(), whose WAL needs no full-page images since every full block
 * fills a new page, and then entries in all indexes of the table: beside the one on
 * first_position there is another while REINDEX CONCURRENTLY replaces it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "append/insert.h"
#include "pg/catalog.h"
#include "pg/compat.h"

StaticAssertDecl(ES_BLOCK_MAX_SIZE + sizeof(int64) + MAXALIGN(SizeofHeapTupleHeader + 1) <=
				 MaxHeapTupleSize, "a full block fits a page");

/* Begins to insert into the block table, in the current memory context. */
void
es_inserter_begin(EsInserter *inserter, Relation blocks)
{
	memset(inserter, 0, sizeof(*inserter));
	inserter->blocks = blocks;
	inserter->executor = CreateExecutorState();
	inserter->indexes = makeNode(ResultRelInfo);
	InitResultRelInfo(inserter->indexes, blocks, 1, NULL, 0);
	ExecOpenIndices(inserter->indexes, false);
	inserter->context = AllocSetContextCreate(CurrentMemoryContext, "eventstore insert",
											  ALLOCSET_DEFAULT_SIZES);
}

static int64
first_position(const EsNewBlock *block)
{
	EsBlockHeader header;

	memcpy(&header, block->data, sizeof(header));
	return header.first_position;
}

static void
fill_slot(EsInserter *inserter, const EsNewBlock *block, int i)
{
	TupleTableSlot *slot;

	if (i == inserter->slot_count)
		inserter->slots[inserter->slot_count++] =
			MakeSingleTupleTableSlot(RelationGetDescr(inserter->blocks), &TTSOpsVirtual);
	slot = inserter->slots[i];
	ExecClearTuple(slot);
	slot->tts_values[ES_BLOCKS_FIRST_POSITION - 1] = Int64GetDatum(first_position(block));
	slot->tts_values[ES_BLOCKS_BLOCK - 1] = PointerGetDatum(block->data);
	slot->tts_values[ES_BLOCKS_LARGE - 1] = PointerGetDatum(block->large);
	slot->tts_isnull[ES_BLOCKS_FIRST_POSITION - 1] = false;
	slot->tts_isnull[ES_BLOCKS_BLOCK - 1] = false;
	slot->tts_isnull[ES_BLOCKS_LARGE - 1] = block->large == NULL;
	ExecStoreVirtualTuple(slot);
}

/*
 * Begins to insert in bulk, without the ring of buffers that belongs to it: blocks
 * are read soon, and should stay.
 */
static BulkInsertState
begin_bulk(void)
{
	BulkInsertState bulk = GetBulkInsertState();

	FreeAccessStrategy(bulk->strategy);
	bulk->strategy = NULL;
	return bulk;
}

/* Inserts at most ES_MAX_BLOCK_BUFFERS blocks; 'more' says that others follow. */
void
es_inserter_insert(EsInserter *inserter, EsNewBlock *blocks, int count, bool more)
{
	MemoryContext before;

	if (inserter->bulk == NULL && more)
		inserter->bulk = begin_bulk();
	for (int i = 0; i < count; i++)
		fill_slot(inserter, &blocks[i], i);
	before = MemoryContextSwitchTo(inserter->context);
	heap_multi_insert(inserter->blocks, inserter->slots, count, GetCurrentCommandId(true), 0,
					  inserter->bulk);
	for (int i = 0; i < count; i++)
	{
		es_insert_index_tuples(inserter->indexes, inserter->slots[i], inserter->executor);
		blocks[i].tid = inserter->slots[i]->tts_tid;
		ExecClearTuple(inserter->slots[i]);
	}
	MemoryContextSwitchTo(before);
	ResetPerTupleExprContext(inserter->executor);
	MemoryContextReset(inserter->context);

	/* have the WAL written behind us, so that the commit finds less to do */
	if (more)
		XLogSetAsyncXactLSN(XactLastRecEnd);
}

void
es_inserter_end(EsInserter *inserter)
{
	if (inserter->bulk != NULL)
		FreeBulkInsertState(inserter->bulk);
	for (int i = 0; i < inserter->slot_count; i++)
		ExecDropSingleTupleTableSlot(inserter->slots[i]);
	ExecCloseIndices(inserter->indexes);
	FreeExecutorState(inserter->executor);
	MemoryContextDelete(inserter->context);
}
