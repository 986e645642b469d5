/*-------------------------------------------------------------------------
 *
 * generate.h
 *	  Text for tests: documents and batches of events, such as applications
 *	  write and such as nobody writes, and text that is damaged.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_TEST_GENERATE_H
#define EVENTSTORE_TEST_GENERATE_H

#include "support.h"

/* Text that grows. */
typedef struct Writer
{
	char	   *data;
	size_t		size;
	size_t		room;
} Writer;

/* What the events of a batch are like. */
typedef enum BatchKind
{
	BATCH_UNIFORM,				/* all of one shape */
	BATCH_MIXED,				/* of a few types, with optional keys */
	BATCH_STRANGE,				/* odd spaces, keys, nesting */
	BATCH_SHAPES,				/* each of a shape of its own */
	BATCH_SIZES,				/* documents of up to 70000 bytes */
	BATCH_KINDS
} BatchKind;

extern void put_bytes(Writer *writer, const void *bytes, size_t size);
extern void put(Writer *writer, const char *format,...) pg_attribute_printf(2, 3);
extern void put_repeated(Writer *writer, const char *text, uint32 times);
extern EsSlice take_text(Writer *writer, Memory *memory);

extern void put_document(Random *random, Writer *writer, BatchKind kind);
extern EsSlice generate_batch(Random *random, Memory *memory, BatchKind kind, uint32 count);
extern EsSlice damage_text(Random *random, Memory *memory, EsSlice text);

#endif							/* EVENTSTORE_TEST_GENERATE_H */
