/*-------------------------------------------------------------------------
 *
 * insert.h
 *	  Inserts packed blocks into the block table, a group at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_APPEND_INSERT_H
#define EVENTSTORE_APPEND_INSERT_H

#include "postgres.h"

#include "access/heapam.h"
#include "access/hio.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"

#include "append/memory.h"

/* A block to be inserted; its position is in its header. */
typedef struct EsNewBlock
{
	char	   *data;			/* with its length word */
	bytea	   *large;			/* body of its only event, or NULL */
	ItemPointerData tid;		/* where it is, once it was inserted */
} EsNewBlock;

typedef struct EsInserter
{
	Relation	blocks;
	TupleTableSlot *slots[ES_MAX_BLOCK_BUFFERS];
	int			slot_count;
	BulkInsertState bulk;		/* keeps the last page pinned; NULL before it
								 * pays */
	ResultRelInfo *indexes;		/* all indexes of the block table */
	EState	   *executor;		/* for what they need to be evaluated */
	MemoryContext context;		/* what the server allocates as it inserts */
} EsInserter;

extern void es_inserter_begin(EsInserter *inserter, Relation blocks);
extern void es_inserter_insert(EsInserter *inserter, EsNewBlock *blocks, int count, bool more);
extern void es_inserter_end(EsInserter *inserter);

#endif							/* EVENTSTORE_APPEND_INSERT_H */
