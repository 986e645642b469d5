/*-------------------------------------------------------------------------
 *
 * memory.h
 *	  What a backend keeps from batch to batch: memories and memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_APPEND_MEMORY_H
#define EVENTSTORE_APPEND_MEMORY_H

#include "postgres.h"

#include "core/envelope.h"
#include "core/pack.h"

#define ES_MAX_BLOCK_BUFFERS 64 /* blocks inserted at a time */

extern EsExpectations *es_backend_expectations(void);
extern const EsShapes *es_backend_shapes(void);
extern EsPacker *es_backend_packer(void);
extern char *es_backend_block_buffer(int i);
extern void es_scratch_hold(void);
extern void es_scratch_release(void);
extern void es_scratch_reset(void);
extern void *es_scratch_alloc(size_t size);

#endif							/* EVENTSTORE_APPEND_MEMORY_H */
