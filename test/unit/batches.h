/*-------------------------------------------------------------------------
 *
 * batches.h
 *	  Batches of events on their way: parsed, taken apart, packed, read back,
 *	  and compared at every step.
 *
 * Functions that compare return what is wrong, or NULL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_TEST_BATCHES_H
#define EVENTSTORE_TEST_BATCHES_H

#include "support.h"

#include "core/block.h"
#include "core/pack.h"

/* What came of parsing a text. */
typedef struct Batch
{
	EsEvent    *events;
	uint32		count;			/* events before the end or the error */
	EsParseResult result;		/* ES_PARSE_END or ES_PARSE_ERROR */
	EsError		error;
	int64		ordinal;
	size_t		parsed;			/* bytes */
} Batch;

/* What packing came to, and what it would have come to in rows alone. */
typedef struct PackTotals
{
	uint64		events;
	uint64		blocks;
	uint64		column_blocks;
	uint64		bytes;
	uint64		row_blocks;
	uint64		row_bytes;
	uint64		merged;			/* events in merged blocks */
} PackTotals;

extern Batch read_batch(Memory *memory, EsSlice text, EsExpectations *expectations);
extern const char *compare_batches(const Batch *a, const Batch *b);
extern const char *check_document(const EsShapes *shapes, EsSlice text,
								  const EsDocument *document);
extern const char *check_documents(const EsShapes *shapes, const Batch *batch);

extern void keep_storable(Batch *batch, size_t max_size);
extern EsPackRow *make_rows(Random *random, Memory *memory, Batch *batch);
extern const char *pack_and_compare(EsPacker *packer, const EsPackJob *job,
									PackTotals *totals);
extern EsLogPlace *make_places(Random *random, Memory *memory, uint32 count);
extern const char *merge_and_compare(EsPacker *packer, const EsPackJob *job,
									 PackTotals *totals);
extern const char *pack_rows_and_compare(const EsPackJob *job);

#endif							/* EVENTSTORE_TEST_BATCHES_H */
