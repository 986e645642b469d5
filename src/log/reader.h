/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Reads single events by posting.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_READER_H
#define EVENTSTORE_LOG_READER_H

#include "postgres.h"

#include "storage/buf.h"
#include "utils/snapshot.h"

#include "log/entities.h"
#include "log/log_scan.h"
#include "log/runs.h"

/* Reads single events; keeps the buffer of the last one pinned. */
typedef struct EsReader
{
	EsStore    *store;
	Relation	blocks;
	Snapshot	snapshot;
	Buffer		buffer;
	HeapTupleData tuple;
	bool		seen;			/* the snapshot sees that tuple */
	MemoryContext context;		/* in which the log scan is made */
	bool		log_open;
	bool		at_row;			/* the log scan is at a row */
	bool		runs_open;
	EsLogScan	log;			/* finds what was merged since the snapshot,
								 * or what runs know */
	EsRunReader runs;
	EsRunPositions *positions;
	uint64		fetches;		/* rows that were looked at; 'row' is another
								 * one with each */
	EsBlockRow	row;			/* of the event read last */
	uint32		ordinal;		/* in it */
	char		strings[ES_BLOCK_HEAD_ROOM];	/* of the head read last */
} EsReader;

extern void es_reader_begin(EsReader *reader, Relation blocks, Snapshot snapshot);
extern bool es_reader_any(EsReader *reader, EsPosting posting,
						  EsStoredEvent *stored, EsBlockStatus *status);
extern bool es_reader_find(EsReader *reader, EsSlice tenant_id, EsSlice entity_id,
						   EsHandle *handle);
extern EsVersions es_reader_versions(EsReader *reader, EsHandle *handle);
extern bool es_reader_look(EsReader *reader, EsHandle *handle, uint32 version,
						   EsStoredEvent *stored, EsBlockStatus *status);
extern bool es_reader_runs_have(EsReader *reader, const EsHandle *handle, uint32 version,
								int64 position);
extern int64 es_reader_ask_runs(EsReader *reader, const EsKey *key);
extern int64 es_reader_last_in_runs(EsReader *reader, const EsKey *key);
extern bool es_reader_head(EsReader *reader, EsHandle *handle, uint32 version,
						   EsStoredEvent *stored);
extern BlockNumber es_reader_page(const EsReader *reader);
extern void es_reader_complete(EsReader *reader, EsStoredEvent *stored);
extern void es_reader_end(EsReader *reader);

#endif							/* EVENTSTORE_LOG_READER_H */
