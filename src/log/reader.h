/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Reads events from the block table, by posting or in log order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_READER_H
#define EVENTSTORE_LOG_READER_H

#include "postgres.h"

#include "access/htup.h"
#include "access/genam.h"
#include "access/relscan.h"
#include "access/sdir.h"
#include "executor/tuptable.h"
#include "storage/block.h"
#include "storage/buf.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "core/block.h"
#include "index/entity.h"

/* A row of the block table; it points into the tuple. */
typedef struct EsBlockRow
{
	HeapTuple	tuple;
	Relation	blocks;
	int64		first_position;
	const char *data;			/* of the block */
	uint32		size;
	EsBlock		block;
	EsBlockStatus status;		/* of opening the block */
} EsBlockRow;

/* Reads single events; keeps the buffer of the last one pinned. */
typedef struct EsReader
{
	Relation	blocks;
	Snapshot	snapshot;
	Buffer		buffer;
	HeapTupleData tuple;
	EsBlockRow	row;
	char		strings[ES_BLOCK_HEAD_ROOM];	/* of the head read last */
} EsReader;

/* Reads blocks in log order, through the index on first_position. */
typedef struct EsLogScan
{
	Relation	blocks;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	ScanDirection direction;
	EsBlockRow	row;
} EsLogScan;

extern void es_row_open(EsBlockRow *row, Relation blocks, HeapTuple tuple);
extern EsBlockStatus es_row_body(EsBlockRow *row, char *body, EsStoredEvent *stored);
extern EsBlockStatus es_row_event(EsBlockRow *row, uint32 ordinal,
								  EsStoredEvent *stored);
extern void es_row_event_checked(EsBlockRow *row, uint32 ordinal,
								 EsStoredEvent *stored);
extern void es_report_damage(int64 position, EsBlockStatus status) pg_attribute_noreturn();

extern void es_reader_begin(EsReader *reader, Relation blocks, Snapshot snapshot);
extern bool es_reader_any(EsReader *reader, EsPosting posting,
						  EsStoredEvent *stored, EsBlockStatus *status);
extern bool es_reader_look(EsReader *reader, EsPosting posting,
						   const EsEntity *entity, uint32 version,
						   EsStoredEvent *stored, EsBlockStatus *status);
extern bool es_reader_head(EsReader *reader, EsPosting posting,
						   const EsEntity *entity, uint32 version,
						   EsStoredEvent *stored);
extern void es_reader_complete(EsReader *reader, EsStoredEvent *stored);
extern void es_reader_end(EsReader *reader);

extern void es_log_scan_begin(EsLogScan *scan, Relation blocks, Snapshot snapshot,
							  int64 position, bool backward);
extern void es_log_scan_move(EsLogScan *scan, int64 position);
extern bool es_log_scan_next(EsLogScan *scan);
extern bool es_log_scan_is_own(EsLogScan *scan);
extern EsBlock *es_log_scan_block(EsLogScan *scan);
extern void es_log_scan_end(EsLogScan *scan);
extern BlockNumber *es_log_pages(Relation blocks, Snapshot snapshot, int64 first, int64 last,
								 uint32 *count);
extern uint32 es_pages_sort(BlockNumber *pages, uint32 count);
extern int64 es_log_block_start(Relation blocks, Snapshot snapshot, int64 position);

#endif							/* EVENTSTORE_LOG_READER_H */
